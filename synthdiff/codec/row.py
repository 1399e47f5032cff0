"""Rows: a whole table as codes and details, and conditions on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from synthdiff.codec.category import CategoryCodec
from synthdiff.codec.codec import MISSING
from synthdiff.codec.identifier import IdentifierForm
from synthdiff.codec.number import NumberCodec
from synthdiff.codec.zeros import Zeros, zeros_of
from synthdiff.errors import DataError, ModelError, SchemaError
from synthdiff.schema import AnyRule, Mended, Schema, mend
from synthdiff.schema.column import Column, pandas_dtype


@dataclass(frozen=True)
class Rows:
    """A coded table: ``codes`` int64 of shape ``(n, columns)``, ``detail`` float32 of shape ``(n, details)``."""

    codes: np.ndarray
    detail: np.ndarray

    def take(self, positions: np.ndarray) -> Rows:
        """Some of the rows."""
        return Rows(self.codes[positions], self.detail[positions])


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
    exact : float or None
        The one number that is admitted.
    """

    column: int
    admitted: np.ndarray
    first: float = -np.inf
    last: float = np.inf
    exact: float | None = None

    @property
    def known(self) -> bool:
        """Whether but one state meets the condition, so that it is known from the outset."""
        unbounded = self.first == -np.inf and self.last == np.inf
        return bool(np.count_nonzero(self.admitted) == 1) and (self.exact is not None or unbounded)


class RowCodec(BaseModel):
    """The codecs of a table's columns: fitted on the training part, then plain data.

    Attributes
    ----------
    table : Schema
        What the columns are.
    codecs : mapping of str to NumberCodec or CategoryCodec
        Of the learnt columns, in order.
    forms : mapping of str to IdentifierForm
        Of identifiers and the group key.
    rules : tuple of Rule
        The constraints that the schema declares, with what they take from the training part.
    zeros : tuple of Zeros
        The pairs of codes that no row has.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: Schema
    codecs: dict[str, NumberCodec | CategoryCodec]
    forms: dict[str, IdentifierForm]
    rules: tuple[AnyRule, ...] = ()
    zeros: tuple[Zeros, ...] = ()

    @classmethod
    def fit(cls, frame: pd.DataFrame, schema: Schema, *, rare: int) -> Self:
        """Fit to the training part.

        Parameters
        ----------
        frame : DataFrame
        schema : Schema
        rare : int
            Values and levels that fewer records share get no code of their own.

        Raises
        ------
        SchemaError
            When no column is learnt.
        DataError
            When a column has only rare levels.
        """
        codecs: dict[str, NumberCodec | CategoryCodec] = {}
        for column in schema:
            if not column.learnt:
                continue
            if column.discrete:
                codecs[column.name] = CategoryCodec.fit(
                    column.codes(frame[column.name]), rare=rare, name=column.name, ordered=column.kind == "ordinal"
                )
            else:
                floor, ceiling = (bound if np.isfinite(bound) else None for bound in column.bounds)
                step = float(column.step) if column.kind == "datetime" and column.step else None
                codecs[column.name] = NumberCodec.fit(
                    column.numbers(frame[column.name]), rare=rare, floor=floor, ceiling=ceiling, step=step
                )
        if not codecs:
            raise SchemaError(
                "there is no column to learn",
                mend="declare at least one column as something else than identifier or text",
            )
        keys = [column for column in schema if column.kind == "identifier" or "group" in column.roles]
        rules = schema.rules(frame, rare)
        codes, _ = _encode(frame, schema, codecs, np.random.default_rng(0))
        return cls(
            table=schema,
            codecs=codecs,
            forms={column.name: IdentifierForm.fit(frame[column.name]) for column in keys},
            rules=rules,
            zeros=zeros_of(codes, codecs, rules, np.random.default_rng(0)),
        )

    @cached_property
    def learnt(self) -> tuple[Column, ...]:
        """The learnt columns, in order."""
        return tuple(self.table[name] for name in self.codecs)

    @cached_property
    def states(self) -> tuple[int, ...]:
        """How many codes each learnt column has."""
        return tuple(codec.states for codec in self.codecs.values())

    @cached_property
    def detailed(self) -> tuple[int, ...]:
        """Which learnt columns have details; it is their last code, the body, that has one."""
        return tuple(place for place, codec in enumerate(self.codecs.values()) if codec.detailed)

    @cached_property
    def positions(self) -> np.ndarray:
        """Where every code of every column lies on its line: float32 of shape ``(total,)``, NaN without order."""
        return np.concatenate([codec.positions for codec in self.codecs.values()])

    def check(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame, when it has every column that is learnt or names the person; else a ``DataError``."""
        group = [self.table.group.name] if self.table.group else []
        lacking = [name for name in [*self.codecs, *group] if name not in frame.columns]
        if lacking:
            raise DataError(
                f"the table has no column {', '.join(map(repr, lacking))}",
                mend="give a table with the columns that the model was fitted to",
            )
        return frame

    def blank(self, n: int) -> Rows:
        """Rows in which nothing stands yet."""
        return Rows(np.zeros((n, len(self.states)), np.int64), np.zeros((n, len(self.detailed)), np.float32))

    def encode(self, frame: pd.DataFrame, generator: np.random.Generator) -> Rows:
        """Encode a frame; ``generator`` spreads values on a grid over the interval that they stand for."""
        codes, details = _encode(frame, self.table, self.codecs, generator)
        return Rows(codes, details[:, list(self.detailed)])

    def log_shares(self, rows: Rows) -> np.ndarray:
        """The logarithm of each code's share of its column, smoothed: float32 of shape ``(total,)``."""
        shares = []
        for place, states in enumerate(self.states):
            counts = np.bincount(rows.codes[:, place], minlength=states) + 0.5
            shares.append(np.log(counts / counts.sum()))
        return np.concatenate(shares).astype(np.float32)

    def decode(self, rows: Rows, clamps: Sequence[Clamp] = ()) -> Mended:
        """Decode rows into coordinates by column, repaired where a declared constraint asks for it.

        What was conditioned on is not touched by repairs.
        """
        values = {name: self.values(rows, place) for place, name in enumerate(self.codecs)}
        names, fixed = list(self.codecs), {}
        for clamp in clamps:
            name = names[clamp.column]
            fixed[name] = np.ones(len(rows.codes), dtype=np.bool_)
            if clamp.exact is not None:
                values[name] = np.full(len(rows.codes), clamp.exact)
        return mend(values, self.rules, fixed)

    def restore(
        self, values: Mapping[str, np.ndarray], numbers: Sequence[int], generator: np.random.Generator
    ) -> pd.DataFrame:
        """A frame that obeys the schema; ``numbers`` are the rows' own, which identifiers count by."""
        series = {}
        for column in self.table:
            learnt = column.name in self.codecs
            series[column.name] = (
                column.restore(values[column.name]) if learnt else self._unlearnt(column, numbers, generator)
            )
        return pd.DataFrame(series)

    def fill(self, frame: pd.DataFrame, rows: Rows) -> pd.DataFrame:
        """The frame with its missing cells of learnt columns taken from the rows."""
        filled = frame.copy()
        for place, column in enumerate(self.learnt):
            empty = frame[column.name].isna().to_numpy()
            values = self.values(rows, place)[empty]
            if empty.any() and self.states[place] > 1:
                cells = column.restore(values)
                filled[column.name] = frame[column.name].mask(empty, cells.set_axis(frame.index[empty]))
        return filled

    def values(self, rows: Rows, place: int) -> np.ndarray:
        """One learnt column on its line, or as positions in its levels: shape ``(n,)``."""
        codec = list(self.codecs.values())[place]
        detail = rows.detail[:, self.detailed.index(place)] if codec.detailed else np.zeros(len(rows.codes), np.float32)
        return codec.decode(rows.codes[:, place], detail)

    def _unlearnt(self, column: Column, numbers: Sequence[int], generator: np.random.Generator) -> pd.Series:
        form = self.forms.get(column.name)
        cells: list[Any] = [None] * len(numbers) if form is None else list(form.make(numbers, generator))
        dtype = "object" if column.dtype in ("object", "date") or column.dtype.startswith("category[") else column.dtype
        made: pd.Series = pd.Series(cells, dtype=pandas_dtype(dtype), name=column.name)
        return made

    def clamps(self, given: Mapping[str, object]) -> tuple[Clamp, ...]:
        """Turn conditions into clamps.

        Parameters
        ----------
        given : mapping of str to object
            By column: a value, a pair ``(low, high)`` of which either may be ``None``, a list of levels, or ``None``
            for missing.

        Raises
        ------
        ModelError
            When a column is unknown or not learnt, or nothing that the model can emit meets the condition.
        """
        places = {name: place for place, name in enumerate(self.codecs)}
        clamps = []
        for name, condition in given.items():
            if name not in places:
                raise ModelError(
                    f"the model has not learnt a column {name!r}",
                    where="given",
                    mend=f"choose from {', '.join(places)}",
                )
            codec, column = self.codecs[name], self.table[name]
            if condition is None:
                clamp = Clamp(places[name], np.eye(codec.states, dtype=np.float32)[MISSING])
            elif isinstance(codec, CategoryCodec):
                clamp = Clamp(places[name], codec.admitted(_levels(condition, column)))
            else:
                clamp = _number_clamp(places[name], codec, column, condition)
            if not clamp.admitted.any():
                raise ModelError(
                    f"nothing that the model can emit meets {condition!r}",
                    where=f"given, column {name!r}",
                    mend=_choices(codec, column),
                )
            clamps.append(clamp)
        return tuple(clamps)


def _encode(
    frame: pd.DataFrame,
    schema: Schema,
    codecs: Mapping[str, NumberCodec | CategoryCodec],
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Codes and details of every learnt column, each of shape ``(n, columns)``."""
    pairs = [codec.encode(schema[name].coordinates(frame[name]), generator) for name, codec in codecs.items()]
    return np.stack([codes for codes, _ in pairs], 1), np.stack([details for _, details in pairs], 1)


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
        return Clamp(place, codes[0], float(first[0]), float(last[0]))
    value = _point(condition, column)
    code, detail = codec.encode(np.array([value]), np.random.default_rng(0))
    return Clamp(
        place, np.eye(codec.states, dtype=np.float32)[code[0]], float(detail[0]), float(detail[0]), exact=value
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
