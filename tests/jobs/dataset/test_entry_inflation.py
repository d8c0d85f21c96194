# SPDX-License-Identifier: MIT-0
"""A deflated part comes out whole, whatever its size and however well it packs."""

import zlib

import pytest

from pipeline_src.dataset import ham10000_archive


@pytest.mark.parametrize("offset", [*range(-3, 4), 100, 4000])
@pytest.mark.parametrize("chunks", [1, 2, 5])
def test_nothing_is_left_behind_in_the_inflater(chunks: int, offset: int) -> None:
    """Zeros pack so well that all input is consumed while output still waits."""
    plain = bytes(chunks * ham10000_archive.CHUNK_SIZE + offset)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packer.compress(plain) + packer.flush()
    inflated = list(ham10000_archive._inflate_chunks(iter([packed]), "x.zip"))
    assert b"".join(inflated) == plain
    assert max(map(len, inflated)) <= ham10000_archive.CHUNK_SIZE
