"""Survival curves: the estimator of Kaplan and Meier, its bands, the distance of two curves, and the log-rank test.

Everything takes ``time``, float64 of shape (n,), for how long each person was followed, and ``event``, bool of shape
(n,), whether the event came then; without NaN.

References
----------
Kaplan & Meier (1958), Nonparametric estimation from incomplete observations, JASA 53.
Greenwood (1926), The natural duration of cancer; bands on the log(-log) scale: Kalbfleisch & Prentice (1980), ch. 1.3.
Restricted mean survival time: Royston & Parmar (2013), BMC Medical Research Methodology 13.
Log-rank test: Mantel (1966), Cancer Chemotherapy Reports 50.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthdiff.checks.fidelity.distances import Distance
from synthdiff.checks.intervals import Floats, Z

Events = NDArray[np.bool_]
Followed = tuple[Floats, Events]
"""Times and events of n persons."""


@dataclass(frozen=True)
class Curve:
    """The estimated share of persons without the event, a step function of time.

    Attributes
    ----------
    times : float64 array of shape (k,)
        When events came, ascending.
    survival : float64 array of shape (k,)
        The share without the event from that time on.
    events, at_risk : float64 arrays of shape (k,)
        Events at that time, and persons followed until then or longer.
    """

    times: Floats
    survival: Floats
    events: Floats
    at_risk: Floats

    def at(self, when: Floats) -> Floats:
        """The share without the event at some times; after the last person it stays as it is."""
        return _read(self.times, self.survival, when, 1.0)

    def band(self, when: Floats) -> tuple[Floats, Floats]:
        """The 95 % band at some times, by Greenwood's variance on the scale of log(-log S).

        Where the estimate is 1 or 0 the scale has no place for it, and the band is the estimate.
        """
        left = self.at_risk - self.events
        terms = np.divide(self.events, self.at_risk * left, out=np.zeros_like(left), where=left > 0)
        share, spread = self.at(when), np.sqrt(_read(self.times, np.cumsum(terms), when, 0.0))
        inside = (share > 0) & (share < 1)
        log = np.log(np.where(inside, share, 0.5))
        low, high = (np.where(inside, np.exp(log * np.exp(sign * Z * spread / -log)), share) for sign in (1, -1))
        return low, high


def kaplan_meier(time: Floats, event: Events) -> Curve:
    """Estimate the curve; persons whose follow-up ends when an event comes are still at risk of it."""
    times, events = np.unique(time[event], return_counts=True)
    at_risk = len(time) - np.searchsorted(np.sort(time), times, "left").astype(float)
    return Curve(times, np.cumprod(1 - events / at_risk), events.astype(float), at_risk)


def curve_gap(real: Followed, other: Followed, until: float) -> Distance:
    """The mean absolute difference of two curves over the time from 0 to ``until``, exactly."""
    return _area(real, other, until, np.sign)


def restricted_mean_difference(real: Followed, other: Followed, until: float) -> Distance:
    """By how much the other persons' mean time without the event, up to ``until``, is longer, in shares of ``until``.

    A signed "distance", in [-1, 1].
    """
    return _area(real, other, until, lambda apart: np.full_like(apart, -1.0))


def _area(real: Followed, other: Followed, until: float, side: Callable[[Floats], Floats]) -> Distance:
    curves = kaplan_meier(*real), kaplan_meier(*other)
    times = np.concatenate([curve.times for curve in curves])
    knots = np.unique(np.append(0.0, times[(times > 0) & (times < until)]))
    widths = np.diff(np.append(knots, until)) / until
    apart = curves[0].at(knots) - curves[1].at(knots)
    weights = side(apart) * widths
    return Distance(
        float(weights @ apart),
        _influence(real, curves[0], knots, weights),
        -_influence(other, curves[1], knots, weights),
    )


def _influence(followed: Followed, curve: Curve, knots: Floats, weights: Floats) -> Floats:
    """Each person's influence on the weighted sum of the curve over the knots, by that of Reid (1981) on the curve.

    On S(t) it is -S(t) (event before t / share at risk then - what was expected of the person by then), Ann. Stat. 9.
    """
    time, event = followed
    n = len(time)
    weighted = weights * curve.at(knots)
    expected = np.cumsum(curve.events / curve.at_risk * n / curve.at_risk)
    after = np.append(np.cumsum(weighted[::-1])[::-1], 0.0)[np.searchsorted(knots, time, "left")]
    at_risk = n - np.searchsorted(np.sort(time), time, "left")
    came = np.where(event, after * n / at_risk, 0.0)
    before = np.append(0.0, np.cumsum(weighted * _read(curve.times, expected, knots, 0.0)))
    awaited = before[np.searchsorted(knots, time, "left")] + _read(curve.times, expected, time, 0.0) * after
    return np.asarray(awaited - came)


def log_rank(one: Followed, other: Followed) -> tuple[float, float]:
    """The log-rank test that two groups have one curve.

    Returns
    -------
    chi_squared, p : float
        With one degree of freedom; (0, 1) when no event tells the groups apart.
    """
    from scipy.stats import chi2

    times = np.unique(np.concatenate([time[event] for time, event in (one, other)]))
    came, at_risk = np.zeros((2, len(times))), np.zeros((2, len(times)))
    for i, (time, event) in enumerate((one, other)):
        at_risk[i] = len(time) - np.searchsorted(np.sort(time), times, "left")
        ordered = np.sort(time[event])
        came[i] = np.searchsorted(ordered, times, "right") - np.searchsorted(ordered, times, "left")
    events, persons = came.sum(axis=0), at_risk.sum(axis=0)
    share = at_risk[0] / persons
    left = np.divide(persons - events, persons - 1, out=np.zeros_like(persons), where=persons > 1)
    variance = float((events * share * (1 - share) * left).sum())
    if variance <= 0:
        return 0.0, 1.0
    found = float((came[0] - events * share).sum() ** 2 / variance)
    return found, float(chi2.sf(found, 1))


def _read(times: Floats, values: Floats, when: Floats, before: float) -> Floats:
    """A step function at some times: ``before`` it begins, then the value of the latest step."""
    return np.append(before, values)[np.searchsorted(times, when, "right")]
