# SPDX-License-Identifier: MIT-0
"""The estimate: what it counts is what is deployed, and the figures in the settings' docstrings are its figures."""

import ast
import dataclasses
import re
from typing import Any

import pytest

from operations.functions import monitoring_runs
from pipeline_src import contract
from pipeline_src.algorithms.algorithm_table import ALGORITHMS, DEFAULT_ALGORITHM, find_algorithm
from stacks.costs import cost_estimate
from stacks.settings import aws_prices, deployment_settings
from stacks.settings.deployment_settings import BudgetSettings, Settings, TrainingSettings
from stacks.settings.settings_context import settings_from_context
from tests.assembly import ROOT
from tests.operations.functions.test_job_contract import JOB_SOURCE, constant
from tests.proof.intrinsic import resources
from tests.proof.sample import ACCOUNTS

DEFAULT = Settings()
OTHERS = [each for each in ALGORITHMS if each != DEFAULT_ALGORITHM]


def retraining_with(algorithm: str) -> float:
    """What a retraining costs with that algorithm and all else by default."""
    settings = dataclasses.replace(DEFAULT, training=TrainingSettings(algorithm=algorithm))
    return cost_estimate.total_dollars(cost_estimate.estimate_retraining(settings))


def test_a_month_is_mostly_the_endpoints_instances() -> None:
    lines = {line.what: line.dollars for line in cost_estimate.estimate_month(DEFAULT)}
    assert lines["production: 2 ml.c5.large, always"] == pytest.approx(2 * 730 * 0.102)
    instances = sum(value for name, value in lines.items() if name.endswith("always") and value)
    assert instances / cost_estimate.total_dollars(cost_estimate.estimate_month(DEFAULT)) > 0.9


def test_the_alarms_that_are_counted_are_those_that_are_deployed(documents: dict[str, Any]) -> None:
    alarms = [each for each in resources(documents) if each.kind == "AWS::CloudWatch::Alarm"]
    own = [each for each in alarms if each.stack == "Monitoring"]
    assert (len(own), len(alarms) - len(own)) == (
        cost_estimate.APPLICATION_ALARMS + cost_estimate.COUNTER_ALARMS + cost_estimate.MONITOR_ALARMS,
        2 * cost_estimate.ALARMS_PER_ENDPOINT,
    )
    scaled = [each for each in resources(documents) if each.kind == "AWS::ApplicationAutoScaling::ScalingPolicy"]
    counted = len(alarms) + cost_estimate.ALARMS_PER_SCALED_ENDPOINT * len(scaled)
    assert f"{counted} alarms" in {line.what for line in cost_estimate.estimate_month(DEFAULT)}


def test_a_stage_elsewhere_costs_a_key_and_a_page_more_and_another_region_a_key(
    documents_apart: dict[str, Any],
) -> None:
    apart = settings_from_context(ACCOUNTS)
    more = cost_estimate.total_dollars(cost_estimate.estimate_month(apart)) - cost_estimate.total_dollars(
        cost_estimate.estimate_month(DEFAULT)
    )
    site = aws_prices.KEY_MONTH + aws_prices.DASHBOARD_MONTH
    replica = (
        cost_estimate.REPLICATION_ALARMS * aws_prices.ALARM_MONTH
        + cost_estimate.REPLICATION_METRICS * aws_prices.METRIC_MONTH
    )
    assert more == pytest.approx(
        2 * site + aws_prices.KEY_MONTH + cost_estimate.PUBLISH_ALARMS * aws_prices.ALARM_MONTH + replica
    )
    said = " ".join((deployment_settings.AwsEnvironment.__doc__ or "").split())
    assert f"about ${site:.0f} a month more (key, dashboard), ${replica:.2f} where requests are captured" in said
    counted = {line.what for line in cost_estimate.estimate_month(apart)}
    kinds = {"AWS::KMS::Key": "keys", "AWS::CloudWatch::Dashboard": "dashboards"}
    for kind, what in kinds.items():
        assert f"{sum(each.kind == kind for each in resources(documents_apart))} {what}" in counted
    scaled = [each for each in resources(documents_apart) if each.kind == "AWS::ApplicationAutoScaling::ScalingPolicy"]
    alarms = [each for each in resources(documents_apart) if each.kind == "AWS::CloudWatch::Alarm"]
    assert f"{len(alarms) + cost_estimate.ALARMS_PER_SCALED_ENDPOINT * len(scaled)} alarms" in counted


def test_where_nothing_is_captured_neither_counting_nor_monitor_is_counted() -> None:
    quiet = dataclasses.replace(DEFAULT, production=dataclasses.replace(DEFAULT.production, capture_percent=0))
    fewer, more = (cost_estimate.total_dollars(cost_estimate.estimate_month(each)) for each in (quiet, DEFAULT))
    alarms = cost_estimate.COUNTER_ALARMS + cost_estimate.MONITOR_ALARMS
    assert more - fewer == pytest.approx(alarms * aws_prices.ALARM_MONTH + jobs(DEFAULT) + metrics(DEFAULT))


def jobs(settings: Settings) -> float:
    """What the monitor's jobs cost in a month."""
    return sum(
        line.dollars or 0 for line in cost_estimate.estimate_month(settings) if line.what.startswith("monitor: ")
    )


def metrics(settings: Settings) -> float:
    """What the metrics cost in a month that the monitor's runs publish."""
    return sum(
        line.dollars or 0 for line in cost_estimate.estimate_month(settings) if "metrics of the monitor" in line.what
    )


def test_a_monitor_that_runs_each_hour_costs_24_times_as_much_and_one_that_never_runs_nothing() -> None:
    hourly, never = (settings_from_context({"monitor.every": every}) for every in ("hour", "never"))
    assert jobs(hourly) == pytest.approx(24 * jobs(DEFAULT))
    assert metrics(hourly) == pytest.approx(24 * metrics(DEFAULT))
    assert jobs(never) == metrics(never) == 0


def test_the_metrics_of_a_monitor_are_paid_for_the_hours_in_which_they_are_sent() -> None:
    hourly = settings_from_context({"monitor.every": "hour"})
    assert metrics(hourly) == pytest.approx(cost_estimate.MONITOR_METRICS * aws_prices.METRIC_MONTH)


def test_the_metrics_that_are_counted_are_those_that_a_run_publishes() -> None:
    """One for each title of the job's checks, of which two tables are spread into one, and three counts."""
    measured = sum(len(constant("drift/image_features", table)) for table in ("IMAGE_FEATURES", "ANSWER_FEATURES"))
    tree = ast.parse((JOB_SOURCE / "drift/monitor_results.py").read_text())
    (titles,) = [
        each.value
        for each in tree.body
        if isinstance(each, ast.AnnAssign) and ast.unparse(each.target) == "CHECK_TITLES"
    ]
    assert isinstance(titles, ast.Dict)
    others = sum(1 for key in titles.keys if key is not None)
    assert (
        measured
        + others
        + len((monitoring_runs.REQUESTS_METRIC, monitoring_runs.COMPARED_METRIC, monitoring_runs.VIOLATIONS_METRIC))
        == cost_estimate.MONITOR_METRICS
    )


def test_spot_capacity_makes_training_cheaper_and_nothing_else() -> None:
    spot = dataclasses.replace(DEFAULT, training=TrainingSettings(spot=True))
    pairs = list(zip(cost_estimate.estimate_retraining(DEFAULT), cost_estimate.estimate_retraining(spot), strict=True))
    assert [a.what.split(":")[0] for a, b in pairs if a.dollars != b.dollars] == ["Train"]


def test_what_has_no_price_here_is_said_and_not_counted() -> None:
    unknown = dataclasses.replace(DEFAULT, training=TrainingSettings(train_instance="ml.c7i.48xlarge"))
    text = "\n".join(cost_estimate.estimate_lines(unknown))
    minutes = find_algorithm(DEFAULT_ALGORITHM).typical_minutes
    assert re.search(rf"Train: 1 ml.c7i.48xlarge, {minutes} min +not in aws_prices.py, so not counted", text)
    assert "A retraining (minutes assumed, not measured): at least" in text


@pytest.mark.parametrize(
    ("chosen", "said"),
    [({}, False), ({"train_instance": "ml.g5.xlarge"}, True), ({"train_instances": 2}, True)],
)
def test_the_minutes_of_a_training_are_those_of_its_usual_instance(
    chosen: dict[str, Any],
    said: bool,  # noqa: FBT001  parametrized
) -> None:
    training = TrainingSettings(algorithm="fine_tuning", **chosen)
    text = "\n".join(cost_estimate.estimate_lines(dataclasses.replace(DEFAULT, training=training)))
    assert ("Train's minutes are those of 1 ml.c5.2xlarge: a faster type" in text) is said


@pytest.mark.parametrize(("amount", "said"), [(100, "below what an idle month costs"), (0, "No budget is set")])
def test_a_budget_that_is_too_low_or_missing_is_said(amount: int, said: str) -> None:
    text = "\n".join(
        cost_estimate.estimate_lines(dataclasses.replace(DEFAULT, budget=BudgetSettings(monthly_usd=amount)))
    )
    assert said in text


def test_the_default_budget_is_above_an_idle_month() -> None:
    assert "below what an idle month" not in "\n".join(cost_estimate.estimate_lines(DEFAULT))


def test_the_text_says_how_old_its_prices_are_and_that_nobody_looked_them_up() -> None:
    first = next(cost_estimate.estimate_lines(DEFAULT))
    assert aws_prices.PRICES_AS_OF in first
    assert "from memory elsewhere; not looked up live" in first


def test_every_default_instance_has_a_price() -> None:
    assert all(
        line.dollars is not None
        for line in (*cost_estimate.estimate_month(DEFAULT), *cost_estimate.estimate_retraining(DEFAULT))
    )


@pytest.mark.parametrize(
    ("place", "figure"),
    [
        ("TrainingSettings", f"about ${cost_estimate.total_dollars(cost_estimate.estimate_retraining(DEFAULT)):.2f}"),
        *(("TrainingSettings", f"about ${retraining_with(each):.2f} a retraining") for each in OTHERS),
        (
            "SourceSettings",
            f"about ${sum(line.dollars or 0 for line in cost_estimate.estimate_push(DEFAULT)[:2]):.2f} for its build",
        ),
        ("SourceSettings", f"${cost_estimate.estimate_push(DEFAULT)[2].dollars:.2f} more while it waits"),
        ("EndpointSettings", f"${aws_prices.INSTANCE_HOUR['ml.c5.large']:.3f} an hour each"),
        (
            "EndpointSettings",
            f"about ${aws_prices.INSTANCE_HOUR['ml.c5.large'] * cost_estimate.HOURS_PER_MONTH:.0f} a month",
        ),
        ("EndpointSettings", f"${cost_estimate.VOLUME_GB * aws_prices.INSTANCE_VOLUME_GB_MONTH:.0f} for the volume"),
        (
            "DriftMonitorSettings",
            f"about ${jobs(DEFAULT):.2f} a month for a job a day and ${metrics(DEFAULT):.2f} for its metrics",
        ),
        ("EndpointSettings", f"up to ${(len(contract.CLASS_LABELS) + 1) * aws_prices.METRIC_MONTH:.2f} a month"),
        ("RetentionSettings", f"${aws_prices.STORED_GB_MONTH} a GB and month"),
    ],
)
def test_the_figures_in_the_settings_are_those_of_the_estimate(place: str, figure: str) -> None:
    assert figure in " ".join((getattr(deployment_settings, place).__doc__ or "").split())


def test_the_command_prints_the_estimate_for_the_given_settings(capsys: pytest.CaptureFixture[str]) -> None:
    cost_estimate.main(["--context", "staging.minimum=2", "-c", "staging.maximum=2"])
    assert capsys.readouterr().out.splitlines() == list(
        cost_estimate.estimate_lines(settings_from_context({"staging.minimum": 2, "staging.maximum": 2}))
    )


def test_the_command_refuses_an_unknown_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cost_estimate.main(["--context", "budgt.monthly_usd=1"])
    assert stopped.value.code == 2
    assert "Did you mean 'budget.monthly_usd'?" in capsys.readouterr().err


def test_instances_that_are_kept_warm_are_paid_for_and_a_full_hour_is_what_the_setting_says() -> None:
    warm = dataclasses.replace(DEFAULT, training=TrainingSettings(keep_warm_seconds=3600))
    (kept,) = set(cost_estimate.estimate_retraining(warm)) - set(cost_estimate.estimate_retraining(DEFAULT))
    kind = DEFAULT.training.train_instance_type
    hour = aws_prices.INSTANCE_HOUR[kind]
    assert (kept.what, kept.dollars) == (f"Train: 1 {kind} kept, 60 min", pytest.approx(hour))
    assert f"${hour:.2f} more a retraining" in str(TrainingSettings.__doc__)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_training_costs_the_minutes_and_the_instance_of_its_algorithm(algorithm: str) -> None:
    of = find_algorithm(algorithm)
    settings = dataclasses.replace(DEFAULT, training=TrainingSettings(algorithm=algorithm))
    line = next(each for each in cost_estimate.estimate_retraining(settings) if each.what.startswith("Train"))
    assert line.what == f"Train: 1 {of.default_instance}, {of.typical_minutes} min"
    hour = aws_prices.INSTANCE_HOUR[of.default_instance]
    assert line.dollars == pytest.approx(hour * of.typical_minutes / 60)


def test_the_readme_says_what_the_defaults_cost() -> None:
    """To the cent."""
    month, retraining = (
        cost_estimate.total_dollars(each(DEFAULT))
        for each in (cost_estimate.estimate_month, cost_estimate.estimate_retraining)
    )
    push = cost_estimate.total_dollars(cost_estimate.estimate_push(DEFAULT))
    text = (ROOT / "README.md").read_text()
    for figure in (f"about ${month:.2f} a month", f"${retraining:.2f} a retraining", f"${push:.2f} a push"):
        assert figure in text
