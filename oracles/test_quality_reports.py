"""Quality reports as other packages make them today: what they say of the data must hold when we recompute it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from oracles.environment import ask
from synthdiff.claims import examine, read
from synthdiff.evidence import gather

Tables = dict[str, pd.DataFrame]


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
