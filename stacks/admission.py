# SPDX-License-Identifier: MIT-0
"""What the buckets and keys of build's account let a stage do that is elsewhere: fetch its template, send its captures.

The other side of each stands beside the role that does it, in entrance.py and replication.py.
"""

from aws_cdk import aws_kms, aws_s3

from pipeline_src import contract
from stacks import place
from stacks.artifact import OF_THE_BUCKET, READ, delivered
from stacks.crossing import caller, let_describe_key, let_in, let_use_key
from stacks.replication import KEY, OF_THE_TARGET, REPLICATE
from stacks.settings import Environment, Settings


def admit_deliverer(bucket: aws_s3.Bucket, key: aws_kms.Key, *, settings: Settings, stage: str) -> None:
    """Let the role that deploys `stage` read the delivery's artifacts in `bucket`, that of the stage's region."""
    where: Environment = getattr(settings, f"{stage}_environment")
    by = caller(where, place.role(settings, "deliver", stage))
    let_in(bucket, by, OF_THE_BUCKET)
    let_in(bucket, by, READ, f"{delivered(settings)}*")
    here = Environment(account=settings.build.account, region=where.region)
    let_use_key(key, by, here, place.artifacts_bucket(settings, where.region), "Decrypt")
    let_describe_key(key, by)


def admit_replicas(bucket: aws_s3.Bucket, key: aws_kms.Key, *, settings: Settings, stage: str) -> None:
    """Let S3, as the role that replicates `stage`'s captures, write them into `bucket`."""
    where: Environment = getattr(settings, f"{stage}_environment")
    by = caller(where, place.role(settings, "replicate", stage))
    let_in(bucket, by, OF_THE_TARGET)
    let_in(bucket, by, REPLICATE, f"{contract.CAPTURE_PREFIX}{stage}/*")
    let_use_key(key, by, settings.build, place.captures_bucket(settings), *KEY)
