# SPDX-License-Identifier: MIT-0
"""Kills a training ten times at random times, continues it each time, and counts the different models.

``python -m tests.fine_tuning.random_kills FOLDER`` prints the counts as JSON in the last line. PyTorch is imported
once. Each training is a forked process of one thread that is killed with SIGKILL, so nothing of it but its files
remains.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import torch._dynamo  # noqa: F401  an optimizer imports it: seconds in each process otherwise

from pipeline_src.algorithms.fine_tuning import fine_tuning_job, training_checkpoint
from pipeline_src.runtime import job_exit
from tests.fine_tuning.training_case import TrainingRoom

_KILLS = 10


def main(folder: Path) -> None:
    """Train undisturbed, then with kills; a training that has ended is followed by a new one."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])  # one process of one thread a training
    began = time.monotonic()
    undisturbed = _new_room(folder / "undisturbed")
    assert _wait(_start(undisturbed), None) is not None
    length = time.monotonic() - began
    models, generator = [undisturbed.model()], random.Random(7)
    kills = after_an_epoch = 0
    room = _new_room(folder / "killed")
    while kills < _KILLS:
        if _wait(_start(room), generator.uniform(0, length)) is None:
            kills += 1
            after_an_epoch += (room.root / "checkpoints" / training_checkpoint.CHECKPOINT_FILE).is_file()
            continue
        models.append(room.model())
        room = _new_room(room.root)
    assert _wait(_start(room), None) is not None
    models.append(room.model())
    counts = {
        "kills": kills,
        "kills_after_an_epoch": after_an_epoch,
        "models": len(models),
        "different_models": len({tuple(sorted(each.items())) for each in models}),
    }
    sys.stdout.write(json.dumps(counts) + "\n")


def _new_room(root: Path) -> TrainingRoom:
    shutil.rmtree(root, ignore_errors=True)
    room = TrainingRoom(root)
    room.prepare()
    return room


def _start(room: TrainingRoom) -> int:
    """Start a training in a forked process; return its id."""
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        os.environ["ML_ROOT"] = str(room.root)
        os._exit(job_exit.run_job(fine_tuning_job.run_training))
    return process


def _wait(process: int, seconds: float | None) -> int | None:
    """Wait until `process` has ended well and return 0; after `seconds` kill it and return None."""
    end = None if seconds is None else time.monotonic() + seconds
    while end is None or time.monotonic() < end:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            assert code == 0, f"the training ended with {code}"
            return code
        time.sleep(0.01)
    os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    return None if os.WIFSIGNALED(status) else 0


if __name__ == "__main__":
    main(Path(sys.argv[1]))
