# SPDX-License-Identifier: MIT-0
"""The settings of a deployment: every choice that a user of this application makes, and what it costs.

Change a value here, in a reviewed commit, or for one command: ``npx cdk deploy --all -c production.maximum=6``.
The context key of a value is its section and its name. settings_context.py reads the settings; settings_validation.py
refuses contradictions, and instance types that SageMaker, the images or the volumes' key rule out
(pipeline_src/definition/instance_types.py). Prices are on-demand list prices of us-east-1 in US dollars, from
aws_prices.py.
"""

from dataclasses import dataclass, field
from typing import Literal

from pipeline_src.algorithms.algorithm_table import DEFAULT_ALGORITHM, find_algorithm


@dataclass(frozen=True, kw_only=True)
class RetrainingSettings:
    """What starts a retraining besides a push. Each costs what `TrainingSettings` says, unless nothing has changed.

    Attributes:
        on_new_data: Whether an uploaded archive starts one.
        schedule: A schedule expression of EventBridge, such as ``rate(30 days)``; empty: none.
    """

    on_new_data: bool = True
    schedule: str = ""


@dataclass(frozen=True, kw_only=True)
class DriftMonitorSettings:
    """Compares the requests of production with the evaluation of its model.

    It costs about $0.47 a month for a job a day and $0.25 for its metrics.
    With `production.capture_percent` 0 there is nothing to compare, and nothing runs.

    Attributes:
        every: `day` or `hour` (24 times the price): the period whose requests are compared,
            in UTC; `never`: no comparison. A period with fewer than 100 images is not compared.
        instance: Type of the job.
        minutes: Time limit of a run; one over confirmed labels reads all captures that are kept.
        retrain: Whether a violation starts a retraining. It costs what `TrainingSettings` says. Nothing
            is started if neither an archive nor the pipeline has changed since the last model, or since drift started
            the last retraining, whatever its outcome: the result would be the same.
    """

    every: Literal["day", "hour", "never"] = "day"
    instance: str = "ml.m5.large"
    minutes: int = 60
    retrain: bool = False


@dataclass(frozen=True, kw_only=True)
class NotificationSettings:
    """Who receives failures, rejections, waiting approvals and deployments; the cost of e-mail is negligible.

    Attributes:
        address: E-mail address, confirmed once by its owner; empty: the topic has no subscriber.
    """

    address: str = ""


@dataclass(frozen=True, kw_only=True)
class RetentionSettings:
    """How long data is kept. Storage costs $0.023 a GB and month; a retraining leaves about 2 GB.

    Attributes:
        data: `keep`: buckets, key and registry stay when their stack is destroyed; `delete`: they go with it.
        capture_days: Captured requests and answers, and the reports of the monitor.
        noncurrent_days: Overwritten and deleted versions of objects.
        log_days: Logs of builds, functions and access; one of the values CloudWatch Logs knows.
        model_days: Runs, with the models that may be approved again; 0: for ever, in cheaper storage after 30 days.
    """

    data: Literal["keep", "delete"] = "keep"
    capture_days: int = 30
    noncurrent_days: int = 30
    log_days: int = 365
    model_days: int = 0


@dataclass(frozen=True, kw_only=True)
class BudgetSettings:
    """A monthly budget over the resources tagged `project`; it only warns, and costs nothing.

    It counts once somebody has activated the tag as a cost allocation tag in the Billing console, once per account.

    Attributes:
        monthly_usd: Amount; e-mail at 80 % spent and at 100 % forecast, to the notification's address. 0: none. A stage
            in another account has a budget of that amount there, since no account sees the bill of another.
    """

    monthly_usd: int = 400


@dataclass(frozen=True, kw_only=True)
class TrackingSettings:
    """A tracking server of MLflow to which `make history` exports the runs, with the permissions of who runs it.

    Nothing in the deployment reads or writes there, and it costs nothing; the server is yours.

    Attributes:
        mlflow_arn: ARN of an MLflow tracking server or app of SageMaker; empty: no export.
    """

    mlflow_arn: str = ""


@dataclass(frozen=True, kw_only=True)
class AwsEnvironment:
    """An account and a region; both or neither.

    Empty: for build, those of the credentials that deploy; for staging and production, those of build. A stage in
    another account or region is a remote stage: it has a stack there with what its endpoint needs, which costs about
    $4 a month more (key, dashboard), $1.30 where requests are captured (metrics and alarm of their replication) and $1
    for each further region. Build must then be given too.
    """

    account: str = ""
    region: str = ""


@dataclass(frozen=True, kw_only=True)
class SourceSettings:
    """Where pushes come from.

    A push costs about $0.34 for its build if it changes an image, and $0.19 more while it waits for a retraining.

    Attributes:
        kind: `codeconnections` (GitHub, GitLab, Bitbucket), `codecommit`, or `s3` (a zip in the raw-data bucket).
        repository: "owner/name" for codeconnections; the name of a repository that exists for codecommit. While it
            is empty, no push retrains: uploads, the schedule and `make retrain` do.
        branch: The branch whose pushes deploy and retrain.
        connection_arn: ARN of an existing connection; empty: one is created, completed once in the console.
        provider: Provider of a connection that is created.
        key: Object in the raw-data bucket, for s3.
    """

    kind: Literal["codeconnections", "codecommit", "s3"] = "codeconnections"
    repository: str = ""
    branch: str = "main"
    connection_arn: str = ""
    provider: Literal["GitHub", "GitLab", "Bitbucket"] = "GitHub"
    key: str = "source/repository.zip"


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """One retraining: about $0.45 with these values and the real archive.

    Attributes:
        algorithm: What Train runs: `fine_tuning` (a pretrained network trained end to end; CPU, an hour, an image of
            6.5 GB), `linear_probe` (the same network frozen, and a head of its own; CPU, minutes, about $0.11 a
            retraining) or `builtin_image_classification` (AWS's MXNet algorithm; needs a GPU quota, about $0.44 a
            retraining). Their specifications are in pipeline_src/algorithms/.
        gate_profile: Thresholds of the gate: `default`, or `demo`, which only shows that the pipeline works. The
            values and their reasons are in pipeline_src/gate_thresholds.py.
        near_duplicates: Treatment of training images that look like a held-out one: `drop` leaves them out,
            `report` only lists them, so that the gate counts the leaked test images, `fail` fails Preprocess.
        preprocess_instance: Type of Preprocess.
        train_instance: Type of Train; empty: the algorithm's own, `ml.c5.2xlarge` or `ml.g4dn.xlarge` (GPU).
        score_instance: Type of Score; the images are shared among `score_instances`.
        evaluate_instance: Type of Evaluate.
        train_instances: Hosts of Train; `linear_probe` takes one. In a VPC, several have to be let reach each other by
            the security groups.
        score_instances: Hosts of Score.
        warm_start: Whether Train starts from the weights of the model in production instead of pretrained ones, with
            `fine_tuning` and `builtin_image_classification`; it costs nothing. The first model, and one after a model
            of another algorithm, starts from pretrained weights; with `builtin_image_classification`, train the first
            one without it. Refused where that model has learned from an image that is held out now (decision 0026).
        spot: Train on spot capacity: up to 70 % cheaper, may wait or be interrupted, resumes from checkpoints. Not with
            a tuning, whose jobs would share one prefix for their checkpoints, but for `linear_probe`, which can.
        keep_warm_seconds: How long Train's instances are kept for another training, which then starts minutes earlier:
            up to 3600, which costs $0.41 more a retraining, whether or not another comes. 0: not at all.
            Not with spot capacity, nor with a tuning, whose jobs share instances anyway. Needs a quota for warm pools,
            which is 0 in a new account; without it nothing is kept.
        tuning_jobs: Number of trainings with random hyperparameters, of which the best is evaluated: each costs
            what one training does, $0.37 with these values. 0: one training, no tuning; or 2 to 50.
        tuning_parallel: Number of jobs that run at the same time; needs a quota of as many instances.
        tuning_usd: Limit of a tuning's cost if each job takes the algorithm's maximum of hours; 0: no limit.
        job_user: User and group that the preprocessing image runs as: root, which the service reportedly needs
            (decision 0008); `10001:10001` once a job has shown otherwise.
    """

    algorithm: str = DEFAULT_ALGORITHM
    gate_profile: Literal["default", "demo"] = "default"
    near_duplicates: Literal["drop", "report", "fail"] = "drop"
    preprocess_instance: str = "ml.c5.xlarge"
    train_instance: str = ""
    score_instance: str = "ml.c5.xlarge"
    evaluate_instance: str = "ml.m5.large"
    train_instances: int = 1
    score_instances: int = 1
    warm_start: bool = False
    spot: bool = False
    keep_warm_seconds: int = 0
    tuning_jobs: int = 0
    tuning_parallel: int = 2
    tuning_usd: int = 40
    job_user: str = "0:0"

    @property
    def train_instance_type(self) -> str:
        """The instance type of Train."""
        return self.train_instance or find_algorithm(self.algorithm).default_instance


@dataclass(frozen=True, kw_only=True)
class EndpointSettings:
    """One endpoint: instances of ml.c5.large cost $0.102 an hour each, about $74 a month, and $4 for the volume.

    Attributes:
        instance: Instance type, one of those that the model package lists.
        minimum: Instances that always run. A canary needs two: one for the new model, one for the old.
        maximum: Largest number of instances under autoscaling.
        invocations_per_instance: Autoscaling's target of requests per minute and instance.
        canary_percent: Share of the capacity that gets the new model first, 1 to 50; 0: all at once.
        canary_minutes: How long the canary is watched before the rest follows; both fleets run during that time.
        capture_percent: Share of the requests whose image and answer are stored in the runs bucket, and whose answers
            are counted for the dashboard (up to $2.40 a month); 0: none.
        latency_ms: Model latency, 99th percentile, above which an alarm fires and a canary rolls back.
    """

    instance: str = "ml.c5.large"
    minimum: int = 1
    maximum: int = 1
    invocations_per_instance: int = 600
    canary_percent: int = 0
    canary_minutes: int = 10
    capture_percent: int = 0
    latency_ms: int = 2000

    @property
    def scales(self) -> bool:
        """Whether autoscaling can add instances."""
        return self.maximum > self.minimum


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """The VPC of all jobs, models and builds; empty: they run in networks of the services.

    The setting itself costs nothing. In subnets without internet access, jobs and models need a gateway endpoint for
    S3, which is free, and no other; builds need a NAT gateway, about $33 a month and $0.045 a GB. Functions stay
    outside: they call AWS's own APIs only. docs/vpc.md says what the subnets need.

    Attributes:
        vpc: Id of the VPC of the subnets, which CodeBuild asks for.
        subnets: Ids of up to 16 subnets, by commas. CodeBuild and GPU types are not offered in every zone.
        security_groups: Ids of up to 5 security groups, by commas; they need outbound HTTPS, and no inbound rule.
    """

    vpc: str = ""
    subnets: str = ""
    security_groups: str = ""

    @property
    def subnet_ids(self) -> tuple[str, ...]:
        """The ids of the subnets."""
        return tuple(each.strip() for each in self.subnets.split(",")) if self.subnets else ()

    @property
    def security_group_ids(self) -> tuple[str, ...]:
        """The ids of the security groups."""
        return tuple(each.strip() for each in self.security_groups.split(",")) if self.security_groups else ()

    @property
    def vpc_config(self) -> dict[str, list[str]]:
        """The VpcConfig of a SageMaker request; empty without a VPC."""
        if not self.subnets:
            return {}
        return {"SecurityGroupIds": list(self.security_group_ids), "Subnets": list(self.subnet_ids)}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings.

    Attributes:
        name: Prefix of all stacks and resources, so that two deployments may share an account.
        build: Account and region of data, training and the pipelines.
        staging_environment: Account and region of the staging endpoint; empty: those of build.
        production_environment: Account and region of the production endpoint; empty: those of build.
    """

    name: str = "skin-lesion"
    build: AwsEnvironment = field(default_factory=AwsEnvironment)
    staging_environment: AwsEnvironment = field(default_factory=AwsEnvironment)
    production_environment: AwsEnvironment = field(default_factory=AwsEnvironment)
    source: SourceSettings = field(default_factory=SourceSettings)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    staging: EndpointSettings = field(default_factory=EndpointSettings)
    production: EndpointSettings = field(
        default_factory=lambda: EndpointSettings(minimum=2, maximum=4, canary_percent=50, capture_percent=10)
    )
    retraining: RetrainingSettings = field(default_factory=RetrainingSettings)
    monitor: DriftMonitorSettings = field(default_factory=DriftMonitorSettings)
    notification: NotificationSettings = field(default_factory=NotificationSettings)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    budget: BudgetSettings = field(default_factory=BudgetSettings)
    tracking: TrackingSettings = field(default_factory=TrackingSettings)
