# SPDX-License-Identifier: MIT-0
"""Processes and hosts: how many, and what happens when one of them fails."""

import json
import os
import signal
from pathlib import Path

import pytest
import torch

from pipeline_src.algorithms.fine_tuning import process_group
from pipeline_src.algorithms.fine_tuning.process_group import Hosts, ProcessGroup, ProcessPlan
from pipeline_src.runtime.errors import BadInputError

TWO = ProcessPlan("cpu", 2, 1)


def gathers(group: ProcessGroup, folder: str) -> None:
    rows = group.gather(torch.tensor([group.rank, 10 * group.rank]))
    (Path(folder) / str(group.rank)).write_text(json.dumps(rows.tolist()))


def refuses(group: ProcessGroup) -> None:
    if group.rank == 1:
        raise BadInputError("image 7: damaged")
    group.gather(torch.zeros(1))


def is_killed(group: ProcessGroup) -> None:
    if group.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    group.gather(torch.zeros(1))


def has_a_defect(group: ProcessGroup) -> None:
    if group.rank == 1:
        raise ZeroDivisionError("a defect")
    group.gather(torch.zeros(1))


@pytest.mark.parametrize("count", [1, 3])
def test_each_process_gets_what_all_have(tmp_path: Path, count: int) -> None:
    process_group.run_processes(gathers, ProcessPlan("cpu", count, 1), Hosts(), str(tmp_path))
    expected = [[rank, 10 * rank] for rank in range(count)]
    assert [json.loads((tmp_path / str(rank)).read_text()) for rank in range(count)] == [expected] * count


def test_bad_input_in_one_process_ends_all_with_its_message() -> None:
    with pytest.raises(BadInputError, match=r"^image 7: damaged$"):
        process_group.run_processes(refuses, TWO, Hosts())


def test_a_killed_process_is_told_with_what_to_try() -> None:
    with pytest.raises(BadInputError, match=r"process 1 of 2 ended with SIGKILL.*memory.*continues from its last|lost"):
        process_group.run_processes(is_killed, TWO, Hosts())


def test_a_defect_stays_a_defect() -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError: a defect"):
        process_group.run_processes(has_a_defect, TWO, Hosts())


def test_hosts_are_read_in_the_same_order_on_each(tmp_path: Path) -> None:
    path = tmp_path / "resourceconfig.json"
    assert process_group.read_hosts(path) == Hosts()
    content = {"hosts": ["algo-2", "algo-1"], "current_host": "algo-2", "network_interface_name": "eth1"}
    path.write_text(json.dumps(content))
    assert process_group.read_hosts(path) == Hosts(("algo-1", "algo-2"), 1, "eth1")


@pytest.mark.parametrize("content", ["", "[]", '{"hosts": ["a"]}', '{"hosts": ["a"], "current_host": "b"}'])
def test_a_file_that_names_no_hosts_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "resourceconfig.json"
    path.write_text(content)
    with pytest.raises(BadInputError, match="does not name the hosts and this one"):
        process_group.read_hosts(path)


@pytest.mark.parametrize(
    ("cores", "groups", "hosts", "plan"),
    [
        (2, 4, 1, ProcessPlan("cpu", 2, 1)),
        (4, 4, 1, ProcessPlan("cpu", 4, 1)),
        (16, 4, 1, ProcessPlan("cpu", 4, 4)),
        (8, 4, 2, ProcessPlan("cpu", 2, 4)),
        (2, 1, 1, ProcessPlan("cpu", 1, 2)),
    ],
)
def test_processes_use_all_cores_and_none_is_idle(
    monkeypatch: pytest.MonkeyPatch, cores: int, groups: int, hosts: int, plan: ProcessPlan
) -> None:
    monkeypatch.setattr(process_group, "_physical_cores", lambda: cores)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert process_group.plan_processes(groups, hosts) == plan


def test_two_threads_of_a_core_count_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for number, siblings in enumerate(("0,2", "1,3", "0,2", "1,3")):
        topology = tmp_path / f"cpu{number}/topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(siblings)
    monkeypatch.setattr(process_group, "_CPUS", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0, 1, 2, 3})
    assert process_group._physical_cores() == 2


def test_a_gpu_that_pytorch_cannot_use_is_refused_and_not_replaced_by_the_cpu(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "nvidia0").touch()
    monkeypatch.setattr(process_group, "_NVIDIA", str(tmp_path / "nvidia0"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadInputError, match=r"has a GPU that PyTorch \S+ cannot use: its driver is older"):
        process_group.plan_processes(4, 1)
