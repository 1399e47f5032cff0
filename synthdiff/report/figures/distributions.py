"""Figures of how values are distributed: bins, levels, missing cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from synthdiff.report.drawing import TONES, canvas, inline, percent_tick, room, style, ticks
from synthdiff.report.words import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _some(labels: Sequence[str], width: float) -> list[int]:
    """Which of the labels under a row of bars fit side by side: evenly spread, the first and the last among them."""
    n = len(labels)
    fit = max(2, int(width / (7.0 * max(map(len, labels)) + 8)))
    if n <= fit:
        return list(range(n))
    step = math.ceil((n - 1) / (fit - 1))
    return sorted({*range(0, n - step // 2 - 1, step), n - 1})


Band = Sequence[tuple[float, float]]
"""For each bin or level, between which shares fresh real records would fall; empty where that is not known."""


def histogram(
    labels: Sequence[str], real: Sequence[float], synthetic: Sequence[float], *, key: str, alt: str, band: Band = ()
) -> str:
    """Draw the shares of a numeric column's bins: real as filled bars with the band, synthetic as a line above them."""
    n = len(labels)
    with style():
        figure, axes = canvas(268, 150, left=42, right=6, bottom=24, top=8)
        axes.bar(range(n), real, width=1.0, color=TONES["real-soft"], edgecolor=TONES["real"], linewidth=0.8)
        edges = [position - 0.5 for position in range(n + 1)]
        axes.stairs(synthetic, edges, color=TONES["synthetic"], linewidth=2.0, baseline=None)
        if band:
            axes.vlines(range(n), *zip(*band, strict=True), color=TONES["ink"], linewidth=1.0)
        texts = [short(label, 14) for label in labels]
        at = _some(texts, 220)
        axes.set_xticks(at, [texts[position] for position in at])
        if len(at) > 1:
            first, last = axes.get_xticklabels()[0], axes.get_xticklabels()[-1]
            if 7.0 * max(len(texts[position]) for position in at) > 220 / n:
                first.set_horizontalalignment("left")
                last.set_horizontalalignment("right")
        axes.set_xlim(-0.6, n - 0.4)
        _share_axis(axes, [*real, *synthetic, *(high for _, high in band)])
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


def levels(
    labels: Sequence[str], real: Sequence[float], synthetic: Sequence[float], *, key: str, alt: str, band: Band = ()
) -> str:
    """Draw the shares of a discrete column's levels as pairs of bars: real with the band above, synthetic below."""
    within: Sequence[tuple[float, float] | None] = band or [None] * len(labels)
    rows = list(zip(labels, real, synthetic, within, strict=True))
    if len(rows) > SHOWN_LEVELS:
        ranked = sorted(range(len(rows)), key=lambda i: (-max(rows[i][1], rows[i][2]), i))
        kept, others = sorted(ranked[: SHOWN_LEVELS - 1]), ranked[SHOWN_LEVELS - 1 :]
        pooled = (f"({len(others)} others)", sum(rows[i][1] for i in others), sum(rows[i][2] for i in others), None)
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
        for y, row in zip(upper, rows, strict=True):
            if row[3] is not None:
                axes.hlines(y, *row[3], color=TONES["ink"], linewidth=1.0)
        axes.set_yticks(at, texts)
        axes.tick_params(axis="y", length=0, labelcolor=TONES["ink"])
        axes.set_ylim(len(rows) - 0.45, -0.55)
        _share_line(axes, [share for row in rows for share in (row[1], row[2], *(row[3] or ()))])
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
