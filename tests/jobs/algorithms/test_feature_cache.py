# SPDX-License-Identifier: MIT-0
"""Features that were kept come back unchanged, or not at all."""

import errno
import hashlib
from pathlib import Path

import numpy as np
import pytest

from pipeline_src.algorithms.linear_probe import feature_cache
from pipeline_src.algorithms.linear_probe.feature_cache import FeatureCache, FeatureKey

LENGTH = 5
Vectors = dict[FeatureKey, list[float]]


def _cache(folder: Path, notices: list[str], *, backbone: str = "a", side: int = 8) -> FeatureCache:
    return FeatureCache(folder, backbone=backbone, image_side=side, length=LENGTH, notice=notices.append)


def _key(number: int, view: int = 0) -> FeatureKey:
    return FeatureKey(hashlib.sha256(str(number).encode()).digest(), view)


def _filled(folder: Path, count: int, first: int = 0) -> Vectors:
    """Keep `count` vectors; return them."""
    cache = _cache(folder, [])
    vectors = {_key(n, n % 8): np.full(LENGTH, n / 3, np.float32) for n in range(first, first + count)}
    for key, vector in vectors.items():
        cache.add(key, vector)
    cache.flush()
    return {key: vector.tolist() for key, vector in vectors.items()}


def _read(folder: Path, notices: list[str] | None = None, *, backbone: str = "a", side: int = 8) -> Vectors:
    found = _cache(folder, [] if notices is None else notices, backbone=backbone, side=side)
    return {key: vector.tolist() for key, vector in found.read_features()}


def test_vectors_come_back_from_few_files(tmp_path: Path) -> None:
    vectors = _filled(tmp_path, feature_cache.SHARD_VECTORS + 9)
    assert _read(tmp_path) == vectors
    assert len(list(tmp_path.iterdir())) == 2


def test_files_of_several_jobs_add_up(tmp_path: Path) -> None:
    vectors = _filled(tmp_path, 3) | _filled(tmp_path, 4, first=3)
    assert _read(tmp_path) == vectors


def test_a_full_file_is_there_before_the_job_ends(tmp_path: Path) -> None:
    cache = _cache(tmp_path, [])
    for n in range(feature_cache.SHARD_VECTORS + 1):
        cache.add(_key(n), np.zeros(LENGTH, np.float32))
    assert len(_read(tmp_path)) == feature_cache.SHARD_VECTORS


def test_features_of_another_backbone_or_size_are_neither_used_nor_removed(tmp_path: Path) -> None:
    vectors = _filled(tmp_path, 3)
    assert _read(tmp_path, backbone="b") == _read(tmp_path, side=9) == {}
    assert _read(tmp_path) == vectors


@pytest.mark.parametrize("position", [0, 100, 200, -1])
def test_a_damaged_file_is_removed_with_a_notice_and_the_others_are_used(tmp_path: Path, position: int) -> None:
    _filled(tmp_path, 3)
    (damaged,) = tmp_path.iterdir()
    vectors = _filled(tmp_path, 2, first=3)
    content = bytearray(damaged.read_bytes())
    content[position] ^= 1
    damaged.write_bytes(content)
    notices: list[str] = []
    assert _read(tmp_path, notices) == vectors
    assert notices == [f"{damaged}: damaged; removed. Its features are computed again."]
    assert not damaged.exists()


def test_a_truncated_or_empty_file_is_damaged(tmp_path: Path) -> None:
    vectors = _filled(tmp_path, 3)
    (path,) = tmp_path.iterdir()
    (tmp_path / f"features-{'0' * 64}.bin").write_bytes(path.read_bytes()[:-1])
    (tmp_path / f"features-{'1' * 64}.bin").write_bytes(b"")
    notices: list[str] = []
    assert _read(tmp_path, notices) == vectors
    assert len(notices) == 2


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_refused_even_with_a_right_digest(tmp_path: Path, value: float) -> None:
    cache = _cache(tmp_path, [])
    cache.add(_key(0), np.array([0, 0, value, 0, 0], np.float32))
    cache.flush()
    notices: list[str] = []
    assert _read(tmp_path, notices) == {}
    assert len(notices) == 1


def test_what_a_killed_job_left_half_written_is_overwritten_and_other_files_stay(tmp_path: Path) -> None:
    (tmp_path / "features.partial").write_bytes(b"half")
    (tmp_path / "features-of-somebody-else.bin").write_bytes(b"theirs")
    (tmp_path / "other.txt").write_bytes(b"theirs")
    vectors = _filled(tmp_path, 3)
    assert _read(tmp_path) == vectors
    assert {path.read_bytes() for path in tmp_path.iterdir() if len(path.name) < 64} == {b"theirs"}


def test_a_full_disk_is_an_error_and_leaves_no_file_that_is_read(tmp_path: Path) -> None:
    """/dev/full takes no byte, as a full disk."""
    (tmp_path / "features.partial").symlink_to("/dev/full")
    cache = _cache(tmp_path, [])
    cache.add(_key(0), np.zeros(LENGTH, np.float32))
    with pytest.raises(OSError, match="No space left") as caught:
        cache.flush()
    assert caught.value.errno == errno.ENOSPC
    assert _read(tmp_path) == {}
