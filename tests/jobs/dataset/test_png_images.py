# SPDX-License-Identifier: MIT-0
"""PNG images are prepared, held out, audited, measured and exported like JPEG ones."""

import hashlib
import io
import random
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline_src import contract
from pipeline_src.dataset import image_codec, recordio_format
from pipeline_src.drift import image_features
from pipeline_src.runtime.errors import BadInputError
from tests.jobs import archives
from tests.jobs.drift import stream
from tests.jobs.feedback import export_desk


def as_png(data: bytes) -> bytes:
    return archives.png(archives.pixels_of(data))


def good(*, every: int = 1) -> archives.ArchiveBuilder:
    """Return the good archive with every so manieth image as a PNG of the same pixels."""
    made = archives.good()
    for number, (image_id, data) in enumerate(made.pictures.items()):
        if number % every == 0:
            made.pictures[image_id] = as_png(data)
    return made


@pytest.fixture(scope="module")
def pngs(tmp_path_factory: pytest.TempPathFactory) -> archives.Room:
    """Return an /opt/ml after a run on an archive of PNG images alone; for reading only."""
    room = archives.Room(tmp_path_factory.mktemp("pngs"))
    room.put(good().bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ML_ROOT", str(room.root))
        assert room.run() == 0
    return room


def _split(room: archives.Room) -> dict[str, str]:
    return {row["image_id"]: row["split"] for row in room.manifest()}


def _recorded(room: archives.Room) -> bytes:
    return b"".join(room.files()[f"{split}/{split}.rec"] for split in ("train", "validation"))


def test_a_png_is_split_and_held_out_with_its_original_bytes_under_the_name_of_every_image(
    pngs: archives.Room, done: archives.Room
) -> None:
    assert _split(pngs) == _split(done)
    wanted = good().pictures
    held_out = {image_id for image_id, split in _split(pngs).items() if split != "train"}
    assert {path.name: path.read_bytes() for path in pngs.output("holdout").iterdir()} == {
        contract.held_out_file(image_id): wanted[image_id] for image_id in held_out
    }
    for row in pngs.manifest():
        assert row["sha256"] == hashlib.sha256(wanted[row["image_id"]]).hexdigest()


def test_what_is_recorded_of_a_png_is_its_pixels_resized_and_encoded_once(pngs: archives.Room) -> None:
    records, wanted = _recorded(pngs), archives.good().pictures
    for number, row in enumerate(pngs.manifest()):
        if row["split"] in {"train", "validation"}:
            square = cv2.resize(archives.pixels_of(wanted[row["image_id"]]), (224, 224))
            label = contract.CLASS_LABELS.index(row["label"])
            lesion = recordio_format.lesion_number(row["lesion_id"])
            jpeg = image_codec.encode_jpeg(square)
            assert recordio_format.encode_image_record(label, number, jpeg, lesion) in records


def test_the_same_archive_gives_the_same_bytes(room: archives.Room, pngs: archives.Room) -> None:
    room.put(good().bytes())
    assert room.run() == 0
    assert room.files() == pngs.files()


def test_in_a_mixed_archive_the_jpegs_are_prepared_as_they_are_without_pngs(
    room: archives.Room, done: archives.Room
) -> None:
    archive = good(every=3)
    room.put(archive.bytes())
    assert room.run() == 0
    assert _split(room) == _split(done)
    jpegs = {image_id for image_id, data in archive.pictures.items() if not data.startswith(b"\x89PNG")}
    kept = {row["image_id"]: row for row in done.manifest() if row["image_id"] in jpegs}
    assert {row["image_id"]: row for row in room.manifest() if row["image_id"] in jpegs} == kept
    for path in done.output("holdout").iterdir():
        if path.stem in jpegs:
            assert (room.output("holdout") / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("png_is_held_out", [True, False])
def test_a_png_copy_of_a_jpeg_in_another_split_is_found_and_left_out_of_training(
    room: archives.Room, done: archives.Room, *, png_is_held_out: bool
) -> None:
    archive = archives.good()
    test, train = (
        next(row["image_id"] for row in done.manifest() if (row["split"], row["label"]) == (split, "mel"))
        for split in ("test", "train")
    )
    archive.pictures[train] = archive.pictures[test]
    target = test if png_is_held_out else train
    archive.pictures[target] = as_png(archive.pictures[target])
    room.put(archive.bytes())
    assert room.run() == 0
    leakage = room.card()["leakage"]
    assert isinstance(leakage, dict)
    assert [(twin["images"], twin["exact"]) for twin in leakage["twins"]] == [([test, train], False)]
    assert train in leakage["dropped"]


@pytest.mark.parametrize("shape", [(450, 600), (45, 60), (1500, 60)])
def test_a_png_looks_to_the_audit_as_the_jpeg_of_its_pixels_does(shape: tuple[int, int]) -> None:
    data = archives.picture(5, *shape)
    for use in (image_codec.verify_image, lambda *given: image_codec.decode_square(*given, 224)):
        views = [image_codec.perceptual_hash.grey_view(use(each, "x")).astype(int) for each in (data, as_png(data))]
        assert np.abs(views[0] - views[1]).mean() < 3


def test_an_image_that_is_there_as_jpeg_and_as_png_is_there_twice(room: archives.Room) -> None:
    archive = archives.good()
    again = archives.zipped({"ISIC_0000003.PNG": as_png(archive.pictures["ISIC_0000003"])})
    room.put(archives.zipped({**archive.entries(), archives.PART.format(3): again}))
    assert room.run() == 2
    assert "image ISIC_0000003: appears twice" in room.reason()


def _encoded(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


RGB = Image.fromarray(archives.pixels_of(archives.picture(1))[:, :, ::-1])
OTHERS = {
    "16-bit RGB": (archives.png(np.full((45, 60, 3), 9000, np.uint16)), "16 bits a channel, RGB"),
    "16-bit grayscale": (archives.png(np.full((45, 60), 9000, np.uint16)), "16 bits a channel, grayscale"),
    "grayscale": (_encoded(RGB.convert("L")), "8 bits a channel, grayscale"),
    "palette": (_encoded(RGB.quantize(16)), "4 bits a channel, palette"),
    "alpha": (_encoded(RGB.convert("RGBA")), "8 bits a channel, RGB with alpha"),
    "grayscale with alpha": (_encoded(RGB.convert("LA")), "8 bits a channel, grayscale with alpha"),
}


@pytest.mark.parametrize(("data", "kind"), OTHERS.values(), ids=OTHERS.keys())
def test_other_kinds_of_png_are_refused_by_name_and_not_converted(data: bytes, kind: str) -> None:
    with pytest.raises(BadInputError) as caught:
        image_codec.verify_image(data, "x.png")
    assert str(caught.value) == f"x.png: a PNG of {kind}: must be 8-bit RGB without alpha. Convert the image."


def test_a_png_of_another_kind_in_the_archive_stops_the_job(room: archives.Room) -> None:
    archive = archives.good()
    archive.pictures["ISIC_0000007"] = OTHERS["palette"][0]
    room.put(archive.bytes())
    assert room.run() == contract.EXIT_BAD_INPUT
    assert "ISIC_0000007.png: a PNG of 4 bits a channel, palette" in room.reason()
    assert room.files() == {}


def _packed(width: int, height: int, rows: bytes, *, interlaced: bool = False) -> bytes:
    """Return a PNG of filtered `rows`."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, interlaced))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def _interlaced(pixels: np.ndarray) -> bytes:
    """Return a PNG in the seven passes of Adam7."""
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    parts = [pixels[top::down, left::right] for top, left, down, right in passes]
    rows = b"".join(b"\0" + row.tobytes() for part in parts for row in part)
    return _packed(pixels.shape[1], pixels.shape[0], rows, interlaced=True)


def test_an_interlaced_png_and_one_with_an_orientation_give_the_pixels_as_they_are_stored() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown a quarter turn further
    wanted = np.asarray(RGB)[:, :, ::-1]
    for data in (_encoded(RGB), _encoded(RGB, exif=exif.tobytes()), _interlaced(np.asarray(RGB))):
        assert (image_codec.decode_square(data, "x", 45) == cv2.resize(wanted, (45, 45))).all()


def test_whatever_is_damaged_a_png_is_taken_or_refused_and_never_crashes_the_job() -> None:
    data, chance, refused = _encoded(RGB), random.Random(1), 0
    for _ in range(1000):
        damaged = bytearray(data)
        for _ in range(chance.choice((1, 1, 2, 5))):
            damaged[chance.randrange(8, len(data))] = chance.randrange(256)
        try:
            image_codec.decode_square(damaged, "x.png", 32)
        except BadInputError:
            refused += 1
    assert refused >= 990  # every chunk has a checksum; a byte may be replaced by itself


def test_a_png_with_fewer_pixels_than_it_declares_is_refused() -> None:
    data = _packed(60, 45, bytes(181 * 20))
    with pytest.raises(BadInputError, match=r"x\.png: damaged: the PNG cannot be decoded"):
        image_codec.verify_image(data, "x.png")


def test_the_monitor_measures_a_png_as_it_does_the_jpeg_of_its_pixels() -> None:
    data = stream.picture(3)
    jpeg, png = (image_features.measure_features(each, stream.answer(3), "x") for each in (data, as_png(data)))
    names = [name for name in image_features.FEATURE_NAMES if name != "bytes_per_pixel"]
    at = [image_features.FEATURE_NAMES.index(name) for name in names]
    assert np.allclose(jpeg[at], png[at], atol=0.5)


def test_a_captured_png_is_exported_as_it_was_sent_and_prepared_from_the_additional_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jpeg, png = archives.picture(901), as_png(archives.picture(902))
    desk, room = export_desk.Desk(tmp_path / "export"), archives.Room(tmp_path / "preprocess")
    monkeypatch.setenv("ML_ROOT", str(desk.root))
    desk.capture(stream.captured(1, picture=jpeg), stream.captured(2, picture=png))
    desk.label({export_desk.name_of(1): "nv", export_desk.name_of(2): "mel"})
    assert desk.run() == 0
    rows, files = export_desk.unpacked(desk.archive())
    ids = {row.label: row.image_id for row in rows}
    assert files == {f"{ids['nv']}.jpg": jpeg, f"{ids['mel']}.png": png}

    earlier = desk.archive()
    desk.add(earlier)
    desk.capture(stream.captured(3), name="b.jsonl")
    desk.label({export_desk.name_of(3): "df"}, "more.csv")
    assert desk.run() == 0
    assert set(files.items()) < set(export_desk.unpacked(desk.archive())[1].items())

    monkeypatch.setenv("ML_ROOT", str(room.root))
    room.put(archives.good().bytes())
    room.add(earlier)
    assert room.run() == 0
    (row,) = (row for row in room.manifest() if row["image_id"] == ids["mel"])
    assert (row["archive"], row["sha256"]) == ("addition", hashlib.sha256(png).hexdigest())
