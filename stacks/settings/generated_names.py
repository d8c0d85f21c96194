# SPDX-License-Identifier: MIT-0
"""The names that CloudFormation gives to the unnamed model and endpoint configuration of a stage. Pure functions.

A policy and the suppression of its finding name them by how they begin. CloudFormation begins a name with the logical
id, or with the stack's name and the logical id, and ends it with a hyphen and twelve random characters.

Sources: SageMaker API Reference, CreateModel and CreateEndpointConfig (63 characters); IdentifierUtils of
CloudFormation's plug-in for resource types in Java (how a name is cut). AWS does not say whether names of SageMaker's
resources are cut in the same way [?].
"""

from typing import Final

# The resources, as they are called in logical ids.
MODEL: Final = "model"
CONFIGURATION: Final = "configuration"
LONGEST_NAME: Final = 63
_RANDOM_PART: Final = 13


def generated_logical_id(name: str, stage: str, what: str) -> str:
    """Return the logical id of an unnamed resource (`MODEL`, `CONFIGURATION`) of a stage, in the deployment `name`.

    CloudFormation builds names from logical ids, and SageMaker writes names in ARNs in lower case; so an id in lower
    case lets a policy name what is ours, stage by stage.
    """
    return name.replace("-", "") + stage + what


def name_from_stack(name: str, stage: str, what: str) -> str:
    """Return how a name begins that is made of the stack's name and the logical id, the random part left out.

    Each of the two may have half of the characters that are free, and also those that the other one does not need.
    """
    stack, id_ = f"{name}-{stage}", generated_logical_id(name, stage, what)
    free = LONGEST_NAME - _RANDOM_PART - 1
    of_stack, of_id = max(free - free // 2, free - len(id_)), max(free // 2, free - len(stack))
    return f"{stack[:of_stack]}-{id_[:of_id]}"


def generated_name_starts(name: str, stage: str, what: str) -> tuple[str, str]:
    """Return how the name of an unnamed resource can begin, the random part left out."""
    return generated_logical_id(name, stage, what), name_from_stack(name, stage, what)
