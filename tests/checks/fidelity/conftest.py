"""The worlds that every fidelity check must tell apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from clinics import clinic, schema_of, shuffled

from synthdiff.checks.check import Evidence


@pytest.fixture(scope="session")
def fresh() -> Evidence:
    """The best there can be: synthetic records that are new real ones."""
    train, holdout, synthetic = clinic(400, 1), clinic(400, 2), clinic(400, 3)
    return Evidence(train, holdout, synthetic, schema_of(train, holdout, synthetic), 7)


@pytest.fixture(scope="session")
def broken(fresh: Evidence) -> Evidence:
    """Records whose columns are right one by one and have nothing to do with each other."""
    return Evidence(fresh.train, fresh.holdout, shuffled(fresh.train, 4), fresh.schema, 7)


@pytest.fixture(scope="session")
def adult(shared_data: Path) -> Callable[[pd.DataFrame | None], Evidence]:
    """Adult with the test part held out; without synthetic records, the test part stands in their place."""
    train, test = (pd.read_csv(shared_data / "tables" / "adult" / f"{part}.csv") for part in ("train", "test"))
    schema = schema_of(train, test)
    return lambda synthetic: Evidence(train, test, test if synthetic is None else synthetic, schema, 7)
