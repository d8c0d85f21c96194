# SPDX-License-Identifier: MIT-0
"""Deployments whose monitor has measured images, and in which baselines were accepted and undone."""

import json
from datetime import datetime, timedelta

from pipeline_src import baseline_acceptance, contract
from tests.operations.faults.deployment import Deployment
from tests.operations.service import MONDAY, PACKAGE


def crowd(state: Deployment) -> None:
    """Put many windows, and acceptances that were undone, before those that are there."""
    days = [MONDAY - timedelta(hours=hours) for hours in range(4, 154)]
    state.objects = dict([_window(each, 1) for each in days]) | state.objects
    for at in days[::2]:
        file = _accepted(at, "their lamp")
        state.objects |= dict([file, _undone(file[1], at + timedelta(hours=1))])


def _window(start: datetime, images: int) -> tuple[str, bytes]:
    rows = [[f"{start.timestamp():.0f}-{number}", 0.0, "", 1.0] for number in range(images)]
    content = {"start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat(), "images": rows}
    return f"runs/{contract.MONITOR_HISTORY_PREFIX}3/{start:%Y%m%dT%H%M%SZ}.json", json.dumps(content).encode()


def _accepted(at: datetime, reason: str) -> tuple[str, bytes]:
    windows = [json.loads(_window(at, 100)[1])]
    return _placed(baseline_acceptance.acceptance_file([], windows, reason=reason, by="kim", time=at))


def _undone(accepted: bytes, at: datetime) -> tuple[str, bytes]:
    return _placed(baseline_acceptance.undo_file([json.loads(accepted)], reason="new lamp", by="kim", time=at))


def _placed(file: baseline_acceptance.AcceptanceFile) -> tuple[str, bytes]:
    return f"runs/{contract.MONITOR_BASELINES_PREFIX}3/{file.name}", file.content


def measured() -> Deployment:
    """Return a deployment whose monitor has measured 120 images of two days."""
    state = Deployment(champion=PACKAGE)
    state.objects |= dict([_window(MONDAY - timedelta(days=days), 60) for days in (1, 2)])
    return state


def accepted() -> Deployment:
    """Return one whose baseline was accepted twice, so that an undoing too many shows."""
    state = measured()
    state.objects |= dict(_accepted(MONDAY - timedelta(hours=hours), "our lamp") for hours in (2, 1))
    return state
