"""Constraints: what a schema declares to hold between columns.

A constraint is what a person writes; :meth:`Constraint.bind` makes the rule that is computed with. The family's members
are the kinds of ``data.constraints`` in a recipe.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, field_validator, model_validator

from synthdiff.errors import SchemaError
from synthdiff.parts import Part
from synthdiff.schema.column import Column, Level, show
from synthdiff.schema.condition import Condition, clause, worded
from synthdiff.schema.guess import opposites
from synthdiff.schema.rule import (
    Clause,
    CombinationsRule,
    ImplicationRule,
    InequalityRule,
    OneHotRule,
    Rule,
    SumRule,
)

Columns = Mapping[str, Column]


class Constraint(Part):
    """The family of constraints.

    Attributes
    ----------
    columns : tuple of str
        The columns that the constraint is about; each member has it, as a field or as a property.
    """

    # A member is chosen by its kind, so that a mapping must have one though each member knows its own.
    model_config = ConfigDict(json_schema_extra=lambda schema: schema["required"].insert(0, "kind"))

    @property
    def name(self) -> str:
        """The constraint as people read it, such as ``"slos <= d.time"``."""
        raise NotImplementedError

    def misfits(self, columns: Columns) -> Iterator[SchemaError]:
        """Why the constraint cannot be between its columns, all of which exist and are learnt."""
        raise NotImplementedError

    def bind(self, columns: Columns) -> Rule:
        """The rule that is computed with, for columns that are no misfits."""
        raise NotImplementedError

    def told(self, cells: Mapping[str, Any]) -> str:
        """What a row that breaks the constraint holds, in as few of its cells as make the reader see it."""
        raise NotImplementedError

    def _problem(self, what: str, mend: str) -> SchemaError:
        return SchemaError(what, where=f"constraint {self.name!r}", mend=mend)


def _at_least_two(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) < 2:
        raise ValueError(f"found {'one column' if names else 'no column'}, expected at least two")
    if len(set(names)) < len(names):
        raise ValueError("a column is there twice")
    return names


_SEVERAL: dict[str, Any] = {"minItems": 2, "uniqueItems": True}


class Inequality(Constraint):
    """One column is at most another: numbers, dates, or ordinal columns of the same levels."""

    kind: Literal["inequality"] = Field("inequality", description="one column is at most another")

    low: str = Field(description="the column that is the lower one: numbers, dates, or ordinal levels")
    high: str = Field(description="the column that is the higher one, of the same sort")
    strict: bool = Field(False, description="whether the two must differ, too")

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if self.low == self.high:
            raise ValueError(f"low and high are both {self.low!r}, expected two columns")
        return self

    @property
    def name(self) -> str:
        return f"{self.low} {'<' if self.strict else '<='} {self.high}"

    @property
    def columns(self) -> tuple[str, ...]:
        return self.low, self.high

    def misfits(self, columns: Columns) -> Iterator[SchemaError]:
        low, high = (columns[name] for name in self.columns)
        sorts = [_sort(column) for column in (low, high)]
        if sorts[0] != sorts[1] or "unordered" in sorts:
            found = f"{low.name!r} is {low.kind} and {high.name!r} is {high.kind}"
            if low.kind == high.kind == "ordinal":
                found = f"{low.name!r} and {high.name!r} have different levels"
            yield self._problem(
                f"{found}, expected two columns of numbers, of dates, or of the same ordinal levels",
                "drop the constraint, or declare the columns' kind, or for ordinal ones their levels",
            )

    def bind(self, columns: Columns) -> InequalityRule:
        return InequalityRule(name=self.name, low=columns[self.low], high=columns[self.high], strict=self.strict)

    def told(self, cells: Mapping[str, Any]) -> str:
        return f"{self.low} is {_shown(cells[self.low])} and {self.high} {_shown(cells[self.high])}"


class Sum(Constraint):
    """A total is the sum of its parts, rounded as the total is; parts may be flags and codes that are numbers."""

    kind: Literal["sum"] = Field("sum", description="a total is the sum of its parts")

    total: str = Field(description="the column that is the sum")
    parts: Annotated[tuple[str, ...], AfterValidator(_at_least_two)] = Field(
        description="the columns that add up to it: two or more", json_schema_extra=_SEVERAL
    )

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.total in self.parts:
            raise ValueError(f"the total {self.total!r} is one of its own parts")
        return self

    @property
    def name(self) -> str:
        return f"{self.total} = {' + '.join(self.parts)}"

    @property
    def columns(self) -> tuple[str, ...]:
        return self.total, *self.parts

    def misfits(self, columns: Columns) -> Iterator[SchemaError]:
        for name in self.columns:
            column = columns[name]
            if column.kind in ("continuous", "integer"):
                continue
            counted = column.discrete and all(isinstance(level, int | float) for level in column.levels or ())
            if name == self.total or not counted:
                asked = "numbers" if name == self.total else "numbers, or levels that are numbers"
                mend = "drop the constraint, or declare the column continuous or integer"
                yield self._problem(f"column {name!r} is {column.kind}, expected {asked}", mend)

    def bind(self, columns: Columns) -> SumRule:
        return SumRule(name=self.name, total=columns[self.total], parts=tuple(columns[part] for part in self.parts))

    def told(self, cells: Mapping[str, Any]) -> str:
        total = sum(float(cells[part]) for part in self.parts)
        return f"{self.total} is {_shown(cells[self.total])} and the sum of its parts {total:.10g}"


class Implication(Constraint):
    """Where some columns meet conditions, others meet theirs, too."""

    kind: Literal["implication"] = Field("implication", description="where some conditions are met, others are, too")

    when: dict[str, Condition] = Field(
        description="conditions by column, all of which must be met for the constraint to ask anything: a value, "
        "a list of levels, a range [low, high] with null for an open end, or {missing: true}",
        json_schema_extra={"minProperties": 1},
    )
    then: dict[str, Condition] = Field(
        description="conditions by column, as in when, all of which must then be met",
        json_schema_extra={"minProperties": 1},
    )

    @field_validator("when", "then", mode="before")
    @classmethod
    def _asks_something(cls, conditions: Any) -> Any:
        if isinstance(conditions, Mapping) and not conditions:
            raise ValueError("found no condition, expected at least one; that a cell is missing is {missing: true}")
        return conditions

    @model_validator(mode="after")
    def _apart(self) -> Self:
        both = [name for name in self.when if name in self.then]
        if both:
            raise ValueError(f"column {both[0]!r} is in both when and then, expected it in one of them")
        return self

    @property
    def name(self) -> str:
        when, then = (
            " and ".join(worded(name, condition) for name, condition in conditions.items())
            for conditions in (self.when, self.then)
        )
        return f"if {when} then {then}"

    @property
    def columns(self) -> tuple[str, ...]:
        return *self.when, *self.then

    def misfits(self, columns: Columns) -> Iterator[SchemaError]:
        for name, condition in (*self.when.items(), *self.then.items()):
            try:
                clause(condition, columns[name])
            except SchemaError as problem:
                yield self._problem(problem.what, problem.mend)

    def bind(self, columns: Columns) -> ImplicationRule:
        def clauses(conditions: Mapping[str, Condition]) -> tuple[Clause, ...]:
            return tuple(clause(condition, columns[name]) for name, condition in conditions.items())

        return ImplicationRule(name=self.name, when=clauses(self.when), then=clauses(self.then))

    def told(self, cells: Mapping[str, Any]) -> str:
        return " and ".join(f"{name} is {_shown(cells[name])}" for name in list(self.then)[:2])


class Combinations(Constraint):
    """Columns of levels have only the combinations that the training part has, each shared by enough records."""

    kind: Literal["combinations"] = Field("combinations", description="only combinations of levels that the data have")

    columns: Annotated[tuple[str, ...], AfterValidator(_at_least_two)] = Field(
        description="the categorical, ordinal or boolean columns: two or more", json_schema_extra=_SEVERAL
    )

    @property
    def name(self) -> str:
        return f"combinations of {', '.join(self.columns)}"

    def misfits(self, columns: Columns) -> Iterator[SchemaError]:
        for name in self.columns:
            if not columns[name].discrete:
                mend = "declare the column categorical, or drop the constraint"
                yield self._problem(f"column {name!r} is {columns[name].kind}, expected one of levels", mend)

    def bind(self, columns: Columns) -> CombinationsRule:
        return CombinationsRule(name=self.name, among=self.columns)

    def told(self, cells: Mapping[str, Any]) -> str:
        return "their combination is not among those of the training part"


class OneHot(Constraint):
    """Exactly one of several flags is up: 1, true, yes, t, positive, present."""

    kind: Literal["one_hot"] = Field("one_hot", description="exactly one of several flags is up")

    columns: Annotated[tuple[str, ...], AfterValidator(_at_least_two)] = Field(
        description="the flags, columns of 0 and 1, false and true, no and yes: two or more",
        json_schema_extra=_SEVERAL,
    )

    @property
    def name(self) -> str:
        return f"exactly one of {', '.join(self.columns)}"

    def misfits(self, columns: Columns) -> Iterator[SchemaError]:
        for name in self.columns:
            if _up(columns[name]) is None:
                found = f"column {name!r} is {columns[name].kind}, and no level of it means yes"
                mend = "expected levels such as 0 and 1, false and true, no and yes; declare kind boolean if they are"
                yield self._problem(found, mend)

    def bind(self, columns: Columns) -> OneHotRule:
        up = {name: _up(columns[name]) for name in self.columns}
        return OneHotRule(name=self.name, up={name: place for name, place in up.items() if place is not None})

    def told(self, cells: Mapping[str, Any]) -> str:
        return "none or several of them are up"


AnyConstraint = Annotated[Inequality | Sum | Implication | Combinations | OneHot, Discriminator("kind")]


def _sort(column: Column) -> str | tuple[Level, ...]:
    """What makes two columns comparable: they are of one sort."""
    if column.kind == "datetime":
        return "dates"
    if column.kind == "ordinal":
        return column.levels or ()
    return "numbers" if column.numeric else "unordered"


def _up(column: Column) -> int | None:
    """The position of the level that means yes in a column of flags."""
    levels = list(column.levels or ())
    pair = opposites(levels)
    if pair is not None:
        return levels.index(pair[1])
    flags = column.discrete and 1 in levels and all(level in (0, 1) for level in levels)
    return levels.index(1) if flags else None


def _shown(cell: Any) -> str:
    return show(cell) if isinstance(cell, str) else str(cell)
