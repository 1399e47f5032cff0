"""Distances between two samples, each with what every single record adds to it.

A record's influence is the derivative of the distance with respect to its weight (Hampel 1974). The mean of distances
over columns then has, as influences, the mean of theirs, and its standard error follows from their spread over the
records: the infinitesimal jackknife (Jaeckel 1972). It is one pass, needs no seed, respects that columns of one record
go together, and does not resample: resampled distances lie above the distance.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdiff.checks.intervals import Floats, mean_error

Codes = NDArray[np.int64]
Persons = NDArray[np.int64] | None


@dataclass(frozen=True)
class Distance:
    """A distance between n real and m other records.

    Attributes
    ----------
    value : float
        In [0, 1].
    real, other : float64 arrays of shape (n,), (m,)
        Each record's influence, up to a constant.
    """

    value: float
    real: Floats
    other: Floats

    def error(self, persons: tuple[Persons, Persons] = (None, None)) -> float:
        """The standard error, records of one person counting as one draw."""
        return float(np.hypot(mean_error(self.real, persons[0]), mean_error(self.other, persons[1])))


def kolmogorov_smirnov(real: Floats, other: Floats) -> Distance | None:
    """The largest difference of the two distribution functions; missing cells (NaN) are left out.

    None when neither sample has a value; 1 when only one has.
    """
    known, others = np.sort(real[~np.isnan(real)]), np.sort(other[~np.isnan(other)])
    if not len(known) or not len(others):
        return _one_sided(len(known) + len(others), real, other)
    points = np.concatenate([known, others])
    apart = np.searchsorted(known, points, "right") / len(known) - np.searchsorted(others, points, "right") / len(
        others
    )
    widest = int(np.argmax(np.abs(apart)))
    sign = np.sign(apart[widest])
    below = sign * (real <= points[widest]), -sign * (other <= points[widest])
    return Distance(
        abs(float(apart[widest])), _known_only(below[0], ~np.isnan(real)), _known_only(below[1], ~np.isnan(other))
    )


def total_variation(real: Codes, other: Codes, size: int) -> Distance | None:
    """Half the sum of the absolute differences of the shares of each code in ``[0, size)``; codes below 0 are left out.

    None when neither sample has a code; 1 when only one has.
    """
    known, others = real >= 0, other >= 0
    n, m = int(known.sum()), int(others.sum())
    if not n or not m:
        return _one_sided(n + m, real, other)
    if size > 4 * (len(real) + len(other)):
        together = np.unique(np.concatenate([[-1], real, other]), return_inverse=True)[1] - 1
        real, other, size = together[1 : len(real) + 1], together[len(real) + 1 :], int(together.max()) + 1
    apart = np.bincount(real[known], minlength=size) / n - np.bincount(other[others], minlength=size) / m
    side = np.sign(apart) / 2
    return Distance(float(np.abs(apart).sum() / 2), _known_only(side[real], known), _known_only(-side[other], others))


def correlation_difference(real: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> Distance | None:
    """Half the absolute difference of the Pearson correlations over complete rows.

    None where a correlation is undefined, because fewer than two rows are complete or a column is constant.
    """
    found, compared = correlation(*real), correlation(*other)
    if found is None or compared is None:
        return None
    (r, of_real), (s, of_other) = found, compared
    side = np.sign(r - s) / 2
    return Distance(abs(r - s) / 2, side * of_real, -side * of_other)


def correlation(a: Floats, b: Floats) -> tuple[float, Floats] | None:
    """Pearson's correlation over complete rows with each row's influence on it, or None where it is undefined."""
    complete = ~(np.isnan(a) | np.isnan(b))
    if complete.sum() < 2:
        return None
    x, y = a[complete] - a[complete].mean(), b[complete] - b[complete].mean()
    spread = np.sqrt((x @ x) * (y @ y))
    # A constant column keeps a rounding error of its mean, which is no spread.
    if spread <= 1e-12 * len(x) * max(np.abs(a[complete]).max() * np.abs(b[complete]).max(), np.finfo(float).tiny):
        return None
    r = float(np.clip((x @ y) / spread, -1, 1))
    x, y = x / np.sqrt((x @ x) / len(x)), y / np.sqrt((y @ y) / len(y))
    influence = np.zeros(len(a))
    influence[complete] = (x * y - r * (x**2 + y**2) / 2) * len(a) / len(x)
    return r, influence


def average(distances: Iterable[Distance | None]) -> Distance | None:
    """The mean of distances over the same records, those that are undefined left out; None when all are."""
    count, value = 0, 0.0
    real: Any = 0.0
    other: Any = 0.0
    for distance in distances:
        if distance is not None:
            count, value = count + 1, value + distance.value
            real, other = real + distance.real, other + distance.other
    return Distance(value / count, real / count, other / count) if count else None


def _known_only(influence: Floats, known: NDArray[np.bool_]) -> Floats:
    """Influences on a share among the known cells only, as influences of all records."""
    return np.asarray(np.where(known, influence - influence[known].mean(), 0.0) / known.mean())


def _one_sided(known: int, real: NDArray[Any], other: NDArray[Any]) -> Distance | None:
    return Distance(1.0, np.zeros(len(real)), np.zeros(len(other))) if known else None
