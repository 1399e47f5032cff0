"""Our own figures against those of SDMetrics that measure the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from oracles.environment import ask
from synthdiff.checks.check import Evidence
from synthdiff.checks.fidelity.missingness import Missingness
from synthdiff.checks.fidelity.shape import Shape
from synthdiff.checks.fidelity.trend import Trend
from synthdiff.checks.privacy.copies import Copies
from synthdiff.checks.privacy.dcr import Dcr
from synthdiff.evidence import gather
from synthdiff.schema import Schema

Tables = dict[str, pd.DataFrame]


def schema(real: pd.DataFrame, *others: pd.DataFrame) -> Schema:
    """What SDMetrics is told: text is levels, everything else numbers."""
    kinds = {name: {"kind": "categorical" if real[name].dtype == "str" else "integer"} for name in real}
    return Schema.infer(pd.concat([real, *others]), kinds)


def test_our_single_columns_and_pairs_are_those_of_sdmetrics(tables: Tables) -> None:
    real, synthetic = tables["real"], tables["synthetic"]
    said = ask("sdmetrics", {"all_pairs": True}, real=real, synthetic=synthetic)["quality"]
    scores = {row["Property"]: row["Score"] for row in said["properties"]}
    evidence = gather(real, synthetic, None, schema(real), 0)
    # For levels that are not in the real table SDMetrics adds a millionth of a record.
    assert Shape().run(evidence).estimates["shape_error"].value == pytest.approx(1 - scores["Column Shapes"], abs=1e-6)
    own_bins = Trend().run(evidence).estimates["trend_error_own_bins"].value
    assert own_bins == pytest.approx(1 - scores["Column Pair Trends"], abs=1e-9)


@pytest.fixture(scope="module")
def said(tables: Tables) -> dict[str, Any]:
    """What SDMetrics says of the tables, a share of whose cells is missing."""
    answer: dict[str, Any] = ask("sdmetrics", {"all_pairs": True}, **gapped(tables))
    return answer


def gapped(tables: Tables) -> Tables:
    """The tables with missing cells, in the same places of equal records."""
    return {name: frame.mask(blank(frame)) for name, frame in tables.items()}


def blank(frame: pd.DataFrame) -> pd.DataFrame:
    shares = pd.Series(0.0, index=frame.columns)
    shares[["workclass", "hours_per_week", "native_country"]] = 0.3, 0.1, 0.05
    code = pd.util.hash_pandas_object(frame, index=False).to_numpy() % 1000 / 1000
    return pd.DataFrame(code[:, None] < shares.to_numpy(), frame.index, frame.columns)


def evidence(tables: Tables) -> Evidence:
    real, synthetic, holdout = (gapped(tables)[name] for name in ("real", "synthetic", "holdout"))
    return Evidence(real, holdout, synthetic, schema(*tables.values()), 0)


def test_our_missing_cells_by_column_are_those_of_sdmetrics(tables: Tables, said: dict[str, Any]) -> None:
    ours = Missingness().run(evidence(tables)).detail["columns"]
    assert len(ours) == 3
    for name, score in said["missing"].items():
        assert ours.get(name, {"error": 0})["error"] == pytest.approx(1 - score, abs=1e-5), name


def test_our_copies_are_those_of_sdmetrics(tables: Tables, said: dict[str, Any]) -> None:
    detail = Copies().run(evidence(tables)).detail
    # We count apart what so many people share that it gives nobody away.
    assert 1 - detail["synthetic_rate"] - detail["common_rate"] == pytest.approx(said["new_rows"], abs=1e-9)


def test_our_share_nearer_to_the_training_records_agrees_with_that_of_sdmetrics(
    tables: Tables, said: dict[str, Any]
) -> None:
    """Its distances count numbers by their range where ours count ranks, and its ties are no win."""
    low, high = Dcr().run(evidence(tables)).estimates["dcr_share"].interval
    spread = 1.96 * np.sqrt(0.25 / len(tables["synthetic"]))
    assert low - spread <= said["closer_to_training"] <= high + spread
