# SPDX-License-Identifier: MIT-0
"""What the tests of the stacks take from tests/assembly.py; the fixtures are those of tests/conftest.py."""

from tests.assembly import CONNECTED, FLAGS, ROOT, synthesized, templates_in

__all__ = ["CONNECTED", "FLAGS", "ROOT", "synthesized", "templates_in"]
