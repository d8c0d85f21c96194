# SPDX-License-Identifier: MIT-0
"""Output folders that are filled whole or not at all.

What is written lies in a hidden folder inside each output folder, because each may be a mount of its own, across which
nothing can be renamed. Only when everything is there is it moved into place. The folders belong to the job: what an
earlier, killed run left in them is removed first.
"""

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

_ASIDE: Final = ".partial"


@contextlib.contextmanager
def aside(folders: Mapping[str, Path]) -> Iterator[dict[str, Path]]:
    """Yield a folder to write into for each of `folders`; on leaving, move what is there into place.

    The last of `folders` is filled last. On any error, an interrupt too, all are left empty.

    Raises:
        OSError: a folder cannot be written.
    """
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
        _clear(folder)
    try:
        asides = {name: folder / _ASIDE for name, folder in folders.items()}
        for path in asides.values():
            path.mkdir()
        yield asides
        for name, folder in folders.items():
            for path in sorted(asides[name].iterdir()):
                path.replace(folder / path.name)
            asides[name].rmdir()
    except BaseException:
        for folder in folders.values():
            _clear(folder)
        raise


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
