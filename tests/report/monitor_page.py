# SPDX-License-Identifier: MIT-0
"""Writes the page of the Monitor job: darker images than at approval, unusable lines and confirmed labels."""

import json
import os
from dataclasses import replace
from pathlib import Path

from pipeline_src import contract
from pipeline_src.drift import drift_baseline
from pipeline_src.drift.drift_baseline import ApprovedSensitivity
from pipeline_src.jobs import monitor
from tests.jobs.drift import stream
from tests.jobs.drift.stream import Room

MELANOMAS = 46
MISSED = 14
THRESHOLD = 0.3  # between the probabilities of melanoma of the two kinds of answers


def write_monitor_page(folder: Path) -> bytes:
    """Run the job in `folder` and return its page."""
    room = Room(folder)
    stream.write_baseline(room, threshold=THRESHOLD)
    constraints = room.baseline / drift_baseline.CONSTRAINTS_FILE
    known = drift_baseline.parse_constraints(json.loads(constraints.read_bytes()))
    approved = ApprovedSensitivity(1.0, 0.681, 1.0, 18)
    limits = drift_baseline.constraints_json(replace(known, approved_sensitivity=approved))
    constraints.write_text(json.dumps(limits))
    stream.write(room, [*(_request(number) for number in range(stream.COUNT)), b"{"])
    room.labels.mkdir(parents=True)
    rows = [f"ISIC_{number:07d},{contract.MELANOMA}" for number in range(MELANOMAS)]
    (room.labels / "a.csv").write_text("\n".join(["image_id,label", *rows, "nobody,nv"]) + "\n")
    os.environ |= {"ML_ROOT": str(folder), "sagemaker_endpoint_name": "skin-lesion-production"}
    monitor.run_monitor()
    return (room.output / monitor.REPORT_PAGE_FILE).read_bytes()


def _request(number: int) -> dict[str, object]:
    """Return a darker image; the first `MELANOMAS` are melanomas, of which the first `MISSED` are missed."""
    certain = [0.02] * len(contract.CLASS_LABELS)
    label = contract.MELANOMA if MISSED <= number < MELANOMAS else "nv"
    certain[contract.CLASS_LABELS.index(label)] = 1 - 0.02 * (len(certain) - 1)
    picture = stream.picture(1000 + number, 0.7)
    found: dict[str, object] = stream.captured(number, picture=picture, answer=certain)
    return found
