"""Clamps: conditions on columns, as codes and details that meet them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synthdiff.codec.category import CategoryCodec
from synthdiff.codec.codec import MISSING
from synthdiff.codec.number import NumberCodec
from synthdiff.errors import ModelError
from synthdiff.schema.column import Column

PRIMES = (2, 3, 5, 7, 11, 13, 17, 19)
"""Their square roots are the steps of sequences that do not go with one another."""


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
    shares : ndarray of float64, shape (states,), or None
        How often each code is to occur.
    """

    column: int
    admitted: np.ndarray
    first: float = -np.inf
    last: float = np.inf
    low: float = -np.inf
    high: float = np.inf
    exact: float | None = None
    shares: np.ndarray | None = None

    def codes(self, numbers: np.ndarray) -> np.ndarray:
        """The codes of rows with some numbers, where they are known: int64 of the same shape.

        Shares are met as nearly as can be by any stretch of rows: their codes follow a sequence of low discrepancy, of
        another step in every column (Roberts 2018, "The unreasonable effectiveness of quasirandom sequences").
        """
        if self.shares is None:
            return np.full(numbers.shape, int(self.admitted.argmax()))
        position = (0.5 + numbers * np.sqrt(PRIMES[self.column % len(PRIMES)])) % 1.0
        drawn: np.ndarray = np.searchsorted(np.cumsum(self.shares)[:-1], position, side="right")
        return drawn

    @property
    def known(self) -> bool:
        """Whether a row's state is known from the outset, as but one meets the condition or its share falls to it."""
        if self.shares is not None:
            return True
        unbounded = self.first == -np.inf and self.last == np.inf
        return bool(np.count_nonzero(self.admitted) == 1) and (self.exact is not None or unbounded)


def clamp_of(place: int, codec: NumberCodec | CategoryCodec, column: Column, condition: object) -> Clamp:
    """The clamp of a condition on the column at some place; see :meth:`synthdiff.codec.row.RowCodec.clamps`."""
    if condition is None:
        clamp = Clamp(place, np.eye(codec.states, dtype=np.float32)[MISSING])
    elif isinstance(condition, Mapping):
        clamp = _shares(place, codec, column, condition)
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


def _shares(place: int, codec: NumberCodec | CategoryCodec, column: Column, condition: Mapping[Any, object]) -> Clamp:
    where = f"given, column {column.name!r}"
    if not isinstance(codec, CategoryCodec):
        raise ModelError(
            f"shares are of levels, and this {column.kind} column has none", where=where, mend="give a value or a range"
        )
    shares = np.zeros(codec.states)
    for level, share in condition.items():
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share < np.inf:
            raise ModelError(f"the share of {level!r} is {share!r}", where=where, mend="give shares such as 0.5")
        found = codec.admitted(_levels([level], column))
        if not found.any():
            raise ModelError(f"the model cannot emit {level!r}", where=where, mend=_choices(codec, column))
        shares += share * found
    if not shares.any():
        raise ModelError("no level has a share above 0", where=where, mend="give one, such as yes: 0.5")
    return Clamp(place, (shares > 0).astype(np.float32), shares=shares / shares.sum())


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
