# SPDX-License-Identifier: MIT-0
"""The choices of settings.py about what goes on once a model is there: retraining, monitor, notices, data, bills.

Every choice that a user of this application makes: one value a decision, and what it costs.

Change a value here, in a reviewed commit, or for one command: ``npx cdk deploy --all -c production.maximum=6``.
The context key of a value is its section and its name. Sections about what goes on once a model is there stand in
upkeep.py. `override` reads the settings; `consistency` refuses what contradicts, and instance types that SageMaker,
the images or the volumes' key rule out (pipeline_src/definition/instance_types.py). Prices are on-demand list prices of
us-east-1 in US dollars, as cost.py states them.
"""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class RetrainingSettings:
    """What starts a retraining besides a push. Each start costs what `Training` says, unless nothing has changed.

    Attributes:
        on_new_data: Whether an uploaded archive starts one.
        schedule: A schedule expression of EventBridge, such as ``rate(30 days)``; empty: none.
    """

    on_new_data: bool = True
    schedule: str = ""


@dataclass(frozen=True, kw_only=True)
class DriftMonitorSettings:
    """Compares what production is asked with the evaluation of its model.

    It costs about 0.47 $ a month for a job a day and 0.25 $ for its metrics.
    Where `production.capture_percent` is 0 there is nothing to compare, and nothing runs.

    Attributes:
        every: `day` or `hour` (24 times the price): how often the requests of the last one, in UTC, are compared;
            `never`: not at all. With fewer than 100 pictures in it nothing is compared.
        instance: Type of the job.
        minutes: How long a run may take; one over confirmed labels reads all captures that are kept.
        retrain: Whether a violation starts a retraining. It costs what `Training` says, unless neither an archive nor
            the pipeline is new since a model came of them, or since drift asked the last time, however that ended:
            then the same would come of it, and nothing is started.
    """

    every: Literal["day", "hour", "never"] = "day"
    instance: str = "ml.m5.large"
    minutes: int = 60
    retrain: bool = False


@dataclass(frozen=True, kw_only=True)
class NotificationSettings:
    """Who is told of failures, rejections, waiting approvals and deployments; e-mail costs nothing to speak of.

    Attributes:
        address: E-mail address, which has to confirm once; empty: the topic has no subscriber yet.
    """

    address: str = ""


@dataclass(frozen=True, kw_only=True)
class RetentionSettings:
    """How long things are kept. Storage costs 0.023 $ a GB and month; a retraining leaves about 2 GB.

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
    """A monthly budget over the resources tagged `project`; it warns, stops nothing, and costs nothing.

    It counts once the tag is activated as a cost allocation tag in the Billing console, by hand, once for an account.

    Attributes:
        monthly_usd: Amount; e-mail at 80 % spent and at 100 % forecast, to the notification's address. 0: none. A stage
            in another account has a budget of that amount there, since no account sees the bill of another.
    """

    monthly_usd: int = 400


@dataclass(frozen=True, kw_only=True)
class AwsEnvironment:
    """An account and a region; both or neither.

    Empty: for build, those of the credentials that deploy; for staging and production, those of build. A stage that is
    given another account or region is elsewhere: it gets a stack of its own there, with what its endpoint needs, which
    costs about 4 $ a month more (key, dashboard), 1.30 $ where requests are captured (metrics and alarm of their
    replication) and 1 $ for each further region. Then build has to be given too.
    """

    account: str = ""
    region: str = ""


@dataclass(frozen=True, kw_only=True)
class SourceSettings:
    """Where pushes come from. A push costs about 0.24 $ for its build, and 0.21 $ more while it waits for a retraining.

    Attributes:
        kind: `codeconnections` (GitHub, GitLab, Bitbucket), `codecommit`, or `s3` (a zip in the raw-data bucket).
        repository: "owner/name" for codeconnections; the name of a repository that exists for codecommit. While it
            is empty, no push retrains: uploads, the schedule and `make retrain` do.
        branch: The branch whose pushes deploy and retrain.
        connection_arn: An existing connection; empty: one is created, and its owner completes it in the console once.
        provider: Of a connection that is created.
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
    """One retraining: about 0.88 $ with these values and the real archive (an hour of GPU is 0.74 $ of it).

    Attributes:
        gate_profile: What a model must reach, or show at most: `default`, or `demo`, which only shows that the loop
            works. The values and their reasons stand in pipeline_src/gate_thresholds.py.
        near_duplicates: What becomes of training images that look the same as a held-out one: `drop` leaves them out,
            `report` only lists them, so that the gate counts the leaked test images, `fail` ends Preprocess.
        preprocess_instance: Type of Preprocess.
        train_instance: A GPU type of the families g4dn and g5.
        score_instance: Type of Score; the images are shared among `score_instances`.
        evaluate_instance: Type of Evaluate.
        train_instances: Hosts of Train.
        score_instances: Hosts of Score.
        spot: Train on spot capacity: up to 70 % cheaper, may wait or be interrupted, resumes from checkpoints. Not with
            a tuning, whose jobs would share one prefix for their checkpoints.
        keep_warm_seconds: How long Train's instances are kept for another training, which then starts minutes earlier:
            up to 3600, which costs 0.74 $ more a retraining, whether or not another comes. 0: not. Not with spot
            capacity, nor with a tuning, whose jobs share instances as they are. Needs a quota for warm pools, which is
            0 in a new account; without it nothing is kept.
        tuning_jobs: Trainings in place of one, with hyperparameters drawn at random, of which the best goes on: each
            costs what one does, 0.80 $ with these values. 0: one training; 2 to 50: so many.
        tuning_parallel: How many of them at the same time; needs a quota of so many instances.
        tuning_usd: The most that a tuning may cost if each job takes the six hours that it may; 0: whatever it costs.
        job_user: User and group that the preprocessing image runs as: root, which the service is reported to need
            (decision 0008); `10001:10001` once a job has shown otherwise.
    """

    gate_profile: Literal["default", "demo"] = "default"
    near_duplicates: Literal["drop", "report", "fail"] = "drop"
    preprocess_instance: str = "ml.c5.xlarge"
    train_instance: str = "ml.g4dn.xlarge"
    score_instance: str = "ml.c5.xlarge"
    evaluate_instance: str = "ml.m5.large"
    train_instances: int = 1
    score_instances: int = 1
    spot: bool = False
    keep_warm_seconds: int = 0
    tuning_jobs: int = 0
    tuning_parallel: int = 2
    tuning_usd: int = 40
    job_user: str = "0:0"


@dataclass(frozen=True, kw_only=True)
class EndpointSettings:
    """One endpoint: instances of ml.c5.large cost 0.102 $ an hour each, about 74 $ a month, and 4 $ for the volume.

    Attributes:
        instance: Type; one that the model package says it may be served on.
        minimum: Instances that always run. A canary needs two: one to carry it, one to stay.
        maximum: Instances that autoscaling may add up to.
        invocations_per_instance: Requests a minute and instance that autoscaling aims at.
        canary_percent: Share of the capacity that gets the new model first, 1 to 50; 0: all at once.
        canary_minutes: How long the canary is watched before the rest follows; both fleets run meanwhile.
        capture_percent: Share of the requests whose image and answer are kept in the runs bucket, and whose answers
            are counted for the dashboard (up to 2.40 $ a month); 0: none.
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
        """Whether autoscaling has anything to decide."""
        return self.maximum > self.minimum


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """The VPC of all jobs, models and builds; empty: they run in networks of the services.

    The setting itself costs nothing. In subnets without internet access, jobs and models need a gateway endpoint for
    S3, which is free, and no other; builds need a NAT gateway, about $33 a month and $0.045 a GB. Functions stay
    outside: they call AWS's own APIs only. docs/operations.md, "In a VPC", says what the subnets need.

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
    """All choices.

    Attributes:
        name: Begins the names of all stacks and resources, so that two deployments may share an account.
        build: Where data, training and the pipelines live.
        staging_environment: Where the staging endpoint lives; empty: with build.
        production_environment: Where the production endpoint lives; empty: with build.
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
