"""Numbers and moments: atoms, cells and a protected quantile function.

A value that enough records share is an *atom*, with a code of its own: zeros, detection limits, heaped and
low-cardinality values. The rest, the *body*, is described by a quantile function with a knot every few records; its
knots lie between records and its ends are placed by the mean of the outermost records, so that neither a record's
value nor the extremes can be read off it. Runs of knots make up *cells* of equal mass, each a code.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import numpy as np
from scipy.special import ndtr, ndtri

from synthdiff.codec.codec import MISSING, ColumnCodec

EDGE = 1e-6
"""Positions in a cell stay this far from its ends, so that their normal score is finite."""

STEPS = (1000.0, 500.0, 100.0, 50.0, 10.0, 5.0, 1.0, 0.5, 0.1, 0.05, 0.01, 0.005, 0.001, 0.0001)
"""Grids on which people write numbers down, coarse to fine."""


class NumberCodec(ColumnCodec):
    """Codes a numeric column as missing, atoms and cells with a Gaussian detail.

    Attributes
    ----------
    atoms : tuple of float
        Ascending.
    knots : tuple of float
        The body's quantile function at equally spaced probabilities, ascending; empty when all values are atoms.
    cells : int
        How many cells the body is cut into.
    step : float or None
        The grid on which the body's values lie; ``None`` for a continuum.
    floor, ceiling : float
        Bounds that decoded values keep.
    """

    kind: Literal["number"] = "number"
    detailed: ClassVar[bool] = True

    atoms: tuple[float, ...]
    knots: tuple[float, ...]
    cells: int
    step: float | None
    floor: float
    ceiling: float

    @classmethod
    def fit(
        cls,
        values: np.ndarray,
        *,
        rare: int,
        cells: int,
        floor: float = -np.inf,
        ceiling: float = np.inf,
        step: float | None = None,
        max_atoms: int = 256,
        max_knots: int = 1024,
    ) -> Self:
        """Fit to the training rows of a column.

        Parameters
        ----------
        values : ndarray of float64, shape (n,)
            NaN where missing.
        rare : int
            Values and gaps between knots that fewer records than this share do not get a code or a knot.
        cells : int
            Cells that the body is cut into, at most.
        floor, ceiling : float
            Declared bounds.
        step : float, optional
            A grid that is known beforehand, such as a day for dates; found otherwise.
        """
        present = values[~np.isnan(values)]
        distinct, counts = np.unique(present, return_counts=True)
        few = distinct.size <= max_atoms
        enough = rare if few else max(rare, int(np.ceil(0.3 / 128 * present.size)))
        shared = counts >= enough
        body = np.repeat(distinct[~shared], counts[~shared])
        if body.size < rare:
            body = body[:0]
        elif present.size and present.min() >= 0:
            floor = max(floor, 0.0)
        step = step if step is not None else _grid(body)
        gaps = min(body.size // rare, max_knots)
        knots = _knots(body, gaps) if gaps else np.empty(0)
        return cls(
            atoms=tuple(distinct[shared].tolist()),
            knots=tuple(np.clip(knots, floor, ceiling).tolist()),
            cells=min(cells, gaps),
            step=step,
            floor=floor,
            ceiling=ceiling,
        )

    @property
    def states(self) -> int:
        return 1 + len(self.atoms) + self.cells

    @property
    def first_cell(self) -> int:
        """The code of the first cell; smaller codes are missing and the atoms."""
        return 1 + len(self.atoms)

    def encode(self, values: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        codes = np.full(values.shape, MISSING, dtype=np.int64)
        detail = np.zeros(values.shape, dtype=np.float32)
        present = ~np.isnan(values)
        jitter = generator.random(values.shape)
        atoms = np.asarray(self.atoms)
        if atoms.size:
            nearest = _nearest(atoms, np.where(present, values, atoms[0]))
            # Without a body, the few values that are no atom have nowhere else to go.
            is_atom = present & ((atoms[nearest] == values) | (self.cells == 0))
            codes[is_atom] = 1 + nearest[is_atom]
        else:
            is_atom = np.zeros(values.shape, dtype=bool)
        if self.cells:
            rest = present & ~is_atom
            # A value on a grid stands for the interval that rounds to it.
            spread = values[rest] + (self.step or 0.0) * (jitter[rest] - 0.5)
            position = self._probability(spread, jitter[rest]) * self.cells
            cell = np.minimum(position.astype(np.int64), self.cells - 1)
            codes[rest] = self.first_cell + cell
            detail[rest] = ndtri(np.clip(position - cell, EDGE, 1 - EDGE))
        return codes, detail

    def decode(
        self, codes: np.ndarray, detail: np.ndarray, low: float = -np.inf, high: float = np.inf
    ) -> np.ndarray:
        """Decode; values of cells that straddle ``low`` or ``high`` are drawn from the part of the cell between them."""
        values = np.full(codes.shape, np.nan)
        is_atom = (codes > MISSING) & (codes < self.first_cell)
        values[is_atom] = np.asarray(self.atoms)[codes[is_atom] - 1]
        inside = codes >= self.first_cell
        if inside.any():
            cell = codes[inside] - self.first_cell
            position = (cell + np.clip(ndtr(detail[inside].astype(np.float64)), EDGE, 1 - EDGE)) / self.cells
            start, stop = cell / self.cells, (cell + 1) / self.cells
            least = np.clip(self._probability(np.asarray(low)), start, stop)
            most = np.clip(self._probability(np.asarray(high)), start, stop)
            position = least + (position - start) / (stop - start) * (most - least)
            body = np.interp(position, np.linspace(0, 1, len(self.knots)), self.knots)
            values[inside] = np.clip(self._snap(body, low, high), max(self.floor, low), min(self.ceiling, high))
        return values

    def admitted(self, low: float, high: float) -> np.ndarray:
        """How much of each code lies in ``[low, high]``: 0 to 1, float32 of shape ``(states,)``."""
        atoms = np.asarray(self.atoms)
        weights = np.zeros(self.states, dtype=np.float32)
        weights[1 : self.first_cell] = (atoms >= low) & (atoms <= high)
        if self.cells:
            ends = self._probability(np.array([low, high])) * self.cells
            start = np.arange(self.cells)
            weights[self.first_cell :] = np.clip(np.minimum(ends[1], start + 1) - np.maximum(ends[0], start), 0, 1)
        return weights

    def _probability(self, values: np.ndarray, jitter: np.ndarray | float = 0.5) -> np.ndarray:
        """The body's distribution function; where it jumps, a position inside the jump."""
        knots = np.asarray(self.knots)
        grid = np.linspace(0, 1, knots.size)
        below = np.interp(values, knots, grid)
        first, last = np.searchsorted(knots, values, "left"), np.searchsorted(knots, values, "right")
        tied = last - first > 1
        jump = (first + jitter * (last - 1 - first)) / max(knots.size - 1, 1)
        return np.where(tied, jump, below)

    def _snap(self, values: np.ndarray, low: float, high: float) -> np.ndarray:
        if self.step is None:
            return values
        least, most = np.ceil(low / self.step - 1e-9), np.floor(high / self.step + 1e-9)
        # Division by the inverse keeps 0.1 * 3 from becoming 0.30000000000000004.
        whole = np.clip(np.round(values / self.step), least, most)
        return whole / round(1 / self.step) if self.step < 1 else whole * self.step


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


def _grid(body: np.ndarray) -> float | None:
    """The coarsest usual grid that (nearly) every value of the body lies on."""
    if body.size == 0:
        return None
    for step in STEPS:
        scaled = body / step
        if np.mean(np.abs(scaled - np.round(scaled)) < 1e-6 * np.maximum(1, np.abs(scaled))) >= 0.995:
            return step
    return None


def _nearest(sorted_points: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Positions of the nearest points."""
    right = np.clip(np.searchsorted(sorted_points, values), 1, max(sorted_points.size - 1, 1))
    right = np.minimum(right, sorted_points.size - 1)
    left = np.maximum(right - 1, 0)
    return np.where(np.abs(values - sorted_points[left]) <= np.abs(sorted_points[right] - values), left, right)
