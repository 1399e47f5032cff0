"""Guesses: what a column seems to be when nobody declared it, and why, in words that a person understands.

A guess looks at the cells and at the column's name. It never tells a value of a column that is not a level, and it is
wrong in the direction that can be seen: a code taken for a whole number shows in the report, a person's identifier
that is learnt does not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from synthdiff.schema.column import EXACT, Kind, Level, factorize

Sort = Literal["booleans", "integers", "floats", "moments", "words", "unsupported"]

FEW = 20
"""Up to so many values, a column of words or codes is a list of levels whatever the number of rows."""
MANY = 1_000
"""From so many values on, a column named like an identifier is one whatever the number of rows."""
LONG = 500
"""No level has so many characters."""

MARKS = frozenset({"na", "n/a", "#n/a", "<na>", "nan", "null", "none", "nil", "?", ".", "-", "--"})
"""What a cell that stands for a missing number or date looks like, in lower case."""

_FLAGS = ([0, 1], [1, 2])
_OPPOSITES = (
    ("0", "1"), ("n", "y"), ("no", "yes"), ("f", "t"), ("false", "true"), ("off", "on"), ("-", "+"),
    ("neg", "pos"), ("negative", "positive"), ("absent", "present"),
)  # fmt: skip
_IDENTIFIER = re.compile(
    r"(^|_)(id|ids|identifier|uid|uuid|guid|mrn|ssn)($|_)|(^|_)(nbr|sno|pid)$"
    r"|(patient|subject|case|record|person|participant|encounter|visit|admission|serial|sample|study)_?"
    r"(no|nr|num|number|key)$"
)
_CODE = re.compile(r"(^|_)(id|code)$")
_PERSONAL = re.compile(
    r"(first|last|sur|family|given|full|patient|middle)_?name$|(^|_)(e?mail|phone|telephone|address|street)($|_)"
)
_RANGE = re.compile(
    r"[\[(]?\s*(?P<from>\d+(?:\.\d+)?)\s*(?:-|–|to)\s*\d+(?:\.\d+)?\s*[\])]?"
    r"|(?P<sign>[<>≤≥])=?\s*(?P<than>\d+(?:\.\d+)?)|(?P<over>\d+(?:\.\d+)?)\s*\+"
)


@dataclass(frozen=True)
class Cells:
    """The cells of a column, looked through once.

    Attributes
    ----------
    name : str
        The column's name.
    series : Series
        The cells.
    found : ndarray of int64, shape (n,)
        Each cell's position in ``distinct``, -1 where missing.
    distinct : list
        The distinct values in the order of appearance; for a category all its categories.
    sort : Sort
        What the cells are made of.
    """

    name: str
    series: pd.Series
    found: np.ndarray
    distinct: list[Any]
    sort: Sort

    @classmethod
    def of(cls, name: str, values: pd.Series) -> Cells:
        """Look through a column."""
        sort = _sort(values)
        found, distinct = (np.empty(0, np.int64), []) if sort == "unsupported" else factorize(values)
        return cls(name, values, found, distinct, sort)

    @property
    def rows(self) -> int:
        """How many cells are not missing."""
        return int((self.found >= 0).sum())

    @property
    def is_category(self) -> bool:
        """Whether the frame itself says that the cells are levels."""
        return isinstance(self.series.dtype, pd.CategoricalDtype)

    @property
    def whole(self) -> bool:
        """Whether the cells are whole numbers."""
        floats = self.sort == "floats" and all(float(value).is_integer() for value in self.distinct)
        return floats or self.sort == "integers"

    @property
    def beyond(self) -> int | None:
        """The position of a whole number that float64 does not hold, if there is one."""
        if self.sort != "integers":
            return None
        return next((place for place, value in enumerate(self.distinct) if abs(value) > EXACT), None)

    def row_of(self, place: int) -> int:
        """The first row with the distinct value at ``place``."""
        return int(np.argmax(self.found == place))


def _sort(values: pd.Series) -> Sort:
    is_category = isinstance(values.dtype, pd.CategoricalDtype)
    if is_category:
        values = pd.Series(values.cat.categories)
    dtype, types = values.dtype, pd.api.types
    if types.is_object_dtype(dtype):
        found = types.infer_dtype(values.dropna())
        sorts: dict[str, Sort] = {
            "string": "words", "empty": "words", "boolean": "booleans", "integer": "integers", "floating": "floats",
            "mixed-integer-float": "floats",
        }  # fmt: skip
        return "moments" if found == "date" and not is_category else sorts.get(found, "unsupported")
    if types.is_string_dtype(dtype):
        return "words"
    if types.is_bool_dtype(dtype):
        return "booleans"
    if types.is_integer_dtype(dtype):
        return "integers"
    if types.is_float_dtype(dtype):
        return "floats"
    if not is_category and (types.is_datetime64_any_dtype(dtype) or types.infer_dtype(values, skipna=True) == "date"):
        return "moments"
    return "unsupported"


def guess(cells: Cells) -> tuple[Kind, str]:
    """Guess the kind of a column; returns it with the reason."""
    if not cells.rows:
        return "categorical", "categorical: every cell is missing"
    if cells.is_category:
        ordered = bool(cells.series.cat.ordered)
        kind: Kind = "ordinal" if ordered else "categorical"
        return kind, f"{kind}: the frame gives it {len(cells.distinct):,} {'ordered ' * ordered}categories"
    if cells.sort == "booleans":
        return "boolean", "boolean: true or false"
    if cells.sort == "moments":
        return "datetime", "datetime: moments in time"
    return _guess_words(cells) if cells.sort == "words" else _guess_numbers(cells)


def _guess_numbers(cells: Cells) -> tuple[Kind, str]:
    distinct, rows = len(cells.distinct), cells.rows
    if not cells.whole:
        return "continuous", f"continuous: {distinct:,} distinct number{'s' * (distinct != 1)}"
    if distinct == 2 and sorted(cells.distinct) in _FLAGS:
        return "boolean", f"boolean: two levels, {min(cells.distinct)} and {max(cells.distinct)}"
    named = _named(cells, _IDENTIFIER)
    if named and distinct == rows:
        return "identifier", "identifier: unique in every row and named like one"
    if named and _too_many(cells):
        persons = "declare role group if they name the persons"
        return "identifier", f"identifier: named like one, {distinct:,} values in {rows:,} rows; {persons}"
    if _named(cells, _CODE) and not _too_many(cells):
        return "categorical", f"categorical: {distinct} code{'s' * (distinct != 1)}, by its name not a quantity"
    if cells.sort == "integers" and rows > FEW and _counts_rows(cells):
        return "identifier", "identifier: counts the rows"
    if cells.beyond is not None and distinct == rows:
        return "identifier", "identifier: unique in every row, with numbers beyond 2^53"
    if distinct == 1:
        return "integer", "integer: the same whole number in every row"
    note = ", kept with a decimal point" * (cells.sort == "floats")
    note += "; declare categorical if they are codes" * (distinct <= FEW // 2)
    return "integer", f"integer: {distinct:,} distinct whole numbers{note}"


def _guess_words(cells: Cells) -> tuple[Kind, str]:
    words, distinct, rows = cells.distinct, len(cells.distinct), cells.rows
    if max(map(len, words)) > LONG:
        return "text", f"text: cells of more than {LONG} characters"
    named = _named(cells, _IDENTIFIER) or _named(cells, _PERSONAL)
    if rows > FEW and distinct > rows / 2:
        if distinct == rows and np.mean([len(word.split()) for word in words]) < 3:
            return "identifier", f"identifier: unique in every row{' and named like one' * named}"
        return "text", f"text: {distinct:,} different texts in {rows:,} rows, too many for levels"
    if named and _too_many(cells):
        return "identifier", f"identifier: named like one, {distinct:,} values in {rows:,} rows"
    pair = opposites(words)
    if pair:
        return "boolean", f"boolean: two levels, {pair[0]} and {pair[1]}"
    if 2 < distinct <= 50 and by_range(words):
        return "ordinal", f"ordinal: {distinct} ranges of numbers"
    mark = next((word for word in words if distinct > 1 and word.strip().lower() in MARKS), None)
    note = "" if mark is None else f"; {mark!r} is a level, declare missing: [{mark!r}] if it means missing"
    return "categorical", f"categorical: {distinct:,} level{'s' * (distinct != 1)}{note}"


def _named(cells: Cells, pattern: re.Pattern[str]) -> bool:
    """Whether the column's name, in snake case, has a word of the pattern."""
    snake = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cells.name).lower()).strip("_")
    return bool(pattern.search(snake))


def _too_many(cells: Cells) -> bool:
    return len(cells.distinct) > min(max(FEW, 0.05 * cells.rows), MANY)


def _counts_rows(cells: Cells) -> bool:
    numbers = np.array(cells.distinct)
    return len(numbers) == len(cells.series) and bool((np.diff(numbers) == 1).all())


def opposites(words: list[Any]) -> tuple[Level, Level] | None:
    """Two words as (no, yes), if they are known opposites."""
    if len(words) == 2 and all(isinstance(word, str) for word in words):
        for first, second in (words, words[::-1]):
            if (first.strip().lower(), second.strip().lower()) in _OPPOSITES:
                return first, second
    return None


def by_range(words: list[str]) -> list[str] | None:
    """The words in the order of the ranges that they name, such as ``[10-20)``, ``<30`` or ``80+``; None for others."""
    keys: dict[str, tuple[float, int, str]] = {}
    for word in words:
        match = _RANGE.fullmatch(word.strip())
        if match is None:
            return None
        number = next(match[group] for group in ("from", "than", "over") if match[group])
        keys[word] = (float(number), {"<": -1, "≤": -1, None: 0}.get(match["sign"], 1), word)
    return sorted(words, key=keys.__getitem__)
