# SPDX-License-Identifier: MIT-0
"""Who may do what, read with intrinsics resolved: IAM's grammar by parliament, and the rules of least privilege."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from tests.proof import review
from tests.proof.intrinsic import Documents, resources
from tests.proof.policy import Policy, Statement, listed, policies

_SOURCES: Final = ("aws:sourceaccount", "aws:sourcearn", "kms:encryptioncontext:", "kms:calleraccount")
# Every one of a kind, such as role/* or a bucket of any name; objects below a named bucket are not meant.
_WHOLE: Final = re.compile(r"arn:[^:]*:(?!s3:)[^:]*:[^:]*:[^:]*:(\*|[\w-]+[/:]\*)|arn:[^:]*:s3:::[^/]*\*.*")
_ROLE: Final = re.compile(r"arn:[\w-]+:iam::\d{12}:role/[\w+=,.@/-]+")
# The CDK's bucket holds what every application in the account was deployed with.
_ASSETS: Final = re.compile(r"arn:[^:]*:s3:::cdk-[^/]*-assets-[^/]*/.*\*.*")


def problems(documents: Documents) -> Iterator[str]:
    """Yield what is wrong with the policies in `documents`."""
    found = policies(documents)
    for policy in found:
        yield from (f"{policy.place}: {problem}" for problem in of_policy(policy))
    yield from _permissions(documents)
    yield from _managed(documents)


def of_policy(policy: Policy) -> Iterator[str]:
    """Yield what is wrong with one policy."""
    yield from _grammar(policy)
    for statement in policy.allowing:
        yield from (f"{key} allows all but what it names" for key in statement if key.startswith("Not"))
        yield from _others(statement, policy)
        if policy.kind == "trust":
            yield from _trust(statement)
        else:
            yield from _actions(statement, policy)
            yield from _sources(statement) if policy.kind == "resource" else _resources(statement)
        yield from _passing(statement)


def _actions(statement: Statement, policy: Policy) -> Iterator[str]:
    if policy.owner == "AWS::KMS::Key" and _is_account(statement, policy.account):
        return  # The key's administration lies with the account's own IAM policies, as KMS wants it.
    for action in statement.get("Action", []):
        if "*" in action and action not in review.WILD_ACTIONS:
            yield f"{action} allows more than one operation"
        if action in review.ADMINISTRATION:
            yield f"{action} is administration"


def _resources(statement: Statement) -> Iterator[str]:
    for resource in statement.get("Resource", []):
        if resource == "*":
            yield from _everywhere(statement)
        elif _ASSETS.fullmatch(resource):
            yield f"{', '.join(statement['Action'])} on what others deployed: {resource}"
        elif _WHOLE.fullmatch(resource) and not (_is_known_key(resource, statement) or _is_tagged(statement)):
            kinds = {action.partition(":")[0] for action in statement["Action"]} | set(statement["Action"])
            if not kinds & review.WHOLE_KIND.keys():
                yield f"{', '.join(statement['Action'])} on every {resource}"


def _is_tagged(statement: Statement) -> bool:
    """Return whether it holds only for what carries, or is just given, a tag of this application's."""
    names = statement.get("Condition", {}).get("StringEquals", {})
    return any(name in names for name in ("aws:RequestTag/project", "aws:ResourceTag/project"))


def _everywhere(statement: Statement) -> Iterator[str]:
    for action in statement["Action"]:
        if action not in review.NO_RESOURCE:
            yield f"{action} on every resource"
        if action == "cloudwatch:PutMetricData" and "cloudwatch:namespace" not in _keys(statement):
            yield f"{action} into every namespace"


def _passing(statement: Statement) -> Iterator[str]:
    if "iam:PassRole" not in listed(statement.get("Action", [])):
        return
    if "iam:passedtoservice" not in _keys(statement):
        yield "iam:PassRole to any service"
    if any("*" in resource for resource in listed(statement.get("Resource", []))):
        yield "iam:PassRole of more than one role"


def _trust(statement: Statement) -> Iterator[str]:
    principal = statement.get("Principal", {})
    if principal == "*" or not isinstance(principal, dict):
        yield f"anyone may assume it: {principal}"
        return
    for service in listed(principal.get("Service", [])):
        if service not in review.NO_SOURCE and not _has_source(statement):
            yield f"{service} may assume it for any account (no aws:SourceAccount or aws:SourceArn)"
    yield from (f"unknown kind of principal {kind}" for kind in sorted(principal.keys() - {"AWS", "Service"}))


def _others(statement: Statement, policy: Policy) -> Iterator[str]:
    """Yield who of another account is let in by more than the exact ARN of a role."""
    principal = statement.get("Principal", {})
    for other in listed(principal.get("AWS", [])) if isinstance(principal, dict) else []:
        roles = listed(statement.get("Condition", {}).get("ArnEquals", {}).get("aws:PrincipalArn", []))
        exact = roles and all(_ROLE.fullmatch(str(each)) and each.split(":")[4] in str(other) for each in roles)
        if policy.account not in str(other) and other != "*" and not exact:
            what = "assume it" if policy.kind == "trust" else f"do {', '.join(statement['Action'])}"
            yield f"{other} may {what}, whichever of its roles asks"


def _is_known_key(resource: str, statement: Statement) -> bool:
    """Return whether the statement is about a key whose random id cannot be known, but whose use or alias is.

    S3 uses it for one bucket alone, or it bears one alias.
    """
    conditions = statement.get("Condition", {})
    equals, any_equals = conditions.get("StringEquals", {}), conditions.get("ForAnyValue:StringEquals", {})
    by_s3 = (equals.get("kms:ViaService", "*"), equals.get("kms:EncryptionContext:aws:s3:arn", "*"))
    by_alias = (any_equals.get("kms:ResourceAliases", "*"),)
    return resource.endswith(":key/*") and any("*" not in str(named) for named in (by_s3, by_alias))


def _sources(statement: Statement) -> Iterator[str]:
    principal = statement.get("Principal", {})
    if principal == "*" or (isinstance(principal, dict) and "*" in listed(principal.get("AWS", []))):
        yield f"anyone may do {', '.join(statement['Action'])}"
    elif isinstance(principal, dict) and "Service" in principal and not _has_source(statement):
        yield f"{principal['Service']} may do {', '.join(statement['Action'])} for any account"


def _permissions(documents: Documents) -> Iterator[str]:
    for resource in resources(documents):
        given = resource.properties
        if resource.kind == "AWS::Lambda::Permission" and not {"SourceArn", "SourceAccount"} & given.keys():
            yield f"{resource.place}: {given.get('Principal')} may call the function for any account"


def _managed(documents: Documents) -> Iterator[str]:
    for resource in resources(documents):
        for arn in resource.properties.get("ManagedPolicyArns", []):
            if ":iam::aws:" in arn:
                yield f"{resource.place}: {arn} allows what AWS thinks fit; write down what is needed"


def _grammar(policy: Policy) -> Iterator[str]:
    # JSON numbers and booleans are good IAM, but parliament reads text alone.
    document = json.loads(json.dumps(policy.document), parse_float=str, parse_int=str)
    for finding in dict.fromkeys(_findings(json.dumps(document, sort_keys=True))):
        # A trust policy names no resource, because it is its role's own.
        if not (policy.kind == "trust" and "neither Resource nor NotResource" in finding):
            yield from (() if any(known in finding for known in review.NO_MISTAKE) else (finding,))


@cache
def _findings(document: str) -> tuple[str, ...]:
    # Its import takes a second, which a test that reads no policy need not wait for.
    import parliament

    return tuple(f"{each.issue}: {each.detail}" for each in parliament.analyze_policy_string(document).findings)


def _has_source(statement: Statement) -> bool:
    return any(key.startswith(_SOURCES) for key in _keys(statement))


def _keys(statement: Statement) -> set[str]:
    """Return the condition keys of `statement`, in lower case, as IAM compares them."""
    return {key.lower() for tests in statement.get("Condition", {}).values() for key in tests}


def _is_account(statement: Statement, account: str) -> bool:
    principal: Any = statement.get("Principal")
    return bool(principal == {"AWS": f"arn:aws:iam::{account}:root"})
