# SPDX-License-Identifier: MIT-0
"""The processes of a training: one a device, on one host or several, and what they exchange.

The hosts come from ``/opt/ml/input/config/resourceconfig.json`` (Developer Guide, "Distributed Training
Configuration"). On a CPU a process has one core or more, see `plan_processes`. Processes talk by NCCL between GPUs and
by Gloo between CPUs, within one host over its loopback.
"""

import ctypes
import json
import multiprocessing
import os
import signal
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import torch
import torch.distributed
import torch.multiprocessing
from torch import Tensor

from pipeline_src.runtime import worker_threads
from pipeline_src.runtime.errors import BadInputError

_PORT: Final = 29500  # of the first host; PyTorch's own default
_PATIENCE: Final = timedelta(minutes=20)  # longer than any process computes between two exchanges
_CPUS: Final = Path("/sys/devices/system/cpu")
_PR_SET_PDEATHSIG: Final = 1
_NVIDIA: Final = "/dev/nvidia0"


@dataclass(frozen=True)
class Hosts:
    """The hosts of a training.

    Attributes:
        names: Names of all hosts, in the same order on each.
        current: Position of this one.
        interface: Name of the network interface between them.
    """

    names: tuple[str, ...] = ("localhost",)
    current: int = 0
    interface: str = "lo"


@dataclass(frozen=True)
class ProcessPlan:
    """The processes of one host, and the same number on every other.

    Attributes:
        device: ``cpu`` or ``cuda``.
        count: Number of processes.
        threads: Threads that compute in each.
    """

    device: str
    count: int
    threads: int


def read_hosts(path: Path) -> Hosts:
    """Return the hosts in resourceconfig.json at `path`; a missing file means this host alone.

    Raises:
        BadInputError: The file is not what SageMaker writes.
    """
    if not path.is_file():
        return Hosts()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        names = tuple(sorted(content["hosts"]))
        return Hosts(names, names.index(content["current_host"]), content.get("network_interface_name", "eth0"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInputError(
            f"{path}: does not name the hosts and this one ({type(error).__name__}: {error}). It is written by"
            " SageMaker; start the job again."
        ) from error


def plan_processes(groups: int, hosts: int) -> ProcessPlan:
    """Return the processes of this host for steps of `groups` groups of images.

    One process a GPU. On a CPU as many as it has cores, but no more than there are groups for each host; what cores are
    left are further threads of each process. A process a core trains about 1.4 times as fast as one with threads.

    Raises:
        BadInputError: The host has a GPU that PyTorch cannot use.
    """
    devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if devices:
        return ProcessPlan("cuda", devices, 1)
    if Path(_NVIDIA).exists():
        raise BadInputError(
            f"this machine has a GPU that PyTorch {torch.__version__} cannot use: its driver is older than CUDA"
            f" {torch.version.cuda} needs. Choose another instance type for training, a CPU type for example."
        )
    cores = _physical_cores()
    count = min(cores, -(-groups // hosts))
    return ProcessPlan("cpu", count, cores // count)


def _physical_cores() -> int:
    """Return the number of cores that this process may use, two threads of one core counted once."""
    siblings = set()
    for number in os.sched_getaffinity(0):
        try:
            siblings.add((_CPUS / f"cpu{number}/topology/thread_siblings_list").read_text(encoding="ascii"))
        except OSError:
            return worker_threads.available_cores()
    return len(siblings)


@dataclass(frozen=True)
class ProcessGroup:
    """This process among all of them.

    Attributes:
        rank: Its number; 0 writes the results.
        size: Number of processes on all hosts.
        device: Its device.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def gather(self, own: Tensor) -> Tensor:
        """Return what every process has in `own`, a tensor of equal shape in all of them, (size, *own.shape)."""
        if self.size == 1:
            return own[None]
        rows = own.new_empty((self.size, *own.shape))
        torch.distributed.all_gather(list(rows.unbind()), own)
        return rows


Work = Callable[..., None]


def run_processes(work: Work, plan: ProcessPlan, hosts: Hosts, *arguments: Any) -> None:  # noqa: ANN401  of `work`
    """Call ``work(group, *arguments)`` in every process of this host, and wait for all of them.

    A single process is this one. `work` and `arguments` must be picklable.

    Raises:
        BadInputError: `work` raised one, or a process was killed, or another host ended.
        RuntimeError: `work` raised another error; its traceback is in the log.
    """
    size = plan.count * len(hosts.names)
    if size == 1:
        _set_up_process(plan)
        work(ProcessGroup(device=_device(plan, 0)), *arguments)
        return
    context = torch.multiprocessing.get_context("spawn")
    errors: multiprocessing.SimpleQueue[tuple[bool, str]] = context.SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        try:
            torch.multiprocessing.start_processes(
                _run_process, (_Task(work, arguments, plan, hosts, folder, errors),), plan.count, start_method="spawn"
            )
        except torch.multiprocessing.ProcessExitedException as error:
            if errors.empty():
                raise BadInputError(_killed(plan, error)) from error
        except torch.multiprocessing.ProcessRaisedException:
            pass  # `errors` has it
        if not errors.empty():
            is_input, message = errors.get()
            raise BadInputError(message) if is_input else RuntimeError(message)


def _killed(plan: ProcessPlan, error: torch.multiprocessing.ProcessExitedException) -> str:
    return (
        f"training process {error.error_index} of {plan.count} ended with {error.signal_name or error.exit_code}. Where"
        " nobody stopped it, the memory of the machine was exhausted. Give BatchSize or ImageSize a smaller value, or"
        " choose an instance type with more memory. The same training continues from its last checkpoint."
    )


@dataclass(frozen=True)
class _Task:
    """What the processes of this host do, and where they report errors: whether it is the user's, and a message."""

    work: Work
    arguments: tuple[Any, ...]
    plan: ProcessPlan
    hosts: Hosts
    folder: str
    errors: "multiprocessing.SimpleQueue[tuple[bool, str]]"


def _run_process(position: int, task: _Task) -> None:
    # A killed job leaves no process behind. PyTorch asks for SIGINT, which a job of a shell in the background ignores.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    plan, hosts, errors = task.plan, task.hosts, task.errors
    size = plan.count * len(hosts.names)
    rank = hosts.current * plan.count + position
    try:
        _set_up_process(plan)
        device = _device(plan, position)
        _join(rank, size, device, hosts, task.folder)
        task.work(ProcessGroup(rank, size, device), *task.arguments)
    except BadInputError as error:
        errors.put((True, str(error)))
        raise
    except torch.distributed.DistBackendError as error:
        errors.put((True, _lost(rank, hosts, error)))
        raise
    except RuntimeError as error:
        # Gloo raises no class of its own.
        is_lost = any(word in str(error) for word in ("gloo", "Connection", "connect"))
        errors.put((True, _lost(rank, hosts, error)) if is_lost else (False, f"{type(error).__name__}: {error}"))
        raise
    except Exception as error:
        errors.put((False, f"{type(error).__name__}: {error}"))
        raise
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def _lost(rank: int, hosts: Hosts, error: Exception) -> str:
    return (
        f"training process {rank} lost the others, on {len(hosts.names)} host(s): one of them ended or cannot be"
        f" reached ({str(error).splitlines()[0][:160]}). The log of the one that ended first has the cause. The same"
        " training continues from its last checkpoint."
    )


def _set_up_process(plan: ProcessPlan) -> None:
    """Make PyTorch deterministic, with the threads of `plan`."""
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # what cuBLAS needs to be deterministic
    torch.set_num_threads(plan.threads)
    torch.use_deterministic_algorithms(mode=True)
    torch.backends.cudnn.benchmark = False


def _device(plan: ProcessPlan, position: int) -> torch.device:
    return torch.device(plan.device, position) if plan.device == "cuda" else torch.device("cpu")


def _join(rank: int, size: int, device: torch.device, hosts: Hosts, folder: str) -> None:
    several = len(hosts.names) > 1
    interface = hosts.interface if several else "lo"
    for library in ("GLOO", "NCCL"):
        os.environ[f"{library}_SOCKET_IFNAME"] = interface
    if device.type == "cuda":
        torch.cuda.set_device(device)
    torch.distributed.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        init_method=f"tcp://{hosts.names[0]}:{_PORT}" if several else f"file://{folder}/group",
        rank=rank,
        world_size=size,
        timeout=_PATIENCE,
    )
