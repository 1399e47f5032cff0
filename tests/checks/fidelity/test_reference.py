"""Held-out records stand for as many records as there are synthetic ones."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from synthdiff.checks.fidelity.distances import average, kolmogorov_smirnov
from synthdiff.checks.fidelity.reference import reference


def score(real, other):
    return average([kolmogorov_smirnov(a, b) for a, b in zip(real, other, strict=True)])


def table(n, seed, columns=12):
    return list(np.random.default_rng(seed).normal(size=(columns, n)))


def at(size, held_out, seed=0):
    train, holdout = table(400, 2 * seed), table(held_out, 2 * seed + 1)
    return reference(train, holdout, size, score, (None, None), np.random.default_rng(seed))


def test_with_as_many_records_it_is_their_score():
    assert at(100, 100).value == score(table(400, 0), table(100, 1)).value


def test_with_more_records_so_many_are_drawn():
    drawn = np.mean([at(100, 2000, seed).value for seed in range(20)])
    assert_allclose(drawn, np.mean([at(100, 100, seed).value for seed in range(20)]), rtol=0.1)


@pytest.mark.parametrize("held_out", [40, 100])
def test_with_fewer_records_the_score_is_scaled_to_what_more_would_give(held_out):
    scaled = np.mean([at(1000, held_out, seed).value for seed in range(20)])
    assert_allclose(scaled, np.mean([at(1000, 1000, seed).value for seed in range(20)]), rtol=0.12)


def test_the_interval_contains_the_value_and_narrows_with_it():
    few, many = at(40, 40), at(1000, 40)
    assert few.interval[0] <= few.value <= few.interval[1]
    assert np.ptp(many.interval) < np.ptp(few.interval)


def test_undefined_scores_give_no_reference():
    nothing = [np.full(50, np.nan)]
    assert reference(nothing, nothing, 10, score, (None, None), np.random.default_rng(0)) is None
