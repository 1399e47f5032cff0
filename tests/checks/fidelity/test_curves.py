"""Survival curves: a textbook's figures, laws, and standard errors against leaving persons out."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_allclose

from synthdiff.checks.fidelity.curves import curve_gap, kaplan_meier, log_rank, restricted_mean_difference

# Remission in weeks of 42 children with leukaemia, 6-MP against placebo: Freireich et al. (1963), Blood 21. Estimates
# test are those of Kleinbaum & Klein, Survival Analysis (3rd ed. 2012), chapter 2.
WEEKS = np.array([6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35.0])
RELAPSED = np.arange(21) < 9
PLACEBO = np.array([1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23.0])


def people(n, seed, scale=100.0):
    draw = np.random.default_rng(seed)
    death, end = draw.exponential(scale, n), draw.uniform(20, 200, n)
    return np.minimum(death, end).round(), death <= end


followed = st.lists(st.tuples(st.integers(0, 20).map(float), st.booleans()), min_size=1, max_size=25).map(
    lambda rows: (np.array([time for time, _ in rows]), np.array([event for _, event in rows], dtype=bool))
)


def test_the_curve_of_the_textbook():
    curve = kaplan_meier(WEEKS, RELAPSED)
    assert curve.times.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert_allclose(curve.survival, [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482], atol=5e-5)
    assert curve.at_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert curve.at(np.array([0, 5.9, 6, 12.5, 100])).tolist() == pytest.approx(
        [1, 1, 0.8571, 0.7529, 0.4482], abs=5e-5
    )


def test_greenwoods_error_and_the_log_log_band():
    # S(10) = 0.7529 with Greenwood's standard error 0.0963 (as R's survival prints it).
    low, high = kaplan_meier(WEEKS, RELAPSED).band(np.array([10.0]))
    share, spread = 0.7529, 0.0963
    ends = share ** np.exp(np.array([1, -1]) * 1.96 * spread / (share * -np.log(share)))
    assert_allclose([low[0], high[0]], ends, atol=5e-4)


def test_the_log_rank_test_of_the_textbook():
    chi_squared, p = log_rank((WEEKS, RELAPSED), (PLACEBO, np.ones(21, dtype=bool)))
    assert chi_squared == pytest.approx(16.79, abs=0.005)
    assert p < 0.001
    assert log_rank((WEEKS, RELAPSED), (WEEKS, RELAPSED)) == (0.0, 1.0)


def test_without_censoring_it_is_the_share_still_without_the_event():
    curve = kaplan_meier(PLACEBO, np.ones(21, dtype=bool))
    grid = np.linspace(0, 25, 40)
    assert_allclose(curve.at(grid), (PLACEBO[:, None] > grid).mean(axis=0))


def test_the_gap_by_hand():
    # The one falls to 1/2 at 4 and stays, the other to 0 at 8: 1/2 apart from 4 to 8, and from 8 to 10.
    one = np.array([4.0, 20.0]), np.array([True, False])
    other = np.array([8.0, 8.0]), np.array([True, True])
    assert curve_gap(one, other, 10.0).value == pytest.approx((4 * 0.5 + 2 * 0.5) / 10)
    assert restricted_mean_difference(one, other, 10.0).value == pytest.approx((4 * 0.5 - 2 * 0.5) / 10)


@settings(deadline=None)
@given(followed, followed, st.integers(1, 25).map(float))
def test_laws_of_the_gap(one, other, until):
    gap = curve_gap(one, other, until)
    assert 0 <= gap.value <= 1
    assert curve_gap(one, one, until).value == 0
    assert curve_gap(other, one, until).value == pytest.approx(gap.value)
    assert abs(restricted_mean_difference(one, other, until).value) <= gap.value + 1e-12
    order = np.random.default_rng(0).permutation(len(one[0]))
    assert curve_gap((one[0][order], one[1][order]), other, until).value == pytest.approx(gap.value)


@pytest.mark.parametrize("measure", [curve_gap, restricted_mean_difference])
def test_the_error_is_that_of_leaving_persons_out(measure):
    one, other = people(150, 1), people(120, 2, 60.0)
    found = measure(one, other, 150.0)
    variance = 0.0
    for side, (time, event) in enumerate((one, other)):
        n = len(time)
        each = []
        for left_out in range(n):
            kept = np.arange(n) != left_out
            tables = [one, other]
            tables[side] = time[kept], event[kept]
            each.append(measure(*tables, 150.0).value)
        variance += (n - 1) / n * ((np.array(each) - np.mean(each)) ** 2).sum()
    assert found.error() == pytest.approx(np.sqrt(variance), rel=0.05)


@pytest.mark.slow
def test_the_interval_of_the_restricted_mean_covers():
    """Against the true difference of two exponential lives up to 100."""
    truth = (60 * (1 - np.exp(-100 / 60)) - 100 * (1 - np.exp(-1))) / 100
    draw = np.random.default_rng(0)
    hit = []
    for _ in range(500):
        sides = []
        for scale in (100.0, 60.0):
            death, end = draw.exponential(scale, 150), draw.uniform(20, 200, 150)
            sides.append((np.minimum(death, end), death <= end))
        found = restricted_mean_difference(*sides, 100.0)
        hit.append(abs(found.value - truth) <= 1.96 * found.error())
    assert 0.92 <= np.mean(hit) <= 0.98
