"""Three-way: do triples of columns go together as they do in the real table?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import comb
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from synthdiff.checks.check import RARE, Aspect, Check, Estimate, Evidence, Finding
from synthdiff.checks.fidelity.distances import Codes, Distance, Persons, average, total_variation
from synthdiff.checks.fidelity.rates import persons_in
from synthdiff.checks.fidelity.reference import Table, Tables
from synthdiff.checks.intervals import Floats, normal_interval
from synthdiff.schema import Column
from synthdiff.seeds import numpy_generator

BINS = 10
"""Bins of a number, and levels of a column that stand alone, at most."""

WORST = 10

Triple = tuple[int, ...]


class ThreeWay(Check):
    """Each triple of columns is compared with the real triple; the figure is the mean distance over the triples.

    A triple counts by the total variation distance of its contingency table. Numbers are cut at the deciles of the
    training table, and a value that many records share has a bin of its own; the ten most frequent levels stand alone
    and the others are pooled, as are levels that fewer than five people share; missing is a cell like any other. All
    tables are cut alike. The fewer the records, the more of the distance is chance: held-out records say how much.

    Attributes
    ----------
    most : int
        Rows of a table that are looked at; of a larger one, so many are drawn.
    triples : int
        Triples that are compared; of more, so many are drawn, and the interval allows for it.

    Notes
    -----
    ``detail`` holds ``triples`` (``compared``, ``of``); ``columns``, a list from worst to best of each ``column`` with
    the mean ``error`` and ``reference`` of its triples; and ``worst``, ten triples that are furthest above what
    held-out records score in their place (without held-out records: furthest from the real ones), no two with two
    columns in common, for one broken pair would fill the list. Each of these has its three ``columns``; ``error``,
    ``interval`` and ``reference``; ``cell``, in words: of the cells with at least five training people the one whose
    share is furthest off, with its shares ``real`` and ``synthetic`` (None where there is no such cell); and ``thin``,
    the shares of ``real`` and ``synthetic`` records in all the other cells, which are not named: a synthetic share far
    above the real one stands for combinations that real people do not have. The ten are picked from many, and their own
    intervals do not allow for that.

    References
    ----------
    Platzer & Reutterer (2021), Holdout-based empirical assessment of mixed-type synthetic data, Frontiers in Big Data
    4: distances of k-way binned marginals; here k is 3.
    """

    kind: Literal["three_way"] = "three_way"
    most: int = Field(50_000, ge=100)
    triples: int = Field(1_000, ge=10)

    title: ClassVar[str] = "Triples of columns"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "three_way_error": (
            "Error of triples of columns",
            "Mean distance between the real and the synthetic table of three columns, cut into the same bins: 0 is no "
            "difference, 1 is no overlap.",
        ),
    }
    aspect: ClassVar[Aspect] = "fidelity"
    unit: ClassVar[str] = "mean distance, 0 to 1"
    direction: ClassVar[str] = "lower is better, as low as held-out records is best"
    source: ClassVar[str] = "Three-way binned marginals (Platzer & Reutterer 2021)"
    bars: ClassVar[dict[str, str]] = {"three_way_error": "<= reference + 0.05"}

    def run(self, evidence: Evidence) -> Finding:
        """Compare triple by triple."""
        generator = numpy_generator(evidence.seed, "three_way")
        tables = Tables.of(evidence, self.most, generator)
        if len(tables.columns) < 3 or not tables.size:
            return Finding({}, "There is no triple of columns that can be compared.")
        cuts = [
            _cut(column, values, tables.people[0]) for column, values in zip(tables.columns, tables.train, strict=True)
        ]
        triples, total = _drawn(len(cuts), self.triples, generator)
        mean, errors = _compare(cuts, triples, tables.train, tables.synthetic)
        drawing = float(errors.std()) * np.sqrt((1 - len(triples) / total) / len(triples))
        estimate = tables.estimate(
            mean, lambda real, other: _compare(cuts, triples, real, other)[0], generator, drawing
        )
        chance: Floats | None = None
        if tables.holdout is not None and estimate.reference is not None:
            alone, chance = _compare(cuts, triples, tables.train, tables.holdout)
            # Held-out records may be more or fewer than the synthetic ones; the reference is at the right size.
            chance = np.minimum(1.0, chance * (estimate.reference.value / (alone.value or 1.0)))
        excess = errors if chance is None else errors - chance
        detail = {
            "triples": {"compared": len(triples), "of": total},
            "columns": _by_column(cuts, triples, errors, chance),
            "worst": [
                _contrast(cuts, triples[at], tables, None if chance is None else float(chance[at]))
                for at in _furthest(triples, excess)
            ],
        }
        reason = _reason(estimate, detail)
        if max(len(evidence.train), len(evidence.synthetic)) > self.most:
            reason += f" At most {self.most:,} records of a table, drawn at random, were looked at."
        return Finding({"three_way_error": estimate}, reason, detail)


@dataclass(frozen=True)
class Cut:
    """How a column is cut into cells.

    Attributes
    ----------
    name : str
        The column's.
    labels : list of str
        What each cell is called; the last is missing.
    cells : callable
        From coordinates of shape (n,), NaN where missing, to cells in ``[0, len(labels))``.
    """

    name: str
    labels: list[str]
    cells: Callable[[Floats], Codes]


def _cut(column: Column, values: Floats, people: Persons) -> Cut:
    return _levels(column, values, people) if column.discrete else _bins(column, values)


def _levels(column: Column, values: Floats, people: Persons) -> Cut:
    """The most frequent levels; the others, the rare ones and what is no level share a cell."""
    levels = column.levels or ()
    held = persons_in(np.where(values >= 0, values, -1).astype(np.int64), people, len(levels))
    shown = [code for code in np.argsort(-held, kind="stable")[:BINS].tolist() if held[code] >= RARE]
    place = np.full(len(levels) + 1, len(shown))
    place[shown] = np.arange(len(shown))

    def cells(codes: Floats) -> Codes:
        known = place[np.where(codes >= 0, codes, len(levels)).astype(np.int64)]
        return np.where(np.isnan(codes), len(shown) + 1, known)

    return Cut(column.name, [*(repr(str(levels[code])) for code in shown), "another level", "missing"], cells)


def _bins(column: Column, values: Floats) -> Cut:
    """Bins between deciles, and one for each value on which two deciles fall."""
    known, whole = values[np.isfinite(values)], column.kind == "integer"
    deciles = np.quantile(known, np.arange(1, BINS) / BINS) if len(known) else np.empty(0)
    edges, times = np.unique(np.ceil(deciles) if whole else deciles, return_counts=True)
    shared = edges[times > 1]
    edges = np.union1d(edges, shared + 1 if whole else np.nextafter(shared, np.inf))

    def cells(numbers: Floats) -> Codes:
        return np.where(np.isnan(numbers), len(edges) + 1, np.searchsorted(edges, numbers, "right"))

    labels = [
        _between(column, low, high, shared) for low, high in pairwise(np.concatenate([[-np.inf], edges, [np.inf]]))
    ]
    return Cut(column.name, [*labels, "missing"], cells)


def _between(column: Column, low: float, high: float, shared: Floats) -> str:
    """The numbers from ``low`` up to, but without, ``high``, in words; ``shared`` are those with a bin of their own."""
    if low in shared:
        return spelt(column, low)
    if np.isinf(low):
        return f"below {spelt(column, high)}" if np.isfinite(high) else "any value"
    if column.kind == "integer" and np.isfinite(high):
        return spelt(column, low) if high == low + 1 else f"{spelt(column, low)} to {spelt(column, high - 1)}"
    if np.isinf(high):
        behind = np.nextafter(low, -np.inf) in shared
        return f"above {spelt(column, low)}" if behind else f"{spelt(column, low)} and above"
    return f"{spelt(column, low)} to {spelt(column, high)}"


def spelt(column: Column, value: float) -> str:
    """A number to four significant digits, or the day of a moment."""
    if column.kind == "datetime":
        return pd.Timestamp(value, unit="s").strftime("%Y-%m-%d")
    return "0" if abs(value) < np.finfo(float).tiny else f"{float(f'{value:.4g}'):.10g}"


def _drawn(columns: int, most: int, generator: np.random.Generator) -> tuple[list[Triple], int]:
    """All triples of columns, or ``most`` of them, and how many there are."""
    total = comb(columns, 3)
    if total <= most:
        return list(combinations(range(columns), 3)), total
    drawn: set[Triple] = set()
    while len(drawn) < most:
        drawn.add(tuple(np.sort(generator.choice(columns, 3, replace=False)).tolist()))
    return sorted(drawn), total


def _compare(cuts: list[Cut], triples: list[Triple], real: Table, other: Table) -> tuple[Distance, Floats]:
    """The mean distance over the triples, and the distance of each."""
    sides = [[cut.cells(values) for cut, values in zip(cuts, table, strict=True)] for table in (real, other)]
    shape = [len(cut.labels) for cut in cuts]
    values = []

    def each() -> Iterator[Distance | None]:
        for triple in triples:
            (a, b), size = _joint(sides, shape, triple)
            found = total_variation(a, b, size)
            values.append(found.value if found else 0.0)
            yield found

    mean = average(each())
    assert mean is not None, "every row of a table is in a cell"
    return mean, np.array(values)


def _joint(sides: Sequence[Sequence[Codes]], shape: Sequence[int], triple: Triple) -> tuple[list[Codes], int]:
    """Each table's cells of a triple's contingency table, counted through, and how many there are."""
    a, b, c = triple
    return [(side[a] * shape[b] + side[b]) * shape[c] + side[c] for side in sides], shape[a] * shape[b] * shape[c]


def _by_column(cuts: list[Cut], triples: list[Triple], errors: Floats, chance: Floats | None) -> list[dict[str, Any]]:
    """The mean over the triples of each column that is in one, the worst first."""
    found = []
    for i, cut in enumerate(cuts):
        within = np.array([i in triple for triple in triples])
        if within.any():
            real = None if chance is None else round(float(chance[within].mean()), 5)
            found.append({"column": cut.name, "error": round(float(errors[within].mean()), 5), "reference": real})
    return sorted(found, key=lambda one: (one["reference"] or 0.0) - one["error"])


def _furthest(triples: list[Triple], excess: Floats) -> list[int]:
    """The positions of the worst triples, no two with a pair of columns in common."""
    found: list[int] = []
    for at in np.argsort(-excess, kind="stable").tolist():
        if all(len(set(triples[at]) & set(triples[other])) < 2 for other in found):
            found.append(at)
        if len(found) == WORST:
            break
    return found


def _contrast(cuts: list[Cut], triple: Triple, tables: Tables, chance: float | None) -> dict[str, Any]:
    """What the report says of one triple."""
    chosen = [cuts[i] for i in triple]
    sides = [
        [cut.cells(table[i]) for cut, i in zip(chosen, triple, strict=True)]
        for table in (tables.train, tables.synthetic)
    ]
    shape = [len(cut.labels) for cut in chosen]
    (real, synthetic), size = _joint(sides, shape, (0, 1, 2))
    apart = total_variation(real, synthetic, size)
    assert apart is not None
    shares = [np.bincount(codes, minlength=size) / len(codes) for codes in (real, synthetic)]
    shared = persons_in(real, tables.people[0], size) >= RARE
    gap = np.where(shared, np.abs(shares[0] - shares[1]), -1.0)
    at = int(np.argmax(gap))
    words = zip(chosen, np.unravel_index(at, shape), strict=True)
    cell = ", ".join(f"{cut.name} {cut.labels[int(place)]}" for cut, place in words) if shared.any() else None
    return {
        "columns": [cut.name for cut in chosen],
        "error": round(apart.value, 5),
        "interval": [round(end, 5) for end in normal_interval(apart.value, apart.error(tables.people[:2]), 0.0, 1.0)],
        "reference": None if chance is None else round(chance, 5),
        "cell": cell,
        "real": round(float(shares[0][at]), 5) if shared.any() else None,
        "synthetic": round(float(shares[1][at]), 5) if shared.any() else None,
        "thin": {
            "real": round(float(shares[0][~shared].sum()), 5),
            "synthetic": round(float(shares[1][~shared].sum()), 5),
        },
    }


def _reason(estimate: Estimate, detail: dict[str, Any]) -> str:
    reason = f"On average, the binned table of three columns is {estimate.value:.2%} away from the real one"
    if estimate.reference:
        reason += f"; as many held-out records would be {estimate.reference.value:.2%} away"
        if estimate.interval[1] < estimate.reference.interval[0]:
            reason += ", so the synthetic records keep closer to the training records than other real people do"
    first = detail["worst"][0]
    reason += "."
    if first["error"] > (first["reference"] or 0.0):
        a, b, c = (repr(name) for name in first["columns"])
        reason += f" Furthest off are {a}, {b} and {c} with {first['error']:.2%}"
        if first["cell"]:
            reason += f": {first['cell']} in {first['real']:.1%} of the real, {first['synthetic']:.1%} of the synthetic"
            reason += " records"
        reason += "."
    compared, total = detail["triples"]["compared"], detail["triples"]["of"]
    return reason if compared == total else f"{reason} {compared:,} of {total:,} triples were drawn and compared."
