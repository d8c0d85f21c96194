# SPDX-License-Identifier: MIT-0
"""Links the shared libraries that MXNet needs into its folder, on a machine that lacks them.

libmxnet.so needs the system's libgomp and libquadmath, which a bare machine does not have. The wheels of pykdtree and
numpy carry both under names of their own, and libmxnet.so searches its own folder first (RPATH $ORIGIN), so that a link
there is enough and neither a package manager nor root is needed. `make stand-in` runs this with the stand-in's
interpreter; standard library only, since MXNet cannot be imported yet.
"""

import ctypes
import sys
import sysconfig
from pathlib import Path
from typing import Final

_WHEEL_LIBRARIES: Final = {
    "libgomp.so.1": "pykdtree.libs/libgomp-*.so.*",
    "libquadmath.so.0": "numpy.libs/libquadmath-*.so.*",
}


def _is_installed(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def link_missing_libraries(packages: Path) -> list[str]:
    """Link the libraries that this machine lacks into MXNet's folder below `packages`, and return their names.

    Raises:
        FileNotFoundError: No wheel carries a library that is missing.
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
