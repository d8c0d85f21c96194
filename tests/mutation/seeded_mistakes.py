# SPDX-License-Identifier: MIT-0
"""Makes each mistake of mistakes.py in a copy of the sources, and sees tests of its own room fail: `make mistakes`."""

import sys
import tempfile
from pathlib import Path

from mistakes import MISTAKES
from sources import APP, JOBS, copied, run_tests


def fault(folder: Path, file: str, change: tuple[str, str], tests: str) -> str:
    """Make a change in a file of the copy and run `tests`; return why the mistake is not caught, or nothing."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(*change), encoding="utf-8")
    try:
        code = run_tests(_python(tests), folder, tests.split())
    finally:
        path.write_text(text, encoding="utf-8")
    return {0: "its tests pass", 1: ""}.get(code, f"pytest ended with {code} instead of a failed test")


def refuse_failing_tests(folder: Path) -> None:
    """End the program if tests fail without a mistake: they would seem to catch everything."""
    for tests in {tests: None for _, tests in MISTAKES}:
        if run_tests(_python(tests), folder, tests.split()):
            sys.exit(f"{tests}: fails without a mistake: repair that first.")


def _python(tests: str) -> Path:
    return JOBS if tests.startswith("tests/jobs") else APP


def main() -> int:
    """Print what becomes of each mistake; return 1 if more than 5 % are not caught."""
    lost = 0
    with tempfile.TemporaryDirectory() as folder:
        copied(Path(folder))
        refuse_failing_tests(Path(folder))
        for (file, tests), rows in MISTAKES.items():
            for name, change in rows.items():
                said = fault(Path(folder), file, change, tests)
                lost += bool(said)
                print(f"{'MISSED' if said else 'caught'}  {file}: {name}{': ' * bool(said)}{said}", flush=True)
    total = sum(map(len, MISTAKES.values()))
    print(f"{total - lost} of {total} mistakes are caught by the tests of their own rooms.")
    return int(lost > 0.05 * total)


if __name__ == "__main__":
    sys.exit(main())
