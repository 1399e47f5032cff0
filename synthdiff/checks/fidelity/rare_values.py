"""Rare values: are rare levels and tails as frequent as they really are, and are levels released that point to few?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from synthdiff.checks.check import RARE, Aspect, Check, Estimate, Evidence, Finding, Reference
from synthdiff.checks.features import coordinates, persons
from synthdiff.checks.fidelity.distances import Codes, Distance, Persons
from synthdiff.checks.fidelity.rates import MISSING, OTHER, Rates, discoveries, persons_in, ratio
from synthdiff.checks.fidelity.reference import Table, Tables
from synthdiff.checks.fidelity.three_way import spelt
from synthdiff.checks.fidelity.unshared import Unshared, level_codes
from synthdiff.checks.intervals import Floats, Interval, normal_interval
from synthdiff.schema import Column
from synthdiff.seeds import numpy_generator

SHARE = 0.05
"""Levels that a smaller share of the known cells hold are rare."""

TAILS = (0.01, 0.05)
"""How far in the tails of a number reach."""

DISCOVERY = 0.05
"""The share of values that are wrongly said to be off among all that are said to be, at most."""

WORST = 10


class RareValues(Check):
    """Rare levels and the tails of numbers must be as frequent as in the real table, and none may be lost.

    A rare value is a level that fewer than 5 % of the known cells hold, or a tail of a number or moment: what lies
    beyond its 1 % quantile in the training table, and what lies between that and its 5 % quantile, on either side. At
    least five training people must have it. A level that fewer people have is *unshared*: it is named nowhere and
    counts for nothing but the last two figures.

    ``rare_value_error`` is the mean over the rare values of |s - r| / max(s, r), with s and r the value's shares of the
    known synthetic and real cells: 0 when they are equal, 1/2 when it is halved or doubled, 1 when it is lost. A value
    has the weight √r. By mass (r), the many lost values of few records would drown; counted alike, chance would rule.

    ``rare_levels_covered`` counts each rare level once, and its reference is what so many real people are expected to
    have, by each level's share of the training and held-out people. ``unshared_level_rate`` and
    ``unshared_levels_released`` are about privacy: how many synthetic records have an unshared level, and how many of
    these levels occur. Chance hits upon some, as it does among held-out people; a table that has nearly all of them has
    them from the training table. The intervals of the two shares of levels are for another table from the same
    generator, in which a level that c people have now would be lacking with probability 2^-(c + 1/2) (a Poisson count
    with Jeffreys' prior).

    Shares have Clopper-Pearson intervals; ratios of shares have that of the conditional test of two rates, which is
    exact for rare events. Where people have several rows, counts are divided by their design effect. Which values are
    off is told by the Benjamini-Hochberg procedure at 5 %: it is a list to be read, in which one wrong entry of twenty
    is bearable, and Holm's procedure, which allows none, would hide losses where there are hundreds of rare levels. If
    both tables come from one population, the two procedures say that anything is off equally seldom.

    Attributes
    ----------
    most : int
        Rows of a table that the first figure looks at; of a larger one, so many are drawn. Everything else is counted
        in whole tables.

    Notes
    -----
    ``detail`` holds ``tested`` and ``off``, how many rare values there are and how many of them are off; ``levels`` and
    ``covered``, how many rare levels there are and how many of them occur; ``unshared``: how many unshared ``levels``
    there are, how many of them are ``released``, and in which ``columns``; and ``worst``, the ten rare values that are
    most surely off: ``column``, ``value`` in words, ``kind`` (``level`` or ``tail``), ``real``, ``real_interval``,
    ``synthetic``, ``synthetic_interval``, ``ratio``, ``ratio_interval`` and ``off``. The concerns are synthetic records
    with unshared levels.

    References
    ----------
    Clopper & Pearson (1934), Biometrika 26; Przyborowski & Wilenski (1940), Biometrika 31; Benjamini & Hochberg (1995),
    Journal of the Royal Statistical Society B 57; design effects: Korn & Graubard (1998), Survey Methodology 24.
    """

    kind: Literal["rare_values"] = "rare_values"
    most: int = Field(200_000, ge=100)

    title: ClassVar[str] = "Rare values"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "rare_value_error": (
            "Error of rare values",
            "How much of the average rare level or extreme range was lost or exaggerated: 0 is nothing, 0.5 is half "
            "or double, 1 is all.",
        ),
        "rare_levels_covered": (
            "Rare levels that occur",
            "Share of the real data's rare levels, each shared by at least five people, that occur in the synthetic "
            "data at all.",
        ),
        "unshared_level_rate": (
            "Levels that point to few people",
            "Share of synthetic records with a level, such as a rare diagnosis, that fewer than five training people "
            "have.",
        ),
        "unshared_levels_released": (
            "Released levels that point to few people",
            "Share of the levels that fewer than five training people have that occur in the synthetic data at all.",
        ),
    }
    aspect: ClassVar[Aspect] = "fidelity"
    unit: ClassVar[str] = "mean difference, 0 to 1"
    direction: ClassVar[str] = "lower is better, as low as held-out records is best"
    source: ClassVar[str] = "Exact comparison of two rates (Przyborowski & Wilenski 1940), Benjamini-Hochberg"
    bars: ClassVar[dict[str, str]] = {
        "rare_value_error": "<= reference + 0.10",
        "rare_levels_covered": ">= reference - 0.10",
        "unshared_level_rate": "<= reference + 0.05",
        "unshared_levels_released": "<= reference + 0.10",
    }

    def run(self, evidence: Evidence) -> Finding:
        """Count rare values, and weigh their mass."""
        generator = numpy_generator(evidence.seed, "rare_values")
        tables = Tables.of(evidence, self.most, generator)
        if not tables.size:
            return Finding({}, "There is no synthetic record, or no column that is learnt.")
        held_out = evidence.train.iloc[:0] if evidence.holdout is None else evidence.holdout
        frames = evidence.train, evidence.synthetic, held_out
        people = [persons(frame, evidence.schema) for frame in frames]
        sizes = _sizes(people, [len(frame) for frame in frames])
        watches, counts = [], []
        released, control = (Unshared(whose, len(frame)) for whose, frame in zip(people[1:], frames[1:], strict=True))
        for column in tables.columns:
            cells = [coordinates(frame, column) for frame in frames]
            watches.append((_levels if column.discrete else _tails)(column, cells[0], people[0]))
            counts.append(_compare(watches[-1], cells, people, sizes))
            if column.discrete:
                released.look(column, cells[0], cells[1], people[0])
                control.look(column, cells[0], cells[2], people[0])

        estimates = {}
        mass = _distance(watches, tables.train, tables.synthetic)
        if mass is not None:
            estimates["rare_value_error"] = tables.estimate(mass, lambda r, o: _distance(watches, r, o), generator)
        values = pd.concat(counts, ignore_index=True)
        values["off"] = discoveries(values["p"], DISCOVERY)
        values["apart"] = -(values["synthetic"] - values["real"]).abs()
        values = values.sort_values(["p", "apart"], kind="stable", ignore_index=True)
        levels = values[values["kind"] == "level"]
        if any(column.discrete for column in tables.columns):
            times = sizes[1] / sizes[2] if sizes[2] else None
            estimates |= _of_levels(levels, released, control, len(evidence.synthetic), times)
        if not estimates:
            return Finding({}, f"Nothing is rare and yet shared by at least {RARE} training people.")
        detail = {
            "tested": len(values),
            "off": int(values["off"].sum()),
            "levels": len(levels),
            "covered": int((levels["people"] > 0).sum()),
            "unshared": {
                "levels": len(released.found),
                "released": int((released.found > 0).sum()),
                "columns": released.columns,
            },
            "worst": [_plain(value) for value in values.head(WORST).to_dict("records")],
        }
        reason = _reason(estimates, detail)
        if max(len(evidence.train), len(evidence.synthetic)) > self.most:
            reason += f" The first figure is of {self.most:,} records of a table, drawn at random."
        return Finding(estimates, reason, detail, released.concerns)


@dataclass(frozen=True)
class Watch:
    """The rare values of a column.

    Attributes
    ----------
    column : Column
    labels : list of str
        What each of them is called.
    weights : float64 array of shape (len(labels),)
        The root of each one's share of the known training cells.
    find : callable
        From coordinates of shape (n,) to positions in ``labels``, ``OTHER`` or ``MISSING``.
    """

    column: Column
    labels: list[str]
    weights: Floats
    find: Callable[[Floats], Codes]


def _levels(column: Column, values: Floats, people: Persons) -> Watch:
    """The levels that are rare and yet shared."""
    levels = column.levels or ()
    codes = level_codes(values)
    share = Rates.of(codes, None, len(levels)).share
    shown = np.flatnonzero((share < SHARE) & (persons_in(codes, people, len(levels)) >= RARE))
    place = np.full(len(levels) + 2, OTHER)
    place[shown] = np.arange(len(shown))
    place[MISSING] = MISSING

    def find(cells: Floats) -> Codes:
        return place[level_codes(cells)]

    return Watch(column, [repr(str(levels[code])) for code in shown], np.sqrt(share[shown]), find)


def _tails(column: Column, values: Floats, people: Persons) -> Watch:
    """Both tails, each in two parts where enough people are in both."""
    known = values[np.isfinite(values)]
    labels: list[str] = []
    tails: list[tuple[int, float]] = []

    def find(cells: Floats) -> Codes:
        found = np.where(np.isnan(cells), MISSING, OTHER)
        for place, (side, cut) in enumerate(tails):
            found[(found == OTHER) & (side * cells > cut)] = place
        return found

    for side, word in ((-1, "lowest"), (1, "highest")):
        for share in TAILS if len(known) else ():
            cut = float(np.quantile(side * known, 1 - share))
            inner = [side * one for of, one in tails if of == side]
            beyond = (find(values) == OTHER) & (side * values > cut)
            if persons_in(np.where(beyond, 0, OTHER), people, 1)[0] >= RARE:
                ends = [spelt(column, end) for end in sorted([side * cut, *inner])]
                where = f"between {ends[0]} and {ends[1]}" if inner else f"{('below', 'above')[side > 0]} {ends[0]}"
                labels.append(f"{where} ({word} {100 * share:.0f} %)")
                tails.append((side, cut))
    return Watch(column, labels, np.sqrt(Rates.of(find(values), None, len(labels)).share), find)


def _sizes(people: Sequence[Persons], rows: Sequence[int]) -> list[float]:
    """How many people there are in the training, the synthetic and the held-out table.

    Where only the synthetic table does not say whose a row is, people are taken to have as many rows as real ones.
    """
    sizes = [float(n if whose is None else len(np.unique(whose))) for whose, n in zip(people, rows, strict=True)]
    return [sizes[0], sizes[1] if people[1] is not None else rows[1] * sizes[0] / rows[0], sizes[2]]


def _compare(watch: Watch, tables: Sequence[Floats], people: Sequence[Persons], sizes: Sequence[float]) -> pd.DataFrame:
    """How often each rare value of a column occurs in the training, the synthetic and the held-out cells.

    Returns
    -------
    DataFrame
        One row a value: ``column``, ``value``, ``kind``; the shares ``real`` and ``synthetic`` and their ``ratio``,
        each with ``_low`` and ``_high``; ``p`` of equal shares; ``people`` who have it in the synthetic table, and
        ``chance``, the probability that among as many real people at least one has it.
    """
    size = len(watch.labels)
    codes = [watch.find(cells) for cells in tables]
    real, synthetic = (Rates.of(codes[i], people[i], size) for i in (0, 1))
    compared = ratio(synthetic, real)
    figures: dict[str, Any] = {"column": watch.column.name, "value": watch.labels}
    figures |= {"kind": "level" if watch.column.discrete else "tail", "p": compared.p}
    for name, value, (low, high) in (
        ("real", real.share, real.interval),
        ("synthetic", synthetic.share, synthetic.interval),
        ("ratio", compared.value, compared.interval),
    ):
        figures |= {name: value, f"{name}_low": low, f"{name}_high": high}
    train, made, held_out = (persons_in(*one, size) for one in zip(codes, people, strict=True))
    chance = 1 - (1 - (train + held_out) / (sizes[0] + sizes[2])) ** sizes[1]
    return pd.DataFrame(figures | {"people": made, "chance": chance}, index=range(size))


def _distance(watches: list[Watch], real: Table, other: Table) -> Distance | None:
    """The weighted mean of |s - r| / max(s, r) with every record's influence; None without rare values."""
    weights = np.concatenate([np.empty(0), *(watch.weights for watch in watches)])
    if not weights.size:
        return None
    weights = weights / weights.sum()
    sides = [[watch.find(cells) for watch, cells in zip(watches, table, strict=True)] for table in (real, other)]
    sizes = [len(watch.labels) for watch in watches]
    r, s = (
        np.concatenate([Rates.of(found, None, size).share for found, size in zip(side, sizes, strict=True)])
        for side in sides
    )
    larger = np.maximum(np.maximum(r, s), np.finfo(float).tiny)
    falling, rising = np.sign(r - s) / larger, np.sign(r - s) * np.minimum(r, s) / larger / larger
    slopes = weights * np.where(s < r, rising, falling), weights * np.where(s < r, -falling, -rising)
    of_real, of_other = (
        np.sum(list(map(_influence, side, np.split(slope, np.cumsum(sizes)[:-1]))), axis=0)
        for side, slope in zip(sides, slopes, strict=True)
    )
    return Distance(float(weights @ (np.abs(s - r) / larger)), of_real, of_other)


def _influence(found: Codes, slope: Floats) -> Floats:
    """What each record adds to a sum of shares of known cells that are weighed by ``slope``."""
    known = found != MISSING
    if not known.any():
        return np.zeros(len(found))
    added = np.append(slope, 0.0)[np.where(found >= 0, found, len(slope))]
    return np.asarray(np.where(known, added - added[known].mean(), 0.0) / known.mean())


def _of_levels(
    levels: pd.DataFrame, released: Unshared, control: Unshared, n: int, times: float | None
) -> dict[str, Estimate]:
    """The figures that are about levels, of ``n`` synthetic records.

    There are ``times`` as many people in the synthetic as in the held-out table; None without held-out records. Where
    no level is rare none is lost, and where none is unshared none is released.
    """
    covered, by_real = (1.0, (1.0, 1.0)), (1.0, (1.0, 1.0))
    given_away, by_chance = (0.0, (0.0, 0.0)), (0.0, (0.0, 0.0))
    if len(levels):
        covered, by_real = _occurring(levels["people"].to_numpy()), _expected(levels["chance"].to_numpy())
    if len(released.found):
        given_away = _occurring(released.found)
        by_chance = by_chance if times is None else _expected(control.chance(times))
    found = {
        "rare_levels_covered": (covered, by_real),
        "unshared_level_rate": (released.rate, control.rate),
        "unshared_levels_released": (given_away, by_chance),
    }
    return {
        name: Estimate(*figure, n, None if times is None else Reference(*real))
        for name, (figure, real) in found.items()
    }


def _expected(chance: Floats) -> tuple[float, Interval]:
    """The share of levels that would occur, by the probability of each."""
    value, error = float(chance.mean()), float(np.sqrt((chance * (1 - chance)).sum()) / len(chance))
    return value, normal_interval(value, error, 0.0, 1.0)


def _occurring(people: NDArray[np.int64]) -> tuple[float, Interval]:
    """The share of levels that at least one person has, by how many have each."""
    lacking = 0.5 ** (people + 0.5)
    value, error = float((people > 0).mean()), float(np.sqrt((lacking * (1 - lacking)).sum()) / len(people))
    return value, normal_interval(value, error, 0.0, 1.0)


def _plain(value: dict[Any, Any]) -> dict[str, Any]:
    """A rare value as plain JSON."""
    plain: dict[str, Any] = {name: value[name] for name in ("column", "value", "kind")}
    for name in ("real", "synthetic", "ratio"):
        plain[name] = round(float(value[name]), 6)
        plain[f"{name}_interval"] = [round(float(value[f"{name}_{end}"]), 6) for end in ("low", "high")]
    return plain | {"off": bool(value["off"])}


def _reason(estimates: dict[str, Estimate], detail: dict[str, Any]) -> str:
    said = []
    if mass := estimates.get("rare_value_error"):
        reason = f"Of the average rare value, {mass.value:.1%} is lost or exaggerated"
        if mass.reference:
            reason += f"; in as many held-out records it would be {mass.reference.value:.1%}"
            if mass.interval[1] < mass.reference.interval[0]:
                reason += ", so the synthetic records keep closer to the training records than other real people do"
        said.append(reason)
        reason = f"{detail['off']:,} of {detail['tested']:,} rare values are surely too frequent or too seldom"
        if detail["off"]:
            first = detail["worst"][0]
            reason += (
                f", above all {first['column']!r} {first['value']}: {first['synthetic']:.2%} of the synthetic and "
                f"{first['real']:.2%} of the real records"
            )
        said.append(reason)
    else:
        said.append(f"Nothing is rare and yet shared by at least {RARE} training people")
    if (covered := estimates.get("rare_levels_covered")) and detail["levels"]:
        reason = f"{detail['covered']:,} of {detail['levels']:,} rare levels occur"
        if covered.reference:
            reason += f", where {covered.reference.value * detail['levels']:,.1f} would by chance"
        said.append(reason)
    if (released := estimates.get("unshared_levels_released")) and detail["unshared"]["levels"]:
        levels, rate = detail["unshared"], estimates["unshared_level_rate"].value
        reason = f"Of {levels['levels']:,} levels that fewer than {RARE} training people have, {levels['released']:,} "
        reason += f"occur, in {rate:.2%} of the synthetic records"
        if released.reference:
            reason += f"; {released.reference.value * levels['levels']:,.1f} would by chance"
        said.append(reason)
    return ". ".join([*said, ""]).strip()
