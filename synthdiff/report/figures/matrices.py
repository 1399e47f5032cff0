"""Figures of square matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from synthdiff.report.drawing import STEPS, TONES, canvas, inline, style
from synthdiff.report.words import number, short

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
