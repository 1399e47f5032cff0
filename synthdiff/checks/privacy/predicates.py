"""Predicates: statements about a record that an attacker makes from synthetic records, and whom they hold for.

A predicate is a conjunction of ranges: ``age >= 91 and stage = "III" and sodium <= 121``. It singles somebody out when
it holds for exactly one record of a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthdiff.checks.intervals import Floats

Positions = NDArray[np.int64]

FURTHEST = float(np.finfo(np.float64).max)
"""Where an open range ends. Missing cells stand at minus infinity, so that no range but their own holds them."""

BATCH = 1000
SCREEN = 2000
"""Records on which a batch of predicates is tried first: whatever holds for two of them is not looked up."""

ATTEMPTS = 20
"""Conjunctions that are tried for each one that is wanted, at most."""

SCARCE = 0.05
"""Where fewer conjunctions than this share hold for one record only, they are made narrower by one more column."""


@dataclass(frozen=True)
class Predicates:
    """Conjunctions of ``k`` ranges.

    Attributes
    ----------
    columns : int64 array of shape (g, k)
    low, high : float64 arrays of shape (g, k)
        A cell x satisfies its range when ``low <= x <= high``.
    source : int64 array of shape (g,)
        The place of the synthetic record from which each was made.
    """

    columns: Positions
    low: Floats
    high: Floats
    source: Positions

    def __len__(self) -> int:
        return len(self.source)

    def rows(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> Predicates:
        """Some of them."""
        return Predicates(self.columns[chosen], self.low[chosen], self.high[chosen], self.source[chosen])


class Lookup:
    """A table in which predicates are looked up, every column sorted once.

    Parameters
    ----------
    cells : sequence of float64 arrays of shape (n,)
        A column each; levels as codes, minus infinity where missing.
    """

    def __init__(self, cells: Sequence[Floats]) -> None:
        self.cells = np.stack(cells)
        self._order = np.argsort(self.cells, axis=1, kind="stable")
        self._sorted = np.take_along_axis(self.cells, self._order, axis=1)

    def __len__(self) -> int:
        return int(self.cells.shape[1])

    def matches(self, predicates: Predicates) -> tuple[Positions, Positions]:
        """All pairs of a predicate and a record that satisfies it, predicates ascending.

        Looked up in the most selective column first, so that few records are compared.
        """
        first, last = np.empty_like(predicates.columns), np.empty_like(predicates.columns)
        for column in np.unique(predicates.columns):
            here = predicates.columns == column
            first[here] = np.searchsorted(self._sorted[column], predicates.low[here], "left")
            last[here] = np.searchsorted(self._sorted[column], predicates.high[here], "right")
        narrowest = np.argsort(last - first, axis=1, kind="stable")
        which, found = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
        for index, order in enumerate(narrowest):
            columns, low, high = predicates.columns[index], predicates.low[index], predicates.high[index]
            start = order[0]
            rows = self._order[columns[start], first[index, start] : last[index, start]]
            for next_one in order[1:]:
                cells = self.cells[columns[next_one], rows]
                rows = rows[(cells >= low[next_one]) & (cells <= high[next_one])]
            if len(rows):
                which.append(np.full(len(rows), index))
                found.append(rows)
        return np.concatenate(which), np.concatenate(found)

    def isolating(self, predicates: Predicates) -> Predicates:
        """Those that hold for exactly one record."""
        screen = self.cells[:, :SCREEN]
        holds = np.ones((len(predicates), screen.shape[1]), dtype=bool)
        for columns, low, high in zip(predicates.columns.T, predicates.low.T, predicates.high.T, strict=True):
            holds &= (screen[columns] >= low[:, None]) & (screen[columns] <= high[:, None])
        left = predicates.rows(holds.sum(axis=1) <= 1)
        return left.rows(np.bincount(self.matches(left)[0], minlength=len(left)) == 1)

    def outstanding(self, discrete: NDArray[np.bool_], most: int, generator: np.random.Generator) -> Predicates:
        """Predicates on one column: values that stand once, and the smallest and the largest number.

        No column contributes more than its share of ``most``, lest one whose values are all different speak for all.
        """
        made = []
        share = max(most // len(discrete), 1)
        for column, values in enumerate(self._sorted):
            new = values[1:] != values[:-1]
            once = np.flatnonzero(np.append(True, new) & np.append(new, True))
            low, high = values[once], values[once]
            if not discrete[column]:
                known = np.flatnonzero(~np.isneginf(values))
                ends = np.intersect1d(known[[0, -1]], once) if len(known) else known
                once = np.append(once, ends)
                low = np.append(low, np.where(ends == known[-1:], values[ends], -FURTHEST))
                high = np.append(high, np.where(ends == known[-1:], FURTHEST, values[ends]))
            chosen = generator.permutation(len(once))[:share]
            source = self._order[column, once[chosen]]
            made.append((np.full(len(chosen), column), low[chosen], high[chosen], source))
        columns, low, high, source = (np.concatenate(parts) for parts in zip(*made, strict=True))
        return Predicates(columns[:, None], low[:, None], high[:, None], source)

    def conjunctions(
        self, discrete: NDArray[np.bool_], wanted: int, width: int, generator: np.random.Generator
    ) -> list[Predicates]:
        """Predicates on several columns that hold for one record only, each made from a random record.

        A level must be equal; a number must be as far out as the record's, on its side of the median. ``wanted`` of
        them at most, in lists of equal width: ``width`` columns, and more where so few hold for hardly any record only.
        """
        numbers = np.where(np.isneginf(self.cells), np.nan, self.cells)
        known = ~np.isnan(numbers).all(axis=1)
        median = np.zeros(len(self.cells))
        median[known] = np.nanmedian(numbers[known], axis=1)
        found: list[Predicates] = []
        seen: set[bytes] = set()
        width = min(width, len(self.cells))
        for _ in range(-(-ATTEMPTS * wanted // BATCH)):
            source = generator.integers(len(self), size=BATCH)
            columns = np.sort(np.argsort(generator.random((BATCH, len(self.cells))), axis=1)[:, :width], axis=1)
            values = self.cells[columns, source[:, None]]
            exactly, above = discrete[columns] | np.isneginf(values), values > median[columns]
            low = np.where(exactly | above, values, -FURTHEST)
            high = np.where(exactly | ~above, values, FURTHEST)
            kept = self.isolating(Predicates(columns, low, high, source))
            said = [row.tobytes() for row in np.hstack([kept.columns, kept.low, kept.high])]
            new = np.array([text not in seen for text in said], dtype=bool) & ~pd.Index(said).duplicated()
            seen.update(said)
            found.append(kept.rows(np.flatnonzero(new)[: wanted - sum(map(len, found))]))
            if sum(map(len, found)) == wanted:
                break
            if len(kept) < SCARCE * BATCH:
                width = min(width + 1, len(self.cells))
        return found
