# SPDX-License-Identifier: MIT-0
"""Counts modules, lines, folders and imports of the product code: ``python tests/house.py`` prints them."""

import ast
import subprocess
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
ROOMS: Final = ("pipeline_src", "stacks", "local", "operations", "review")
# Names that each room may have: Python's own, the root of its errors.
SHARED_NAMES: Final = {"__init__", "__main__", "errors"}


@cache
def product_modules() -> tuple[Path, ...]:
    """Return the paths of all product modules, tracked or new, relative to the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    paths = (Path(name) for name in sorted(set(names)))
    return tuple(path for path in paths if path.parts[0] in ROOMS and (ROOT / path).is_file())


def repeated_names() -> dict[str, list[str]]:
    """Return the module names that stand more than once, with their paths."""
    places = defaultdict(list)
    for path in product_modules():
        if path.stem not in SHARED_NAMES:
            places[path.stem].append(path.as_posix())
    return {name: found for name, found in places.items() if len(found) > 1}


def folder_widths() -> dict[str, int]:
    """Return how many modules each folder holds, ``__init__`` and ``__main__`` not counted."""
    widths: dict[str, int] = defaultdict(int)
    for path in product_modules():
        widths[path.parent.as_posix()] += path.stem not in {"__init__", "__main__"}
    return dict(widths)


def imports_in_folder(folder: str) -> dict[str, set[str]]:
    """Return which modules of `folder` each of its modules imports."""
    package = folder.replace("/", ".")
    own = {path.stem for path in product_modules() if path.parent.as_posix() == folder}
    found: dict[str, set[str]] = {}
    for name in own:
        tree = ast.parse((ROOT / folder / f"{name}.py").read_text(encoding="utf-8"))
        nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        names = {node.module.removeprefix(f"{package}.") for node in nodes if node.module}
        names |= {each.name for node in nodes if node.module == package for each in node.names}
        found[name] = (names & own) - {name}
    return found


def longest_chain(folder: str) -> list[str]:
    """Return the longest chain of imports inside `folder`, from its user down to what is used.

    Raises:
        ValueError: The imports form a circle.
    """
    graph = imports_in_folder(folder)
    chains: dict[str, list[str]] = {}

    def chain(name: str, above: tuple[str, ...]) -> list[str]:
        if name in above:
            raise ValueError(f"{folder}: the modules {', '.join((*above, name))} import each other in a circle.")
        if name not in chains:
            below = [chain(each, (*above, name)) for each in sorted(graph[name])]
            chains[name] = [name, *max(below, key=len, default=[])]
        return chains[name]

    return max((chain(name, ()) for name in sorted(graph)), key=len, default=[])


def main() -> None:
    """Print the counts."""
    lines = {path: (ROOT / path).read_text(encoding="utf-8").count("\n") for path in product_modules()}
    packages = sum(path.stem == "__init__" for path in lines)
    print(f"{len(lines) - packages} modules in {packages} packages, {sum(lines.values()):,} lines")
    for room in ROOMS:
        own = [count for path, count in lines.items() if path.parts[0] == room]
        print(f"  {room}: {len(own)} modules, {sum(own):,} lines")
    widths = folder_widths()
    print(f"widest folder: {max(widths.values())} modules ({max(widths, key=lambda each: widths[each])})")
    print(f"names used twice: {len(repeated_names())}")
    chain = max((longest_chain(folder) for folder in widths), key=len)
    print(f"longest chain inside a folder: {len(chain)} ({' > '.join(chain)})")
    longest = sorted(lines, key=lambda each: -lines[each])[:5]
    print("longest modules: " + ", ".join(f"{path} {lines[path]}" for path in longest))


if __name__ == "__main__":
    main()
