# SPDX-License-Identifier: MIT-0
"""Mistakes in what a new model is compared with: who finds the champion, and what is read as long as there is none."""

import json
import re
from typing import Final

from tests.proof.intrinsic import Documents
from tests.proof.mutation import GONE, Change, Mistake, find, prop, statement, word

_START: Final = "Retraining IAM::Policy StarterStartRole"
_JOB: Final = "Training IAM::Policy JobRoleDefaultPolicy"
_PIPELINE: Final = "Training SageMaker::Pipeline"
_ARN: Final = "arn:aws:{}:eu-west-1:111122223333:{}"
_ASSET: Final = re.compile(r"[0-9a-f]{64}(?=\.json)")


def _asset(where: str, other: str) -> Change:
    """Return a change of each key of a JSON asset that the resource `where` names."""

    def change(documents: Documents) -> None:
        declared = find(documents, where)
        changed, count = _ASSET.subn(other, json.dumps(declared))
        if not count:
            raise LookupError(f"{where!r} names no asset")
        declared.update(json.loads(changed))

    return change


def _on(action: str, service: str, resource: str) -> Change:
    return statement(_START, action, "Resource", _ARN.format(service, resource))


MISTAKES: Final = (
    Mistake(
        "starter that reads another champion",
        "access",
        "retrain needs ssm:GetParameter",
        _on("ssm:GetParameter", "ssm", "parameter/other/champion"),
    ),
    Mistake(
        "starter that describes packages of another group",
        "access",
        "retrain needs sagemaker:DescribeModelPackage",
        _on("sagemaker:DescribeModelPackage", "sagemaker", "model-package/other/*"),
    ),
    Mistake(
        "starter that reads any package",
        "iam",
        "on every arn",
        _on("sagemaker:DescribeModelPackage", "sagemaker", "model-package/*"),
    ),
    Mistake(
        "starter that reads any parameter",
        "iam",
        "on every arn",
        _on("ssm:GetParameter", "ssm", "parameter/*"),
    ),
    Mistake(
        "starter that looks for predictions where none lie",
        "access",
        "retrain needs s3:ListBucket",
        word(_START, "runs/*/evaluate/evaluation/", "runs/*/evaluated/evaluation/"),
    ),
    Mistake(
        "starter without a policy",
        "access",
        "retrain needs ssm:GetParameter",
        prop(_START, "Roles", []),
    ),
    Mistake(
        "job that may not see that there is no champion", "performed", "Evaluate: job role", _asset(_JOB, "0" * 64)
    ),
    Mistake(
        "definition that names an object of nobody", "performed", "Evaluate: job role", _asset(_PIPELINE, "0" * 64)
    ),
    Mistake("job that reads every application's assets", "iam", "what others deployed", _asset(_JOB, "*")),
    Mistake(
        "definition whose comparison has no default",
        "definition",
        "ChampionPredictions",
        word(
            _PIPELINE,
            '"Name": "ChampionPredictions", "Type": "String"',
            '"Name": "ChampionPredictions", "Type": "Float"',
        ),
    ),
    Mistake(
        "notices that their role may not send",
        "event",
        "may not publish",
        prop("Monitoring IAM::Policy NotifierRole", "Roles", GONE),
    ),
)
