# SPDX-License-Identifier: MIT-0
"""The comment has a line with the cost of a month and of a retraining, before and after, and why."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from review.cost_difference import cost_sentence, parse_estimate
from stacks.costs import cost_estimate
from stacks.settings.deployment_settings import Settings
from tests.review import repository
from tests.review.repository import STAND_IN, Repository
from tests.review.template import assembly, bucket

ESTIMATE = """List prices.
A month in which nothing happens: about $100.50
  staging: 1 ml.c5.large, always                         $80.00
  12 alarms                                               $1.20
  with all instances that autoscaling may add, the whole month: $50.00 more
A retraining (minutes assumed, not measured): about $0.11
  Train: 1 ml.c5.2xlarge, 10 min                          $0.07
A push besides: about $0.20
  build, 20 min                                           $0.20
"""


def changed(*pairs: tuple[str, str]) -> str:
    text = ESTIMATE
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        (ESTIMATE, "Cost: unchanged, about $100.50 a month and $0.11 a retraining."),
        (
            changed(("$0.11", "$0.78"), ("1 ml.c5.2xlarge, 10 min ", "1 ml.g5.xlarge, 40 min "), ("$0.07", "$0.74")),
            (
                "Cost: about $100.50 a month as before, $0.11 → $0.78 a retraining, because of "
                "`Train: 1 ml.c5.2xlarge, 10 min` → `Train: 1 ml.g5.xlarge, 40 min`: $0.07 → $0.74."
            ),
        ),
        (
            changed(
                ("$100.50", "$180.60"),
                ("12 alarms ", "13 alarms "),
                ("$1.20", "$1.30"),
                ("1 ml.c5.large", "2 ml.c5.large"),
                ("$80.00", "$160.00"),
            ),
            (
                "Cost: about $100.50 → $180.60 a month, $0.11 a retraining as before, because of "
                "`staging: 1 ml.c5.large, always` → `staging: 2 ml.c5.large, always`: $80.00 → $160.00; "
                "`12 alarms` → `13 alarms`: $1.20 → $1.30."
            ),
        ),
        (
            changed(("A push", "  Extra: 1 job $0.50\nA push"), ("$0.11", "$0.61")),
            "Cost: about $100.50 a month as before, $0.11 → $0.61 a retraining, because of `Extra: 1 job`: new, $0.50.",
        ),
        (
            "Traceback\nSettingError: no such setting",
            "Cost: not compared, because the branch has no estimate: `SettingError: no such setting`.",
        ),
    ],
    ids=["unchanged", "another instance", "two items", "a new item", "failed"],
)
def test_the_sentence_says_before_after_and_why(new: str, sentence: str) -> None:
    assert cost_sentence(ESTIMATE, new) == sentence


def test_the_estimate_of_this_application_is_read_whole() -> None:
    settings = Settings()
    tables = parse_estimate("\n".join(cost_estimate.estimate_lines(settings)))
    for name, estimate in (
        ("a month", cost_estimate.estimate_month),
        ("a retraining", cost_estimate.estimate_retraining),
    ):
        items = {line.what: line.dollars for line in estimate(settings)}
        assert tables[name].items.keys() == items.keys()
        assert tables[name].dollars == round(cost_estimate.total_dollars([*estimate(settings)]), 2)
        assert all(
            (read is None) == (items[what] is None) and abs((read or 0) - (items[what] or 0)) <= 0.005
            for what, read in tables[name].items.items()
        )


@pytest.fixture
def branch(tmp_path: Path) -> Repository:
    made = repository.create(tmp_path / "repository")
    made.write("app.py", STAND_IN)
    assembly(made.place / "assembly", {"Stack": {"Raw": bucket(BucketName="NAME")}})
    for folder in ("stacks/costs", "pipeline_src", ".github/workflows", "review"):
        (made.place / folder).mkdir(parents=True)
    made.write("stacks/__init__.py", "")  # a package, or Python would take the installed one instead of the folder here
    made.write("stacks/costs/cost_estimate.py", f"import sys\nprint({ESTIMATE!r})\nprint(sys.argv)\n")
    made.write("pipeline_src/gate_thresholds.py", "FLOOR = 0.8\n")
    made.commit()
    return made


def test_each_version_estimates_for_itself(branch: Repository) -> None:
    branch.write("stacks/costs/cost_estimate.py", f"print({changed(('$100.50', '$90.00'))!r})\n")
    run = branch.review("--context", "name=other")
    assert "> Cost: about $100.50 → $90.00 a month, $0.11 a retraining as before" in run.stdout
    assert run.returncode == 0
    assert branch.is_clean()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pipeline_src/gate_thresholds.py", "code of the gate changes: `pipeline_src/gate_thresholds.py`"),
        (".github/workflows/checks.yml", "code of the workflows changes: `.github/workflows/checks.yml`"),
        (
            "review/risk.py",
            "code of the reviewer changes: `review/risk.py`; this text was written by the reviewer of the base",
        ),
    ],
)
def test_changed_code_that_decides_what_may_pass_is_named_on_top(branch: Repository, name: str, words: str) -> None:
    branch.write(name, "FLOOR = 0.1\n")
    run = branch.review()
    assert run.returncode == 3
    assert f"### Needs attention\n\n- {words}\n" in run.stdout


def test_code_that_decides_nothing_is_not_named(branch: Repository) -> None:
    branch.write("pipeline_src/other.py", "")
    assert branch.review().returncode == 0


def test_a_changed_reviewer_that_runs_itself_says_so(branch: Repository) -> None:
    shutil.copytree(repository.ROOT / "review", branch.place / "review", dirs_exist_ok=True)
    (branch.place / "node_modules").symlink_to(repository.ROOT / "node_modules")
    (branch.place / ".gitignore").write_text("node_modules\n")
    run = subprocess.run(
        [sys.executable, "-m", "review"], cwd=branch.place, capture_output=True, text=True, check=False
    )
    assert "this text was written by the changed reviewer itself" in run.stdout, run.stderr
