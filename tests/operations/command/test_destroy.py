# SPDX-License-Identifier: MIT-0
"""`destroy`: nothing stays that costs, the data stays, no order gets stuck, and an interruption does no harm."""

import io

import pytest
from rich.console import Console

from operations.destroy import destroy_confirmation
from operations.functions.errors import OperationError, UsageError
from tests.operations.command.answers import services
from tests.operations.command.cloud import Cloud
from tests.operations.command.shell import run
from tests.operations.command.state import ENDPOINTS, SHARED_TAG, State


@pytest.fixture
def cloud() -> Cloud:
    return Cloud(services)


def destroy(cloud: Cloud, *, data: bool = False, answer: str | None = None) -> str:
    """Run the command and return what it printed."""
    console = Console(record=True, width=400, file=io.StringIO())
    ask = None if answer is None else lambda _question: answer
    destroy_confirmation.destroy_deployment(
        cloud.account(), console, cdk=cloud.cdk, context=("name=skin-lesion",), data=data, ask=ask
    )
    return console.export_text()


def assert_only_data_is_left(state: State) -> None:
    assert set(state.stacks) == {"skin-lesion-storage"}
    assert state.endpoints | state.targets | state.models | state.configurations == set()
    assert state.images == {SHARED_TAG}
    assert not state.champion, "nothing is in production, so the next approval of that version must be delivered"
    assert state.packages
    assert state.kept == {"raw", "runs", "logs", "key", "group"}
    assert all(state.objects.values())


def assert_nothing_is_left(state: State) -> None:
    assert state.stacks == {}
    assert state.endpoints | state.targets | state.models | state.configurations == set()
    assert state.packages | state.kept == set()


def test_what_costs_goes_and_the_data_stays(cloud: Cloud) -> None:
    destroy(cloud)
    assert_only_data_is_left(cloud.state)
    assert cloud.state.others == {"endpoint/other/variant/All"}, "another application's scaling target was deleted"


def test_with_data_nothing_stays(cloud: Cloud) -> None:
    destroy(cloud, data=True)
    assert_nothing_is_left(cloud.state)


def test_the_endpoints_go_first_and_the_training_stack_after_its_models_and_images(cloud: Cloud) -> None:
    destroy(cloud)
    order = [
        line for line in cloud.log if "Stack" in line or line.startswith("cdk") or "Model" in line or "ecr" in line
    ]
    assert [line.split()[1] for line in order if not line.startswith("cdk")][:2] == ["DeleteStack", "DeleteStack"]
    assert order[2] == "cdk destroy Monitoring Deployment Retraining"
    assert order[-1] == "cdk destroy Training"


def test_the_list_names_what_goes_and_what_stays(cloud: Cloud) -> None:
    text = destroy(cloud)
    goes, _, stays = text.partition("Stays:")
    for name in (
        *ENDPOINTS,
        "endpoint/skin-lesion-production/variant/All",
        "rule",
        "monitor-schedule",
        "model-1",
        "4" * 12,
        "3" * 12,
    ):
        assert name in goes
    assert "2" * 12 not in goes, "an image that another pipeline uses"
    assert "skin-lesion-storage" not in goes
    assert "skin-lesion-storage: archives, runs, registry with 2 model packages" in stays


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
    assert "nothing there to delete" in destroy(cloud, data=data, answer="")
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
    destroy(cloud)
    assert cloud.log[1].startswith("cloudformation CancelUpdateStack")
    assert_only_data_is_left(cloud.state)


def test_a_stack_that_cannot_be_deleted_is_named_with_the_reason(cloud: Cloud) -> None:
    cloud.state.stuck = "skin-lesion-production"
    with pytest.raises(OperationError, match=r"AWS::SageMaker::Endpoint Endpoint: it is being updated\. Mend that"):
        destroy(cloud)
    assert "skin-lesion-deployment" in cloud.state.stacks, "its role deletes the stack that is still there"


def test_a_failure_of_the_cdk_ends_it_and_the_next_time_goes_on(cloud: Cloud) -> None:
    cloud.state.stuck = "skin-lesion-training"
    with pytest.raises(OperationError, match="cdk destroy Training: exit code 1"):
        destroy(cloud)
    cloud.state.stuck = ""
    destroy(cloud)
    assert_only_data_is_left(cloud.state)
