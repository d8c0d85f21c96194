# SPDX-License-Identifier: MIT-0
"""What roles are for, as requests that each has to be allowed; access.py compares them with the policies.

A request is an action, a resource, and the prefix that is listed where it lists a bucket. A resource is a service and
the rest of an ARN, or a construct and the key of an object. {name} is the deployment's, {compact} that without hyphens,
{stage} a stage's, {account} and {region} those of the role.
"""

from typing import Final

Requests = tuple[tuple[str, ...], ...]
_PREDICTIONS: Final = "runs/0a1b/evaluate/evaluation/predictions.csv"
_BASELINE: Final = tuple(f"runs/0a1b/evaluate/evaluation/monitor_{each}.json" for each in ("statistics", "constraints"))
_STATE: Final = ("monitor/history/3/", "monitor-baselines/3/")
_MODEL: Final = "runs/0a1b/train/model/job/output/model.tar.gz"
_MANIFEST: Final = "runs/0a1b/preprocess/dataset/manifest.csv"
_PACKAGE: Final = ("sagemaker:DescribeModelPackage", "sagemaker model-package/{name}/7")
_CHAMPION: Final = "ssm parameter/{name}/champion"
_ENDPOINTS: Final = tuple(f"sagemaker endpoint/{{name}}-{stage}" for stage in ("staging", "production"))
_RESULTS: Final = tuple((f"codepipeline:PutJob{end}Result", "*") for end in ("Success", "Failure"))
_OF_PIPELINE: Final = ("DescribePipeline", "ListPipelineExecutions", "StartPipelineExecution")
_OF_DELIVERY: Final = ("GetPipelineExecution", "ListPipelineExecutions", "StartPipelineExecution")
# By the handler of a function.
NEEDS: Final[dict[str, Requests]] = {
    "retrain": (
        *((f"sagemaker:{verb}", "sagemaker pipeline/{name}") for verb in _OF_PIPELINE),
        ("s3:ListBucket", "Raw", "archives/"),
        ("s3:ListBucket", "Raw", "additions/"),
        ("ssm:GetParameter", _CHAMPION),
        _PACKAGE,
        ("s3:ListBucket", "Runs", _PREDICTIONS),
    ),
    "release": (
        _PACKAGE,
        *((f"codepipeline:{verb}", "codepipeline {name}-delivery") for verb in _OF_DELIVERY),
        ("ssm:GetParameter", _CHAMPION),
    ),
    "rejected": (
        ("ssm:GetParameter", _CHAMPION),
        ("sns:Publish", "Topic"),
        ("kms:Decrypt", "Key"),
        ("kms:GenerateDataKey", "Key"),
    ),
    "smoke": (
        _PACKAGE,
        ("ssm:GetParameter", _CHAMPION),
        *(("sagemaker:InvokeEndpoint", endpoint) for endpoint in _ENDPOINTS),
        ("s3:GetObject", f"Runs/{_PREDICTIONS}"),
        ("s3:GetObject", "Runs/runs/0a1b/preprocess/holdout/ISIC_1.jpg"),
        ("kms:Decrypt", "Key"),
        *_RESULTS,
    ),
    "publish": (
        _PACKAGE,
        ("s3:GetObject", "Runs/runs/0a1b/train/job/output/model.tar.gz"),
        ("kms:Decrypt", "Key"),
        *_RESULTS,
    ),
    "monitor": (
        ("ssm:GetParameter", _CHAMPION),
        _PACKAGE,
        *(
            (f"sagemaker:{verb}", "sagemaker processing-job/{name}-monitor-20261124")
            for verb in ("AddTags", "CreateProcessingJob", "DescribeProcessingJob")
        ),
        ("s3:ListBucket", "Captures", "capture/production/{name}-production/AllTraffic/2026/11/24/"),
        *(("s3:ListBucket", "Runs", baseline) for baseline in (*_BASELINE, *_STATE)),
        ("s3:ListBucket", "Raw", "labels/"),
        ("iam:PassRole", "MonitorRole"),
    ),
    "judge": (
        ("s3:GetObject", "Runs/monitor/{name}-monitor-20261124/monitor.json"),
        ("kms:Decrypt", "Key"),
        ("kms:GenerateDataKey", "Key"),
        ("cloudwatch:PutMetricData", "*"),
        ("sns:Publish", "Topic"),
    ),
    "promote": (
        ("sagemaker:DescribeEndpoint", _ENDPOINTS[1]),
        *((f"ssm:{verb}Parameter", _CHAMPION) for verb in ("Get", "Put")),
        *_RESULTS,
    ),
    "tally": (
        ("s3:GetObject", "Captures/capture/production/1.jsonl"),
        ("kms:Decrypt", "Key"),
        ("cloudwatch:PutMetricData", "*"),
    ),
}
# What `retrain` needs besides where the pipeline has a warm start.
STARTING: Final[Requests] = tuple(("s3:ListBucket", "Runs", key) for key in (_MODEL, _MANIFEST))
# What the monitor's job reads and writes as the role that operations.functions.monitoring_runs hands it.
_CAPTURE: Final = "capture/production/skin-lesion-production/AllTraffic/2026/11/24/"
JOB: Final[Requests] = (
    ("s3:GetObject", f"Captures/{_CAPTURE}09/1.jsonl"),
    ("s3:ListBucket", "Captures", _CAPTURE),
    *(("s3:GetObject", f"Runs/{baseline}") for baseline in _BASELINE),
    *(("s3:ListBucket", "Runs", baseline) for baseline in (*_BASELINE, *_STATE)),
    *(("s3:GetObject", f"Runs/{folder}20261124T000000Z.json") for folder in _STATE),
    ("s3:GetObject", "Raw/labels/0a.csv"),
    ("s3:ListBucket", "Raw", "labels/"),
    ("s3:PutObject", "Runs/monitor/{name}-monitor-20261124/monitor.html"),
    ("s3:PutObject", f"Runs/{_STATE[0]}20261124T000000Z.json"),
    *((f"kms:{verb}", "Key") for verb in ("CreateGrant", "Decrypt", "GenerateDataKey")),
    ("ecr:GetAuthorizationToken", "*"),
)
_ADDITION: Final = tuple(
    (f"s3:{verb}", *on)
    for verb, *on in (("GetObject", "Raw/additions/0a.zip"), ("ListBucket", "Raw", "additions/0a.zip"))
)
# By the role that a job runs as, which no function shows; what a pipeline's job reads by default, the definition says.
JOBS: Final[dict[str, Requests]] = {
    "MonitorRole": JOB,
    "ExportRole": (
        ("s3:GetObject", f"Captures/{_CAPTURE}09/1.jsonl"),
        ("s3:ListBucket", "Captures", "capture/production/"),
        ("s3:GetObject", "Raw/labels/0a.csv"),
        ("s3:ListBucket", "Raw", "labels/"),
        *_ADDITION,
        ("s3:PutObject", "Raw/additions/0b.zip"),
        *((f"kms:{verb}", "Key") for verb in ("CreateGrant", "Decrypt", "GenerateDataKey")),
        ("ecr:GetAuthorizationToken", "*"),
    ),
    "JobRole": (*_ADDITION, *(("s3:GetObject", f"Runs/{key}") for key in (_MODEL, _MANIFEST)), *STARTING),
}
_STACK: Final = "cloudformation stack/{name}-{stage}/0a1b"
_MADE: Final = "{compact}{stage}"
_DEPLOYED: Final = (
    ("sagemaker", "CreateModel DeleteModel DescribeModel AddTags", f"sagemaker model/{_MADE}model-1"),
    (
        "sagemaker",
        "CreateEndpointConfig DeleteEndpointConfig DescribeEndpointConfig AddTags",
        f"sagemaker endpoint-config/{_MADE}configuration-1",
    ),
    ("sagemaker", "CreateEndpoint DeleteEndpoint DescribeEndpoint UpdateEndpoint", "sagemaker endpoint/{name}-{stage}"),
    ("cloudwatch", "DeleteAlarms DescribeAlarms PutMetricAlarm", "cloudwatch alarm:{name}-{stage}-Latency"),
    ("kms", "CreateGrant DescribeKey", "Key"),
)
_LOOKED_UP: Final = (
    ("sagemaker:DescribeEndpoint", "sagemaker endpoint/{name}-{stage}"),
    ("sagemaker:DescribeEndpointConfig", f"sagemaker endpoint-config/{_MADE}configuration-1"),
    ("sagemaker:DescribeModel", f"sagemaker model/{_MADE}model-1"),
)
# Where `cdk deploy` pushes images.
_PUSHED: Final = "ecr repository/cdk-hnb659fds-container-assets-{account}-{region}"
# What the roles of a stage that is elsewhere need in their own account, by the end of their names; what they need of
# another account stands in crossing.py.
SITE: Final[dict[str, Requests]] = {
    "access": (("sagemaker:InvokeEndpoint", "sagemaker endpoint/{name}-{stage}"),),
    "images": (("ecr:DescribeImages", _PUSHED),),
    "deliver": (
        *((f"cloudformation:{verb}Stack", _STACK) for verb in ("Create", "Update")),
        *((f"cloudformation:DescribeStack{what}", _STACK) for what in ("Events", "Resources", "s")),
        ("cloudformation:GetTemplate", _STACK),
        ("iam:PassRole", "Deployer"),
    ),
    "deployer": (
        *((f"{service}:{verb}", on) for service, verbs, on in _DEPLOYED for verb in verbs.split()),
        ("iam:PassRole", "ServingRole"),
    ),
    "model": (
        ("s3:GetObject", "Bucket/models/7/model.tar.gz"),
        ("s3:PutObject", "Bucket/capture/{stage}/1.jsonl"),
        *((f"kms:{verb}", "Key") for verb in ("CreateGrant", "Decrypt", "GenerateDataKey")),
        *((f"ecr:{verb}", _PUSHED) for verb in ("BatchGetImage", "GetDownloadUrlForLayer")),
        ("ecr:GetAuthorizationToken", "*"),
        ("logs:PutLogEvents", "logs log-group:/aws/sagemaker/Endpoints/{name}-{stage}:log-stream:1"),
    ),
    "replicate": (
        *((f"s3:{verb}", "Bucket") for verb in ("GetReplicationConfiguration", "ListBucket")),
        *((f"s3:GetObjectVersion{what}", "Bucket/capture/{stage}/1.jsonl") for what in ("Acl", "ForReplication")),
        ("kms:Decrypt", "Key"),
    ),
}
# Of production besides, for the note of what is live.
SITE_NOTED: Final[dict[str, Requests]] = {"access": _LOOKED_UP}
