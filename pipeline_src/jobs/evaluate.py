# SPDX-License-Identifier: MIT-0
"""The Evaluate job: scores, manifest and the champion's predictions in; report, card and every figure out."""

import sys
from collections.abc import Sequence

from pipeline_src import contract, gate
from pipeline_src.jobs import argument, failure
from pipeline_src.lesions import document, evaluation, evidence, staging, subject
from pipeline_src.lesions.subject import Noted


def options(arguments: Sequence[str]) -> tuple[evaluation.Options, Noted]:
    """Return the options that `arguments` give, and what they note; every floor must be given: none is assumed."""
    parser = argument.Parser(prog="evaluate", allow_abbrev=False)
    parser.add_argument("--melanoma-target-sensitivity", type=argument.positive_fraction, required=True)
    for floor in gate.FLOOR_PARAMETERS:
        kind = argument.count if floor in gate.COUNTS else argument.fraction
        parser.add_argument(f"--gate-{floor.replace('_', '-')}", dest=floor, type=kind, required=True)
    parser.add_argument("--champion-package", default=contract.NO_PACKAGE)
    parser.add_argument("--noted", type=argument.pair, action="append", default=[], metavar="NAME=VALUE")
    given = parser.parse_args(arguments)
    floors = gate.Floors(**{floor: getattr(given, floor) for floor in gate.FLOOR_PARAMETERS})
    return evaluation.Options(given.melanoma_target_sensitivity, floors), Noted(
        given.champion_package, dict(given.noted)
    )


def evaluate(wanted: evaluation.Options, noted: Noted) -> None:
    """Evaluate what lies in the input folders below `contract.ml_root()`."""
    inputs = contract.ml_root() / "processing" / "input"
    found = subject.read(inputs, noted, _progress)
    result = evaluation.evaluate(found, wanted)
    files = evidence.files(result, found.predictions, inputs / contract.HOLDOUT_OUTPUT)
    outputs = contract.ml_root() / "processing" / "output"
    with staging.aside({contract.EVALUATION_OUTPUT: outputs / contract.EVALUATION_OUTPUT}) as asides:
        for name, content in files.items():
            (asides[contract.EVALUATION_OUTPUT] / name).write_bytes(content)
    reached = document.figure(result.figures.balanced_accuracy.value)
    print(f"Balanced accuracy {reached}. {result.verdict.reason}", flush=True)


def _progress(done: int, total: int) -> None:
    if done % 500 == 0 or done == total:
        print(contract.progress_line(done, total, "scores"), flush=True)


if __name__ == "__main__":
    sys.exit(failure.run(lambda: evaluate(*options(sys.argv[1:]))))
