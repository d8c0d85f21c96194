# SPDX-License-Identifier: MIT-0
"""The report stands alone, says the verdict first, and shows what went wrong."""

import dataclasses
import html.parser
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline_src import contract, gate
from pipeline_src.lesions import evaluation, mistakes, plots, report
from pipeline_src.lesions.evaluation import Evaluation
from tests.jobs.lesions.evaluation import case

OPTIONS = evaluation.Options(0.85, gate.PROFILES["demo"])


class Reader(html.parser.HTMLParser):
    """Collects the page's words, pictures and every address it refers to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words, self.pictures, self.addresses, self.tags = [""], [], [], set()
        self.feed(page)
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        values = dict(attributes)
        self.addresses += [value or "" for name, value in attributes if name in {"src", "href", "srcset", "action"}]
        if tag == "img":
            self.pictures.append(values.get("alt") or "")

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def evaluated(counts: dict[str, int] | None = None, skill: float = 2.5, source: str = "synthetic") -> Evaluation:
    return evaluation.evaluate(case.predictions(counts, skill), case.card(case.images(counts), source), OPTIONS)


@pytest.fixture(scope="module")
def drawn() -> list[plots.Plot]:
    return report.plots_of(evaluated())


def page(judged: Evaluation, drawn: list[plots.Plot], pictures: Path = Path("/absent")) -> Reader:
    return Reader(report.html(judged, drawn, mistakes.worst(judged.test, pictures, report.MISTAKES)))


def test_the_page_needs_nothing_from_elsewhere(room: case.Room, drawn: list[plots.Plot]) -> None:
    read = page(evaluated(), drawn, room.holdout)
    assert len(read.addresses) == 3 + report.MISTAKES
    assert all(address.startswith("data:image/") for address in read.addresses)
    assert not read.tags & {"script", "link", "iframe"}
    assert "url(" not in read.text
    assert "@import" not in read.text


def test_every_picture_has_words_for_who_cannot_see_it(room: case.Room, drawn: list[plots.Plot]) -> None:
    read = page(evaluated(), drawn, room.holdout)
    assert all(len(alt) > 30 for alt in read.pictures)
    assert len(set(read.pictures)) == len(read.pictures)


def test_the_page_fits_a_phone(drawn: list[plots.Plot]) -> None:
    text = report.html(evaluated(), drawn, [])
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text


def test_a_pass_says_so_with_each_requirement(drawn: list[plots.Plot]) -> None:
    judged = evaluated()
    judged = dataclasses.replace(judged, verdict=gate.decide(evaluation.document(judged), gate.Floors(0.5, 0.4, 0, 1)))
    text = page(judged, drawn).text
    assert "PASS" in text
    assert "REJECTED" not in text
    assert text.count("✓ yes") == 4
    assert "≥ 0.4 0.5 ✓" in text.replace("\xa0", " ")


def test_a_reject_says_so_and_marks_what_was_missed(drawn: list[plots.Plot]) -> None:
    judged = evaluated(skill=0)
    text = page(judged, drawn).text
    missed = [requirement for requirement in judged.verdict.requirements if not requirement.passed]
    assert "REJECTED" in text
    assert f"misses {len(missed)} of 4" in text
    assert text.count("✗ no") == len(missed) > 0


@pytest.mark.parametrize(("source", "times"), [("synthetic", 2), ("rosendahl", 0)])
def test_synthetic_images_are_called_so_and_real_ones_are_not(
    source: str, times: int, drawn: list[plots.Plot], room: case.Room
) -> None:
    assert page(evaluated(source=source), drawn, room.holdout).text.count("Synthetic images") == times


def test_the_page_carries_disclaimer_hash_warnings_counts_and_glossary(drawn: list[plots.Plot]) -> None:
    text = page(evaluated(), drawn).text
    assert text.count("Research use only; not a medical device") == 2  # on top and at the foot
    assert "ab" * 32 in text
    assert "df: only 3 test images. Add images of it." in text
    assert re.search(r"nv melanocytic nevus 0 60 60", text)
    assert "Balanced accuracy The mean sensitivity" in text


def test_what_the_archive_says_is_shown_as_text_and_never_as_html(drawn: list[plots.Plot]) -> None:
    judged = evaluated(source="<script>alert(1)</script>")
    assert "script" not in page(judged, drawn).tags


def test_a_card_that_says_nothing_still_gives_a_page(drawn: list[plots.Plot]) -> None:
    text = page(dataclasses.replace(evaluated(), card={"images": 3, "warnings": None}), drawn).text
    assert "Archive SHA-256: unknown" in text


@pytest.mark.parametrize("missing", ["mel", "df"])
def test_a_missing_class_is_reported_as_not_defined(missing: str) -> None:
    judged = evaluated({label: 0 if label == missing else 2 for label in contract.CLASS_LABELS})
    text = page(judged, report.plots_of(judged)).text
    assert "not defined" in text
    assert "REJECTED" in text
    assert ("no operating point can be chosen" in text) is (missing == "mel")


def test_no_test_image_at_all_still_gives_a_page() -> None:
    judged = evaluated({})
    text = page(judged, report.plots_of(judged)).text
    assert "as there is no test image" in text
    assert "misses 4 of 4" in text


def test_plots_are_the_same_bytes_again(drawn: list[plots.Plot]) -> None:
    assert report.plots_of(evaluated()) == drawn


def test_plots_are_pictures_with_the_figures_in_their_words(drawn: list[plots.Plot]) -> None:
    judged = evaluated()
    for plot in drawn:
        pixels = cv2.imdecode(np.frombuffer(plot.png, np.uint8), cv2.IMREAD_COLOR)
        assert pixels.shape[1] == 1000
        assert b"Software" not in plot.png
    roc, confusion, bars = drawn
    assert f"mel {judged.per_class['mel'].auc:.3f}" in roc.alt
    assert "108 test images; 89 are right" in confusion.alt
    assert "bkl 0.643" in bars.alt


def test_the_roc_curve_shows_the_operating_point() -> None:
    judged = evaluated()
    hidden = dataclasses.replace(judged, melanoma=dataclasses.replace(judged.melanoma, sensitivity=None))
    assert plots.roc(judged).png != plots.roc(hidden).png


def test_the_worst_mistakes_are_the_surest_wrong_answers_on_test_images(room: case.Room) -> None:
    test = evaluated().test
    worst = mistakes.worst(test, room.holdout, 5)
    wrong = {
        image.image_id: probability
        for image, probability, right in zip(
            test.images, test.probabilities.max(axis=1), test.truth == test.predicted, strict=True
        )
        if not right
    }
    assert [mistake.probability for mistake in worst] == sorted(wrong.values(), reverse=True)[:5]
    assert all(wrong[mistake.image_id] == mistake.probability for mistake in worst)
    assert all(mistake.label != mistake.predicted for mistake in worst)
    assert mistakes.worst(test, room.holdout, 1000)[-1].probability == min(wrong.values())


def test_a_thumbnail_is_the_picture_made_small(room: case.Room) -> None:
    name = "ISIC_nv_test_004.jpg"
    small = mistakes.thumbnail(room.holdout / name)
    assert small is not None
    pixels = cv2.imdecode(np.frombuffer(small, np.uint8), cv2.IMREAD_COLOR)
    assert pixels.shape == (180, 240, 3)
    original = cv2.imdecode(np.frombuffer(case.picture("ISIC_nv_test_004"), np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(pixels[90, 120].astype(int) - original[45, 60]).max() < 8


def test_a_picture_that_cannot_be_shown_costs_the_report_nothing(tmp_path: Path, drawn: list[plots.Plot]) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    assert mistakes.thumbnail(tmp_path / "broken.jpg") is None
    assert mistakes.thumbnail(tmp_path / "absent.jpg") is None
    assert "no picture" in page(evaluated(), drawn, tmp_path).text
