"""Quality reports as other packages make them today: what they say of the data must hold when we recompute it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from oracles.environment import ask
from synthdiff.checks.fidelity.shape import Shape
from synthdiff.checks.fidelity.trend import Trend
from synthdiff.claims import examine, read
from synthdiff.evidence import gather
from synthdiff.schema import Schema

WORLDS = {"good": "syn_mostly", "changed": "syn_flip30", "copy": "trn"}
ROWS = 800

Tables = dict[str, pd.DataFrame]


@pytest.fixture(scope="module", params=list(WORLDS))
def tables(request: pytest.FixtureRequest, shared_data: Path) -> Tables:
    """Training, synthetic and held-out records of a census."""
    folder = shared_data / "audit/mostlyai-qa/examples/quick-start"
    parts = {"real": "trn", "synthetic": WORLDS[request.param], "holdout": "hol"}
    return {name: pd.read_csv(folder / f"census2k-{part}.csv.gz").head(ROWS) for name, part in parts.items()}


def must_hold(report: Any, tables: Tables, at_least: int, folder: Path) -> None:
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
    evidence = gather(tables["real"], tables["synthetic"], tables["holdout"], None, 0)
    found = examine(read(folder / "report.json"), evidence)
    assert not [(one.claim.where, one.reason) for one in found if one.outcome == "does not hold"]
    assert Counter(one.outcome for one in found)["holds"] >= at_least


@pytest.mark.parametrize("all_pairs", [True, False])
def test_what_sdmetrics_says_holds(all_pairs: bool, tables: Tables, tmp_path: Path) -> None:
    real, synthetic = tables["real"], tables["synthetic"]
    said = ask("sdmetrics", {"all_pairs": all_pairs}, real=real, synthetic=synthetic)
    must_hold(said["quality"], tables, 240, tmp_path)
    must_hold(said["diagnostic"], tables, 21, tmp_path)


def test_what_mostlyai_says_holds(tables: Tables, tmp_path: Path) -> None:
    must_hold(ask("mostlyai", {}, **tables), tables, 8, tmp_path)


def test_what_mostlyai_says_of_numbers_holds_to_the_last_distance(tables: Tables, tmp_path: Path) -> None:
    numbers = {name: table[["age", "education_num", "hours_per_week", "fnlwgt"]] for name, table in tables.items()}
    must_hold(ask("mostlyai", {}, **numbers), numbers, 20, tmp_path)


def test_what_syntheval_says_holds(tables: Tables, tmp_path: Path) -> None:
    must_hold(ask("syntheval", {}, **tables), tables, 27, tmp_path)


def test_our_own_single_columns_and_pairs_are_those_of_sdmetrics(tables: Tables) -> None:
    real, synthetic = tables["real"], tables["synthetic"]
    said = ask("sdmetrics", {"all_pairs": True}, real=real, synthetic=synthetic)["quality"]
    scores = {row["Property"]: row["Score"] for row in said["properties"]}
    kinds = {name: {"kind": "categorical" if real[name].dtype == "str" else "integer"} for name in real}
    evidence = gather(real, synthetic, None, Schema.infer(real, kinds), 0)
    # For levels that are not in the real table SDMetrics adds a millionth of a record.
    assert Shape().run(evidence).estimates["shape_error"].value == pytest.approx(1 - scores["Column Shapes"], abs=1e-6)
    own_bins = Trend().run(evidence).estimates["trend_error_own_bins"].value
    assert own_bins == pytest.approx(1 - scores["Column Pair Trends"], abs=1e-9)
