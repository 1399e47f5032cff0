"""Singling out: predicates hold for whom they should, guesses come from what stands alone, sizes are matched."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from worlds import between_neighbours, clinic, clinic_schema, shuffled

from synthdiff.checks.check import Evidence, Finding
from synthdiff.checks.privacy.predicates import FURTHEST, Lookup, Predicates
from synthdiff.checks.privacy.singling_out import Answers, SinglingOut
from synthdiff.schema import Schema

SCHEMA = clinic_schema()
CHECK = SinglingOut(guesses=1000)


def attack(train: pd.DataFrame, holdout: pd.DataFrame, synthetic: pd.DataFrame, seed: int = 0) -> Finding:
    return CHECK.run(Evidence(train, holdout, synthetic, SCHEMA, seed))


@given(st.integers(0, 10_000), st.integers(1, 4))
def test_matches_are_those_of_a_full_search(seed: int, width: int) -> None:
    draw = np.random.default_rng(seed)
    cells = [np.where(draw.random(30) < 0.1, -np.inf, draw.integers(0, 5, 30)) for _ in range(4)]
    columns = np.array([draw.permutation(4)[:width] for _ in range(20)])
    low, high = np.sort(draw.choice([-np.inf, -FURTHEST, 0, 1, 2, 3, 4, FURTHEST], (2, 20, width)), axis=0)
    which, rows = Lookup(cells).matches(Predicates(columns, low, high, np.zeros(20, dtype=np.int64)))
    found = set(zip(which.tolist(), rows.tolist(), strict=True))
    table = np.stack(cells)
    holds = [
        ((table[columns[i]] >= low[i][:, None]) & (table[columns[i]] <= high[i][:, None])).all(0) for i in range(20)
    ]
    assert found == {(i, int(row)) for i in range(20) for row in np.flatnonzero(holds[i])}


def test_what_stands_once_and_what_is_outermost_is_a_predicate() -> None:
    number, level = np.array([1.0, 1.0, 2.0, 5.0, -np.inf]), np.array([0.0, 0.0, 0.0, 1.0, 1.0])
    found = Lookup([number, level]).outstanding(np.array([False, True]), 100, np.random.default_rng(0))
    ranges = set(
        zip(found.columns[:, 0].tolist(), found.low[:, 0], found.high[:, 0], found.source.tolist(), strict=True)
    )
    # 1 stands twice, so it is no predicate though it is the smallest; the missing cell stands once.
    assert ranges == {(0, 2.0, 2.0, 2), (0, 5.0, 5.0, 3), (0, -np.inf, -np.inf, 4), (0, 5.0, FURTHEST, 3)}


def test_a_column_whose_values_all_differ_does_not_speak_for_all() -> None:
    cells = [np.arange(500.0), np.append(np.zeros(497), [1.0, 2.0, 3.0])]
    found = Lookup(cells).outstanding(np.array([False, True]), 100, np.random.default_rng(0))
    assert (found.columns == 0).sum() == 50
    assert (found.columns == 1).sum() == 3


def test_conjunctions_hold_for_one_record_and_do_not_repeat() -> None:
    draw = np.random.default_rng(0)
    table = Lookup([draw.normal(size=400), draw.integers(0, 3, 400).astype(float), draw.normal(size=400)])
    lists = table.conjunctions(np.array([False, True, False]), 60, 2, draw)
    assert sum(map(len, lists)) == 60
    said = set()
    for predicates in lists:
        which, rows = table.matches(predicates)
        assert (which == np.arange(len(predicates))).all()
        assert (rows == predicates.source).all()
        said |= {row.tobytes() for row in np.hstack([predicates.columns, predicates.low, predicates.high])}
    assert len(said) == 60


def test_a_guess_must_single_out_within_a_part() -> None:
    table = Lookup([np.array([7.0, 7.0, 1.0, 7.0, 2.0, 3.0, 7.0])])
    at = np.array([[7.0]])
    guess = Predicates(np.array([[0]]), at, at, np.array([0]))
    # Parts of two: twice in the first, once in the second, not in the third; the seventh record is in no whole part.
    answers = Answers.put(table, [guess], 2)
    assert (answers.parts, answers.right.tolist(), answers.person.tolist()) == (3, [0], [3])
    assert answers.rate(np.array([True])).share == pytest.approx(1 / 3)


def test_guesses_at_one_person_count_as_one() -> None:
    apart = Answers(40, 1, np.arange(10), np.arange(10))
    same = Answers(40, 1, np.arange(10), np.zeros(10, dtype=np.int64))
    everything = np.ones(40, dtype=bool)
    assert (apart.rate(everything).n, same.rate(everything).n) == (40, 4)


@pytest.mark.parametrize("held_out", [100, 150, 400])
def test_a_small_control_does_not_hide_a_copy(held_out: int) -> None:
    train = clinic(600, 1)
    value = attack(train, clinic(held_out, 2), shuffled(train)).estimates["singling_out_multivariate_risk"].value
    assert value > 0.6


def test_neither_publishing_a_part_nor_publishing_twice_hides_a_copy() -> None:
    train = clinic(800, 1)
    few, twice = train.iloc[:100], pd.concat([train, train])
    for published in (few, twice):
        found = attack(train, clinic(800, 2), published).estimates
        # Statements as narrow as 100 records need would hold for several of 800 people.
        assert found["singling_out_multivariate_risk"].interval[0] > 0.8


def test_records_between_neighbours_are_found_by_several_columns() -> None:
    train = clinic(800, 1)
    found = attack(train, clinic(800, 2), between_neighbours(train)).estimates
    assert found["singling_out_multivariate_risk"].interval[0] > 0.09


def test_the_headline_is_the_surer_attack_with_a_wider_interval() -> None:
    train = clinic(500, 1)
    found = attack(train, clinic(500, 2), shuffled(train))
    risk, alone = found.estimates["singling_out_risk"], found.estimates["singling_out_multivariate_risk"]
    assert risk.value == alone.value
    assert risk.interval[0] < alone.interval[0]


def test_the_custodian_is_told_who_was_singled_out() -> None:
    train = clinic(300, 1)
    found = attack(train, clinic(300, 2), shuffled(train, 9))
    assert found.concerns
    came_from = np.random.default_rng(9).permutation(300)
    assert all(came_from[concern.synthetic] == concern.real for concern in found.concerns)
    assert not attack(train, clinic(300, 2), clinic(300, 3)).concerns


def test_where_nothing_stands_alone_there_is_no_answer() -> None:
    few = [pd.DataFrame({"a": draw.integers(0, 2, 300), "b": draw.integers(0, 2, 300)}) for draw in _draws()]
    found = CHECK.run(Evidence(*few, Schema.infer(few[0]), 0))
    assert not found.estimates
    assert "as the columns are few" in found.reason


def _draws() -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in range(3)]
