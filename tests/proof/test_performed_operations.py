# SPDX-License-Identifier: MIT-0
"""The table of performed operations is complete, each row has a source and counts, and its page is current."""

from tests.pipeline_src.definition.form import STEP_TYPES
from tests.proof.performed_operations import DEPLOYED_MODEL, EVERY_STEP, OPERATIONS, PAGE, THINGS, render


def test_the_page_is_what_the_table_renders() -> None:
    assert PAGE.read_text() == render(), "run: python tests/proof/performed_operations.py"


def test_every_step_type_that_a_definition_may_hold_has_rows() -> None:
    assert {*EVERY_STEP.split()} == STEP_TYPES
    assert {kind for each in OPERATIONS for kind in each.steps.split()} == STEP_TYPES | {DEPLOYED_MODEL}


def test_every_row_has_a_source_and_every_thing_a_row() -> None:
    assert all(each.source for each in OPERATIONS)
    assert {each.on for each in OPERATIONS} == set(THINGS)


def test_a_registration_creates_its_group_and_its_version_and_tags_both() -> None:
    rows = {
        (action, each.on) for each in OPERATIONS if each.steps == "RegisterModel" for action in each.actions.split()
    }
    wanted = {"CreateModelPackageGroup": "group", "CreateModelPackage": "version", "DescribeModelPackage": "version"}
    assert {(f"sagemaker:{verb}", on) for verb, on in wanted.items()} <= rows
    assert {("sagemaker:AddTags", "group"), ("sagemaker:AddTags", "version")} <= rows
