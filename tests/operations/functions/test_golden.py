# SPDX-License-Identifier: MIT-0
"""Which images a smoke test sends: the first test image of each class."""

from pathlib import Path

import pytest

from operations.functions.endpoint_answers import LocalFolder, S3Folder, choose_golden_images
from operations.functions.errors import SmokeTestError
from pipeline_src import contract
from pipeline_src.contract import CLASS_LABELS
from tests.operations.evidence import GOLDEN, picture, scores, table
from tests.operations.service import Services


def test_it_is_the_first_test_image_by_id_of_each_class_that_has_one() -> None:
    found = choose_golden_images(table(), "predictions.csv")
    assert [image.image_id for image in found] == GOLDEN
    assert [image.label for image in found] == ["mel", "nv", "vasc"]
    assert found[0].scores == tuple(scores(picture("I2")))


def test_there_are_no_more_of_them_than_classes() -> None:
    rows = [f"I{number},test,{label}{',0.125' * len(CLASS_LABELS)}" for label in CLASS_LABELS for number in range(100)]
    header = ",".join(("image_id", "split", "label", *(f"p_{label}" for label in CLASS_LABELS)))
    assert len(choose_golden_images("\n".join([header, *rows]).encode(), "")) == len(CLASS_LABELS)


def test_the_columns_are_found_by_name_in_whatever_order() -> None:
    assert choose_golden_images(table(tuple(reversed(contract.PREDICTION_COLUMNS))), "") == choose_golden_images(
        table(), ""
    )


@pytest.mark.parametrize("column", ["image_id", "split", "label", "p_mel", "p_vasc"])
def test_a_missing_column_is_named(column: str) -> None:
    columns = tuple(name for name in contract.PREDICTION_COLUMNS if name != column)
    with pytest.raises(SmokeTestError, match=rf"x/predictions\.csv: has no column {column}\. Run the pipeline again"):
        choose_golden_images(table(columns), "x/predictions.csv")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b",test,", b",train,", "has no row of the split 'test'"),
        (b"test,mel", b"test,melanoma", r"line 5: label 'melanoma': is not one of mel, nv"),
        (b"I2,", b"../I2,", r"line 5: image_id '../I2': is not a file name"),
        (b"I2,", b",", r"line 5: image_id '': is not a file name"),
        (repr(scores(picture("I2"))[0]).encode(), b"much", "line 5: .*'much': a score is not a number"),
        (repr(scores(picture("I2"))[0]).encode(), b"nan", "line 5: .* one is not finite"),
    ],
)
def test_a_table_that_cannot_be_compared_with_is_refused_with_its_line(old: bytes, new: bytes, told: str) -> None:
    assert old in table()
    with pytest.raises(SmokeTestError, match=told):
        choose_golden_images(table().replace(old, new), "predictions.csv")


def test_a_table_cut_short_in_the_middle_of_a_row_is_refused() -> None:
    whole = table()
    with pytest.raises(SmokeTestError, match="a score is not a number"):
        choose_golden_images(whole[: whole.index(b"I2,") + 20], "predictions.csv")


def test_an_object_that_is_not_there_is_named(aws: Services) -> None:
    aws.refuses("s3", "get_object", "NoSuchKey")
    with pytest.raises(SmokeTestError, match=r"s3://runs/a/predictions\.csv: does not exist"):
        S3Folder(aws("s3"), "s3://runs/a/").read(contract.PREDICTIONS_FILE)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SmokeTestError, match=r"I1\.jpg: No such file or directory"):
        LocalFolder(tmp_path).read("I1.jpg")
