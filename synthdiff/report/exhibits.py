"""Exhibits: what the report shows below a check, made from the check's ``detail``.

A check that the report does not know is shown too: by its figures, its ROC curve if it has one, and its plain numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from markupsafe import Markup

from synthdiff.report import figures, words
from synthdiff.report.blocks import Block, Gallery, Note, Picture, Table
from synthdiff.report.figures import Curve, Mark, Point
from synthdiff.report.reading import Json, ends, finite, floats, items, mapping
from synthdiff.report.words import clean, count, estimate_label, listed, number, percent, quoted, short, with_interval

PANELS = 24
"""Columns drawn; the table below the drawings has them all."""
ROWS = 30
"""Rows of a drawing with one row a column."""


ATTACK_AXES = ("false alarms: outsiders accused", "members found")
"""What a false and a correct alarm is to an attacker."""


def exhibits(name: str, check: Json, key: str) -> list[Block]:
    """The exhibits of a check; ``key`` prefixes the identifiers of its drawings."""
    detail = mapping(check.get("detail"))
    return _KNOWN.get(name, _unknown)(detail, check, key)


def _figure(check: Json) -> str:
    """The headline figure, for the description of a drawing."""
    label = estimate_label(str(check.get("estimate") or ""))
    return f"{label} {with_interval(check.get('value'), check.get('interval'))}"


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
        shares = (tuple(labels), tuple(real), tuple(synthetic))
        found.append(
            ColumnError(words.name(column_name), kind, error, ends(column.get("interval")), reference, *shares)
        )
    return sorted(found, key=lambda column: (-column.error, column.name))


def _shape(detail: Json, check: Json, key: str) -> list[Block]:
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
    blocks.append(Gallery(pictures, legend="bars", width="small"))
    head = ("Column", "Kind", "Error (95 % interval)", "Real data score", "Largest gap")
    blocks.append(Table("Every column, the worst first", head, rows, frozenset({2, 3})))
    return blocks


def _column_picture(column: ColumnError, key: str) -> Picture:
    draw = figures.histogram if column.kind == "numeric" else figures.levels
    alt = f"Column {quoted(column.name, 80)}: error {number(column.error)}. Largest gap at {column.gap}."
    svg = draw(column.labels, column.real, column.synthetic, key=key, alt=alt)
    note = f"error {column.said}"
    if column.reference is not None:
        note += f"; real data {column.against}"
    return Picture(Markup(svg), column.name, note)


# --- pairs of columns -------------------------------------------------------------------------------------------------


def _trend(detail: Json, check: Json, key: str) -> list[Block]:
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
    pairs = [mapping(pair) for pair in items(detail.get("worst"))]
    if pairs:
        rows = tuple(
            (
                words.name(pair.get("a")),
                words.name(pair.get("b")),
                number(pair.get("error")),
                number(pair.get("real")),
                number(pair.get("synthetic")),
            )
            for pair in pairs
        )
        head = ("Column", "Column", "Error", "Association, real", "Association, synthetic")
        blocks.append(Table(f"The {len(rows)} worst pairs of columns", head, rows, frozenset({2, 3, 4})))
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


# --- missing values and rules -----------------------------------------------------------------------------------------


def _missingness(detail: Json, check: Json, key: str) -> list[Block]:
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


def _schema(detail: Json, check: Json, key: str) -> list[Block]:
    broken = [mapping(violation) for violation in items(detail.get("violations"))]
    if not broken:
        return [Note("No synthetic record breaks a rule of the schema.")] if finite(check.get("value")) == 0 else []
    rows = tuple((words.name(one.get("column")), clean(one.get("rule")), percent(one.get("rate"))) for one in broken)
    return [Table("Broken rules", ("Column", "Rule", "Synthetic records"), rows, frozenset({2}))]


# --- classifiers and attacks ------------------------------------------------------------------------------------------


def _curve(roc: Any) -> Curve | None:
    fpr, tpr = floats(mapping(roc).get("fpr")), floats(mapping(roc).get("tpr"))
    return Curve(fpr, tpr) if fpr and tpr and len(fpr) == len(tpr) else None


def _detection(detail: Json, check: Json, key: str) -> list[Block]:
    pictures = []
    curve = _curve(detail.get("roc"))
    if curve:
        axes_words = ("real records taken for synthetic", "synthetic records recognised")
        alt = f"ROC curve of the classifier. {_figure(check)}; 0.5 is guessing."
        reference = _curve(detail.get("reference_roc"))
        svg = figures.roc(
            curve, key=f"{key}-r", alt=alt, subject="synthetic data", axes_words=axes_words, reference=reference
        )
        pictures.append(Picture(Markup(svg), "Telling synthetic from real"))
    drops = [
        (words.name(mapping(one).get("column")), finite(mapping(one).get("auc_drop")))
        for one in items(detail.get("importance"))
    ]
    known = [(name, drop) for name, drop in drops if drop is not None]
    if known:
        names, values = [name for name, _ in known], [drop for _, drop in known]
        alt = f"Columns that give the data away, most telling first: {listed(quoted(name) for name in names)}."
        svg = figures.ranking(names, values, unit="loss of AUC", key=f"{key}-i", alt=alt)
        note = "how much of its AUC the classifier owes to each"
        pictures.append(Picture(Markup(svg), "Columns that give the data away", note))
    return [Gallery(tuple(pictures))] if pictures else []


def _membership(detail: Json, check: Json, key: str) -> list[Block]:
    blocks: list[Block] = []
    figures_by_name = {**mapping(check.get("estimates")), **detail}
    rates = [(fpr, mapping(figures_by_name.get(f"tpr_at_fpr_{fpr:.2f}"))) for fpr in (0.01, 0.10)]
    answered = [
        (fpr, value, ends(rate.get("interval")))
        for fpr, rate in rates
        if (value := finite(rate.get("value"))) is not None
    ]
    curve = _curve(detail.get("roc"))
    if curve:
        alt = f"ROC curve of the membership attack. {_figure(check)}; 0.5 is guessing."
        reference = _curve(detail.get("reference_roc"))
        draw = partial(figures.roc, curve, subject="attack", axes_words=ATTACK_AXES, reference=reference)
        svg, pictures = draw(key=f"{key}-r", alt=alt), []
        pictures.append(Picture(Markup(svg), "Finding the training records"))
        if answered:
            near = "Share of members found at few false alarms: " + listed(
                f"{number(value)} at {fpr:.0%}" for fpr, value, _ in answered
            )
            svg = draw(key=f"{key}-z", alt=f"{near}.", marks=[Mark(*one) for one in answered], window=0.12)
            pictures.append(Picture(Markup(svg), "The corner that matters: few false alarms"))
        blocks.append(Gallery(tuple(pictures)))
    rows = [
        (f"found at {fpr:.0%} false alarms".replace("%", " %"), with_interval(value, interval), number(fpr))
        for fpr, value, interval in answered
    ]
    outliers = mapping(detail.get("outliers"))
    if finite(outliers.get("value")) is not None:
        figure = with_interval(outliers["value"], outliers.get("interval"))
        rows.append((f"AUC among the {count(outliers.get('n'))} most unusual records", figure, number(0.5)))
    if rows:
        head = ("Attack", "Figure (95 % interval)", "Guessing")
        blocks.append(Table("What the attacker achieves", head, tuple(rows), frozenset({1, 2})))
    if finite(detail.get("attacked")) is not None:
        sizes = f"{count(detail['attacked'])} training records and {count(detail.get('control'))} records outside it"
        blocks.append(Note(f"Attacked: {sizes}."))
    return blocks


def _blind(detail: Json, check: Json, key: str) -> list[Block]:
    curve = _curve(detail.get("roc"))
    if not curve:
        return []
    alt = f"ROC curve of the blind attack. {_figure(check)}; 0.5 is guessing."
    svg = figures.roc(curve, key=f"{key}-r", alt=alt, subject="blind attack", axes_words=ATTACK_AXES)
    return [Gallery((Picture(Markup(svg), "The attack without the synthetic data"),), width="third")]


def _copies(detail: Json, check: Json, key: str) -> list[Block]:
    kinds: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
        ("synthetic_rate", "Synthetic records that equal a training record", percent),
        ("count", "Their number", count),
        ("holdout_rate", "Held-out real records that equal a training record", percent),
        ("aligned_rate", "Synthetic records that equal the training record of their row", percent),
        ("rows_compared", "Records compared", count),
    )
    rows = tuple((label, write(detail[name])) for name, label, write in kinds if finite(detail.get(name)) is not None)
    return [Table("Exact copies", ("What", "Figure"), rows, frozenset({1}))] if rows else []


def _utility(detail: Json, check: Json, key: str) -> list[Block]:
    points = []
    for side in ("real", "synthetic"):
        value = finite(mapping(detail.get(side)).get("value"))
        if value is not None:
            points.append(Point(f"learnt from {side}", value, ends(detail[side].get("interval"))))
    if not points:
        return []
    metric, target = clean(detail.get("metric") or "score"), quoted(detail.get("target") or "target", 60)
    said = listed(f"{point.name} {with_interval(point.value, point.interval)}" for point in points)
    alt = f"{metric} in predicting {target}: {said}."
    svg = figures.compare(points, unit=f"{metric} on held-out real records", key=f"{key}-u", alt=alt)
    tested = f"; {count(detail.get('n_test'))} real records to test on" if finite(detail.get("n_test")) else ""
    learner = f"{clean(detail.get('learner'))}{tested}" if detail.get("learner") else tested.removeprefix("; ")
    return [Gallery((Picture(Markup(svg), f"Predicting {target}", learner),))]


def _unknown(detail: Json, check: Json, key: str) -> list[Block]:
    blocks: list[Block] = []
    curve = _curve(detail.get("roc"))
    if curve:
        alt = f"ROC curve. {_figure(check)}; 0.5 is guessing."
        svg = figures.roc(
            curve,
            key=f"{key}-r",
            alt=alt,
            subject="this check",
            axes_words=("rate of false alarms", "rate of correct alarms"),
            reference=_curve(detail.get("reference_roc")),
        )
        blocks.append(Gallery((Picture(Markup(svg)),)))
    rows = tuple(row for name, value in detail.items() if (row := _plain(name, value)) is not None)[:ROWS]
    if rows:
        blocks.append(Table("Further figures", ("What", "Figure"), rows, frozenset({1})))
    return blocks


def _plain(name: str, value: Any) -> tuple[str, str] | None:
    label = short(str(name).replace("_", " "), 60)
    if isinstance(value, Mapping) and finite(value.get("value")) is not None:
        return label, with_interval(value["value"], value.get("interval"))
    if isinstance(value, bool):
        return label, "yes" if value else "no"
    if isinstance(value, int):
        return label, count(value)
    if isinstance(value, float):
        return label, number(value)
    return (label, short(value, 80)) if isinstance(value, str) else None


_KNOWN: Mapping[str, Callable[[Json, Json, str], list[Block]]] = {
    "schema": _schema,
    "copies": _copies,
    "shape": _shape,
    "trend": _trend,
    "missingness": _missingness,
    "detection": _detection,
    "utility": _utility,
    "membership": _membership,
    "blind_baseline": _blind,
}
