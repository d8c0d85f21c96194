# SPDX-License-Identifier: MIT-0
"""Synthetic archives shared by the benchmarks, drawn once with a fixed seed."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from zipfile import ZipFile

OUT: Final = Path(__file__).parent / "out"
_PYTHON: Final = Path(__file__).parent.parent / ".venv" / "app" / "bin" / "python"


def archive(images: int) -> Path:
    """Return a synthetic archive with that many images, drawn if needed (about 240 KB and 7 ms an image)."""
    path = OUT / f"drawn-{images}.zip"
    if not path.exists():
        OUT.mkdir(exist_ok=True)
        print(f"Drawing {images} images", flush=True)
        sample = ["local", "sample", "--images", str(images), "--seed", "7", str(path)]
        subprocess.run([_PYTHON, "-m", *sample], check=True, stdout=subprocess.DEVNULL)
    return path


def images(count: int) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each JPEG of `archive(count)`."""
    with ZipFile(archive(count)) as outer:
        for part in outer.namelist():
            if part.endswith(".zip"):
                with outer.open(part) as opened, ZipFile(opened) as inner:
                    for name in inner.namelist():
                        if name.endswith(".jpg"):
                            yield name, inner.read(name)
