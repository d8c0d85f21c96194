# SPDX-License-Identifier: MIT-0
"""RegisterModel: the model card of a package is what the service would take."""

from pathlib import Path
from typing import Any

import pytest

from local.errors import DefinitionError
from local.json_files import read_json
from tests.local.fake import ALGORITHM, FakeRunner, definition, run


def register(card: Any) -> dict[str, Any]:
    container = {"Image": ALGORITHM, "ModelDataUrl": "s3://raw/model.tar.gz"}
    arguments = {"ModelPackageGroupName": "g", "InferenceSpecification": {"Containers": [container]}}
    return definition({"Name": "R", "Type": "RegisterModel", "Arguments": arguments | {"ModelCard": card}})


@pytest.fixture
def home_with_model(home: Path) -> Path:
    model = home / "s3/raw/model.tar.gz"
    model.parent.mkdir(parents=True)
    model.touch()
    return home


def test_the_card_is_kept_with_the_package(home_with_model: Path) -> None:
    card = {"ModelCardContent": '{"intended_uses":{}}', "ModelCardStatus": "PendingReview"}
    assert run(register(card), home_with_model, FakeRunner()).exit_code == 0
    assert read_json(home_with_model / "registry/g/1.json")["ModelCard"] == card


@pytest.mark.parametrize("content", ["no JSON", "[]", '{"a":\n1}', '{"a":"' + 100_000 * "x" + '"}'])
def test_a_card_that_the_service_would_not_take_fails_the_step_and_registers_nothing(
    home_with_model: Path, content: str
) -> None:
    ending = run(register({"ModelCardContent": content}), home_with_model, FakeRunner())
    assert ending.exit_code == 1
    assert "not a JSON object on one line of at most 100000 characters" in str(ending.reason)
    assert not (home_with_model / "registry").exists()


def test_a_status_that_the_service_does_not_know_is_refused_before_anything_runs(home_with_model: Path) -> None:
    with pytest.raises(DefinitionError, match=r"R\.ModelCard\.ModelCardStatus: 'Good'"):
        run(register({"ModelCardContent": "{}", "ModelCardStatus": "Good"}), home_with_model, FakeRunner())
