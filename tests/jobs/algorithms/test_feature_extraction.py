# SPDX-License-Identifier: MIT-0
"""Each distinct image is computed once a view; its features depend on nothing but itself."""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline_src.algorithms import training_channel
from pipeline_src.algorithms.linear_probe import backbone_network, feature_extraction
from pipeline_src.algorithms.linear_probe.feature_cache import SHARD_VECTORS, FeatureCache
from pipeline_src.algorithms.linear_probe.feature_extraction import FeatureExtractor
from pipeline_src.algorithms.serving import image_predictor
from pipeline_src.algorithms.training_channel import Channel
from pipeline_src.dataset import image_codec
from pipeline_src.runtime.errors import BadInputError
from tests.jobs.algorithms import probe_case
from tests.jobs.algorithms.probe_case import SIDE, ProbeRoom

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def probe_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProbeRoom:
    monkeypatch.setenv("ML_ROOT", str(tmp_path))
    return ProbeRoom(tmp_path)


class CountingSession:
    """A session that counts its calls."""

    def __init__(self, *, value: float | None = None) -> None:
        self._session = image_predictor.single_thread_session(probe_case.small_backbone().SerializeToString())
        self._value = value
        self.calls = 0

    def run(self, names: None, feeds: dict[str, NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        self.calls += 1
        found: list[NDArray[np.float32]] = self._session.run(names, feeds)
        if self._value is not None:
            found[0][0, 3] = self._value
        return found


def _cache(folder: Path, notices: list[str] | None = None) -> FeatureCache:
    return FeatureCache(
        folder,
        backbone="small",
        image_side=SIDE,
        length=backbone_network.FEATURES,
        notice=([] if notices is None else notices).append,
    )


def _extract(
    channel: Channel, folder: Path, *, views: int = 2, workers: int = 2, session: CountingSession | None = None
) -> NDArray[np.float32]:
    extractor = FeatureExtractor(
        session or CountingSession(), _cache(folder), image_side=SIDE, progress=lambda *_: None
    )
    return extractor.extract([(channel, views)], workers)[0]


def test_features_are_those_of_each_view_of_each_image(probe_room: ProbeRoom) -> None:
    probe_room.put("train", probe_case.records(2))
    channel = training_channel.scan_channel("train", SIDE)
    features = _extract(channel, probe_room.root / "cache", views=3)
    session = CountingSession()
    for image, vectors in zip(channel.images, features, strict=True):
        pixels = image_codec.decode_square(probe_case.picture(image.number, image.label), "", SIDE)
        for view, vector in zip(feature_extraction.choose_views(image.digest, 3), vectors, strict=True):
            turned = feature_extraction.view_of(pixels, view)
            assert (session.run(None, {"pixels": turned[np.newaxis]})[0][0] == vector).all()


def test_a_repeated_record_is_one_image(probe_room: ProbeRoom) -> None:
    once = probe_case.records(2)
    probe_room.put("train", [*once, *once[:5], once[0]])
    channel = training_channel.scan_channel("train", SIDE)
    assert (channel.records, len(channel.images)) == (20, 14)
    session = CountingSession()
    _extract(channel, probe_room.root / "cache", session=session)
    assert session.calls == 14 * 2


def test_an_image_with_two_labels_is_two_examples_and_computed_once(probe_room: ProbeRoom) -> None:
    image = probe_case.picture(0)
    probe_room.put("train", [probe_case.record(0, 0, "a", image), probe_case.record(1, 1, "b", image)])
    channel = training_channel.scan_channel("train", SIDE)
    session = CountingSession()
    features = _extract(channel, probe_room.root / "cache", session=session)
    assert channel.labels.tolist() == [0, 1]
    assert session.calls == 2
    assert (features[0] == features[1]).all()


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_number_of_threads_changes_no_bit(probe_room: ProbeRoom, workers: int) -> None:
    probe_room.put("train", probe_case.records(4))
    channel = training_channel.scan_channel("train", SIDE)
    found = [_extract(channel, probe_room.root / str(n), workers=n) for n in (workers, 3)]
    assert found[0].tobytes() == found[1].tobytes()


def test_only_what_is_new_is_computed(probe_room: ProbeRoom) -> None:
    """More images, then more views."""
    cache, old = probe_room.root / "cache", probe_case.records(2)
    for content, views, calls in (
        (old, 2, 28),
        (old, 2, 0),
        (old + probe_case.records(1, first=50), 2, 14),
        (old, 3, 14),
    ):
        probe_room.put("train", content)
        session = CountingSession()
        channel = training_channel.scan_channel("train", SIDE)
        warm = _extract(channel, cache, views=views, session=session)
        assert session.calls == calls
        assert warm.tobytes() == _extract(channel, probe_room.root / f"{views} {len(content)}", views=views).tobytes()


def test_a_killed_job_continues_where_it_was(probe_room: ProbeRoom) -> None:
    """It kills itself after 600 images, when one file of the cache is complete."""
    probe_room.put("train", probe_case.records(100))
    script = f"""
import os, signal
from pathlib import Path
from pipeline_src.algorithms import training_channel
from pipeline_src.algorithms.linear_probe import feature_extraction
from tests.jobs.algorithms import test_feature_extraction as case

def progress(done, total):
    if done >= 600:
        os.kill(os.getpid(), signal.SIGKILL)

extractor = feature_extraction.FeatureExtractor(
    case.CountingSession(), case._cache(Path({str(probe_room.root / "cache")!r})), image_side=case.SIDE,
    progress=progress,
)
extractor.extract([(training_channel.scan_channel("train", case.SIDE), 1)], 2)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, env=os.environ, check=False)
    assert done.returncode == -signal.SIGKILL
    session = CountingSession()
    channel = training_channel.scan_channel("train", SIDE)
    features = _extract(channel, probe_room.root / "cache", views=1, session=session)
    assert session.calls == 700 - SHARD_VECTORS
    assert features.tobytes() == _extract(channel, probe_room.root / "empty", views=1).tobytes()


def test_the_eight_views_are_the_symmetries_of_the_square_and_the_first_is_the_image() -> None:
    pixels = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    views = [feature_extraction.view_of(pixels, view) for view in range(feature_extraction.VIEWS)]
    assert (views[0] == pixels).all()
    assert len({view.tobytes() for view in views}) == 8
    assert all(sorted(view[:, :, 1].ravel()) == sorted(pixels[:, :, 1].ravel()) for view in views)


def test_views_are_chosen_by_image_without_repetition_and_more_views_keep_the_fewer() -> None:
    digests = [hashlib.sha256(bytes([n])).digest() for n in range(200)]
    for digest in digests:
        most = feature_extraction.choose_views(digest, 8)
        assert sorted(most) == list(range(8))
        assert [feature_extraction.choose_views(digest, count) for count in range(1, 9)] == [
            most[:count] for count in range(1, 9)
        ]
        assert most[0] == 0
    assert {feature_extraction.choose_views(digest, 2)[1] for digest in digests} == set(range(1, 8))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_are_refused_by_image(probe_room: ProbeRoom, value: float) -> None:
    probe_room.put("train", probe_case.records(1))
    channel = training_channel.scan_channel("train", SIDE)
    with pytest.raises(BadInputError, match="image 0: the backbone's features are not finite"):
        _extract(channel, probe_room.root / "cache", session=CountingSession(value=value))


def _scan(room: ProbeRoom, content: list[bytes]) -> str:
    room.put("train", content)
    with pytest.raises(BadInputError) as caught:
        training_channel.scan_channel("train", SIDE)
    return str(caught.value)


def test_a_record_that_cannot_be_used_is_refused_by_number(probe_room: ProbeRoom) -> None:
    good = probe_case.records(1)
    assert "record 7: label 7: there are 7 classes" in _scan(probe_room, [*good, probe_case.record(9, 7, "x")])
    large = probe_case.record(9, 1, "x", probe_case.picture(9, side=32))
    assert "record 7: 32x32 pixels, but image_shape says 16x16" in _scan(probe_room, [*good, large])
    assert "record 7: zero bytes" in _scan(probe_room, [*good, probe_case.record(9, 1, "x", b"")])
    assert "no record. Give the channel 'train'" in _scan(probe_room, [])


def test_an_image_that_cannot_be_decoded_is_refused_by_its_number(probe_room: ProbeRoom) -> None:
    image = probe_case.picture(3)
    probe_room.put("train", [*probe_case.records(1), probe_case.record(99, 1, "x", image[:-9])])
    channel = training_channel.scan_channel("train", SIDE)
    with pytest.raises(BadInputError, match=r"train\.rec: image 99: truncated"):
        _extract(channel, probe_room.root / "cache")


def test_a_channel_has_one_file(probe_room: ProbeRoom) -> None:
    with pytest.raises(BadInputError, match=r"channel 'train': .* must hold one .rec file \(found: none\)"):
        training_channel.scan_channel("train", SIDE)
    path = probe_room.put("train", probe_case.records(1))
    (path.parent / "more.rec").write_bytes(b"")
    with pytest.raises(BadInputError, match=r"found: more.rec, train.rec"):
        training_channel.scan_channel("train", SIDE)
