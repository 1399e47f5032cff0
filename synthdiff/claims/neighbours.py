"""SynthEval's measures of nearest neighbours, by their definitions and with what these imply for verbatim copies.

References
----------
SynthEval 1.7 (Lautrup et al. 2024): dcr, nndr, nnaa, hit_rate, eps_risk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from synthdiff.checks.intervals import Floats
from synthdiff.claims.claim import Recomputed
from synthdiff.claims.encoded import Encoded, Figures, mean_and_error

MOST = 10_000
"""Rows of a table above which all distances between two tables are not recomputed; SynthEval holds them in memory."""

HAZARD = 0.005
"""How far rounding of distances that are nearly equal may move a share of records from one machine to another."""

HITS = (1 / 30, 0.0333)
"""The default width of a hit, and that of SynthEval's own settings file."""


def _two_nearest(queries: pd.DataFrame, pool: pd.DataFrame, tables: Encoded, weights: Floats | None = None) -> Floats:
    """Gower distances to the two nearest records, float64 of shape (2, queries).

    Tables that are equal row by row count as one, in which a record is not its own neighbour.
    """
    from scipy.spatial.distance import cdist

    same = np.array_equal(queries.to_numpy(), pool.to_numpy())
    weight = np.ones(queries.shape[1]) if weights is None else weights
    discrete = queries.columns.isin(tables.levels)
    values, others = queries.to_numpy(), pool.to_numpy()
    found = np.empty((2, len(queries)))
    for start in range(0, len(queries), 500):
        block = slice(start, start + 500)
        apart = np.zeros((len(values[block]), len(others)))
        if not discrete.all():
            apart += cdist(values[block][:, ~discrete], others[:, ~discrete], "minkowski", p=1, w=weight[~discrete])
        if discrete.any():
            wide = weight[discrete]
            apart += cdist(values[block][:, discrete], others[:, discrete], "hamming", w=wide) * len(wide)
        apart /= weight.sum()
        if same:
            rows = np.arange(len(apart))
            apart[rows, start + rows] += 1
        first, second = np.partition(apart, 1, axis=1)[:, :2].T
        # The second neighbour is sought after the first has been moved away by 1.
        found[:, block] = first, np.minimum(second, first + 1)
    return found


def closest(tables: Encoded, config: Mapping[str, Any]) -> Figures:
    """dcr: the median distance of synthetic to real records, in units of that among real ones."""
    within = float(np.median(_two_nearest(tables.real, tables.real, tables)[0]))
    across = float(np.median(_two_nearest(tables.synthetic, tables.real, tables)[0]))
    return {"mDCR": Recomputed.exactly(across / within if within else float(across == 0), 1e-6)}


def ratios(tables: Encoded, config: Mapping[str, Any]) -> Figures:
    """nndr: the distance to the nearest synthetic record in units of that to the second nearest."""

    def ratio(side: pd.DataFrame) -> tuple[float, float]:
        first, second = _two_nearest(side, tables.synthetic, tables)
        return mean_and_error(first / (second + 1e-16))

    average, error = ratio(tables.real)
    figures = {"avg": average, "err": error}
    if tables.holdout is not None:
        held, held_error = ratio(tables.holdout)
        figures |= {"priv_loss": held - average, "priv_loss_err": float(np.hypot(error, held_error))}
    return {name: Recomputed.exactly(value, 1e-6) for name, value in figures.items()}


def adversarial(tables: Encoded, config: Mapping[str, Any]) -> Figures:
    """nnaa: how often a record's nearest neighbour is of its own table."""
    found = _adversarial(tables.real, tables)
    figures = {"avg": found, "err": _error(tables.real, tables)}
    if tables.holdout is not None:
        held = _adversarial(tables.holdout, tables)
        loss = Recomputed(None, held.low - found.high, held.high - found.low, held.reason or found.reason)
        if held.value is not None and found.value is not None:
            loss = Recomputed(held.value - found.value, loss.low, loss.high)
        figures |= {"priv_loss": loss, "priv_loss_err": _error(tables.holdout, tables)}
    return figures


def _resampled(side: pd.DataFrame, tables: Encoded) -> bool:
    n, m = len(side), len(tables.synthetic)
    return max(n, m) >= 2 * min(n, m)


def _error(side: pd.DataFrame, tables: Encoded) -> Recomputed:
    return Recomputed.score(_THINNED) if _resampled(side, tables) else Recomputed.exactly(0.0)


_THINNED = "The tables differ in size, and the measure thins the larger one without a seed."


def _adversarial(side: pd.DataFrame, tables: Encoded) -> Recomputed:
    if _resampled(side, tables):
        return Recomputed.score(_THINNED)
    shares = [
        (_two_nearest(own, other, tables)[0] > _two_nearest(own, own, tables)[0]).mean()
        for own, other in ((side, tables.synthetic), (tables.synthetic, side))
    ]
    return Recomputed.exactly(float(np.mean(shares)), HAZARD)


def hits(tables: Encoded, config: Mapping[str, Any]) -> Figures:
    """hit_rate: real records that a synthetic one equals in all levels and nearly equals in all numbers."""
    widths = [float(config["thres_percent"])] if "thres_percent" in config else list(HITS)
    rates = [_hit_rate(tables, width) for width in widths]
    return {"hit rate": Recomputed(rates[0], min(rates), max(rates))}


def _hit_rate(tables: Encoded, width: float) -> float:
    span = tables.real.max() - tables.real.min()
    near = width * span
    near[tables.levels] = 0.0
    bound = near.to_numpy()
    synthetic = tables.synthetic.to_numpy()
    hit = 0
    for record in tables.real.to_numpy():
        hit += bool((np.abs(record - synthetic) <= bound).all(axis=1).any())
    return hit / len(tables.real)


def identifiability(tables: Encoded, config: Mapping[str, Any]) -> Figures:
    """eps_risk: real records that are nearer to a synthetic than to another real one, columns weighed by entropy."""
    weights = 1 / (np.array([_entropy(tables.real[name]) for name in tables.real.columns]) + 1e-16)
    risk = _at_risk(tables.real, tables, weights)
    if tables.holdout is None:
        return {"eps_risk": risk}
    held = _at_risk(tables.holdout, tables, weights)
    assert risk.value is not None and held.value is not None
    loss = Recomputed(risk.value - held.value, risk.low - held.high, risk.high - held.low, risk.reason)
    return {"eps_risk": risk, "priv_loss": loss}


def _at_risk(side: pd.DataFrame, tables: Encoded, weights: Floats) -> Recomputed:
    """The records at risk, always divided by the number of real ones."""
    nearer = _two_nearest(side, tables.synthetic, tables, weights)[0] < _two_nearest(side, side, tables, weights)[0]
    return Recomputed.exactly(float(nearer.sum()) / len(tables.real), HAZARD)


def _entropy(values: pd.Series) -> float:
    """The entropy of rounded values, in nats."""
    shares = np.unique(np.round(values), return_counts=True)[1] / len(values)
    return float(-(shares * np.log(shares)).sum())


MEASURES: Mapping[str, Callable[[Encoded, Mapping[str, Any]], Figures]] = {
    "dcr": closest,
    "nndr": ratios,
    "nnaa": adversarial,
    "hit_rate": hits,
    "eps_risk": identifiability,
}
