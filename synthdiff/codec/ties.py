"""Ties: numbers and moments that repeat, or keep close to, those of another column of their row.

The last day of follow-up is the day of discharge where a patient died in hospital; a discharge lies a few days after an
admission. On the scale of a whole column such small distances vanish, so they are told apart: each *tie* says of a row
whether the target repeats its source's value, and where on the target's scale that value lies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import permutations
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from synthdiff.codec.number import NumberCodec

LEAST, SHARE = 20, 0.02
"""Columns are tied when so many rows, and this share of those that have both values, repeat the value ..."""
TIMES = 5.0
"""... and so many times more than chance explains."""

ALWAYS = 50
"""So many rows with both values show an order that always holds."""

SOURCES = 3
"""The most ties of a target."""

CLOSEST = 1e-4
"""The least typical distance of a tie, in normal scores."""

Order = Literal[-1, 0, 1]

Counts = tuple[np.ndarray, np.ndarray]
"""Distinct values, and how many rows have each."""


class Tie(BaseModel):
    """A column that repeats another's value in some rows, or keeps close to it.

    Attributes
    ----------
    source, target : int
        The columns' places.
    order : {-1, 0, 1}
        1 when the target is never below the source, -1 when it is never above, 0 when it may be either.
    gap : float
        How far the target typically is from the source where it does not repeat it, in the target's normal scores.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: int
    target: int
    order: Order
    gap: float


def ties_of(
    values: Mapping[str, np.ndarray],
    codecs: Mapping[str, object],
    moments: Iterable[str],
    ordered: Iterable[tuple[str, str]],
) -> tuple[Tie, ...]:
    """The ties of a table.

    Parameters
    ----------
    values : mapping of str to ndarray of float64, shape (n,)
        The numeric columns of the training part, NaN where missing.
    codecs : mapping of str to ColumnCodec
        Of all learnt columns, in order.
    moments : iterable of str
        Columns that are dates: two that are always in the same order are tied.
    ordered : iterable of (str, str)
        Columns of which a constraint says that the first is never above the second.
    """
    places = {name: place for place, name in enumerate(codecs)}
    counts = {name: np.unique(column[~np.isnan(column)], return_counts=True) for name, column in values.items()}
    dates = set(moments)
    declared: dict[tuple[str, str], Order] = {}
    for low, high in ordered:
        declared |= {(low, high): 1, (high, low): -1}
    found: dict[str, list[tuple[float, Tie]]] = {}
    for source, target in permutations(values, 2):
        codec = codecs[target]
        if not (isinstance(codec, NumberCodec) and codec.detailed) or (source in dates) != (target in dates):
            continue
        both = ~(np.isnan(values[source]) | np.isnan(values[target]))
        there, here = values[source][both], values[target][both]
        same = there == here
        repeats = same.sum() >= max(LEAST, SHARE * same.size) and same.sum() >= TIMES * _by_chance(
            counts[source], counts[target], same.size
        )
        pair = source, target
        order = declared.get(pair) or (_order(there, here) if repeats or source in dates else 0)
        if repeats or order:
            distance = np.abs(codec.score(here[~same]) - codec.score(there[~same]))
            gap = max(float(np.median(distance)), CLOSEST) if distance.size else 1.0
            tie = Tie(source=places[source], target=places[target], order=order, gap=round(gap, 6))
            found.setdefault(target, []).append((gap - same.mean(), tie))
    return tuple(tie for ties in found.values() for _, tie in sorted(ties, key=lambda pair: pair[0])[:SOURCES])


def _by_chance(first: Counts, second: Counts, n: int) -> float:
    """In how many of ``n`` rows two columns would agree if they knew nothing of each other."""
    _, there, here = np.intersect1d(first[0], second[0], assume_unique=True, return_indices=True)
    shares = first[1][there] / max(first[1].sum(), 1) * (second[1][here] / max(second[1].sum(), 1))
    return n * float(shares.sum())


def _order(source: np.ndarray, target: np.ndarray) -> Order:
    """Whether the target is never below (1) or never above (-1) the source."""
    if source.size < ALWAYS:
        return 0
    if (target >= source).all():
        return 1
    return -1 if (target <= source).all() else 0
