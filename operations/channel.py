# SPDX-License-Identifier: MIT-0
"""The inputs and outputs of a processing job, as CreateProcessingJob takes them: a folder for each name.

Source: SageMaker API Reference, ProcessingInput and ProcessingOutput.
"""

from typing import Any

from pipeline_src import contract

Json = dict[str, Any]


def processing_input(name: str, uri: str) -> Json:
    """Return the input `name`: everything that begins with `uri`, whole."""
    source = {
        "S3Uri": uri,
        "LocalPath": contract.processing_input(name),
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
        "S3DataDistributionType": "FullyReplicated",
    }
    return {"InputName": name, "S3Input": source}


def processing_output(name: str, uri: str) -> Json:
    """Return the output `name`: put below `uri` when the job has completed, and only then."""
    target = {"S3Uri": uri, "LocalPath": contract.processing_output(name), "S3UploadMode": "EndOfJob"}
    return {"OutputName": name, "S3Output": target}
