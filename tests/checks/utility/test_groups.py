"""Groups of held-out people: every record in one group of a column, small groups named but not measured."""

from __future__ import annotations

import numpy as np
import pandas as pd
from worlds import clinic, clinic_schema

from synthdiff.checks.utility.groups import MISSING, THIRDS, groups
from synthdiff.schema import Column

SCHEMA, TRAIN, TEST = clinic_schema(), clinic(400, 1), clinic(300, 2)


def test_levels_part_the_records() -> None:
    found, small = groups([SCHEMA["site"]], TRAIN, TEST, 20)
    assert [group.label for group in found] == list(SCHEMA["site"].levels or ())
    assert sum(group.members for group in found).tolist() == [1] * 300  # type: ignore[union-attr]
    assert not small


def test_numbers_are_cut_at_the_thirds_of_the_training_records_and_missing_cells_stand_alone() -> None:
    found, _ = groups([SCHEMA["creatinine"]], TRAIN, TEST, 5)
    assert [group.label for group in found] == [*THIRDS, MISSING]
    assert found[-1].n == TEST["creatinine"].isna().sum()
    known = TRAIN["creatinine"].dropna()
    assert found[0].n == (TEST["creatinine"] <= np.quantile(known, 1 / 3)).sum()
    assert all(abs(group.n - 90) < 30 for group in found[:3])


def test_small_groups_are_named_only_if_they_are_not_rare() -> None:
    column = Column(name="sort", kind="categorical", levels=("a", "b", "c", "d"))
    test = pd.DataFrame({"sort": ["a"] * 30 + ["b"] * 6 + ["c"] * 2})
    found, small = groups([column], test, test, 20)
    assert [group.label for group in found] == ["a"]
    assert small == ["sort b", "rarer groups of sort"]


def test_a_number_that_is_never_known_makes_no_groups_but_the_missing() -> None:
    empty = pd.DataFrame({"x": np.full(50, np.nan)})
    found, _ = groups([Column(name="x", kind="continuous", nullable=True)], empty, empty, 5)
    assert [group.label for group in found] == [MISSING]
