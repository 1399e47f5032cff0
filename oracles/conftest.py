"""What the oracles' tests share."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

WORLDS = {"good": "syn_mostly", "changed": "syn_flip30", "copy": "trn"}
ROWS = 800


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the project, which a checkout may lack."""
    folder = Path(__file__).resolve().parents[1] / "../shared/data"
    if not folder.is_dir():
        pytest.skip("the folder of real data is not beside this checkout")
    return folder.resolve()


@pytest.fixture(scope="module", params=list(WORLDS))
def tables(request: pytest.FixtureRequest, shared_data: Path) -> dict[str, pd.DataFrame]:
    """Training, synthetic and held-out records of a census."""
    folder = shared_data / "audit/mostlyai-qa/examples/quick-start"
    parts = {"real": "trn", "synthetic": WORLDS[request.param], "holdout": "hol"}
    return {name: pd.read_csv(folder / f"census2k-{part}.csv.gz").head(ROWS) for name, part in parts.items()}
