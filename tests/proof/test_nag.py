# SPDX-License-Identifier: MIT-0
"""cdk-nag finds nothing that is neither fixed nor acknowledged: exactly, at the construct itself, with a reason."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks

from stacks.constructs.vpc_network import NETWORK_POLICY_FINDINGS, NETWORK_POLICY_REASON
from stacks.endpoint.endpoint_stack import EndpointStage
from stacks.nag.nag_suppressions import NAG_SUPPRESSIONS, NagSuppression, suppression_rows
from stacks.nag.remote_stage_suppressions import suppressions_of_remote_stages
from stacks.nag.wildcard_suppressions import WILDCARD_SUPPRESSIONS
from stacks.settings.deployment_settings import Settings
from stacks.settings.settings_context import settings_from_context
from tests.assembly import CONNECTED, FLAGS, application
from tests.proof.sample import ACCOUNTS

Found = list[dict[str, Any]]
PACKS = ("AwsSolutions", "HIPAA.Security", "NIST.800.53.R5")
APART = CONNECTED | ACCOUNTS
IN_VPC = NagSuppression(
    NETWORK_POLICY_REASON,
    NETWORK_POLICY_FINDINGS,
    tuple(
        f"{role}/NetworkPolicy/Resource"
        for role in (
            "Training/JobRole",
            "Deployment/Serving/Role",
            "Monitoring/Monitor/Role",
            "Monitoring/ExportRole",
            "Retraining/Push/BuildRole",
        )
    ),
)
REMOTE = suppressions_of_remote_stages(settings_from_context(APART))
TABLE = set(suppression_rows((*NAG_SUPPRESSIONS, *WILDCARD_SUPPRESSIONS, IN_VPC, *REMOTE), Settings().name))


def reported(app: App) -> Found:
    """Return what each pack says of `app`."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), HIPAASecurityChecks(app), NIST80053R5Checks(app))
    # With a finding, synth raises after it has written the report.
    with contextlib.suppress(RuntimeError):
        app.synth()
    return list(json.loads((Path(app.outdir) / "validation-report.json").read_text())["pluginReports"])


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """The reports on the application with everything switched on, in one account and in three.

    And on the one that reviews pull requests itself.
    """
    contexts = (
        CONNECTED,
        APART,
        {"source.kind": "codecommit", "source.repository": "skin-lesion-mlops", "training.tuning_jobs": "2"},
    )
    return [each for given in contexts for each in reported(application(tmp_path_factory.mktemp("nag"), given))]


def endpoints(folder: Path) -> tuple[App, EndpointStage]:
    """Return the endpoint templates in an application of their own.

    In the whole one they are synthesized before the packs can look, because their templates are an asset of it.
    """
    app = App(context=FLAGS, outdir=str(folder), analytics_reporting=False)
    return app, EndpointStage(app, "Endpoints", settings=Settings())


def places(reports: Found, which: str) -> set[tuple[str, str]]:
    """Return construct and finding of what the reports list under `which`."""
    found = [each for report in reports for each in report.get(which, [])]
    return {(place["constructPath"], each["ruleName"]) for each in found for place in each["violatingConstructs"]}


def test_every_pack_has_looked(reports: Found) -> None:
    """And has seen something, so that an empty report is no sleeping rule."""
    assert {report["pluginName"] for report in reports if report.get("suppressedViolations")} >= set(PACKS)


def test_no_finding_stays_unacknowledged(reports: Found) -> None:
    assert sorted(places(reports, "violations")) == []


def test_no_finding_is_in_the_endpoint_templates(tmp_path: Path) -> None:
    app, _ = endpoints(tmp_path)
    assert places(reported(app), "violations") == set()


def test_an_endpoint_that_is_not_encrypted_is_found(tmp_path: Path) -> None:
    """So the packs do look into the stage."""
    app, stage = endpoints(tmp_path)
    configuration = stage.stacks["staging"].node.find_child("Configuration")
    configuration.kms_key_id = None  # type: ignore[attr-defined]
    rule = "SageMakerEndpointConfigurationKMSKeyConfigured"
    found = {
        finding for place, finding in places(reported(app), "violations") if place.startswith("Endpoints/Staging/")
    }
    assert found >= {f"HIPAA.Security-{rule}", f"NIST.800.53.R5-{rule}"}


def test_every_acknowledgment_is_needed_and_stands_at_the_construct_itself(reports: Found) -> None:
    assert {(path, finding) for path, finding, _ in TABLE} - places(reports, "suppressedViolations") == set()
    for report in reports:
        for each in report.get("suppressedViolations", []):
            assert {place["constructPath"] for place in each["violatingConstructs"]} == {each["acknowledgedAt"]}


def test_every_acknowledgment_is_reported_with_its_own_reason(reports: Found) -> None:
    said = {
        (each["acknowledgedAt"], each["ruleName"], each["reason"])
        for report in reports
        for each in report.get("suppressedViolations", [])
    }
    assert said == TABLE


def test_no_reason_is_a_phrase() -> None:
    assert [reason for _, _, reason in TABLE if len(reason.split()) < 12] == []
