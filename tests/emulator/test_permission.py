# SPDX-License-Identifier: MIT-0
"""Least privilege, tried out: what each role needs succeeds under its synthesized policies, all else is denied.

The emulator enforces IAM for S3, KMS, SSM, SNS, SQS and Logs. SageMaker, CodePipeline and Application Auto Scaling it
does not know; tests/proof reads the policies on those.
"""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.emulator.conftest import Cloud
from tests.emulator.identity import Identity, assume
from tests.emulator.role import (
    ACCEPTED,
    ADDITIONS,
    BASELINE,
    CAPTURE,
    DECRYPTS,
    HISTORY,
    HOLDOUT,
    KEY,
    KEY_USES,
    LABELS,
    LISTS,
    NO_CHAMPION,
    OBJECTS,
    PLACES,
    PREDICTIONS,
    READS,
    REPORTS,
    ROLES,
    WRITES,
)
from tests.proof.sample import ACCOUNT, REGION


@dataclass(frozen=True)
class Place:
    """What the roles are tried on: buckets by their short names, the key, and one identity a role."""

    buckets: dict[str, str]
    key: str
    parameter: str
    topic: str
    secret: bytes
    no_champion: str
    identities: dict[str, Identity]

    def object(self, place: str) -> dict[str, str]:
        bucket, _, key = place.partition(":")
        return {"Bucket": self.buckets[bucket], "Key": self.no_champion if place == NO_CHAMPION else key}


@pytest.fixture(scope="module")
def place(cloud: Cloud) -> Place:
    s3 = cloud.emulator.client("s3")
    s3.create_bucket(Bucket="somebody-elses", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    buckets = {name.lower(): cloud.one("storage", name) for name in ("Raw", "Runs", "Artifacts")}
    identities = {short: assume(cloud.emulator, cloud.one(*where)) for short, where in ROLES.items()}
    key, topic = (cloud.one("storage", name) for name in ("Key", "Topic"))
    champion = "/skin-lesion/champion"
    cloud.emulator.client("ssm").put_parameter(Name=champion, Value="a model package", Type="String")
    secret = cloud.emulator.client("kms").encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    buckets |= {"assets": f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}", "other": "somebody-elses"}
    (file,) = cloud.assembly.glob("asset.*.json")
    found = Place(buckets, key, champion, topic, secret, file.name.removeprefix("asset."), identities)
    for each in OBJECTS:
        s3.put_object(**found.object(each), Body=b"x")
    return found


@pytest.mark.parametrize("role", ROLES)
def test_a_role_reads_what_it_needs_and_nothing_else(role: str, place: Place) -> None:
    found = {each for each in OBJECTS if place.identities[role].may("s3", "get_object", **place.object(each))}
    assert found == READS.get(role, set())


@pytest.mark.parametrize("role", ROLES)
def test_a_role_writes_where_it_needs_and_nowhere_else(role: str, place: Place) -> None:
    found = {e for e in PLACES if place.identities[role].may("s3", "put_object", **place.object(e), Body=b"x")}
    assert found == WRITES.get(role, set())


@pytest.mark.parametrize("role", READS)
def test_without_tls_a_role_reads_nothing(role: str, place: Place) -> None:
    who = replace(place.identities[role], tls=False)
    assert [each for each in READS[role] if who.may("s3", "get_object", **place.object(each))] == []


@pytest.mark.parametrize("role", ROLES)
def test_no_role_deletes(role: str, place: Place) -> None:
    assert [each for each in OBJECTS if place.identities[role].may("s3", "delete_object", **place.object(each))] == []


@pytest.mark.parametrize("role", [*LISTS, "model", "release", "notifier"])
def test_a_role_lists_the_prefixes_that_it_needs_and_no_other(role: str, place: Place) -> None:
    asked = [f"{bucket}:{prefix}" for bucket in place.buckets for prefix in ("", "archives/", "runs/", "checkpoints/")]
    asked += [NO_CHAMPION, PREDICTIONS, HOLDOUT, BASELINE, CAPTURE, LABELS, REPORTS, HISTORY, ACCEPTED, ADDITIONS]
    found = {
        each
        for each in asked
        if place.identities[role].may(
            "s3", "list_objects_v2", Bucket=place.object(each)["Bucket"], Prefix=place.object(each)["Key"]
        )
    }
    assert found == LISTS.get(role, set())


@pytest.mark.parametrize("role", ROLES)
def test_a_role_uses_the_key_as_it_needs(role: str, place: Place) -> None:
    given: dict[str, dict[str, Any]] = {"encrypt": {"Plaintext": b"x"}, "generate_data_key": {"KeySpec": "AES_256"}}
    who = place.identities[role]
    assert [use for use in KEY if who.may("kms", use, KeyId=place.key, **given[use])] == list(KEY_USES.get(role, ()))


@pytest.mark.parametrize("role", ROLES)
def test_no_role_administers_the_key(role: str, place: Place) -> None:
    who = place.identities[role]
    assert not who.may("kms", "schedule_key_deletion", KeyId=place.key, PendingWindowInDays=7)
    assert not who.may("kms", "disable_key", KeyId=place.key)
    assert not who.may("kms", "put_key_policy", KeyId=place.key, PolicyName="default", Policy="{}")


@pytest.mark.parametrize("role", ROLES)
def test_who_reads_what_is_encrypted_decrypts_and_nobody_else(role: str, place: Place) -> None:
    assert place.identities[role].may("kms", "decrypt", CiphertextBlob=place.secret) is (role in DECRYPTS)


@pytest.mark.parametrize("role", ROLES)
def test_no_role_opens_a_bucket(role: str, place: Place) -> None:
    who, runs = place.identities[role], place.buckets["runs"]
    assert not who.may("s3", "delete_bucket_policy", Bucket=runs)
    assert not who.may("s3", "delete_public_access_block", Bucket=runs)
    assert not who.may("s3", "delete_bucket_encryption", Bucket=runs)


@pytest.mark.parametrize("role", ROLES)
def test_promotion_alone_writes_the_champion_and_those_that_act_on_it_or_tell_of_it_read_it(
    role: str, place: Place
) -> None:
    who = place.identities[role]
    assert who.may("ssm", "get_parameter", Name=place.parameter) is (
        role in ("start", "release", "rejected", "monitor", "smoke", "promote")
    )
    written = who.may("ssm", "put_parameter", Name=place.parameter, Value="none", Overwrite=True)
    assert written is (role == "promote")


@pytest.mark.parametrize("role", ROLES)
def test_who_tells_people_publishes_and_nobody_else(role: str, place: Place) -> None:
    told = place.identities[role].may("sns", "publish", TopicArn=place.topic, Message="x")
    assert told is (role in ("rejected", "notifier", "delivery", "judge"))


@pytest.mark.parametrize("role", ROLES)
def test_no_role_widens_itself(role: str, place: Place) -> None:
    who = place.identities[role]
    assert not who.may("iam", "create_role", RoleName="more", AssumeRolePolicyDocument="{}")
    assert not who.may("iam", "list_roles")
