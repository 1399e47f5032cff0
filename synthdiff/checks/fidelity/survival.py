"""Survival: do the synthetic persons stay without the event for as long as the real ones, as a whole and by group?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from synthdiff.checks.check import RARE, Aspect, Check, Estimate, Evidence, Finding, Reference
from synthdiff.checks.features import at_most, coordinates, persons
from synthdiff.checks.fidelity.bygroup import Influence, fewest, first_of_each
from synthdiff.checks.fidelity.curves import (
    Followed,
    curve_gap,
    kaplan_meier,
    log_rank,
    restricted_mean_difference,
)
from synthdiff.checks.fidelity.distances import Distance
from synthdiff.checks.fidelity.groups import Codes, Partition
from synthdiff.checks.fidelity.reference import Score, Table, reference
from synthdiff.checks.fidelity.worst import worst
from synthdiff.checks.intervals import Floats, Interval, normal_interval
from synthdiff.schema import Column, Schema
from synthdiff.schema.guess import opposites
from synthdiff.seeds import numpy_generator

FEWEST = 20
"""Persons of a table below which no curve is compared."""

HORIZON = 0.9
"""Curves are compared until this share of the training persons' follow-up has ended; beyond, too few are at risk."""

POINTS = 50
"""Points of the even grid on which the report draws the curves."""

HALVES = 2

SHOWN = 10
"""Groups that the report lists at most."""


class Survival(Check):
    """Kaplan-Meier curves of synthetic persons are compared with those of the training persons.

    The schema says by the role ``time`` for how long a person was followed and by ``event`` whether the event came
    then. ``survival_gap`` is the mean absolute difference of the two curves from 0 to a horizon, the time by which
    90 % of the training persons' follow-up had ended. ``follow_up_gap`` compares how long persons were followed, by the
    curves with event and end of follow-up exchanged, and ``restricted_mean_difference`` is by how much longer (or, if
    negative, shorter) synthetic persons live without the event, in shares of the horizon. A generator can have all of
    these right and give the long lives to the wrong persons: ``worst_survival_excess`` is the largest gap within a
    group of persons less that of as many held-out ones, over the groups that each other column forms (levels; numbers
    cut at the median), with an interval that allows for having looked at all
    (:mod:`~synthdiff.checks.fidelity.worst`). Of a person with several records the one with the longest time counts.
    Intervals are by the influence of each person.

    The finding's ``detail`` has

    ``time``, ``event``, ``means_event``, ``horizon``
        the columns, the level that means that the event came, and the horizon.
    ``curves``
        ``grid`` of 50 times and, for ``real``, ``synthetic`` and ``holdout`` (or null), ``survival``, the band ``low``
        and ``high`` by Greenwood's variance on the log(-log) scale, and ``at_risk`` at every tenth point, null where
        fewer than 5.
    ``log_rank``
        of ``synthetic`` and ``holdout`` against the training persons, ``chi_squared`` and ``p``. It is no measure of
        likeness: with enough persons any difference is significant.
    ``groups``, ``protected``
        the ten groups of which it is most certain that they are worse, of all and of those by a column with the role
        ``protected``: ``group``, ``n`` persons compared, ``gap``, ``reference`` (that of as many held-out persons),
        ``excess`` and its simultaneous ``interval``. Empty without held-out persons.

    Attributes
    ----------
    most : int
        Persons of a table that are looked at; of a larger one, so many are drawn.

    References
    ----------
    Kaplan & Meier (1958), JASA 53; reverse curves: Schemper & Smith (1996), Controlled Clinical Trials 17.
    """

    kind: Literal["survival"] = "survival"
    most: int = Field(20_000, ge=100)

    title: ClassVar[str] = "Survival curves"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "survival_gap": (
            "Gap between survival curves",
            "Mean distance between the real and the synthetic Kaplan-Meier curve: with 0.05, the shares of persons "
            "without the event differ by 5 points on average.",
        ),
        "follow_up_gap": (
            "Gap between lengths of follow-up",
            "Mean distance between the real and the synthetic curve of how long persons were followed.",
        ),
        "restricted_mean_difference": (
            "Difference in mean time to the event",
            "By how much longer synthetic persons stay without the event on average, up to the horizon and in shares "
            "of it; shorter if negative.",
        ),
        "worst_survival_excess": (
            "Excess gap of the worst group",
            "By how much further the curve of the worst group of persons is from the real one than that of other real "
            "persons of the group; the interval allows for having looked at all groups.",
        ),
    }
    aspect: ClassVar[Aspect] = "fidelity"
    unit: ClassVar[str] = "mean distance of curves, 0 to 1"
    direction: ClassVar[str] = "lower is better, as low as held-out records is best"
    source: ClassVar[str] = "Kaplan & Meier (1958)"
    bars: ClassVar[dict[str, str]] = {
        "survival_gap": "<= reference + 0.05",
        "follow_up_gap": "<= reference + 0.05",
        "worst_survival_excess": "<= 0.10",
    }

    def run(self, evidence: Evidence) -> Finding:
        """Estimate and compare the curves."""
        schema = evidence.schema
        time, event = (next(iter(schema.with_role(role)), None) for role in ("time", "event"))
        if refusal := _refusal(time, event):
            return Finding({}, refusal)
        assert time is not None and event is not None
        generator = numpy_generator(evidence.seed, "survival")
        held_out = evidence.train.iloc[:0] if evidence.holdout is None else evidence.holdout
        tables = (evidence.train, evidence.synthetic, held_out)
        frames = [at_most(_one_each(frame, schema, time, event), self.most, generator) for frame in tables]
        sizes = [len(frame) for frame in frames]
        if min(sizes[:2]) < FEWEST:
            return Finding(
                {},
                f"Curves need at least {FEWEST} persons with known {time.name!r} and {event.name!r} on each side; "
                f"there are {sizes[0]:,} in the training and {sizes[1]:,} in the synthetic data.",
            )
        horizon = _horizon(time.numbers(frames[0][time.name]))
        if horizon <= 0:
            return Finding({}, f"Nobody is followed beyond 0 by {time.name!r}, so there is no curve.")
        train, synthetic, held = (_table(frame, time, event) for frame in frames)
        holdout = held if sizes[2] >= FEWEST else None

        estimates = {
            "survival_gap": _estimate(train, synthetic, holdout, partial(_gap, until=horizon), generator),
            "follow_up_gap": _estimate(
                train, synthetic, holdout, partial(_gap, until=horizon, reverse=True), generator
            ),
            "restricted_mean_difference": _signed(train, synthetic, holdout, horizon),
        }
        groups: list[dict[str, Any]] = []
        if holdout is not None:
            by = [column for column in schema if column.learnt and column not in (time, event)]
            groups, largest = _by_group(by, frames, (train, synthetic, held), horizon, generator)
            estimates |= {"worst_survival_excess": largest} if largest else {}
        detail = {
            "time": time.name,
            "event": event.name,
            "means_event": str(_means_event(event)),
            "horizon": horizon,
            "curves": _curves(train, synthetic, holdout, horizon),
            "log_rank": {
                "synthetic": _tested(train, synthetic),
                "holdout": None if holdout is None else _tested(train, holdout),
            },
            "groups": groups[:SHOWN],
            "protected": [group for group in groups if "protected" in schema[group["column"]].roles][:SHOWN],
        }
        reason = _reason(estimates, horizon, time, groups)
        if max(sizes) == self.most:
            reason += f" Of each table at most {self.most:,} persons were looked at."
        return Finding(estimates, reason, detail)


def _refusal(time: Column | None, event: Column | None) -> str | None:
    if time is None or event is None:
        return (
            "The schema does not say for how long persons were followed and whether the event came. Give the column of "
            "the time the role 'time' and that of the event the role 'event'."
        )
    if time.kind not in ("integer", "continuous"):
        return f"The column {time.name!r} has the role 'time' and is {time.kind}; it must be a number, such as days."
    if _means_event(event) is None:
        return (
            f"The column {event.name!r} has the role 'event'; it must have two levels of which one is known to mean "
            "yes, such as 0 and 1, no and yes, false and true."
        )
    return None


def _means_event(event: Column) -> Any:
    """The level, or the number, that means that the event came; None where nothing tells."""
    if event.kind == "integer":
        return 1
    levels = list(event.levels or ())
    if len(levels) == 2 and event.discrete:
        pair = opposites(levels)
        return pair[1] if pair else 1 if set(levels) == {0, 1} else None
    return None


def _one_each(frame: pd.DataFrame, schema: Schema, time: Column, event: Column) -> pd.DataFrame:
    """The records whose time and event are known, of each person the one with the longest time."""
    if time.name not in frame.columns or event.name not in frame.columns:
        return frame.iloc[:0]
    followed, came = coordinates(frame, time), coordinates(frame, event)
    known = np.isfinite(followed) & np.isin(came, (0, 1))
    frame, followed, came = frame[known], followed[known], came[known]
    people = persons(frame, schema)
    if people is None:
        return frame
    order = np.lexsort((came == _code(event), followed, people))
    last = np.append(np.diff(people[order]) > 0, True) if len(order) else order.astype(bool)
    return frame.iloc[np.sort(order[last])]


def _code(event: Column) -> int:
    """The coordinate of the level that means that the event came."""
    return list(event.levels or ()).index(_means_event(event)) if event.discrete else 1


def _horizon(followed: Floats) -> float:
    """The time by which most of the follow-up has ended, to two digits."""
    found = float(np.quantile(followed, HORIZON, method="inverted_cdf"))
    return float(f"{found:.2g}")


def _table(frame: pd.DataFrame, time: Column, event: Column) -> Table:
    """Times, and events as 1 or 0."""
    return [coordinates(frame, time), (coordinates(frame, event) == _code(event)).astype(float)]


def _followed(table: Table, reverse: bool = False, where: Codes | slice = slice(None)) -> Followed:
    time, came = table[0][where], table[1][where] == 1
    return time, ~came if reverse else came


def _gap(real: Table, other: Table, until: float, reverse: bool = False) -> Distance:
    return curve_gap(_followed(real, reverse), _followed(other, reverse), until)


def _estimate(
    train: Table, synthetic: Table, holdout: Table | None, score: Score, generator: np.random.Generator
) -> Estimate:
    found = score(train, synthetic)
    assert found is not None
    size = len(synthetic[0])
    real = None if holdout is None else reference(train, holdout, size, score, (None, None), generator)
    return Estimate(found.value, normal_interval(found.value, found.error(), 0.0, 1.0), size, real)


def _signed(train: Table, synthetic: Table, holdout: Table | None, until: float) -> Estimate:
    """Unlike a distance, a signed difference is not larger in smaller samples, and its reference needs no size."""

    def measured(other: Table) -> tuple[float, Interval]:
        found = restricted_mean_difference(_followed(train), _followed(other), until)
        return found.value, normal_interval(found.value, found.error(), -1.0, 1.0)

    real = None if holdout is None else Reference(*measured(holdout))
    return Estimate(*measured(synthetic), len(synthetic[0]), real)


def _curves(train: Table, synthetic: Table, holdout: Table | None, until: float) -> dict[str, Any]:
    grid = np.linspace(0, until, POINTS)
    drawn: dict[str, Any] = {"grid": [float(f"{point:.4g}") for point in grid]}
    for name, table in (("real", train), ("synthetic", synthetic), ("holdout", holdout)):
        drawn[name] = None
        if table is not None:
            curve = kaplan_meier(*_followed(table))
            low, high = curve.band(grid)
            left = [int((table[0] >= point).sum()) for point in grid[::10]]
            drawn[name] = {
                "survival": np.round(curve.at(grid), 3).tolist(),
                "low": np.round(low, 3).tolist(),
                "high": np.round(high, 3).tolist(),
                "at_risk": [count if count >= RARE else None for count in left],
            }
    return drawn


def _tested(train: Table, other: Table) -> dict[str, float]:
    chi_squared, p = log_rank(_followed(train), _followed(other))
    return {"chi_squared": round(chi_squared, 2), "p": float(f"{p:.2g}")}


def _by_group(
    by: Sequence[Column],
    frames: Sequence[pd.DataFrame],
    tables: tuple[Table, Table, Table],
    until: float,
    generator: np.random.Generator,
) -> tuple[list[dict[str, Any]], Estimate | None]:
    """The groups that columns form, those first of which it is surest that they are worse, and the largest excess."""
    ranks = [generator.permutation(len(frame)) for frame in frames]
    enough = fewest([len(frame) for frame in frames])
    found: list[dict[str, Any]] = []
    rows: tuple[list[Influence], ...] = ([], [], [])
    for column in by:
        cells = [coordinates(frame, column) for frame in frames]
        partition = Partition.of(column, cells[0], HALVES)
        placed = [partition.place({column.name: values}) for values in cells]
        number = [np.bincount(group[group >= 0], minlength=len(partition.labels)) for group in placed]
        equal = np.minimum(number[1], number[2])
        kept = [placed[0], *(first_of_each(placed[i], ranks[i], equal) for i in (1, 2))]
        for group in np.flatnonzero(np.minimum(number[0], equal) >= enough).tolist():
            chosen = [np.flatnonzero(codes == group) for codes in kept]
            real, synthetic, holdout = (
                _followed(table, where=where) for table, where in zip(tables, chosen, strict=True)
            )
            apart, beside = curve_gap(real, synthetic, until), curve_gap(real, holdout, until)
            found.append(
                {
                    "column": column.name,
                    "group": partition.labels[group],
                    "n": len(chosen[1]),
                    "gap": apart.value,
                    "reference": beside.value,
                }
            )
            own = apart.real - beside.real, apart.other, -beside.other
            for table, where, influence, listed in zip(tables, chosen, own, rows, strict=True):
                row = np.zeros(len(table[0]), dtype=np.float32)
                row[where] = (influence - influence.mean()) / len(where)
                listed.append(row)
    if not found:
        return [], None
    excess = np.array([group["gap"] - group["reference"] for group in found])
    most = worst(excess, [np.stack(listed) for listed in rows], generator)
    shown = []
    for i in np.lexsort((-excess, -most.low)).tolist():
        figures = {name: round(found[i][name], 4) for name in ("gap", "reference")}
        interval = [round(float(end), 4) for end in (most.low[i], most.high[i])]
        shown.append({**found[i], **figures, "excess": round(float(excess[i]), 4), "interval": interval})
    return shown, Estimate(most.value, most.interval, len(frames[1]), most.reference)


def _reason(estimates: dict[str, Estimate], horizon: float, time: Column, groups: list[dict[str, Any]]) -> str:
    gap, longer = estimates["survival_gap"], estimates["restricted_mean_difference"]
    unit = f" {time.unit}" if time.unit else ""
    reason = (
        f"Up to {horizon:.10g}{unit}, the shares of synthetic and of real persons without the event are "
        f"{gap.value:.1%} apart on average"
    )
    if gap.reference:
        reason += f"; those of as many held-out persons would be {gap.reference.value:.1%} apart"
        if gap.interval[1] < gap.reference.interval[0]:
            reason += ", so that the synthetic curve is closer than that of other real persons is"
    reason += (
        f". Synthetic persons stay without it for {abs(longer.value):.1%} of that time "
        f"{'longer' if longer.value >= 0 else 'less'} ({longer.interval[0]:+.1%} to {longer.interval[1]:+.1%})."
    )
    if groups and groups[0]["interval"][0] > 0:
        reason += (
            f" Of {groups[0]['group']!r} the curve is surely further off than that of other real persons: "
            f"{groups[0]['gap']:.1%} against {groups[0]['reference']:.1%}."
        )
    return reason
