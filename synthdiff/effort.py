"""Effort: how long a table is learnt."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from synthdiff.training.loop import Plan

Effort = Literal["quick", "standard", "thorough"]

STEPS: Mapping[Effort, tuple[int, int, float]] = {
    "quick": (300, 1500, 15),
    "standard": (3000, 8000, 100),
    "thorough": (3000, 40000, 300),
}
"""By effort: the least and most steps, and passes over the data in between."""

BATCH = 512
"""Rows a step."""


def table_plan(rows: int, effort: Effort, steps: int | None = None, seconds: float | None = None) -> Plan:
    """How training on so many rows goes, unless validation ends it.

    Parameters
    ----------
    rows : int
        To learn from.
    effort : {"quick", "standard", "thorough"}
    steps : int, optional
        Instead of what the effort says.
    seconds : float, optional
        Instead of a number of steps.
    """
    batch = min(BATCH, rows)
    least, most, passes = STEPS[effort]
    chosen = steps or (10**9 if seconds else min(max(math.ceil(passes * rows / batch), least), most))
    # Small tables are learnt within few passes and then by heart: go slowly and look often.
    rate = 2e-3 * min(1.0, max(rows / 4_000, 0.05))
    look = 20 if rows < 5_000 else 100
    return Plan(steps=chosen, seconds=seconds, batch=batch, rate=rate, evaluate_every=look)


def members_of(rows: int) -> int:
    """How many nets learn a table of so many rows.

    Each validates on other rows and their predictions are averaged. With some 200 rows that is worth much, with 600
    hardly anything.
    """
    return 5 if rows < 500 else 1
