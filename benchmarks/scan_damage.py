# SPDX-License-Identifier: MIT-0
"""Counts damaged and sound JPEGs that Preprocess judges wrongly: ``python -m benchmarks.scan_damage [--images 500]``.

Every image of a synthetic archive, and crops of the two photographs that scikit-learn has, are saved in one of the
forms of `jpeg_pictures.SOUND`, and damaged in each of the ways of `jpeg_pictures.DAMAGE`. Accepted silently means: with
more than 1 % of the pixels wrong, and without a remark in the dataset card. Harmless damage is accepted without one.
Exits with 1 if damage is accepted silently, or a sound image is refused.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
import simplejpeg

from benchmarks import drawn, jpeg_pictures
from pipeline_src.dataset import image_codec, zip_entries
from pipeline_src.dataset.ham10000_archive import DatasetArchive
from pipeline_src.runtime.errors import BadInputError

SIDE: Final = 224
HARMLESS: Final = 0.01  # share of wrong pixels
_SIGNS: Final = {image_codec.STRAY_BYTES, image_codec.SHIFTED_ROWS, image_codec.HOLE}
OUTCOMES: Final = ("refused", "named", "harmless", "accepted silently")


def judge(data: bytes) -> str:
    """Return whether Preprocess refuses the JPEG `data`, names it as perhaps damaged, or accepts it."""
    remarks = image_codec.ImageRemarks()
    try:
        image_codec.decode_square(data, "", SIDE, remarks)
    except BadInputError:
        return "refused"
    return "named" if _SIGNS & set(remarks.all()) else "accepted"


def judge_damage(data: bytes, damaged: bytes) -> str:
    """Return one of `OUTCOMES` for a `damaged` copy of the JPEG `data`."""
    judgement = judge(damaged)
    if judgement != "accepted":
        return judgement
    right, pixels = (simplejpeg.decode_jpeg(each, "BGR", strict=False) for each in (data, damaged))
    return "harmless" if jpeg_pictures.wrong_share(pixels, right) <= HARMLESS else "accepted silently"


def drawn_lesions(images: int) -> Iterator[image_codec.Pixels]:
    """Yield the images of a synthetic archive."""
    with DatasetArchive(drawn.archive(images)) as archive:
        for entry in archive.entries():
            yield simplejpeg.decode_jpeg(zip_entries.unpack_entry(entry), "BGR")


def photographs(images: int) -> Iterator[image_codec.Pixels]:
    """Yield crops of two photographs, enlarged to the size of HAM10000's images."""
    from sklearn.datasets import load_sample_images  # noqa: PLC0415  the tests of the damage need none of this

    chance, scenes = random.Random(15), load_sample_images().images
    height, width = jpeg_pictures.SIZE
    for number in range(images):
        scene = scenes[number % len(scenes)][..., ::-1]
        tall = chance.randrange(180, scene.shape[0])
        wide = tall * 4 // 3
        y, x = chance.randrange(scene.shape[0] - tall), chance.randrange(scene.shape[1] - wide)
        crop = np.ascontiguousarray(scene[y : y + tall, x : x + wide])
        yield np.asarray(cv2.resize(crop, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def count_judgements(pictures: Iterator[image_codec.Pixels]) -> tuple[Counter[str], dict[str, Counter[str]]]:
    """Return the judgements of the sound images, and those of their damaged copies by kind of damage."""
    chance = random.Random(19)
    sound: Counter[str] = Counter()
    damaged: dict[str, Counter[str]] = {kind: Counter() for kind in jpeg_pictures.DAMAGE}
    forms = list(jpeg_pictures.SOUND.values())
    for number, pixels in enumerate(pictures):
        data = forms[number % len(forms)](pixels)
        sound[judge(data)] += 1
        for kind, damage in jpeg_pictures.DAMAGE.items():
            damaged[kind][judge_damage(data, damage(data, chance))] += 1
    return sound, damaged


def main() -> int:
    """Count, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.scan_damage", description=__doc__)
    parser.add_argument("--images", type=int, default=500, help="of each of the two sources")
    images = parser.parse_args().images
    missed = 0
    for source, pictures in (("drawn lesions", drawn_lesions(images)), ("photographs", photographs(images))):
        sound, damaged = count_judgements(pictures)
        print(f"\n{source}: {images} sound images: {sound['refused']} refused, {sound['named']} named")
        print(f"{'damage':20}" + "".join(f"{outcome:>19}" for outcome in OUTCOMES))
        for kind, counts in damaged.items():
            print(f"{kind:20}" + "".join(f"{counts[outcome]:19}" for outcome in OUTCOMES))
            missed += counts["accepted silently"]
        missed += sound["refused"]
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
