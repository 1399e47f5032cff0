"""Pieces that exhibits are made of: forest plots, tables of mappings, curves.

All of them take what a check says as it is and leave out what is not there.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from synthdiff.report import figures, words
from synthdiff.report.blocks import Block, Picture, Table
from synthdiff.report.figures import Curve, Line, Point
from synthdiff.report.reading import Json, ends, finite, floats, mapping
from synthdiff.report.words import clean, count, derived, listed, number, percent, quoted, span, with_interval

ROWS = 30
"""Rows of a drawing at most; the table beside it has them all."""

LISTED = 300
"""Rows of a table at most."""

_FEW = 12
"""Entries up to which a list is written out in one cell."""

_HEADS = {
    "a": "Column",
    "b": "Column",
    "c": "Column",
    "n": "Records",
    "value": "Figure",
    "reference": "Real data score",
    "auc_drop": "Loss of AUC",
}
"""Heads of a table's columns that their names do not give."""


def forest(
    title: str, estimates: Sequence[Point], key: str, *, unit: str = "", line: float | None = None, note: str = ""
) -> Picture:
    """The first estimates, each over the band of real data; ``line`` marks a value that means something."""
    shown = estimates[:ROWS]
    said = listed(f"{quoted(one.name, 60)} {with_interval(one.value, one.interval)}" for one in shown)
    svg = figures.forest(shown, unit=unit or title, key=f"{key}-f", alt=f"{title}: {said}.", line=line)
    some = f"the first {len(shown)} of {count(len(estimates))}" if len(shown) < len(estimates) else ""
    return Picture(Markup(svg), title, "; ".join(text for text in (note, some) if text))


def tables(*several: Table | None) -> list[Block]:
    """Those tables that there are."""
    return [table for table in several if table is not None]


def points(value: Any) -> list[Point]:
    """Estimates by name, or none where one of them is none."""
    known = [point(name, mapping(one)) for name, one in mapping(value).items()]
    return [] if None in known else [one for one in known if one is not None]


def point(name: Any, estimate: Json) -> Point | None:
    """An estimate as the report draws it; ``reference`` may be a figure or an estimate itself."""
    value, reference = finite(estimate.get(_figure(estimate))), estimate.get("reference")
    if value is None:
        return None
    other = mapping(reference)
    known = finite(reference) if finite(reference) is not None else finite(other.get("value"))
    return Point(words.name(name), value, ends(estimate.get("interval")), known, ends(other.get("interval")))


def _figure(estimate: Json) -> str:
    """The name under which an estimate holds its value: ``value``, or that of the figure before ``interval``."""
    if "value" in estimate or "interval" not in estimate:
        return "value"
    before = itertools.takewhile(lambda name: name != "interval", estimate)
    return next((name for name in reversed(list(before)) if finite(estimate[name]) is not None), "value")


# --- tables -----------------------------------------------------------------------------------------------------------


def cell(value: Any) -> str | None:
    """A value as a table shows it; None where it does not fit into a cell."""
    if value is None:
        return words.NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return count(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return with_interval(value["value"], value.get("interval")) if finite(value.get("value")) is not None else None
    if isinstance(value, list | tuple) and len(value) <= _FEW:
        known = [cell(one) for one in value if isinstance(one, str | int | float)]
        return listed(one for one in known if one) if len(known) == len(value) else None
    return None


def rows_of(detail: Json) -> list[tuple[str, str]]:
    """The parts that fit into a cell, each with its name."""
    told = ((derived(name).lower(), cell(value)) for name, value in detail.items() if value is not None)
    return [(name, said) for name, said in told if said is not None]


def sheet(
    caption: str, rows: Sequence[Json], heads: Mapping[str, str] | None = None, shares: Collection[str] = ()
) -> Table | None:
    """A table of mappings: a column for every name whose values fit into a cell; intervals stand beside their values.

    Parameters
    ----------
    rows : sequence of mapping
        The table's rows.
    heads : mapping of str to str, optional
        Names to show, in this order, with their heads; by default all, with heads made from the names.
    shares : collection of str
        Names whose figures are written in per cent.
    """
    shown = [_merged(row) for row in rows[:LISTED]]
    caption = f"{caption} (the first {LISTED} of {count(len(rows))})" if len(rows) > LISTED else caption
    names = list(heads) if heads else list(dict.fromkeys(name for row in shown for name in row))
    names = [name for name in names if any(cell(row.get(name)) not in (None, words.NONE) for row in shown)]
    if not names:
        return None
    head = tuple((heads or {}).get(name) or _HEADS.get(name) or derived(name or "name") for name in names)
    told = tuple(
        tuple((percent if name in shares else cell)(row.get(name)) or words.NONE for name in names) for row in shown
    )
    numeric = {i for i, name in enumerate(names) if not any(isinstance(row.get(name), str | list) for row in shown)}
    return Table(caption, head, told, frozenset(numeric - {0}))


def _merged(row: Json) -> dict[str, Any]:
    """The row with each interval inside the estimate that it belongs to: ``x_interval`` is that of ``x``."""
    merged = dict(row)
    for name, value in row.items():
        of = _figure(row) if name == "interval" else name.removesuffix("_interval")
        if name not in ("interval", f"{of}_interval"):
            continue
        if ends(value) is None:
            merged.pop(name)
        elif finite(row.get(of)) is not None:
            merged[of] = {"value": row[of], "interval": merged.pop(name)}
        else:
            merged[name] = span(value)
    return merged


# --- curves -----------------------------------------------------------------------------------------------------------


def headline(check: Json) -> str:
    """The headline figure, for the description of a drawing."""
    name = str(check.get("estimate") or "")
    label = mapping(mapping(check.get("terms")).get(name)).get("label") or derived(name)
    return f"{clean(label)} {with_interval(check.get('value'), check.get('interval'))}"


def roc(lists: Any) -> Curve | None:
    """A ROC curve, where there is one."""
    fpr, tpr = floats(mapping(lists).get("fpr")), floats(mapping(lists).get("tpr"))
    return Curve(fpr, tpr) if fpr and tpr and len(fpr) == len(tpr) else None


def side(name: str) -> str:
    """Whose curve it is, by its name."""
    sides = {"synthetic": "synthetic", "refer": "reference", "held": "reference", "holdout": "reference"}
    return next((found for part, found in {**sides, "real": "real", "train": "real"}.items() if part in name), "quiet")


def drawn_lines(
    title: str,
    curves: Sequence[Line],
    key: str,
    *,
    axes_words: tuple[str, str] = ("", ""),
    steps: bool = False,
    logarithmic: bool = False,
    note: str = "",
) -> Picture:
    """Curves that belong together."""
    alt = f"{title}: curves of {listed(quoted(one.name, 40) for one in curves)}."
    inside = all(0 <= value <= 1 for one in curves for value in one.y)
    look: Any = {"shares": inside, "steps": steps, "logarithmic": logarithmic}
    svg = figures.lines(curves, key=f"{key}-l", alt=alt, axes_words=axes_words, **look)
    return Picture(Markup(svg), title, note)
