"""Pages of the report, rendered once for all tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from answers import CASES

from synthdiff.report import page


@pytest.fixture(scope="session")
def rendered() -> Callable[[str], str]:
    """Render one of the cases by name, each once."""
    return cache(lambda case: page.render(CASES[case]()))
