"""Rules: constraints as they are computed with, on columns that are points on a line or positions in their levels.

A rule is what :meth:`synthdiff.schema.constraint.Constraint.bind` makes of a constraint and its columns: plain data
that a model keeps, and arithmetic over many rows at once. Its coordinates are those of
:meth:`~synthdiff.schema.Column.numbers` (float64, NaN where missing) and :meth:`~synthdiff.schema.Column.codes` (int64,
negative where missing).

A missing cell breaks nothing, as in a CHECK of SQL: what is not known cannot contradict. Only a clause about presence
itself looks at whether a cell is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property, reduce
from typing import Annotated, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Discriminator

from synthdiff.errors import DataError
from synthdiff.parts import Part
from synthdiff.schema.column import Column
from synthdiff.schema.grid import absent, beside, on_grid, step_of

Flags = NDArray[np.bool_]
Values = Mapping[str, NDArray[Any]]
"""Coordinates of shape ``(n,)`` by column."""
Fixed = Mapping[str, Flags]
"""By column, which of its cells must stay as they are; a column that is not named is free."""

PRECISION = 1e-6
"""To this share of its terms a sum must agree whose total is on no grid."""


class Rule(Part):
    """The family of rules.

    Attributes
    ----------
    name : str
        The constraint as people read it, such as ``"slos <= d.time"``.
    """

    name: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the rule is about."""
        raise NotImplementedError

    @property
    def by_pairs(self) -> bool:
        """Whether two cells that break the rule while its others are missing break it always."""
        return len(self.columns) == 2

    def fit(self, values: Values, rare: int) -> Self:
        """The rule with what it takes from the training part: what fewer than ``rare`` records share, it forgets."""
        return self

    def holds(self, values: Values) -> Flags:
        """Which rows obey: bool of shape ``(n,)``."""
        raise NotImplementedError

    def repair(self, values: Values, fixed: Fixed | None = None) -> dict[str, NDArray[Any]]:
        """Change the rows that break the rule as little as makes them obey.

        Parameters
        ----------
        values : mapping of str to ndarray, shape (n,)
            On the grids of their columns.
        fixed : mapping of str to ndarray of bool, shape (n,), optional
            Cells that must stay as they are.

        Returns
        -------
        dict of str to ndarray
            New arrays where something changed. Rows for which no computation tells a value are as they were.
        """
        return dict(values)


class InequalityRule(Rule):
    """Two numbers, moments or places in the same order of levels, the one not above (or below) the other."""

    kind: Literal["inequality"] = "inequality"

    low: Column
    high: Column
    strict: bool

    @property
    def columns(self) -> tuple[str, ...]:
        return self.low.name, self.high.name

    def holds(self, values: Values) -> Flags:
        low, high = values[self.low.name], values[self.high.name]
        held: Flags = (low < high if self.strict else low <= high) | absent(low) | absent(high)
        return held

    def repair(self, values: Values, fixed: Fixed | None = None) -> dict[str, NDArray[Any]]:
        """Raise ``high`` to the least of its values that obeys; where it has none, lower ``low`` instead."""
        mended = dict(values)
        for column, other, up in ((self.high, self.low, True), (self.low, self.high, False)):
            rows = ~self.holds(mended) & _free(fixed, column.name)
            moved = beside(column, mended[other.name][rows], up=up, strict=self.strict)
            mended = _where_it_helps(self, mended, {column.name: (rows, moved)})
        return mended


class SumRule(Rule):
    """A total that is the sum of its parts, rounded as the total is."""

    kind: Literal["sum"] = "sum"

    total: Column
    parts: tuple[Column, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return self.total.name, *(part.name for part in self.parts)

    def _sum(self, values: Values) -> NDArray[np.float64]:
        return reduce(np.add, (_amounts(part, values[part.name]) for part in self.parts))

    def holds(self, values: Values) -> Flags:
        total, expected = values[self.total.name], self._sum(values)
        scale = np.abs(total) + np.abs(expected)
        step = step_of(self.total)
        tolerance = PRECISION * scale if step is None else step / 2 + 1e-12 * scale
        # Written as a negation, for comparisons with NaN, a missing cell, are never true.
        held: Flags = ~(np.abs(total - expected) > tolerance)
        return held

    def repair(self, values: Values, fixed: Fixed | None = None) -> dict[str, NDArray[Any]]:
        """Compute the total anew."""
        rows = ~self.holds(values) & _free(fixed, self.total.name)
        total = on_grid(self.total, self._sum(values)[rows])
        return _where_it_helps(self, dict(values), {self.total.name: (rows, total)})


class Clause(BaseModel):
    """What is asked of one column: its presence or absence, some of its levels, or a range with both ends included."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    column: str
    missing: bool | None = None
    levels: tuple[int, ...] | None = None
    low: float | None = None
    high: float | None = None

    def failed(self, values: Values) -> Flags:
        """Which rows surely fail to meet it."""
        gone = absent(values[self.column])
        failed: Flags = gone != self.missing if self.missing is not None else ~gone & ~self._admits(values)
        return failed

    def met(self, values: Values) -> Flags:
        """Which rows surely meet it."""
        gone = absent(values[self.column])
        met: Flags = gone == self.missing if self.missing is not None else ~gone & self._admits(values)
        return met

    def _admits(self, values: Values) -> Flags:
        cells = values[self.column]
        if self.levels is not None:
            return np.isin(cells, self.levels)
        low, high = (-np.inf if self.low is None else self.low), (np.inf if self.high is None else self.high)
        admitted: Flags = (cells >= low) & (cells <= high)
        return admitted

    def nearest(self, cells: NDArray[Any]) -> NDArray[Any]:
        """The values nearest to some cells that meet it; the cells themselves where nothing tells one."""
        if self.missing:
            return np.full_like(cells, -1 if cells.dtype.kind == "i" else np.nan)
        if self.missing is not None or (self.levels is not None and len(self.levels) != 1):
            return cells
        if self.levels is not None:
            return np.full_like(cells, self.levels[0])
        nearest: NDArray[Any] = np.clip(cells, self.low, self.high)
        return nearest


class ImplicationRule(Rule):
    """Rows that meet all of some clauses meet all of some others, too."""

    kind: Literal["implication"] = "implication"

    when: tuple[Clause, ...]
    then: tuple[Clause, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(clause.column for clause in (*self.when, *self.then))

    def holds(self, values: Values) -> Flags:
        concerned = reduce(np.logical_and, (clause.met(values) for clause in self.when))
        failed = reduce(np.logical_or, (clause.failed(values) for clause in self.then))
        held: Flags = ~(concerned & failed)
        return held

    def repair(self, values: Values, fixed: Fixed | None = None) -> dict[str, NDArray[Any]]:
        """Give the cells of ``then`` the one value that it asks for, or the nearest in its range, or make them missing.

        A clause of several levels, or one that a cell be present, tells no value.
        """
        broken = ~self.holds(values)
        moves = {}
        for clause in self.then:
            rows = broken & clause.failed(values) & _free(fixed, clause.column)
            moves[clause.column] = (rows, clause.nearest(values[clause.column][rows]))
        return _where_it_helps(self, dict(values), moves)


class CombinationsRule(Rule):
    """Levels only in combinations that enough training records share.

    Attributes
    ----------
    among : tuple of str
        The columns.
    known : tuple of tuple of int, or None
        The combinations: positions in the levels, -1 where a cell is missing. None before fitting: all are admitted.
    """

    kind: Literal["combinations"] = "combinations"

    among: tuple[str, ...]
    known: tuple[tuple[int, ...], ...] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return self.among

    @property
    def by_pairs(self) -> bool:
        return True

    def fit(self, values: Values, rare: int) -> Self:
        """Learn the combinations.

        Raises
        ------
        DataError
            When fewer than ``rare`` records share each of them, so that none may be released.
        """
        rows = _table(values, self.among)
        shared = pd.DataFrame(rows).value_counts(sort=False)
        known = sorted(shared.index[shared >= rare].tolist())
        if not known:
            raise DataError(
                f"each of {len(shared):,} combinations is shared by fewer than {rare} records, so none may be released",
                where=f"constraint {self.name!r}",
                mend="drop the constraint, or declare it between fewer columns",
            )
        return self.model_copy(update={"known": tuple(map(tuple, known))})

    def holds(self, values: Values) -> Flags:
        """Which rows agree, in the cells that are there, with a known combination."""
        rows = _table(values, self.among)
        held = np.ones(len(rows), dtype=np.bool_)
        if self.known is None:
            return held
        gone = rows < 0
        patterns, which = np.unique(gone, axis=0, return_inverse=True)
        for place, pattern in enumerate(patterns):
            there = tuple(np.flatnonzero(~pattern).tolist())
            if there:
                members = which.reshape(-1) == place
                held[members] = self._known_in(there).get_indexer(_index(rows[members][:, there])) >= 0
        return held

    def _known_in(self, places: tuple[int, ...]) -> Any:
        """The known combinations of the columns at some places, as an index of pandas."""
        if places not in self.indexes:
            self.indexes[places] = _index(np.unique(np.array(self.known, dtype=np.int64)[:, places], axis=0))
        return self.indexes[places]

    @cached_property
    def indexes(self) -> dict[tuple[int, ...], Any]:
        """The indexes that were asked for, kept because hashing many combinations takes longer than using them."""
        return {}


class OneHotRule(Rule):
    """Exactly one of several flags is up.

    Attributes
    ----------
    up : mapping of str to int
        By column, the position of the level that means yes.
    """

    kind: Literal["one_hot"] = "one_hot"

    up: dict[str, int]

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.up)

    @property
    def by_pairs(self) -> bool:
        return True

    def holds(self, values: Values) -> Flags:
        ones = reduce(np.add, ((values[name] == up).astype(np.int64) for name, up in self.up.items()))
        unknown = reduce(np.logical_or, (absent(values[name]) for name in self.up))
        held: Flags = (ones == 1) | ((ones == 0) & unknown)
        return held


AnyRule = Annotated[InequalityRule | SumRule | ImplicationRule | CombinationsRule | OneHotRule, Discriminator("kind")]


def _amounts(column: Column, values: NDArray[Any]) -> NDArray[np.float64]:
    """The numbers that cells stand for: themselves, or the levels of a discrete column."""
    if not column.discrete:
        return values
    amounts = np.array([*(float(level) for level in column.levels or ()), np.nan])
    found: NDArray[np.float64] = amounts[np.maximum(values, -1)]
    return found


def _free(fixed: Fixed | None, name: str) -> Flags | np.bool_:
    return ~fixed[name] if fixed is not None and name in fixed else np.True_


def _where_it_helps(
    rule: Rule, values: dict[str, NDArray[Any]], moves: Mapping[str, tuple[Flags, NDArray[Any]]]
) -> dict[str, NDArray[Any]]:
    """Put new cells into some rows of columns, wherever the whole row obeys afterwards."""
    tried = dict(values)
    for name, (rows, cells) in moves.items():
        tried[name] = values[name].copy()
        tried[name][rows] = cells
    helped = rule.holds(tried)
    for name, (rows, _) in moves.items():
        tried[name] = np.where(helped, tried[name], values[name]) if (helped & rows).any() else values[name]
    return tried


def _table(values: Values, names: Iterable[str]) -> NDArray[np.int64]:
    rows: NDArray[np.int64] = np.maximum(np.stack([values[name] for name in names], axis=1), -1)
    return rows


def _index(rows: NDArray[np.int64]) -> Any:
    return pd.MultiIndex.from_arrays(list(rows.T)) if rows.shape[1] > 1 else pd.Index(rows[:, 0])
