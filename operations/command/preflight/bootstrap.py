# SPDX-License-Identifier: MIT-0
"""The CDK's bootstrap, which an account needs once in each region: its version, and the bucket that goes with it.

Its stack keeps its bucket when it is deleted, and the next bootstrap then fails because the name is taken. Source: CDK
Developer Guide, "AWS CDK bootstrapping" and "Troubleshoot AWS CDK bootstrapping issues".
"""

from collections.abc import Iterator
from typing import Final

from botocore.exceptions import ClientError

from operations.command import refusal
from operations.command.preflight import bucket
from operations.command.preflight.bucket import Holder
from operations.command.preflight.finding import Finding, Look, Verdict

PERMISSIONS: Final = ("ssm:GetParameter", *bucket.PERMISSIONS)
_BOOTSTRAP: Final = "make bootstrap, as an administrator"


def state(look: Look) -> Iterator[Finding]:
    """Yield how it stands with the bootstrap's version, then with its bucket."""
    version = _version(look)
    yield _judged(version, look)
    name = bucket.named(look.demand.bootstrap.bucket, look)
    holder = bucket.held_by(look.account.client("s3"), name, look.identity)
    yield from _bucket(name, holder, look.demand.bootstrap.stack, bootstrapped=version is not None)


def _version(look: Look) -> str | None:
    """Return the version of the bootstrap stack, or None where there is none."""
    try:
        found = look.account.client("ssm").get_parameter(Name=look.demand.bootstrap.parameter)
    except ClientError as error:
        if refusal.is_missing(error):
            return None
        raise
    return str(found["Parameter"]["Value"])


def _judged(version: str | None, look: Look) -> Finding:
    least, place = look.demand.bootstrap.version, f"account {look.identity} in {look.account.region}"
    if version is None:
        return Finding(Verdict.FAILED, f"the CDK has not been bootstrapped in {place}", _BOOTSTRAP)
    if not version.isdecimal() or int(version) < least:
        sentence = f"the CDK's bootstrap has version {version}, and the templates need {least} or later"
        return Finding(Verdict.FAILED, sentence, _BOOTSTRAP)
    return Finding(Verdict.OK, f"version {version}; the templates need {least}")


def _bucket(name: str, holder: Holder, stack: str, *, bootstrapped: bool) -> Iterator[Finding]:
    if holder is Holder.OTHERS:
        remedy = "Do not deploy here: assets would go to others. Choose another AWS_REGION, and tell AWS Support."
        yield Finding(Verdict.FAILED, f"another account holds the bucket of the bootstrap, {name}", remedy)
    elif bootstrapped and holder is Holder.NOBODY:
        remedy = f"Delete the stack {stack} (aws cloudformation delete-stack --stack-name {stack}), then "
        yield Finding(Verdict.FAILED, f"the bucket of the bootstrap, {name}, is gone", remedy + _BOOTSTRAP)
    elif not bootstrapped and holder is Holder.WE:
        remedy = f"If nothing in it is needed: aws s3 rb s3://{name} --force; then {_BOOTSTRAP}"
        yield Finding(Verdict.FAILED, f"an earlier bootstrap has left its bucket, {name}, in the way", remedy)
    elif bootstrapped:
        yield Finding(Verdict.OK, f"its bucket {name} is ours")
