"""The mixed distance against its definition, and the search for neighbours against a plain one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from worlds import clinic, clinic_schema, shuffled

from synthdiff.checks import distance
from synthdiff.checks.distance import ASKED, PAIRS, Space, affordable, nearer
from synthdiff.schema import Column, Schema

SCHEMA = clinic_schema()


def by_definition(one: pd.DataFrame, other: pd.DataFrame, population: pd.DataFrame, schema: Schema) -> np.ndarray:
    """Cell by cell: 1 for two levels, the difference of mid-ranks for numbers, missing at the median and half apart."""

    def rank(value: float, known: np.ndarray) -> float:
        return 0.5 if np.isnan(value) else float(np.mean(known < value) + np.mean(known == value) / 2)

    found = np.zeros((len(one), len(other)))
    for column in schema:
        if not column.learnt:
            continue
        for i, a in enumerate(one[column.name]):
            for j, b in enumerate(other[column.name]):
                gone = pd.isna(a), pd.isna(b)
                if column.discrete:
                    found[i, j] += gone[0] != gone[1] or (not all(gone) and a != b)
                else:
                    known = population[column.name].dropna().to_numpy(dtype=float)
                    found[i, j] += abs(rank(float(a), known) - rank(float(b), known)) + 0.5 * (gone[0] != gone[1])
    return found


def test_the_distance_is_the_one_defined() -> None:
    population, one, other = clinic(200, 1), clinic(12, 2), clinic(15, 3)
    one.loc[::3, "creatinine"] = np.nan
    other.loc[::4, "creatinine"] = np.nan
    space = Space(population, SCHEMA)
    found = space.distances(space.place(one), space.place(other)).numpy()
    np.testing.assert_allclose(found, by_definition(one, other, population, SCHEMA), atol=1e-5)


def test_a_missing_level_and_an_unknown_one_are_states_of_their_own() -> None:
    schema = Schema(columns=(Column(name="site", kind="categorical", levels=("a", "b"), nullable=True),))
    cells = pd.DataFrame({"site": ["a", "b", None, "z"]})
    space = Space(cells, schema)
    apart = space.distances(space.place(cells), space.place(cells)).numpy()
    np.testing.assert_array_equal(apart, 1 - np.eye(4))


@pytest.mark.parametrize("k", [1, 5, 30])
def test_neighbours_do_not_depend_on_the_blocks(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    population = clinic(150, 1)
    space = Space(population, SCHEMA)
    queries, pool = space.place(clinic(40, 2)), space.place(population)
    plain = np.sort(space.distances(queries, pool).numpy(), axis=1)[:, :k]
    np.testing.assert_array_equal(space.nearest(queries, pool, k), plain)
    monkeypatch.setattr(distance, "QUERIES", 7)
    monkeypatch.setattr(distance, "POOL", 16)
    np.testing.assert_array_equal(space.nearest(queries, pool, k), plain)


def test_the_nearest_record_has_a_place_whatever_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    population = clinic(150, 1)
    space = Space(population, SCHEMA)
    queries, pool = space.place(clinic(40, 2)), space.place(pd.concat([population, population]))
    plain = space.distances(queries, pool).numpy()
    for _ in range(2):
        apart, place = space.closest(queries, pool)
        np.testing.assert_array_equal(apart, plain.min(axis=1))
        np.testing.assert_array_equal(place, plain.argmin(axis=1))
        monkeypatch.setattr(distance, "QUERIES", 7)
        monkeypatch.setattr(distance, "POOL", 16)


def test_strangers_are_found_and_oneself_and_one_s_own_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    population = clinic(60, 1)
    space = Space(population, SCHEMA)
    pool, person = space.place(population), np.arange(60) // 3
    apart = space.distances(pool, pool).numpy()
    apart[person[:, None] == person] = np.inf
    for _ in range(2):
        found = space.nearest(pool, pool, 2, (person, person))
        np.testing.assert_array_equal(found, np.sort(apart, axis=1)[:, :2])
        np.testing.assert_array_equal(space.closest(pool, pool, (person, person))[1], apart.argmin(axis=1))
        monkeypatch.setattr(distance, "QUERIES", 7)
        monkeypatch.setattr(distance, "POOL", 16)
    alone = space.nearest(pool.rows(slice(0, 3)), pool.rows(slice(0, 4)), 3, (person[:3], person[:4]))
    assert np.isfinite(alone[:, 0]).all() and np.isinf(alone[:, 1:]).all()


def test_ties_are_neither_near_nor_far() -> None:
    assert nearer(np.float32([1, 2, 3]), np.float32([2, 2, 2])).tolist() == [1, 0.5, 0]


def test_fewer_records_ask_of_a_larger_table() -> None:
    assert affordable(1000, 2, 5000) == 5000
    assert affordable(1_000_000, 1, 5000) == ASKED == PAIRS // 1_000_000
    assert affordable(100_000, 4, 5000) == PAIRS // 400_000
    assert affordable(0, 1, 7) == 7


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(1e-3, 1e6))
def test_units_do_not_matter_and_copies_are_exactly_nought_apart(seed: int, scale: float) -> None:
    population, queries = clinic(60, seed), clinic(20, seed + 1)
    space = Space(population, SCHEMA)
    found = space.nearest(space.place(queries), space.place(population), 3)

    def scaled(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(sodium=frame["sodium"] * scale)

    rescaled = Space(scaled(population), SCHEMA)
    moved = rescaled.nearest(rescaled.place(scaled(queries)), rescaled.place(scaled(population)), 3)
    np.testing.assert_allclose(moved, found, atol=1e-6)
    copies = space.nearest(space.place(shuffled(population)), space.place(population), 1)
    assert (copies == 0).all()


def test_tables_of_one_kind_of_column_work() -> None:
    population = clinic(50, 1)
    for kept in (["age", "sodium"], ["stage", "site"], ["ward"]):
        schema = Schema(columns=tuple(SCHEMA[name] for name in kept))
        space = Space(population, schema)
        found = space.nearest(space.place(population), space.place(population), 1)
        assert (found == 0).all()


def test_more_neighbours_than_records_are_refused() -> None:
    space = Space(clinic(20, 1), SCHEMA)
    points = space.place(clinic(4, 2))
    with pytest.raises(ValueError, match="5 neighbours were asked of a pool of 4 records"):
        space.nearest(points, points, 5)
