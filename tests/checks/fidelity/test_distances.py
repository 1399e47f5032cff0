"""Distances by hand, against other implementations, and their standard errors against leaving records out."""

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from numpy.testing import assert_allclose

from synthdiff.checks.fidelity.distances import (
    average,
    correlation,
    correlation_difference,
    kolmogorov_smirnov,
    total_variation,
)

nan = np.nan
numbers = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=20).map(np.array)


def test_kolmogorov_smirnov_by_hand():
    # Distribution functions at 2: 2/4 against 0/2.
    found = kolmogorov_smirnov(np.array([1.0, 2.0, 3.0, 4.0, nan]), np.array([3.0, 4.0, nan]))
    assert found.value == 0.5


@settings(deadline=None)
@given(numbers, numbers)
def test_kolmogorov_smirnov_agrees_with_scipy(real, other):
    from scipy.stats import ks_2samp

    assert_allclose(kolmogorov_smirnov(real, other).value, ks_2samp(real, other).statistic, atol=1e-12)


def test_total_variation_by_hand():
    # Shares 1/2, 1/4, 1/4 against 0, 1/2, 1/2; a missing code is left out.
    found = total_variation(np.array([0, 0, 1, 2, -1]), np.array([1, 2]), 3)
    assert found.value == 0.5
    assert total_variation(np.array([0, 0]), np.array([1]), 2).value == 1.0


def test_total_variation_of_very_many_codes_is_the_same():
    rng = np.random.default_rng(0)
    real, other = rng.integers(-1, 30, 200), rng.integers(-1, 40, 100)
    few, many = total_variation(real, other, 40), total_variation(real, other, 10**9)
    assert_allclose(few.value, many.value)
    assert_allclose(few.real, many.real)
    assert_allclose(few.other, many.other)


def test_a_side_without_values_is_as_far_as_can_be():
    empty = np.array([nan, nan])
    assert kolmogorov_smirnov(np.array([1.0]), empty).value == 1.0
    assert kolmogorov_smirnov(empty, empty) is None
    assert total_variation(np.array([-1, -1]), np.array([1]), 2).value == 1.0
    assert total_variation(np.array([-1]), np.array([-1]), 2) is None


def test_correlation_by_hand():
    # Complete rows (0, 0), (1, 2), (2, 1): covariance 1, variances 2 and 2.
    r, influence = correlation(np.array([0.0, 1.0, 2.0, nan, 5.0]), np.array([0.0, 2.0, 1.0, 4.0, nan]))
    assert_allclose(r, 0.5)
    assert influence[3] == influence[4] == 0.0
    opposite = correlation_difference((np.arange(5.0), np.arange(5.0)), (np.arange(5.0), -np.arange(5.0)))
    assert_allclose(opposite.value, 1.0)


@settings(deadline=None)
@given(numbers, st.integers(0, 2**32 - 1))
def test_correlation_agrees_with_numpy(a, seed):
    b = a + np.random.default_rng(seed).normal(size=len(a))
    assume(len(a) > 2 and np.ptp(a) > 0)
    assert_allclose(correlation(a, b)[0], np.corrcoef(a, b)[0, 1], atol=1e-9)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e9 + 0.1])
def test_a_constant_column_has_no_correlation(constant):
    assert correlation(np.full(50, constant), np.arange(50.0)) is None
    assert correlation_difference((np.arange(5.0), np.arange(5.0)), (np.ones(5), np.arange(5.0))) is None


def left_out(distance, real, other):
    """The jackknife's standard error, by leaving out every single record."""
    n, m = len(real), len(other)
    of_real = np.array([distance(np.delete(real, i, 0), other).value for i in range(n)])
    of_other = np.array([distance(real, np.delete(other, i, 0)).value for i in range(m)])
    return np.sqrt((n - 1) * of_real.var() + (m - 1) * of_other.var())


def test_standard_errors_agree_with_leaving_out_every_record():
    rng = np.random.default_rng(1)
    codes = rng.choice(4, 300, p=[0.4, 0.3, 0.2, 0.1]), rng.choice(4, 200, p=[0.1, 0.2, 0.3, 0.4])
    codes[0][:40] = -1
    assert_allclose(
        total_variation(*codes, 4).error(), left_out(lambda a, b: total_variation(a, b, 4), *codes), rtol=0.02
    )
    values = rng.normal(0, 1, 300), rng.normal(0.7, 1, 200)
    assert_allclose(kolmogorov_smirnov(*values).error(), left_out(kolmogorov_smirnov, *values), rtol=0.1)
    pairs = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 300), rng.normal(size=(200, 2))

    def difference(a, b):
        return correlation_difference((a[:, 0], a[:, 1]), (b[:, 0], b[:, 1]))

    assert_allclose(difference(*pairs).error(), left_out(difference, *pairs), rtol=0.05)


def test_an_average_knows_that_columns_of_a_record_go_together():
    rng = np.random.default_rng(2)
    real, other = rng.integers(0, 2, 300), rng.integers(0, 2, 300) | rng.integers(0, 2, 300)
    one = total_variation(real, other, 2)
    assert_allclose(average([one, None, one]).error(), one.error())
    apart = average([one, total_variation(rng.permutation(real), rng.permutation(other), 2)])
    assert apart.error() < 0.85 * one.error()
    assert average([None]) is None
