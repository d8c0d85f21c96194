# SPDX-License-Identifier: MIT-0
"""The delivery pipeline: one package after the other, to staging, past a person, to production."""

import json
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Any

import pytest

from operations.functions import function_payloads, model_delivery
from stacks.delivery.delivery_pipeline import PACKAGE_VARIABLE
from tests.stacks.synthesis import deployed, endpoint_of, stages_of, user_parameters

PACKAGE = "#{variables.ModelPackageArn}"
# What operations.functions.lambda_handlers.smoke hands on; tests/operations proves that it does.
SMOKE_GIVES = {"report", "metrics", "agreement"}


@pytest.fixture(scope="module")
def pipeline(documents: dict[str, Any]) -> dict[str, Any]:
    (found,) = deployed(documents, "Deployment", "AWS::CodePipeline::Pipeline")
    return found.properties


@pytest.fixture(scope="module")
def stages(documents: dict[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    return stages_of(documents)


def ordered(actions: dict[str, dict[str, Any]]) -> list[str]:
    """Return the names of a stage's actions in the order in which they run; no two run at once."""
    orders = [action["RunOrder"] for action in actions.values()]
    assert len(set(orders)) == len(orders)
    return sorted(actions, key=lambda name: actions[name]["RunOrder"])


def test_a_package_goes_to_staging_past_a_person_and_to_production(stages: dict[str, Any]) -> None:
    assert {name: ordered(actions) for name, actions in stages.items()} == {
        "Source": ["Templates"],
        "Staging": ["Deploy", "SmokeTest"],
        "Approval": ["Approve"],
        "Production": ["Deploy", "SmokeTest", "Promote"],
    }


def test_executions_queue_and_are_told_their_package_by_a_variable(pipeline: dict[str, Any]) -> None:
    """A variable with a default would let an execution start that delivers nothing anybody approved."""
    assert (pipeline["PipelineType"], pipeline["ExecutionMode"]) == ("V2", "QUEUED")
    assert [each.keys() & {"Name", "DefaultValue"} for each in pipeline["Variables"]] == [{"Name"}]
    assert [each["Name"] for each in pipeline["Variables"]] == [PACKAGE_VARIABLE] == [model_delivery.PACKAGE_VARIABLE]


def test_new_templates_start_nothing(pipeline: dict[str, Any], stages: dict[str, Any]) -> None:
    """Only an approval does."""
    assert stages["Source"]["Templates"]["Configuration"]["PollForSourceChanges"] is False
    assert "Triggers" not in pipeline
    assert pipeline.get("RestartExecutionOnUpdate", False) is False


def test_a_stage_that_fails_goes_back_to_what_it_delivered_last(pipeline: dict[str, Any]) -> None:
    back = {stage["Name"]: stage.get("OnFailure", {}).get("Result") for stage in pipeline["Stages"]}
    assert back == {"Source": None, "Staging": "ROLLBACK", "Approval": None, "Production": "ROLLBACK"}


def test_a_broken_staging_stack_is_made_anew_and_a_broken_production_stack_is_never_deleted(
    stages: dict[str, Any],
) -> None:
    modes = {name: stages[name]["Deploy"]["Configuration"]["ActionMode"] for name in ("Staging", "Production")}
    assert modes == {"Staging": "REPLACE_ON_FAILURE", "Production": "CREATE_UPDATE"}


@pytest.mark.parametrize("stage", ["Staging", "Production"])
def test_a_deployment_hands_its_template_exactly_the_parameters_that_it_has(
    stage: str, stages: dict[str, Any], documents: dict[str, Any]
) -> None:
    configuration = stages[stage]["Deploy"]["Configuration"]
    given, template = json.loads(configuration["ParameterOverrides"]), endpoint_of(documents, stage)
    assert given.keys() == template["Parameters"].keys()
    assert given["ModelPackageArn"] == PACKAGE
    for name, declared in template["Parameters"].items():
        if name != "ModelPackageArn":
            assert re.fullmatch(declared["AllowedPattern"], given[name]), f"{name}: {given[name]}"
    assert configuration["StackName"] == template["Resources"]["Endpoint"]["Properties"]["EndpointName"]
    assert "Capabilities" not in configuration


def test_the_functions_are_handed_exactly_their_payload(stages: dict[str, Any]) -> None:
    expected = {
        ("Staging", "SmokeTest"): (function_payloads.SmokeRequest, "skin-lesion-staging"),
        ("Production", "SmokeTest"): (function_payloads.SmokeRequest, "skin-lesion-production"),
        ("Production", "Promote"): (function_payloads.PromoteRequest, "skin-lesion-production"),
    }
    for (stage, name), (kind, endpoint) in expected.items():
        given = user_parameters(stages[stage][name])
        # What may be left out says by which way an endpoint that is elsewhere is reached: test_site_delivery.py.
        needed = {field.name for field in fields(kind) if field.default is MISSING}
        assert given.keys() == needed | ({"champion"} if stage == "Staging" else set())
        assert (given["package"], given["endpoint"]) == (PACKAGE, endpoint)


def test_each_action_calls_the_handler_that_its_name_says(documents: dict[str, Any], stages: dict[str, Any]) -> None:
    handlers = {
        each.rest["Properties"]["Handler"]: each.arn
        for each in deployed(documents, "Deployment", "AWS::Lambda::Function")
    }
    for stage, name, handler in (
        ("Staging", "SmokeTest", "smoke"),
        ("Production", "SmokeTest", "smoke"),
        ("Production", "Promote", "promote"),
    ):
        function = stages[stage][name]["Configuration"]["FunctionName"]
        assert str(handlers[f"operations.functions.lambda_handlers.{handler}"]).endswith(f":{function}")


def test_whoever_approves_is_told_the_package_the_metrics_and_the_agreement_and_has_the_report(
    stages: dict[str, Any],
) -> None:
    configuration = stages["Approval"]["Approve"]["Configuration"]
    assert configuration["ExternalEntityLink"] == "#{StagingSmoke.report}"
    for part in (PACKAGE, "#{StagingSmoke.metrics}", "#{StagingSmoke.agreement}"):
        assert part in configuration["CustomData"]
    assert ":sns:" in configuration["NotificationArn"]


def test_every_variable_that_is_used_was_given_before(stages: dict[str, Any]) -> None:
    known = {f"variables.{PACKAGE_VARIABLE}"}
    for actions in stages.values():
        for name in ordered(actions):
            used = set(re.findall(r"#\{([^}]+)\}", json.dumps(actions[name]["Configuration"])))
            assert used <= known, f"{name}: {used - known}"
            if "Namespace" in actions[name]:
                known |= {f"{actions[name]['Namespace']}.{variable}" for variable in SMOKE_GIVES}


def filled(stages: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each action's configuration as the service sees it, with the longest values that variables can have."""
    longest = {
        f"variables.{PACKAGE_VARIABLE}": "arn:aws-us-gov:sagemaker:us-gov-west-1:111122223333:model-package/"
        + "n" * 20
        + "/9999",
        "StagingSmoke.metrics": "balanced accuracy 0.7812, melanoma sensitivity 0.8512, melanoma specificity 0.8034, "
        "threshold 0.1234, 1512 test images",
        "StagingSmoke.agreement": "7 golden images (mel, nv, bcc, akiec, bkl, df, vasc): the scores differ from the "
        "evaluation by 1.2e-07 at most (allowed: 1e-03)",
        "StagingSmoke.report": "https://us-gov-west-1.console.aws.amazon.com/s3/object/"
        + "b" * 63
        + "?region=us-gov-west-1&prefix=runs/"
        + "i" * 16
        + "/evaluate/evaluation/report.html",
    }
    for stage, actions in stages.items():
        for name, action in actions.items():
            text = "".join(f"{key}{value}" for key, value in action["Configuration"].items())
            yield f"{stage}/{name}", re.sub(r"#\{([^}]+)\}", lambda found: longest[found[1]], text)


def test_no_configuration_is_longer_than_codepipeline_takes(stages: dict[str, Any]) -> None:
    """1,000 characters, with every variable filled in."""
    too_long = {place: len(text) for place, text in filled(stages) if len(text) >= 1000}
    assert too_long == {}


def test_the_outputs_name_what_operations_looks_for(documents: dict[str, Any], pipeline: dict[str, Any]) -> None:
    outputs = documents["Deployment"]["Outputs"].items()
    assert {name: each["Value"] for name, each in outputs if "Export" not in each} == {
        "Delivery": pipeline["Name"],
        "StagingStack": "skin-lesion-staging",
        "StagingEndpoint": "skin-lesion-staging",
        "ProductionStack": "skin-lesion-production",
        "ProductionEndpoint": "skin-lesion-production",
    }
