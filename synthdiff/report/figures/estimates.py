"""Figures of estimates: one on an axis of its own, many below each other, and a ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from synthdiff.report.drawing import TONES, canvas, inline, plain_tick, room, style, ticks
from synthdiff.report.words import number, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Point:
    """A named figure with its interval, and what real data score."""

    name: str
    value: float
    interval: tuple[float, float] | None = None
    reference: float | None = None
    reference_interval: tuple[float, float] | None = None


def forest(points: Sequence[Point], *, unit: str, key: str, alt: str, line: float | None = None) -> str:
    """Draw figures of one unit below each other, each a diamond with its interval over the band of real data.

    Parameters
    ----------
    unit : str
        What is measured.
    line : float or None
        A value that means something, such as what guessing reaches: a broken line from top to bottom.
    """
    texts = [short(point.name, 27) for point in points]
    n = len(points)
    with style():
        figure, axes = canvas(400, 56 + 26 * n, left=room(texts, 188), right=68, bottom=44, top=6)
        if line is not None:
            axes.axvline(line, color=TONES["quiet"], linewidth=1.2, dashes=(4, 3))
        for row, point in enumerate(points):
            _band(axes, point.reference, point.reference_interval, row - 0.34, row + 0.34)
            _found(axes, point.value, point.interval, row)
            at = (1, row)
            written: Any = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "fontsize": 10.5}
            axes.annotate(number(point.value), at, xytext=(8, 0), va="center", annotation_clip=False, **written)
        axes.set_yticks(range(n), texts)
        axes.tick_params(axis="y", length=0, labelcolor=TONES["ink"])
        axes.set_ylim(n - 0.4, -0.6)
        axes.margins(x=0.06)
        ticks(axes.xaxis, plain_tick, 4)
        axes.grid(axis="x", color=TONES["rule"], linewidth=0.5)
        axes.set_axisbelow(True)
        axes.set_xlabel(short(unit, 50))
        return inline(figure, key, alt)


def _band(axes: Axes, value: float | None, interval: tuple[float, float] | None, low: float, high: float) -> None:
    """What real data score, from ``low`` to ``high`` up the side."""
    if interval is not None:
        axes.fill_between(interval, low, high, color=TONES["real-soft"], linewidth=0)
    if value is not None:
        axes.vlines(value, low, high, color=TONES["real"], linewidth=2)


def _found(axes: Axes, value: float, interval: tuple[float, float] | None, y: float) -> None:
    """What was found, at ``y`` up the side."""
    tone = TONES["synthetic"]
    if interval is not None:
        axes.plot(interval, [y, y], color=tone, linewidth=2.4, marker="|", markersize=11, markeredgewidth=2)
    axes.plot([value], [y], "D", color=tone, markersize=8)


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
        _band(axes, reference, reference_interval, 0.12, 0.88)
        _found(axes, value, interval, 0.5)
        axes.set_xlim(low, high)
        axes.set_ylim(0, 1)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        ticks(axes.xaxis, plain_tick, 5)
        return inline(figure, key, alt)
