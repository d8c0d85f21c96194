# SPDX-License-Identifier: MIT-0
"""The manifest says which images are judged."""

from pathlib import Path

import pytest

from pipeline_src import contract
from pipeline_src.evaluation import model_predictions
from pipeline_src.evaluation.model_predictions import HoldoutImage
from pipeline_src.runtime.errors import BadInputError

HEADER = ",".join(contract.MANIFEST_COLUMNS[:7])  # what an older manifest has


def manifest(folder: Path, *rows: str, header: str = HEADER) -> Path:
    lines = [header, *(f"{row},hash,1,1" for row in rows)]
    (folder / contract.MANIFEST_FILE).write_text("\n".join(lines) + "\n")
    return folder


def test_training_images_are_left_out_and_the_rest_is_sorted(tmp_path: Path) -> None:
    folder = manifest(tmp_path, "c,L3,nv,test", "a,L1,mel,validation", "b,L2,nv,train")
    assert model_predictions.held_out_images(model_predictions.read_manifest_images(folder)) == [
        HoldoutImage("a", "L1", "mel", "validation"),
        HoldoutImage("c", "L3", "nv", "test"),
    ]


def test_an_image_comes_with_what_the_table_says_of_the_patient(tmp_path: Path) -> None:
    header = ",".join(contract.MANIFEST_COLUMNS)
    row = "a,L1,mel,official,hash,1,0,male,45.0,back,histo,rosendahl,addition"
    (tmp_path / contract.MANIFEST_FILE).write_text(f"{header}\n{row}\n")
    wanted = HoldoutImage("a", "L1", "mel", "official", "male", "45.0", "back", "histo", "rosendahl", "addition")
    assert model_predictions.read_manifest_images(tmp_path) == [wanted]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,L1,melanoma,test", "line 2: label 'melanoma': not one of mel, nv"),
        ("a,L1,mel,dev", "line 2: split 'dev': not one of train"),
        (",L1,mel,test", "line 2: image_id ''"),
        ("../a,L1,mel,test", "line 2: image_id '../a'"),
    ],
)
def test_a_wrong_row_is_named_by_line_and_value(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        model_predictions.read_manifest_images(manifest(tmp_path, row))


def test_a_short_row_is_wrong_too(tmp_path: Path) -> None:
    (tmp_path / contract.MANIFEST_FILE).write_text(f"{HEADER}\na,L1\n")
    with pytest.raises(BadInputError, match="line 2: label ''"):
        model_predictions.read_manifest_images(tmp_path)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="missing column lesion_id, split"):
        model_predictions.read_manifest_images(manifest(tmp_path, header="image_id,label,a,b"))


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"manifest\.csv: not found"):
        model_predictions.read_manifest_images(tmp_path)


def test_an_image_listed_twice_is_refused(tmp_path: Path) -> None:
    manifest(tmp_path, "a,L1,nv,test", "a,L1,nv,test")
    with pytest.raises(BadInputError, match="a: listed twice"):
        model_predictions.read_manifest_images(tmp_path)


def test_a_lesion_that_the_model_may_have_seen_is_no_test_of_it(tmp_path: Path) -> None:
    folder = manifest(tmp_path, "a,L1,nv,train", "b,L1,nv,test")
    with pytest.raises(BadInputError, match=r"lesion L1: is in more than one split \(test, train\)"):
        model_predictions.read_manifest_images(folder)
