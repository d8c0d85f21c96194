# SPDX-License-Identifier: MIT-0
"""Additional archives on AWS: what the export's job may do, and that what it leaves starts a retraining."""

import json

import pytest

from operations.functions import function_payloads
from tests.proof.intrinsic import Resource
from tests.stacks.pattern import matches, transformed
from tests.stacks.retraining import Document, bucket
from tests.stacks.synthesis import deployed
from tests.stacks.test_trigger import rule, uploaded

KEY = f"additions/{'0' * 64}.zip"


def policy(documents: dict[str, Document]) -> Resource:
    policies = deployed(documents, "Monitoring", "AWS::IAM::Policy")
    (found,) = [each for each in policies if each.id.startswith("ExportRoleDefaultPolicy")]
    return found


def test_an_exported_archive_starts_a_retraining_with_the_newest_archive_and_it(documents: dict[str, Document]) -> None:
    raw, given = bucket(documents, "Raw"), rule(documents, "TriggerNewAddition")
    assert matches(given["EventPattern"], uploaded(raw, KEY))
    asked = json.loads(transformed(given["Targets"][0], uploaded(raw, KEY)))
    assert asked == {"archive": "", "commit": "", "reason": "data", "compare": "champion", "addition": KEY}
    assert asked["reason"] in function_payloads.RETRAINING_REASONS


@pytest.mark.parametrize("key", ["additions/export/job/export.json", "archives/0.zip", f"old/{KEY}", "additions.zip"])
def test_nothing_else_starts_one_so(documents: dict[str, Document], key: str) -> None:
    assert not matches(rule(documents, "TriggerNewAddition")["EventPattern"], uploaded(bucket(documents, "Raw"), key))
    assert not matches(rule(documents, "TriggerNewData")["EventPattern"], uploaded(bucket(documents, "Raw"), KEY))


def test_the_job_reads_captures_labels_and_additions_and_writes_additions_alone(
    documents: dict[str, Document],
) -> None:
    found: dict[str, set[str]] = {}
    for each in policy(documents).properties["PolicyDocument"]["Statement"]:
        actions = [each["Action"]] if isinstance(each["Action"], str) else each["Action"]
        resources = [each["Resource"]] if isinstance(each["Resource"], str) else each["Resource"]
        below = {resource.partition(":::")[2].partition("/")[2] for resource in resources if ":s3:::" in resource}
        for action in actions:
            found.setdefault(action, set()).update(below - {""})
    assert found["s3:GetObject"] == {"capture/production/*", "labels/*", "additions/*"}
    assert found["s3:PutObject"] == found["s3:AbortMultipartUpload"] == {"additions/*"}
    allowed = {action for action in found if action.startswith(("s3:", "sagemaker:", "ssm:", "sns:", "iam:"))}
    verbs = ("AbortMultipartUpload", "GetBucketLocation", "GetObject", "ListBucket", "PutObject")
    assert allowed == {f"s3:{verb}" for verb in verbs}


def test_whoever_starts_the_job_finds_its_role_and_its_machine_in_the_outputs(documents: dict[str, Document]) -> None:
    outputs = documents["Monitoring"]["Outputs"]
    assert outputs["ExportInstance"]["Value"] == "ml.m5.large"
    assert "ExportRole" in json.dumps(outputs["ExportRole"]["Value"])
