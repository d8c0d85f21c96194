# SPDX-License-Identifier: MIT-0
"""Reviews a real CDK application end to end, without account, credentials and network."""

from pathlib import Path

import pytest

from tests import isolation
from tests.review import repository
from tests.review.repository import Repository

APP = """
import aws_cdk as cdk
from aws_cdk import aws_iam as iam, aws_s3 as s3, aws_sns as sns

app = cdk.App()
storage = cdk.Stack(app, "Storage")
raw = s3.Bucket(storage, "Raw")
job = iam.Role(storage, "Job", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
raw.grant_read(job)
production = cdk.Stack(cdk.Stage(app, "Production"), "Endpoint")
sns.Topic(production, "Topic", display_name="old")
app.synth()
"""
EDITS = {
    "raw.grant_read(job)": 'raw.grant_read_write(job)\ncdk.CfnOutput(storage, "Out", value=raw.bucket_arn)',
    'display_name="old"': 'display_name="new", topic_name="other"',
}


@pytest.fixture(scope="module")
def branch(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    made = repository.create(Path(tmp_path_factory.mktemp("app")) / "repository")
    made.write("app.py", APP)
    made.commit()
    text = APP
    for old, new in EDITS.items():
        text = text.replace(old, new)
    made.write("app.py", text)
    return made


def test_a_real_app_is_reviewed_offline(branch: Repository) -> None:
    """The topic of the stage is replaced, the role may write, and nothing else needs attention."""
    run = branch.review(prefix=isolation.prefix())
    assert run.returncode == 3, run.stderr
    assert "`Production/Endpoint/Topic` (AWS::SNS::Topic): **replaced** because `TopicName`" in run.stdout
    assert "| `Storage` | `AWS:${Job}` | allowed | `s3:Abort*`, `s3:DeleteObject*`" in run.stdout
    assert "s3:GetObject" not in run.stdout.partition("### Stacks")[0]
    assert "2 stacks changed" in run.stdout
    assert "| output | `Out` |" in run.stdout
    assert str(branch.place.parent) not in run.stdout
    assert branch.is_clean()
    if not isolation.can_isolate():
        pytest.skip("it was reviewed, but online: this machine makes no namespace without a network")
