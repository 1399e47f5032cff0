"""Subgroups: are the synthetic records as good for each group of people as for all?"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from synthdiff.checks.check import Aspect, Check, Estimate, Evidence, Finding, Reference
from synthdiff.checks.fidelity.bygroup import Coded, Compared, Influence, compare, fewest
from synthdiff.checks.fidelity.groups import Codes, Partition
from synthdiff.checks.fidelity.reference import Tables
from synthdiff.checks.fidelity.worst import Worst, by_person, worst
from synthdiff.checks.intervals import Interval, normal_interval
from synthdiff.schema import Schema
from synthdiff.seeds import numpy_generator

QUARTERS = 4

SHOWN = 10
"""Subgroups that the report lists at most."""


class Subgroups(Check):
    """Column by column, the synthetic records of each subgroup are compared with the training records of the subgroup.

    Subgroups are the levels of a column, or the quarters of a number: of the columns with the role ``protected`` and
    the target, and each pair of protected columns, or else of every column that is learnt. Within a subgroup, every
    other column counts by the distance of its distribution from the real one: Kolmogorov-Smirnov for numbers (cut into
    50 bins), total variation for levels; missing is a value like others. A subgroup's *error* is the mean of these, and
    its *excess* is that error less the error of the held-out records of the subgroup, of both equally many, so that
    what is due to small numbers cancels. Only subgroups of 100 records in every table are judged (in tables of fewer
    than 500, a fifth of the smallest, but at least 30); one that has too few synthetic records where at least twice as
    many were to be expected is *lost* and has error 1.

    ``worst_subgroup_excess`` is the largest excess. Its interval allows for the choice: it comes from intervals for all
    subgroups that hold at once with 95 % probability (:mod:`~synthdiff.checks.fidelity.worst`), from the highest lower
    to the highest upper end, and its reference is the largest excess that fresh real records would show by chance.
    ``subgroup_error`` is the mean error over the subgroups. Without held-out records there is only the latter, and no
    reference.

    The finding's ``detail`` has

    ``subgroups``
        the ten of which it is most certain that they are worse: ``group``, ``n`` synthetic records, ``error``,
        ``reference`` (the held-out records' error), ``excess``, its simultaneous ``interval``, and ``columns``, the
        three columns furthest apart with their ``distance``.
    ``lost``
        subgroups without enough synthetic records: ``group``, ``real`` and ``synthetic``, their shares.
    ``judged``, ``too_small``, ``fewest``
        how many subgroups were judged, how many have too few records, and how many records are enough.
    ``overall``
        the ``error`` of all records together and its ``reference``, of equally many.

    Attributes
    ----------
    most : int
        Rows of a table that are looked at; of a larger one, so many are drawn.

    References
    ----------
    Chernozhukov, Chetverikov & Kato (2013), Annals of Statistics 41.
    """

    kind: Literal["subgroups"] = "subgroups"
    most: int = Field(30_000, ge=100)

    title: ClassVar[str] = "Subgroups"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "worst_subgroup_excess": (
            "Excess error of the worst subgroup",
            "By how much more the synthetic records of the worst subgroup differ from the real ones than other real "
            "records of that subgroup do: 0 is no more; the interval allows for having looked at all subgroups.",
        ),
        "subgroup_error": (
            "Error within subgroups",
            "Mean difference between the real and the synthetic distribution of a column within a subgroup, averaged "
            "over the subgroups.",
        ),
    }
    aspect: ClassVar[Aspect] = "fidelity"
    unit: ClassVar[str] = "mean distance, 0 to 1"
    direction: ClassVar[str] = "lower is better, as low as held-out records is best"
    source: ClassVar[str] = (
        "Column Shapes of SDMetrics within subgroups; simultaneous intervals after Chernozhukov et al. (2013)"
    )
    bars: ClassVar[dict[str, str]] = {
        "worst_subgroup_excess": "<= 0.10",
        "subgroup_error": "<= reference + 0.03",
    }

    def run(self, evidence: Evidence) -> Finding:
        """Compare subgroup by subgroup."""
        generator = numpy_generator(evidence.seed, "subgroups")
        tables = Tables.of(evidence, self.most, generator)
        coded = Coded.of(tables, generator)
        enough = fewest([len(rank) for rank in coded.ranks])
        found = _Judged()
        for partition in _groupings(evidence.schema, tables):
            found.add(partition, tables, coded, enough)
        detail: dict[str, Any] = {
            "subgroups": [],
            "lost": found.lost,
            "judged": len(found.labels),
            "too_small": found.too_small,
            "fewest": enough,
            "overall": _overall(coded),
        }
        if not found.labels:
            return Finding(
                {},
                f"No subgroup has {enough} records in each table, so that none can be judged. Give more records, "
                "or the role 'protected' to columns of few and frequent levels.",
                detail,
            )
        estimate = _mean(found, tables)
        sizes = [len(evidence.train), len(evidence.synthetic), 0 if evidence.holdout is None else len(evidence.holdout)]
        drawn = f" Of each table at most {self.most:,} records were looked at." if max(sizes) > self.most else ""
        if tables.holdout is None:
            detail["subgroups"] = found.table(np.argsort(-np.array(found.error), kind="stable"), None)
            reason = _reason(found, estimate, None) + " Without held-out records it cannot be told how far other real "
            return Finding({"subgroup_error": estimate}, f"{reason}records of a subgroup would be.{drawn}", detail)
        excess = np.array(found.error) - np.array(found.reference)
        stacked = [by_person(np.stack(rows), who) for rows, who in zip(found.of_excess, tables.people, strict=True)]
        most = worst(excess, stacked, generator)
        detail["subgroups"] = found.table(np.lexsort((-excess, -most.low)), most)
        estimates = {
            "worst_subgroup_excess": Estimate(most.value, most.interval, tables.size, most.reference),
            "subgroup_error": estimate,
        }
        return Finding(estimates, _reason(found, estimate, most) + drawn, detail)


def _groupings(schema: Schema, tables: Tables) -> list[Partition]:
    """By what subgroups are formed, and by which pairs."""
    protected = [column for column in tables.columns if "protected" in column.roles]
    wanted = [column for column in tables.columns if column in protected or column == schema.target]
    single = {
        column.name: Partition.of(column, train, QUARTERS)
        for column, train in zip(tables.columns, tables.train, strict=True)
        if column in wanted or not protected
    }
    pairs = [single[a.name].crossed(single[b.name]) for a, b in combinations(protected, 2)]
    return [*single.values(), *pairs]


@dataclass
class _Judged:
    """The subgroups that are judged, one by one.

    Attributes
    ----------
    labels, n, error, reference : lists
        What each is called, its synthetic records, its error, and that of its held-out records (of equally many).
    columns : list of lists
        Of each the three columns in which it is worst, with their distances.
    of_error, of_excess : lists of lists of float32 arrays of shape (n,)
        Table by table, of each the records' influences on its error and its excess.
    lost : list of dict
        For the detail; they are judged, too.
    too_small : int
        Subgroups that cannot be judged.
    """

    labels: list[str] = field(default_factory=list)
    n: list[int] = field(default_factory=list)
    error: list[float] = field(default_factory=list)
    reference: list[float] = field(default_factory=list)
    columns: list[list[dict[str, Any]]] = field(default_factory=list)
    of_error: tuple[list[Influence], ...] = field(default_factory=lambda: ([], []))
    of_excess: tuple[list[Influence], ...] = field(default_factory=lambda: ([], [], []))
    lost: list[dict[str, Any]] = field(default_factory=list)
    too_small: int = 0

    def add(self, partition: Partition, tables: Tables, coded: Coded, enough: int) -> None:
        """Judge the subgroups that a partition forms."""
        names = [column.name for column in tables.columns]
        sides = [side for side in (tables.train, tables.synthetic, tables.holdout) if side is not None]
        groups = [partition.place(dict(zip(names, side, strict=True))) for side in sides]
        labels = partition.labels
        found = compare(groups, len(labels), partition.names, coded)
        if not found.columns:
            return
        real, synthetic, *beside = found.counts
        expected = real / len(groups[0]) * len(groups[1])
        judged = np.minimum.reduce([real, *beside]) >= enough
        lost = judged & (synthetic < enough) & (expected >= 2 * enough)
        self.too_small += int((~judged | (~lost & (synthetic < enough)))[real > 0].sum())
        for group in np.flatnonzero(judged & (lost | (synthetic >= enough))).tolist():
            self._judge(group, labels[group], groups, found, bool(lost[group]))

    def _judge(self, group: int, label: str, groups: list[Codes], found: Compared, lost: bool) -> None:
        real, synthetic = (int(count[group]) for count in found.counts[:2])
        self.labels.append(label)
        self.n.append(synthetic)
        if lost:
            shares = real / len(groups[0]), synthetic / len(groups[1])
            self.lost.append({"group": label, "real": round(shares[0], 4), "synthetic": round(shares[1], 4)})
        apart = found.distances[0][group]
        self.error.append(1.0 if lost else float(apart.mean()))
        furthest = np.argsort(-apart, kind="stable")[: 0 if lost else 3]
        self.columns.append([{"column": found.columns[i], "distance": round(float(apart[i]), 4)} for i in furthest])
        known = 0.0 if lost else 1.0
        mine = [np.where(of == group, known, 0.0).astype(np.float32) for of in groups]
        of_error = [own * influence for own, influence in zip(mine, found.influences[0], strict=False)]
        for rows, row in zip(self.of_error, of_error, strict=True):
            rows.append(row)
        if len(found.distances) > 1:
            self.reference.append(0.0 if lost else float(found.distances[1][group].mean()))
            shared, of_holdout = (mine[place] * found.influences[1][i] for i, place in enumerate((0, 2)))
            for rows, row in zip(self.of_excess, (of_error[0] - shared, of_error[1], of_holdout), strict=True):
                rows.append(row)

    def table(self, order: NDArray[np.int64], most: Worst | None) -> list[dict[str, Any]]:
        """The first subgroups of an order, for the detail."""
        listed = []
        for i in order[:SHOWN].tolist():
            row: dict[str, Any] = {"group": self.labels[i], "n": self.n[i], "error": round(self.error[i], 4)}
            if most is not None:
                row["reference"] = round(self.reference[i], 4)
                row["excess"] = round(self.error[i] - self.reference[i], 4)
                row["interval"] = [round(float(most.low[i]), 4), round(float(most.high[i]), 4)]
            listed.append({**row, "columns": self.columns[i]})
        return listed


def _mean(found: _Judged, tables: Tables) -> Estimate:
    """The mean error over the subgroups."""
    people = tables.people[: len(found.of_error)]
    means = [by_person(np.mean(rows, axis=0)[None], who) for rows, who in zip(found.of_error, people, strict=True)]
    spread = float(np.sqrt(sum(float((mean.astype(float) ** 2).sum()) for mean in means)))

    def estimated(errors: list[float]) -> tuple[float, Interval]:
        return float(np.mean(errors)), normal_interval(float(np.mean(errors)), spread, 0.0, 1.0)

    real = Reference(*estimated(found.reference)) if found.reference else None
    return Estimate(*estimated(found.error), tables.size, real)


def _overall(coded: Coded) -> dict[str, float | None]:
    """The error of all records together, and that of as many held-out ones."""
    everybody = [np.zeros(len(rank), dtype=np.int64) for rank in coded.ranks]
    error, *beside = (float(found.mean()) for found in compare(everybody, 1, (), coded).distances)
    return {"error": round(error, 4), "reference": round(beside[0], 4) if beside else None}


def _reason(found: _Judged, mean: Estimate, most: Worst | None) -> str:
    reason = (
        f"Within {len(found.labels):,} subgroups, a column's distribution is {mean.value:.2%} away from the real one"
    )
    if mean.reference is not None:
        reason += f"; that of as many held-out records is {mean.reference.value:.2%} away"
    reason += " on average."
    if found.lost:
        reason += (
            f" Subgroups with hardly any synthetic records: {len(found.lost)}, such as {found.lost[0]['group']!r}."
        )
    if most is not None:
        low, high = float(most.low[most.surest]), float(most.high[most.surest])
        excess = found.error[most.surest] - found.reference[most.surest]
        if low > 0:
            reason += (
                f" Of all, it is surest of {found.labels[most.surest]!r} that synthetic records are further off than "
                f"held-out ones: by {excess:.1%} ({low:.1%} to {high:.1%}, allowing for the choice)."
            )
        else:
            reason += " Of none it is sure that synthetic records are further off than held-out ones."
    return reason
