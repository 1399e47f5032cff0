"""The tables that the reports in ``reports`` are about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthdiff.checks.check import Evidence
from synthdiff.data import read_table
from synthdiff.evidence import gather

NUMBERS = ["age", "education_num", "hours_per_week", "fnlwgt", "capital_gain"]


@pytest.fixture(scope="session")
def census(shared_data: Path) -> Callable[..., Evidence]:
    """The census tables: which is called synthetic, how many rows, with or without the held-out ones."""
    folder = shared_data / "audit" / "mostlyai-qa" / "examples" / "quick-start"
    names = {"train": "trn", "holdout": "hol", "good": "syn_mostly", "changed": "syn_flip30"}
    tables = {name: pd.read_csv(folder / f"census2k-{part}.csv.gz") for name, part in names.items()}
    tables["copy"] = tables["train"]

    def evidence(which: str, rows: int = 2000, holdout: bool = True, numbers: bool = False) -> Evidence:
        chosen = {name: table.head(rows).copy() for name, table in tables.items()}
        # As the reports were made: the draw of pandas 3 with this state.
        chosen["shuffled"] = chosen["train"].sample(frac=1, random_state=0).reset_index(drop=True)
        if numbers:
            chosen = {name: table[NUMBERS].astype({"fnlwgt": float}) for name, table in chosen.items()}
            for table in chosen.values():
                table.loc[np.arange(len(table)) % 17 == 0, "fnlwgt"] = np.nan
        held = chosen["holdout"] if holdout else None
        if which in ("copy", "shuffled"):
            good = gather(chosen["train"], chosen["good"], held, None, 0)
            return Evidence(good.train, good.holdout, chosen[which][good.train.columns], good.schema, 0)
        return gather(chosen["train"], chosen[which], held, None, 0)

    return evidence


@pytest.fixture(scope="session")
def placements(shared_data: Path) -> Evidence:
    """SDMetrics' student placements, read as the command line reads them."""
    folder = shared_data / "audit" / "sdmetrics" / "sdmetrics" / "demos" / "single_table"
    real, schema = read_table(folder / "student_placements_real.csv")
    synthetic, _ = read_table(folder / "student_placements_synthetic.csv", like=schema)
    return gather(real, synthetic, None, schema, 0)
