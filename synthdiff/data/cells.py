"""Cells: columns of text given the dtype of what they say.

A column is numbers if all its cells are; dates if all are, in one format; words otherwise. What lies between, such as
a laboratory value with a few comments in it, is refused with the cells named, because to learn it as words would lose
the numbers, and to drop the words would lose the comments.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthdiff.data.dates import MixedDatesError, common_format, is_date, parse
from synthdiff.errors import DataError
from synthdiff.schema.column import Level, show
from synthdiff.schema.declaration import Declaration
from synthdiff.schema.guess import FEW, MARKS
from synthdiff.schema.inference import Locate

_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_WHOLE = r"[+-]?[0-9]+"
_FIXED = r"[+-]?[0-9]+\.[0-9]+"
_PADDED = r"[+-]?0[0-9].*"
_COMMA = r"[+-]?[0-9]+(?:,[0-9]+)+"
_INFINITE = r"(?i)[+-]?inf(?:inity)?"
_CODE = r"[A-Za-z]{1,3}[-. ]?[0-9][0-9A-Za-z.-]*"

MOSTLY = 0.9
"""From this share of numbers (or dates) on, a column is one of numbers (or dates) with errors in it."""
NEARLY_ALL = 0.99
"""The same for a column of few distinct whole numbers, which with a few words in it may be one of codes."""


def type_cells(name: str, cells: pd.Series, declared: Declaration, locate: Locate) -> tuple[pd.Series, str | None]:
    """Give a column of text the dtype of what it says.

    Parameters
    ----------
    name : str
        The column's name.
    cells : Series of str, shape (n,)
        The text, ``""`` where a cell is empty.
    declared : Declaration
        What is known of the column.
    locate : callable
        Says where a cell stands, for messages.

    Returns
    -------
    Series
        int64, Int64, float64, datetime64 or str, in this order of preference.
    str or None
        The format in which the cells are written, where that is not the default one.

    Raises
    ------
    DataError
        When cells do not fit the rest of the column or what is declared.
    """
    text = _Text(name, cells, declared.missing, locate)
    levels = declared.levels or ()
    if declared.kind == "text" or (levels and all(isinstance(level, str) for level in levels)):
        return text.as_words(), None
    if declared.kind == "datetime":
        return text.as_dates(declared.format)
    if declared.kind in ("continuous", "integer"):
        text.refuse_odd_numbers()
        return text.as_numbers(exact=True)
    if text.all_numbers():
        return text.as_numbers()
    if declared.kind is None and "group" not in declared.role:
        if text.all_dates():
            return text.as_dates(declared.format)
        text.refuse_mixture()
    return text.as_words(), None


class _Text:
    """The distinct cells of a column of text and what they look like."""

    def __init__(self, name: str, cells: pd.Series, missing: tuple[Level, ...], locate: Locate) -> None:
        self.name, self.locate = name, locate
        self.found, distinct = pd.factorize(cells)
        self.words = pd.Series(distinct, dtype="str")
        self.trimmed = self.words.str.strip()
        self.counts = np.bincount(self.found, minlength=len(self.words))
        self.blank = ((self.trimmed == "") | _is_declared(self.trimmed, missing)).to_numpy()
        self.mark = ~self.blank & self.trimmed.str.lower().isin(MARKS).to_numpy()
        self.rest = ~self.blank & ~self.mark
        self.number = self.rest & self._like(_NUMBER)

    def _like(self, pattern: str) -> np.ndarray:
        return self.trimmed.str.fullmatch(pattern).to_numpy(dtype=bool)

    def _share(self, which: np.ndarray) -> float:
        return float(self.counts[which].sum() / max(self.counts[self.rest].sum(), 1))

    def all_numbers(self) -> bool:
        """Whether all cells but the missing ones are numbers, and none is a code such as 007."""
        return bool(self.rest.any() and self.number[self.rest].all() and not (self.rest & self._like(_PADDED)).any())

    def all_dates(self) -> bool:
        """Whether all cells but the missing ones have the shape of a date."""
        return bool(self.rest.any() and is_date(self.trimmed[self.rest]).all())

    # ------------------------------------------------------------------ refusals

    def _problem(self, odd: np.ndarray, what: str, mend: str) -> DataError:
        places = sorted(np.flatnonzero(odd)[:1000].tolist(), key=self._row_of)
        shown = ", ".join(show(self.words[place]) for place in places[:3]) + ", …" * (len(places) > 3)
        cells = f"{what} in {self.counts[odd].sum():,} of {self.counts[~self.blank].sum():,} cells: {shown}"
        return DataError(cells, where=self.locate(self.name, self._row_of(places[0])), mend=mend)

    def _row_of(self, place: int) -> int:
        return int(np.argmax(self.found == place))

    def _advice(self, odd: np.ndarray) -> str:
        if self._share(odd) > 0.5:
            return "correct the cells, or declare another kind for the column"
        words = ", ".join(repr(word) for word in self.words[odd].tolist()[:3])
        return f"correct the cells, or declare missing: [{words}]"

    def refuse_odd_numbers(self) -> None:
        """Refuse cells that are no numbers, in a column that is meant to hold numbers."""
        infinite, comma = self.rest & self._like(_INFINITE), self.rest & self._like(_COMMA)
        odd = self.rest & ~self.number
        if infinite.any():
            raise self._problem(infinite, "an infinite number", self._advice(infinite))
        if comma.any() and not (odd & ~comma).any():
            mend = "write numbers with a decimal point and without thousands separators, as 3.2 and 1200"
            raise self._problem(comma, "a comma in the number", f"{mend}, or declare kind: categorical")
        if odd.any():
            raise self._problem(odd, "no number", f"{self._advice(odd)}, or kind: categorical")

    def refuse_mixture(self) -> None:
        """Refuse a column that seems to be meant as numbers or dates and has other cells too; words pass."""
        comma, infinite = self._like(_COMMA), self._like(_INFINITE)
        odd = self.rest & ~self.number
        if not odd.any() or (self.rest & self._like(_PADDED)).any():
            return
        if not (odd & ~comma).any() or (self.number.any() and not (odd & ~infinite).any()):
            self.refuse_odd_numbers()
        few = self.number.sum() <= FEW and not (self.number & ~self._like(_WHOLE)).any()
        if self._share(self.number) >= (NEARLY_ALL if few else MOSTLY) and (odd & ~self._like(_CODE)).any():
            self.refuse_odd_numbers()
        dates = self.rest.copy()
        dates[self.rest] = is_date(self.trimmed[self.rest]).to_numpy()
        if self._share(dates) >= MOSTLY:
            odd = self.rest & ~dates
            raise self._problem(odd, "no date", f"{self._advice(odd)}, or kind: categorical")

    # ------------------------------------------------------------------ typing

    def as_words(self) -> pd.Series:
        """The cells to the letter; only blank ones are missing."""
        words = self.words.mask(self.blank)
        return pd.Series(words.array.take(self.found))

    def as_numbers(self, exact: bool = False) -> tuple[pd.Series, str | None]:
        """The cells as whole numbers if all are written so, as floats otherwise; ``exact`` refuses too long ones."""
        kept = self.trimmed[self.rest].tolist()
        missing = ~self.rest[self.found]
        if not (self.rest & ~self._like(_WHOLE)).any():
            whole = [int(word) for word in kept]
            if all(-(2**63) <= value < 2**63 for value in whole):
                values = np.zeros(len(self.words), dtype=np.int64)
                values[self.rest] = whole
                cells = values[self.found]
                return pd.Series(pd.arrays.IntegerArray(cells, missing) if missing.any() else cells), None
            if not exact:
                return self.as_words(), None
            long = self.rest.copy()
            long[self.rest] = [not -(2**63) <= value < 2**63 for value in whole]
            raise self._problem(long, "a whole number too long to be exact", "declare kind: identifier")
        floats = np.full(len(self.words), np.nan)
        floats[self.rest] = [float(word) for word in kept]
        if np.isinf(floats).any():
            odd = np.isinf(floats)
            raise self._problem(odd, "more than a number can hold", self._advice(odd))
        return pd.Series(floats[self.found]), self._fixed_decimals()

    def _fixed_decimals(self) -> str | None:
        """The format of numbers that are all written with the same two or more decimals."""
        if (self.rest & ~self._like(_FIXED)).any() or not self.rest.any():
            return None
        lengths = self.trimmed[self.rest].str.split(".").str[1].str.len().unique().tolist()
        return f".{lengths[0]}f" if len(lengths) == 1 and 2 <= lengths[0] <= 15 else None

    def as_dates(self, form: str | None) -> tuple[pd.Series, str | None]:
        """The cells as moments, in the format given or else in the one that they share."""
        words = self.trimmed[self.rest].reset_index(drop=True)
        places = np.flatnonzero(self.rest)
        if form is None and len(words):
            strange = ~is_date(words).to_numpy()
            if strange.any():
                odd = np.isin(np.arange(len(self.words)), places[strange])
                mend = f"{self._advice(odd)}, or their format, such as format: '%d.%m.%y'"
                raise self._problem(odd, "no date in a known format", mend)
            form = self._one_format(words, places)
        moments = parse(words, form) if form is not None else pd.Series([], dtype="datetime64[us]")
        wrong = moments.isna().to_numpy()
        if wrong.any():
            odd = np.isin(np.arange(len(self.words)), places[wrong])
            raise self._problem(odd, f"no date in the format {form}", self._advice(odd))
        order = np.full(len(self.words), -1)
        order[places] = np.arange(len(places))
        return pd.Series(moments.array.take(order[self.found], allow_fill=True)), form

    def _one_format(self, words: pd.Series, places: np.ndarray) -> str:
        try:
            return common_format(words)
        except MixedDatesError as mixed:
            row = self._row_of(places[mixed.cell])
            raise DataError(mixed.what, where=self.locate(self.name, row), mend=mixed.mend) from None


def _is_declared(words: pd.Series, missing: tuple[Level, ...]) -> pd.Series:
    """Which words are among the declared missing ones, by spelling or by value: 0 is also 0.0."""
    found = words.isin([str(value) for value in missing])
    numbers = [float(value) for value in missing if isinstance(value, int | float)]
    if numbers:
        found |= words.where(words.str.fullmatch(_NUMBER)).astype("float64").isin(numbers)
    return found
