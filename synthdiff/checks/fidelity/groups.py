"""Groups of records, by the levels of a column or by cuts of a number, the same in every table.

Cuts are taken from training records. A cut that fewer than :data:`~synthdiff.checks.check.RARE` of them share is
rounded to a hundredth of the column's spread, so that what a report calls a group names nobody's value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthdiff.checks.check import RARE
from synthdiff.checks.intervals import Floats
from synthdiff.schema import Column

Codes = NDArray[np.int64]
Cells = Mapping[str, Floats]
"""A table's coordinates (:func:`synthdiff.checks.features.coordinates`) by column, each float64 of shape (n,)."""

DAY = 86_400.0


@dataclass(frozen=True)
class Partition:
    """Records cut into groups by a column, or by several together.

    Attributes
    ----------
    columns : tuple of Column
        What it goes by.
    edges : tuple of float64 arrays
        The cuts of each column that is a number, a value at a cut belonging below it; empty for a column of levels.
    """

    columns: tuple[Column, ...]
    edges: tuple[Floats, ...]

    @classmethod
    def of(cls, column: Column, train: Floats, parts: int) -> Partition:
        """By a column's levels, or by ``parts`` groups of about equally many training records."""
        return cls((column,), (np.empty(0) if column.discrete else cuts(column, train, parts),))

    def crossed(self, other: Partition) -> Partition:
        """By both: every group of the one with every group of the other."""
        return Partition(self.columns + other.columns, self.edges + other.edges)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(column.name for column in self.columns)

    @property
    def labels(self) -> list[str]:
        """What each group is called, such as ``"sex = F and age ≤ 50"``."""
        found = [""]
        for column, edges in zip(self.columns, self.edges, strict=True):
            own = _labels(column, edges)
            found = [f"{so_far} and {label}" if so_far else label for so_far in found for label in own]
        return found

    def place(self, cells: Cells) -> Codes:
        """Each record's group; -1 where a cell is missing or no level."""
        place: Codes = np.zeros(len(cells[self.columns[0].name]), dtype=np.int64)
        outside = np.zeros(len(place), dtype=bool)
        for column, edges in zip(self.columns, self.edges, strict=True):
            values = cells[column.name]
            unknown = np.isnan(values) | (column.discrete & (values < 0))
            outside |= unknown
            size = len(column.levels or ()) if column.discrete else len(edges) + 1
            own = np.where(unknown, 0, values) if column.discrete else np.searchsorted(edges, values, "left")
            place = place * size + np.where(unknown, 0, own).astype(np.int64)
        return np.where(outside, -1, place)


def cuts(column: Column, train: Floats, parts: int) -> Floats:
    """The values that cut a number's training cells into about ``parts`` groups of equal size, ascending.

    Fewer where values tie; no cut has all cells on one side.
    """
    known = np.sort(train[np.isfinite(train)])
    if not len(known):
        return known
    inner = np.arange(1, parts) / parts
    found = np.quantile(known, inner, method="inverted_cdf")
    shared = np.searchsorted(known, found, "right") - np.searchsorted(known, found, "left") >= RARE
    step = _step(column, known)
    rounded = np.round(np.rint(found / step) * step, 10) if step else found
    edges: Floats = np.unique(np.where(shared, found, rounded))
    inside: Floats = edges[(edges >= known[0]) & (edges < known[-1])]
    return inside


def _step(column: Column, known: Floats) -> float:
    """A power of ten near a hundredth of the middle 80 % of the values; 0 when they are all the same."""
    low, high = np.quantile(known, [0.1, 0.9])
    unit = DAY if column.kind == "datetime" and high - low > 10 * DAY else 1.0
    if high == low:
        return 0.0
    step = unit * 10.0 ** np.round(np.log10((high - low) / unit / 100))
    return float(max(step, unit)) if column.kind in ("integer", "datetime") else float(step)


def _labels(column: Column, edges: Floats) -> list[str]:
    if column.discrete:
        return [f"{column.name} = {level}" for level in column.levels or ()]
    if not len(edges):
        return [f"{column.name} known"]
    text = [spelt(column, edge) for edge in edges]
    middle = [f"{low} < {column.name} ≤ {high}" for low, high in pairwise(text)]
    return [f"{column.name} ≤ {text[0]}", *middle, f"{column.name} > {text[-1]}"]


def spelt(column: Column, edge: float) -> str:
    """A number to six digits, or a moment in ISO form."""
    if column.kind != "datetime":
        return f"{float(f'{edge:.6g}'):.10g}"
    moment = pd.Timestamp(edge, unit="s")
    return moment.strftime("%Y-%m-%d" if edge % DAY == 0 else "%Y-%m-%d %H:%M:%S")
