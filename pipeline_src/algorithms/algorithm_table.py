# SPDX-License-Identifier: MIT-0
"""The table of algorithms. A new algorithm gets one line here."""

import difflib
from typing import Final

from pipeline_src.algorithms.algorithm_specification import AlgorithmSpecification
from pipeline_src.algorithms.builtin_image_classification.builtin_specification import BUILTIN_IMAGE_CLASSIFICATION
from pipeline_src.algorithms.fine_tuning.fine_tuning_specification import FINE_TUNING
from pipeline_src.algorithms.linear_probe.linear_probe_specification import LINEAR_PROBE

ALGORITHMS: Final = {
    each.name: each
    for each in (
        LINEAR_PROBE,
        FINE_TUNING,
        BUILTIN_IMAGE_CLASSIFICATION,
    )
}
DEFAULT_ALGORITHM: Final = FINE_TUNING.name  # of a deployment
LOCAL_ALGORITHM: Final = LINEAR_PROBE.name  # of a run on one machine: seconds, and no PyTorch to install


def find_algorithm(name: str) -> AlgorithmSpecification:
    """Return the algorithm `name`.

    Raises:
        ValueError: There is none; the message names the nearest.
    """
    if name not in ALGORITHMS:
        near = difflib.get_close_matches(name, ALGORITHMS, n=1, cutoff=0.0)[0]
        raise ValueError(f"algorithm {name!r}: unknown. Give one of {', '.join(ALGORITHMS)}, perhaps {near}.")
    return ALGORITHMS[name]
