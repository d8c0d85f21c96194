# SPDX-License-Identifier: MIT-0
"""The SageMaker pipeline's definition as it is deployed: JSON once its tokens are resolved, and a sound definition."""

import json
from collections.abc import Iterator

from tests.pipeline_src.definition import check
from tests.proof.intrinsic import Documents, resources


def problems(documents: Documents) -> Iterator[str]:
    """Yield what is wrong with the definitions in `documents`."""
    for resource in resources(documents):
        if resource.kind != "AWS::SageMaker::Pipeline":
            continue
        body = resource.properties.get("PipelineDefinition", {}).get("PipelineDefinitionBody", "")
        try:
            document = json.loads(body)
        except ValueError as error:
            yield f"{resource.place}: PipelineDefinitionBody is no JSON: {error}"
            continue
        yield from (f"{resource.place}: {problem}" for problem in check.problems(document))
