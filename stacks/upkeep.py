# SPDX-License-Identifier: MIT-0
"""The choices of settings.py about what goes on once a model is there: retraining, monitor, notices, data, bills."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Retraining:
    """What starts a retraining besides a push. Each start costs what `Training` says, unless nothing has changed.

    Attributes:
        on_new_data: Whether an uploaded archive starts one.
        schedule: A schedule expression of EventBridge, such as ``rate(30 days)``; empty: none.
    """

    on_new_data: bool = True
    schedule: str = ""


@dataclass(frozen=True, kw_only=True)
class Monitor:
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
class Notification:
    """Who is told of failures, rejections, waiting approvals and deployments; e-mail costs nothing to speak of.

    Attributes:
        address: E-mail address, which has to confirm once; empty: the topic has no subscriber yet.
    """

    address: str = ""


@dataclass(frozen=True, kw_only=True)
class Retention:
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
class Budget:
    """A monthly budget over the resources tagged `project`; it warns, stops nothing, and costs nothing.

    It counts once the tag is activated as a cost allocation tag in the Billing console, by hand, once for an account.

    Attributes:
        monthly_usd: Amount; e-mail at 80 % spent and at 100 % forecast, to the notification's address. 0: none. A stage
            in another account has a budget of that amount there, since no account sees the bill of another.
    """

    monthly_usd: int = 400
