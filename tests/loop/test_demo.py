# SPDX-License-Identifier: MIT-0
"""What `make demo` promises. The tests of this file go through one home in order: demo, again, stricter, approved."""

import json
import subprocess
import urllib.request

import numpy as np

from pipeline_src import contract, gate_thresholds
from tests.loop.home import APP, ROOT, Loop

CACHED = (contract.PREPROCESS_STEP, contract.TRAIN_STEP)


def test_the_demo_ends_with_a_registered_model_a_summary_and_a_report(loop: Loop) -> None:
    assert loop.result.returncode == 0, loop.result.stdout + loop.result.stderr
    assert loop.home.execution()["PipelineExecutionStatus"] == "Succeeded"
    steps = loop.home.steps()
    assert set(steps) == set(contract.STEPS) - {contract.REJECT_STEP}
    assert {step["StepStatus"] for step in steps.values()} == {"Succeeded"}
    assert "PendingManualApproval" in loop.result.stdout
    assert "report.html" in loop.result.stdout
    assert "python -m local approve" in loop.result.stdout
    assert "synthetic" in loop.home.output(contract.REPORT_FILE).read_text().lower()


def test_the_demo_model_learned_well_above_chance_and_above_the_demo_gate(loop: Loop) -> None:
    balanced = json.loads(loop.home.output(contract.EVALUATION_FILE).read_text())["balanced_accuracy"]["value"]
    assert balanced >= gate_thresholds.THRESHOLD_PROFILES["demo"].balanced_accuracy + 0.1
    assert balanced >= 4 / len(contract.CLASS_LABELS)


def test_a_second_run_reuses_the_cached_steps_and_says_so(loop: Loop) -> None:
    again = loop.home.local("run", "--archive", loop.archive, "--profile", "demo")
    assert again.returncode == 0, again.stdout + again.stderr
    steps = loop.home.steps()
    assert all("CacheHitResult" in steps[name] for name in CACHED)
    assert again.stdout.lower().count("cached") >= len(CACHED)


def test_the_default_gate_rejects_the_same_archive_and_names_what_was_missed(loop: Loop) -> None:
    stricter = loop.home.local("run", "--archive", loop.archive, "--profile", "default")
    assert stricter.returncode == 1, stricter.stdout + stricter.stderr
    steps = loop.home.steps()
    assert loop.home.execution()["PipelineExecutionStatus"] == "Failed"
    assert contract.REGISTER_STEP not in steps
    verdict = json.loads(loop.home.output(contract.EVALUATION_FILE).read_text())["gate"]
    missed = [requirement for requirement in verdict["requirements"] if not requirement["passed"]]
    assert missed
    assert steps[contract.REJECT_STEP]["FailureReason"] == verdict["reason"]
    assert all(requirement["name"] in verdict["reason"] for requirement in missed)
    assert verdict["reason"].split()[0] in stricter.stdout + stricter.stderr
    assert all("CacheHitResult" in steps[name] for name in CACHED)


def test_a_model_that_nobody_approved_is_not_served(loop: Loop) -> None:
    refused = loop.home.local("serve", loop.home.registered())
    assert refused.returncode == 2
    assert "approve" in refused.stderr + refused.stdout


def _scores(port: int, image: bytes) -> list[float]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations", data=image, headers={"Content-Type": contract.IMAGE_CONTENT_TYPE}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        scores: list[float] = json.load(answer)
    return scores


def test_the_served_model_gives_the_scores_of_the_predictions_file(loop: Loop, endpoint: int) -> None:
    rows = loop.home.predictions()
    for row in rows[:: max(1, len(rows) // 12)]:
        image = loop.home.output(f"{row['image_id']}.jpg").read_bytes()
        wanted = [float(row[f"p_{label}"]) for label in contract.CLASS_LABELS]
        np.testing.assert_allclose(_scores(endpoint, image), wanted, rtol=0, atol=1e-6)


def test_the_served_model_passes_the_smoke_test_that_the_endpoints_pass(loop: Loop, endpoint: int) -> None:
    folders = (loop.home.output("predictions.csv").parent, loop.home.output(contract.DATASET_CARD_FILE).parent.parent)
    command = [str(APP), "-m", "operations", "smoke", "--url", f"http://127.0.0.1:{endpoint}/invocations"]
    options = ["--evaluation", str(folders[0]), "--holdout", str(folders[1] / contract.HOLDOUT_OUTPUT)]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(label in done.stdout for label in contract.CLASS_LABELS)


def test_shifted_traffic_is_captured_and_the_monitor_finds_it(loop: Loop, endpoint: int) -> None:
    run = loop.home.registered()
    sent = loop.home.local("traffic", run, "--images", "110", "--shift", "dark", "--port", str(endpoint))
    assert sent.returncode == 0, sent.stderr
    found = loop.home.local("monitor", run)
    assert found.returncode == 1, found.stdout + found.stderr
    assert "brightness" in found.stdout
