# SPDX-License-Identifier: MIT-0
"""The protective properties of the templates are the reviewed ones: a change of one shows as a line of golden/.

To accept a change: ``make accept-templates``, then read the diff of tests/stacks/golden/ line by line.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.assembly import CONNECTED, Assembled, templates_in
from tests.proof.sample import ACCOUNTS
from tests.stacks.protective import (
    HASH,
    NEUTRAL,
    Lines,
    Neutral,
    Reviewed,
    is_neutral,
    lines,
    parts,
    resolved,
    reviewed,
)

Documents = dict[str, dict[str, Any]]
GOLDEN: Final = Path(__file__).parent / "golden"
_WRITES: Final = os.environ.get("REVIEWED_TEMPLATES") == "write"
# Name of the file -> context. A resource of a later one that is as in the first is not repeated.
DEPLOYMENTS: Final[dict[str, dict[str, str]]] = {
    "everything": CONNECTED,
    "three_accounts": CONNECTED | ACCOUNTS,
    "as_shipped": {},
}
FIRST: Final = "everything"
SAME: Final = f"as in {FIRST}.json"
# Names of properties that protect something, wherever they stand: no rule of NEUTRAL may ever reach them.
KNOWN: Final = (
    *("DeletionPolicy", "UpdateReplacePolicy", "Condition", "DependsOn"),
    *("BucketEncryption", "PublicAccessBlockConfiguration", "VersioningConfiguration", "LifecycleConfiguration"),
    *("OwnershipControls", "LoggingConfiguration", "ReplicationConfiguration", "ObjectLockEnabled"),
    *("PolicyDocument", "AssumeRolePolicyDocument", "ManagedPolicyArns", "Policies", "Roles", "PermissionsBoundary"),
    *("KeyPolicy", "EnableKeyRotation", "PendingWindowInDays", "KmsMasterKeyId", "KmsKeyId", "EncryptionKey"),
    *("RetentionInDays", "MessageRetentionPeriod", "SqsManagedSseEnabled", "DeadLetterConfig", "RetryPolicy"),
    *("Namespace", "MetricName", "Dimensions", "Metrics", "Threshold", "Period", "EvaluationPeriods", "Statistic"),
    *("DatapointsToAlarm", "ComparisonOperator", "TreatMissingData", "AlarmActions", "ActionsEnabled", "AlarmRule"),
    *("EventPattern", "State", "ScheduleExpression", "Targets", "EventBusName"),
    *("Timeout", "ReservedConcurrentExecutions", "DestinationConfig", "MaximumRetryAttempts", "TimeoutInMinutes"),
    *("DefinitionString", "TracingConfiguration", "SourceArn", "SourceAccount", "Principal", "Action"),
    *("Stages", "ExecutionMode", "ArtifactStore", "RestartExecutionOnUpdate", "Triggers"),
    *("DeploymentConfig", "EnableNetworkIsolation", "VpcConfig", "DataCaptureConfig", "RetainAllVariantProperties"),
    *("MinCapacity", "MaxCapacity", "Budget", "NotificationsWithSubscribers", "Subscription", "Endpoint", "Protocol"),
    *("AllowedPattern", "AllowedValues", "NoEcho", "MinLength", "ModelPackageGroupName", "BuildSpec"),
)


@pytest.fixture(scope="module")
def sets(assembled: Assembled) -> dict[str, Documents]:
    """Return the templates of each deployment."""
    return {name: templates_in(assembled(context)) for name, context in DEPLOYMENTS.items()}


def changes(mine: Reviewed, theirs: Reviewed) -> Iterator[str]:
    """Yield each property that is not the reviewed one: stack, resource, path, reviewed value -> value."""
    for stack in sorted(mine.keys() | theirs.keys()):
        here, there = mine.get(stack, {}), theirs.get(stack, {})
        for id_ in sorted(here.keys() | there.keys()):
            yield from (f"{stack}/{id_} {each}" for each in differences(here.get(id_, {}), there.get(id_, {})))


def differences(mine: Lines, theirs: Lines) -> Iterator[str]:
    """Yield each line of one resource that is not the reviewed one. 1, 1.0 and true are different values."""
    for path in sorted(mine.keys() | theirs.keys()):
        old, new = (json.dumps(each[path]) if path in each else "(absent)" for each in (theirs, mine))
        if old != new:
            yield f"{path}: {old} -> {new}"


def written(now: Reviewed, first: Reviewed) -> str:
    """Return the text of a file: one line for each property, and one for each resource that is as in `first`."""
    stacks = []
    for stack, resources in sorted(now.items()):
        texts = []
        for id_, given in sorted(resources.items()):
            if now is not first and first.get(stack, {}).get(id_) == given:
                texts.append(f"  {json.dumps(id_)}: {json.dumps(SAME)}")
                continue
            rows = [f"   {json.dumps(path)}: {json.dumps(value)}" for path, value in sorted(given.items())]
            texts.append(f"  {json.dumps(id_)}: {{\n" + ",\n".join(rows) + "\n  }")
        stacks.append(f" {json.dumps(stack)}: {{\n" + ",\n".join(texts) + "\n }")
    return "{\n" + ",\n".join(stacks) + "\n}\n"


def read(name: str) -> Reviewed:
    """Return the reviewed properties of a deployment."""
    found = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    first = found if name == FIRST else read(FIRST)
    return {
        stack: {id_: first[stack][id_] if given == SAME else given for id_, given in resources.items()}
        for stack, resources in found.items()
    }


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_the_protective_properties_are_the_reviewed_ones(name: str, assembled: Assembled) -> None:
    now = reviewed(templates_in(assembled(DEPLOYMENTS[name])))
    if _WRITES:
        first = now if name == FIRST else reviewed(templates_in(assembled(DEPLOYMENTS[FIRST])))
        (GOLDEN / f"{name}.json").write_text(written(now, first), encoding="utf-8")
    assert list(changes(now, read(name))) == [], "Accept it with make accept-templates, if it is meant."


def _other(value: Any) -> Any:
    """Return another value of the same type."""
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int | float) else f"{value}x"


def _leaves(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield holder and key of each value inside `value` that holds no other."""
    for key, each in list(value.items() if isinstance(value, dict) else enumerate(value)):
        if isinstance(each, dict | list) and each:
            yield from _leaves(each)
        else:
            yield value, key


def _mistakes(declared: dict[str, Any]) -> Iterator[Any]:
    """Change each value of a resource in turn, then take it away, and yield the value; the resource ends as it was.

    Elements of lists are changed only: many are arguments of a function, which fails without one of them.
    """
    for holder, key in _leaves(declared):
        value = holder[key]
        holder[key] = _other(value)
        yield value
        if isinstance(holder, dict):
            del holder[key]
            yield value
        holder[key] = value


def test_each_value_that_is_changed_or_taken_away_changes_a_line(sets: dict[str, Documents]) -> None:
    """The table of mistakes is made of the templates: each value of each resource, but for hashes of assets.

    So the file holds a line for each of them that no rule of NEUTRAL names.
    """
    tried = 0
    for stack, document in sets[FIRST].items():
        for id_, (_, declared) in parts(document).items():
            before = dict(lines(resolved(declared)))
            for value in _mistakes(declared):
                tried += 1
                assert dict(lines(resolved(declared))) != before or HASH.search(str(value)), (stack, id_, value)
    assert tried > 5_000


def _properties(sets: dict[str, Documents]) -> Iterator[tuple[str, str, Any]]:
    """Yield type, path and value of every property of every deployment, neutral ones too."""
    for document in (each for documents in sets.values() for each in documents.values()):
        for kind, declared in parts(document).values():
            yield from ((kind, path, value) for path, value in lines(resolved(declared)))


def test_no_known_protective_property_is_neutral(sets: dict[str, Documents]) -> None:
    """Whatever rule is added. The pipeline's definition has a reviewed file of its own."""
    known = re.compile(rf"(?!.*/PipelineDefinitionBody/)(.*/)?({'|'.join(KNOWN)})(/.*)?")
    found = [(kind, path, value) for kind, path, value in _properties(sets) if known.fullmatch(path)]
    assert [each for each in found if is_neutral(*each)] == []
    seen = {name for name in KNOWN for _, path, _ in found if name in path.split("/")}
    kinds = {kind for kind, _, _ in found}
    assert [name for kind in kinds for name in set(KNOWN) - seen if is_neutral(kind, f"Properties/{name}", "")] == []


@pytest.mark.parametrize("rule", NEUTRAL, ids=lambda rule: rule.path)
def test_each_neutral_rule_is_needed(rule: Neutral, sets: dict[str, Documents]) -> None:
    assert any(rule.matches(*each) for each in _properties(sets))


def test_a_change_is_told_in_one_line(sets: dict[str, Documents]) -> None:
    """With stack, resource, property, reviewed and new value; a resource that is gone in one line for each property."""
    storage = {"Storage": sets[FIRST]["Storage"]}
    theirs, mine = reviewed(storage), reviewed(storage)
    mine["Storage"]["Raw72517081"]["Properties/PublicAccessBlockConfiguration/BlockPublicAcls"] = False
    expected = "Storage/Raw72517081 Properties/PublicAccessBlockConfiguration/BlockPublicAcls: true -> false"
    assert list(changes(mine, theirs)) == [expected]
    topic = mine["Storage"].pop("TopicPolicyA1747468")
    assert len(list(changes(mine, theirs))) == 1 + len(topic)
