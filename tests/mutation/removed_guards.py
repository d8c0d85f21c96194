# SPDX-License-Identifier: MIT-0
"""Removes each guard of the jobs once, and sees a test of their own room fail: `make mistakes`.

A guard is an ``if`` that raises. All are found in the sources, so that the table has no row to forget. In a copy of the
repository each condition is handed to a switch; one run of the tests notes which of them meet which guard, and then
these are run again for each guard with its condition false.
"""

import ast
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from sources import JOBS, copied, run_tests

TESTS: Final = "tests/jobs"
# What the jobs do not import, what an environment of its own tests, and what tests/operations and tests/local do.
OTHERS: Final = (
    *("pipeline_src/definition/", "pipeline_src/algorithms/fine_tuning/"),
    *("pipeline_src/label_table.py", "pipeline_src/baseline_acceptance.py", "pipeline_src/jobs/compare.py"),
)
# So many tests of one guard are tried at first, and so many more: what they miss, others would miss too.
FIRST: Final = 3
MORE: Final = 30
SECONDS: Final = 300
SWITCH: Final = '''"""Notes that a guard is met, or removes it."""

import os


def guarded(condition, name):
    if condition and os.environ.get("GUARD_LOG"):
        with open(os.environ["GUARD_LOG"], "a") as log:
            log.write(f"{name}\\t{os.environ.get('PYTEST_CURRENT_TEST', '')}\\n")
    return False if name == os.environ.get("GUARD_OFF") else condition
'''


def switched(text: str, file: str) -> tuple[str, dict[str, str]]:
    """Return a source whose guards can be switched off, and their conditions by name, which is file and line."""
    tree = ast.parse(text)
    every = (node for node in ast.walk(tree) if isinstance(node, ast.If))
    guards = [node.test for node in every if any(isinstance(each, ast.Raise) for each in node.body)]
    lines, conditions = text.encode().splitlines(keepends=True), dict[str, str]()
    for test in sorted(guards, key=lambda test: test.lineno, reverse=True):
        name = f"{file}:{test.lineno}"
        conditions[name] = " ".join((ast.get_source_segment(text, test) or "").split())
        end, column = (test.end_lineno or 0) - 1, test.end_col_offset or 0
        lines[end] = lines[end][:column] + f'), "{name}")'.encode() + lines[end][column:]
        start, column = test.lineno - 1, test.col_offset
        lines[start] = lines[start][:column] + b"_guarded((" + lines[start][column:]
    first = next((each.lineno for each in tree.body if isinstance(each, ast.Import | ast.ImportFrom)), 1)
    if conditions:
        lines.insert(first - 1, b"from pipeline_src.guard_switch import guarded as _guarded\n")
    return b"".join(lines).decode(), conditions


def put_switches(folder: Path) -> dict[str, str]:
    """Put switches into the jobs' sources of a copy; return the guards' conditions by name."""
    conditions: dict[str, str] = {}
    for path in sorted(folder.glob("pipeline_src/**/*.py")):
        name = path.relative_to(folder).as_posix()
        if not name.startswith(OTHERS):
            text, found = switched(path.read_text(encoding="utf-8"), name)
            path.write_text(text, encoding="utf-8")
            conditions |= found
    (folder / "pipeline_src/guard_switch.py").write_text(SWITCH, encoding="utf-8")
    return conditions


def meetings(log: Path) -> dict[str, list[str]]:
    """Return the tests that met each guard, in order, without repetitions."""
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for line in log.read_text(encoding="utf-8").splitlines():
        name, test = line.split("\t")
        if test:
            found[name][test.rpartition(" (")[0]] = None
    return {name: list(tests) for name, tests in found.items()}


def survivors(folder: Path, conditions: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each guard that can go without a failing test, and how that is."""
    log = folder.parent / "guards.log"
    if run_tests(JOBS, folder, [TESTS, "--numprocesses", "2", "--dist", "loadfile"], GUARD_LOG=str(log)):
        sys.exit(f"{TESTS} fails with every guard in place: repair that first.")
    met = meetings(log)

    def outcome(name: str) -> str:
        tests = met.get(name, [])
        # A server that several tests ask notes the one that started it: of its guards the whole folder has to tell.
        folders = sorted({test.rpartition("/")[0] for test in tests})
        for few in (tests[:FIRST], tests[FIRST:MORE], folders):
            # Without a guard of a loop, or of a queue, a test may not end, which nobody misses.
            if few and run_tests(JOBS, folder, [*few, "-p", "no:xdist"], limit=SECONDS, GUARD_OFF=name):
                return ""
        return f"{len(tests)} tests meet it and pass without it" if tests else "no test meets it"

    with ThreadPoolExecutor(2) as pool:
        yield from ((name, said) for name, said in zip(conditions, pool.map(outcome, conditions), strict=True) if said)


def main() -> int:
    """Print each guard that survives its removal; return 1 if more than 5 % do."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "copy"
        copied(folder)
        conditions, lost = put_switches(folder), 0
        for name, said in survivors(folder, conditions):
            lost += 1
            print(f"MISSED  {name}: if {conditions[name]}: {said}", flush=True)
    print(f"{len(conditions) - lost} of {len(conditions)} guards of the jobs make a test fail when they are removed.")
    return int(lost > 0.05 * len(conditions))


if __name__ == "__main__":
    sys.exit(main())
