# SPDX-License-Identifier: MIT-0
"""The programs of operations/: each function and each command, with the world that it runs in."""

import copy
import io
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from botocore.config import Config
from click.testing import CliRunner
from rich.console import Console

from operations.__main__ import main
from operations.account import deployment_account
from operations.account.deployment_account import Account
from operations.commands import multipart_upload
from operations.destroy import destroy_command
from operations.first_run import first_run_command
from operations.functions import aws_clients, errors, lambda_handlers
from operations.functions.errors import OperationError
from operations.preflight import preflight_run
from operations.preflight.preflight_requirements import BuildRequirement, RemoteRequirements
from pipeline_src import contract
from tests.operations import elsewhere
from tests.operations.answers import services as teardown_services
from tests.operations.commands.store import archive
from tests.operations.faults import baselines, deployment
from tests.operations.faults.deployment import CAPTURE, JOB, MACHINE, Deployment, package_arn
from tests.operations.faults.injector import Kit, World
from tests.operations.first_run import first_run_account
from tests.operations.functions.test_job import event
from tests.operations.functions.test_judge import SHIFTED
from tests.operations.functions.test_monitor import REQUEST as MONITOR
from tests.operations.functions.test_tally import answered
from tests.operations.preflight import sample
from tests.operations.service import CHAMPION, PACKAGE, TOPIC
from tests.operations.state import NAME, State

_FUNCTION: Final = aws_clients.CLIENT_CONFIG
_COMMAND: Final = deployment_account.CLIENT_CONFIG


@dataclass(frozen=True)
class Outcome:
    """How a program ended: whether it says that it succeeded, and what it says."""

    succeeded: bool
    said: str


@dataclass(frozen=True)
class Program:
    """A program in its world.

    Attributes:
        name: Its name.
        config: Configuration of its clients.
        run: Runs it over clients of the world.
        make: Returns the state.
        services: What the services answer over the state.
        crowd: Puts more than a hundred of each thing into the state.
        before: Returns the state before the event that starts it; None if no event does.
        reports: Whether what it says is all that it does.
        fails: Whether it fails without a fault too.
        whole: Whether it is tried at each of its calls, as a function is; else, at those that no program before it has.
    """

    name: str
    config: Config
    run: Callable[[World, Callable[[str], Any]], Outcome]
    make: Callable[[], Any] = Deployment
    services: Callable[[Any], Mapping[str, Any]] = deployment.services
    crowd: Callable[[Any], None] = lambda _: None
    before: Callable[[], Any] | None = None
    reports: bool = False
    fails: bool = False
    whole: bool = False

    @property
    def is_function(self) -> bool:
        """Whether an event starts it."""
        return self.config is _FUNCTION

    def world(self, kit: Kit) -> World:
        """Return a new world, in which the event that starts the program may arrive again."""
        world = World(self.make(), self.services, kit=kit, before=self.before and self.before())
        if self.is_function:
            world.again = lambda: self.start(world)
        return world

    def start(self, world: World) -> Outcome:
        """Run the program."""
        return self.run(world, world.clients(self.config))


class _Context:
    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 300_000


def _target(name: str, /, **payload: Any) -> Callable[[World, Callable[[str], Any]], Outcome]:
    """Return what runs a function that EventBridge or the state machine invokes."""

    def run(_: World, clients: Callable[[str], Any]) -> Outcome:
        try:
            answer = getattr(lambda_handlers, name)(payload, _Context(), clients)
        except OperationError as error:
            return Outcome(succeeded=False, said=str(error))
        return Outcome(succeeded=True, said=answer["message"])

    return run


def _action(name: str, /, **parameters: str) -> Callable[[World, Callable[[str], Any]], Outcome]:
    """Return what runs a function that CodePipeline invokes."""

    def run(world: World, clients: Callable[[str], Any]) -> Outcome:
        def there(*_: object) -> Any:
            return world.clients(_FUNCTION, elsewhere.REGION)

        more: dict[str, Any] = {"connect": there}
        if name == "publish":
            more["copies"] = lambda region: world.clients(_FUNCTION, region)("s3")
        try:
            getattr(lambda_handlers, name)(event(parameters), _Context(), clients, **more)
        except errors.AWS_ERRORS as error:
            # Lambda invokes it again: nothing has been reported yet.
            return Outcome(succeeded=False, said=str(errors.explain_service_error(error)))
        told = world.state.results[JOB]
        return Outcome(told.startswith("success"), told.partition(": ")[2])

    return run


def _account(world: World, clients: Callable[[str], Any], **profiles: str) -> Account:
    def connect(_profile: str, region: str) -> Callable[[str], Any]:
        return world.clients(_COMMAND, region)

    return Account(NAME, clients, lambda _: world.state.pass_time(), profiles, connect, lambda: world.state.now)


def _command(*words: str, **profiles: str) -> Callable[[World, Callable[[str], Any]], Outcome]:
    """Return what runs a command as somebody types it; FOLDER is a folder with the files that it reads."""

    def run(world: World, clients: Callable[[str], Any]) -> Outcome:
        given = [f"--{stage}-profile={profile}" for stage, profile in profiles.items()]
        typed = [word.replace("FOLDER", str(_folder())) for word in words]
        ended = CliRunner().invoke(main, [*given, *typed], obj=_account(world, clients))
        if ended.exception and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        return Outcome(ended.exit_code == 0, ended.stdout if ended.exit_code == 0 else ended.stderr)

    return run


_FOLDERS: list[Path] = []


def _folder() -> Path:
    """Return a folder with an archive, a table of labels and a review."""
    if not _FOLDERS:
        folder = Path(tempfile.mkdtemp())
        archive(folder / "a.zip", size=9 << 20)
        (folder / "labels.csv").write_text("id,label\nISIC_1,mel\n", encoding="utf-8")
        (folder / "diff.md").write_text("<!-- marker -->\n# Review\n", encoding="utf-8")
        _FOLDERS.append(folder)
    return _FOLDERS[0]


def _history(world: World, clients: Callable[[str], Any]) -> Outcome:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for place, content in world.state.files.items():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).write_bytes(content)
        outcome = _command("history", name, "--newest=150")(world, clients)
        files = [each for each in folder.rglob("*") if each.is_file()]
        world.state.files = {str(each.relative_to(folder)): each.read_bytes() for each in sorted(files)}
    return replace(outcome, said=outcome.said.replace(name, "FOLDER"))


def _preflight(world: World, clients: Callable[[str], Any]) -> Outcome:
    there = RemoteRequirements("222222222222", elsewhere.REGION, ("production",), ("taken-there",), ())
    needed = sample.demanding(
        buckets=("taken", "free"),
        connection=replace(sample.DEMAND.connection, used=True),
        builds=BuildRequirement("Builds", 1, 2, "source.repository"),
        account=sample.ACCOUNT,
        elsewhere=(there,),
    )
    outcome = preflight_run.run_preflight(_account(world, clients, production="p"), needed, {"PATH": ""})
    shown = sample.told(outcome)
    problems = [finding for finding in outcome.findings if finding.verdict.value == "not checked"]
    return Outcome(not problems, "\n".join(f"{each.sentence}. {each.remedy}" for each in problems) or shown)


def _first_run(world: World, clients: Callable[[str], Any]) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        account = _account(world, clients)
        words = ["--yes", "--file", f"{folder}/first-run.json"]
        ended = CliRunner().invoke(first_run_command.walk_first_run, words, obj=account)
        if ended.exception and not isinstance(ended.exception, SystemExit):
            if not isinstance(ended.exception, (OperationError, *errors.AWS_ERRORS)):
                raise ended.exception
            ended = CliRunner().invoke(main, ["first-run", *words], obj=account)
        if ended.stderr.startswith("error"):
            return Outcome(succeeded=False, said=ended.stderr)
        found = json.loads(Path(folder, "first-run.json").read_text(encoding="utf-8"))
    beliefs = found["beliefs"].values()
    unchecked = [each["message"] for each in beliefs if each["message"].startswith("not checked: ")]
    return Outcome(not unchecked, "\n".join(unchecked) or json.dumps([found["milestones"], found["beliefs"]]))


def _destroy(world: World, clients: Callable[[str], Any]) -> Outcome:
    def cdk(arguments: Any) -> int:
        ids = [word for word in arguments[1:] if word[0].isupper()]
        return max(world.state.destroy(part.lower()) for part in ids)

    shown = Console(record=True, width=400, file=io.StringIO())
    try:
        destroy_command.destroy_deployment(
            _account(world, clients), shown, cdk=cdk, context=("name=skin-lesion",), data=True, ask=None
        )
    except OperationError as error:
        return Outcome(succeeded=False, said=str(error))
    except errors.AWS_ERRORS as error:
        return Outcome(succeeded=False, said=str(deployment_account.aws_errors.explain_aws_error(error)))
    return Outcome(succeeded=True, said=shown.export_text())


def _crowd_deployment(state: Deployment) -> None:
    state.ended_deliveries = 150
    state.executions = [f"{'0' * 16}-{number}-push" for number in range(150)]
    state.subscriptions = [f"{number}@example.org" for number in range(150)]
    state.comments = {f"c{number}": "Looks good" for number in range(150)} | state.comments
    state.objects = {f"raw/archives/other-{number}": b"" for number in range(150)} | state.objects
    state.objects = {f"runs/{CAPTURE}9-{number}.jsonl": b"" for number in range(150)} | state.objects


def _crowd_teardown(state: State) -> None:
    state.packages = {str(number) for number in range(150)}
    state.objects = dict.fromkeys(state.objects, 150)
    state.executions |= {f"old-{number}": "Succeeded" for number in range(150)}
    state.deliveries |= {f"old-{number}": "Succeeded" for number in range(150)}
    state.machines |= {f"m-{number}": "RUNNING" for number in range(2, 150)}
    state.jobs = {f"{NAME}-monitor-{number}": "InProgress" for number in range(150)}
    state.others = {f"endpoint/other-{number}/variant/All" for number in range(150)}


def _crowd_records(records: first_run_account.Records) -> None:
    for number in range(150):
        records.named_job(f"{NAME}-monitor-{number}", "Stopped")


def _deployed(**changes: Any) -> Callable[[], Deployment]:
    return lambda: Deployment(**copy.deepcopy(changes))


def _evaluated() -> Deployment:
    state = Deployment(champion=PACKAGE, executions=["x"])
    place = f"runs/{contract.RUNS_PREFIX}x/evaluate/{contract.EVALUATION_OUTPUT}"
    state.objects |= {f"{place}/{contract.REPORT_FILE}": b"<html>", f"{place}/{contract.EVALUATION_FILE}": b"{}"}
    return state


def _captured() -> Deployment:
    state = Deployment()
    state.objects[f"runs/{CAPTURE}0.jsonl"] = answered("nv") + b"\n" + answered("mel") + b"\n"
    return state


def _monitored() -> Deployment:
    state = Deployment(champion=PACKAGE)
    state.objects["runs/monitor/skin-lesion-monitor-20261124/monitor.json"] = json.dumps(SHIFTED).encode()
    return state


def _unfinished() -> Deployment:
    """Return a deployment with the first part of an archive in its bucket."""
    found = multipart_upload.hash_archive(_folder() / "a.zip")
    first = multipart_upload.read_archive_part(found, found.parts[0])
    return Deployment(uploads={f"raw/{found.key}#0": {1: first}})


def _older() -> Deployment:
    """Return a deployment with that archive in its bucket, and a newer one."""
    found = multipart_upload.hash_archive(_folder() / "a.zip")
    state = Deployment()
    state.objects = {f"raw/{found.key}": found.path.read_bytes(), **state.objects}
    return state


def _stuck() -> State:
    return State(stuck="skin-lesion-staging")


def _updating() -> State:
    nothing: dict[str, str] = {}
    state = State(uploads={"raw": {"1", "2"}}, pushes=nothing, executions=nothing, jobs=nothing)
    state.stacks["skin-lesion-staging"] = "UPDATE_IN_PROGRESS"
    return state


def _ended_records(step: str) -> Callable[[], first_run_account.Records]:
    """Return what makes the records of a first run that ended at a step or, with Deploy, in production."""

    def make() -> first_run_account.Records:
        records = first_run_account.healthy()
        records.outputs["storage"]["CapturesBucket"] = "captures"
        if step == "Deploy":
            records.act("Production", "Deploy", "Failed", "it rolled back")
            records.event("AWS::SageMaker::Endpoint", "an alarm rang")
        else:
            records.fail(step, "AlgorithmError: it failed")
        return records

    return make


def _fresh_records() -> first_run_account.Records:
    return first_run_account.fresh()


def _healthy_records() -> first_run_account.Records:
    records = first_run_account.healthy()
    first_run_account.tuning(records)
    records.outputs["deployment"] |= {}
    return records


_APPROVAL: Final = {"ModelPackageArn": PACKAGE, "ModelApprovalStatus": "Approved"}
_REJECTION: Final = {"ModelPackageArn": PACKAGE, "ModelApprovalStatus": "Rejected"}
_RETRAIN: Final = {"pipeline": NAME, "bucket": "raw", "archive": "", "commit": "", "reason": "data"}
_SITE: Final = {"access": elsewhere.ROLE, "region": elsewhere.REGION}
_PUBLISH: Final = {"package": PACKAGE, "bucket": elsewhere.BUCKET, "images": elsewhere.IMAGES, **_SITE}
_JUDGE: Final = {"job": "skin-lesion-monitor-20261124", "reports": "s3://runs/monitor/", "namespace": NAME}
_LIVE: Final = {"champion": package_arn(2)}

_EARLIER_JOB: Final = {"skin-lesion-monitor-20261124": "Failed"}
PROGRAMS: Final = (
    Program(
        "retrain (function)",
        _FUNCTION,
        _target("retrain", **_RETRAIN, champion=CHAMPION, compare="champion"),
        _deployed(**_LIVE),
        crowd=_crowd_deployment,
        before=_deployed(**_LIVE),
    ),
    Program(
        "release (function)",
        _FUNCTION,
        _target("release", detail=_APPROVAL, delivery="delivery", champion=CHAMPION),
        _deployed(**_LIVE),
        crowd=_crowd_deployment,
        before=_deployed(approvals={2: "Approved", 3: "PendingManualApproval"}, **_LIVE),
    ),
    Program(
        "rejected (function)",
        _FUNCTION,
        _target("rejected", detail=_REJECTION, champion=CHAMPION, topic=TOPIC),
        _deployed(champion=PACKAGE, approvals={3: "Rejected"}),
    ),
    Program(
        "tally (function)",
        _FUNCTION,
        _target("tally", bucket="runs", key=f"{CAPTURE}0.jsonl", namespace=NAME),
        _captured,
    ),
    Program(
        "monitor (function)", _FUNCTION, _target("monitor", **asdict(MONITOR)), _monitored, crowd=_crowd_deployment
    ),
    Program(
        "monitor, again (function)",
        _FUNCTION,
        _target("monitor", **asdict(MONITOR)),
        _deployed(champion=PACKAGE, jobs=_EARLIER_JOB),
    ),
    Program("judge (function)", _FUNCTION, _target("judge", **_JUDGE, topic=TOPIC, machine=MACHINE), _monitored),
    Program("publish (function)", _FUNCTION, _action("publish", **_PUBLISH)),
    Program(
        "publish, refused (function)",
        _FUNCTION,
        _action("publish", **_PUBLISH),
        _deployed(environment={"A": "b"}),
        fails=True,
    ),
    Program(
        "smoke (function)",
        _FUNCTION,
        _action("smoke", endpoint="skin-lesion-production", package=PACKAGE, champion=CHAMPION, **_SITE),
        _deployed(**_LIVE),
    ),
    Program(
        "promote (function)",
        _FUNCTION,
        _action("promote", endpoint="skin-lesion-production", package=PACKAGE, champion=CHAMPION),
        _deployed(**_LIVE),
    ),
    Program("upload", _COMMAND, _command("upload", "FOLDER/a.zip"), crowd=_crowd_deployment),
    Program("upload, resumed", _COMMAND, _command("upload", "FOLDER/a.zip"), _unfinished),
    Program("upload, again", _COMMAND, _command("upload", "FOLDER/a.zip"), _older),
    Program("labels", _COMMAND, _command("labels", "FOLDER/labels.csv")),
    Program("retrain", _COMMAND, _command("retrain", "--wait")),
    Program(
        "retrain --from",
        _COMMAND,
        _command("retrain", "--from", "Train", "--wait"),
        _deployed(executions=["x"]),
        crowd=lambda state: state.executions.extend(f"y{each}" for each in range(150)),
    ),
    Program(
        "retrain --from --of",
        _COMMAND,
        _command("retrain", "--from", "Train", "--of", "x"),
        _deployed(executions=["x"]),
    ),
    Program("export", _COMMAND, _command("export"), crowd=_crowd_deployment),
    Program(
        "smoke", _COMMAND, _command("smoke", "--endpoint", "skin-lesion-production"), _deployed(stage="222222222222")
    ),
    Program(
        "smoke --package", _COMMAND, _command("smoke", "--endpoint", "skin-lesion-production", "--package", PACKAGE)
    ),
    Program(
        "comment",
        _COMMAND,
        _command("comment", "--repository=app", "--pull-request=7", "--file=FOLDER/diff.md"),
        _deployed(comments={"foreign": "<!-- marker -->\nold"}),
        crowd=_crowd_deployment,
    ),
    Program(
        "next",
        _COMMAND,
        _command("next", production="p"),
        _deployed(
            champion=package_arn(1),
            approvals={1: "Approved", 2: "Approved", 3: "Approved", 4: "PendingManualApproval"},
            executions=["x"],
            stage="222222222222",
        ),
        crowd=_crowd_deployment,
        reports=True,
    ),
    Program(
        "accept-baseline", _COMMAND, _command("accept-baseline", "our lamp"), baselines.measured, crowd=baselines.crowd
    ),
    Program(
        "undo-baseline",
        _COMMAND,
        _command("undo-baseline", "new lamp"),
        baselines.accepted,
        crowd=baselines.crowd,
        whole=True,
    ),
    Program("history", _COMMAND, _history, _evaluated, crowd=_crowd_deployment, reports=True),
    Program("next, failed", _COMMAND, _command("next"), _deployed(failed=True, executions=["x"]), reports=True),
    Program("preflight", _COMMAND, _preflight, _deployed(stage="222222222222"), reports=True),
    Program(
        "first-run", _COMMAND, _first_run, _healthy_records, first_run_account.services, _crowd_records, reports=True
    ),
    Program("first-run, fresh", _COMMAND, _first_run, _fresh_records, first_run_account.services),
    Program(
        "first-run, Score failed",
        _COMMAND,
        _first_run,
        _ended_records("Score"),
        first_run_account.services,
        reports=True,
    ),
    Program(
        "first-run, rolled back",
        _COMMAND,
        _first_run,
        _ended_records("Deploy"),
        first_run_account.services,
        reports=True,
    ),
    Program("destroy, updating", _COMMAND, _destroy, _updating, teardown_services),
    Program("destroy, stuck", _COMMAND, _destroy, _stuck, teardown_services, fails=True),
    Program("destroy --data", _COMMAND, _destroy, State, teardown_services, _crowd_teardown),
)
