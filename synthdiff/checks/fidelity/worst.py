"""The worst of many groups: an interval that allows for having looked at all of them.

Each group has an *excess*: by how much further the synthetic records of the group are from the training records than as
many held-out ones. The groups overlap, so their excesses go together; how, their influences tell. The critical value is
the 95 % point of the largest of all groups' deviations, each in standard errors, so that all intervals hold at once.

References
----------
Chernozhukov, Chetverikov & Kato (2013), Gaussian approximations and multiplier bootstrap for maxima of sums of
high-dimensional random vectors, Annals of Statistics 41.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthdiff.checks.check import Reference
from synthdiff.checks.fidelity.distances import Persons
from synthdiff.checks.intervals import Floats, Interval

DRAWS = 10_000

Influences = NDArray[np.float32]
"""What each record adds to each group's excess, of shape (groups, records): nought on average over a group's records,
and the variance of an excess is the sum of its squares."""


@dataclass(frozen=True)
class Worst:
    """The largest of several excesses.

    Attributes
    ----------
    value : float
        The largest.
    interval : Interval
        The 95 % interval of the largest true excess: from the highest lower end to the highest upper end.
    surest : int
        The group whose lower end is the highest: the one of which it is most certain that it is worse.
    low, high : float64 arrays of shape (groups,)
        The ends of intervals that, with 95 % probability, all hold at once.
    reference : Reference
        The largest excess that fresh real records in the place of the synthetic ones would show by chance.
    """

    value: float
    interval: Interval
    surest: int
    low: Floats
    high: Floats
    reference: Reference


def worst(excess: Floats, influences: Sequence[Influences], generator: np.random.Generator) -> Worst:
    """Simultaneous intervals of excesses, and the largest of them.

    Parameters
    ----------
    excess : float64 array of shape (groups,)
        Each in [-1, 1].
    influences : sequence of float32 arrays of shape (groups, draws)
        One for each table; a column is a record, or a person (:func:`by_person`).
    generator : Generator
        For the draws of deviations from which the critical value is read.
    """
    covariance = np.sum([(table @ table.T).astype(float) for table in influences], axis=0)
    errors = np.sqrt(np.diag(covariance))
    scale = np.where(errors > 0, errors, 1.0)
    values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    root = vectors * np.sqrt(np.maximum(values, 0))
    deviations = generator.standard_normal((DRAWS, len(root))) @ root.T
    critical = np.quantile(np.abs(deviations).max(axis=1), 0.95)
    low, high = np.maximum(excess - critical * errors, -1), np.minimum(excess + critical * errors, 1)
    by_chance = (deviations * errors).max(axis=1)
    least, middle, most = np.quantile(by_chance, [0.025, 0.5, 0.975])
    return Worst(
        float(excess.max()),
        (float(low.max()), float(high.max())),
        int(np.lexsort((excess, low))[-1]),
        low,
        high,
        Reference(float(middle), (float(least), float(most))),
    )


def by_person(influences: Influences, persons: Persons) -> Influences:
    """Influences of persons instead of records, where one person has several."""
    if persons is None:
        return influences
    sums = np.zeros((len(influences), int(persons.max(initial=-1)) + 1), dtype=np.float32)
    np.add.at(sums.T, persons, influences.T)
    return sums
