"""Pairs: found among one half, measured on the other, so that chance names none and a person is on one side."""

import numpy as np
import pandas as pd
import pytest
from clinics import clinic, schema_of

from synthdiff.checks.features import matrices, persons
from synthdiff.checks.fidelity.pairs import _search, telling_pairs


def pairs(train, made, seed=0, **declared):
    schema = schema_of(train, made, **declared)
    first, other = matrices([train, made], schema)
    return telling_pairs(first.followed_by(other), len(first), (persons(train, schema), persons(made, schema)), seed)


def searched(train, made):
    first, other = matrices([train, made], schema_of(train, made))
    features = first.followed_by(other)
    found = _search(features, np.repeat([False, True], [len(train), len(made)]))
    return [{features.names[a], features.names[b]} for a, b in found]


def noise(n, seed, columns=12):
    draw = np.random.default_rng(seed)
    return pd.DataFrame({f"x{i:02d}": draw.normal(size=n) for i in range(columns)})


def test_the_search_finds_a_pair_without_any_marginal_difference():
    train, made = noise(1000, 1), noise(1000, 2)
    made["x07"] = 0.5 * made["x03"] + np.sqrt(0.75) * made["x07"]
    assert searched(train, made)[0] == {"x03", "x07"}


def test_the_search_sees_levels_and_missing_cells():
    train, made = noise(1000, 1, 4), noise(1000, 2, 4)
    for table in (train, made):
        table["level"] = np.where(table["x00"] > 0, "high", "low")
    made["level"] = np.where(made["x01"] > 0, "high", "low")
    assert {frozenset(pair) for pair in searched(train, made)[:2]} == {
        frozenset({"level", "x00"}),
        frozenset({"level", "x01"}),
    }
    gaps = noise(1000, 2, 4)
    gaps.loc[gaps["x02"] > 1, "x03"] = np.nan
    blanks = noise(1000, 1, 4)
    blanks.loc[noise(1000, 5, 4)["x02"] > 1, "x03"] = np.nan
    assert searched(blanks, gaps)[0] == {"x02", "x03"}


def test_a_wide_table_is_searched_too():
    train, made = noise(300, 1, 400), noise(300, 2, 400)
    made["x200"] = made["x100"]
    assert searched(train, made)[0] == {"x100", "x200"}


def test_one_column_has_no_pairs():
    assert pairs(noise(100, 1, 1), noise(100, 2, 1)) == []


def test_what_one_column_gives_away_alone_is_no_pair():
    train, made = noise(400, 1, 3), noise(400, 2, 3)
    found = pairs(train, made.assign(x01=made["x01"] + 5))
    assert all(pair.alone > 0.95 and pair.beyond < 0.02 for pair in found if "x01" in (pair.a, pair.b))
    assert all(pair.beyond_interval[0] < 0.01 for pair in found)


def test_the_same_seed_gives_the_same_answer():
    tables = noise(100, 1, 2), noise(100, 2, 2)
    assert pairs(*tables, seed=3) == pairs(*tables, seed=3)
    assert pairs(*tables, seed=3) != pairs(*tables, seed=4)


def test_a_person_is_on_one_side_only():
    """Persons with many, nearly identical records would be recognised by two numbers that belong to them."""

    def visits(seed):
        person = np.repeat(np.arange(60), 5)
        return noise(60, seed, 3).iloc[person].reset_index(drop=True).assign(person=person)

    found = pairs(visits(1), visits(2), person={"kind": "identifier", "roles": ("group",)})
    assert all(pair.interval[0] < 0.55 for pair in found)
    known = pairs(visits(1).drop(columns="person"), visits(2).drop(columns="person"))
    assert known[0].auc > 0.8


@pytest.mark.slow
def test_chance_names_no_pair():
    columns = ["age", "pressure", "site", "marker"]
    named = [
        any(
            pair.beyond_interval[0] > 0.01
            for pair in pairs(clinic(200, 2 * i)[columns], clinic(200, 2 * i + 1)[columns], i)[:3]
        )
        for i in range(60)
    ]
    assert np.mean(named) <= 0.05
