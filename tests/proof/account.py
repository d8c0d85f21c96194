# SPDX-License-Identifier: MIT-0
"""Accesses between accounts: each that is expected is allowed by both sides, and nothing else is allowed by either.

What is expected stands in crossing.py. A request of one account for a thing of another needs an Allow of the role's own
policies and one of the thing's: a bucket's, a key's, a role's trust. Here each side is asked by itself, with the other
one letting everything pass, so that neither relies on the other to be narrow.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tests.proof import border, crossing, deviation
from tests.proof.intrinsic import Documents, Resource, resources
from tests.proof.policy import Policy, policies
from tests.proof.simulation import GENEROUS, Document, Question, Request, allowed, welcoming

_SITE: Final = "Site"
_PUSH: Final = "PushBuildRole"


@dataclass(frozen=True)
class Sides:
    """The policies of all accounts.

    Attributes:
        found: All.
    """

    found: list[Policy]

    def identity(self, role: str) -> list[Document]:
        """Return the policies of the role of that ARN."""
        account, _, name = role.partition("::")[2].partition(":role/")
        return [
            each.document
            for each in self.found
            if each.kind == "identity" and each.account == account and name in each.roles
        ]

    def resource(self, request: Request) -> Document | None:
        """Return the policy of what the request is for; None: it has none."""
        arn = request.resource.partition("/")[0] if request.action.startswith("s3:") else request.resource
        if ":role/cdk-" in arn:
            return welcoming(request)  # No template makes it; `cdk bootstrap --trust` has it trust build's account.
        return next((each.document for each in self.found if arn in each.of), None)


def problems(documents: Documents) -> Iterator[str]:
    """Yield what the two sides of an access in `documents` allow too little or too much."""
    deployed, found = resources(documents), policies(documents)
    expected = crossing.crossings(deployment(deployed))
    sides = Sides(found)
    yield from _refused(expected, sides)
    yield from _unneeded(expected, list(border.grants(found, _owners(deployed))), _registries(documents))
    yield from _too_wide(expected, sides)


def deployment(deployed: list[Resource]) -> crossing.Deployment:
    """Return what the templates are a deployment of; with no stage elsewhere nothing crosses."""
    (group,) = (each for each in deployed if each.kind == "AWS::SageMaker::ModelPackageGroup")
    push = [str(each.arn) for each in deployed if each.kind == "AWS::IAM::Role" and each.id.startswith(_PUSH)]
    stages = {each.stack: each.where for each in deployed if each.stack.endswith(_SITE)}
    return crossing.Deployment(
        name=str(group.properties["ModelPackageGroupName"]),
        account=group.where.account,
        region=group.where.region,
        stages=tuple(
            crossing.Stage(stack.removesuffix(_SITE).lower(), where.account, where.region, _captures(stack, deployed))
            for stack, where in stages.items()
        ),
        keys=dict(_keys(deployed)),
        push=push[0].rpartition("/")[2] if push else "",
    )


def _captures(stack: str, deployed: list[Resource]) -> bool:
    endpoint = f"Endpoints{stack.removesuffix(_SITE)}"
    return any("DataCaptureConfig" in each.properties for each in deployed if each.stack.startswith(endpoint))


def _keys(deployed: list[Resource]) -> Iterator[tuple[str, str]]:
    """Yield the ARN of each bucket and that of the key of its stack."""
    keys = {each.stack: str(each.arn) for each in deployed if each.kind == "AWS::KMS::Key"}
    for each in deployed:
        if each.kind == "AWS::S3::Bucket" and each.stack in keys:
            yield str(each.arn), keys[each.stack]


def _owners(deployed: list[Resource]) -> dict[str, str]:
    return {str(each.arn): each.where.account for each in deployed if each.kind == "AWS::S3::Bucket"}


def _registries(documents: Documents) -> set[str]:
    """Return AWS's own accounts, which a template takes from its mappings."""
    tables = [table for each in documents.values() for table in each.get("Mappings", {}).values()]
    return {str(value) for table in tables for row in table.values() for value in row.values()}


def _refused(expected: Sequence[Request], sides: Sides) -> Iterator[str]:
    """Yield the expected accesses that one side refuses, and which."""
    theirs = allowed([Question(each, sides.identity(each.role), welcoming(each)) for each in expected])
    ours = allowed([Question(each, [GENEROUS], sides.resource(each)) for each in expected])
    both = allowed([Question(each, sides.identity(each.role), sides.resource(each)) for each in expected])
    for request, role, resource, together in zip(expected, theirs, ours, both, strict=True):
        refusing = [side for side, allows in (("the role", role), ("the resource", resource)) if not allows]
        if not together:
            yield f"{request}: refused by the policy of {' and of '.join(refusing) or 'both together'}"


def _unneeded(expected: Sequence[Request], found: list[border.Grant], registries: set[str]) -> Iterator[str]:
    """Yield the grants across a border that no expected access uses."""
    asked = [(grant, each) for grant in found for each in expected if grant.statement["Action"] == each.action]
    answers = allowed([_by_itself(grant, each) for grant, each in asked])
    used = {str(grant) for (grant, _), allows in zip(asked, answers, strict=True) if allows}
    for grant in found:
        if str(grant) not in used and not border.pulls_from(grant, registries):
            yield f"{grant}: no expected access needs it"


def _by_itself(grant: border.Grant, request: Request) -> Question:
    """Ask for a request with nothing but `grant` on its side."""
    if grant.policy.kind == "identity":
        holds = request.caller == grant.policy.account and request.role.rpartition("/")[2] in grant.policy.roles
        return Question(request, [grant.document] if holds else [], welcoming(request))
    arn = request.resource.partition("/")[0] if request.action.startswith("s3:") else request.resource
    return Question(request, [GENEROUS], grant.document if arn in grant.policy.of else None)


def _too_wide(expected: Sequence[Request], sides: Sides) -> Iterator[str]:
    """Yield the requests, wrong in one thing, that a side allows all the same."""
    known = frozenset((each.role, each.action, each.resource) for each in expected)
    here, there = list[Question](), list[Question]()
    for each in expected:
        wrong, ways = list(deviation.by_which_action(each, known)), list(deviation.in_which_context(each))
        other = list(deviation.of_what(each))
        here += [Question(it, sides.identity(each.role), welcoming(it)) for it in (*wrong, *ways, *other)]
        if ":role/cdk-" in each.resource or (each.caller == each.account and not each.action.startswith("sts:")):
            continue  # Within an account the role's policies are enough, but for who may assume a role.
        # The policy of a key and of a role names no resource: it is of that one. That of a bucket does. A key's own
        # cannot ask for its aliases (KMS Developer Guide, "AWS KMS condition keys").
        wrong += [*deviation.by_whom(each), *(other if each.action.startswith("s3:") else ())]
        wrong += ways if "kms:ResourceAliases" not in each.context else ()
        there += [Question(it, [GENEROUS], sides.resource(each)) for it in wrong]
    for side, questions in (("the role", here), ("the resource", there)):
        for question, allows in zip(questions, allowed(questions), strict=True):
            if allows:
                yield f"{question.request}: allowed by the policy of {side}, and nothing expected"
