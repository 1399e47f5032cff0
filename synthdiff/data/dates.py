"""Dates in text: which format the cells of a column share, and the way there and back.

A format is ``strftime``'s, with three additions, so that a column can be written as it was read: ``%-d`` (and ``%-m``,
``%-H``) for numbers without a leading zero, ``%3f`` for a fraction of three digits, ``%:z`` for an offset such as
``+02:00``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from synthdiff.schema.column import DAY, Column

_TIME = r"(?P<time> 00?:00(?::00)?)?"
_ISO = re.compile(r"0000-00-00(?:(?P<t>[T ])00:00(?P<s>:00)?(?:\.(?P<f>0{1,9}))?(?P<z>Z|[+-]00:?00)?)?")
_YEAR_FIRST = re.compile(r"0000/00/00" + _TIME)
_YEAR_LAST = re.compile(r"(?P<a>00?)(?P<sep>[./-])(?P<b>00?)(?P=sep)0000" + _TIME)
_MONTH_NAME = re.compile(r"(?P<a>00?)(?P<sep>[- ])Aaa(?P=sep)0000" + _TIME)
_EITHER_ORDER = "%?"


class MixedDatesError(Exception):
    """The cells are dates, but not in one format.

    Attributes
    ----------
    cell : int
        The position of the first cell that is in another format than those before it, or of an ambiguous one.
    what, mend : str
        As in :class:`synthdiff.errors.SynthdiffError`.
    """

    def __init__(self, cell: int, what: str, mend: str) -> None:
        super().__init__(what)
        self.cell, self.what, self.mend = cell, what, mend


def shape(words: pd.Series) -> pd.Series:
    """The shapes of words: every digit a ``0``, every capitalised word of three letters ``Aaa``."""
    return words.str.replace("[0-9]", "0", regex=True).str.replace("[A-Z][a-z]{2}", "Aaa", regex=True)


def is_date(words: pd.Series) -> pd.Series:
    """Which words have the shape of a date in a known format."""
    shapes = shape(words)
    known = {form for form in shapes.unique().tolist() if _template(form) is not None}
    return shapes.isin(known)


def common_format(words: pd.Series) -> str:
    """Find the one format of words that all have the shape of a date.

    Parameters
    ----------
    words : Series of str, shape (n,)
        Distinct cells, at least one.

    Returns
    -------
    str
        The format.

    Raises
    ------
    MixedDatesError
        When there are several formats, or when day and month could be exchanged.
    """
    shapes = shape(words)
    templates: dict[str, str] = {form: _template(form) or "" for form in shapes.unique().tolist()}
    plain = {template.replace(".%f", "") for template in templates.values()}
    if len(plain) > 1:
        first = templates[shapes.iloc[0]].replace(".%f", "")
        other = next(cell for cell, form in enumerate(shapes) if templates[form].replace(".%f", "") != first)
        raise MixedDatesError(
            other,
            f"dates in different formats: {words.iloc[0]!r} and {words.iloc[other]!r}",
            "write all dates of the column in one format, best as 2020-12-31",
        )
    template = max(templates.values(), key=len)
    if _EITHER_ORDER in template:
        template = _day_or_month_first(template, words)
    if template.startswith("%Y-"):
        return template.replace("%f", _fraction(list(templates)))
    return _without_zeros(template, words)


def _template(form: str) -> str | None:
    """The format that a shape stands for, or None."""
    iso = _ISO.fullmatch(form)
    if iso:
        if iso["t"] is None:
            return "%Y-%m-%d"
        seconds = ":%S" * bool(iso["s"]) + ".%f" * bool(iso["f"])
        zone = iso["z"] or ""
        zone = zone if zone in ("", "Z") else "%:z" if ":" in zone else "%z"
        return None if iso["f"] and not iso["s"] else f"%Y-%m-%d{iso['t']}%H:%M{seconds}{zone}"
    for pattern, date in ((_YEAR_FIRST, "%Y/%m/%d"), (_YEAR_LAST, None), (_MONTH_NAME, "%d{0}%b{0}%Y")):
        match = pattern.fullmatch(form)
        if match:
            separator = match.groupdict().get("sep", "")
            date = date or ("%d.%m.%Y" if separator == "." else _EITHER_ORDER + "{0}%Y")
            time = match["time"] or ""
            return date.format(separator) + (" %H:%M" + ":%S" * (time.count(":") == 2)) * bool(time)
    return None


def _day_or_month_first(template: str, words: pd.Series) -> str:
    parts = words.str.extract(r"^(\d+)([/-])(\d+)")
    separator = parts[1].iloc[0]
    day, month = (template.replace(_EITHER_ORDER, separator.join(order)) for order in (("%d", "%m"), ("%m", "%d")))
    first, second = ((parts[part].astype("int64") > 12).to_numpy() for part in (0, 2))
    if first.any() and second.any():
        cell = max(int(first.argmax()), int(second.argmax()))
        raise MixedDatesError(
            cell,
            f"{words.iloc[cell]!r} does not agree with the cells before it on where the day stands",
            "write all dates of the column in one format, best as 2020-12-31",
        )
    if not first.any() and not second.any():
        raise MixedDatesError(
            0,
            f"{words.iloc[0]!r} may be day and month or month and day, and no other cell of the column tells which",
            f"declare format: '{day}' or format: '{month}'",
        )
    return day if first.any() else month


def _fraction(shapes: Sequence[str]) -> str:
    digits = max(len(match["f"] or "") for match in map(_ISO.fullmatch, shapes) if match)
    return "%f" if digits == 6 else f"%{digits}f"


def _without_zeros(template: str, words: pd.Series) -> str:
    """Write days, months and hours without leading zeros where the words do."""
    date, _, time = template.partition(" %H")
    numbers = words.str.split(" ").str[0] if time else words
    if (
        numbers.str.contains(r"(?:^|[./-])[0-9](?:[./ -]|$)").any()
        and not numbers.str.contains(r"(?:^|[./-])0[0-9](?:[./ -]|$)").any()
    ):
        date = date.replace("%d", "%-d").replace("%m", "%-m")
    if not time:
        return date
    hours = words.str.extract(r" (\d+):")[0]
    return f"{date} %{'-' * bool((hours.str.len() == 1).any() and not hours.str.startswith('0').any())}H{time}"


def parse(words: pd.Series, form: str) -> pd.Series:
    """Read words in a format; NaT where a word is not a date in it.

    Moments with an offset keep it when all have the same one, and are moments of UTC otherwise.
    """
    plain = re.sub(r"%\df", "%f", form).replace("%-", "%").replace("%:z", "%z")
    if plain.startswith("%Y-%m-%d") and "%f" in plain:
        plain = "ISO8601"  # the fraction may be shorter, or absent where it is zero
    aware = "%z" in plain or form.endswith(("Z", "z"))
    moments: pd.Series = pd.to_datetime(words, format=plain, errors="coerce", utc=aware)
    if form.endswith("z"):
        offsets = words.str.extract(r"([+-]\d{2}:?\d{2})$")[0].str.replace(":", "").unique().tolist()
        if len(offsets) == 1 and offsets[0] not in ("+0000", "-0000"):
            sign, hours, minutes = offsets[0][0], offsets[0][1:3], offsets[0][3:]
            moments = moments.dt.tz_convert(f"UTC{sign}{hours}:{minutes}")
    digits = re.search(r"%(\d)f", form)
    as_unit: pd.Series = moments.dt.as_unit("ns" if digits and int(digits[1]) > 6 else "us")
    return as_unit


def spell(moments: pd.Series, form: str) -> list[str]:
    """Write moments, none of them missing, in a format."""
    digits = re.search(r"%(\d)f", form)
    plain = re.sub(r"%\df", "\x01", form).replace("%Y", "\x02").replace("%:z", "%z")
    texts: list[str] = moments.dt.strftime(plain).tolist()
    if "\x02" in plain:
        years = moments.dt.year.tolist()
        texts = [text.replace("\x02", f"{year:04d}") for text, year in zip(texts, years, strict=True)]
    if digits:
        nanos = (moments.dt.microsecond.astype("int64") * 1000 + moments.dt.nanosecond).tolist()
        kept = int(digits[1])
        texts = [text.replace("\x01", f"{nano:09d}"[:kept]) for text, nano in zip(texts, nanos, strict=True)]
    if "%:z" in form:
        texts = [f"{text[:-2]}:{text[-2:]}" for text in texts]
    return texts


def default_format(column: Column, moments: pd.Series) -> str:
    """The ISO format in which a column is written that was not read from text."""
    zone = "%:z" if moments.dt.tz is not None else ""
    if column.step == DAY and not zone:
        return "%Y-%m-%d"
    fraction = "" if column.step else ".%9f" if str(moments.dt.unit) == "ns" else ".%f"
    return f"%Y-%m-%dT%H:%M:%S{fraction}{zone}"
