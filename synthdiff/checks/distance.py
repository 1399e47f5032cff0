"""Distance between records of mixed columns, and each record's nearest neighbours in a pool.

The distance is the sum over the columns that a generator learns. Numbers count by the difference of their ranks in a
reference population, from 0 to 1, so that no unit and no outlier dominates; two different levels are 1 apart; a missing
number stands at the median, and half a unit beside every number that is not missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from synthdiff.checks.features import coordinates
from synthdiff.schema import Column, Schema

WIDE = 32
"""A column with more levels is cheaper to compare code by code than as one-hot in a matrix product."""

QUERIES, POOL = 256, 4096
"""Rows of one block of distances: 4 MiB, which stay in the processor's cache.

Blocks of 32 MiB took twice as long: memory of that size goes back to the system after each use.
"""

PAIRS = 1_000_000_000
"""Distances that one check computes, about 5 s on one core for 15 columns; of a larger table fewer records ask."""

ASKED = 1000
"""Records that ask for their neighbours at least, however large the table."""

People = tuple[NDArray[np.int64], NDArray[np.int64]]
"""To whom queries and pool belong, as arrays of shape (n,) and (m,)."""


@dataclass(frozen=True)
class Points:
    """Records as places in a :class:`Space`.

    Attributes
    ----------
    ranks : float32 tensor of shape (n, p)
        Numbers, by rank in the reference population, in [0, 1].
    states : float32 tensor of shape (n, s)
        One-hot levels of columns with few levels, and one-hot presence of numbers; 1 or 0.
    levels : int32 tensor of shape (n, w)
        Codes of columns with many levels.
    """

    ranks: torch.Tensor
    states: torch.Tensor
    levels: torch.Tensor

    def __len__(self) -> int:
        return len(self.ranks)

    def rows(self, chosen: NDArray[np.int64] | slice) -> Points:
        """Some of the points, by position."""
        return Points(self.ranks[chosen], self.states[chosen], self.levels[chosen])


class Space:
    """Where records lie: ranks in a reference population, and levels.

    Parameters
    ----------
    population : DataFrame
        Real records, by whose ranks numbers are measured.
    schema : Schema
        Its learnt columns span the space.
    """

    def __init__(self, population: pd.DataFrame, schema: Schema) -> None:
        learnt = [column for column in schema if column.learnt]
        self._numeric = [column for column in learnt if not column.discrete]
        self._narrow = [column for column in learnt if column.discrete and len(column.levels or ()) <= WIDE]
        self._wide = [column for column in learnt if column.discrete and len(column.levels or ()) > WIDE]
        self._sorted = [np.sort(_present(coordinates(population, column))) for column in self._numeric]
        halves = [0.5] * (2 * len(self._numeric))
        units = [1.0] * sum(_width(column) for column in self._narrow)
        self._weights = torch.tensor(halves + units)
        self._most = 0.5 * len(self._numeric) + len(self._narrow)

    def place(self, frame: pd.DataFrame) -> Points:
        """Where the records of a frame lie."""
        numbers = [coordinates(frame, column) for column in self._numeric]
        ranks = [_ranks(values, known) for values, known in zip(numbers, self._sorted, strict=True)]
        states = [_one_hot(np.isnan(values).astype(np.int64), 2) for values in numbers]
        states += [_one_hot(_codes(frame, column), _width(column)) for column in self._narrow]
        levels = [_codes(frame, column) for column in self._wide]
        return Points(
            torch.from_numpy(_columns(ranks, len(frame), np.float32)),
            torch.from_numpy(_columns(states, len(frame), np.float32)),
            torch.from_numpy(_columns(levels, len(frame), np.int32)),
        )

    def distances(self, queries: Points, pool: Points) -> torch.Tensor:
        """All distances from queries to a pool that fits in memory at once: float32 of shape (queries, pool).

        Identical records are exactly 0 apart: levels and presence add up to multiples of a half, without rounding.
        """
        apart = self._most - (queries.states * self._weights) @ pool.states.T
        for column in range(queries.levels.shape[1]):
            apart += queries.levels[:, column, None] != pool.levels[None, :, column]
        if queries.ranks.shape[1]:
            apart += torch.cdist(queries.ranks, pool.ranks, p=1.0)
        return apart

    def nearest(self, queries: Points, pool: Points, k: int, strangers: People | None = None) -> NDArray[np.float32]:
        """The distances to the ``k`` nearest records of a pool, in blocks of bounded memory.

        Parameters
        ----------
        queries, pool : Points
            Of n and m records; a query that is itself in the pool finds itself at distance 0.
        k : int
            At most m.
        strangers : pair of int64 arrays, optional
            The persons of queries and pool: a query then finds only records of others, and infinity where there are
            fewer than ``k``.

        Returns
        -------
        float32 array of shape (n, k)
            Ascending.
        """
        if not 1 <= k <= len(pool):
            raise ValueError(f"{k} neighbours were asked of a pool of {len(pool)} records")
        found = torch.full((len(queries), k), torch.inf)
        for asking, _, apart in self._blocks(queries, pool, strangers):
            found[asking] = _smallest(torch.cat([found[asking], _smallest(apart, k)], dim=1), k)
        return found.sort(dim=1)[0].numpy()

    def closest(
        self, queries: Points, pool: Points, strangers: People | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The distance and the place of the nearest record of a pool, in blocks of bounded memory.

        Parameters
        ----------
        queries, pool : Points
            Of n and m records, m > 0.
        strangers : pair of int64 arrays, optional
            As for :meth:`nearest`.

        Returns
        -------
        float32 array of shape (n,)
            The distances.
        int64 array of shape (n,)
            Positions in the pool, of the first one where several are equally near.
        """
        found = torch.full((len(queries),), torch.inf)
        place = torch.zeros(len(queries), dtype=torch.int64)
        for asking, first, apart in self._blocks(queries, pool, strangers):
            best, where = apart.min(dim=1)
            nearer = best < found[asking]
            found[asking] = torch.where(nearer, best, found[asking])
            place[asking] = torch.where(nearer, first + where, place[asking])
        return found.numpy(), place.numpy()

    def _blocks(
        self, queries: Points, pool: Points, strangers: People | None
    ) -> Iterator[tuple[slice, int, torch.Tensor]]:
        """The distances, block by block: which queries, the first record of the pool, and the block itself."""
        of_queries, of_pool = (None, None) if strangers is None else map(torch.from_numpy, strangers)
        for start in range(0, len(queries), QUERIES):
            asking = slice(start, start + QUERIES)
            block = queries.rows(asking)
            for first in range(0, len(pool), POOL):
                those = slice(first, first + POOL)
                apart = self.distances(block, pool.rows(those))
                if of_queries is not None and of_pool is not None:
                    apart.masked_fill_(of_queries[asking, None] == of_pool[None, those], torch.inf)
                yield asking, first, apart


def affordable(pool: int, passes: int, most: int) -> int:
    """How many records may ask for their neighbours in a pool, ``passes`` times over: :data:`PAIRS` in all."""
    return min(most, max(ASKED, PAIRS // (passes * max(pool, 1))))


def nearer(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float64]:
    """1 where the one distance is below the other, 0 where it is above, and a half where they tie.

    In a table of few levels most distances tie; a tie is no more a sign of nearness than of farness.
    """
    return np.asarray((one < other) + 0.5 * (one == other))


def _smallest(apart: torch.Tensor, k: int) -> torch.Tensor:
    if k == 1:
        return apart.amin(dim=1, keepdim=True)
    return torch.topk(apart, min(k, apart.shape[1]), largest=False, sorted=False)[0]


def _present(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[~np.isnan(values)]


def _ranks(values: NDArray[np.float64], known: NDArray[np.float64]) -> NDArray[np.float32]:
    """Mid-ranks of values among sorted known ones, in [0, 1]; a half where missing."""
    below, up_to = np.searchsorted(known, values, "left"), np.searchsorted(known, values, "right")
    middle = (below + up_to) / (2 * max(len(known), 1))
    return np.where(np.isnan(values), 0.5, middle).astype(np.float32)


def _width(column: Column) -> int:
    """The states of a discrete column: its levels, one for missing and one for what is no level."""
    return len(column.levels or ()) + 2


def _codes(frame: pd.DataFrame, column: Column) -> NDArray[np.int64]:
    """Codes in ``[0, _width(column))``."""
    values = coordinates(frame, column)
    codes = np.where(np.isnan(values), -1, values).astype(np.int64)
    return np.where(codes < 0, _width(column) + codes, codes)


def _one_hot(codes: NDArray[np.int64], width: int) -> NDArray[np.float32]:
    return np.eye(width, dtype=np.float32)[codes]


def _columns(parts: list[NDArray[np.float32]] | list[NDArray[np.int64]], n: int, dtype: type) -> NDArray[np.generic]:
    return np.column_stack(parts).astype(dtype) if parts else np.empty((n, 0), dtype=dtype)
