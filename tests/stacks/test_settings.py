# SPDX-License-Identifier: MIT-0
"""Settings: what ships works, what the context says counts, and what cannot work is refused at synth."""

import os
import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from pipeline_src.algorithms.algorithm_table import ALGORITHMS, DEFAULT_ALGORITHM, find_algorithm
from stacks.settings.deployment_settings import AwsEnvironment, EndpointSettings, Settings
from stacks.settings.settings_context import SettingError, context_of_settings, setting_types, settings_from_context
from stacks.settings.settings_validation import validate_settings

HOURS = find_algorithm(DEFAULT_ALGORITHM).maximum_hours
# An algorithm in an image of AWS, which trains on some families of instances only.
PROBE = {"training.algorithm": "linear_probe"}
BOUGHT = {"training.algorithm": next(each.name for each in ALGORITHMS.values() if each.instance_families)}
ROOT = Path(__file__).parent.parent.parent


def test_the_settings_that_ship_are_consistent() -> None:
    assert validate_settings(settings_from_context({})) == Settings()


def test_each_context_key_reaches_its_setting() -> None:
    given = {
        "name": "lesions",
        "source.kind": "codecommit",
        "source.repository": "lesions",
        "production.maximum": "6",
        "training.spot": "true",
        "retraining.on_new_data": False,
        "staging.minimum": 2,
        "staging.maximum": 2,
    }
    settings = validate_settings(settings_from_context(given))
    assert settings.name == "lesions"
    assert (settings.source.kind, settings.source.repository) == ("codecommit", "lesions")
    assert settings.production == replace(Settings().production, maximum=6)
    assert settings.training.spot is True
    assert settings.retraining.on_new_data is False
    assert settings.staging == EndpointSettings(minimum=2, maximum=2)


def test_keys_of_the_cdk_itself_are_passed_over() -> None:
    assert (
        settings_from_context({"@aws-cdk/core:enablePartitionLiterals": True, "aws:cdk:version-reporting": True})
        == Settings()
    )


def test_what_a_command_chose_is_carried_on_until_a_commit_chooses_otherwise() -> None:
    """A build deploys with it, so that a push takes no choice back and makes none eternal."""
    chosen = settings_from_context({"production.maximum": 6, "training.spot": True})
    carried = context_of_settings(chosen)
    assert settings_from_context(carried) == chosen
    assert settings_from_context(carried | {"production.maximum": 5}).production.maximum == 5
    carried["deployed"]["production.maximum"]["default"] = 3  # it was 3 then, and the file has changed since
    assert settings_from_context(carried) == settings_from_context({"training.spot": True})
    carried["deployed"]["production.gone"] = {"value": 1, "default": 2}
    assert settings_from_context(carried) == settings_from_context({"training.spot": True})


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("production.maximun", "6", "Did you mean 'production.maximum'?"),
        ("colour", "red", "no such setting"),
        ("production.maximum", "six", "Give a whole number"),
        ("training.spot", "maybe", "Give true or false"),
        ("source.kind", "ftp", "one of codeconnections, codecommit, s3"),
        ("name", True, "Give text"),
    ],
)
def test_an_unknown_key_or_a_value_of_another_type_is_refused(key: str, value: object, said: str) -> None:
    with pytest.raises(SettingError, match=re.escape(f"context {key!r}")) as caught:
        settings_from_context({key: value})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("context", "place", "said"),
    [
        ({"production.minimum": 1}, "production.canary_percent", "production.minimum=2"),
        ({"production.canary_percent": 60}, "production.canary_percent", "up to 50"),
        ({"production.canary_minutes": 4}, "production.canary_minutes", "5 to 60"),
        ({"staging.maximum": 0}, "staging.maximum", "1 (minimum) or more"),
        ({"staging.minimum": 0}, "staging.minimum", "1 to 100"),
        ({"staging.capture_percent": 101}, "staging.capture_percent", "0 (none) to 100"),
        ({"staging.latency_ms": 0}, "staging.latency_ms", "time-out"),
        ({"staging.invocations_per_instance": 0}, "staging.invocations_per_instance", "1 or more"),
        *(
            ({f"{stage}.instance": f"ml.{kind}"}, f"{stage}.instance", "local NVMe")
            for stage, kind in (
                *(("production", "g4dn.xlarge"), ("production", "g6e.xlarge"), ("staging", "p5e.48xlarge")),
                *(("production", "g7.2xlarge"), ("staging", "c5d.large"), ("monitor", "g5.xlarge")),
            )
        ),
        ({"training.evaluate_instance": "ml.r5d.large"}, "training.evaluate_instance", "local NVMe"),
        *(
            ({"production.instance": f"ml.{family}.large"}, "production.instance", "are arm64")
            for family in ("m6g", "m8g", "c6g", "c7g", "c8g", "r6g")
        ),
        ({"production.instance": "ml.inf1.xlarge"}, "production.instance", "AWS Inferentia, which the image"),
        ({"training.score_instance": "ml.trn1.2xlarge"}, "training.score_instance", "AWS Trainium, which the image"),
        *(
            ({place: kind}, place, "SageMaker takes no such instance type")
            for place, kind in (
                *(("production.instance", "ml.gr6.4xlarge"), ("production.instance", "ml.c5.lrage")),
                *(("staging.instance", "c5.large"), ("training.train_instance", "ml.g5.huge")),
                *(("monitor.instance", "ml.m7g.large"), ("training.preprocess_instance", "ml.")),
            )
        ),
        ({"training.preprocess_instance": "ml.c5.large"}, "training.preprocess_instance", "not for processing"),
        ({"training.score_instance": "ml.c5d.xlarge"}, "training.score_instance", "not for transform"),
        ({"production.instance": "ml.r5.large"}, "production.instance", "the model package names"),
        ({"training.score_instance": "ml.m4.xlarge"}, "training.score_instance", "the model package names"),
        *(
            ({**BOUGHT, "training.train_instance": kind}, "training.train_instance", "GPU only")
            for kind in ("ml.c5.xlarge", "ml.g6.xlarge")
        ),
        ({**PROBE, "training.train_instance": "ml.g5.xlarge"}, "training.train_instance", "local NVMe"),
        ({"training.algorithm": f"{DEFAULT_ALGORITHM}s"}, "training.algorithm", f"perhaps {DEFAULT_ALGORITHM}"),
        ({**PROBE, "training.train_instances": 2}, "training.train_instances", "linear_probe trains on one; give 1"),
        ({"training.train_instances": 0}, "training.train_instances", "give 1"),
        ({"training.train_instances": 21}, "training.train_instances", "1 to 20"),
        ({"training.score_instances": 0}, "training.score_instances", "1 to 20"),
        ({"training.job_user": "nobody"}, "training.job_user", "uid:gid"),
        ({"training.tuning_jobs": 1}, "training.tuning_jobs", "0 (one training) or 2 to 50"),
        ({"training.tuning_jobs": 51, "training.tuning_usd": 0}, "training.tuning_jobs", "2 to 50"),
        ({"training.tuning_jobs": 4, "training.tuning_parallel": 5}, "training.tuning_parallel", "1 to 4"),
        ({"training.tuning_parallel": 11}, "training.tuning_parallel", "1 to 10"),
        ({**BOUGHT, "training.tuning_jobs": 4, "training.spot": True}, "training.spot", "share their checkpoints"),
        ({"training.algorithm": "linear_probe", "training.warm_start": True}, "training.warm_start", "convex problem"),
        ({"training.keep_warm_seconds": -1}, "training.keep_warm_seconds", "to 3600"),
        ({"training.keep_warm_seconds": 3601}, "training.keep_warm_seconds", "to 3600"),
        (
            {"training.keep_warm_seconds": 60, "training.spot": True},
            "training.keep_warm_seconds",
            "training.spot=false",
        ),
        (
            {"training.keep_warm_seconds": 60, "training.tuning_jobs": 4},
            "training.keep_warm_seconds",
            "by themselves",
        ),
        ({"training.tuning_usd": -1}, "training.tuning_usd", "0 for no limit"),
        ({"training.tuning_jobs": 10, "training.tuning_usd": 5}, "training.tuning_usd", f"10 jobs of {HOURS} hours"),
        (
            {"training.tuning_jobs": 2, "training.train_instance": "ml.c7i.48xlarge"},
            "training.tuning_usd",
            "not in stacks/settings/aws_prices.py",
        ),
        ({"source.repository": "no-owner"}, "source.repository", "owner/name"),
        ({"source.kind": "codecommit", "source.repository": "a/b"}, "source.repository", "without a slash"),
        ({"source.branch": "my branch"}, "source.branch", "main"),
        ({"tracking.mlflow_arn": "http://127.0.0.1:5000"}, "tracking.mlflow_arn", "mlflow-tracking-server/NAME"),
        ({"source.connection_arn": "abc"}, "source.connection_arn", "a connection's ARN"),
        (
            {
                "source.kind": "s3",
                "source.connection_arn": "arn:aws:codeconnections:eu-west-1:123456789012:connection/abc",
            },
            "source.connection_arn",
            "leave it empty",
        ),
        ({"source.kind": "s3", "source.key": "archives/x.zip"}, "source.key", "not below archives/"),
        ({"monitor.minutes": 4}, "monitor.minutes", "5 to 1440"),
        ({"monitor.every": "hour", "monitor.minutes": 61}, "monitor.minutes", "5 to 60"),
        ({"monitor.retrain": True, "monitor.every": "never"}, "monitor.retrain", "monitor.every=day"),
        ({"monitor.retrain": True, "production.capture_percent": 0}, "monitor.retrain", "capture_percent above 0"),
        ({"retraining.schedule": "monthly"}, "retraining.schedule", "rate(30 days)"),
        ({"notification.address": "me"}, "notification.address", "e-mail"),
        ({"retention.log_days": 10}, "retention.log_days", "365"),
        ({"retention.capture_days": 0}, "retention.capture_days", "1 or more"),
        ({"retention.noncurrent_days": 0}, "retention.noncurrent_days", "1 or more"),
        ({"retention.model_days": 30}, "retention.model_days", "60 and more"),
        ({"budget.monthly_usd": -1}, "budget.monthly_usd", "0 for none"),
        ({"name": "Skin Lesion"}, "name", "lower-case"),
        ({"name": "skin-monitor"}, "name", "another deployment's monitor is called so"),
        ({"name": "skin-monitor-eu"}, "name", "another deployment's monitor is called so"),
    ],
)
def test_settings_that_contradict_are_refused_with_place_value_and_remedy(
    context: dict[str, Any], place: str, said: str
) -> None:
    with pytest.raises(SettingError) as caught:
        validate_settings(settings_from_context(context))
    line = next(line for line in str(caught.value).splitlines() if line.startswith(f"setting '{place}'"))
    assert said in line


def test_all_contradictions_are_named_at_once() -> None:
    with pytest.raises(SettingError) as caught:
        validate_settings(settings_from_context({"production.minimum": 1, "training.job_user": "nobody"}))
    assert len(str(caught.value).splitlines()) == 2


def test_every_setting_is_described_where_it_stands() -> None:
    """Its attribute is named in its section's docstring."""
    sections = {type(getattr(Settings(), each.name)) for each in fields(Settings)} - {AwsEnvironment, str}
    assert len(sections) == 10
    for section in sections:
        for each in fields(section):
            assert f" {each.name}: " in (section.__doc__ or ""), f"{section.__name__}.{each.name}"
    assert len(setting_types()) > 40


def test_the_application_ends_with_the_sentence_and_leaves_no_assembly(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "CDK_OUTDIR": str(tmp_path / "out"),
        "CDK_CONTEXT_JSON": '{"production.minimum": "1"}',
    }
    done = subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "setting 'production.canary_percent': 50: one instance cannot be split" in done.stderr
    assert "stacks/settings/deployment_settings.py" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.template.json"))
