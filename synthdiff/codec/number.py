"""Numbers and moments: atoms, and a body with a protected quantile function.

A value that stands out is an *atom*, with a code of its own: zeros, detection limits, and every value of a column that
has only few. The rest, the *body*, has one code and a detail: the value's normal score under a quantile function with a
knot every few records. Its knots lie between records and its ends are placed by the mean of the outermost records, so
that neither a record's value nor the extremes can be read off it. What comes out is brought back to the values that
people write: those that enough records share, where these are nearly all, or else a grid.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Self

import numpy as np
from scipy.special import ndtr, ndtri

from synthdiff.codec.codec import EDGE, MISSING, ColumnCodec, normal_scores

STEPS = (1000.0, 500.0, 100.0, 50.0, 10.0, 5.0, 1.0, 0.5, 0.1, 0.05, 0.01, 0.005, 0.001, 0.0001)
"""Grids on which people write numbers down, coarse to fine."""

FAR = 8.0
"""No detail is farther out than this."""

FEW = 12
"""A column of so few values consists of atoms only ..."""
SUPPORTED = (256, 50)
"""... and so does one of up to so many values that so many records share each, on average."""
SPIKE = (0.02, 4.0)
"""Other atoms have this share of the records and are so many times more frequent than the values next to them."""
WRITTEN = 0.9
"""The body keeps to its shared values when they make up this share of it."""


class NumberCodec(ColumnCodec):
    """Codes a numeric column as missing, atoms and a body with a Gaussian detail.

    Attributes
    ----------
    atoms : tuple of float
        Ascending.
    scores : tuple of float
        The atoms' normal scores among all values of the column.
    knots : tuple of float
        The body's quantile function at equally spaced probabilities, ascending; empty when all values are atoms.
    support : tuple of float
        The values to which the body keeps, ascending; empty when it does not keep to any.
    open : tuple of int
        The gaps of the support, counted from the one before its first value, that hold enough records of their own:
        what falls into them, as into the tails of the column, must not pile up at their ends.
    step : float or None
        The grid on which the body's values lie; ``None`` for a continuum.
    floor, ceiling : float or None
        Bounds that decoded values keep.
    """

    kind: Literal["number"] = "number"
    atoms: tuple[float, ...]
    scores: tuple[float, ...]
    knots: tuple[float, ...]
    support: tuple[float, ...]
    open: tuple[int, ...] = ()
    step: float | None
    floor: float | None
    ceiling: float | None

    @classmethod
    def fit(
        cls,
        values: np.ndarray,
        *,
        rare: int,
        floor: float | None = None,
        ceiling: float | None = None,
        step: float | None = None,
        max_knots: int = 1024,
    ) -> Self:
        """Fit to the training rows of a column.

        Parameters
        ----------
        values : ndarray of float64, shape (n,)
            NaN where missing.
        rare : int
            Values and gaps between knots that fewer records than this share do not get a code or a knot.
        floor, ceiling : float
            Declared bounds.
        step : float, optional
            A grid that is known beforehand, such as a day for dates; found otherwise.
        """
        present = values[~np.isnan(values)]
        distinct, counts = np.unique(present, return_counts=True)
        shared = (counts >= rare) & _stand_out(counts)
        body = np.repeat(distinct[~shared], counts[~shared])
        if body.size < rare:
            body = body[:0]
        elif present.min() >= 0:
            floor = max(floor or 0.0, 0.0)
        gaps = min(body.size // rare, max_knots)
        knots = _knots(body, gaps) if gaps else np.empty(0)
        common = ~shared & (counts >= rare)
        written = counts[common].sum() >= WRITTEN * max(body.size, 1)
        return cls(
            atoms=tuple(distinct[shared].tolist()),
            scores=tuple(normal_scores(counts)[shared].round(3).tolist()),
            knots=tuple(_within(knots, floor, ceiling).tolist()),
            support=tuple(distinct[common].tolist()) if gaps and written else (),
            open=_open(counts[~shared], common[~shared], rare) if gaps and written else (),
            step=step if step is not None else _grid(body),
            floor=floor,
            ceiling=ceiling,
        )

    @property
    def states(self) -> int:
        return 1 + len(self.atoms) + self.detailed

    @property
    def detailed(self) -> bool:
        return len(self.knots) > 0

    @property
    def body(self) -> int:
        """The code of the body; smaller codes are missing and the atoms."""
        return 1 + len(self.atoms)

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest value that there may be."""
        ends = self.decode(np.full(2, self.body), np.array([-FAR, FAR], np.float32)) if self.detailed else ()
        return min([*self.atoms, *ends], default=np.nan), max([*self.atoms, *ends], default=np.nan)

    def encode(self, values: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        codes = np.full(values.shape, MISSING, dtype=np.int64)
        detail = np.zeros(values.shape, dtype=np.float32)
        jitter = generator.random(values.shape)
        rest = ~np.isnan(values)
        if self.atoms:
            atoms = np.asarray(self.atoms)
            nearest = _nearest(atoms, np.where(rest, values, atoms[0]))
            # Without a body, the few values that are no atom have nowhere else to go.
            shared = rest & ((atoms[nearest] == values) | (not self.detailed))
            codes[shared] = 1 + nearest[shared]
            rest &= ~shared
        if self.detailed:
            # A value on a grid stands for the interval that rounds to it; one of the support for its jump.
            spread = values[rest] + (0.0 if self.support else self.step or 0.0) * (jitter[rest] - 0.5)
            codes[rest] = self.body
            detail[rest] = ndtri(np.clip(self.probability(spread, jitter[rest]), EDGE, 1 - EDGE))
        return codes, detail

    def decode(self, codes: np.ndarray, detail: np.ndarray) -> np.ndarray:
        table = np.array([np.nan, *self.atoms, np.nan])
        values: np.ndarray = table[np.minimum(codes, len(table) - 1)]
        inside = codes == self.body
        if inside.any():
            position = ndtr(detail[inside].astype(np.float64))
            body = np.interp(position, np.linspace(0, 1, len(self.knots)), self.knots)
            values[inside] = _within(self._snap(body), self.floor, self.ceiling)
        return values

    def admitted(self, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What can mean a value in ``[low, high]``, whose ends have the shape ``(n,)``.

        Returns
        -------
        codes : ndarray of float32, shape (n, states)
            1 for the codes that can, 0 for the others.
        first, last : ndarray of float32, shape (n,)
            The details that do: those that decode into the interval, to the last bit.
        """
        atoms = np.asarray(self.atoms)
        inside = (atoms >= low[:, None]) & (atoms <= high[:, None])
        first, last = np.full(low.shape, -np.inf, np.float32), np.full(low.shape, np.inf, np.float32)
        codes = [np.zeros((low.size, 1)), inside]
        if self.detailed:
            bounded = np.isfinite(low) | np.isfinite(high)
            if bounded.any():
                first[bounded], last[bounded] = self._preimage(low[bounded], high[bounded])
            codes.append((first <= last)[:, None])
        return np.concatenate(codes, 1).astype(np.float32), first, last

    def _preimage(self, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The details whose decoded values lie in an interval, by bisection: decoding never falls."""
        body = np.full(low.shape, self.body)

        def least(reaches: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
            """Neighbouring details: the last whose value does not reach, the first whose value does."""
            before, after = np.full(low.shape, -FAR, np.float32), np.full(low.shape, FAR, np.float32)
            for _ in range(40):
                middle = (before + after) / 2
                there = reaches(self.decode(body, middle))
                before, after = np.where(there, before, middle), np.where(there, middle, after)
            return before, after

        least_value, most_value = (self.decode(body[:1], np.array([end], np.float32)) for end in (-FAR, FAR))
        _, first = least(lambda values: values >= low)
        last, _ = least(lambda values: values > high)
        first, last = np.where(least_value >= low, -np.inf, first), np.where(most_value <= high, np.inf, last)
        beside = (least_value > high) | (most_value < low)
        first, last = np.where(beside, np.inf, first), np.where(beside, -np.inf, last)
        return first.astype(np.float32), last.astype(np.float32)

    def score(self, values: np.ndarray) -> np.ndarray:
        """Where values lie among the body's, as normal scores: float64 of shape ``(n,)``."""
        scores: np.ndarray = ndtri(np.clip(self.probability(values, np.full(values.shape, 0.5)), EDGE, 1 - EDGE))
        return scores

    def probability(self, values: np.ndarray, jitter: np.ndarray) -> np.ndarray:
        """The body's distribution function; where it jumps, a position inside the jump."""
        knots = np.asarray(self.knots)
        grid = np.linspace(0, 1, knots.size)
        below = np.interp(values, knots, grid)
        first, last = np.searchsorted(knots, values, "left"), np.searchsorted(knots, values, "right")
        tied = last - first > 1
        jump = (first + jitter * (last - 1 - first)) / max(knots.size - 1, 1)
        position: np.ndarray = np.where(tied, jump, below)
        return position

    def _snap(self, values: np.ndarray) -> np.ndarray:
        """Bring values of the body to those that people write."""
        snapped = values
        if self.step is not None:
            whole = np.round(values / self.step)
            # Division by the inverse keeps 0.1 * 3 from becoming 0.30000000000000004.
            snapped = whole / round(1 / self.step) if self.step < 1 else whole * self.step
        if self.support:
            points = np.asarray(self.support)
            nearest = points[_nearest(points, values)]
            free = np.isin(np.searchsorted(points, values, "right"), self.open)
            snapped = np.where(free & (nearest != values), snapped, nearest)
        return snapped


def _stand_out(counts: np.ndarray) -> np.ndarray:
    """Which values are atoms, by the number of records of each distinct value in ascending order: bool."""
    total = counts.sum()
    most, each = SUPPORTED
    if counts.size <= FEW or (counts.size <= most and total >= each * counts.size):
        return np.ones(counts.size, dtype=bool)
    share, times = SPIKE
    padded = np.pad(counts.astype(float), 3, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 7)
    beside = np.nanmedian(windows[:, [0, 1, 2, 4, 5, 6]], axis=1)
    stand: np.ndarray = (counts >= share * total) & (counts >= times * beside)
    return stand


def _knots(body: np.ndarray, gaps: int) -> np.ndarray:
    """Knots between records, ``gaps + 1`` of them; the outer ones keep the mean of the outermost gap."""
    if gaps == 1:
        spread = np.sqrt(3) * body.std()
        return np.array([body.mean() - spread, body.mean() + spread])
    ranks = np.round(np.arange(1, gaps) * body.size / gaps).astype(np.int64)
    inner = (body[ranks - 1] + body[ranks]) / 2
    first = 2 * body[: ranks[0]].mean() - inner[0]
    last = 2 * body[ranks[-1] :].mean() - inner[-1]
    return np.concatenate([[first], inner, [last]])


def _open(counts: np.ndarray, common: np.ndarray, rare: int) -> tuple[int, ...]:
    """The gaps between common values, and before and after them, into which at least ``rare`` records fall."""
    gap = np.cumsum(common)
    inside = np.bincount(gap[~common], counts[~common])
    return tuple(np.flatnonzero(inside >= rare).tolist())


def _grid(body: np.ndarray) -> float | None:
    """The coarsest usual grid that (nearly) every value of the body lies on."""
    if body.size == 0:
        return None
    for step in STEPS:
        scaled = body / step
        if np.mean(np.abs(scaled - np.round(scaled)) < 1e-6 * np.maximum(1, np.abs(scaled))) >= 0.995:
            return step
    return None


def _within(values: np.ndarray, floor: float | None, ceiling: float | None) -> np.ndarray:
    """Values brought inside the bounds that there are."""
    kept: np.ndarray = np.clip(values, -np.inf if floor is None else floor, np.inf if ceiling is None else ceiling)
    return kept


def _nearest(sorted_points: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Positions of the nearest points."""
    right = np.clip(np.searchsorted(sorted_points, values), 1, max(sorted_points.size - 1, 1))
    right = np.minimum(right, sorted_points.size - 1)
    left = np.maximum(right - 1, 0)
    nearer: np.ndarray = np.where(
        np.abs(values - sorted_points[left]) <= np.abs(sorted_points[right] - values), left, right
    )
    return nearer
