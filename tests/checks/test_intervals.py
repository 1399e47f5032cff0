"""Known answers, laws and coverage of the statistics that all checks share."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_allclose

from synthdiff.checks.intervals import auc, folds, mean_error, normal_interval, roc, tpr_at_fpr, wilson

scores = st.lists(st.integers(-4, 4).map(float), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"), [(0, 10, 0.0, 0.27753), (5, 10, 0.23659, 0.76341), (10, 10, 0.72247, 1.0)]
)
def test_wilson_gives_the_published_figures(successes, n, low, high):
    share, interval = wilson(successes, n)
    assert share == successes / n
    assert_allclose(interval, (low, high), atol=1e-5)


def test_wilson_of_nothing_says_nothing():
    share, interval = wilson(0, 0)
    assert np.isnan(share)
    assert interval == (0.0, 1.0)


@settings(deadline=None)
@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_contains_the_share_and_stays_in_range(counted):
    share, (low, high) = wilson(*counted)
    assert 0 <= low <= share <= high <= 1


def test_normal_interval_is_cut_to_the_range():
    assert_allclose(normal_interval(0.5, 0.1), (0.304, 0.696), atol=1e-3)
    assert normal_interval(0.01, 0.1, 0.0, 1.0)[0] == 0.0
    assert normal_interval(0.99, 0.1, 0.0, 1.0)[1] == 1.0


@settings(deadline=None)
@given(scores, scores)
def test_auc_counts_pairs_and_halves_ties(positive, negative):
    value, (low, high) = auc(positive, negative)
    won = [1.0 if p > n else 0.5 if p == n else 0.0 for p in positive for n in negative]
    assert_allclose(value, np.mean(won), atol=1e-12)
    assert 0 <= low <= value <= high <= 1


@settings(deadline=None)
@given(scores, scores)
def test_auc_turns_round_with_its_samples(positive, negative):
    value, (low, high) = auc(positive, negative)
    turned, (turned_low, turned_high) = auc(negative, positive)
    assert_allclose([turned, turned_low, turned_high], [1 - value, 1 - high, 1 - low], atol=1e-9)


def test_auc_has_delongs_variance():
    # By hand: 3 beats both negatives and 1 beats one and a half of them; 0 and 1 lose alike. Variance 1/32 / 2 a side.
    value, (low, high) = auc([3, 1], [0, 1])
    assert value == 0.875
    half = 1.959964 * np.sqrt(1 / 32) / (0.875 * 0.125)
    expected = 1 / (1 + np.exp(-(np.log(7) + np.array([-half, half]))))
    assert_allclose((low, high), expected, rtol=1e-5)


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_auc_is_sane_where_the_variance_vanishes(score):
    value, (low, high) = auc(np.full(20, score), np.zeros(20))
    assert value == (1.0 if score else 0.5)
    assert high - low > 0.1
    assert 0 <= low < value <= high <= 1


def test_auc_of_nothing_says_nothing():
    value, interval = auc([], [1.0])
    assert np.isnan(value)
    assert interval == (0.0, 1.0)


def test_repeating_every_record_of_a_person_adds_no_certainty():
    rng = np.random.default_rng(1)
    positive, negative = rng.normal(0.5, 1, 40), rng.normal(0, 1, 50)
    groups = np.repeat(np.arange(40), 3), np.repeat(np.arange(50), 3)
    alone, certain = auc(positive, negative), auc(np.repeat(positive, 3), np.repeat(negative, 3))
    together = auc(np.repeat(positive, 3), np.repeat(negative, 3), groups)
    assert_allclose([together[0], *together[1]], [alone[0], *alone[1]], rtol=1e-9)
    assert np.ptp(certain[1]) < 0.7 * np.ptp(alone[1])


def test_mean_error_is_that_of_a_mean():
    values = np.array([1.0, 2.0, 4.0, 9.0])
    assert_allclose(mean_error(values), values.std(ddof=1) / 2)
    assert_allclose(mean_error(np.repeat(values, 2), np.repeat(np.arange(4), 2)), values.std(ddof=1) / 2)
    assert np.isnan(mean_error([1.0]))


def test_roc_by_hand():
    fpr, tpr = roc([3, 2, 2, 0], [2, 1], points=5)
    assert_allclose(fpr, [0, 0.25, 0.5, 0.75, 1])
    assert_allclose(tpr, [0.25, 0.5, 0.75, 0.75, 1.0])


@settings(deadline=None)
@given(scores, scores)
def test_roc_rises_from_one_corner_to_the_other(positive, negative):
    fpr, tpr = roc(positive, negative)
    assert (np.diff(tpr) >= -1e-12).all()
    assert (tpr[-1], fpr[0], fpr[-1]) == (1.0, 0.0, 1.0)


def test_area_under_roc_is_the_auc():
    rng = np.random.default_rng(2)
    positive, negative = rng.normal(1, 1, 300), rng.normal(0, 1, 200)
    fpr, tpr = roc(positive, negative, points=20_001)
    assert_allclose(np.trapezoid(tpr, fpr), auc(positive, negative)[0], atol=1e-4)


def test_tpr_at_fpr_takes_its_threshold_from_the_negatives():
    # Of 99 negatives the 10th highest, 89, has a tenth of all negatives above it.
    value, (low, high) = tpr_at_fpr([89.0, 88.5, 95.0, 10.0], np.arange(99.0), 0.1)
    assert_allclose(value, 0.5)
    assert 0 <= low < 0.5 < high <= 1


def test_tpr_at_fpr_draws_lots_among_ties():
    value, (low, high) = tpr_at_fpr(np.ones(50), np.ones(50), 0.1)
    assert_allclose(value, 0.1, rtol=0.03)
    assert low < 0.1 < high


def test_tpr_at_fpr_knows_that_few_negatives_make_an_uncertain_threshold():
    positive = np.random.default_rng(3).normal(1, 1, 5000)
    few, many = (tpr_at_fpr(positive, np.random.default_rng(4).normal(0, 1, n), 0.01)[1] for n in (60, 6000))
    assert np.ptp(few) > 3 * np.ptp(many)


def test_folds_are_even_and_keep_persons_together():
    alone = folds(23, 5, np.random.default_rng(0))
    assert sorted(np.bincount(alone)) == [4, 4, 5, 5, 5]
    persons = np.repeat(np.arange(11), 4)
    dealt = folds(44, 5, np.random.default_rng(0), persons)
    assert all(len(set(dealt[persons == person])) == 1 for person in range(11))
    assert (dealt == folds(44, 5, np.random.default_rng(0), persons)).all()
    assert (dealt != folds(44, 5, np.random.default_rng(1), persons)).any()


def coverage(interval, truth, seeds):
    rng = np.random.default_rng(0)
    inside = [low <= truth <= high for _, (low, high) in (interval(rng) for _ in range(seeds))]
    return np.mean(inside)


@pytest.mark.slow
@pytest.mark.parametrize(("share", "n"), [(0.02, 300), (0.3, 60), (0.5, 240)])
def test_wilson_covers(share, n):
    assert 0.92 <= coverage(lambda rng: wilson(int(rng.binomial(n, share)), n), share, 2000) <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize(("shift", "m", "n"), [(0.0, 60, 240), (1.0, 60, 60), (2.0, 240, 60)])
def test_auc_covers(shift, m, n):
    from scipy.stats import norm

    truth = norm.cdf(shift / np.sqrt(2))
    found = coverage(lambda rng: auc(rng.normal(shift, 1, m), rng.normal(0, 1, n)), truth, 2000)
    assert 0.92 <= found <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize(("fpr", "m", "n"), [(0.1, 240, 60), (0.1, 1000, 1000), (0.01, 1000, 1000)])
def test_tpr_at_fpr_covers(fpr, m, n):
    from scipy.stats import norm

    truth = norm.sf(norm.isf(fpr) - 1)
    found = coverage(lambda rng: tpr_at_fpr(rng.normal(1, 1, m), rng.normal(0, 1, n), fpr), truth, 600)
    assert 0.92 <= found <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 1.0, 3.0])
def test_tpr_at_fpr_errs_towards_caution_where_the_threshold_lies_beyond_the_negatives(shift):
    from scipy.stats import norm

    truth = norm.sf(norm.isf(0.01) - shift)
    found = coverage(lambda rng: tpr_at_fpr(rng.normal(shift, 1, 60), rng.normal(0, 1, 60), 0.01), truth, 400)
    assert found >= 0.95
