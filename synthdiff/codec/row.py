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
from synthdiff.codec.clamp import Clamp, clamp_of
from synthdiff.codec.codec import MISSING
from synthdiff.codec.identifier import IdentifierForm
from synthdiff.codec.number import NumberCodec
from synthdiff.codec.persons import Persons
from synthdiff.codec.ties import Tie, ties_of
from synthdiff.codec.zeros import Zeros, zeros_of
from synthdiff.errors import DataError, ModelError, SchemaError
from synthdiff.schema import AnyRule, Mended, Schema, mend
from synthdiff.schema.column import Column, pandas_dtype
from synthdiff.schema.rule import InequalityRule

MOST = 200_000
"""Records among which ties and structural zeros are looked for, at most."""

SAME, DIFFERENT, AGREEMENTS = 1, 2, 3
"""What may hold between the columns of a tie, beside a missing value; and how many states that makes."""

Held = tuple[np.ndarray, np.ndarray | float | None]
"""Which cells of a column must stay as they are, bool of shape ``(n,)``; and what they say, to the last bit."""


@dataclass(frozen=True)
class Rows:
    """A coded table.

    Attributes
    ----------
    codes : ndarray of int64, shape (n, columns)
    detail : ndarray of float32, shape (n, details)
    exact : dict of int to ndarray of float64, shape (n,)
        What the cells of tied columns say, by place, to the last bit; NaN where missing.
    """

    codes: np.ndarray
    detail: np.ndarray
    exact: dict[int, np.ndarray]

    def take(self, positions: np.ndarray) -> Rows:
        """Some of the rows."""
        exact = {place: column[positions] for place, column in self.exact.items()}
        return Rows(self.codes[positions], self.detail[positions], exact)


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
    ties : tuple of Tie
        The columns that repeat others or keep close to them.
    persons : Persons or None
        What rows of one person have in common, where the schema names whose a row is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: Schema
    codecs: dict[str, NumberCodec | CategoryCodec]
    forms: dict[str, IdentifierForm]
    rules: tuple[AnyRule, ...] = ()
    zeros: tuple[Zeros, ...] = ()
    ties: tuple[Tie, ...] = ()
    persons: Persons | None = None

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
        some = frame.sample(MOST, random_state=0) if len(frame) > MOST else frame
        numbers = {name: schema[name].numbers(some[name]) for name in codecs if schema[name].numeric}
        dates = [name for name in codecs if schema[name].kind == "datetime"]
        ordered = [(rule.low.name, rule.high.name) for rule in rules if isinstance(rule, InequalityRule)]
        fitted = cls(
            table=schema,
            codecs=codecs,
            forms={column.name: IdentifierForm.fit(frame[column.name]) for column in keys},
            rules=rules,
            ties=ties_of(numbers, codecs, dates, ordered),
        )
        rows = fitted.encode(some, np.random.default_rng(0))
        states = [*fitted.states, *[AGREEMENTS] * len(fitted.ties)]
        codes = np.concatenate([rows.codes, fitted.agreement(rows.exact, len(some))], 1)
        update: dict[str, Any] = {"zeros": zeros_of(codes, states, codecs, rules)}
        if schema.group is not None:
            cells = {name: schema[name].coordinates(frame[name]) for name in codecs}
            update["persons"] = Persons.fit(frame[schema.group.name], cells, rare)
        return fitted.model_copy(update=update)

    @cached_property
    def learnt(self) -> tuple[Column, ...]:
        """The learnt columns, in order."""
        return tuple(self.table[name] for name in self.codecs)

    @cached_property
    def target(self) -> int | None:
        """The place of the target among the learnt columns."""
        return self.learnt.index(self.table.target) if self.table.target in self.learnt else None

    @cached_property
    def parts(self) -> tuple[NumberCodec | CategoryCodec, ...]:
        """The codecs of the learnt columns, by place."""
        return tuple(self.codecs.values())

    @cached_property
    def states(self) -> tuple[int, ...]:
        """How many codes each learnt column has."""
        return tuple(codec.states for codec in self.parts)

    @cached_property
    def detailed(self) -> tuple[int, ...]:
        """Which learnt columns have details; it is their last code, the body, that has one."""
        return tuple(place for place, codec in enumerate(self.parts) if codec.detailed)

    @cached_property
    def positions(self) -> np.ndarray:
        """Where every code of every column lies on its line: float32 of shape ``(total,)``, NaN without order."""
        return np.concatenate([codec.positions for codec in self.parts])

    @cached_property
    def tied(self) -> tuple[int, ...]:
        """Which learnt columns are sources or targets of ties."""
        return tuple(sorted({place for tie in self.ties for place in (tie.source, tie.target)}))

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
        values = {place: np.full(n, np.nan) for place in self.tied}
        return Rows(np.zeros((n, len(self.states)), np.int64), np.zeros((n, len(self.detailed)), np.float32), values)

    def known(self, numbers: range, clamps: Sequence[Clamp]) -> tuple[Rows, np.ndarray]:
        """Blank rows with what clamps say beforehand, and which columns do: bool of shape ``(n, columns)``."""
        rows = self.blank(len(numbers))
        visible = np.zeros(rows.codes.shape, dtype=bool)
        for clamp in clamps:
            if clamp.known:
                visible[:, clamp.column] = True
                rows.codes[:, clamp.column] = clamp.codes(np.array(numbers))
                if clamp.column in self.detailed and np.isfinite(clamp.first):
                    rows.detail[:, self.detailed.index(clamp.column)] = clamp.first
                if clamp.column in self.tied and clamp.exact is not None:
                    rows.exact[clamp.column][:] = clamp.exact
        return rows, visible

    def encode(self, frame: pd.DataFrame, generator: np.random.Generator) -> Rows:
        """Encode a frame; ``generator`` spreads values on a grid over the interval that they stand for."""
        codes, details = _encode(frame, self.table, self.codecs, generator)
        values = {place: column.numbers(frame[column.name]) for place in self.tied for column in (self.learnt[place],)}
        return Rows(codes, details, values)

    def agreement(self, values: Mapping[int, np.ndarray], n: int) -> np.ndarray:
        """What holds between the columns of each tie: int64 of shape ``(n, ties)``.

        0 where a value is missing, 1 where the target repeats the source, 2 where it does not.
        """
        found = np.zeros((n, len(self.ties)), np.int64)
        for place, tie in enumerate(self.ties):
            source, target = values[tie.source], values[tie.target]
            found[:, place] = np.where(source == target, SAME, DIFFERENT)
            found[np.isnan(source) | np.isnan(target), place] = MISSING
        return found

    def anchors(self, values: Mapping[int, np.ndarray]) -> np.ndarray:
        """The values of the ties' sources on the scales of their targets: float32 of shape ``(n, ties)``."""
        scores = []
        for tie in self.ties:
            codec = self.parts[tie.target]
            assert isinstance(codec, NumberCodec)
            scores.append(codec.score(np.nan_to_num(values[tie.source])))
        return np.stack(scores, 1).astype(np.float32)

    def log_shares(self, codes: np.ndarray) -> np.ndarray:
        """The logarithm of each code's share of its column, smoothed: float32 of shape ``(total,)``."""
        shares = []
        for place, states in enumerate(self.states):
            counts = np.bincount(codes[:, place], minlength=states) + 0.5
            shares.append(np.log(counts / counts.sum()))
        return np.concatenate(shares).astype(np.float32)

    def decode(self, rows: Rows, held: Mapping[str, Held]) -> Mended:
        """Decode rows into coordinates by column, repaired where a declared constraint asks for it.

        Cells that are held by conditions or by a real row are not touched by repairs.
        """
        cells = {name: self.values(rows, place) for place, name in enumerate(self.codecs)}
        for name, (flags, values) in held.items():
            if values is not None:
                cells[name] = np.where(flags, values, cells[name])
        return mend(cells, self.rules, {name: flags for name, (flags, _) in held.items()})

    def held_by(self, clamps: Sequence[Clamp], n: int) -> dict[str, Held]:
        """The cells of ``n`` rows that conditions hold."""
        names = list(self.codecs)
        return {names[clamp.column]: (np.ones(n, dtype=np.bool_), clamp.exact) for clamp in clamps}

    def held_in(self, frame: pd.DataFrame) -> dict[str, Held]:
        """The cells of a frame that are there."""
        values = {column.name: column.coordinates(frame[column.name]) for column in self.learnt}
        return {name: (frame[name].notna().to_numpy(), cells) for name, cells in values.items()}

    def restore(self, cells: Mapping[str, np.ndarray]) -> pd.DataFrame:
        """A frame that obeys the schema, of coordinates and of cells that :meth:`unlearnt` made."""
        series = {}
        for column in self.table:
            values = cells[column.name]
            series[column.name] = column.restore(values) if column.name in self.codecs else _unlearnt(column, values)
        return pd.DataFrame(series)

    def lay(self, n: int, generator: np.random.Generator) -> np.ndarray:
        """For each of ``n`` rows, the position of the first row of its person: int64 of shape ``(n,)``."""
        return np.arange(n) if self.persons is None else self.persons.lay(n, generator)

    def unlearnt(self, numbers: range, first: np.ndarray, generator: np.random.Generator) -> dict[str, np.ndarray]:
        """Cells of the columns that are not learnt.

        Parameters
        ----------
        numbers : range
            The rows' own, which identifiers count by.
        first : ndarray of int64, shape (n,)
            The position of the first row of each row's person.
        generator : Generator

        Returns
        -------
        dict of str to ndarray of object, shape (n,)
            New identifiers, one a row or one a person, and nothing in columns of text.
        """
        made = {}
        for column in self.table:
            if column.name not in self.codecs:
                cells = np.empty(len(numbers), dtype=object)
                if column.name in self.forms:
                    cells[:] = list(self.forms[column.name].make(numbers, generator))
                made[column.name] = cells[first] if column == self.table.group else cells
        return made

    def fill(self, frame: pd.DataFrame, cells: Mapping[str, np.ndarray]) -> pd.DataFrame:
        """The frame with the missing cells of its learnt columns taken from coordinates."""
        filled = frame.copy()
        for column in self.learnt:
            empty = frame[column.name].isna().to_numpy()
            if empty.any() and self.codecs[column.name].states > 1:
                restored = column.restore(cells[column.name][empty])
                filled[column.name] = frame[column.name].mask(empty, restored.set_axis(frame.index[empty]))
        return filled

    def values(self, rows: Rows, place: int) -> np.ndarray:
        """One learnt column on its line, or as positions in its levels: shape ``(n,)``."""
        if place in rows.exact:
            return rows.exact[place]
        return self.decoded(rows, place)

    def decoded(self, rows: Rows, place: int) -> np.ndarray:
        """What the code and the detail of a learnt column mean: shape ``(n,)``."""
        codec = self.parts[place]
        detail = rows.detail[:, self.detailed.index(place)] if codec.detailed else np.zeros(len(rows.codes), np.float32)
        return codec.decode(rows.codes[:, place], detail)

    def clamps(self, given: Mapping[str, object]) -> tuple[Clamp, ...]:
        """Turn conditions into clamps.

        Parameters
        ----------
        given : mapping of str to object
            By column: a value, a pair ``(low, high)`` of which either may be ``None``, a list of levels, ``None`` for
            missing, or a mapping of levels to shares.

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
            clamps.append(clamp_of(places[name], self.codecs[name], self.table[name], condition))
        return tuple(clamps)


def _unlearnt(column: Column, cells: np.ndarray) -> pd.Series:
    dtype = "object" if column.dtype in ("object", "date") or column.dtype.startswith("category[") else column.dtype
    made: pd.Series = pd.Series(list(cells), dtype=pandas_dtype(dtype), name=column.name)
    return made


def _encode(
    frame: pd.DataFrame,
    schema: Schema,
    codecs: Mapping[str, NumberCodec | CategoryCodec],
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Codes of every learnt column, shape ``(n, columns)``, and details of those that have any, ``(n, details)``."""
    codes = np.empty((len(frame), len(codecs)), np.int64)
    details = np.empty((len(frame), sum(codec.detailed for codec in codecs.values())), np.float32)
    place = 0
    for column, (name, codec) in enumerate(codecs.items()):
        codes[:, column], detail = codec.encode(schema[name].coordinates(frame[name]), generator)
        if codec.detailed:
            details[:, place] = detail
            place += 1
    return codes, details
