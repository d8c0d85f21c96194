# SPDX-License-Identifier: MIT-0
"""Completes MXNet's folder on a machine that lacks two libraries it links against.

libmxnet.so needs the system's libgomp and libquadmath, which the image installs and a bare machine does not have.
The wheels of scikit-learn and SciPy carry both under names of their own, and libmxnet.so looks in its own folder
first (RPATH $ORIGIN): a link there is enough, and no package manager or root is needed. Run by `make setup` with the
jobs' interpreter; standard library only, since MXNet cannot be imported yet.
"""

import ctypes
import sys
import sysconfig
from pathlib import Path
from typing import Final

_WHEEL_LIBRARIES: Final = {
    "libgomp.so.1": "scikit_learn.libs/libgomp-*.so.*",
    "libquadmath.so.0": "scipy.libs/libquadmath-*.so.*",
}


def _is_installed(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def link_missing_libraries(packages: Path) -> list[str]:
    """Link what this machine lacks into MXNet's folder below `packages`, and return the names.

    Raises:
        FileNotFoundError: no wheel carries a library that is missing.
    """
    missing = [name for name in _WHEEL_LIBRARIES if not _is_installed(name)]
    for name in missing:
        carried = sorted(packages.glob(_WHEEL_LIBRARIES[name]))
        if not carried:
            raise FileNotFoundError(
                f"{name}: not on this machine. Install it, for example: apt-get install libgomp1 libquadmath0"
            )
        link = packages / "mxnet" / name
        link.unlink(missing_ok=True)
        link.symlink_to(carried[0])
    return missing


if __name__ == "__main__":
    try:
        link_missing_libraries(Path(sysconfig.get_path("purelib")))
    except FileNotFoundError as error:
        sys.exit(str(error))
