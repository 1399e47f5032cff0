"""Groups of records compared column by column: their distances from real groups, and what every record adds to them.

All groups of one partition, and all tables, go through one contingency table a column, so that many groups cost little
more than one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthdiff.checks.fidelity.groups import Codes, cuts
from synthdiff.checks.fidelity.reference import Tables
from synthdiff.checks.intervals import Floats
from synthdiff.schema import Column

BINS = 50
"""Bins of about equally many training records, into which numbers are cut before they are compared."""

LEAST, ENOUGH = 30, 100

Influence = NDArray[np.float32]
"""What each record adds to a figure, of shape (n,)."""


def fewest(sizes: Sequence[int]) -> int:
    """How many records of each table a group must have to be judged: 100, or of small tables a fifth, but at least 30.

    The worst of many groups is told from chance by the smallest of them; in a large table those of 30 would drown it.
    """
    return int(np.clip(min(sizes) // 5, LEAST, ENOUGH))


@dataclass(frozen=True)
class Coded:
    """Tables whose cells are all codes: the training, the synthetic and, if there are any, the held-out records.

    Attributes
    ----------
    columns : list of Column
    cells : list of lists of int64 arrays of shape (n,)
        Table by table, column by column: 0 where missing, then bins or levels.
    sizes : list of int
        How many codes each column has.
    ranks : list of int64 arrays of shape (n,)
        Each table's records in a random order, of which a subgroup's first so many are taken.
    """

    columns: list[Column]
    cells: list[list[Codes]]
    sizes: list[int]
    ranks: list[Codes]

    @classmethod
    def of(cls, tables: Tables, generator: np.random.Generator) -> Coded:
        sides = [table for table in (tables.train, tables.synthetic, tables.holdout) if table is not None]
        edges = [cuts(column, train, BINS) for column, train in zip(tables.columns, tables.train, strict=True)]
        # One more for missing, and one for what is no level.
        sizes = [
            len(column.levels or ()) + 2 if column.discrete else len(inner) + 2
            for column, inner in zip(tables.columns, edges, strict=True)
        ]
        cells = [[_codes(*one) for one in zip(tables.columns, edges, side, strict=True)] for side in sides]
        return cls(tables.columns, cells, sizes, [generator.permutation(len(side[0])) for side in sides])


def _codes(column: Column, edges: Floats, values: Floats) -> Codes:
    if column.discrete:
        known = np.where(values < 0, len(column.levels or ()), values) + 1
    else:
        known = np.searchsorted(edges, values, "left") + 1.0
    return np.where(np.isnan(values), 0, known).astype(np.int64)


@dataclass(frozen=True)
class Compared:
    """Groups that exclude each other, compared with the training records of the same group.

    Attributes
    ----------
    columns : list of str
        The k columns that were compared.
    counts : list of int64 arrays of shape (groups,)
        How many records each table has.
    distances : list of float64 arrays of shape (groups, k)
        Those of the synthetic and, if there are any, of as many held-out records.
    influences : list of lists of float32 arrays of shape (n,)
        For each of these, the influence of the training and of the other records on the mean over the columns of their
        own group: nought on average within a group, and the mean's variance is the sum of their squares.
    """

    columns: list[str]
    counts: list[Codes]
    distances: list[Floats]
    influences: list[list[Influence]]


def compare(groups: Sequence[Codes], count: int, apart_from: Sequence[str], coded: Coded) -> Compared:
    """Compare ``count`` groups, given for each record (-1 for none) table by table, in all columns but some."""
    numbers = [np.bincount(group[group >= 0], minlength=count) for group in groups]
    equal = np.minimum.reduce(numbers[1:])
    kept = [
        groups[0],
        *(first_of_each(group, rank, equal) for group, rank in zip(groups[1:], coded.ranks[1:], strict=True)),
    ]
    chosen = [i for i, column in enumerate(coded.columns) if column.name not in apart_from]
    distances, influences = [], []
    for other in range(1, len(groups)):
        found = np.zeros((count, len(chosen)))
        sums = [np.zeros(len(kept[0])), np.zeros(len(kept[other]))]
        for place, i in enumerate(chosen):
            cells = coded.cells[0][i], coded.cells[other][i]
            shares = _shares(kept[0], cells[0], count, coded.sizes[i])
            apart = shares - _shares(kept[other], cells[1], count, coded.sizes[i])
            found[:, place], side = _distance(apart, not coded.columns[i].discrete)
            sums[0] += side[kept[0], cells[0]]
            sums[1] -= side[kept[other], cells[1]]
        distances.append(found)
        both = zip(sums, (kept[0], kept[other]), strict=True)
        influences.append([_centred(total / max(len(chosen), 1), group, count) for total, group in both])
    return Compared([coded.columns[i].name for i in chosen], numbers, distances, influences)


def first_of_each(group: Codes, rank: Codes, size: Codes) -> Codes:
    """The groups of each group's first ``size`` records in a random order; -1 for the others.

    Parameters
    ----------
    group : int64 array of shape (n,)
        Each record's group, -1 for none.
    rank : int64 array of shape (n,)
        Each record's place in the random order.
    size : int64 array of shape (groups,)
    """
    order = np.lexsort((rank, group))
    start = np.searchsorted(group[order], np.arange(len(size)))
    within = np.arange(len(group)) - start[np.maximum(group[order], 0)]
    kept = np.full(len(group), -1)
    chosen = order[(group[order] >= 0) & (within < size[np.maximum(group[order], 0)])]
    kept[chosen] = group[chosen]
    return kept


def _shares(group: Codes, cells: Codes, count: int, size: int) -> Floats:
    """Each group's shares of the codes: shape (count, size)."""
    inside = group >= 0
    table = np.bincount(group[inside] * size + cells[inside], minlength=count * size).reshape(count, size)
    shares: Floats = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    return shares


def _distance(apart: Floats, ordered: bool) -> tuple[Floats, Floats]:
    """Kolmogorov-Smirnov or total variation, by row of differences of shares, and what a record of each code adds."""
    if not ordered:
        return np.abs(apart).sum(axis=1) / 2, np.sign(apart) / 2
    below = np.cumsum(apart, axis=1)
    widest = np.abs(below).argmax(axis=1)[:, None]
    highest = np.take_along_axis(below, widest, axis=1)
    return np.abs(highest[:, 0]), np.sign(highest) * (np.arange(apart.shape[1]) <= widest)


def _centred(influence: Floats, group: Codes, count: int) -> NDArray[np.float32]:
    inside = group >= 0
    size = np.maximum(np.bincount(group[inside], minlength=count), 1)
    mean = np.bincount(group[inside], weights=influence[inside], minlength=count) / size
    return np.where(inside, (influence - mean[group]) / size[group], 0.0).astype(np.float32)
