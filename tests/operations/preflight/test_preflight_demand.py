# SPDX-License-Identifier: MIT-0
"""The demand is what the project's own settings say, read by another process; what it refuses is told."""

from pathlib import Path

import pytest

from operations.functions.errors import OperationError, UsageError
from operations.preflight import preflight_requirements
from pipeline_src.algorithms.algorithm_table import ALGORITHMS, DEFAULT_ALGORITHM, find_algorithm


def project(root: Path, said: str) -> Path:
    """A project whose stacks do as the Python code `said`."""
    (root / "stacks/costs").mkdir(parents=True)
    (root / "stacks/__init__.py").touch()  # a package, or Python would take the installed one instead of the folder
    (root / "stacks/costs/deployment_requirements.py").write_text(f"import sys\n{said}\n", encoding="utf-8")
    return root


def test_it_is_read_from_the_settings_with_what_the_context_says_otherwise() -> None:
    found = preflight_requirements.read_requirements(["budget.monthly_usd=123", "source.repository=owner/name"])
    assert (found.budget, found.connection.used, found.bootstrap.version) == (123, True, 6)
    trains = ("training job", find_algorithm(DEFAULT_ALGORITHM).default_instance, 1)
    assert trains in [(each.usage, each.type, each.needed) for each in found.instances]
    assert found.cost.month > 0
    assert found.tuning_jobs == 0
    # The images of the default algorithm are built, for any region.
    assert (found.algorithm, found.algorithm_regions) == (DEFAULT_ALGORITHM, [])


def test_the_defaults_ask_for_no_quota_of_a_gpu_type() -> None:
    found = preflight_requirements.read_requirements([])
    kinds = {each.type for each in found.instances}
    assert [kind for kind in kinds if kind.startswith(("ml.g", "ml.p"))] == []


def test_an_algorithm_whose_image_aws_keeps_is_in_the_regions_that_have_it() -> None:
    bought = next(each.name for each in ALGORITHMS.values() if not each.training_image.is_built)
    found = preflight_requirements.read_requirements([f"training.algorithm={bought}"])
    assert "us-east-1" in found.algorithm_regions


def test_it_says_how_many_trainings_a_tuning_has() -> None:
    assert preflight_requirements.read_requirements(["training.tuning_jobs=2"]).tuning_jobs == 2


def test_a_setting_that_cannot_be_is_told_in_the_settings_words(tmp_path: Path) -> None:
    said = "sys.stderr.write('usage: x\\nx: error: context ' + repr(sys.argv[1:]) + ': no such.\\n'); sys.exit(2)"
    with pytest.raises(UsageError, match=r"^settings: context \['--context', 'a=1'\]: no such\.$"):
        preflight_requirements.read_requirements(["a=1"], project(tmp_path, said))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("raise FileNotFoundError('node')", "exit code 1: FileNotFoundError: node"),
        ("sys.exit(3)", "exit code 3: no output"),
    ],
)
def test_where_it_breaks_its_last_word_is_told_and_what_it_needs(tmp_path: Path, said: str, reason: str) -> None:
    with pytest.raises(
        OperationError, match=rf"^python -m stacks.costs.deployment_requirements: {reason} It needs Node.js 22 or 24"
    ):
        preflight_requirements.read_requirements([], project(tmp_path, said))
