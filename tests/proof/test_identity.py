# SPDX-License-Identifier: MIT-0
"""What holds data keeps its logical id: a renamed one would be made anew, empty, beside the old.

A change here is a migration: docs/several-accounts.md says how the data moves. The ids of exports that stacks read,
and the ids from which CloudFormation builds the names that policies expect, are of the same kind.
"""

from typing import Final

from tests.proof.intrinsic import Documents
from tests.proof.kept import REVIEWED, kept

NAMES: Final = {
    "Endpoint": "AWS::SageMaker::Endpoint",
    "skinlesion{stage}configuration": "AWS::SageMaker::EndpointConfig",
    "skinlesion{stage}model": "AWS::SageMaker::Model",
}


def test_what_holds_data_or_was_confirmed_keeps_its_id(documents: Documents) -> None:
    assert kept(documents) == REVIEWED


def test_the_endpoints_resources_keep_the_ids_that_policies_expect_in_their_names(documents: Documents) -> None:
    for stack, document in documents.items():
        if stack.startswith("Endpoints"):
            declared = {id_: each["Type"] for id_, each in document["Resources"].items()}
            stage = next(stage for stage in ("staging", "production") if stage in stack.lower())
            assert {id_.format(stage=stage): kind for id_, kind in NAMES.items()}.items() <= declared.items()
