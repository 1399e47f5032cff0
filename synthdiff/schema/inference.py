"""Inference: a column for every column of a frame, as declared or else as guessed, checked against the data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from synthdiff.errors import DataError, SchemaError
from synthdiff.schema.column import DAY, Column, Kind, Level, dtype_name, pandas_dtype, show, snap, zone_of
from synthdiff.schema.declaration import Declaration, unknown_columns
from synthdiff.schema.guess import Cells, by_range, guess, opposites

Locate = Callable[[str, int | None], str]
"""Says where a column, or a row of it (counted from 0), stands: ``"heart.csv, column 'age', row 17"``."""

MOST_DECIMALS = 6

_CONVERT = "turn the column into numbers, text, dates or booleans, for example with .astype(str)"


def place(column: str, row: int | None) -> str:
    """Where a cell of a frame stands; rows count from 1."""
    return f"column {column!r}" if row is None else f"column {column!r}, row {row + 1}"


def survey(
    frame: pd.DataFrame, declared: Mapping[str, Declaration], locate: Locate = place
) -> tuple[list[Column], list[SchemaError]]:
    """Look at every column.

    Parameters
    ----------
    frame : DataFrame
        At least two rows; unique names.
    declared : mapping of column names to Declaration
        What need not be guessed.
    locate : callable, optional
        Says where a column or a cell stands, for messages.

    Returns
    -------
    columns : list of Column
        Those that raised no problem, in order.
    problems : list of SchemaError
        One for every declared column that does not exist and for every column that contradicts its declaration.
    """
    check_table(frame)
    columns, problems = [], unknown_columns(declared, frame.columns)
    for name in frame.columns:
        try:
            columns.append(_column(Cells.of(name, frame[name]), declared.get(name, Declaration()), locate))
        except SchemaError as problem:
            problems.append(problem)
    return columns, problems


def check_table(frame: pd.DataFrame) -> None:
    """Refuse, with a :class:`DataError`, what is not a table of at least two rows whose columns have unique names."""
    if not len(frame.columns):
        raise DataError("the table has no columns", mend="give a table with a column for every variable")
    odd = [name for name in frame.columns if not isinstance(name, str)]
    if odd:
        raise DataError(f"a column is named {odd[0]!r}, which is no text", mend="name every column with text")
    twice = [name for name, times in Counter(frame.columns).items() if times > 1]
    if twice:
        names = ", ".join(repr(name) for name in twice[:10])
        raise DataError(f"several columns are called {names}", mend="give every column a name of its own")
    if len(frame) < 2:
        found = "no rows" if frame.empty else "a single row"
        raise DataError(f"the table has {found}", mend="give a table with at least two rows; a model wants hundreds")


def _column(cells: Cells, declared: Declaration, locate: Locate) -> Column:
    def problem(what: str, place: int | None = None, mend: str = "") -> SchemaError:
        row = None if place is None or not cells.rows else cells.row_of(place)
        return SchemaError(what, where=locate(cells.name, row), mend=mend)

    if cells.sort == "unsupported":
        raise _unsupported(cells, locate)
    kind, reason = _decide(cells, declared)
    discrete = kind in ("categorical", "ordinal", "boolean")
    numeric = kind in ("continuous", "integer", "datetime")
    if declared.levels and not discrete:
        raise problem(
            f"is {kind}, which has no levels", mend="drop `levels`, or declare categorical, ordinal or boolean"
        )
    if not numeric and (declared.min is not None or declared.max is not None):
        raise problem(f"is {kind}, which has no bounds", mend="drop `min` and `max`, or declare kind integer")
    _check_values(cells, declared, problem)
    column = Column(
        name=cells.name,
        kind=kind,
        roles=declared.role,
        dtype=dtype_name(cells.series),
        levels=_levels(cells, kind, declared.levels, problem) if discrete else None,
        minimum=declared.min,
        maximum=declared.max,
        format=declared.format if kind == "datetime" else None,
        nullable=cells.rows < len(cells.series),
        unit=declared.unit,
        reason=reason,
    )
    if not numeric:
        return column
    _check_kind(cells, column, problem)
    _check_bounds(cells, column, locate)
    if kind == "datetime":
        step = _largest_step(column, cells.series)
        dates = "datetime: dates" if step == DAY else reason
        return column.model_copy(update={"step": step, "reason": reason if declared.kind else dates})
    if kind == "continuous":
        return column.model_copy(update={"decimals": _fewest_decimals(column, cells.series)})
    return column


Problem = Callable[..., SchemaError]


def _decide(cells: Cells, declared: Declaration) -> tuple[Kind, str]:
    if declared.kind is not None:
        return declared.kind, "declared"
    if "group" in declared.role:
        return "identifier", f"identifier: names whose row it is, {len(cells.distinct):,} in {cells.rows:,} rows"
    if declared.levels:
        return "categorical", f"categorical: {len(declared.levels)} declared levels"
    if cells.sort in ("integers", "floats") and (declared.min is not None or declared.max is not None):
        kind: Kind = "integer" if cells.whole else "continuous"
        return kind, f"{kind}: has declared bounds"
    return guess(cells)


def _unsupported(cells: Cells, locate: Locate) -> SchemaError:
    values = cells.series
    if not pd.api.types.is_object_dtype(values.dtype):
        return SchemaError(
            f"cells of type {values.dtype} are not supported", where=locate(cells.name, None), mend=_CONVERT
        )
    types = [None if gone else type(cell).__name__ for cell, gone in zip(values, values.isna(), strict=True)]
    first = next(row for row, name in enumerate(types) if name is not None)
    other = next((row for row, name in enumerate(types) if name not in (None, types[first])), first)
    what = f"cells of type {types[first]} are not supported"
    if other != first:
        what = f"cells of several types: {types[first]} in row {first + 1}, {types[other]} here"
    return SchemaError(what, where=locate(cells.name, other), mend=_CONVERT)


def _check_values(cells: Cells, declared: Declaration, problem: Problem) -> None:
    if cells.sort == "floats":
        infinite = np.isinf(np.array(cells.distinct, dtype=np.float64))
        if infinite.any():
            raise problem("a cell is infinite", int(np.argmax(infinite)), mend="make it a number, or missing")
    for value in declared.missing:
        if value in cells.distinct and (cells.found == cells.distinct.index(value)).any():
            raise problem(
                f"{show(value)} is declared missing but still stands in the frame",
                cells.distinct.index(value),
                mend="pass the frame through synthdiff.data.declare_missing first",
            )


def _levels(cells: Cells, kind: Kind, declared: tuple[Level, ...] | None, problem: Problem) -> tuple[Level, ...]:
    if cells.sort == "moments" and cells.rows:
        raise problem(f"holds dates, which cannot be {kind}", mend="declare kind datetime")
    if cells.is_category:
        if declared and list(declared) != cells.distinct:
            mend = "drop `levels`, or use .cat.set_categories on the frame"
            raise problem("the declared levels are not the frame's categories in their order", mend=mend)
        return tuple(cells.distinct)
    if kind == "boolean" and max(len(cells.distinct), len(declared or ())) > 2:
        third = cells.distinct[2] if len(cells.distinct) > 2 else (declared or ())[2]
        mend = "declare kind categorical, or name what means missing in `missing`"
        raise problem(f"is declared boolean, but {show(third)} is a third value", min(2, len(cells.distinct) - 1), mend)
    if declared:
        _check_levels(cells, declared, problem)
        return declared
    if kind == "boolean":
        return _boolean_levels(cells)
    if kind == "ordinal" and cells.sort == "words" and cells.rows:
        ranges = by_range(cells.distinct)
        if ranges is None:
            raise problem("is ordinal, but the order of its words is not known", mend="declare levels: [low, …, high]")
        return tuple(ranges)
    return tuple(sorted(cells.distinct))


def _check_levels(cells: Cells, declared: tuple[Level, ...], problem: Problem) -> None:
    if len(set(declared)) < len(declared):
        raise problem("a level is declared twice", mend="name every level once")
    for place_, value in enumerate(cells.distinct):
        if value not in declared:
            shown = ", ".join(map(repr, declared[:10])) + ", …" * (len(declared) > 10)
            mend = "add it to `levels`, or to `missing` if it means missing"
            if cells.sort == "words" and any(isinstance(level, bool) for level in declared):
                mend = "put words such as yes and no in quotes, because YAML takes them for true and false"
            elif cells.sort == "words" and not any(isinstance(level, str) for level in declared):
                mend = "the cells are text: put the levels in quotes"
            raise problem(f"{show(value)} is not among the declared levels {shown}", place_, mend)


def _boolean_levels(cells: Cells) -> tuple[Level, ...]:
    if cells.sort == "booleans":
        return (False, True)
    if cells.sort != "words" and set(cells.distinct) <= {0, 1}:
        return (0.0, 1.0) if cells.sort == "floats" else (0, 1)
    return opposites(cells.distinct) or tuple(sorted(cells.distinct))


def _check_kind(cells: Cells, column: Column, problem: Problem) -> None:
    fits = ("moments",) if column.kind == "datetime" else ("integers", "floats")
    if cells.rows and (cells.is_category or cells.sort not in fits):
        mend = (
            "convert it with pandas.to_datetime" if column.kind == "datetime" else "convert it with pandas.to_numeric"
        )
        what = f"is declared {column.kind}, but its cells are {cells.series.dtype}, such as {show(cells.distinct[0])}"
        raise problem(what, 0, mend)
    if cells.beyond is not None and column.kind != "datetime":
        mend = "declare kind identifier, or categorical if they are codes"
        raise problem("whole numbers beyond 2^53 cannot be learnt without rounding", cells.beyond, mend)
    if column.kind == "integer" and cells.sort == "floats":
        broken = np.mod(np.array(cells.distinct, dtype=np.float64), 1) != 0
        if broken.any():
            first = int(np.argmax(broken))
            what = f"is declared integer, but {cells.distinct[first]} is no whole number"
            raise problem(what, first, mend="declare kind continuous, or round the column")


def _check_bounds(cells: Cells, column: Column, locate: Locate) -> None:
    where = locate(cells.name, None)
    try:
        low, high = column.bounds
    except (ValueError, TypeError):
        bounds = " or ".join(show(bound) for bound in (column.minimum, column.maximum) if isinstance(bound, str))
        mend = "a bound is a number, or for a datetime column an ISO date"
        raise SchemaError(f"{bounds} is no bound for a column of kind {column.kind}", where=where, mend=mend) from None
    if low > high:
        raise SchemaError(f"min {column.minimum} is above max {column.maximum}", where=where, mend="exchange them")
    numbers = column.numbers(cells.series)
    for outside, side, bound in (
        (numbers < low, "below", column.minimum),
        (numbers > high, "above", column.maximum),
    ):
        if outside.any():
            row, more = int(np.argmax(outside)), int(outside.sum()) - 1
            others = f", and so {'is' if more == 1 else 'are'} {more:,} more" if more else ""
            raise SchemaError(
                f"{cells.series.iloc[row]} is {side} the declared bound {bound}{others}",
                where=locate(cells.name, row),
                mend="correct the bound or the cells; if the value stands for missing, add it to `missing`",
            )


def _largest_step(column: Column, values: pd.Series) -> int | None:
    seconds = column.numbers(values)
    plain = Column(name=column.name, kind="datetime", dtype="datetime64[us]")
    moments: Any = plain.restore(seconds[~np.isnan(seconds)])
    zone = None if column.dtype == "date" else zone_of(pandas_dtype(column.dtype))
    exact = snap(moments, None, zone)
    return next((step for step in (DAY, 60, 1) if (snap(moments, step, zone) == exact).all()), None)


def _fewest_decimals(column: Column, values: pd.Series) -> int | None:
    numbers = column.numbers(values)
    numbers = numbers[~np.isnan(numbers)]
    name = column.dtype.lower()
    held: Any = np.float64
    if name.startswith(("float32", "float[")):
        held = np.float32
    elif name.startswith(("float16", "halffloat")):
        held = np.float16
    with np.errstate(over="ignore", invalid="ignore"):
        for decimals in range(MOST_DECIMALS + 1):
            if np.array_equal(numbers, np.round(numbers, decimals).astype(held)):
                return decimals
    return None
