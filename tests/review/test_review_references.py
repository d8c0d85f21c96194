# SPDX-License-Identifier: MIT-0
"""Renamed resources, imports, changed types and removed stacks are told of once and truly."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from review import stack_changes
from review.app_versions import BaseCommit
from review.markdown_report import review_document
from review.renamed_resources import find_renames
from tests.review import repository
from tests.review.guarded_template import BASE, HASH
from tests.review.repository import STAND_IN
from tests.review.template import Template, allow, assembly, policy, resource

Stacks = dict[str, Template]


def _export(id_: str, attribute: str) -> dict[str, Any]:
    value = {"Fn::GetAtt": [id_, attribute]} if attribute else {"Ref": id_}
    word = f"FnGetAtt{id_}{attribute}" if attribute else f"Ref{id_}"
    return {f"Out{id_}{attribute}": {"Value": value, "Export": {"Name": f"app-storage:ExportsOutput{word}12345678"}}}


def _import(id_: str, attribute: str) -> dict[str, Any]:
    (output,) = _export(id_, attribute).values()
    return {"Fn::ImportValue": output["Export"]["Name"]}


def stacks(raw: str = "Raw72517081", key: str = "Key961B73FD", days: int = 30) -> Stacks:
    """A bucket and a key with these ids, and two stacks that import them."""
    kept = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    rules = [{"Id": "Tidy", "ExpirationInDays": days, "Status": "Enabled"}]
    denied = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:*", "Resource": {"Fn::GetAtt": [raw, "Arn"]}}
    storage: Template = {
        raw: resource("AWS::S3::Bucket", raw, LifecycleConfiguration={"Rules": rules}, **kept),
        f"{raw}Policy": resource(
            "AWS::S3::BucketPolicy", f"{raw}/Policy", Bucket={"Ref": raw}, PolicyDocument={"Statement": [denied]}
        ),
        key: resource("AWS::KMS::Key", key, EnableKeyRotation=True, **kept),
        "Topic": resource("AWS::SNS::Topic", "Topic"),
    }
    outputs = {**_export(raw, "Arn"), **_export(raw, ""), **_export(key, "Arn"), **_export("Topic", "")}
    statements = [
        allow(["s3:GetObject", "s3:PutObject"], {"Fn::Join": ["", [_import(raw, "Arn"), "/archives/*"]]}),
        allow("kms:Decrypt", _import(key, "Arn")),
        allow("s3:GetObject", f"arn:aws:s3:::assets/{HASH}.json"),
    ]
    alarm = copy.deepcopy(BASE["Alarm"])
    alarm["Properties"] |= {
        "AlarmActions": [_import("Topic", "")],
        "Dimensions": [{"Name": "B", "Value": _import(raw, "")}],
    }
    step = {"Name": "Train", "Type": "Training", "Arguments": {"KmsKeyId": "IMAGE"}}
    before, _, after = json.dumps({"Steps": [step]}).partition("IMAGE")
    body = {"Fn::Join": ["", [before, _import(key, "Arn"), after]]}
    run = resource("AWS::SageMaker::Pipeline", "Run", PipelineDefinition={"PipelineDefinitionBody": body})
    user = {"Run": run, "Job": resource("AWS::IAM::Role", "Job"), "P": policy(*statements), "Alarm": alarm}
    return {
        "Storage": {"Resources": storage, "Outputs": outputs},
        "Training": user,
        "Monitoring": {"P": policy(statements[0])},
    }


def review(tmp_path: Path, old: Stacks, new: Stacks) -> str:
    """What stands above the details."""
    sides = [assembly(tmp_path / word, side) for word, side in (("old", old), ("new", new))]
    return review_document(BaseCommit("0" * 40, "main"), stack_changes.stack_changes(*sides), [])


def test_a_renamed_bucket_and_key_are_told_once_and_broaden_nothing(tmp_path: Path) -> None:
    text = review(tmp_path, stacks(), stacks("Archives12345678", "DataKey12345678")).partition("### Stacks")[0]
    assert "**left behind**, `Storage/Stack/Archives12345678` takes its place" in text
    assert "### Permissions that broaden" not in text
    assert "BucketPolicy" not in text
    assert text.count("\n- ") == 1
    assert "### Pipeline" not in text
    assert "`Storage`: exports removed or changed that `Monitoring`, `Training` import" in text


def test_what_loosens_together_with_a_new_name_is_told(tmp_path: Path) -> None:
    text = review(tmp_path, stacks(), stacks("Archives12345678", days=1))
    assert "`ExpirationInDays` `30` → `1` (deleted sooner)" in text


def test_a_permission_that_broadens_together_with_a_new_name_is_told(tmp_path: Path) -> None:
    new = stacks("Archives12345678")
    new["Monitoring"]["P"]["Properties"]["PolicyDocument"]["Statement"][0]["Action"].append("s3:DeleteObject")
    text = review(tmp_path, stacks(), new).partition("### Stacks")[0]
    assert text.count("| `Monitoring` |") == 1
    assert "| `s3:DeleteObject` |" in text


def test_the_renamed_resource_is_told_by_a_review_of_a_real_branch(tmp_path: Path) -> None:
    made = repository.create(tmp_path / "repository")
    made.write("app.py", STAND_IN.replace("Stack.template", "Storage.template"))
    assembly(made.place / "assembly", stacks())
    made.commit()
    made.git("checkout", "--quiet", "-b", "topic")
    made.git("rm", "--quiet", "-r", "assembly")
    assembly(made.place / "assembly", stacks("Archives12345678"))
    made.commit()
    text = made.review().stdout.partition("### Stacks")[0]
    assert "takes its place" in text
    assert "### Permissions that broaden" not in text


def test_another_hash_of_an_asset_in_a_permission_broadens_nothing(tmp_path: Path) -> None:
    new = json.loads(json.dumps(stacks()).replace(HASH, HASH[::-1]))
    text = review(tmp_path, stacks(), new)
    assert "nothing destructive, nothing broadened" in text
    assert "code changed" in text


def test_an_alarm_that_is_replaced_by_another_one_is_told(tmp_path: Path) -> None:
    new = stacks()
    alarm = new["Training"].pop("Alarm")
    alarm["Properties"] |= {"MetricName": "Warnings"}
    new["Training"]["Other"] = alarm
    assert "`MetricName` `Errors` → `Warnings` (watches something else)" in review(tmp_path, stacks(), new)


def test_a_resource_of_another_kind_is_no_new_name() -> None:
    old = {"Resources": {"A": resource("AWS::SNS::Topic", "A")}}
    assert find_renames(old, {"Resources": {"B": resource("AWS::SQS::Queue", "B")}}) == {}
    assert find_renames(old, {"Resources": {"B": resource("AWS::SNS::Topic", "B")}}) == {"A": "B"}


def test_an_export_that_another_stack_still_imports_is_told(tmp_path: Path) -> None:
    new = stacks()
    del new["Storage"]["Outputs"]["OutKey961B73FDArn"]
    text = review(tmp_path, stacks(), new)
    assert "exports removed or changed that `Training` import: `${Storage/Stack/Key961B73FD.Arn}`" in text
    assert "`Training` still import what is no longer exported, so the deployment fails" in text


def test_an_export_that_nobody_imports_may_go(tmp_path: Path) -> None:
    old, new = stacks(), stacks()
    old["Storage"]["Outputs"] |= _export("Unused", "")
    assert "exports removed" not in review(tmp_path, old, new)


@pytest.mark.parametrize(
    ("policies", "what"),
    [
        ({}, "its content is lost"),
        ({"DeletionPolicy": "Retain"}, "its content is lost"),
        ({"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}, "its content stays in the account"),
    ],
)
def test_a_resource_whose_type_changes_is_destroyed(tmp_path: Path, policies: dict[str, str], what: str) -> None:
    old = {"Storage": {"Raw": resource("AWS::S3::Bucket", "Raw", **policies)}}
    new = {"Storage": {"Raw": resource("AWS::SNS::Topic", "Raw", **policies)}}
    text = review(tmp_path, old, new)
    assert f"`Stack/Raw` (AWS::S3::Bucket): **destroyed** because its type becomes `AWS::SNS::Topic`; {what}" in text


def test_a_removed_stack_is_left_behind_and_nothing_of_it_is_lost(tmp_path: Path) -> None:
    new = stacks()
    del new["Storage"]
    text = review(tmp_path, stacks(), new)
    assert "(AWS::S3::Bucket): **left behind** with its stack; its content stays in the account until" in text
    assert "lost" not in text
    assert "destroyed" not in text.replace("are destroyed, replaced or left behind", "")
    assert "exports of it that `Monitoring`, `Training` import" in text


def test_a_removed_nested_stack_is_destroyed(tmp_path: Path) -> None:
    for word in ("old", "new"):
        assembly(tmp_path / word, {"Outer": {}})
    nested = {"Resources": {"Raw": resource("AWS::S3::Bucket", "Raw")}}
    (tmp_path / "old" / "Inner.nested.template.json").write_text(json.dumps(nested))
    changes = stack_changes.stack_changes(tmp_path / "old", tmp_path / "new")
    text = review_document(BaseCommit("0" * 40, "main"), changes, [])
    assert "**destroyed**; its content is lost" in text
    assert "left behind" not in text.replace("replaced or left behind", "")


def test_what_empties_a_bucket_on_deletion_is_told(tmp_path: Path) -> None:
    new = stacks()
    new["Storage"]["Resources"]["Emptier"] = resource("Custom::S3AutoDeleteObjects", "Raw/AutoDeleteObjects")
    assert "deletes what it belongs to together with its content" in review(tmp_path, stacks(), new)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ({"AllowedPattern": "arn:.+"}, {}, "`AllowedPattern` `arn:.+` is removed (limits less)"),
        ({"AllowedValues": ["a"]}, {"AllowedValues": ["a", "b"]}, "`AllowedValues[1]` now `b` (limits less)"),
        ({"NoEcho": True}, {"NoEcho": False}, "`NoEcho` `true` → `false` (protects less)"),
    ],
)
def test_a_parameter_that_admits_more_is_told(
    tmp_path: Path, old: dict[str, Any], new: dict[str, Any], words: str
) -> None:
    sides = [
        {"Storage": {"Resources": {}, "Parameters": {"Package": {"Type": "String", **given}}}} for given in (old, new)
    ]
    assert f"`Storage`: parameter `Package`: {words}" in review(tmp_path, *sides)
    assert "nothing destructive" in review(tmp_path / "back", *reversed(sides))


def test_a_condition_that_decides_otherwise_is_told(tmp_path: Path) -> None:
    sides = [
        {"Storage": {"Resources": {}, "Conditions": {"Here": {"Fn::Equals": [{"Ref": "AWS::Region"}, region]}}}}
        for region in ("eu-west-1", "nowhere")
    ]
    assert "`Storage`: condition `Here`" in review(tmp_path, *sides)
