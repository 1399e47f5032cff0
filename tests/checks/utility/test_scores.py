"""Scores under weights are scikit-learn's, and a figure's interval knows both of what makes it vary."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.metrics import average_precision_score, r2_score, roc_auc_score, roc_curve

from synthdiff.checks.utility.scores import Scored, auc, average_precision, plain, r2, recall_at, span


def some(seed: int, n: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, tied guesses and three resamples."""
    draw = np.random.default_rng(seed)
    truth, guess = draw.integers(0, 2, n), draw.normal(size=n).round(1)
    return truth, guess, draw.multinomial(n, np.full(n, 1 / n), size=3).astype(float)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000))
def test_the_weighted_scores_are_those_of_scikit_learn(seed: int) -> None:
    truth, guess, weights = some(seed)
    for score, of_library in (
        (auc, roc_auc_score),
        (average_precision, average_precision_score),
        (lambda case, guess, weights: r2(case.astype(float), guess, weights), r2_score),
    ):
        wanted = [of_library(truth, guess, sample_weight=row) for row in weights]
        np.testing.assert_allclose(score(truth == 1, guess, weights), wanted)


def test_the_recall_at_a_specificity_is_read_from_the_roc_curve() -> None:
    truth, guess, weights = some(1)
    for row, found in zip(weights, recall_at(0.9, truth == 1, guess, weights), strict=True):
        fpr, tpr, _ = roc_curve(truth, guess, sample_weight=row, drop_intermediate=False)
        assert found == pytest.approx(np.interp(0.1, fpr, tpr))


def test_with_one_side_alone_nothing_is_scored() -> None:
    _, guess, weights = some(2)
    everyone, nobody = np.ones(200, dtype=bool), np.zeros(200, dtype=bool)
    for side in (everyone, nobody):
        assert np.isnan(auc(side, guess, weights)).all()
        assert np.isnan(recall_at(0.9, side, guess, weights)).all()
    assert np.isnan(average_precision(nobody, guess, weights)).all()
    assert np.isnan(r2(np.ones(200), guess, weights)).all()


def figures(k: int, seed: int = 0, noise: float = 1.0) -> Scored:
    """Figures whose true value is nought: noise from who is held out, and from whose records were learnt from."""
    draw = np.random.default_rng(seed)
    value = draw.normal(size=k) + noise * draw.normal(size=k)
    return Scored(value, draw.normal(size=(400, k)), noise * draw.normal(size=(8, k)), 1.0)


def test_a_difference_is_paired() -> None:
    one = figures(1)
    other = Scored(one.value + 2, one.resampled + 2, one.refitted + 2, 1.0)
    apart = other - one
    assert apart.value == pytest.approx(2)
    assert float(apart.error[0]) == pytest.approx(0, abs=1e-9)


def test_both_sources_count_and_fewer_records_learnt_anew_count_less() -> None:
    alone, both = figures(1, noise=0.0), figures(1)
    assert float(alone.error[0]) == pytest.approx(1, rel=0.1)
    assert float(both.error[0]) > 1.2
    part = Scored(both.value, both.resampled, both.refitted, 0.25)
    assert part.of_learning == pytest.approx(both.of_learning / 2)


@pytest.mark.parametrize("noise", [0.0, 1.0, 3.0])
def test_intervals_hold_the_truth_whatever_makes_the_figure_vary(noise: float) -> None:
    many = figures(4000, noise=noise)
    missed = np.mean(np.abs(many.value) > 1.96 * many.error)
    assert 0.02 < missed < 0.06


def test_an_interval_is_cut_to_its_range_and_wider_among_several() -> None:
    one = Scored(np.array(0.9), np.array([0.8, 1.0] * 50), np.full(3, 0.9), 1.0)
    assert one.interval(0.0, 1.0)[1] == 1.0
    assert one.interval(of=20)[0] < one.interval()[0] < 0.9
    assert plain(one, 0.0, 1.0)["interval"][1] == 1.0
    assert span(one.interval()).startswith("+0.7")


def test_simultaneous_intervals_hold_all_at_once() -> None:
    missed = 0
    for seed in range(200):
        low, high = figures(12, seed, noise=0.5).simultaneous()
        missed += bool(((low > 0) | (high < 0)).any())
    assert missed <= 0.08 * 200


def test_many_figures_that_go_together_cost_little() -> None:
    one = figures(1)
    alike = Scored.together([one] * 30)
    apart = figures(30)
    assert float((alike.simultaneous()[1] - alike.value).mean()) < 1.15 * float((one.simultaneous()[1] - one.value)[0])
    assert float(((apart.simultaneous()[1] - apart.value) / apart.error).mean()) > 2.5
