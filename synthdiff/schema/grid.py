"""Grids: the values that a column can have, and the steps between them.

Values are those of :meth:`~synthdiff.schema.Column.numbers` and :meth:`~synthdiff.schema.Column.codes`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdiff.schema.column import Column


def absent(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which cells are missing, or no level of their column."""
    gone: NDArray[np.bool_] = values < 0 if values.dtype.kind == "i" else np.isnan(values)
    return gone


def beside(column: Column, values: NDArray[Any], *, up: bool, strict: bool = False) -> NDArray[Any]:
    """The least values that a column can have that are not below some others (or ``up=False``: the greatest not above).

    Parameters
    ----------
    column : Column
        Numeric; or ordinal, with ``values`` positions in its levels.
    values : ndarray, shape (n,)
    up : bool
    strict : bool
        Nor equal to them.

    Returns
    -------
    ndarray, shape (n,)
        Within the column's bounds, so that a value may be on the wrong side where there is none on the right one.
    """
    sign = 1 if up else -1
    if column.discrete:
        places: NDArray[np.int64] = np.clip(values + sign * strict, 0, len(column.levels or ()) - 1)
        return places
    found = on_grid(column, values)
    short = sign * (found - values) < 0
    if strict:
        short |= found == values
    step = step_of(column)
    reach = np.spacing(np.abs(found[short]).astype(_held(column))) if step is None else step
    found[short] = on_grid(column, found[short] + sign * reach)
    return found


def on_grid(column: Column, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest values that a numeric column can have, in its dtype and within its bounds."""
    return np.array(column.numbers(column.restore(values))) if values.size else values


def step_of(column: Column) -> float | None:
    """The distance of neighbouring values of a numeric column; None where there is but that of floats."""
    if column.kind == "datetime":
        return float(column.step or (1e-3 if "[ms" in column.dtype else 1e-6))
    if column.kind == "integer":
        return 1.0
    return None if column.decimals is None else 10.0**-column.decimals


def _held(column: Column) -> type[np.floating[Any]]:
    """The floats that a continuous column's dtype holds."""
    name = column.dtype.lower()
    return np.float32 if name.startswith(("float32", "float[")) else np.float64
