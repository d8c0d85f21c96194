# SPDX-License-Identifier: MIT-0
"""Every choice that a user of this application makes: one value a decision, and what it costs.

Change a value here, in a reviewed commit, or for one command: ``npx cdk deploy --all -c production.maximum=6``.
The context key of a value is its section and its name. Sections about what goes on once a model is there stand in
upkeep.py. `override` reads the settings; `consistency` refuses what contradicts, and instance types that SageMaker,
the images or the volumes' key rule out (pipeline_src/instance_types.py). Prices are on-demand list prices of
us-east-1 in US dollars, as cost.py states them.
"""

from dataclasses import dataclass, field
from typing import Literal

from stacks.upkeep import Budget, Monitor, Notification, Retention, Retraining

__all__ = [
    "Budget",
    "Endpoint",
    "Environment",
    "Monitor",
    "Notification",
    "Retention",
    "Retraining",
    "Settings",
    "Source",
    "Training",
]


@dataclass(frozen=True, kw_only=True)
class Environment:
    """An account and a region; both or neither.

    Empty: for build, those of the credentials that deploy; for staging and production, those of build. A stage that is
    given another account or region is elsewhere: it gets a stack of its own there, with what its endpoint needs, which
    costs about 4 $ a month more (key, dashboard), 1.30 $ where requests are captured (metrics and alarm of their
    replication) and 1 $ for each further region. Then build has to be given too.
    """

    account: str = ""
    region: str = ""


@dataclass(frozen=True, kw_only=True)
class Source:
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
class Training:
    """One retraining: about 0.88 $ with these values and the real archive (an hour of GPU is 0.74 $ of it).

    Attributes:
        gate_profile: What a model must reach, or show at most: `default`, or `demo`, which only shows that the loop
            works. The values and their reasons stand in pipeline_src/floor.py.
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
class Endpoint:
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
class Settings:
    """All choices.

    Attributes:
        name: Begins the names of all stacks and resources, so that two deployments may share an account.
        build: Where data, training and the pipelines live.
        staging_environment: Where the staging endpoint lives; empty: with build.
        production_environment: Where the production endpoint lives; empty: with build.
    """

    name: str = "skin-lesion"
    build: Environment = field(default_factory=Environment)
    staging_environment: Environment = field(default_factory=Environment)
    production_environment: Environment = field(default_factory=Environment)
    source: Source = field(default_factory=Source)
    training: Training = field(default_factory=Training)
    staging: Endpoint = field(default_factory=Endpoint)
    production: Endpoint = field(
        default_factory=lambda: Endpoint(minimum=2, maximum=4, canary_percent=50, capture_percent=10)
    )
    retraining: Retraining = field(default_factory=Retraining)
    monitor: Monitor = field(default_factory=Monitor)
    notification: Notification = field(default_factory=Notification)
    retention: Retention = field(default_factory=Retention)
    budget: Budget = field(default_factory=Budget)
