"""Figures of curves: ROC curves, and curves of anything over anything, with their bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from synthdiff.report.drawing import TONES, canvas, decades, inline, percent_tick, plain_tick, style, ticks
from synthdiff.report.words import short


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
    reference: Curve | None = None, marks: Sequence[Mark] = (), window: float = 1.0, chance: str = "guessing",
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
    chance : str
        What the legend calls the diagonal.
    """
    inside = [
        tpr for one in (curve, reference) if one for fpr, tpr in zip(one.fpr, one.tpr, strict=True) if fpr <= window
    ]
    inside += [mark.interval[1] for mark in marks if mark.interval is not None]
    highest = 1.0 if window == 1 else min(1.0, 1.1 * max([window, *inside]))
    with style():
        figure, axes = canvas(380, 340, left=56, right=26, bottom=44, top=10)
        axes.plot([0, 1], [0, 1], color=TONES["quiet"], linewidth=1.2, dashes=(4, 3), label=chance)
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


@dataclass(frozen=True)
class Line:
    """A curve, and between what it lies.

    Attributes
    ----------
    name : str
        What the legend calls it.
    x, y : sequences of shape (n,)
        Its points.
    low, high : sequences of shape (n,)
        Its band; empty for none.
    side : str
        ``"real"``, ``"synthetic"``, ``"reference"`` (held-out real data) or ``"quiet"``: its colour and its dashes.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    side: str = "quiet"


_DASHES = {"real": (6, 2), "synthetic": (), "reference": (1.5, 1.5), "quiet": (4, 2, 1.5, 2)}


def lines(
    curves: Sequence[Line],
    *,
    key: str,
    alt: str,
    axes_words: tuple[str, str],
    shares: bool = False,
    steps: bool = False,
    logarithmic: bool = False,
) -> str:
    """Draw curves over one axis, each with its band.

    Parameters
    ----------
    axes_words : tuple of str
        What runs along the bottom and up the side.
    shares : bool
        Whether the values are shares, from 0 to 1.
    steps : bool
        Whether a curve keeps its value until its next point, as a survival curve does.
    logarithmic : bool
        Whether equal ratios along the bottom are equally far apart; all of it must be positive.
    """
    with style():
        figure, axes = canvas(380, 300, left=56, right=22, bottom=44, top=10)
        for one in curves:
            if one.low and one.high:
                soft = TONES[f"{one.side}-soft"] if f"{one.side}-soft" in TONES else TONES["outside"]
                look: Any = {"color": soft, "alpha": 0.6, "linewidth": 0, "step": "post" if steps else None}
                axes.fill_between(one.x, one.low, one.high, **look)
        for one in curves:
            axes.plot(
                one.x,
                one.y,
                color=TONES[one.side],
                linewidth=2.2 if one.side == "synthetic" else 1.8,
                dashes=_DASHES[one.side],
                drawstyle="steps-post" if steps else "default",
                label=short(one.name, 30),
            )
        axes.margins(x=0)
        if shares:
            axes.set_ylim(0, 1)
        if logarithmic:
            axes.set_xscale("log")
            decades(axes.xaxis, plain_tick)
        else:
            ticks(axes.xaxis, plain_tick, 5)
        ticks(axes.yaxis, percent_tick if shares else plain_tick, 5)
        axes.grid(color=TONES["rule"], linewidth=0.5)
        axes.set_axisbelow(True)
        axes.set_xlabel(short(axes_words[0], 48))
        axes.set_ylabel(short(axes_words[1], 40))
        axes.legend(loc="best", facecolor=TONES["paper"], edgecolor=TONES["rule"], framealpha=1, fontsize=11)
        return inline(figure, key, alt)
