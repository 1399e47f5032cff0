"""Obedience: whether constraints can be between a table's columns, and whether its rows obey them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from synthdiff.errors import SchemaError
from synthdiff.explain import explain, path_text
from synthdiff.schema.column import Column
from synthdiff.schema.constraint import AnyConstraint, Constraint, Inequality
from synthdiff.schema.declaration import nearest
from synthdiff.schema.rule import Flags, Rule

if TYPE_CHECKING:
    from synthdiff.schema.schema import Schema

Columns = Mapping[str, Column]
Said = Mapping[str, Any] | AnyConstraint
"""A constraint, or the mapping that a recipe says it by."""


def read_constraints(said: Iterable[Said]) -> tuple[AnyConstraint, ...]:
    """Read constraints, each from a mapping as in a recipe or from itself.

    Raises
    ------
    SchemaError
        With everything that is wrong about them by themselves.
    """
    read: list[Any] = []
    problems: list[SchemaError] = []
    for place, spec in enumerate(said):
        where = f"constraints[{place}]"
        if isinstance(spec, Constraint):
            read.append(spec)
            continue
        kind = str(dict(spec).get("kind"))
        member = Constraint.members.get(kind)
        if member is None:
            mend = nearest(kind, sorted(Constraint.members))
            problems.append(SchemaError(f"no constraint is called {kind!r}", where=where, mend=mend))
            continue
        try:
            read.append(member.model_validate(dict(spec)))
        except ValidationError as invalid:
            problems += [
                SchemaError(found.what, where=".".join(filter(None, (where, path_text(found.path)))), mend=found.mend)
                for found in explain(member, invalid)
            ]
    if problems:
        raise SchemaError.together(problems)
    return tuple(read)


def problems_of(constraint: AnyConstraint, columns: Columns) -> list[SchemaError]:
    """Why a constraint cannot be between columns of a table; empty when it can."""
    where = f"constraint {constraint.name!r}"
    found = []
    for name in constraint.columns:
        if name not in columns:
            found.append(SchemaError(f"there is no column {name!r}", where=where, mend=nearest(name, columns)))
        elif not columns[name].learnt:
            why = "the group" if "group" in columns[name].roles else columns[name].kind
            mend = "drop the constraint, or declare another kind for the column"
            found.append(SchemaError(f"column {name!r} is {why}, which is not learnt", where=where, mend=mend))
    return found or list(constraint.misfits(columns))


def contradictions(constraints: Sequence[AnyConstraint]) -> Iterator[SchemaError]:
    """Constraints that are there twice, and inequalities that go in a circle."""
    names = [constraint.name for constraint in constraints]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield SchemaError("is declared twice", where=f"constraint {name!r}", mend="keep one of the two")
    above: dict[str, list[str]] = {}
    for constraint in constraints:
        if isinstance(constraint, Inequality):
            above.setdefault(constraint.low, []).append(constraint.high)
    told: set[str] = set()
    for start in above:
        circle = _way(above, start)
        if circle and not told & set(circle):
            told |= set(circle)
            mend = "drop one of these inequalities; columns that are always equal need not both be kept"
            yield SchemaError(f"the inequalities go in a circle: {' <= '.join(circle)}", where="constraints", mend=mend)


def _way(above: Mapping[str, list[str]], start: str) -> list[str]:
    """A way from a column up to itself; empty when there is none."""
    came = {start: start}
    waiting = [start]
    while waiting:
        here = waiting.pop()
        for there in above.get(here, ()):
            if there == start:
                way = [start]
                while here != start:
                    way.append(here)
                    here = came[here]
                return [start, *way[:0:-1], start]
            if there not in came:
                came[there] = here
                waiting.append(there)
    return []


def rules_of(
    constraints: Iterable[AnyConstraint], columns: Columns, frame: pd.DataFrame | None = None, rare: int = 1
) -> tuple[Rule, ...]:
    """The rules that are computed with; see :meth:`synthdiff.schema.Schema.rules`."""
    rules = []
    for constraint in constraints:
        rule: Rule = constraint.bind(columns)
        rules.append(rule if frame is None else rule.fit(_values(frame, columns, rule.columns), rare))
    return tuple(rules)


def verify(constraints: Sequence[AnyConstraint], columns: Columns, frame: pd.DataFrame) -> list[SchemaError]:
    """Everything that is wrong about constraints between the columns of a frame, and every one that its rows break.

    A column of the frame that is not among ``columns`` has a problem of its own, and constraints on it are not judged.
    """
    problems = list(contradictions(constraints))
    for constraint in constraints:
        if any(name in frame.columns and name not in columns for name in constraint.columns):
            continue
        found = problems_of(constraint, columns)
        problems += found or _disobeyed(constraint, columns, frame)
    return problems


def _disobeyed(constraint: AnyConstraint, columns: Columns, frame: pd.DataFrame) -> list[SchemaError]:
    values = _values(frame, columns, constraint.columns)
    rows = np.flatnonzero(~constraint.bind(columns).holds(values))
    if not rows.size:
        return []
    first = int(rows[0])
    told = constraint.told({name: frame[name].iloc[first] for name in constraint.columns})
    others = ", ".join(str(row + 1) for row in rows[1:5]) + ", …" * (rows.size > 5)
    more = f"; so do rows {others}" if rows.size > 2 else f"; so does row {others}" if rows.size > 1 else ""
    return [
        SchemaError(
            f"{rows.size:,} of {len(frame):,} rows break it: here {told}{more}",
            where=f"constraint {constraint.name!r}, row {first + 1}",
            mend="correct the rows, or drop the constraint",
        )
    ]


def broken(frame: pd.DataFrame, schema: Schema, real: pd.DataFrame | None = None) -> dict[str, Flags]:
    """Which rows of a table break which constraints.

    Parameters
    ----------
    frame : DataFrame of shape (n, columns)
    schema : Schema
    real : DataFrame, optional
        The table whose combinations are the known ones; without it no row breaks a constraint on combinations.

    Returns
    -------
    dict of str to ndarray of bool, shape (n,)
        By the constraint's name, such as ``"slos <= d.time"``; for all constraints, broken or not.

    Raises
    ------
    SchemaError
        If cells are not of their column's kind.
    """
    columns = {column.name: column for column in schema}
    rules = schema.rules(real)
    return {rule.name: ~rule.holds(_values(frame, columns, rule.columns)) for rule in rules}


def _values(frame: pd.DataFrame, columns: Columns, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Some columns of a frame as rules compute with them."""
    return {name: columns[name].coordinates(frame[name]) for name in names}
