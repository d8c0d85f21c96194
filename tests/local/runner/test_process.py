# SPDX-License-Identifier: MIT-0
"""The process runner, with real processes."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from local.errors import UsageError
from local.runners.job_runner import REPOSITORY, Job, images_in_arguments, software_of_image
from local.runners.process_runner import ProcessRunner
from pipeline_src.algorithms.algorithm_table import ALGORITHMS
from tests.local.fake import ALGORITHM, IMAGE

RUNNER = ProcessRunner({"jobs": Path(sys.executable)})
FOREVER = "import time; print('up', flush=True); time.sleep(60)"
# A job that ignores SIGTERM and has a child of its own that does so too.
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
open(os.environ["ML_ROOT"] + f"/pid-{os.getpid()}", "w").close()
print("up", flush=True)
time.sleep(60)
"""


def job(tmp_path: Path, code: str, *, limit: float | None = None, **environment: str) -> Job:
    root = tmp_path / "opt/ml"
    root.mkdir(parents=True)
    return Job("A", IMAGE, ("python", "-c", code), root, tmp_path / "logs", environment, limit)


def run(tmp_path: Path, code: str, **more: str) -> tuple[int, list[str]]:
    lines: list[str] = []
    outcome = RUNNER.run(job(tmp_path, code, **more), stop=threading.Event(), line=lines.append)
    return outcome.exit_code, lines


def is_gone(pid: int) -> bool:
    """Return whether the process is gone within a few seconds (a zombie that nobody waits for counts as gone)."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_stdout_and_stderr_go_to_a_log_each_and_stdout_is_handed_on_line_by_line(tmp_path: Path) -> None:
    code, lines = run(tmp_path, "import sys; print('progress: 1/2 images'); print('b'); print('e', file=sys.stderr)")
    assert (code, lines) == (0, ["progress: 1/2 images", "b"])
    assert (tmp_path / "logs/stdout.log").read_text() == "progress: 1/2 images\nb\n"
    assert (tmp_path / "logs/stderr.log").read_text() == "e\n"


@pytest.mark.parametrize(("end", "code"), [("sys.exit(2)", 2), ("1/0", 1), ("os.kill(os.getpid(), 9)", 137)])
def test_the_exit_code_is_the_jobs_own_and_a_signal_reads_as_in_a_shell(tmp_path: Path, end: str, code: int) -> None:
    assert run(tmp_path, f"import os, sys; {end}")[0] == code


def test_a_command_that_does_not_exist_is_exit_code_127_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "opt/ml").mkdir(parents=True)
    missing = Job("A", IMAGE, ("no-such-command",), tmp_path / "opt/ml", tmp_path / "logs")
    assert RUNNER.run(missing, stop=threading.Event(), line=print).exit_code == 127
    assert "no-such-command" in (tmp_path / "logs/stderr.log").read_text()


def test_a_job_sees_its_root_the_repository_and_its_variables_but_no_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    names = ("ML_ROOT", "X", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH", "OMP_NUM_THREADS")
    code = f"import os; print(os.getcwd()); [print(os.environ.get(n)) for n in {names}]; print(os.environ['PATH'])"
    _, lines = run(tmp_path, code, X="1")
    assert lines[:6] == [str(REPOSITORY), str(tmp_path / "opt/ml"), "1", "None", "None", "3"]
    assert lines[6].startswith(str(Path(sys.executable).parent))


def test_a_job_is_stopped_at_its_limit(tmp_path: Path) -> None:
    outcome = RUNNER.run(job(tmp_path, FOREVER, limit=0.5), stop=threading.Event(), line=print)
    assert (outcome.timed_out, outcome.stopped) == (True, False)


def test_stopping_ends_a_stubborn_job_and_its_children(tmp_path: Path) -> None:
    stop = threading.Event()
    outcome = RUNNER.run(job(tmp_path, STUBBORN), stop=stop, line=lambda _line: stop.set())
    assert outcome.stopped
    pids = [int(path.name.removeprefix("pid-")) for path in (tmp_path / "opt/ml").glob("pid-*")]
    assert len(pids) == 2
    assert all(is_gone(pid) for pid in pids)


def test_what_a_finished_job_leaves_running_is_ended(tmp_path: Path) -> None:
    code = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {FOREVER!r}]); print(p.pid)"
    exit_code, lines = run(tmp_path, code)
    assert exit_code == 0
    assert is_gone(int(lines[0]))


def test_no_job_outlives_an_engine_that_is_killed(tmp_path: Path) -> None:
    code = f"import os; print(os.getpid(), flush=True); {FOREVER}"
    engine = f"""
import sys, threading
from pathlib import Path
from local.runners.job_runner import Job
from local.runners.process_runner import ProcessRunner
root = Path({str(tmp_path)!r})
sleeper = Job("A", {IMAGE!r}, ("python", "-c", {code!r}), root, root)
runner = ProcessRunner({{"jobs": Path(sys.executable)}})
runner.run(sleeper, stop=threading.Event(), line=lambda line: print(line, flush=True))
"""
    with subprocess.Popen([sys.executable, "-c", engine], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        os.kill(process.pid, signal.SIGKILL)
    assert is_gone(pid)


def test_an_error_of_whoever_listens_is_raised_and_the_job_does_not_hang_on_a_full_pipe(tmp_path: Path) -> None:
    def refuse(_line: str) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        RUNNER.run(job(tmp_path, "print('x' * 1_000_000)"), stop=threading.Event(), line=refuse)


def test_without_the_jobs_environment_it_says_how_to_set_it_up() -> None:
    with pytest.raises(UsageError, match="make setup"):
        ProcessRunner({"jobs": Path("/nowhere/python")}).check()


def test_the_stand_ins_environment_is_wanted_only_where_its_image_runs() -> None:
    runner = ProcessRunner({"jobs": Path(sys.executable), "stand-in": Path("/nowhere/python")})
    runner.check()
    runner.check([IMAGE])
    with pytest.raises(UsageError, match=r"/nowhere/python: .*It needs Python 3\.11\. Run: make stand-in"):
        runner.check([IMAGE, ALGORITHM])


def test_an_image_with_an_environment_of_its_own_names_the_verb_that_sets_it_up() -> None:
    runner = ProcessRunner({"jobs": Path(sys.executable), "fine-tuning": Path("/nowhere/python")})
    message = r"/nowhere/python: the environment of fine_tuning is not set up\. Run: make fine-tuning"
    with pytest.raises(UsageError, match=message):
        runner.check([ALGORITHMS["fine_tuning"].training_image.local_uri])


def test_each_image_has_its_interpreter(tmp_path: Path) -> None:
    """A job of the stand-in is started with the stand-in's interpreter, found first on its PATH too."""
    interpreter = tmp_path / "bin/python"
    interpreter.parent.mkdir()
    interpreter.write_text(f'#!/bin/sh\necho "$PATH"\nexec {sys.executable} "$@"\n')
    interpreter.chmod(0o755)
    runner = ProcessRunner({"jobs": Path(sys.executable), "stand-in": interpreter})
    for image, expected in ((IMAGE, ["job"]), (ALGORITHM, [f"{interpreter.parent}:", "job"])):
        lines: list[str] = []
        (tmp_path / "opt/ml").mkdir(parents=True, exist_ok=True)
        started = Job("A", image, ("python", "-c", "print('job')"), tmp_path / "opt/ml", tmp_path / "logs")
        assert runner.run(started, stop=threading.Event(), line=lines.append).exit_code == 0
        assert [line[: len(wanted)] for line, wanted in zip(lines, expected, strict=True)] == expected


def test_the_images_of_steps_are_found_wherever_they_stand() -> None:
    training = {"AlgorithmSpecification": {"TrainingImage": ALGORITHM}}
    tuning = {"TrainingJobDefinition": training}
    model = {"PrimaryContainer": {"Image": "a/served:1", "Environment": {"Image": {"Get": "Parameters.Image"}}}}
    processing = {"AppSpecification": {"ImageUri": IMAGE, "ContainerArguments": ["--image", "x"]}}
    assert images_in_arguments([tuning, model, processing, {}]) == {ALGORITHM, IMAGE, "a/served:1"}


@pytest.mark.parametrize(
    "image",
    [
        "local-preprocessing",
        "preprocessing:latest",
        "evil.example.com/local-preprocessing:latest",
        "111111111111.dkr.ecr.us-east-1.amazonaws.com/image-classification:1",
        "000000000000.dkr.ecr.us-east-1.amazonaws.com/local-preprocessing:other",
        "",
    ],
)
def test_only_the_images_of_this_application_have_software_here(image: str) -> None:
    with pytest.raises(UsageError, match=r"the code of this image is not on this machine\. .*Known: .*local-preproc"):
        software_of_image(image)


def test_the_images_of_aws_are_known_by_the_account_of_each_region() -> None:
    builtin = ALGORITHMS["builtin_image_classification"].training_image
    for region, account in builtin.accounts.items():
        end = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        known = software_of_image(f"{account}.dkr.ecr.{region}.{end}/image-classification:1")
        assert known == software_of_image(ALGORITHM)


def copy_of_sources(folder: Path) -> None:
    names = ("pipeline_src/jobs/evaluate.py", "pipeline_src/dataset/lesion_split.py", "pipeline_src/contract.py")
    for name in (
        *names,
        "pipeline_src/gate_thresholds.py",
        "pipeline_src/gate.py",
        "local/builtin_stand_in/train.py",
        "local/builtin_stand_in/requirements.txt",
        "containers/preprocessing/requirements.txt",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


@pytest.mark.parametrize(
    ("edited", "changed"),
    [
        ("pipeline_src/jobs/evaluate.py", {IMAGE}),
        ("pipeline_src/dataset/lesion_split.py", {IMAGE}),
        ("pipeline_src/dataset/new.py", {IMAGE}),
        ("pipeline_src/definition/new.py", set()),
        ("pipeline_src/contract.py", {IMAGE, ALGORITHM}),
        ("pipeline_src/gate.py", {IMAGE}),
        ("local/builtin_stand_in/train.py", {ALGORITHM}),
        ("pipeline_src/algorithms/serving/inference_requests.py", {IMAGE, ALGORITHM}),
        ("local/builtin_stand_in/requirements.txt", {ALGORITHM}),
        ("containers/preprocessing/requirements.txt", {IMAGE}),
        ("pipeline_src/jobs/__pycache__/x.pyc", set()),
        ("README.md", set()),
    ],
)
def test_editing_a_jobs_code_changes_its_fingerprint_and_no_other(
    tmp_path: Path, edited: str, changed: set[str]
) -> None:
    copy_of_sources(tmp_path)
    runner = ProcessRunner(repository=tmp_path)
    before = {image: runner.fingerprint(image) for image in (IMAGE, ALGORITHM)}
    (tmp_path / edited).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / edited).write_text("edited")
    assert {image for image, print_ in before.items() if runner.fingerprint(image) != print_} == changed
