"""Condition codec: what is told of a record beside its image, as numbers for a net."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from synthdiff.errors import ModelError


class Line(BaseModel):
    """A number: its mean and standard deviation in the training part."""

    model_config = ConfigDict(frozen=True)

    mean: float
    spread: float


class ConditionCodec(BaseModel):
    """Columns as numbers: one that says that anything is told, then each column's own.

    A number is standardised; of levels each has a number, 1 where it holds. A missing cell is nought.

    Attributes
    ----------
    columns : mapping of str to Line or tuple of levels
    """

    model_config = ConfigDict(frozen=True)

    columns: dict[str, Line | tuple[str | int | float | bool, ...]] = {}

    @classmethod
    def fit(cls, frame: pd.DataFrame | None) -> ConditionCodec:
        """Learn the columns of a table; of none, there is no condition."""
        columns: dict[str, Line | tuple[str | int | float | bool, ...]] = {}
        for name, cells in (frame if frame is not None else pd.DataFrame()).items():
            if pd.api.types.is_float_dtype(cells):
                spread = float(cells.std())
                columns[str(name)] = Line(mean=float(cells.mean()), spread=spread if spread > 0 else 1.0)
            else:
                columns[str(name)] = tuple(pd.Series(cells.dropna().unique()).sort_values().tolist())
        return cls(columns=columns)

    @property
    def width(self) -> int:
        """How many numbers a condition has; 0 without columns."""
        if not self.columns:
            return 0
        return 1 + sum(1 if isinstance(column, Line) else len(column) for column in self.columns.values())

    def encode(self, frame: pd.DataFrame | None, n: int) -> Tensor:
        """Rows as a float32 tensor of shape ``(n, width)``; without a table nothing is told."""
        if frame is None or not self.columns:
            return torch.zeros(n, self.width)
        parts = [np.ones((n, 1))]
        for name, column in self.columns.items():
            cells = frame[name]
            if isinstance(column, Line):
                values = (cells.to_numpy(dtype=float, na_value=np.nan) - column.mean) / column.spread
                parts.append(np.nan_to_num(values)[:, None])
            else:
                parts.append(np.stack([(cells == level).to_numpy(dtype=float, na_value=0) for level in column], axis=1))
        return torch.from_numpy(np.concatenate(parts, axis=1).astype(np.float32))

    def told(self, given: Mapping[str, object], n: int) -> Tensor:
        """The same for ``n`` records of which the same values are told; columns that are not named are not told.

        Raises
        ------
        ModelError
            When a column is unknown, or a level.
        """
        if not given:
            return self.encode(None, n)
        for name, value in given.items():
            if name not in self.columns:
                raise ModelError(
                    f"there is no condition {name!r}", mend=f"known: {', '.join(map(repr, self.columns)) or 'none'}"
                )
            column = self.columns[name]
            if isinstance(column, Line) and not (isinstance(value, int | float) and np.isfinite(value)):
                raise ModelError(f"{value!r} is not a number", where=f"condition {name!r}", mend="give a number")
            if not isinstance(column, Line) and value not in column:
                raise ModelError(
                    f"{value!r} is not a level", where=f"condition {name!r}", mend=f"give one of {list(column)}"
                )
        row = {name: [given.get(name)] * n for name in self.columns}
        return self.encode(pd.DataFrame(row), n)
