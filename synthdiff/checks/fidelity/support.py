"""Supports: the smallest regions that hold a given share of a population, estimated from distances to neighbours.

The α-support of a population is the region of least volume that holds a share α of it: where its density is highest.
Records are ordered by the distance to their k-th nearest neighbour in a sample of the population, small where it is
dense, and the share of the population with a smaller distance is the α from which on a record is inside (Hero 2006,
Geometric entropy minimization; Zhao & Saligrama 2009, Anomaly detection with score functions based on nearest neighbor
graphs). Alaa et al. (2022) learn a sphere for this; neighbours need no fit, and serve columns of any kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthdiff.checks.distance import Points, Space
from synthdiff.checks.fidelity.distances import Distance
from synthdiff.checks.intervals import Floats

NEIGHBOURS = 5
"""The neighbour whose distance measures how dense a population is around a record."""

GRID = np.linspace(0, 1, 101)
"""Shares at which a curve is drawn."""


@dataclass(frozen=True)
class Population:
    """A sample of a population in its space.

    Attributes
    ----------
    space : Space
        Where records lie.
    points : Points
        The sample.
    neighbours : int
        The neighbour whose distance counts.
    """

    space: Space
    points: Points
    neighbours: int

    def crowding(self, queries: Points) -> Floats:
        """How far each record of another table is from its k-th neighbour in the sample: float64 of shape (n,)."""
        return self.space.nearest(queries, self.points, self.neighbours)[:, -1].astype(float)

    def own_crowding(self, places: NDArray[np.int64]) -> Floats:
        """The same for records of the sample itself, by their places in it, which do not count as their own."""
        everyone = np.arange(len(self.points))
        queries = self.points.rows(places)
        return self.space.nearest(queries, self.points, self.neighbours, (places, everyone))[:, -1].astype(float)


def shares(found: Floats, population: Floats) -> Floats:
    """The share of the population at each record's distance or below, ties counted half: float64 of shape (n,)."""
    known = np.sort(population)
    return (np.searchsorted(known, found, "left") + np.searchsorted(known, found, "right")) / (2 * len(known))


def curve(population: Floats, other: Floats) -> Floats:
    """The share of the other records inside the support that holds a share α of the population, for α on the grid.

    Where distances tie, the curve is straight between the supports without and with them.
    """
    steps = np.unique(population)
    inside, reached = (
        np.append(0.0, np.searchsorted(np.sort(table), steps, "right") / len(table)) for table in (population, other)
    )
    return np.asarray(np.interp(GRID, inside, reached))


def misplaced(population: Floats, other: Floats) -> Distance:
    """Twice the mean over α of the absolute difference between α and the share of others inside the α-support.

    0 when every support holds as many of the others as of the population, 1 when none holds any of them, or when the
    least one holds them all. The influences are those of the two empirical distribution functions.
    """
    known, others = np.sort(population), np.sort(other)
    apart = np.searchsorted(others, known, "right") / len(others) - np.searchsorted(known, known, "right") / len(known)
    # What one more record at a distance d adds: the signs over all thresholds from d on.
    signs = np.append(np.cumsum(np.sign(apart)[::-1])[::-1], 0.0) / len(known)
    return Distance(
        float(2 * np.abs(apart).mean()),
        2 * (np.abs(apart)[np.searchsorted(known, population)] - signs[np.searchsorted(known, population)]),
        2 * signs[np.searchsorted(known, other)],
    )
