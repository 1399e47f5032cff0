"""Fixtures that every room's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

# Small nets on threads that wait for one another: beside a busy neighbour a test would take twenty times as long.
torch.set_num_threads(1)

SHARED = Path(__file__).resolve().parents[1] / "../shared/data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the project, which a checkout may lack."""
    if not SHARED.is_dir():
        pytest.skip("the folder of real data is not beside this checkout")
    return SHARED.resolve()
