"""Histograms that name no record: no exact extreme, and no bin or level with fewer than :data:`RARE` real records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pandas as pd

from synthdiff.checks.check import RARE
from synthdiff.checks.intervals import Floats
from synthdiff.schema import Column

MOST = 20
"""Bins or levels at most."""

Histogram = tuple[list[str], list[float], list[float]]
"""Labels, real shares, synthetic shares."""


def histogram(column: Column, real: Floats, synthetic: Floats) -> Histogram:
    """The shares of bins or levels among the known cells.

    Parameters
    ----------
    column : Column
        What the cells are.
    real, synthetic : float64 arrays of shape (n,), (m,)
        Its coordinates, NaN where missing.

    Returns
    -------
    labels, real, synthetic : lists of equal length
        Shares sum to 1 unless a side has no known cell.
    """
    real, synthetic = real[~np.isnan(real)], synthetic[~np.isnan(synthetic)]
    return _levels(column, real, synthetic) if column.discrete else _bins(column, real, synthetic)


def _bins(column: Column, real: Floats, synthetic: Floats) -> Histogram:
    """Even bins of a round width between about the 1st and the 99th percentile of the real values, open at both ends.

    Neighbouring bins are joined until each holds at least RARE real values.
    """
    edges = _populated(_round_edges(column, real), np.sort(real)) if len(real) >= 2 * RARE else np.empty(0)
    text = _text(column, edges)
    labels = ["all values"]
    if len(edges):
        between = [_between(column, low, high, text) for low, high in pairwise(edges)]
        labels = [f"< {text(edges[0])}", *between, f"≥ {text(edges[-1])}"]
    of_real, of_synthetic = (_shares(np.searchsorted(edges, side, "right"), len(labels)) for side in (real, synthetic))
    return labels, of_real, of_synthetic


def _round_edges(column: Column, real: Floats) -> Floats:
    """Multiples of 1, 2 or 5 times a power of ten between interior quantiles, few enough for MOST bins."""
    outer = max(0.01, RARE / len(real))
    low, high = np.quantile(real, [outer, 1 - outer])
    widest = (high - low) / (MOST - 2)
    if widest <= 0:
        return np.array([low])
    scale = 10.0 ** np.floor(np.log10(widest))
    step = next(scale * factor for factor in (1, 2, 5, 10) if scale * factor >= widest)
    if column.kind == "integer":
        step = max(1.0, step)
    edges: Floats = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    return edges


def _populated(edges: Floats, ordered: Floats) -> Floats:
    """The edges between which, and beyond which, there are at least RARE values."""
    kept: list[float] = []
    closed = 0
    for edge in edges:
        below = int(np.searchsorted(ordered, edge, "left"))
        if below - closed >= RARE and len(ordered) - below >= RARE:
            kept.append(float(edge))
            closed = below
    return np.array(kept)


def _between(column: Column, low: float, high: float, text: Callable[[float], str]) -> str:
    return text(low) if column.kind == "integer" and high == low + 1 else f"{text(low)} – {text(high)}"


def _text(column: Column, edges: Floats) -> Callable[[float], str]:
    if column.kind != "datetime":
        return lambda edge: f"{edge:,.10g}"
    days = len(edges) < 2 or np.diff(edges).min() >= 86_400
    form = "%Y-%m-%d" if days else "%Y-%m-%d %H:%M:%S"
    return lambda edge: pd.Timestamp(edge, unit="s").strftime(form)


def _levels(column: Column, real: Floats, synthetic: Floats) -> Histogram:
    """The most frequent levels, in the schema's order for ordinal columns and else from frequent to rare.

    Levels that are rare among the real records are pooled, and so are those that do not fit, and values that are no
    level.
    """
    levels = column.levels or ()
    counts = Counter(real[real >= 0].astype(int).tolist())
    frequent = [code for code, count in counts.most_common() if count >= RARE][: MOST - 3]
    shown = sorted(frequent) if column.kind == "ordinal" else sorted(frequent, key=lambda code: (-counts[code], code))
    pools = ["(other)", "(rare)", "(no level)"]
    place = np.full(len(levels) + 2, len(shown) + 1)
    place[[code for code, count in counts.items() if count >= RARE]] = len(shown)
    place[shown] = np.arange(len(shown))
    place[-2] = len(shown) + 2
    shares = [_shares(place[side.astype(int)], len(shown) + 3) for side in (real, synthetic)]
    labels = [str(levels[code]) for code in shown] + pools
    kept = [i for i in range(len(labels)) if i < len(shown) or shares[0][i] or shares[1][i]]
    return [labels[i] for i in kept], [shares[0][i] for i in kept], [shares[1][i] for i in kept]


def _shares(bins: np.ndarray, size: int) -> list[float]:
    return [round(share, 5) for share in (np.bincount(bins, minlength=size) / max(len(bins), 1)).tolist()]
