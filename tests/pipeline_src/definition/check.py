# SPDX-License-Identifier: MIT-0
"""Everything that can be said about a pipeline definition without asking the service.

The published JSON schema of definitions is out of date (it knows no property files), so the rules stand here:
`form` for the shape of the document, `graph` for what refers to what, `request` for each step's request
against the service's own model as botocore ships it.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from tests.pipeline_src.definition import form, graph, request

Document = dict[str, Any]
PARTS: Final[tuple[Callable[[Document], Iterable[str]], ...]] = (form.problems, graph.problems, request.problems)


def problems(document: Document) -> list[str]:
    """Return what is wrong with `document`, each as "place: what"; empty if nothing is."""
    return [problem for part in PARTS for problem in part(document)]
