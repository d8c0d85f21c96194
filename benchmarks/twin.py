# SPDX-License-Identifier: MIT-0
"""``python -m benchmarks.twin ARCHIVE``: what the leakage audit finds, and what it takes for twins by mistake.

ARCHIVE is a synthetic one (``python -m local sample``). Every picture stands once as a test image and once as a
training image. Of every `_EVERY`-th one, copies as people make them are planted and looked for; all other pairs are
unrelated or show the same lesion anew, and are counted where they are taken for twins. Everything is seeded.
"""

import csv
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final
from zipfile import ZipFile

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from benchmarks import measure
from pipeline_src import contract
from pipeline_src.dataset import image_codec, perceptual_hash
from pipeline_src.dataset.perceptual_hash import SimilarityBounds
from pipeline_src.leakage import near_duplicates

Bytes = NDArray[np.uint8]
Edit = Callable[[Bytes], Bytes]

_EVERY: Final = 8
_SIDE: Final = 224
_BOUNDS: Final = [SimilarityBounds(explained=share) for share in (0.9, 0.93, 0.95, 0.97, 0.98)]
_DISTANCES: Final = (4, 8, 10, 12, 14, 16)
_RANDOM: Final = np.random.default_rng(1)


def _crop(share: float) -> Edit:
    def edit(pixels: Bytes) -> Bytes:
        height, width = (round(side * share) for side in pixels.shape[:2])
        top, left = _RANDOM.integers(0, height + 1), _RANDOM.integers(0, width + 1)
        return pixels[top : top + pixels.shape[0] - height, left : left + pixels.shape[1] - width]

    return edit


def _shade(factor: float, pivot: float = 0) -> Edit:
    return lambda pixels: np.clip((pixels.astype(np.float32) - pivot) * factor + pivot, 0, 255).astype(np.uint8)


def _scale(factor: float) -> Edit:
    return lambda pixels: np.asarray(
        cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8
    )


def _turn(degrees: float) -> Edit:
    def edit(pixels: Bytes) -> Bytes:
        height, width = pixels.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
        return np.asarray(cv2.warpAffine(pixels, turn, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8)

    return edit


_EDITS: Final[dict[str, tuple[Edit, int]]] = {
    **{f"saved anew at quality {quality}": (lambda pixels: pixels, quality) for quality in (50, 75, 95)},
    "flipped": (lambda pixels: pixels[:, ::-1], 90),
    "turned by 90 degrees": (np.rot90, 90),
    "turned by 180 degrees": (lambda pixels: np.rot90(pixels, 2), 90),
    "turned by 90 degrees and flipped": (lambda pixels: pixels.transpose(1, 0, 2), 90),
    "10 % brighter": (_shade(1.1), 90),
    "20 % darker": (_shade(0.8), 90),
    "20 % more contrast": (_shade(1.2, 128), 90),
    "half the size": (_scale(0.5), 90),
    "1.5 times the size": (_scale(1.5), 90),
    "turned by 5 degrees": (_turn(5), 90),
    **{f"cropped by {share:.0%} a side": (_crop(share), 90) for share in (0.02, 0.03, 0.05, 0.1, 0.15)},
    "flipped, cropped by 2 %, quality 60": (lambda pixels: _crop(0.02)(pixels[:, ::-1]), 60),
}


def main() -> None:
    """Print both tables."""
    pictures, lesions = _read(Path(sys.argv[1]))
    tests = np.array([perceptual_hash.grey_view(image_codec.verify_image(data, "test")) for data in pictures])
    trains = np.array([_recorded(data) for data in pictures])
    print(f"{len(pictures)} pictures\n\nFound, of {len(pictures[::_EVERY])} planted copies each:\n")
    print("| copy | hash alone | both looks |\n|---|---|---|")
    for name, (edit, quality) in _EDITS.items():
        by_hash, found = _found(pictures[::_EVERY], tests[::_EVERY], edit, quality)
        print(f"| {name} | {by_hash:.1%} | {found:.1%} |", flush=True)
    _print_mistakes(tests, trains, np.array(lesions))


def _read(path: Path) -> tuple[list[bytes], list[str]]:
    """Return the pictures of the archive at `path` and their lesions."""
    with ZipFile(path) as outer:
        table = csv.DictReader(io.StringIO(outer.read("HAM10000_metadata").decode()))
        lesions = {row["image_id"]: row["lesion_id"] for row in table}
        pictures: dict[str, bytes] = {}
        for name in filter(contract.ARCHIVE_PART.fullmatch, outer.namelist()):
            with ZipFile(io.BytesIO(outer.read(name))) as inner:
                pictures |= {entry.removesuffix(".jpg"): inner.read(entry) for entry in inner.namelist()}
    return list(pictures.values()), [lesions[image_id] for image_id in pictures]


def _recorded(data: bytes) -> Bytes:
    return perceptual_hash.grey_view(image_codec.decode_square(data, "train", _SIDE))


def _found(pictures: list[bytes], tests: Bytes, edit: Edit, quality: int) -> tuple[float, float]:
    """Return which share of the copies the hash finds alone, and which share both looks find."""
    by_hash = found = 0
    for data, seen in zip(pictures, tests, strict=True):
        pixels = np.ascontiguousarray(edit(simplejpeg.decode_jpeg(data, "BGR")))
        copy = simplejpeg.encode_jpeg(pixels, quality=quality, colorspace="BGR", colorsubsampling="420")
        views, pair = np.array([seen, _recorded(copy)]), near_duplicates.ImagePair(0, 1)
        by_hash += near_duplicates.hash_distances(views, [pair])[pair] <= perceptual_hash.SIMILARITY_BOUNDS.distance
        found += pair in near_duplicates.find_near_duplicates(views, {0: contract.TEST, 1: contract.TRAIN}, 1)
    return by_hash / len(pictures), found / len(pictures)


def _print_mistakes(tests: Bytes, trains: Bytes, lesions: NDArray[np.str_]) -> None:
    """Print how many pairs of different pictures are taken for twins, in a million."""
    same = lesions[:, None] == lesions[None, :]
    kinds = {"unrelated": ~same, "same lesion": same & ~np.eye(len(same), dtype=bool)}
    print("\nTaken for twins, in a million pairs:\n")
    print("| rule |", *(f"{name} ({kind.sum():,} pairs) |" for name, kind in kinds.items()), "\n|---|---|---|", sep="")
    apart = _apart(tests, trains)
    for distance in _DISTANCES:
        _print_rates(f"hash alone, {distance} bits", apart <= distance, kinds)
    views, count = np.concatenate([tests, trains]), len(tests)
    splits = {number: contract.TEST if number < count else contract.TRAIN for number in range(2 * count)}
    for bounds in _BOUNDS:
        taken = np.zeros((count, count), bool)
        for pair in near_duplicates.find_near_duplicates(views, splits, len(measure.cores(1)), bounds):
            taken[pair.first, pair.second - count] = True
        _print_rates(f"{bounds.distance} bits and {bounds.explained:.0%} explained", taken, kinds)


def _print_rates(rule: str, taken: NDArray[np.bool_], kinds: dict[str, NDArray[np.bool_]]) -> None:
    rates = (f"{(taken & kind).sum() / kind.sum() * 1e6:,.1f}" for kind in kinds.values())
    print(f"| {rule} | {' | '.join(rates)} |", flush=True)


def _apart(tests: Bytes, trains: Bytes) -> NDArray[np.int8]:
    """Return the distance of every test image's hash from every training image's in bits (n, n)."""
    signs = perceptual_hash.hash_signs(trains).T
    rows = [
        (
            perceptual_hash.HASH_BITS
            - (perceptual_hash.hash_signs(perceptual_hash.orient_views(view[None])) @ signs).max(axis=0)
        )
        / 2
        for view in tests
    ]
    return np.array(rows).astype(np.int8)


if __name__ == "__main__":
    main()
