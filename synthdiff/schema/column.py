"""Column: what one column of a table is, and the way from its cells to numbers or codes and back.

``restore(numbers(x))`` and ``restore(codes(x))`` give ``x`` again, in its dtype, for every column that is learnt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from synthdiff.errors import SchemaError

Kind = Literal["continuous", "integer", "categorical", "ordinal", "boolean", "datetime", "identifier", "text"]
Role = Literal["target", "group", "quasi-identifier", "sensitive", "protected", "time", "event"]
"""What a column is used for: what is predicted; whose a row is; what an attacker may know of a person and what he is
after; by what groups must be served alike; for how long a person was followed, and whether the event came.
"""

Level = bool | int | float | str

DAY = 86_400
EXACT = 2**53
"""Whole numbers beyond this are no longer exact in float64."""
MICRO = 1_000_000

_DATE_RANGE = (-62_135_596_800.0, 253_402_300_799.0)
"""The years 1 to 9999, in seconds since 1970."""
_NANO_RANGE = (-9_223_372_036.0, 9_223_372_036.0)
"""What datetime64[ns] holds, in seconds since 1970."""


class Column(BaseModel):
    """One column of a table.

    Attributes
    ----------
    name : str
        As in the data, to the letter.
    kind : Kind
        What the values mean.
    roles : tuple of Role
        What the column is used for.
    dtype : str
        The dtype that a frame gets back: a pandas name such as ``"Int64"`` or ``"datetime64[us, Europe/Berlin]"``, or
        ``"category[int64, ordered]"`` (the dtype of the categories, and whether they are ordered), or ``"date"``
        (an object column of :class:`datetime.date`).
    levels : tuple of Level or None
        For categorical, ordinal and boolean columns: the values, ordered for ordinal ones. Empty when every cell is
        missing.
    minimum, maximum : float or None
        Declared bounds, in the column's unit (for datetimes: ISO text). Never taken from the data's extremes.
    decimals : int or None
        For continuous columns: the decimals after which every value ends, when there is such a number.
    step : int or None
        For datetimes: the seconds of which every moment is a multiple on the wall clock (86400: dates; 60; 1), when
        there is such a number.
    format : str or None
        For columns read from text, how a cell is written back: for datetimes a ``strftime`` format, for numbers whose
        decimals are padded with zeros a format such as ``".2f"``.
    nullable : bool
        Whether cells may be missing.
    unit : str or None
        The physical unit, for the reader.
    reason : str
        Why inference chose this, or ``"declared"``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Kind
    roles: tuple[Role, ...] = ()
    dtype: str = "str"
    levels: tuple[Level, ...] | None = None
    minimum: float | str | None = None
    maximum: float | str | None = None
    decimals: int | None = None
    step: int | None = None
    format: str | None = None
    nullable: bool = False
    unit: str | None = None
    reason: str = "declared"

    @property
    def discrete(self) -> bool:
        """Whether the values are levels."""
        return self.kind in ("categorical", "ordinal", "boolean")

    @property
    def numeric(self) -> bool:
        """Whether the values are ordered points on a line: numbers and moments."""
        return self.kind in ("continuous", "integer", "datetime")

    @property
    def learnt(self) -> bool:
        """Whether a generator learns the column; identifiers, the group key and free text are not learnt."""
        return self.kind not in ("identifier", "text") and "group" not in self.roles

    @property
    def bounds(self) -> tuple[float, float]:
        """The declared bounds on the scale of :meth:`numbers`, infinite where none is declared."""
        low = -np.inf if self.minimum is None else self.point(self.minimum)
        high = np.inf if self.maximum is None else self.point(self.maximum)
        return low, high

    def point(self, value: float | str) -> float:
        """A number, or a moment in ISO form on the clock of the column, on the scale of :meth:`numbers`.

        Raises
        ------
        ValueError, TypeError
            If it is neither.
        """
        if self.kind != "datetime" or not isinstance(value, str):
            return float(value)
        moment = pd.Timestamp(value)
        zone = None if self.dtype == "date" else zone_of(pandas_dtype(self.dtype))
        return float((moment.tz_localize(zone) if moment.tzinfo is None and zone else moment).timestamp())

    def numbers(self, values: pd.Series) -> np.ndarray:
        """The cells of a numeric column as points on a line.

        Parameters
        ----------
        values : Series
            Cells in any dtype that holds this kind of value.

        Returns
        -------
        ndarray of float64, shape (n,)
            NaN where missing. Moments are seconds since 1970-01-01 UTC (naive moments are taken as UTC), exact to a
            microsecond between 1834 and 2106.

        Raises
        ------
        SchemaError
            If the cells are not of this kind.
        """
        if self.kind == "datetime":
            return self._seconds(values)
        dtype = values.dtype
        if not isinstance(dtype, pd.StringDtype) and not pd.api.types.is_datetime64_any_dtype(dtype):
            try:
                return values.to_numpy(dtype="float64", na_value=np.nan)
            except (TypeError, ValueError):
                pass
        raise self._wrong(values, "numbers")

    def codes(self, values: pd.Series) -> np.ndarray:
        """The cells of a discrete column as positions in ``levels``.

        Parameters
        ----------
        values : Series
            Cells in any dtype; a cell is a level if it is equal to it, so ``1.0`` is the level ``1``.

        Returns
        -------
        ndarray of int64, shape (n,)
            -1 where missing, -2 where the cell is not a level.
        """
        found, distinct = factorize(values)
        places = {level: place for place, level in enumerate(self.levels or ())}
        codes: np.ndarray = np.array([*(places.get(value, -2) for value in distinct), -1], dtype=np.int64)[found]
        return codes

    def coordinates(self, values: pd.Series) -> np.ndarray:
        """The cells as they are computed with: :meth:`codes` of a discrete column, :meth:`numbers` of another."""
        return self.codes(values) if self.discrete else self.numbers(values)

    def restore(self, values: np.ndarray) -> pd.Series:
        """The way back from :meth:`numbers` or :meth:`codes` to cells in the column's dtype.

        Numbers are brought onto the grid of the column (whole numbers, decimals, days) and within its declared bounds,
        so that whatever comes in, what goes out obeys the schema.

        Parameters
        ----------
        values : ndarray, shape (n,)
            float64 with NaN for missing cells, or int64 codes with -1 for missing cells.

        Returns
        -------
        Series
            Named like the column.

        Raises
        ------
        SchemaError
            If a cell is missing in a column that is not nullable, a code is not a level, or the column is not learnt.
        """
        if not self.discrete and not self.numeric:
            raise SchemaError(f"column {self.name!r} is {self.kind} and has no numbers or codes to restore")
        missing = values == -1 if self.discrete else np.isnan(values)
        if missing.any() and not self.nullable:
            raise SchemaError(f"column {self.name!r} may not be missing, but {int(missing.sum())} values are")
        if self.discrete:
            cells = self._from_codes(values)
        elif self.kind == "datetime":
            cells = self._from_seconds(values, missing)
        else:
            cells = self._from_numbers(values, missing)
        return cells.rename(self.name)

    def _from_codes(self, codes: np.ndarray) -> pd.Series:
        levels = list(self.levels or ())
        if codes.size and (codes.max() >= len(levels) or codes.min() < -1):
            raise SchemaError(f"column {self.name!r} has {len(levels)} levels; a code is outside of them")
        if self.dtype.startswith("category["):
            return pd.Series(pd.Categorical.from_codes(codes, dtype=category(levels, self.dtype)))
        if self.dtype in ("object", "date"):
            cells = np.empty(len(levels) + 1, dtype=object)
            cells[:-1] = levels
            return pd.Series(cells[codes], dtype=object)
        dtype = pandas_dtype(self.dtype)
        if not levels:
            return pd.Series([None] * len(codes), dtype=dtype)
        return pd.Series(pd.array(levels, dtype=dtype).take(codes, allow_fill=bool((codes < 0).any())))

    def _from_numbers(self, values: np.ndarray, missing: np.ndarray) -> pd.Series:
        low, high = self.bounds
        filled = np.where(missing, 0.0, values)
        if self.kind == "integer":
            filled, low, high = np.rint(filled), np.ceil(low), np.floor(high)
        elif self.decimals is not None:
            filled = np.round(filled, self.decimals)
        filled = np.clip(filled, low, high)
        if self.dtype == "object":
            plain = filled.astype(np.int64).tolist() if self.kind == "integer" else filled.tolist()
            cells = np.array(plain, dtype=object)
            cells[missing] = None
            return pd.Series(cells, dtype=object)
        dtype = pandas_dtype(self.dtype)
        if pd.api.types.is_integer_dtype(dtype):
            filled = np.clip(filled, *_integer_range(dtype))
        if isinstance(dtype, np.dtype):
            return pd.Series(np.where(missing, np.nan, filled) if missing.any() else filled).astype(dtype)
        return pd.Series(pd.arrays.FloatingArray(filled, missing)).astype(dtype)

    def _seconds(self, values: pd.Series) -> np.ndarray:
        if pd.api.types.infer_dtype(values, skipna=True) == "date":
            values = pd.to_datetime(values)
        elif not pd.api.types.is_datetime64_any_dtype(values.dtype) and not values.isna().all():
            raise self._wrong(values, "dates or times")
        moments = values.to_numpy(dtype="datetime64[us]", na_value=np.datetime64("NaT"))
        whole, rest = np.divmod(moments.view("int64"), MICRO)
        return np.where(np.isnat(moments), np.nan, whole + rest / MICRO)

    def _from_seconds(self, values: np.ndarray, missing: np.ndarray) -> pd.Series:
        seconds = np.clip(np.where(missing, 0.0, values), *self.bounds)
        seconds = np.clip(seconds, *(_NANO_RANGE if "[ns" in self.dtype else _DATE_RANGE))
        whole = np.floor(seconds)
        micros = whole.astype("int64") * MICRO + np.rint((seconds - whole) * MICRO).astype("int64")
        dtype = None if self.dtype == "date" else pandas_dtype(self.dtype)
        moments = snap(pd.Series(micros.view("datetime64[us]")), self.step, zone_of(dtype))
        moments[missing] = pd.NaT
        cells: pd.Series = (
            moments.dt.date.astype(object).where(~missing, None) if dtype is None else moments.astype(dtype)
        )
        return cells

    def _wrong(self, values: pd.Series, expected: str) -> SchemaError:
        example = values.dropna()
        found = f"such as {show(example.iloc[0])}" if len(example) else "that are missing"
        return SchemaError(f"expected {expected}, got {values.dtype} cells {found}", where=f"column {self.name!r}")


def show(cell: object, width: int = 40) -> str:
    """A cell as an error message quotes it, cut to ``width`` characters."""
    text = repr(cell)
    return text if len(text) <= width else f"{text[:width]}…"


def factorize(values: pd.Series) -> tuple[np.ndarray, list[Any]]:
    """Positions in the list of distinct values (-1 where missing), and that list; for a category all its categories."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.codes.to_numpy().astype(np.int64), values.cat.categories.tolist()
    found, distinct = pd.factorize(values)
    return found, distinct.tolist()


def dtype_name(values: pd.Series) -> str:
    """The name under which :class:`Column` keeps a dtype."""
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return f"category[{dtype.categories.dtype}{', ordered' if dtype.ordered else ''}]"
    if pd.api.types.is_object_dtype(dtype):
        return "date" if pd.api.types.infer_dtype(values, skipna=True) == "date" else "object"
    return str(dtype)


def pandas_dtype(name: str) -> Any:
    """The pandas dtype of a name, other than those of categories and dates."""
    if name == "string[pyarrow]":  # pandas takes this name for its own string dtype
        import pyarrow

        return pd.ArrowDtype(pyarrow.string())
    return pd.api.types.pandas_dtype(name)


def category(levels: Sequence[Level], name: str) -> pd.CategoricalDtype:
    """The category dtype with these levels that has the name ``category[...]``."""
    inner, _, ordered = name.removeprefix("category[").removesuffix("]").partition(", ")
    return pd.CategoricalDtype(pd.Index(list(levels), dtype=pandas_dtype(inner)), ordered=bool(ordered))


def zone_of(dtype: Any) -> Any:
    """The time zone of a dtype, or None."""
    return getattr(getattr(dtype, "pyarrow_dtype", dtype), "tz", None)


def snap(moments: pd.Series, step: int | None, zone: Any) -> Any:
    """Bring naive UTC moments (datetime64[us]) to the nearest multiple of ``step`` seconds on the clock of ``zone``.

    Days are days of the zone; smaller steps are the same in every zone.
    """
    if zone is None:
        return moments.dt.round(f"{step}s") if step else moments
    aware = moments.dt.tz_localize("UTC")
    if step == DAY:
        local = aware.dt.tz_convert(zone).dt.tz_localize(None).dt.round("D")
        return local.dt.tz_localize(zone, ambiguous=np.ones(len(local), dtype=bool), nonexistent="shift_forward")
    return (aware.dt.round(f"{step}s") if step else aware).dt.tz_convert(zone)


def _integer_range(dtype: Any) -> tuple[int, int]:
    limits = np.iinfo(getattr(dtype, "numpy_dtype", dtype))
    return max(int(limits.min), -EXACT), min(int(limits.max), EXACT)
