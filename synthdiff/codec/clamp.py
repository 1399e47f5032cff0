"""Clamps: conditions on columns, as codes and details that meet them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synthdiff.codec.category import CategoryCodec
from synthdiff.codec.codec import MISSING
from synthdiff.codec.number import NumberCodec
from synthdiff.errors import ModelError
from synthdiff.schema.column import Column


@dataclass(frozen=True)
class Clamp:
    """A condition on one learnt column.

    Attributes
    ----------
    column : int
        Its place among the learnt columns.
    admitted : ndarray of float32, shape (states,)
        1 for the codes that can meet the condition, 0 for the others.
    first, last : float
        The details that meet it, where the code has one.
    low, high : float
        The values that meet it.
    exact : float or None
        The one number that is admitted.
    """

    column: int
    admitted: np.ndarray
    first: float = -np.inf
    last: float = np.inf
    low: float = -np.inf
    high: float = np.inf
    exact: float | None = None

    @property
    def known(self) -> bool:
        """Whether but one state meets the condition, so that it is known from the outset."""
        unbounded = self.first == -np.inf and self.last == np.inf
        return bool(np.count_nonzero(self.admitted) == 1) and (self.exact is not None or unbounded)


def clamp_of(place: int, codec: NumberCodec | CategoryCodec, column: Column, condition: object) -> Clamp:
    """The clamp of a condition on the column at some place; see :meth:`synthdiff.codec.row.RowCodec.clamps`."""
    if condition is None:
        clamp = Clamp(place, np.eye(codec.states, dtype=np.float32)[MISSING])
    elif isinstance(codec, CategoryCodec):
        clamp = Clamp(place, codec.admitted(_levels(condition, column)))
    else:
        clamp = _number_clamp(place, codec, column, condition)
    if not clamp.admitted.any():
        raise ModelError(
            f"nothing that the model can emit meets {condition!r}",
            where=f"given, column {column.name!r}",
            mend=_choices(codec, column),
        )
    return clamp


def _levels(condition: object, column: Column) -> set[int]:
    levels = list(column.levels or ())
    if isinstance(condition, tuple) and column.kind == "ordinal":
        low, high = condition
        start = 0 if low is None else _place(low, levels)
        stop = len(levels) - 1 if high is None else _place(high, levels)
        return set(range(start, stop + 1))
    wanted = condition if isinstance(condition, list | tuple | set) else [condition]
    return {_place(level, levels) for level in wanted}


def _place(level: object, levels: list[Any]) -> int:
    """The place of a level; text from a command line is matched by its spelling; -1 for no level."""
    if level in levels:
        return levels.index(level)
    spelled = [str(known) for known in levels]
    return spelled.index(str(level)) if str(level) in spelled else -1


def _number_clamp(place: int, codec: NumberCodec, column: Column, condition: object) -> Clamp:
    if isinstance(condition, tuple):
        low = -np.inf if condition[0] is None else _point(condition[0], column)
        high = np.inf if condition[1] is None else _point(condition[1], column)
        codes, first, last = codec.admitted(np.array([low]), np.array([high]))
        return Clamp(place, codes[0], float(first[0]), float(last[0]), low, high)
    value = _point(condition, column)
    code, detail = codec.encode(np.array([value]), np.random.default_rng(0))
    return Clamp(
        place, np.eye(codec.states, dtype=np.float32)[code[0]], float(detail[0]), float(detail[0]), value, value, value
    )


def _point(value: object, column: Column) -> float:
    """A value of a numeric column on the line."""
    try:
        point: Any = pd.Timestamp(value) if column.kind == "datetime" else float(value)  # type: ignore[arg-type]
        return float(column.numbers(pd.Series([point]))[0])
    except (TypeError, ValueError):
        raise ModelError(
            f"{value!r} is not a value of this {column.kind} column",
            where=f"given, column {column.name!r}",
            mend="give a value, a (low, high) pair or None",
        ) from None


def _choices(codec: NumberCodec | CategoryCodec, column: Column) -> str:
    if isinstance(codec, CategoryCodec):
        shown = ", ".join(repr((column.levels or ())[place]) for place in codec.levels[:20])
        return f"it can emit {shown}{' …' if len(codec.levels) > 20 else ''}"
    return "widen the range"
