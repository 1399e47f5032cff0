"""The three learners: each finds what there is to find in every kind of table, and nothing where there is nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from wards import aiming_at
from worlds import clinic

from synthdiff.checks.features import UNKNOWN, Features, coordinates, matrices
from synthdiff.checks.utility.learners import LEARNERS, guesses
from synthdiff.checks.utility.trial import Task


def ageing(n: int, seed: int) -> pd.DataFrame:
    """Visits of people whose sodium falls with age, so that there is a number to predict."""
    frame = clinic(n, seed)
    return frame.assign(sodium=(140 - frame["age"] / 10 + np.random.default_rng(seed).normal(size=n)).round(1))


TRAIN, TEST = ageing(300, 1), ageing(300, 2)


def tables(target: str) -> tuple[Features, np.ndarray, Features, np.ndarray, Task]:
    schema = aiming_at(target)
    others = [column.name for column in schema if column.name != target]
    known, asked = matrices([TRAIN, TEST], schema, others)
    truth, unknown = (coordinates(frame, schema[target]) for frame in (TRAIN, TEST))
    return known, truth, asked, unknown, Task(schema[target])


@pytest.mark.parametrize("target", ["died", "stage", "sodium"])
@pytest.mark.parametrize("learner", LEARNERS)
def test_each_beats_guessing(learner: str, target: str) -> None:
    known, truth, asked, unknown, task = tables(target)
    found = guesses(learner, known, truth, asked, task.levels, 0, False)
    assert found.shape == (300, task.levels or 1)
    if task.levels:
        np.testing.assert_allclose(found.sum(axis=1), 1)
    else:
        assert truth.min() <= found.min() and found.max() <= truth.max()
    assert task.score(unknown, found, np.ones((1, 300)))[0] > task.chance + 0.05


@pytest.mark.parametrize("learner", LEARNERS)
def test_levels_that_were_not_seen_have_probability_nought(learner: str) -> None:
    known, truth, asked, _, task = tables("stage")
    some = np.isin(truth, [1, 2])
    found = guesses(learner, known.rows(some), truth[some], asked, task.levels, 0, False)
    assert not found[:, [0, 3]].any() and found[:, [1, 2]].all(axis=1).any()
    only = truth == 2
    found = guesses(learner, known.rows(only), truth[only], asked, task.levels, 0, False)
    assert (found[:, 2] == 1).all()


@pytest.mark.parametrize("learner", LEARNERS)
def test_balanced_classes_raise_the_scarce_one(learner: str) -> None:
    known, truth, asked, _, task = tables("died")
    few = np.append(np.flatnonzero(truth == 0), np.flatnonzero(truth == 1)[:15])
    plain, even = (guesses(learner, known.rows(few), truth[few], asked, task.levels, 0, b)[:, 1] for b in (False, True))
    assert plain.mean() < 0.2
    assert even.mean() > 1.5 * plain.mean()


@pytest.mark.parametrize("learner", LEARNERS)
def test_empty_columns_and_strange_levels_are_no_trouble(learner: str) -> None:
    known, truth, asked, unknown, task = tables("died")
    empty = Features(np.where(np.arange(len(known.names)) < 2, np.nan, known.values), known.categorical, known.names)
    strange = Features(np.where(known.categorical, UNKNOWN, asked.values), known.categorical, known.names)
    for learnt, shown in ((empty, asked), (known, strange)):
        found = guesses(learner, learnt, truth, shown, task.levels, 0, False)
        assert np.isfinite(found).all()
    assert task.score(unknown, found, np.ones((1, 300)))[0] > 0.5


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_same_seed_gives_the_same_guesses(learner: str) -> None:
    known, truth, asked, _, task = tables("died")
    one, other = (guesses(learner, known, truth, asked, task.levels, 7, False) for _ in range(2))
    np.testing.assert_array_equal(one, other)
