"""Exhibits of a check that the report does not know: whatever its ``detail`` holds, by its form.

========================================================  =====================================================
what                                                      is shown as
========================================================  =====================================================
``roc`` (and ``reference_roc``): lists ``fpr``, ``tpr``   a ROC curve
lists of equal length by name, the first one rising       curves over the first; ``x_low`` and ``x_high`` are a band
``{value, interval, reference}`` by name                  a forest plot
a list of mappings, or mappings by name                   a table, and a forest plot where every row has an interval
single figures, words and short lists                     rows of one table
========================================================  =====================================================
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from synthdiff.report import figures
from synthdiff.report.blocks import Block, Gallery, Picture, Table
from synthdiff.report.exhibits.pieces import (
    ROWS,
    cell,
    drawn_lines,
    forest,
    headline,
    point,
    points,
    roc,
    rows_of,
    sheet,
    side,
)
from synthdiff.report.figures import Line, Point
from synthdiff.report.reading import Json, ends, finite, floats, items, mapping, mappings
from synthdiff.report.words import derived

POINTS = 3
"""Points that make a curve."""


def unknown(detail: Json, check: Json, key: str) -> list[Block]:
    """Show everything that there is."""
    blocks: list[Block] = []
    curve = roc(detail.get("roc"))
    if curve:
        svg = figures.roc(
            curve,
            key=f"{key}-r",
            alt=f"ROC curve. {headline(check)}; 0.5 is guessing.",
            subject="this check",
            axes_words=("rate of false alarms", "rate of correct alarms"),
            reference=roc(detail.get("reference_roc")),
        )
        blocks.append(Gallery((Picture(Markup(svg)),)))
    left = {name: value for name, value in detail.items() if name not in ("roc", "reference_roc")}
    return blocks + list(_parts(left, key, "Further figures"))


def _parts(detail: Json, key: str, title: str) -> Iterator[Block]:
    """Show each part by its form, and what is a single figure or word in one table at the end."""
    single: dict[str, Any] = {}
    across = {name: value for name, value in detail.items() if len(floats(value)) >= POINTS}
    if curves := _lines(across):
        yield Gallery((drawn_lines(title, curves, key),))
    estimates = {name: one for name, one in detail.items() if point(name, mapping(one))}
    if len(estimates) > 1 and (table := sheet(title, [{"": derived(name), **estimates[name]} for name in estimates])):
        yield table
        title = f"{title}, and more"
    for index, (name, value) in enumerate(detail.items()):
        if (curves and name in across) or (len(estimates) > 1 and name in estimates):
            continue
        shown = list(_part(name, value, f"{key}-{index}"))
        if shown:
            yield from shown
        elif isinstance(value, Mapping) and finite(value.get("value")) is None:
            single |= {f"{name} {inner}": one for inner, one in value.items()}
        else:
            single[name] = value
    if facts := rows_of(single):
        yield Table(title, ("What", "Figure"), tuple(facts), frozenset({1}))


def _part(name: str, value: Any, key: str) -> Iterator[Block]:
    """One named part of a detail as blocks; none where it is a single figure or word."""
    title = derived(name)
    if isinstance(value, Mapping):
        if curves := _lines(value):
            yield Gallery((drawn_lines(title, curves, key),))
        elif estimates := points(value):
            yield from _forest_with_table(title, estimates, key, [{"": name, **mapping(value[name])} for name in value])
        elif value and all(isinstance(one, Mapping) for one in value.values()):
            rows = [{"": name, **one} for name, one in value.items()]
            plain = sheet(title, rows)
            if plain:
                yield plain
            for index, (inner, one) in enumerate(value.items()):
                deep = {k: v for k, v in one.items() if cell(v) is None}
                yield from _parts(deep, f"{key}-{index}", derived(inner)) if deep else ()
        elif any(cell(one) is None for one in value.values()) and finite(value.get("value")) is None:
            yield from _parts(value, key, title)
    elif mappings(value) and len(mappings(value)) == len(items(value)):
        yield from _listing(title, mappings(value), key)


def _listing(title: str, rows: Sequence[Json], key: str) -> Iterator[Block]:
    """A list of mappings as a table, and as a forest plot where every row has a name and an interval."""
    estimates = [_named(row) for row in rows]
    known = [one for one in estimates if one is not None and one.interval is not None]
    if len(known) == len(rows) > 1:
        yield from _forest_with_table(title, known, key, rows)
    elif table := sheet(title, rows):
        yield table


def _named(row: Json) -> Point | None:
    """A row as a point that bears the row's first text, or its first list of texts."""
    told = (cell(value) for value in row.values() if isinstance(value, str | list) and not ends(value))
    called = next((one for one in told if one), None)
    return None if called is None else point(called, row)


def _forest_with_table(title: str, estimates: Sequence[Point], key: str, rows: Sequence[Json]) -> Iterator[Block]:
    """A forest plot, and a table where there is more to say than the plot does."""
    yield Gallery((forest(title, estimates, key),), legend="figures")
    told = {name for row in rows for name in row if name not in ("value", "interval", "reference", "")}
    if (len(estimates) > ROWS or len(told) > 1 or "n" in told) and (table := sheet(title, rows)):
        yield table


def _lines(lists: Json) -> list[Line]:
    """Curves over the first of several lists of equal length, or none where these are no such lists."""
    known = {str(name): floats(values) for name, values in lists.items()}
    if len(known) < 2 or len({len(values) for values in known.values()}) > 1:
        return []
    (_, x), *rest = known.items()
    if len(x) < POINTS or any(after < before for before, after in itertools.pairwise(x)):
        return []
    bands = {f"{name}{end}" for name, _ in rest for end in ("_low", "_high")}
    return [
        Line(derived(name), x, y, known.get(f"{name}_low", ()), known.get(f"{name}_high", ()), side(name))
        for name, y in rest
        if name not in bands
    ]
