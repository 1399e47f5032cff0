"""Figures of the report: plain data in, one inline SVG out.

All functions take ``key``, which must be unique on a page, and ``alt``, the description that a screen reader speaks.
Sizes are in CSS pixels; figures are drawn for a width of 260 to 380 pixels, which a telephone shows as it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthdiff.report.drawing import STEPS, TONES, canvas, inline, percent_tick, plain_tick, room, style, ticks
from synthdiff.report.words import number, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def _some(labels: Sequence[str], width: float) -> list[int]:
    """Which of the labels under a row of bars fit side by side: evenly spread, the first and the last among them."""
    n = len(labels)
    fit = max(2, int(width / (7.0 * max(map(len, labels)) + 8)))
    if n <= fit:
        return list(range(n))
    step = math.ceil((n - 1) / (fit - 1))
    return sorted({*range(0, n - step // 2 - 1, step), n - 1})


def histogram(labels: Sequence[str], real: Sequence[float], synthetic: Sequence[float], *, key: str, alt: str) -> str:
    """Draw the shares of a numeric column's bins: real as filled bars, synthetic as a line above them."""
    n = len(labels)
    with style():
        figure, axes = canvas(268, 150, left=42, right=6, bottom=24, top=8)
        axes.bar(range(n), real, width=1.0, color=TONES["real-soft"], edgecolor=TONES["real"], linewidth=0.8)
        edges = [position - 0.5 for position in range(n + 1)]
        axes.stairs(synthetic, edges, color=TONES["synthetic"], linewidth=2.0, baseline=None)
        texts = [short(label, 14) for label in labels]
        at = _some(texts, 220)
        axes.set_xticks(at, [texts[position] for position in at])
        if len(at) > 1:
            first, last = axes.get_xticklabels()[0], axes.get_xticklabels()[-1]
            if 7.0 * max(len(texts[position]) for position in at) > 220 / n:
                first.set_horizontalalignment("left")
                last.set_horizontalalignment("right")
        axes.set_xlim(-0.6, n - 0.4)
        _share_axis(axes, [*real, *synthetic])
        return inline(figure, key, alt)


def _share_axis(axes: Axes, shares: Sequence[float]) -> None:
    axes.set_ylim(0, 1.08 * max([*shares, 1e-6]))
    ticks(axes.yaxis, percent_tick, 3)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=TONES["rule"], linewidth=0.5)
    axes.set_axisbelow(True)


SHOWN_LEVELS = 8
"""Levels drawn for one column; the others are drawn as one."""


def levels(labels: Sequence[str], real: Sequence[float], synthetic: Sequence[float], *, key: str, alt: str) -> str:
    """Draw the shares of a discrete column's levels as pairs of bars: real above, synthetic below."""
    rows = list(zip(labels, real, synthetic, strict=True))
    if len(rows) > SHOWN_LEVELS:
        ranked = sorted(range(len(rows)), key=lambda i: (-max(rows[i][1], rows[i][2]), i))
        kept, others = sorted(ranked[: SHOWN_LEVELS - 1]), ranked[SHOWN_LEVELS - 1 :]
        pooled = (f"({len(others)} others)", sum(rows[i][1] for i in others), sum(rows[i][2] for i in others))
        rows = [*(rows[i] for i in kept), pooled]
    texts = [short(row[0], 14) for row in rows]
    with style():
        figure, axes = canvas(268, 30 + 30 * len(rows), left=room(texts, 104), right=14, bottom=24, top=4)
        at = range(len(rows))
        upper, lower = [y - 0.2 for y in at], [y + 0.2 for y in at]
        axes.barh(upper, [row[1] for row in rows], height=0.38, color=TONES["real-soft"], edgecolor=TONES["real"])
        axes.barh(
            lower, [row[2] for row in rows], height=0.38, color=TONES["synthetic-soft"], edgecolor=TONES["synthetic"]
        )
        axes.set_yticks(at, texts)
        axes.tick_params(axis="y", length=0, labelcolor=TONES["ink"])
        axes.set_ylim(len(rows) - 0.45, -0.55)
        _share_line(axes, [share for row in rows for share in row[1:]])
        return inline(figure, key, alt)


def _share_line(axes: Axes, shares: Sequence[float]) -> None:
    axes.set_xlim(0, 1.05 * max([*shares, 1e-6]))
    ticks(axes.xaxis, percent_tick, 3)
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="x", color=TONES["rule"], linewidth=0.5)
    axes.set_axisbelow(True)


def missingness(names: Sequence[str], real: Sequence[float], synthetic: Sequence[float], *, key: str, alt: str) -> str:
    """Draw each column's share of missing cells as two dots on one line: real as a disc, synthetic as a diamond."""
    n = len(names)
    texts = [short(name, 22) for name in names]
    with style():
        figure, axes = canvas(380, 56 + 22 * n, left=room(texts, 158), right=18, bottom=44, top=6)
        at = range(n)
        axes.hlines(at, real, synthetic, color=TONES["quiet"], linewidth=1.5)
        axes.plot(real, at, "o", color=TONES["real"], markersize=8, clip_on=False)
        axes.plot(
            synthetic, at, "D", markersize=6, markerfacecolor=TONES["paper"], markeredgecolor=TONES["synthetic"],
            markeredgewidth=2, clip_on=False,
        )  # fmt: skip
        axes.set_yticks(at, texts)
        axes.tick_params(axis="y", length=0, labelcolor=TONES["ink"])
        axes.set_ylim(n - 0.4, -0.6)
        _share_line(axes, [*real, *synthetic])
        axes.set_xlabel("missing cells, share of records")
        return inline(figure, key, alt)


@dataclass(frozen=True)
class Curve:
    """A ROC curve: rates of false and of correct alarms, each of shape ``(n,)`` in ``[0, 1]``."""

    fpr: Sequence[float]
    tpr: Sequence[float]


@dataclass(frozen=True)
class Mark:
    """One point of a ROC curve with the interval of its rate of correct alarms."""

    fpr: float
    tpr: float
    interval: tuple[float, float] | None


def roc(
    curve: Curve, *, key: str, alt: str, subject: str, axes_words: tuple[str, str],
    reference: Curve | None = None, marks: Sequence[Mark] = (), window: float = 1.0,
) -> str:  # fmt: skip
    """Draw a ROC curve beside chance and, where there is one, the same curve for real data.

    Parameters
    ----------
    subject : str
        What the curve is about, written in the legend.
    axes_words : tuple of str
        What a false and what a correct alarm is here.
    marks : sequence of Mark
        Points of the curve whose intervals are drawn.
    window : float
        The largest rate of false alarms that is drawn; below 1 the figure is a magnification of the corner that
        matters to privacy.
    """
    inside = [
        tpr for one in (curve, reference) if one for fpr, tpr in zip(one.fpr, one.tpr, strict=True) if fpr <= window
    ]
    inside += [mark.interval[1] for mark in marks if mark.interval is not None]
    highest = 1.0 if window == 1 else min(1.0, 1.1 * max([window, *inside]))
    with style():
        figure, axes = canvas(380, 340, left=56, right=26, bottom=44, top=10)
        axes.plot([0, 1], [0, 1], color=TONES["quiet"], linewidth=1.2, dashes=(4, 3), label="guessing")
        if reference is not None:
            axes.plot(
                reference.fpr,
                reference.tpr,
                color=TONES["reference"],
                linewidth=1.6,
                dashes=(1.5, 1.5),
                label="real data",
            )
        axes.plot(curve.fpr, curve.tpr, color=TONES["synthetic"], linewidth=2.2, label=subject)
        for mark in marks:
            if mark.interval is not None:
                axes.plot([mark.fpr] * 2, mark.interval, color=TONES["ink"], linewidth=1.5, marker="_", markersize=8)
            axes.plot([mark.fpr], [mark.tpr], "o", color=TONES["ink"], markersize=5, clip_on=False)
        axes.set_xlim(0, window)
        axes.set_ylim(0, highest)
        ticks(axes.xaxis, percent_tick, 5)
        ticks(axes.yaxis, percent_tick, 5)
        axes.grid(color=TONES["rule"], linewidth=0.5)
        axes.set_axisbelow(True)
        axes.set_xlabel(axes_words[0])
        axes.set_ylabel(axes_words[1])
        axes.legend(
            loc="lower right" if window == 1 else "upper left",
            facecolor=TONES["paper"],
            edgecolor=TONES["rule"],
            framealpha=1,
            fontsize=11,
        )
        return inline(figure, key, alt)


MANY = 16
"""Columns beyond which a matrix needs room of its own to be read."""


def matrix(names: Sequence[str], values: Sequence[Sequence[float | None]], *, limit: float, key: str, alt: str) -> str:
    """Draw a square matrix as coloured cells on a diverging scale from ``-limit`` to ``limit``.

    Cells of one colour are one path, which keeps a matrix of 40 columns under 100 kB; missing cells stay empty.
    """
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    n = len(names)
    cell = max(11.0, min(30.0, 270 / n))
    texts = [short(name, 18) for name in names]
    label = 6.2 * max(map(len, texts)) + 12
    side = cell * n
    width = max(label + side + 6, 250.0)
    corners: dict[int, list[tuple[float, float]]] = {}
    for row in range(n):
        for column in range(n):
            value = values[row][column]
            if value is not None and math.isfinite(value):
                x, y = float(column), float(row)
                square = [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1), (x, y)]
                corners.setdefault(_step(value, limit), []).extend(square)
    outline = [Path.MOVETO, *[Path.LINETO] * 3, Path.CLOSEPOLY]
    with style():
        figure, axes = canvas(width, label + side + 42, left=label, right=width - label - side, bottom=42, top=label)
        for step, points in sorted(corners.items()):
            cells = Path(points, outline * (len(points) // 5))
            axes.add_patch(PathPatch(cells, facecolor=TONES[f"step-{step}"], linewidth=0))
        axes.set_xlim(0, n)
        axes.set_ylim(n, 0)
        size = max(7.5, min(10.5, cell - 2))
        centres = [index + 0.5 for index in range(n)]
        axes.set_xticks(centres, texts, rotation=90, fontsize=size)
        axes.set_yticks(centres, texts, fontsize=size)
        axes.tick_params(length=0, top=True, bottom=False, labeltop=True, labelbottom=False, labelcolor=TONES["ink"])
        for spine in axes.spines.values():
            spine.set_visible(True)
        _scale(figure, width, label, side, limit)
        return inline(figure, key, alt, least=0.9 * width if n > MANY else 0.0)


def _step(value: float, limit: float) -> int:
    return round((max(-limit, min(limit, value)) / limit + 1) / 2 * (STEPS - 1))


def _scale(figure: Figure, width: float, left: float, side: float, limit: float) -> None:
    height = 72 * figure.get_size_inches()[1]
    length = min(max(side, 150), width - left - 6)
    axes = figure.add_axes((left / width, 20 / height, length / width, 9 / height))
    axes.patch.set_visible(False)
    for step in range(STEPS):
        axes.axvspan(step, step + 1, color=TONES[f"step-{step}"], linewidth=0)
    axes.set_xlim(0, STEPS)
    axes.set_yticks([])
    axes.set_xticks([0.5, STEPS / 2, STEPS], [number(-limit), "0", f"+{number(limit)}"])
    axes.tick_params(length=0, pad=3)
    axes.get_xticklabels()[-1].set_horizontalalignment("right")
    for spine in axes.spines.values():
        spine.set_visible(True)


@dataclass(frozen=True)
class Point:
    """A named figure with its interval."""

    name: str
    value: float
    interval: tuple[float, float] | None


def compare(points: Sequence[Point], *, unit: str, key: str, alt: str) -> str:
    """Draw a few figures of one unit below each other, each a dot with its interval."""
    texts = [short(point.name, 24) for point in points]
    with style():
        figure, axes = canvas(380, 58 + 36 * len(points), left=room(texts, 170), right=16, bottom=44, top=6)
        for row, point in enumerate(points):
            if point.interval is not None:
                axes.plot(point.interval, [row, row], color=TONES["ink"], linewidth=2, marker="|", markersize=9)
            shape, tone = ("o", "synthetic") if row else ("s", "real")
            axes.plot([point.value], [row], shape, color=TONES[tone], markersize=9)
            at = (point.value, row)
            axes.annotate(number(point.value), at, xytext=(0, 8), textcoords="offset points", ha="center", fontsize=11)
        axes.set_yticks(range(len(points)), texts)
        axes.tick_params(axis="y", length=0, labelcolor=TONES["ink"])
        axes.set_ylim(len(points) - 0.5, -0.8)
        axes.margins(x=0.12)
        ticks(axes.xaxis, plain_tick, 5)
        axes.grid(axis="x", color=TONES["rule"], linewidth=0.5)
        axes.set_axisbelow(True)
        axes.set_xlabel(short(unit, 50))
        return inline(figure, key, alt)


def ranking(names: Sequence[str], values: Sequence[float], *, unit: str, key: str, alt: str) -> str:
    """Draw figures of one unit as horizontal bars in the order given."""
    n = len(names)
    texts = [short(name, 22) for name in names]
    with style():
        figure, axes = canvas(380, 56 + 24 * n, left=room(texts, 158), right=50, bottom=44, top=6)
        axes.barh(range(n), values, height=0.62, color=TONES["synthetic-soft"], edgecolor=TONES["synthetic"])
        for row, value in enumerate(values):
            axes.annotate(
                number(value),
                (max(value, 0), row),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=10.5,
            )
        axes.set_yticks(range(n), texts)
        axes.tick_params(axis="y", length=0, labelcolor=TONES["ink"])
        axes.set_ylim(n - 0.4, -0.6)
        axes.set_xlim(min([0.0, *values]), max([1e-6, *values]))
        ticks(axes.xaxis, plain_tick, 4)
        axes.grid(axis="x", color=TONES["rule"], linewidth=0.5)
        axes.set_axisbelow(True)
        axes.set_xlabel(short(unit, 50))
        return inline(figure, key, alt)


@dataclass(frozen=True)
class Limit:
    """A bar on a figure's axis: ``side`` says where its good side lies, or ``"at"`` for a value to include."""

    value: float
    side: str


def strip(
    value: float, interval: tuple[float, float] | None, *, key: str, alt: str,
    reference: float | None = None, reference_interval: tuple[float, float] | None = None, limit: Limit | None = None,
) -> str:  # fmt: skip
    """Draw one figure on an axis of its own: dot and interval, the band of real data, the bar and what is beyond."""
    points = [value, *(interval or ()), *(reference_interval or ())]
    points += [point for point in (reference, limit and limit.value) if point is not None]
    low, high = min(points), max(points)
    margin = 0.12 * (high - low) or 0.1 * abs(high) or 0.1
    low, high = (-margin / 2 if 0 <= low < 3 * margin else low - margin), high + margin
    with style():
        figure, axes = canvas(340, 50, left=10, right=10, bottom=21, top=4)
        if limit is not None:
            if limit.side != "at":
                beyond = (limit.value, high) if limit.side == "below" else (low, limit.value)
                axes.axvspan(*beyond, color=TONES["outside"], linewidth=0)
            axes.axvline(limit.value, color=TONES["ink"], linewidth=2)
        if reference_interval is not None:
            axes.fill_between(reference_interval, 0.12, 0.88, color=TONES["real-soft"], linewidth=0)
        if reference is not None:
            axes.vlines(reference, 0.12, 0.88, color=TONES["real"], linewidth=2)
        if interval is not None:
            axes.plot(
                interval,
                [0.5, 0.5],
                color=TONES["synthetic"],
                linewidth=2.4,
                marker="|",
                markersize=11,
                markeredgewidth=2,
            )
        axes.plot([value], [0.5], "D", color=TONES["synthetic"], markersize=8)
        axes.set_xlim(low, high)
        axes.set_ylim(0, 1)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        ticks(axes.xaxis, plain_tick, 5)
        return inline(figure, key, alt)
