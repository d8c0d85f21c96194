# SPDX-License-Identifier: MIT-0
"""Where the functions begin: payload in, services asked, answer or report out."""

import json
from pathlib import Path
from typing import Any

import pytest

from operations.functions import lambda_handlers
from operations.functions.errors import UsageError
from tests.operations.evidence import GOLDEN
from tests.operations.functions.test_job import event, fails, succeeds
from tests.operations.functions.test_smoke_endpoint import evidence, invoked
from tests.operations.pipeline import Bucket, Pipeline, Store
from tests.operations.service import CHAMPION, EARLIER, METADATA, PACKAGE, TOPIC, Services

REPOSITORY = Path(__file__).resolve().parents[3]
EVENT = {"ModelPackageArn": PACKAGE}
_CONTRACT = ("__init__.py", "contract.py")


class Context:
    """What Lambda hands to a function beside the event."""

    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 300_000


CONTEXT = Context()


def test_retrain_answers_what_the_state_machine_waits_for() -> None:
    services: dict[str, Any] = {"sagemaker": Pipeline(), "s3": Bucket(), "ssm": Store()}
    asked = {"pipeline": "skin-lesion", "bucket": "raw", "archive": "", "commit": "0a1b2c3", "reason": "push"}
    asked |= {"champion": CHAMPION, "compare": "champion"}
    answer = lambda_handlers.retrain(asked, CONTEXT, services.__getitem__)
    assert set(json.loads(json.dumps(answer))) == {"execution", "started", "message"}
    assert answer["execution"] == services["sagemaker"].summaries[0]["PipelineExecutionArn"]


def test_release_answers_what_became_of_the_event(aws: Services) -> None:
    aws.package(status="Rejected")
    answer = lambda_handlers.release({"detail": EVENT, "delivery": "d", "champion": CHAMPION}, CONTEXT, aws)
    assert answer == {"started": False, "execution": "", "message": answer["message"]}


def test_rejected_tells_the_topic(aws: Services) -> None:
    aws.champion(PACKAGE)
    aws.answers("sns", "publish", {"MessageId": "1"})
    answer = lambda_handlers.rejected({"detail": EVENT, "champion": CHAMPION, "topic": TOPIC}, CONTEXT, aws)
    assert "is in production" in answer["message"]


@pytest.mark.parametrize(
    "function", [lambda_handlers.retrain, lambda_handlers.release, lambda_handlers.rejected, lambda_handlers.tally]
)
def test_a_wrong_payload_is_raised_so_that_the_caller_sees_its_sentence(function: Any, aws: Services) -> None:
    with pytest.raises(UsageError, match="needs exactly the keys"):
        function({}, CONTEXT, aws)


def _smokes(aws: Services, told: str = "", **more: str) -> None:
    """Have staging pass; whoever approves reads the figures and `told`."""
    evidence(aws, "predictions.csv", *GOLDEN)
    for image_id in GOLDEN:
        invoked(aws, image_id)
    line = "3 golden images (mel, nv, vasc): the scores differ from the evaluation by 0.0e+00 at most (allowed: 1e-03)"
    succeeds(
        aws,
        f"endpoint 'staging': {line}",
        report="https://us-east-1.console.aws.amazon.com/s3/object/runs?region=us-east-1"
        "&prefix=runs/abc/evaluate/evaluation/report.html",
        metrics="balanced accuracy 0.712, melanoma sensitivity 0.851, melanoma specificity 0.803, threshold 0.214, "
        f"1993 test images{told}",
        agreement=line,
    )
    lambda_handlers.smoke(event({"endpoint": "staging", "package": PACKAGE, **more}), CONTEXT, aws)


def test_smoke_reports_the_report_the_metrics_and_the_agreement_for_the_approval(aws: Services) -> None:
    aws.package()
    _smokes(aws)


def test_smoke_tells_whoever_approves_of_a_comparison_that_does_not_hold_any_more(aws: Services) -> None:
    aws.package(CustomerMetadataProperties=METADATA | {"champion": "none", "champion_difference": "absent"})
    aws.champion(EARLIER)
    by_now = "not compared with version 2 of skin-lesion, which is now in production"
    _smokes(aws, f"; compared with no other model; {by_now}", champion=CHAMPION)


def test_smoke_reports_a_failure_with_its_sentence(aws: Services) -> None:
    aws.package()
    aws.refuses("s3", "get_object", "NoSuchKey")
    place = "s3://runs/runs/abc/evaluate/evaluation/predictions.csv"
    fails(aws, f"{place}: does not exist. Run the pipeline again and approve the package that it registers.")
    lambda_handlers.smoke(event({"endpoint": "staging", "package": PACKAGE}), CONTEXT, aws)


def test_promote_moves_the_pointer_and_reports_it(aws: Services) -> None:
    aws.endpoint("production")
    aws.champion("")
    aws.answers("ssm", "put_parameter", {"Version": 2})
    succeeds(aws, "version 3 of skin-lesion is the champion.")
    lambda_handlers.promote(event({"endpoint": "production", "package": PACKAGE, "champion": CHAMPION}), CONTEXT, aws)


@pytest.mark.parametrize("function", [lambda_handlers.publish, lambda_handlers.smoke, lambda_handlers.promote])
def test_an_action_with_wrong_parameters_fails_and_does_not_hang(function: Any, aws: Services) -> None:
    name = function.__name__
    keys = {
        "publish": "package, bucket, region, access, images",
        "smoke": "endpoint, package, and takes access, region, champion",
        "promote": "endpoint, package, champion, and takes access, region, bucket",
    }[name]
    fails(aws, f"payload of {name}: needs exactly the keys {keys} (found: none). Name those.")
    function(event({}), CONTEXT, aws)
