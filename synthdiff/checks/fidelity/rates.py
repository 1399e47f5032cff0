"""Rates of rare things, exactly: shares, and two shares against each other, each with a 95 % interval.

Normal intervals fail where five records of ten thousand are concerned; these do not. Cells of one person are not
independent, so counts are divided by their design effect before they enter an exact interval (Korn & Graubard 1998).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synthdiff.checks.fidelity.distances import Codes, Persons
from synthdiff.checks.intervals import Floats

OTHER, MISSING = -1, -2
"""Codes of a known cell that is nothing of what is counted, and of a cell that is missing."""


@dataclass(frozen=True)
class Rates:
    """How often each of k things occurs among the known cells of a column.

    Attributes
    ----------
    share : float64 array of shape (k,)
        Of the known cells; 0 where none is known.
    held, known : float64 arrays of shape (k,)
        Of how many independent cells (``known``) how many (``held``) that is worth.
    """

    share: Floats
    held: Floats
    known: Floats

    @classmethod
    def of(cls, codes: Codes, people: Persons, size: int) -> Rates:
        """Count codes in ``[0, size)`` among those that are not ``MISSING``.

        For a rare thing, the variance of a share is that of independent cells times Σ c² / Σ c over the people's
        numbers c of cells that hold it: its design effect.
        """
        counted = codes >= 0
        known = max(1, int((codes != MISSING).sum()))
        held = np.bincount(codes[counted], minlength=size).astype(float)
        effect = np.ones(size)
        if people is not None:
            width = int(people.max(initial=0)) + 1
            pairs, times = np.unique(codes[counted] * width + people[counted], return_counts=True)
            squares = np.bincount(pairs // width, weights=times.astype(float) ** 2, minlength=size)
            alone = known / max(1, len(np.unique(people[codes != MISSING])))
            effect = np.divide(squares, held, out=np.full(size, alone), where=held > 0)
        return cls(held / known, held / effect, known / effect)

    @property
    def interval(self) -> tuple[Floats, Floats]:
        """The Clopper-Pearson intervals of the shares.

        References
        ----------
        Clopper & Pearson (1934), The use of confidence or fiducial limits. Biometrika 26.
        """
        others = np.maximum(self.known - self.held, 0.0)
        return _beta(self.held, others + 1, 0.025), _beta(self.held + 1, others, 0.975)


@dataclass(frozen=True)
class Ratio:
    """Rates of one table over those of another.

    Attributes
    ----------
    value : float64 array of shape (k,)
    interval : pair of such arrays
    p : float64 array of shape (k,)
        Two-sided probability of counts so far apart if the rates are equal.
    """

    value: Floats
    interval: tuple[Floats, Floats]
    p: Floats


def ratio(one: Rates, other: Rates) -> Ratio:
    """Compare rates of rare things, of which ``other`` holds at least one each, by the conditional test.

    Given how many cells hold a thing in both tables together, their number in one of them is binomial, and its
    probability says what the ratio of the rates is. This is exact for Poisson counts, and errs towards caution for
    binomial ones.

    References
    ----------
    Przyborowski & Wilenski (1940), Homogeneity of results in testing samples from Poisson series. Biometrika 31.
    """
    from scipy.special import betainc

    even = one.known / (one.known + other.known)
    ends = _beta(one.held, other.held + 1, 0.025), _beta(one.held + 1, other.held, 0.975)
    low, high = (end / (1 - end) * (1 - even) / even for end in ends)
    at_least = np.where(one.held > 0, betainc(np.maximum(one.held, 1e-12), other.held + 1, even), 1.0)
    at_most = betainc(other.held, one.held + 1, 1 - even)
    return Ratio(one.share / other.share, (low, high), np.minimum(1.0, 2 * np.minimum(at_least, at_most)))


def discoveries(p: ArrayLike, rate: float) -> NDArray[np.bool_]:
    """Which of several tests reject, a share ``rate`` of the rejections being wrong at most on average.

    References
    ----------
    Benjamini & Hochberg (1995), Controlling the false discovery rate. Journal of the Royal Statistical Society B 57.
    """
    values = np.asarray(p, dtype=float)
    order = np.argsort(values, kind="stable")
    met = np.flatnonzero(values[order] <= rate * np.arange(1, len(values) + 1) / max(1, len(values)))
    rejected = np.zeros(len(values), dtype=bool)
    rejected[order[: met[-1] + 1 if len(met) else 0]] = True
    return rejected


def persons_in(codes: Codes, people: Persons, size: int) -> NDArray[np.int64]:
    """How many people there are in each code of ``[0, size)``; codes below 0 are left out."""
    known = codes[codes >= 0]
    if people is None:
        return np.bincount(known, minlength=size)
    width = int(people.max(initial=0)) + 1
    return np.bincount(np.unique(known * width + people[codes >= 0]) // width, minlength=size)


def _beta(a: Floats, b: Floats, share: float) -> Floats:
    """Quantiles of beta distributions; 0 where ``a`` is nought, 1 where ``b`` is."""
    from scipy.special import betaincinv

    inside = betaincinv(np.maximum(a, 1e-12), np.maximum(b, 1e-12), share)
    return np.where(a <= 0, 0.0, np.where(b <= 0, 1.0, inside)).astype(np.float64)
