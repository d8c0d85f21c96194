# SPDX-License-Identifier: MIT-0
"""A deployment at work as plain state, and what the services answer over it, a repeated request included."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pipeline_src import contract
from tests.operations import elsewhere, evidence
from tests.operations.cloud import RefusedError
from tests.operations.service import METADATA, MONDAY, PACKAGE
from tests.operations.state import ACCOUNT, NAME, OUTPUTS, REGION, Asked, Handler, arn

EXECUTION: Final = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/{NAME}/execution/"
MACHINE: Final = OUTPUTS["retraining"]["StateMachine"]
ARCHIVE: Final = f"archives/{'a' * 64}.zip"
CAPTURE: Final = "capture/production/skin-lesion-production/AllTraffic/2026/11/24/"
EVALUATION: Final = "runs/abc/evaluate/evaluation"
JOB: Final = "11111111-1111-1111-1111-111111111111"
_LATER: Final = MONDAY + timedelta(days=1)
_DEFINITION: Final = {
    "Parameters": [{"Name": "InputArchive"}, {"Name": "Epochs", "DefaultValue": 3}],
    "Steps": [{"Name": name, "Type": "Processing", "Arguments": {}} for name in ("Preprocess", "Train")],
}
_BASELINES: Final = f"/{contract.MONITOR_BASELINES_PREFIX}"


_TAGS: Final = [{"Key": f"k{number}", "Value": "v"} for number in range(120)] + [
    {"Key": "model-package", "Value": PACKAGE}
]
_PARAMETERS: Final = [{"Name": f"Other{number}", "Value": "x"} for number in range(120)] + [
    {"Name": "InputArchive", "Value": "s3://raw/x"},
    {"Name": "Epochs", "Value": "5"},
]


def resource(name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/{name}"


def package_arn(version: int) -> str:
    return f"{PACKAGE.rpartition('/')[0]}/{version}"


def _objects() -> dict[str, bytes]:
    found = {f"raw/{ARCHIVE}": b"archive", f"raw/additions/{'b' * 64}.zip": b"addition", "raw/labels/1.csv": b"labels"}
    found |= {f"runs/{CAPTURE}0.jsonl": b"", "runs/runs/abc/train/model.tar.gz": b"model"}
    for name, content in evidence.files().items():
        folder = EVALUATION if name == contract.PREDICTIONS_FILE else "runs/abc/preprocess/holdout"
        found[f"runs/{folder}/{name}"] = content
    baseline = (contract.MONITOR_STATISTICS_FILE, contract.MONITOR_CONSTRAINTS_FILE)
    return found | {f"runs/{EVALUATION}/{name}": b"{}" for name in baseline}


@dataclass
class Deployment:
    """All that is there. What may arrive twice, notifications and metrics, is kept as a set."""

    approvals: dict[int, str] = field(default_factory=lambda: {2: "Approved", 3: "Approved"})
    champion: str = ""
    serves: str = PACKAGE
    deliveries: dict[str, str] = field(default_factory=dict)  # packages by execution
    ended_deliveries: int = 0
    executions: list[str] = field(default_factory=list)  # display names, newest first
    running: set[str] = field(default_factory=set)
    jobs: dict[str, str] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=_objects)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    machines: dict[str, str] = field(default_factory=dict)
    notified: set[str] = field(default_factory=set)
    metrics: set[str] = field(default_factory=set)
    comments: dict[str, str] = field(default_factory=dict)
    removed_comments: set[str] = field(default_factory=set)
    subscriptions: list[str] = field(default_factory=lambda: ["a@example.org"])
    tokens: dict[str, str] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)
    failed: bool = False  # whether executions of the SageMaker pipeline have failed
    environment: dict[str, str] = field(default_factory=dict)  # of the package's container
    stage: str = ""  # the account of production, if that is another one
    now: datetime = MONDAY
    files: dict[str, bytes] = field(default_factory=dict)  # those that `history` has fetched, by their path

    def _baselines(self) -> list[dict[str, Any]]:
        """Return the accepted baselines and their undoings without their times, which differ in each attempt."""
        documents = [json.loads(self.objects[each]) for each in sorted(self.objects) if _BASELINES in each]
        numbers = {each["time"]: number for number, each in enumerate(documents)}
        return [{**each, "time": "", "undoes": numbers.get(each.get("undoes"))} for each in documents]

    def pass_time(self) -> None:
        """Let everything that runs end."""
        self.running.clear()
        self.jobs = dict.fromkeys(self.jobs, "Completed")
        self.machines = dict.fromkeys(self.machines, "SUCCEEDED")

    def begin_again(self) -> None:
        """Forget what each attempt has of its own: its job of CodePipeline, and the execution that it waits for.

        A second execution of the state machine joins the retraining of the first.
        """
        self.now += timedelta(minutes=1)
        self.results.clear()
        self.jobs = {name: status for name, status in self.jobs.items() if "monitor" in name}
        self.machines = {name: status for name, status in self.machines.items() if "monitor" in name}

    def effects(self) -> dict[str, Any]:
        """Return what a program has changed, without what is of no consequence: ids, tokens, parts of uploads."""
        found = asdict(self)
        for passing in ("now", "tokens", "uploads", "results", "running", "deliveries", "comments"):
            del found[passing]
        found["objects"] = {place: each for place, each in self.objects.items() if _BASELINES not in place}
        found["baselines"] = self._baselines()
        found["deliveries"] = sorted(self.deliveries.values())
        found["jobs"] = [name if "monitor" in name else "export" for name in sorted(self.jobs)]
        found["comments"] = sorted(self.comments.values())
        found["machines"] = [name if "monitor" in name else "manual" for name in sorted(self.machines)]
        return found


def services(state: Deployment) -> Mapping[str, Handler]:
    """Return what answers each operation."""
    parts = (_stacks, _registry, _endpoints, _pipeline, _jobs, _buckets, _uploads, _delivery, _machine, _comments)
    return {name: handler for part in (*parts, _messages) for name, handler in part(state).items()}


def _once(state: Deployment, token: str, make: Any) -> str:
    """Return what an earlier request with that token made, or make it."""
    if token not in state.tokens:
        state.tokens[token] = make()
    return state.tokens[token]


def _stacks(state: Deployment) -> dict[str, Handler]:
    def describe(asked: Asked) -> Any:
        name = asked["StackName"]
        outputs = OUTPUTS.get(name.removeprefix(f"{NAME}-"), {})
        if name.endswith("deployment") and state.stage:
            outputs = outputs | {"ProductionAccount": state.stage, "ProductionRegion": elsewhere.REGION}
        told = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
        parameters = [{"ParameterKey": "TrustedAccounts", "ParameterValue": ACCOUNT}]
        known = {"StackName": name, "StackId": arn(name), "CreationTime": MONDAY, "StackStatus": "UPDATE_COMPLETE"}
        return {"Stacks": [{**known, "Outputs": told, "Parameters": parameters}]}

    def caller(asked: Asked) -> Any:
        account = ACCOUNT if asked["Region"] == REGION else state.stage
        return {"Account": account, "Arn": f"arn:aws:sts::{ACCOUNT}:me", "UserId": "A"}

    credentials = {**elsewhere.CREDENTIALS, "Expiration": MONDAY}
    return {
        "cloudformation DescribeStacks": describe,
        "sts GetCallerIdentity": caller,
        "sts AssumeRole": lambda _: {"Credentials": credentials},
        "ecr DescribeImages": lambda _: {"imageDetails": [{"imageTags": [elsewhere.TAG]}]},
    }


def _registry(state: Deployment) -> dict[str, Handler]:
    def describe(asked: Asked) -> Any:
        version = int(asked["ModelPackageName"].rpartition("/")[2])
        return {
            "ModelPackageName": NAME,
            "ModelPackageArn": asked["ModelPackageName"],
            "ModelApprovalStatus": state.approvals[version],
            "CreationTime": MONDAY,
            "LastModifiedTime": MONDAY + timedelta(hours=version),
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
            "CustomerMetadataProperties": METADATA,
            "InferenceSpecification": {"Containers": [elsewhere.CONTAINER | {"Environment": state.environment}]},
        }

    def listed(asked: Asked) -> Any:
        wanted = asked.get("ModelApprovalStatus")
        found = [version for version, status in state.approvals.items() if wanted in (None, status)]
        common = {"CreationTime": MONDAY, "ModelPackageStatus": "Completed"}
        arns = [package_arn(version) for version in sorted(found, reverse=True)]
        return {"ModelPackageSummaryList": [{"ModelPackageArn": each, **common} for each in arns]}

    def parameter(asked: Asked) -> Any:
        value = "30" if "bootstrap" in asked["Name"] else state.champion
        if not value:
            raise RefusedError("ParameterNotFound")
        since = MONDAY + timedelta(minutes=90 if value.endswith("/1") else 0)
        return {"Parameter": {"Name": asked["Name"], "Value": value, "LastModifiedDate": since}}

    return {
        "sagemaker DescribeModelPackage": describe,
        "sagemaker ListModelPackages": listed,
        "ssm GetParameter": parameter,
        "ssm PutParameter": lambda asked: setattr(state, "champion", asked["Value"]),
    }


def _endpoints(state: Deployment) -> dict[str, Handler]:
    times = {"CreationTime": MONDAY, "LastModifiedTime": MONDAY}

    def describe(asked: Asked) -> Any:
        name = asked["EndpointName"]
        if state.stage and asked["Region"] == REGION:
            raise RefusedError("ValidationException", f'Could not find endpoint "{name}".')
        return {"EndpointName": name, "EndpointArn": resource(name), "EndpointStatus": "InService", **times} | {
            "EndpointConfigName": "config"
        }

    def invoke(asked: Asked) -> Any:
        return {"Body": evidence.answer(asked["Body"]).body, "ContentType": contract.JSON_CONTENT_TYPE}

    variants = [{"VariantName": "All", "ModelName": "model"}]
    container = {"Image": "i", "ModelDataUrl": elsewhere.MODEL} if state.stage else {"ModelPackageName": state.serves}
    return {
        "sagemaker DescribeEndpoint": describe,
        "sagemaker DescribeEndpointConfig": lambda _: {
            "EndpointConfigName": "config",
            "EndpointConfigArn": resource("config"),
            "ProductionVariants": variants,
            "CreationTime": MONDAY,
        },
        "sagemaker DescribeModel": lambda _: {
            "ModelName": "model",
            "ModelArn": resource("model"),
            "CreationTime": MONDAY,
            "Containers": [container],
        },
        "sagemaker ListTags": lambda _: {"Tags": _TAGS},
        "sagemaker-runtime InvokeEndpoint": invoke,
    }


def _pipeline(state: Deployment) -> dict[str, Handler]:
    def summary(name: str) -> dict[str, Any]:
        status = "Executing" if name in state.running else "Failed" if state.failed else "Succeeded"
        return {"PipelineExecutionArn": EXECUTION + name, "PipelineExecutionStatus": status} | {
            "PipelineExecutionDisplayName": name
        }

    def describe(asked: Asked) -> Any:
        times = {"CreationTime": MONDAY, "LastModifiedTime": _LATER}
        return summary(asked["PipelineExecutionArn"].rpartition("/")[2]) | times

    def begin(asked: Asked) -> Any:
        def make() -> str:
            name = asked["PipelineExecutionDisplayName"]
            state.executions.insert(0, name)
            state.running.add(name)
            return EXECUTION + name

        return {"PipelineExecutionArn": _once(state, asked["ClientRequestToken"], make)}

    def steps(_: Asked) -> Any:
        ran = {"StepStatus": "Succeeded", "StartTime": MONDAY, "EndTime": MONDAY}
        found = [{"StepName": each["Name"], **ran} for each in _DEFINITION["Steps"]]
        if state.failed:
            found[1] |= {"StepStatus": "Failed", "FailureReason": "no capacity."}
        else:
            registered = {"RegisterModel": {"Arn": PACKAGE}}
            found += [
                {"StepName": contract.EVALUATE_STEP, **ran},
                {"StepName": "Register", **ran, "Metadata": registered},
            ]
        return {"PipelineExecutionSteps": found}

    return {
        "sagemaker DescribePipeline": lambda _: {
            "PipelineName": NAME,
            "PipelineArn": EXECUTION.removesuffix("/execution/"),
            "PipelineDefinition": json.dumps(_DEFINITION),
            "CreationTime": MONDAY,
        },
        "sagemaker ListPipelineExecutions": lambda _: {
            "PipelineExecutionSummaries": [summary(each) for each in state.executions]
        },
        "sagemaker DescribePipelineExecution": describe,
        "sagemaker ListPipelineExecutionSteps": steps,
        "sagemaker ListPipelineParametersForExecution": lambda _: {"PipelineParameters": _PARAMETERS},
        "sagemaker StartPipelineExecution": begin,
    }


def _jobs(state: Deployment) -> dict[str, Handler]:
    def create(asked: Asked) -> Any:
        if asked["ProcessingJobName"] in state.jobs:
            raise RefusedError("ResourceInUse")
        state.jobs[asked["ProcessingJobName"]] = "InProgress"
        return {"ProcessingJobArn": arn("job")}

    def describe(asked: Asked) -> Any:
        if asked["ProcessingJobName"] not in state.jobs:
            raise RefusedError("ValidationException", "Could not find requested job")
        cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
        return {
            "ProcessingJobName": asked["ProcessingJobName"],
            "ProcessingJobArn": arn("job"),
            "ProcessingJobStatus": state.jobs[asked["ProcessingJobName"]],
            "ProcessingResources": {"ClusterConfig": cluster},
            "AppSpecification": {"ImageUri": "i"},
            "CreationTime": MONDAY,
            "ExitMessage": "120 images exported.",
        }

    return {"sagemaker CreateProcessingJob": create, "sagemaker DescribeProcessingJob": describe}


def _buckets(state: Deployment) -> dict[str, Handler]:
    def place(asked: Asked) -> str:
        return f"{asked['Bucket']}/{asked['Key']}"

    def get(asked: Asked) -> Any:
        if place(asked) not in state.objects:
            raise RefusedError("NoSuchKey")
        return {"Body": state.objects[place(asked)]}

    def head(asked: Asked) -> Any:
        if place(asked) not in state.objects:
            raise RefusedError("404")
        return {"ContentLength": len(state.objects[place(asked)]), "ETag": '"e"'}

    def put(asked: Asked) -> Any:
        state.objects[place(asked)] = _content(asked["Body"])
        return {}

    def listed(asked: Asked) -> Any:
        bucket, prefix = asked["Bucket"], asked.get("Prefix", "")
        found = sorted(key for each in state.objects for owner, _, key in [each.partition("/")] if owner == bucket)
        shown = [
            {
                "Key": key,
                "Size": len(state.objects[f"{bucket}/{key}"]),
                "LastModified": _modified(state, f"{bucket}/{key}"),
            }
            for key in found
            if key.startswith(prefix)
        ]
        return {"Contents": shown, "KeyCount": len(shown)}

    def copy(asked: Asked) -> Any:
        source = asked["CopySource"]
        content = source if isinstance(source, str) else f"{source['Bucket']}/{source['Key']}"
        state.objects[place(asked)] = state.objects.pop(content)  # the newest of the table is the newest in time
        state.objects.setdefault(content, state.objects[place(asked)])
        return {}

    return {
        "s3 GetObject": get,
        "s3 HeadObject": head,
        "s3 PutObject": put,
        "s3 ListObjectsV2": listed,
        "s3 CopyObject": copy,
        "s3 HeadBucket": lambda asked: _foreign(asked["Bucket"]),
        "s3 ListBuckets": lambda _: {
            "Buckets": [{"Name": f"b{number}", "CreationDate": MONDAY} for number in range(120)]
        },
    }


def _content(body: Any) -> bytes:
    """Return the bytes of a request's body, which botocore has made a file."""
    return body if isinstance(body, bytes) else bytes(body.getvalue())


def _foreign(bucket: str) -> dict[str, str]:
    if bucket.startswith("taken"):
        raise RefusedError("403")
    return {"BucketRegion": REGION}


def _modified(state: Deployment, place: str) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=list(state.objects).index(place))


def _uploads(state: Deployment) -> dict[str, Handler]:
    def create(asked: Asked) -> Any:
        name = f"{asked['Bucket']}/{asked['Key']}#{len(state.uploads)}"
        state.uploads[name] = {}
        return {"UploadId": name}

    def listed(asked: Asked) -> Any:
        found = [
            {"Key": name.partition("/")[2].partition("#")[0], "UploadId": name, "ChecksumAlgorithm": "SHA256"}
            | {"Initiated": MONDAY + timedelta(minutes=number)}
            for number, name in enumerate(state.uploads)
        ]
        return {"Uploads": [each for each in found if each["Key"].startswith(asked.get("Prefix", ""))]}

    def upload(asked: Asked) -> Any:
        state.uploads[asked["UploadId"]][asked["PartNumber"]] = _content(asked["Body"])
        return {"ETag": str(asked["PartNumber"])}

    def parts(asked: Asked) -> Any:
        return {
            "Parts": [
                {"PartNumber": number, "Size": len(content), "ETag": str(number)}
                | {"ChecksumSHA256": base64.b64encode(hashlib.sha256(content).digest()).decode()}
                for number, content in sorted(state.uploads[asked["UploadId"]].items())
            ]
        }

    def complete(asked: Asked) -> Any:
        if asked["UploadId"] not in state.uploads:
            raise RefusedError("NoSuchUpload")
        sent = state.uploads.pop(asked["UploadId"])
        wanted = [each["PartNumber"] for each in asked["MultipartUpload"]["Parts"]]
        state.objects[f"{asked['Bucket']}/{asked['Key']}"] = b"".join(sent[number] for number in wanted)
        return {}

    return {
        "s3 CreateMultipartUpload": create,
        "s3 ListMultipartUploads": listed,
        "s3 UploadPart": upload,
        "s3 ListParts": parts,
        "s3 CompleteMultipartUpload": complete,
    }


def _delivery(state: Deployment) -> dict[str, Handler]:
    def begin(asked: Asked) -> Any:
        def make() -> str:
            name = f"00000000-0000-0000-0000-{len(state.deliveries):012d}"
            state.deliveries[name] = asked["variables"][0]["value"]
            return name

        return {"pipelineExecutionId": _once(state, asked["clientRequestToken"], make)}

    def listed(_: Asked) -> Any:
        ended = {"status": "Succeeded", "startTime": MONDAY - timedelta(days=9)}
        running = {"status": "InProgress", "startTime": _LATER}
        old = [{"pipelineExecutionId": f"e-{number}", **ended} for number in range(state.ended_deliveries)]
        return {
            "pipelineExecutionSummaries": [
                *old,
                *({"pipelineExecutionId": name, **running} for name in state.deliveries),
            ]
        }

    def describe(asked: Asked) -> Any:
        value = state.deliveries.get(asked["pipelineExecutionId"], package_arn(2))
        return {"pipelineExecution": {"variables": [{"name": "ModelPackageArn", "resolvedValue": value}]}}

    def report(result: str, key: str) -> Handler:
        def answer(asked: Asked) -> Any:
            if asked["jobId"] in state.results:
                raise RefusedError("InvalidJobStateException")
            state.results[asked["jobId"]] = f"{result}: {asked[key].get('message') or asked[key].get('summary')}"

        return answer

    latest = {"token": "t", "status": "InProgress"}
    actions = [{"actionName": "Approve", "latestExecution": latest}]
    return {
        "codepipeline StartPipelineExecution": begin,
        "codepipeline ListPipelineExecutions": listed,
        "codepipeline GetPipelineExecution": describe,
        "codepipeline GetPipelineState": lambda _: {
            "stageStates": [{"stageName": "Approval", "actionStates": actions}]
        },
        "codepipeline PutJobSuccessResult": report("success", "executionDetails"),
        "codepipeline PutJobFailureResult": report("failure", "failureDetails"),
    }


def _machine(state: Deployment) -> dict[str, Handler]:
    def begin(asked: Asked) -> Any:
        name = asked.get("name") or f"unnamed-{len(state.machines)}"
        if name in state.machines and state.machines[name] != "RUNNING":
            raise RefusedError("ExecutionAlreadyExists")
        state.machines[name] = "RUNNING"
        return {"executionArn": f"{MACHINE.replace('stateMachine', 'execution')}:{name}", "startDate": MONDAY}

    def describe(asked: Asked) -> Any:
        name = asked["executionArn"].rpartition(":")[2]
        if name not in state.machines:
            raise RefusedError("ExecutionDoesNotExist", "it does not exist")
        return {"executionArn": asked["executionArn"], "stateMachineArn": MACHINE, "startDate": MONDAY} | {
            "status": state.machines[name]
        }

    def history(_: Asked) -> Any:
        told = json.dumps({"execution": EXECUTION + "x", "started": True, "message": "Started attempt 1."})
        event = {"timestamp": MONDAY, "type": "TaskStateExited", "id": 1}
        return {
            "events": [{**event} for _ in range(150)]
            + [{**event, "stateExitedEventDetails": {"name": "s", "output": told}}]
        }

    return {
        "stepfunctions StartExecution": begin,
        "stepfunctions DescribeExecution": describe,
        "stepfunctions GetExecutionHistory": history,
    }


def _comments(state: Deployment) -> dict[str, Handler]:
    def listed(_: Asked) -> Any:
        found = [{"commentId": name, "content": content} for name, content in state.comments.items()]
        return {"commentsForPullRequestData": [{"comments": [each]} for each in found]}

    def update(asked: Asked) -> Any:
        if asked["commentId"] == "foreign":
            raise RefusedError("CommentNotCreatedByCallerException")
        state.comments[asked["commentId"]] = asked["content"]

    def delete(asked: Asked) -> Any:
        if asked["commentId"] in state.removed_comments:
            raise RefusedError("CommentDeletedException")
        state.removed_comments.add(asked["commentId"])
        del state.comments[asked["commentId"]]

    def post(asked: Asked) -> Any:
        def make() -> str:
            name = f"new-{len(state.tokens)}"
            state.comments[name] = asked["content"]
            return name

        return {"comment": {"commentId": _once(state, asked["clientRequestToken"], make)}}

    target = {"repositoryName": "app", "sourceCommit": "s" * 40, "destinationCommit": "d" * 40}
    return {
        "codecommit GetCommentsForPullRequest": listed,
        "codecommit UpdateComment": update,
        "codecommit DeleteCommentContent": delete,
        "codecommit GetPullRequest": lambda _: {"pullRequest": {"pullRequestTargets": [target]}},
        "codecommit PostCommentForPullRequest": post,
    }


def _messages(state: Deployment) -> dict[str, Handler]:
    def publish(asked: Asked) -> Any:
        state.notified.add(asked["Message"])
        return {"MessageId": "1"}

    def subscribed(_: Asked) -> Any:
        pending = {"SubscriptionArn": "PendingConfirmation"}
        return {"Subscriptions": [{**pending, "Endpoint": each} for each in state.subscriptions]}

    def quotas(asked: Asked) -> Any:
        names = [*(f"Quota {number}" for number in range(120)), "Builds"]
        common = {"ServiceCode": asked["ServiceCode"], "Value": 4.0, "Adjustable": True}
        return {
            "Quotas": [{"QuotaName": name, "QuotaCode": f"L-{number}", **common} for number, name in enumerate(names)]
        }

    def defaults(asked: Asked) -> Any:
        listed = quotas(asked)["Quotas"]
        return {"Quotas": [*listed, listed[0] | {"QuotaName": "ml.g4dn.xlarge for training job usage"}]}

    return {
        "sns Publish": publish,
        "sns ListSubscriptionsByTopic": subscribed,
        "cloudwatch PutMetricData": lambda asked: state.metrics.add(repr(asked)),
        "codeconnections GetConnection": lambda _: {
            "Connection": {"ConnectionName": "app", "ConnectionStatus": "PENDING"}
        },
        "service-quotas ListServiceQuotas": quotas,
        "service-quotas ListAWSDefaultServiceQuotas": defaults,
    }
