"""The held-out part shares no person with the training part and has the target in the same proportion."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from synthdiff.data import split
from synthdiff.errors import DataError
from synthdiff.schema import Schema


def table(persons: list[int], outcomes: list[str]) -> tuple[pd.DataFrame, Schema]:
    frame = pd.DataFrame({"person": persons, "outcome": outcomes, "x": np.arange(len(persons)) * 1.5})
    columns = {"person": {"role": "group"}, "outcome": {"role": "target", "kind": "categorical"}}
    return frame, Schema.infer(frame, columns)


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 30), st.sampled_from("abc")), min_size=40, max_size=120),
    holdout=st.floats(0.2, 0.6),
    seed=st.integers(0, 2**32),
)
def test_parts_are_disjoint_ordered_and_together_the_whole(
    rows: list[tuple[int, str]], holdout: float, seed: int
) -> None:
    frame, schema = table(*map(list, zip(*rows, strict=True)))  # type: ignore[arg-type]
    persons = frame["person"].nunique()
    if min(round(persons * holdout), persons - round(persons * holdout)) < 3:
        return
    train, held = split(frame, schema, holdout, seed)
    assert not set(train["person"]) & set(held["person"])
    assert held["person"].nunique() == int(np.floor(persons * holdout + 0.5))
    pd.testing.assert_frame_equal(pd.concat([train, held]).sort_index(), frame)
    assert train.index.is_monotonic_increasing
    assert held.index.is_monotonic_increasing
    again = split(frame, schema, holdout, seed)
    pd.testing.assert_frame_equal(train, again[0])


def test_each_level_of_the_target_is_split_in_the_same_proportion() -> None:
    frame, schema = table(list(range(1000)), ["rare"] * 20 + ["common"] * 980)
    for seed in range(20):
        train, held = split(frame, schema, 0.2, seed)
        assert abs(int((held["outcome"] == "rare").sum()) - 4) <= 1
        assert len(held) == 200
    assert len(train) == 800
    other = split(frame, schema, 0.2, 20)[1]
    assert set(other.index) != set(held.index)


def test_who_is_held_out_does_not_follow_the_order_of_the_rows() -> None:
    frame, schema = table(list(range(2000)), ["a"] * 2000)
    held = split(frame, schema, 0.3, 5)[1].index.to_numpy()
    assert abs(held.mean() - 999.5) < 5 * 577 / np.sqrt(600)
    assert len(set(np.diff(held))) > 5


def test_without_group_or_target_rows_are_split() -> None:
    frame = pd.DataFrame({"x": np.arange(10) / 3, "y": 1})
    train, held = split(frame, Schema.infer(frame), 0.2, 0)
    assert (len(train), len(held)) == (8, 2)


@pytest.mark.parametrize("holdout", [0.0, 1.0, -0.1, 20.0])
def test_the_share_must_be_one(holdout: float) -> None:
    frame, schema = table([1, 2, 3, 4], list("abab"))
    with pytest.raises(DataError, match="between 0 and 1"):
        split(frame, schema, holdout, 0)


def test_parts_that_are_too_small_are_refused() -> None:
    frame, schema = table([1, 2, 3] * 10, ["a"] * 30)
    with pytest.raises(
        DataError, match=r"0\.2 of 3 different values of 'person' leaves 2 to learn from and 1 held out"
    ):
        split(frame, schema, 0.2, 0)


def test_rows_without_a_person_are_refused() -> None:
    frame = pd.DataFrame({"person": ["a", None, "b"] * 10, "x": range(30)})
    schema = Schema.infer(frame, {"person": {"role": "group"}})
    with pytest.raises(DataError, match="column 'person', row 2: 10 rows have no group"):
        split(frame, schema, 0.5, 0)
