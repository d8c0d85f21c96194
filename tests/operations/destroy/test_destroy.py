# SPDX-License-Identifier: MIT-0
"""`destroy`: nothing stays that costs, the data stays, no order gets stuck, and an interruption does no harm."""

import io

import pytest
from rich.console import Console

from operations.destroy import destroy_command
from operations.functions.errors import OperationError, UsageError
from tests.operations.answers import services
from tests.operations.cloud import Cloud, RefusedError
from tests.operations.shell import run
from tests.operations.state import ENDPOINTS, Asked, Handler, State


@pytest.fixture
def cloud() -> Cloud:
    return Cloud(services)


def destroy(cloud: Cloud, *, data: bool = False, answer: str | None = None) -> str:
    """Run the command and return what it printed."""
    console = Console(record=True, width=400, file=io.StringIO())
    ask = None if answer is None else lambda _question: answer
    destroy_command.destroy_deployment(
        cloud.account(), console, cdk=cloud.cdk, context=("name=skin-lesion",), data=data, ask=ask
    )
    return console.export_text()


def assert_only_data_is_left(state: State) -> None:
    assert set(state.stacks) == {"skin-lesion-storage"}
    assert state.endpoints == set()
    assert not state.champion, "nothing is in production, so the next approval of that version must be delivered"
    assert state.packages
    assert state.kept == {"raw", "runs", "logs", "key", "group"}
    assert all(state.objects.values())


def assert_nothing_is_left(state: State) -> None:
    assert state.stacks == {}
    assert state.endpoints == set()
    assert state.packages | state.kept == set()


def test_what_costs_goes_and_the_data_stays(cloud: Cloud) -> None:
    destroy(cloud)
    assert_only_data_is_left(cloud.state)


def test_with_data_nothing_stays(cloud: Cloud) -> None:
    destroy(cloud, data=True)
    assert_nothing_is_left(cloud.state)


def test_an_execution_that_ends_between_listing_and_stopping_is_no_failure() -> None:
    def with_a_race(state: State) -> dict[str, Handler]:
        def stop(_: Asked) -> None:
            state.executions.clear()
            raise RefusedError("ValidationException", "it is not executing")

        return {**services(state), "sagemaker StopPipelineExecution": stop}

    cloud = Cloud(with_a_race)
    assert "Executing" in cloud.state.executions.values()
    destroy(cloud)
    assert_only_data_is_left(cloud.state)


def test_work_is_stopped_then_the_endpoints_go_then_the_other_stacks(cloud: Cloud) -> None:
    destroy(cloud)
    order = [line.split()[1] for line in cloud.log if not line.startswith("cdk")]
    assert order[-3:] == ["DeleteStack", "DeleteStack", "DeleteParameter"]
    assert all(operation.startswith("Stop") for operation in order[:-3])
    assert cloud.log[-1] == "cdk destroy Monitoring Deployment Retraining Training"


def test_the_data_goes_last_and_the_packages_before_the_stack_of_their_group(cloud: Cloud) -> None:
    destroy(cloud, data=True)
    stacks = [line for line in cloud.log if line.startswith("cdk")]
    assert stacks == ["cdk destroy Monitoring Deployment Retraining Training", "cdk destroy Storage"]
    after = cloud.log[cloud.log.index(stacks[1]) :]
    assert not any("DeleteModelPackage " in line for line in after)
    assert [line.split()[1] for line in after[-1:]] == ["ScheduleKeyDeletion"]


def test_the_list_names_what_goes_and_what_stays(cloud: Cloud) -> None:
    goes, _, stays = destroy(cloud).partition("Will be kept:")
    for name in (
        *ENDPOINTS,
        *(f"skin-lesion-{part}" for part in ("monitoring", "deployment", "retraining", "training")),
    ):
        assert f"{name} (UPDATE_COMPLETE)" in goes
    assert "skin-lesion-storage" not in goes
    kept = "AWS::S3::Bucket raw, AWS::S3::Bucket runs, AWS::S3::Bucket logs, AWS::KMS::Key key, "
    assert f"skin-lesion-storage (UPDATE_COMPLETE): {kept}AWS::SageMaker::ModelPackageGroup group" in stays
    assert "make destroy DATA=1" in stays


def test_with_data_the_list_names_the_data_and_that_it_cannot_be_had_back(cloud: Cloud) -> None:
    goes, _, stays = destroy(cloud, data=True, answer="skin-lesion").partition("Will be kept:")
    for name in ("skin-lesion-storage", "AWS::S3::Bucket raw", "AWS::KMS::Key key", "this cannot be undone", "30 days"):
        assert name in goes
    assert "skin-lesion-storage" not in stays.partition("Stopping")[0]


def test_what_is_left_is_listed_with_the_command_that_deletes_it(cloud: Cloud) -> None:
    first = destroy(cloud)
    for text in (first, destroy(cloud)):
        left = text.rpartition("Left, with the command that deletes each:")[2]
        for command in (
            "skin-lesion-storage (UPDATE_COMPLETE): make destroy DATA=1",
            "--resource-id endpoint/skin-lesion-production/variant/All --region us-east-1",
            "aws sagemaker delete-model --model-name model-1 --region us-east-1",
            "aws sagemaker delete-endpoint-config --endpoint-config-name config-1 --region us-east-1",
            "npx cdk gc --unstable=gc aws://111111111111/us-east-1",
        ):
            assert command in left
        assert "endpoint/other" not in left, "the scaling target of another application"
        assert "delete-endpoint --endpoint-name" not in left


def test_an_endpoint_that_outlived_its_stack_is_listed(cloud: Cloud) -> None:
    destroy(cloud)
    cloud.state.endpoints.add("skin-lesion-production")
    text = destroy(cloud)
    assert "nothing to delete" in text
    assert "aws sagemaker delete-endpoint --endpoint-name skin-lesion-production --region us-east-1" in text


def test_without_the_name_nothing_is_deleted(cloud: Cloud) -> None:
    with pytest.raises(UsageError, match="nothing was deleted"):
        destroy(cloud, answer="yes")
    assert not cloud.log


def test_with_the_name_it_is_deleted(cloud: Cloud) -> None:
    destroy(cloud, answer="skin-lesion")
    assert_only_data_is_left(cloud.state)


@pytest.mark.parametrize("data", [False, True])
def test_interrupted_after_any_change_it_goes_on(data: bool) -> None:  # noqa: FBT001  a parameter of pytest's
    """Ctrl-C after the first change, after the second, and so on until none is left to interrupt."""
    crash, whole = 0, False
    while not whole:
        crash += 1
        cloud = Cloud(services)
        cloud.crash = crash
        try:
            destroy(cloud, data=data)
            whole = True
        except KeyboardInterrupt:
            cloud.crash = 0
            destroy(cloud, data=data)
        (assert_nothing_is_left if data else assert_only_data_is_left)(cloud.state)
    assert crash > 10, "the loop has to have interrupted something"


@pytest.mark.parametrize("data", [False, True])
def test_again_it_says_that_nothing_is_there(cloud: Cloud, data: bool) -> None:  # noqa: FBT001  likewise
    destroy(cloud, data=data)
    changes = len(cloud.log)
    assert "nothing to delete" in destroy(cloud, data=data, answer="")
    assert len(cloud.log) == changes


def test_jobs_of_the_monitor_are_stopped_and_no_others(cloud: Cloud) -> None:
    destroy(cloud)
    ours = {name: status for name, status in cloud.state.jobs.items() if name.startswith("skin-lesion-")}
    assert set(ours.values()) == {"Stopped", "Completed"}
    assert cloud.state.jobs["other-skin-lesion-monitor-20261124"] == "InProgress"


def test_a_delivery_that_waits_for_an_approval_is_not_waited_for(cloud: Cloud) -> None:
    destroy(cloud)
    assert cloud.state.deliveries["d-1"] == "Abandoned"


@pytest.mark.parametrize(("typed", "code", "said"), [("other\n", 2, "nothing was deleted"), ("", 1, "Aborted!")])
def test_the_command_line_asks_and_takes_no_silence_for_yes(cloud: Cloud, typed: str, code: int, said: str) -> None:
    result = run(cloud.client, "destroy", typed=typed)
    assert (result.exit_code, cloud.log) == (code, [])
    assert "Type the name of the deployment" in result.output
    assert said in result.output


def test_a_name_in_the_context_that_is_another_deployments_is_refused(cloud: Cloud) -> None:
    result = run(cloud.client, "destroy", "--yes", "--context", "name=other")
    assert (result.exit_code, cloud.log) == (2, [])
    assert "make destroy CONTEXT=name=other" in result.stderr


def test_a_stack_that_is_being_updated_is_rolled_back_first(cloud: Cloud) -> None:
    cloud.state.stacks["skin-lesion-production"] = "UPDATE_IN_PROGRESS"
    for running in (cloud.state.pushes, cloud.state.executions, cloud.state.jobs):
        running.clear()  # Nobody waits for their end, in which the update would end too.
    destroy(cloud)
    assert next(line for line in cloud.log if "Stack" in line).startswith("cloudformation CancelUpdateStack")
    assert_only_data_is_left(cloud.state)


def test_a_stack_that_cannot_be_deleted_is_named_with_the_reason(cloud: Cloud) -> None:
    cloud.state.stuck = "skin-lesion-production"
    with pytest.raises(OperationError, match=r"AWS::SageMaker::Endpoint Endpoint: it is being updated\. Fix that"):
        destroy(cloud)
    assert "skin-lesion-deployment" in cloud.state.stacks, "its role deletes the stack that is still there"


def test_a_failure_of_the_cdk_ends_it_and_the_next_time_goes_on(cloud: Cloud) -> None:
    cloud.state.stuck = "skin-lesion-training"
    with pytest.raises(OperationError, match="cdk destroy Monitoring Deployment Retraining Training: exit code 1"):
        destroy(cloud)
    cloud.state.stuck = ""
    destroy(cloud)
    assert_only_data_is_left(cloud.state)
