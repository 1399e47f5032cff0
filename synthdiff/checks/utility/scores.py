"""Scores of predictions under many weightings of the same people, and figures with all that makes them vary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdiff.checks.intervals import Floats, Interval, Z, normal_interval

Score = Callable[[Floats, Floats, Floats], Floats]
"""What guesses, of shape (n, c), are worth against the truth, of shape (n,), under each of b rows of n weights."""


def auc(positive: NDArray[np.bool_], scores: Floats, weights: Floats) -> Floats:
    """The area under the ROC curve under each row of weights, ties counted half; NaN where one side has no weight."""
    found, alarms = _above(positive, scores, weights)
    below = np.diff(found, axis=1, prepend=0.0) / 2
    won = (np.diff(alarms, axis=1, prepend=0.0) * (found - below)).sum(axis=1)
    return _ratio(won, found[:, -1] * alarms[:, -1])


def average_precision(positive: NDArray[np.bool_], scores: Floats, weights: Floats) -> Floats:
    """The mean precision over the positives, each at its own threshold; NaN where no positive has weight."""
    found, alarms = _above(positive, scores, weights)
    called = found + alarms
    precision = np.divide(found, called, out=np.zeros_like(found), where=called > 0)
    return _ratio((np.diff(found, axis=1, prepend=0.0) * precision).sum(axis=1), found[:, -1])


def recall_at(specificity: float, positive: NDArray[np.bool_], scores: Floats, weights: Floats) -> Floats:
    """The share of positives above the threshold that so large a share of the negatives is below.

    Between thresholds that the scores allow, lots are drawn: the ROC curve is straight there.
    """
    found, alarms = _above(positive, scores, weights)
    allowed = (1 - specificity) * alarms[:, -1]
    at = [
        np.interp(most, np.append(0.0, false), np.append(0.0, true))
        for most, false, true in zip(allowed, alarms, found, strict=True)
    ]
    return np.where(alarms[:, -1] > 0, _ratio(np.array(at), found[:, -1]), np.nan)


def r2(truth: Floats, guess: Floats, weights: Floats) -> Floats:
    """The share of variance explained under each row of weights; NaN where a resample does not vary."""
    centred = truth - truth.mean()
    spread = weights @ centred**2 - (weights @ centred) ** 2 / weights.sum(axis=1)
    return 1 - _ratio(weights @ (truth - guess) ** 2, spread)


def _above(positive: NDArray[np.bool_], scores: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """The weight of positives and of negatives that score at least as high as each distinct score, highest first."""
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) < 0, True))
    ordered, side = weights[:, order], positive[order]
    return np.cumsum(ordered * side, axis=1)[:, ends], np.cumsum(ordered * ~side, axis=1)[:, ends]


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0))


@dataclass(frozen=True)
class Scored:
    """One figure, or several at once, with how it varies.

    Two things make a figure vary: who is held out, and whose records were learnt from. The first is seen by drawing the
    held-out people again, the second by drawing the people of the tables again and learning anew. Figures of one trial
    share both draws, so that their difference is paired: subtract one from the other.

    Attributes
    ----------
    value : float64 array of shape () or (k,)
        After learning from the whole tables, on all held-out people.
    resampled : float64 array of shape (b,) or (b, k)
        The same models on people drawn again.
    refitted : float64 array of shape (r,) or (r, k)
        Models that learnt from people drawn again, on all held-out people.
    share : float
        How many of its people a table gave to learn from anew, in (0, 1]: the variance of learning from n records
        is that of learning from m times m / n (the m out of n bootstrap of Bickel, Götze & van Zwet 1997).
    """

    value: Floats
    resampled: Floats
    refitted: Floats
    share: float

    @classmethod
    def together(cls, several: Sequence[Scored]) -> Scored:
        """Several figures, side by side."""
        values, resampled, refitted = (
            np.concatenate([getattr(one, part) for one in several], axis=-1)
            for part in ("value", "resampled", "refitted")
        )
        return cls(values, resampled, refitted, several[0].share)

    def __sub__(self, other: Scored) -> Scored:
        return Scored(
            self.value - other.value,
            self.resampled - other.resampled,
            self.refitted - other.refitted,
            self.share,
        )

    @property
    def of_learning(self) -> Floats:
        """The standard error that comes from whose records were learnt from.

        A few fits know it badly: it is enlarged so that 1.96 of it make the interval of Student's t. What depends on
        the pair of learners' and held-out people is in both errors, which errs on the side of width (compare Owen 2007,
        The pigeonhole bootstrap).
        """
        from scipy.stats import t

        spread = np.nanstd(self.refitted, axis=0, ddof=1) * np.sqrt(self.share)
        return np.asarray(spread * t.ppf(0.975, len(self.refitted) - 1) / Z)

    @property
    def error(self) -> Floats:
        """The standard error from both sources."""
        return np.asarray(np.hypot(np.nanstd(self.resampled, axis=0, ddof=1), self.of_learning))

    def interval(self, low: float = -np.inf, high: float = np.inf, of: int = 1) -> Interval:
        """The 95 % interval of a single figure, cut to its range; wider by Bonferroni's rule as one ``of`` several."""
        from scipy.stats import norm

        wider = float(norm.ppf(1 - 0.025 / of)) / Z
        return normal_interval(float(self.value), wider * float(self.error), low, high)

    def simultaneous(self) -> tuple[Floats, Floats]:
        """Intervals that hold all of several figures at once in 95 % of cases.

        Each is the figure ± c standard errors, with the same c for all: the 95 % point of the largest deviation, in
        standard errors, among draws that join people drawn again with a refit. That is the bootstrap's version of the
        studentised maximum (Westfall & Young 1993), which knows that the figures go together, so that many alike cost
        little. Where most of the noise is between a few fits and the figures have nothing to do with each other, it
        comes to 92 %.

        Returns
        -------
        low, high : float64 arrays of shape (k,)
        """
        people = self.resampled - np.nanmean(self.resampled, axis=0)
        fits = self.refitted - np.nanmean(self.refitted, axis=0)
        spread = np.nanstd(self.refitted, axis=0, ddof=1)
        fits *= np.divide(self.of_learning, spread, out=np.zeros_like(spread), where=spread > 0)
        draws = np.nan_to_num(people + fits[np.arange(len(people)) % len(fits)])
        error = self.error
        apart = np.divide(np.abs(draws), error, out=np.zeros_like(draws), where=error > 0).max(axis=1)
        half = max(Z, float(np.quantile(apart, 0.95))) * error
        return self.value - half, self.value + half


def plain(figure: Scored, low: float = -np.inf, high: float = np.inf) -> dict[str, Any]:
    """A figure and its interval as plain JSON."""
    return {
        "value": round(float(figure.value), 4),
        "interval": [round(end, 4) for end in figure.interval(low, high)],
    }


def span(interval: Interval) -> str:
    """An interval of differences in words."""
    return f"{interval[0]:+.3f} to {interval[1]:+.3f}"
