# SPDX-License-Identifier: MIT-0
"""The champion's file is read as its own evaluation wrote it; anything else is refused by name and stops nothing."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_src import contract
from pipeline_src.evaluation import champion_predictions
from tests.jobs.evaluation import case, rival

IMAGES = rival.images(dict.fromkeys(rival.LABELS, 2))
RIGHT = rival.answered(IMAGES, lambda *_: False)
COLUMN = {name: place for place, name in enumerate(contract.PREDICTION_COLUMNS)}


def refusal(found: champion_predictions.ChampionPredictions | None) -> str:
    assert found is not None
    assert not found.answers
    assert "Name the predictions.csv that the champion's own evaluation wrote." in found.refusal
    return found.refusal


def test_what_an_evaluation_wrote_is_read_back_with_every_digit(tmp_path: Path) -> None:
    said = case.predictions()
    found = rival.file(tmp_path, rival.table(said))
    assert found is not None
    assert found == rival.known(said)
    assert {answer.split for answer in found.answers.values()} == {"validation", "test"}


def test_the_content_decides_not_the_name_of_the_file(tmp_path: Path) -> None:
    assert rival.file(tmp_path, rival.table(RIGHT), "abc123.bin") == rival.known(RIGHT)


@pytest.mark.parametrize("text", [contract.ABSENT_OBJECT, '{"absent":true}'])
def test_the_object_that_says_so_means_that_there_is_no_champion(tmp_path: Path, text: str) -> None:
    assert rival.raw(tmp_path, text.encode(), "predictions.csv") is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no column image_id"),
        (b'{"champion": "x"}', "no column image_id"),
        (b"\xff\xfe\x00PNG", "cannot be read as text"),
        (b'image_id,"open', "not CSV"),
        (b"[" * 100_000, "no column image_id"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    assert said in refusal(rival.raw(tmp_path, content))


def test_no_file_and_two_files_are_refused(tmp_path: Path) -> None:
    assert "holds 0 files" in refusal(champion_predictions.read_champion_predictions(tmp_path / "nothing"))
    rival.file(tmp_path, rival.table(RIGHT))
    assert "holds 2 files" in refusal(rival.raw(tmp_path, b"", "second.csv"))


def test_a_file_too_large_to_be_one_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(champion_predictions.CHAMPION_FILE_LIMIT + 1)
    assert "larger than 64 MiB" in refusal(champion_predictions.read_champion_predictions(tmp_path))


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (lambda names: names[:8] + names[9:], "no column p_akiec: other classes"),
        (
            lambda names: [*names[:5], "p_nv", "p_mel", *names[7:]],
            "column 'p_nv' out of place or too many: other classes",
        ),
        (lambda names: names[:-1], "no column melanoma_at_threshold: another format"),
        (lambda names: ["\ufeffimage_id", *names[1:]], "no column image_id: another format"),
        (lambda names: [*names, "extra"], "column 'extra' out of place or too many: another format"),
    ],
)
def test_other_columns_or_another_order_of_the_labels_is_refused(tmp_path: Path, header: object, said: str) -> None:
    rows = rival.table(RIGHT)
    rows[0] = header(rows[0])  # type: ignore[operator]  # one of the lambdas above
    assert said in refusal(rival.file(tmp_path, rows))


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("p_nv", "nan", "p_nv 'nan': not a number from 0 to 1"),
        ("p_nv", "inf", "p_nv 'inf': not a number from 0 to 1"),
        ("p_df", "-0.01", "p_df '-0.01': not a number from 0 to 1"),
        ("p_df", "", "p_df '': not a number from 0 to 1"),
        ("p_df", str(0.3 / (len(rival.LABELS) - 1) + 0.01), "the probabilities add up to 1.01, not 1"),
        ("melanoma_at_threshold", "", "melanoma_at_threshold '': not one of 0, 1"),
        ("melanoma_at_threshold", "True", "melanoma_at_threshold 'True': not one of 0, 1"),
        ("label", "melanoma", "label 'melanoma': not one of mel, nv"),
        ("split", "holdout", "split 'holdout': not one of train, validation, test, official"),
        ("predicted", "df", "predicted 'df': its highest probability is that of "),
        ("image_id", "", "or no id"),
        ("p_nv", "9" * 500, f"p_nv '{'9' * 60}…'"),
    ],
)
def test_a_wrong_value_is_refused_by_image_and_column(tmp_path: Path, column: str, value: str, said: str) -> None:
    rows = rival.table(RIGHT)
    rows[3][COLUMN[column]] = value
    found = refusal(rival.file(tmp_path, rows))
    assert said in found
    assert repr(rows[3][0]) in found
    assert f"the first of 1 wrong rows of {len(IMAGES)}" in found


def test_an_image_listed_twice_is_refused_by_its_id_and_all_wrong_rows_are_counted(tmp_path: Path) -> None:
    rows = rival.table(RIGHT)
    found = refusal(rival.file(tmp_path, [*rows, rows[5], rows[6]]))
    assert f"{rows[5][0]!r}: listed twice, the first of 2 wrong rows of {len(IMAGES) + 2}" in found


def test_a_short_row_is_refused(tmp_path: Path) -> None:
    rows = rival.table(RIGHT)
    assert f"has 3 of {len(contract.PREDICTION_COLUMNS)} fields" in refusal(
        rival.file(tmp_path, [*rows[:4], rows[4][:3]])
    )


def test_a_champion_without_an_operating_point_is_refused(tmp_path: Path) -> None:
    assert "melanoma_at_threshold ''" in refusal(rival.file(tmp_path, rival.table(RIGHT, None)))


@given(st.binary(max_size=300), st.integers(0, 1500))
def test_whatever_lies_in_the_file_nothing_is_raised(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, place: int
) -> None:
    folder = tmp_path_factory.getbasetemp() / "noise"
    text = "\n".join(",".join(row) for row in rival.table(RIGHT)).encode()
    found = rival.raw(folder, text[:place] + noise + text[place:])
    assert found is not None
    assert bool(found.answers) != bool(found.refusal)
