"""Effort: how long a table or volumes are learnt."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from synthdiff.training.loop import Plan

Effort = Literal["quick", "standard", "thorough"]

STEPS: Mapping[Effort, tuple[int, int, float]] = {
    "quick": (50, 900, 40),
    "standard": (100, 8000, 150),
    "thorough": (300, 40000, 400),
}
"""By effort: the least and most steps, and passes over a table of :data:`COLUMNS` in between.

What is learnt by heart grows with the passes. The rate must fall to nothing within them: as many passes at the start of
a longer schedule learn less.
"""

COLUMNS = 15
"""Wider tables are passed over more often, by the square root: what a column owes to the others has more to it."""

BATCH = 512
"""Rows a step."""


def table_plan(rows: int, columns: int, effort: Effort, steps: int | None = None, seconds: float | None = None) -> Plan:
    """How training on so many rows goes, unless validation ends it.

    Parameters
    ----------
    rows, columns : int
        To learn from.
    effort : {"quick", "standard", "thorough"}
    steps : int, optional
        Instead of what the effort says.
    seconds : float, optional
        Instead of a number of steps.
    """
    batch = min(BATCH, rows)
    least, most, passes = STEPS[effort]
    passes *= max(1.0, (columns / COLUMNS) ** 0.5)
    chosen = steps or (10**9 if seconds else min(max(math.ceil(passes * rows / batch), least), most))
    rate = 2e-3 * min(1.0, max(rows / 4_000, 0.5))
    look = 10 if rows < 1_000 else 20 if rows < 5_000 else 100
    return Plan(steps=chosen, seconds=seconds, batch=batch, rate=rate, evaluate_every=look)


def members_of(rows: int) -> int:
    """How many nets learn a table of so many rows.

    Each validates on other rows and their predictions are averaged. With some 200 rows that is worth much, with 600
    hardly anything.
    """
    return 5 if rows < 500 else 1


VOLUME_STEPS: Mapping[Effort, int] = {"quick": 200, "standard": 4000, "thorough": 20000}
"""By effort: the steps of each stage of a volume."""

POSITIONS = 6_144
"""Positions of a step at a stage, over all volumes of the batch: many small steps teach more than few large ones."""


def volume_plan(volumes: int, positions: int, effort: Effort, steps: int | None, seconds: float | None) -> Plan:
    """How training one stage of so many volumes goes, unless validation ends it.

    Parameters
    ----------
    volumes : int
        To learn from.
    positions : int
        Of the stage's grid that the net sees at once.
    effort : {"quick", "standard", "thorough"}
    steps : int, optional
        Instead of what the effort says.
    seconds : float, optional
        Instead of a number of steps.
    """
    batch = max(2, min(volumes, 32, POSITIONS // positions))
    chosen = steps or (10**9 if seconds else VOLUME_STEPS[effort])
    look = 25 if chosen < 1000 else 100
    return Plan(
        steps=chosen,
        seconds=seconds,
        batch=batch,
        rate=2e-3,
        evaluate_every=look,
        patience=8,
        validated=96,
        chunk=batch,
    )
