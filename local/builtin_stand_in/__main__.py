# SPDX-License-Identifier: MIT-0
"""The command line of the stand-in: ``python -m local.builtin_stand_in train`` and ``... serve``."""

import argparse
import contextlib
import os
import sys
import traceback
from collections.abc import Callable

from local.builtin_stand_in.errors import UserError
from pipeline_src import contract

_SAGEMAKER_PORT = "SAGEMAKER_BIND_TO_PORT"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.builtin_stand_in", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("train", help="train on the channels below /opt/ml (or ML_ROOT)")
    serve = commands.add_parser("serve", help="answer /ping and /invocations with the model below /opt/ml (or ML_ROOT)")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve.add_argument("--port", type=int, default=os.environ.get(_SAGEMAKER_PORT, "8080"), help="(default: 8080)")
    options = parser.parse_args(arguments)
    return _run(_train if options.command == "train" else lambda: _serve(options.host, options.port))


def _train() -> None:
    from local.builtin_stand_in import network_training  # noqa: PLC0415  MXNet takes seconds to import, and --help needs none of it

    network_training.run_training_job()


def _serve(host: str, port: int) -> None:
    from local.builtin_stand_in import inference_server  # noqa: PLC0415  likewise

    inference_server.serve_model(host, port)


def _run(job: Callable[[], None]) -> int:
    """Run `job` and return its exit code, leaving the reason of a failure in ``output/failure``."""
    try:
        job()
    except UserError as error:
        return _fail(str(error), contract.EXIT_BAD_INPUT)
    except OSError as error:
        if error.errno in contract.DISK_FULL:
            place = error.filename or contract.ml_root()
            return _fail(f"{place}: the disk is full. Free some space.", contract.EXIT_BAD_INPUT)
        return _defect(error)
    except Exception as error:  # noqa: BLE001  last frame of a job: SageMaker reads the reason of any failure
        return _defect(error)
    return contract.EXIT_OK


def _defect(error: Exception) -> int:
    traceback.print_exc()
    return _fail(f"{type(error).__name__}: {error}", contract.EXIT_FAILED)


def _fail(message: str, code: int) -> int:
    """Report `message` and return `code`; SageMaker shows the first 1024 characters of ``output/failure``."""
    print(message, file=sys.stderr, flush=True)
    folder = contract.ml_root() / "output"
    # If the file cannot be written, the log still has the message.
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "failure").write_text(message[:1024], encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
