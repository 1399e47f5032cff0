"""Spelling: typed columns written as text, and text or frames read the way a known column has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from synthdiff.data.cells import type_cells
from synthdiff.data.dates import default_format, spell
from synthdiff.schema.column import Column, dtype_name, factorize, pandas_dtype, zone_of
from synthdiff.schema.declaration import Declaration
from synthdiff.schema.inference import Locate

_WORDS = ("str", "string", "string[pyarrow]", "object")


def spell_cells(values: pd.Series, column: Column) -> list[str]:
    """Write the cells of a column as text.

    Parameters
    ----------
    values : Series, shape (n,)
        The cells.
    column : Column
        Says in which format.

    Returns
    -------
    list of str
        ``""`` for missing cells. :func:`type_like` gives the cells back.
    """
    if _holds_moments(values):
        found, distinct = pd.factorize(_moments(values))
        moments = pd.Series(distinct)
        texts = spell(moments, column.format or default_format(column, moments))
    else:
        found, plain = factorize(values)
        if str(values.dtype).lower() in ("float32", "float[pyarrow]"):
            plain = [np.float32(value) for value in plain]
        texts = [_spell(value, column.format) for value in plain]
    table = np.array([*texts, ""], dtype=object)
    return table[found].tolist()  # type: ignore[no-any-return]


def _spell(value: Any, form: str | None) -> str:
    """The shortest text that reads as the value again, with zeros for decimals if the column is written so."""
    if form is not None and isinstance(value, float | np.floating):
        text = format(float(value), form)
        if float(text) == float(value):
            return text
    return str(value)


def _holds_moments(values: pd.Series) -> bool:
    dates = pd.api.types.infer_dtype(values, skipna=True) == "date"
    return dates or pd.api.types.is_datetime64_any_dtype(values.dtype)


def _moments(values: pd.Series) -> pd.Series:
    """Dates and moments of any dtype as datetime64, in their zone."""
    if pd.api.types.infer_dtype(values, skipna=True) == "date":
        return pd.to_datetime(values)
    unit, zone = "ns" if "[ns" in str(values.dtype) else "us", zone_of(values.dtype)
    moments = pd.Series(values.to_numpy(dtype=f"datetime64[{unit}]", na_value=np.datetime64("NaT")))
    return moments if zone is None else moments.dt.tz_localize("UTC").dt.tz_convert(zone)


def type_like(name: str, cells: pd.Series, column: Column, locate: Locate) -> pd.Series:
    """Give a column of text the dtype of a known column, as far as its cells allow.

    Cells that are no level of the column stay, for an audit to find.

    Raises
    ------
    DataError
        When a cell of a numeric column is no number, or one of a datetime column no date.
    """
    kind = "continuous" if column.kind == "integer" else column.kind
    levels = column.levels or ()
    if column.discrete:
        kind = "text" if all(isinstance(level, str | bool) for level in levels) else "categorical"
    elif not column.numeric:
        kind = "text" if column.dtype in _WORDS or column.dtype.startswith("category[") else "identifier"
    typed, _ = type_cells(name, cells, Declaration(kind=kind, format=column.format), locate)
    if levels and all(isinstance(level, bool) for level in levels):
        lower = typed.str.lower()
        if lower.dropna().isin(["true", "false"]).all():
            typed = (lower == "true").astype("boolean").mask(lower.isna())
    return as_column(typed, column)


def as_column(values: pd.Series, column: Column) -> pd.Series:
    """Convert a column to the dtype of a known one, or leave it as it is where that would lose something."""
    if column.discrete:
        codes = column.codes(values)
        gaps = bool((codes < 0).any())
        if (codes < -1).any() or (gaps and not _holds_missing(column.dtype)):
            return values
        return column.model_copy(update={"nullable": True}).restore(codes)
    if dtype_name(values) == column.dtype:
        return values
    try:
        converted = _convert(values, column.dtype)
        whole = pd.api.types.is_integer_dtype(converted.dtype) and column.numeric
        if whole and not np.array_equal(column.numbers(values), column.numbers(converted), equal_nan=True):
            return values
    except (TypeError, ValueError, OverflowError):
        return values
    return converted


def _holds_missing(dtype: str) -> bool:
    return not dtype.startswith(("int", "uint", "bool")) or dtype == "boolean" or dtype.endswith("[pyarrow]")


def _convert(values: pd.Series, dtype: str) -> pd.Series:
    if _holds_moments(values):
        moments = _moments(values)
        if dtype in ("date", "object"):
            dates: pd.Series = moments.dt.date.astype(object)
            return dates.where(moments.notna(), None)
        zone = zone_of(pandas_dtype(dtype))
        if (zone is None) != (moments.dt.tz is None):
            return values
        return (moments if zone is None else moments.dt.tz_convert(zone)).astype(pandas_dtype(dtype))
    if dtype.startswith("category["):
        return values.astype("category")
    if dtype in ("object", "date"):
        return values.astype(object).where(values.notna(), None)
    return values.astype(pandas_dtype(dtype))


def declare_missing(frame: pd.DataFrame, declared: Mapping[str, Declaration]) -> pd.DataFrame:
    """Make the cells missing that are declared to mean so.

    Parameters
    ----------
    frame : DataFrame
        Is not changed.
    declared : mapping of column names to Declaration
        Their ``missing`` holds the values; columns that the frame does not have are ignored.

    Returns
    -------
    DataFrame
        Columns of whole numbers or booleans that get missing cells become Int64 or boolean.
    """
    changed = {}
    for name, said in declared.items():
        if not said.missing or name not in frame.columns:
            continue
        values = frame[name]
        gone = values.isin(list(said.missing))
        if isinstance(values.dtype, pd.CategoricalDtype):
            values = values.cat.remove_categories([level for level in said.missing if level in values.cat.categories])
        elif isinstance(values.dtype, np.dtype) and values.dtype.kind in "iub" and gone.any():
            values = values.convert_dtypes().mask(gone)
        elif gone.any():
            values = values.mask(gone)
        changed[name] = values
    return frame.assign(**changed)
