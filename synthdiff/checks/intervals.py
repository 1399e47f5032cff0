"""The statistics that all checks share: point estimates with 95 % intervals.

Rates, rankings and error bars are written once, so that two checks never mean different things by an interval. Where a
population value exists (a rate, an AUC) the interval is for that value. A distance between two samples has no unbiased
estimate: its interval is for the figure's expectation at these sample sizes, which is what its reference is, too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Interval = tuple[float, float]
Floats = NDArray[np.float64]

Z = 1.959963984540054
"""The 97.5 % point of the standard normal distribution."""

CROSS_FITTED = 1.5
"""What the standard error of a figure from 5-fold cross-fitting is multiplied by.

The five models share records with each other and with what they are asked, so the figure spreads more widely than for
one fixed rule: by √(1 + 5 · 1/4) after Nadeau & Bengio (2003), Inference for the generalization error. With gradient
boosting on two samples of one population, the AUC spread by 1.25 to 1.5 times DeLong's standard error for 60 to 1,000
records each, and not beyond it for 4,000.
"""


def wilson(successes: int, n: int) -> tuple[float, Interval]:
    """A share with Wilson's score interval.

    Parameters
    ----------
    successes, n : int
        ``successes`` of ``n`` independent records.

    Returns
    -------
    float
        The share; NaN when ``n`` is 0.
    tuple of float
        The 95 % interval; (0, 1) when ``n`` is 0.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference. JASA 22.
    """
    if n == 0:
        return float("nan"), (0.0, 1.0)
    return successes / n, _wilson_interval(successes / n, n)


def _wilson_interval(share: float, n: float) -> Interval:
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return float(min(max(0.0, centre - half), share)), float(max(min(1.0, centre + half), share))


def normal_interval(value: float, se: float, low: float = -np.inf, high: float = np.inf) -> Interval:
    """The interval ``value`` ± 1.96 ``se``, cut to the range ``[low, high]`` of the figure."""
    return float(max(low, value - Z * se)), float(min(high, value + Z * se))


def mean_error(values: ArrayLike, groups: ArrayLike | None = None) -> float:
    """The standard error of a mean, records of one group counting as one draw.

    Parameters
    ----------
    values : array of shape (n,)
        One value a record.
    groups : array of shape (n,), optional
        The person to whom each record belongs; by default each record stands alone.

    Returns
    -------
    float
        NaN when there are fewer than two records or groups.
    """
    values = np.asarray(values, dtype=float)
    apart = values - values.mean() if len(values) else values
    if groups is not None:
        apart = np.bincount(np.unique(np.asarray(groups), return_inverse=True)[1], weights=apart)
    draws = len(apart)
    return float(np.sqrt((apart**2).sum() * draws / (draws - 1)) / len(values)) if draws > 1 else float("nan")


def auc(
    positive: ArrayLike,
    negative: ArrayLike,
    groups: tuple[ArrayLike | None, ArrayLike | None] = (None, None),
    inflation: float = 1.0,
) -> tuple[float, Interval]:
    """The probability that a positive scores above a negative, ties counted half, with DeLong's interval.

    The interval is symmetric on the logit scale, so that it stays within [0, 1]. Where DeLong's variance is nought
    (perfect separation, all scores tied, a single record), it is Wilson's for a share of as many records as the smaller
    sample has.

    Parameters
    ----------
    positive, negative : array of shape (m,), (n,)
        Scores without NaN, higher for what is believed positive.
    groups : pair of arrays of shape (m,), (n,), optional
        The persons to whom the records belong, where one person has several.
    inflation : float
        What the standard error is multiplied by; :data:`CROSS_FITTED` for scores from cross-fitting.

    Returns
    -------
    float
        The area under the ROC curve; NaN when a sample is empty.
    tuple of float
        The 95 % interval.

    References
    ----------
    DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44; logit scale: Pepe (2003), section 5.2; several records a
    person: Obuchowski (1997), Biometrics 53.
    """
    positive, negative = np.asarray(positive, dtype=float), np.asarray(negative, dtype=float)
    smaller = min(len(positive), len(negative))
    if smaller == 0:
        return float("nan"), (0.0, 1.0)
    of_positive, of_negative = _placements(positive, negative), 1 - _placements(negative, positive)
    value = float(of_positive.mean())
    error = inflation * float(np.hypot(mean_error(of_positive, groups[0]), mean_error(of_negative, groups[1])))
    if not error > 0 or value in (0.0, 1.0):
        return value, _wilson_interval(value, smaller)
    centre, half = np.log(value / (1 - value)), Z * error / (value * (1 - value))
    low, high = 1 / (1 + np.exp(-(centre + np.array([-half, half]))))
    return value, (float(low), float(high))


def _placements(scores: Floats, among: Floats) -> Floats:
    """For each score, the share of the others that lie below it, ties counted half."""
    among = np.sort(among)
    return (np.searchsorted(among, scores, "left") + np.searchsorted(among, scores, "right")) / (2 * len(among))


def roc(positive: ArrayLike, negative: ArrayLike, points: int = 101) -> tuple[Floats, Floats]:
    """The ROC curve on an even grid of false positive rates.

    Between the thresholds that the scores allow, ties included, the curve is straight: the rate of a rule that draws
    lots at the threshold.

    Returns
    -------
    fpr, tpr : float64 arrays of shape (points,)
    """
    grid = np.linspace(0, 1, points)
    # Where several corners share a rate, np.interp takes the last, which is the highest.
    return grid, np.interp(grid, *_corners(np.asarray(positive, dtype=float), np.asarray(negative, dtype=float)))


def _corners(positive: Floats, negative: Floats) -> tuple[Floats, Floats]:
    """The shares of negatives and of positives that score at least as high as each threshold, falling, from (0, 0)."""
    thresholds = np.unique(np.concatenate([positive, negative]))[::-1]
    fpr = 1 - np.searchsorted(np.sort(negative), thresholds) / len(negative)
    tpr = 1 - np.searchsorted(np.sort(positive), thresholds) / len(positive)
    return np.append(0.0, fpr), np.append(0.0, tpr)


def tpr_at_fpr(positive: ArrayLike, negative: ArrayLike, fpr: float) -> tuple[float, Interval]:
    """The share of positives found when a share ``fpr`` of the negatives is let through by mistake.

    The threshold is learnt from the negatives. The k-th highest of n negatives has, on average, a share of k / (n + 1)
    of all negatives above it; the true positive rates there, joined by straight lines from (0, 0), are read at ``fpr``.
    (The corners of :func:`roc` put it at k - 1 of n, which flatters an attack where ``n * fpr`` is small.) Scores that
    tie share one straight line, the rate of a rule that draws lots among them.

    Two things are uncertain: how many of the negatives lie above the true threshold (a binomial count, and anywhere in
    the gap to the next one) and the share of positives above it (Jeffreys' Beta distribution). The interval holds the
    middle 95 % of the two together, computed on their quantiles and not by drawing, so it needs no seed.

    Parameters
    ----------
    positive, negative : array of shape (m,), (n,)
        Scores without NaN.
    fpr : float
        In (0, 1).

    Returns
    -------
    float
        The true positive rate; NaN when a sample is empty.
    tuple of float
        The 95 % interval.
    """
    from scipy.stats import beta, binom

    positive, negative = np.asarray(positive, dtype=float), np.asarray(negative, dtype=float)
    m, n = len(positive), len(negative)
    if min(m, n) == 0:
        return float("nan"), (0.0, 1.0)
    share_above, found_above = _corners(positive, negative)
    first = np.append(True, np.diff(share_above) > 0)
    rank, found = n * share_above[first], found_above[first]
    value = float(np.interp((n + 1) * fpr, rank, found))
    even = (np.arange(128) + 0.5) / 128
    scattered = np.arange(128) * 0.6180339887498949 % 1
    likely = np.interp(binom.ppf(even, n, fpr) + scattered, rank, found)[:, None]
    low, high = np.quantile(beta.ppf(even, m * likely + 0.5, m * (1 - likely) + 0.5), [0.025, 0.975])
    return value, (float(min(low, value)), float(max(high, value)))


def folds(n: int, count: int, generator: np.random.Generator, groups: ArrayLike | None = None) -> NDArray[np.int64]:
    """Deal records to ``count`` folds of equal size, all records of one group to the same fold.

    Parameters
    ----------
    n, count : int
        Records and folds.
    generator : Generator
        Decides who goes where.
    groups : array of shape (n,), optional
        The person to whom each record belongs; folds then hold equally many persons.

    Returns
    -------
    int64 array of shape (n,)
        Each record's fold, in ``[0, count)``.
    """
    member = np.arange(n) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    persons = int(member.max(initial=-1)) + 1
    return generator.permutation(np.arange(persons) % count)[member]
