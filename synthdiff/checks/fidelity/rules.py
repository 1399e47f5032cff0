"""Rules: do the synthetic records keep the rules that were declared, and those that the real records keep?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from synthdiff.checks.check import CONCERNS, RARE, Aspect, Check, Concern, Estimate, Evidence, Finding, Reference
from synthdiff.checks.features import at_most, coordinates, persons
from synthdiff.checks.fidelity.discovery import Flags, Found, equalities, grids, implications, orders
from synthdiff.checks.fidelity.equations import equations
from synthdiff.checks.fidelity.groups import Cells, spelt
from synthdiff.checks.intervals import Interval
from synthdiff.errors import DataError
from synthdiff.schema import Column, Rule, Schema
from synthdiff.seeds import numpy_generator

TOLERATED = 0.01
"""A rule that was found and that surely more of the held-out records break was none."""

WORST = 10
"""Rules that the report names at most."""


class Rules(Check):
    """Counts the synthetic records that break a rule: one that is declared, or one that the training records keep.

    *Declared* are the schema's constraints and the bounds of its numbers. *Found* on the training records are
    implications between levels, missing cells and ranges of two columns ("if pregnant = yes then sex = F"), orders
    ("admitted ≤ discharged"), equalities, also where a third column has a certain level, grids that are wider than the
    schema says ("a multiple of 5") and equations (sums, products, quotients such as a body mass index). A rule is only
    found where all training records keep it though chance would let 30 or more break it, and is dropped where surely
    more than 1 % of the held-out records break it. It holds for the training records by construction and not quite for
    others. So the reference is the held-out records: of n, of whom k break a rule, the next one does with probability
    (k + 1) / (n + 2) by Laplace's rule of succession, for 90 held-out persons without a broken rule do not show that
    nobody breaks one. Without held-out records there is no reference.

    The check ``missingness`` counts rules on missing cells, too, and from fewer records on, beside its own figure; the
    check ``schema`` counts broken bounds as well.

    The finding's ``detail`` has

    ``rules``
        how many there are: ``declared`` and, of those found, the number of each kind, and ``dropped``.
    ``declared``, ``found``
        the share of records that break a rule of the sort: ``rate``, ``interval``, ``reference``; null without a rule.
    ``kinds``
        the same for each kind of rule.
    ``worst``
        the ten rules broken most often: ``rule`` in words, ``kind``, ``declared``, ``rate``, ``interval``
        (Clopper-Pearson), ``real`` (the share of held-out records that break it) and its ``real_interval``, null
        without held-out records and where 1 to 4 of them do.

    Attributes
    ----------
    most : int
        Rows of a table that are looked at; of a larger one, so many are drawn.

    References
    ----------
    Clopper & Pearson (1934), Biometrika 26. Denial constraints found in data: Chu, Ilyas & Papotti (2013), PVLDB 6.
    """

    kind: Literal["rules"] = "rules"
    most: int = Field(20_000, ge=100)

    title: ClassVar[str] = "Clinical rules"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "rule_violation_rate": (
            "Broken rules",
            "Share of synthetic records that contradict a declared rule or one that all training records keep, such as "
            "a pregnant man or a discharge before admission.",
        ),
    }
    aspect: ClassVar[Aspect] = "fidelity"
    unit: ClassVar[str] = "share of records"
    direction: ClassVar[str] = "lower is better, as low as held-out records is best"
    source: ClassVar[str] = "Declared constraints; constraints found in data (Chu, Ilyas & Papotti 2013)"
    bars: ClassVar[dict[str, str]] = {"rule_violation_rate": "<= reference + 0.01"}

    def run(self, evidence: Evidence) -> Finding:
        """Collect the rules, and count who breaks them."""
        schema, generator = evidence.schema, numpy_generator(evidence.seed, "rules")
        held_out = evidence.train.iloc[:0] if evidence.holdout is None else evidence.holdout
        tables = (evidence.train, evidence.synthetic, held_out)
        frames = [at_most(frame.reset_index(drop=True), self.most, generator) for frame in tables]
        learnt = [column for column in schema if column.learnt]
        train, synthetic, holdout = ({c.name: coordinates(frame, c) for c in learnt} for frame in frames)
        if not len(frames[1]):
            return Finding({}, "There is no synthetic record.")

        declared = [*_declared(schema, evidence.train), *_bounds(learnt)]
        said = {frozenset(rule.columns) for rule in declared if rule.kind in ("inequality", "sum")}
        found = [rule for rule in discover(learnt, train, generator) if frozenset(rule.columns) not in said]
        kept = [rule for rule in found if not _refuted(rule.breaks(holdout), persons(frames[2], schema))]
        rules = [*declared, *kept]
        counts = {"declared": len(declared), **_counted(kept), "dropped": len(found) - len(kept)}
        if not rules:
            return Finding(
                {},
                "No rule is declared, and the training records keep none that chance would break often. Declare what "
                "must hold under 'constraints'.",
                {"rules": counts, "declared": None, "found": None, "kinds": {}, "worst": []},
            )
        broken = _Broken.of(rules, synthetic, persons(frames[1], schema))
        real = _Broken.of(rules, holdout, persons(frames[2], schema)) if len(held_out) else None
        first = len(declared)
        worst = _worst(rules, first, broken, real)
        detail = {
            "rules": counts,
            "declared": _sort(broken, real, range(first)),
            "found": _sort(broken, real, range(first, len(rules))),
            "kinds": {
                kind: _sort(broken, real, [i for i, rule in enumerate(rules) if rule.kind == kind])
                for kind in dict.fromkeys(rule.kind for rule in rules)
            },
            "worst": worst,
        }
        everything = range(len(rules))
        rate, interval = broken.share(everything)
        chance = None if real is None else real.next(everything)
        estimate = Estimate(rate, interval, len(frames[1]), chance)
        concerns = _concerns(declared, broken, frames[1].index.to_numpy())
        reason = _reason(estimate, counts, worst, None if real is None else real.share(everything)[0])
        if max(map(len, tables)) > self.most:
            reason += f" Of each table at most {self.most:,} records were looked at."
        return Finding({"rule_violation_rate": estimate}, reason, detail, concerns)


def discover(columns: Sequence[Column], cells: Cells, generator: np.random.Generator) -> list[Found]:
    """All rules that a table's records keep, those between numbers first.

    Parameters
    ----------
    columns : sequence of Column
        The learnt ones.
    cells : mapping of str to float64 arrays of shape (n,)
        Of the training records.
    generator : Generator
        For what chance would do to an equation.
    """
    found = [*orders(columns, cells), *equalities(columns, cells)]
    equal = [rule.columns[-2:] for rule in found if rule.kind == "equality"]
    found += equations(columns, cells, equal, generator)
    related = frozenset(frozenset(rule.columns) for rule in found)
    return [*found, *grids(columns, cells), *implications(columns, cells, related)]


def _declared(schema: Schema, train: pd.DataFrame) -> list[Found]:
    """The schema's constraints; one on combinations knows those of the training records."""
    found = []
    for constraint in schema.constraints:
        try:
            (rule,) = Schema(columns=schema.columns, constraints=(constraint,)).rules(train)
        except DataError:
            continue  # one on combinations, of which the training records have none
        found.append(Found(constraint.kind, rule.name, rule.columns, partial(_disobeys, rule, schema)))
    return found


def _disobeys(rule: Rule, schema: Schema, cells: Cells) -> Flags:
    """Which records break a schema's rule, which computes with whole codes instead of NaN."""
    values = {
        name: np.where(np.isnan(cells[name]), -1, cells[name]).astype(np.int64)
        if schema[name].discrete
        else cells[name]
        for name in rule.columns
    }
    return ~rule.holds(values)


def _bounds(columns: Iterable[Column]) -> list[Found]:
    """The declared bounds of numbers and moments."""
    found = []
    for column in columns:
        low, high = column.bounds
        if column.numeric and np.isfinite(low):
            below = f"{column.name} ≥ {spelt(column, low)}"
            found.append(Found("range", below, (column.name,), partial(_outside, column.name, low, np.inf)))
        if column.numeric and np.isfinite(high):
            above = f"{column.name} ≤ {spelt(column, high)}"
            found.append(Found("range", above, (column.name,), partial(_outside, column.name, -np.inf, high)))
    return found


def _outside(name: str, low: float, high: float, cells: Cells) -> Flags:
    outside: Flags = (cells[name] < low) | (cells[name] > high)
    return outside


def _counted(found: Iterable[Found]) -> dict[str, int]:
    kinds = [rule.kind for rule in found]
    return {kind: kinds.count(kind) for kind in ("implication", "order", "equality", "grid", "derived")}


@dataclass(frozen=True)
class _Broken:
    """Which records of a table break which rules.

    Attributes
    ----------
    flags : list of bool arrays of shape (n,)
        One a rule.
    people : int64 array of shape (n,) or None
        To whom the records belong.
    """

    flags: list[Flags]
    people: Any

    @classmethod
    def of(cls, rules: Sequence[Found], cells: Cells, people: Any) -> _Broken:
        return cls([rule.breaks(cells) for rule in rules], people)

    def share(self, which: Iterable[int]) -> tuple[float, Interval]:
        """The share of records that break any of some rules, with its exact interval."""
        return _exact(np.any([self.flags[i] for i in which], axis=0), self.people)

    def next(self, which: Iterable[int]) -> Reference:
        """How probable it is that one more such record breaks any of some rules, by Laplace's rule of succession.

        A small held-out table in which nobody breaks a rule does not show that nobody would.
        """
        share, interval = self.share(which)
        n = _draws(self.flags[0], self.people)
        return Reference((share * n + 1) / (n + 2), interval)


def _exact(flags: Flags, people: Any) -> tuple[float, Interval]:
    """A share with the interval of Clopper and Pearson; records of one person stand or fall together."""
    from scipy.stats import binomtest

    rate, n = float(flags.mean()), _draws(flags, people)
    low = binomtest(int(np.floor(rate * n + 1e-9)), n).proportion_ci(method="exact").low
    high = binomtest(int(np.ceil(rate * n - 1e-9)), n).proportion_ci(method="exact").high
    return rate, (float(low), float(high))


def _draws(flags: Flags, people: Any) -> int:
    return len(flags) if people is None else len(np.unique(people))


def _refuted(flags: Flags, people: Any) -> bool:
    """Whether more held-out records break a rule than a rule may be broken by, beyond doubt."""
    return bool(flags.any()) and _exact(flags, people)[1][0] > TOLERATED


def _sort(broken: _Broken, real: _Broken | None, which: Sequence[int]) -> dict[str, Any] | None:
    if not len(which):
        return None
    rate, interval = broken.share(which)
    return {
        "rules": len(which),
        "rate": round(rate, 5),
        "interval": [round(end, 5) for end in interval],
        "reference": None if real is None else round(real.share(which)[0], 5),
    }


def _worst(rules: Sequence[Found], declared: int, broken: _Broken, real: _Broken | None) -> list[dict[str, Any]]:
    """The rules broken most often, beyond what held-out records do."""
    rates = np.array([flags.mean() for flags in broken.flags])
    beside = np.zeros(len(rules)) if real is None else np.array([flags.mean() for flags in real.flags])
    listed = []
    for i in np.argsort(beside - rates, kind="stable")[:WORST].tolist():
        if rates[i] == 0:
            break
        rate, interval = broken.share([i])
        few = real is None or 0 < real.flags[i].sum() < RARE
        held = None if real is None or few else real.share([i])
        listed.append(
            {
                "rule": rules[i].name,
                "kind": rules[i].kind,
                "declared": i < declared,
                "rate": round(rate, 5),
                "interval": [round(end, 5) for end in interval],
                "real": None if held is None else round(held[0], 5),
                "real_interval": None if held is None else [round(end, 5) for end in held[1]],
            }
        )
    return listed


def _concerns(declared: Sequence[Found], broken: _Broken, positions: np.ndarray) -> tuple[Concern, ...]:
    """The synthetic records that break declared rules, those that break most first."""
    if not declared:
        return ()
    flags = np.array(broken.flags[: len(declared)])
    times = flags.sum(axis=0)
    order = np.lexsort((positions, -times))[:CONCERNS]
    return tuple(
        Concern(
            int(positions[i]),
            None,
            f"breaks {', '.join(rule.name for rule, hit in zip(declared, flags[:, i], strict=True) if hit)}",
        )
        for i in order.tolist()
        if times[i]
    )


def _reason(estimate: Estimate, counts: dict[str, int], worst: list[dict[str, Any]], held_out: float | None) -> str:
    found = sum(count for name, count in counts.items() if name not in ("declared", "dropped"))
    told = [f"of {counts['declared']:,} declared rules"] if counts["declared"] else []
    told += [f"of {found:,} rules that all training records keep"] if found else []
    reason = f"{estimate.value:.2%} of {estimate.n:,} synthetic records break one {' or '.join(told)}"
    reason += "." if held_out is None else f"; of the held-out records, {held_out:.2%} do."
    if worst:
        reason += f" Most often: {worst[0]['rule']} ({worst[0]['rate']:.2%})."
    return reason
