"""Exhibits of fidelity: columns, pairs and triples, missing cells, rules, rare values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from synthdiff.report import figures, words
from synthdiff.report.blocks import Block, Gallery, Note, Picture, Table
from synthdiff.report.exhibits.pieces import ROWS, forest, point, sheet, tables
from synthdiff.report.reading import Json, ends, finite, floats, items, mapping, mappings
from synthdiff.report.words import clean, count, derived, listed, number, percent, quoted, with_interval

PANELS = 24
"""Columns drawn; the table below the drawings has them all."""


# --- single columns ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ColumnError:
    """How far one column is off, and where most."""

    name: str
    kind: str
    error: float
    interval: tuple[float, float] | None
    reference: float | None
    labels: tuple[str, ...]
    real: tuple[float, ...]
    synthetic: tuple[float, ...]
    band: tuple[tuple[float, float], ...]

    @property
    def said(self) -> str:
        """The error with its interval."""
        return with_interval(self.error, self.interval)

    @property
    def against(self) -> str:
        """The error of real data."""
        return number(self.reference)

    @property
    def gap(self) -> str:
        """Where the two distributions differ most, in words."""
        if not self.labels:
            return ""
        at = max(range(len(self.labels)), key=lambda i: abs(self.real[i] - self.synthetic[i]))
        return f"{quoted(self.labels[at], 24)}: {percent(self.real[at])} real, {percent(self.synthetic[at])} synthetic"


def worst_columns(check: Json) -> list[ColumnError]:
    """The columns of the ``shape`` check, the worst first."""
    found = []
    for column_name, column in mapping(mapping(check.get("detail")).get("columns")).items():
        error = finite(mapping(column).get("error"))
        if error is None:
            continue
        real, synthetic = floats(column.get("real")), floats(column.get("synthetic"))
        labels = [clean(label) for label in items(column.get("labels"))]
        if not len(labels) == len(real) == len(synthetic):
            labels, real, synthetic = [], [], []
        reference = finite(column.get("reference"))
        kind = clean(column.get("kind") or "")
        band = tuple(within for one in items(column.get("band")) if (within := ends(one)))
        shares = (tuple(labels), tuple(real), tuple(synthetic), band if len(band) == len(labels) else ())
        found.append(
            ColumnError(words.name(column_name), kind, error, ends(column.get("interval")), reference, *shares)
        )
    return sorted(found, key=lambda column: (-column.error, column.name))


def shape(detail: Json, check: Json, key: str) -> list[Block]:
    """Draw the columns that are furthest off, and list them all."""
    columns = worst_columns(check)
    if not columns:
        return []
    drawn = [column for column in columns if column.labels][:PANELS]
    pictures = tuple(_column_picture(column, f"{key}-{index}") for index, column in enumerate(drawn))
    rows = tuple((column.name, column.kind, column.said, column.against, column.gap) for column in columns)
    blocks: list[Block] = []
    if len(drawn) < len(columns):
        blocks.append(
            Note(f"The {len(drawn)} worst of {count(len(columns))} columns are drawn; the table has them all.")
        )
    banded = any(column.band for column in drawn)
    blocks.append(Gallery(pictures, legend="bars-band" if banded else "bars", width="small"))
    head = ("Column", "Kind", "Error (95 % interval)", "Real data score", "Largest gap")
    blocks.append(Table("Every column, the worst first", head, rows, frozenset({2, 3})))
    return blocks


def _column_picture(column: ColumnError, key: str) -> Picture:
    draw = figures.histogram if column.kind == "numeric" else figures.levels
    alt = f"Column {quoted(column.name, 80)}: error {number(column.error)}. Largest gap at {column.gap}."
    svg = draw(column.labels, column.real, column.synthetic, key=key, alt=alt, band=column.band)
    note = f"error {column.said}"
    if column.reference is not None:
        note += f"; real data {column.against}"
    return Picture(Markup(svg), column.name, note)


# --- pairs of columns -------------------------------------------------------------------------------------------------


def trend(detail: Json, check: Json, key: str) -> list[Block]:
    """Draw how strongly columns go together, really and in the synthetic data, and the difference."""
    blocks: list[Block] = []
    names = [words.name(name) for name in items(detail.get("columns"))]
    real, synthetic = (_square(detail.get(side), len(names)) for side in ("real", "synthetic"))
    if len(names) > 1 and real and synthetic:
        blocks.append(
            Note(
                "Each cell says how strongly two columns go together: the stronger the colour, the closer; "
                "orange is positive, blue is negative."
            )
        )
        blocks.append(
            Gallery(_matrices(names, real, synthetic, key), width="half" if len(names) > figures.MANY else "third")
        )
    return blocks


Square = list[list[float | None]]


def _square(values: Any, n: int) -> Square | None:
    rows = [[finite(cell) for cell in items(row)] for row in items(values)]
    return rows if len(rows) == n and all(len(row) == n for row in rows) else None


def _matrices(names: Sequence[str], real: Square, synthetic: Square, key: str) -> tuple[Picture, ...]:
    difference: Square = [
        [None if r is None or s is None else s - r for r, s in zip(*rows, strict=True)]
        for rows in zip(real, synthetic, strict=True)
    ]
    largest = max((abs(cell) for row in difference for cell in row if cell is not None), default=0.0)
    limit = (
        next(step for step in (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0) if largest <= step)
        if largest <= 2
        else largest
    )
    shown = f"Association of {len(names)} columns"
    parts = (
        ("Real", real, 1.0, "d", f"{shown} in the real data"),
        ("Synthetic", synthetic, 1.0, "s", f"{shown} in the synthetic data"),
        ("Synthetic minus real", difference, limit, "x", f"Difference of the two; the largest is {number(largest)}"),
    )
    notes = ("scale ±1", "scale ±1", f"largest {number(largest)}; scale ±{number(limit)}")
    return tuple(
        Picture(Markup(figures.matrix(names, values, limit=scale, key=f"{key}-{mark}", alt=alt)), title, note)
        for (title, values, scale, mark, alt), note in zip(parts, notes, strict=True)
    )


# --- triples of columns -----------------------------------------------------------------------------------------------


def three_way(detail: Json, check: Json, key: str) -> list[Block]:
    """List the triples that are furthest off, with the cell where they differ most."""
    heads = {
        "columns": "Columns",
        "error": "Error (95 % interval)",
        "reference": "Real data score",
        "cell": "Cell",
        "real": "Real",
        "synthetic": "Synthetic",
    }
    caption = "Triples that are furthest above what real data score, and the cell where they differ most"
    means = {"column": "Column", "error": "Mean error", "reference": "Real data score"}
    return tables(
        sheet(caption, mappings(detail.get("worst")), heads, shares=("real", "synthetic")),
        sheet("Columns by the mean error of their triples", mappings(detail.get("columns")), means),
    )


# --- missing values and rules -----------------------------------------------------------------------------------------


def missingness(detail: Json, check: Json, key: str) -> list[Block]:
    """Draw each column's share of missing cells."""
    rows = []
    for name, column in mapping(detail.get("columns")).items():
        real, synthetic = finite(mapping(column).get("real")), finite(mapping(column).get("synthetic"))
        if real is not None and synthetic is not None and max(real, synthetic) > 0:
            rows.append((words.name(name), real, synthetic))
    if not rows:
        none = Note("No cell is missing, neither in the real nor in the synthetic data.")
        return [none] if "columns" in detail else []
    rows.sort(key=lambda row: (-abs(row[1] - row[2]), row[0]))
    drawn = rows[:ROWS]
    names = [row[0] for row in drawn]
    worst = f"{quoted(rows[0][0], 60)}, {percent(rows[0][1])} real and {percent(rows[0][2])} synthetic"
    alt = f"Share of missing cells of {len(drawn)} columns. Largest gap: {worst}."
    svg = figures.missingness(names, [row[1] for row in drawn], [row[2] for row in drawn], key=f"{key}-m", alt=alt)
    note = f"the {len(drawn)} with the largest gap of {count(len(rows))} columns" if len(drawn) < len(rows) else ""
    blocks: list[Block] = [
        Gallery((Picture(Markup(svg), "Missing cells, the largest gap first", note),), legend="dots")
    ]
    pairs = finite(mapping(detail.get("pairs")).get("value"))
    if pairs is not None:
        blocks.append(Note(f"Missing together: the mean error of pairs of columns is {number(pairs)}."))
    return blocks


def schema(detail: Json, check: Json, key: str) -> list[Block]:
    """List the rules of the schema that are broken."""
    broken = mappings(detail.get("violations"))
    if not broken:
        return [Note("No synthetic record breaks a rule of the schema.")] if finite(check.get("value")) == 0 else []
    rows = tuple((words.name(one.get("column")), clean(one.get("rule")), percent(one.get("rate"))) for one in broken)
    return [Table("Broken rules", ("Column", "Rule", "Synthetic records"), rows, frozenset({2}))]


def rules(detail: Json, check: Json, key: str) -> list[Block]:
    """Draw the share of broken rules by kind, and list those that are broken most often."""
    blocks: list[Block] = []
    sorts = {name: detail.get(name) for name in ("declared", "found")} | dict(mapping(detail.get("kinds")))
    known = [found for name, one in sorts.items() if (found := point(derived(name), mapping(one)))]
    if known:
        unit = "share of records that break a rule"
        blocks.append(Gallery((forest("Broken rules, by their kind", known, key, unit=unit),), legend="figures"))
    heads = {
        "rule": "Rule",
        "kind": "Kind",
        "declared": "Declared",
        "rate": "Synthetic records that break it",
        "real": "Held-out records",
    }
    blocks += tables(sheet("Rules that are broken most often", mappings(detail.get("worst")), heads))
    counts = ", ".join(f"{count(n)} {derived(name).lower()}" for name, n in mapping(detail.get("rules")).items() if n)
    return blocks + ([Note(f"Rules that were checked: {counts}.")] if counts else [])


def rare_values(detail: Json, check: Json, key: str) -> list[Block]:
    """List the rare values that are surest to be off, and count the levels that few people have."""
    heads = {
        "column": "Column",
        "value": "Value",
        "real": "Share, real",
        "synthetic": "Share, synthetic",
        "ratio": "Synthetic to real",
        "off": "Surely off",
    }
    blocks = tables(sheet("Rare values, the surest to be off first", mappings(detail.get("worst")), heads))
    if finite(detail.get("tested")) is not None:
        said = f"{count(detail.get('off'))} of {count(detail['tested'])} rare values are surely off"
        if finite(detail.get("levels")):
            said += f"; {count(detail.get('covered'))} of {count(detail['levels'])} rare levels occur"
        blocks.append(Note(f"{said}."))
    unshared = mapping(detail.get("unshared"))
    if finite(unshared.get("levels")):
        where = listed(words.name(column) for column in items(unshared.get("columns")))
        said = f"Levels that fewer than five people have: {count(unshared['levels'])}"
        said += f"; of these in the synthetic data: {count(unshared.get('released'))}"
        blocks.append(Note(f"{said}{f', in {where}' if where else ''}."))
    return blocks
