"""Rates: against other implementations, and by counting how often they hold."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_allclose

from synthdiff.checks.fidelity.rates import MISSING, OTHER, Rates, discoveries, persons_in, ratio


def rates(held, known):
    return Rates.of(np.repeat([0, OTHER], [held, known - held]), None, 1)


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(1, 200))
def test_intervals_are_those_of_clopper_and_pearson(held, more):
    from scipy.stats import binomtest

    exact = binomtest(held, held + more).proportion_ci(method="exact")
    low, high = rates(held, held + more).interval
    assert_allclose([low[0], high[0]], [exact.low, exact.high], atol=1e-9)


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(1, 40), st.integers(50, 400), st.integers(50, 400))
def test_two_rates_are_compared_by_the_conditional_test(s, r, m, n):
    from scipy.stats import binomtest

    found = ratio(rates(s, m), rates(r, n))
    test = binomtest(s, s + r, m / (m + n))
    even = test.proportion_ci(method="exact")
    ends = [end / (1 - end) * n / m for end in (even.low, even.high)]
    assert_allclose([end[0] for end in found.interval], ends, rtol=1e-6, atol=1e-12)
    one_sided = [binomtest(s, s + r, m / (m + n), side).pvalue for side in ("less", "greater")]
    assert_allclose(found.p[0], min(1.0, 2 * min(one_sided)), rtol=1e-6)
    assert_allclose(found.value[0], s / m / (r / n))


def test_missing_cells_are_not_known_and_other_cells_are():
    found = Rates.of(np.array([0, 0, 1, OTHER, MISSING, MISSING]), None, 3)
    assert_allclose(found.share, [0.5, 0.25, 0.0])
    assert_allclose(found.known, 4)
    nothing = Rates.of(np.array([MISSING]), None, 1)
    assert nothing.share[0] == 0.0 and nothing.interval[0][0] == 0.0


def test_a_persons_cells_count_as_one():
    codes, people = np.array([0] * 6 + [1, OTHER] * 12 + [OTHER] * 10), np.repeat(np.arange(20), 2)
    found = Rates.of(codes, people, 2)
    assert_allclose(found.share, [6 / 40, 12 / 40])
    # Three people hold the first in both of their cells; twelve hold the second in one.
    assert_allclose(found.held, [3, 12])
    assert_allclose(found.known, [20, 40])
    assert persons_in(codes, people, 2).tolist() == [3, 12]
    assert_allclose(Rates.of(np.full(40, OTHER), people, 1).known, 20)


def test_discoveries_are_those_of_benjamini_and_hochberg():
    from scipy.stats import false_discovery_control

    p = np.random.default_rng(0).beta(0.3, 1, 200)
    assert discoveries(p, 0.05).tolist() == (false_discovery_control(p) <= 0.05).tolist()
    assert not len(discoveries([], 0.05))
    assert discoveries([0.04, 0.03, 0.9], 0.05).tolist() == [False, False, False]
    assert discoveries([0.04, 0.01, 0.045], 0.05).tolist() == [True, True, True]


@pytest.mark.slow
def test_intervals_with_several_cells_a_person_cover():
    rng = np.random.default_rng(1)
    held = []
    for _ in range(2000):
        rows = rng.integers(1, 6, 300)
        has = np.repeat(rng.random(300) < 0.02, rows)
        found = Rates.of(np.where(has, 0, OTHER), np.repeat(np.arange(300), rows), 1)
        held.append(found.interval[0][0] <= 0.02 <= found.interval[1][0])
    assert np.mean(held) >= 0.95
