# SPDX-License-Identifier: MIT-0
"""Services of each test's own."""

from collections.abc import Iterator

import pytest

from tests.operations import elsewhere
from tests.operations.elsewhere import There
from tests.operations.service import Services, services


@pytest.fixture
def aws() -> Iterator[Services]:
    """AWS, which answers what the test arranged and nothing else."""
    with services() as arranged:
        yield arranged


@pytest.fixture
def there() -> Iterator[There]:
    """The account and region of a stage that is elsewhere."""
    yield from elsewhere.there()
