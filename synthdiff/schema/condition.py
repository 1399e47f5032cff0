"""Conditions: what a constraint asks of a column's cells, as people write it, and its meaning for one column.

========================  =============================================================================
``male``                  one value
``[a, b, c]``             levels of a categorical or boolean column; of an ordinal one, unless there are two
``[60, 80]``              a range of numbers, dates or ordinal levels, both ends included
``[60, null]``            a range without an upper end
``{missing: true}``       the cell is missing (``None`` in Python)
``{missing: false}``      the cell is present
========================  =============================================================================
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema

from synthdiff.errors import SchemaError
from synthdiff.schema.column import Column, Level, show
from synthdiff.schema.declaration import nearest
from synthdiff.schema.grid import beside, on_grid
from synthdiff.schema.rule import Clause


class Presence(BaseModel):
    """That a cell is missing, or that it is not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    missing: bool


def _read(said: Any) -> Any:
    if said is None:
        return Presence(missing=True)
    if isinstance(said, Presence):
        return said
    if isinstance(said, Mapping):
        if list(said) != ["missing"] or not isinstance(said["missing"], bool):
            raise ValueError("found a mapping of keys, expected {missing: true} or {missing: false}")
        return Presence(missing=said["missing"])
    if not isinstance(said, list | tuple | set | frozenset):
        return _level(said)
    items = tuple(None if item is None else _level(item) for item in said)
    if not items:
        raise ValueError("found an empty list, expected levels or a range [low, high]")
    if None in items and (len(items) != 2 or items == (None, None)):
        raise ValueError("null stands for an open end of a range [low, high], and for one end only")
    return items


def _level(said: Any) -> Level:
    if isinstance(said, np.generic):
        said = said.item()
    if isinstance(said, datetime.date):
        said = said.isoformat()
    if not isinstance(said, bool | int | float | str):
        found = "a list" if isinstance(said, list | tuple) else f"{show(said)}"
        raise ValueError(
            f"found {found}, expected a value, a list of levels, a range [low, high], or {{missing: true}}"
        )
    return said


_SCALAR = {"type": ["string", "number", "boolean"]}
_PRESENCE = {
    "type": "object",
    "properties": {"missing": {"type": "boolean"}},
    "required": ["missing"],
    "additionalProperties": False,
}

Condition = Annotated[
    Level | tuple[Level | None, ...] | Presence,
    BeforeValidator(_read),
    WithJsonSchema(
        {
            "anyOf": [
                _SCALAR,
                {"type": "array", "minItems": 1, "items": {"anyOf": [_SCALAR, {"type": "null"}]}},
                _PRESENCE,
            ]
        }
    ),
]


def worded(column: str, condition: Condition) -> str:
    """A condition as people read it."""
    if isinstance(condition, Presence):
        return f"{column} is {'missing' if condition.missing else 'present'}"
    if isinstance(condition, tuple):
        return f"{column} in [{', '.join('null' if item is None else str(item) for item in condition)}]"
    return f"{column} = {condition}"


def clause(condition: Condition, column: Column) -> Clause:
    """What a condition means for a column.

    Raises
    ------
    SchemaError
        When no cell of the column can meet it.
    """
    if isinstance(condition, Presence):
        if condition.missing and not column.nullable:
            raise SchemaError(f"column {column.name!r} is never missing", mend="name a value, levels or a range")
        return Clause(column=column.name, missing=condition.missing)
    if column.discrete:
        return Clause(column=column.name, levels=_positions(condition, column))
    if not isinstance(condition, tuple):
        return _span(column, condition, condition)
    if len(condition) != 2:
        mend = "write a range [low, high], or one value"
        raise SchemaError(f"column {column.name!r} is {column.kind}, which has no levels to list", mend=mend)
    return _span(column, *condition)


def _positions(condition: Level | tuple[Level | None, ...], column: Column) -> tuple[int, ...]:
    if not isinstance(condition, tuple):
        return (_position(condition, column),)
    if column.kind == "ordinal" and len(condition) == 2:
        low, high = condition
        first = 0 if low is None else _position(low, column)
        last = len(column.levels or ()) - 1 if high is None else _position(high, column)
        if first > last:
            what = f"{show(low)} comes after {show(high)} in the order of column {column.name!r}"
            raise SchemaError(what, mend="exchange the ends of the range")
        return tuple(range(first, last + 1))
    if None in condition:
        what = f"column {column.name!r} is {column.kind} and has no order, so that no range in it can be open"
        raise SchemaError(what, mend="list the levels, or declare kind ordinal")
    return tuple(sorted({_position(level, column) for level in condition}))  # type: ignore[arg-type]


def _position(level: Level, column: Column) -> int:
    """The place of a level, which may be spelt as text: ``"1"`` for 1."""
    levels = list(column.levels or ())
    if level in levels:
        return levels.index(level)
    spelt = [str(known) for known in levels]
    if str(level) not in spelt:
        raise SchemaError(f"column {column.name!r} has no level {show(level)}", mend=nearest(str(level), spelt))
    return spelt.index(str(level))


def _span(column: Column, low: Level | None, high: Level | None) -> Clause:
    """A range, its ends drawn in to values that the column can have."""
    first, last = _drawn_in(column, low, up=True), _drawn_in(column, high, up=False)
    if first <= last:  # never so with NaN, where the column has no value on the inner side of an end
        ends = {"low": first, "high": last}
        return Clause(column=column.name, **{end: point for end, point in ends.items() if np.isfinite(point)})
    found = f"is {show(low)}" if low == high else f"lies in [{_end(low)}, {_end(high)}]"
    limits = f"from {_end(column.minimum)} to {_end(column.maximum)}" if np.isfinite(column.bounds).any() else ""
    mend = f"its values are {', '.join(filter(None, (_grid(column), limits)))}"
    raise SchemaError(f"no value of column {column.name!r} {found}", mend=mend)


def _drawn_in(column: Column, end: Level | None, *, up: bool) -> float:
    """The value nearest to an end of a range, on its inner side; NaN where the column has none there."""
    if end is None:
        return -np.inf if up else np.inf
    point = np.array([_point(end, column)])
    near = on_grid(column, point)
    # What people write as 0.1 is another number in float32.
    slack = 1e-6 * np.abs(point) if column.kind == "continuous" else 0.0
    if np.abs(near - point) > slack:
        near = beside(column, point, up=up)
        near[(near < point) if up else (near > point)] = np.nan
    return float(near[0])


def _point(value: Level, column: Column) -> float:
    try:
        point = column.point(value)
        if not np.isfinite(point):
            raise ValueError
    except (ValueError, TypeError):
        mend = "write it in ISO form, such as 2024-03-17" if column.kind == "datetime" else "write a number"
        raise SchemaError(
            f"{show(value)} is no value of column {column.name!r}, which is {column.kind}", mend=mend
        ) from None
    return point


def _end(value: Level | None) -> str:
    return "…" if value is None else str(value)


def _grid(column: Column) -> str:
    if column.kind == "integer":
        return "whole numbers"
    if column.kind == "datetime":
        return "dates" if column.step == 86_400 else "moments"
    return "numbers" if column.decimals is None else f"numbers of {column.decimals} decimals"
