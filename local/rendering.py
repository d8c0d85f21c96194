# SPDX-License-Identifier: MIT-0
"""The project's own definition, rendered as the stacks render it.

Rendering imports the SageMaker SDK, some eight seconds of processor time, and gives the same bytes for the same
sources; so the result is kept under a digest of the sources and of the lock file that names the SDK's version.
"""

import dataclasses
import json
from typing import Final

from local import document
from local.document import Json
from local.home import Home
from local.jobs import REPOSITORY
from local.software import digest_of
from pipeline_src.pipeline import OFFLINE, Tuning

_LOCK: Final = "requirements.txt"


def definition(home: Home, tuning: Tuning | None = None) -> Json:
    """Return the definition for the sample deployment, as JSON, with Train as `tuning` if given."""
    sources = sorted(path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "pipeline_src").glob("*.py"))
    tuned = f"-{tuning.jobs}-{tuning.parallel}" if tuning else ""
    kept = home.root / "definitions" / f"{digest_of(REPOSITORY, [*sources, _LOCK])}{tuned}.json"
    if not kept.is_file():
        from pipeline_src import pipeline  # noqa: PLC0415  its import takes seconds

        document.write(kept, json.loads(pipeline.definition(dataclasses.replace(OFFLINE, tuning=tuning))))
    return document.read(kept)
