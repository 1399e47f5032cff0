"""Trend: do pairs of columns go together as they do in the real table?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from synthdiff.checks.check import Aspect, Check, Estimate, Evidence, Finding
from synthdiff.checks.fidelity.distances import (
    Codes,
    Distance,
    average,
    correlation,
    correlation_difference,
    total_variation,
)
from synthdiff.checks.fidelity.reference import Table, Tables
from synthdiff.checks.intervals import Floats
from synthdiff.schema import Column
from synthdiff.seeds import numpy_generator

BINS = 10
SHOWN = 40
"""Columns whose associations the report shows at most: those that are worst."""

Pair = tuple[int, int]


class Trend(Check):
    """Each pair of columns is compared with the real pair; the figure is the mean distance over the pairs.

    Two numbers count by half the difference of their Pearson correlations over complete rows, two columns of levels by
    the total variation distance of their contingency tables, a number and a column of levels likewise with the number
    cut into 10 bins of equal width: Column Pair Trends of SDMetrics with both thresholds at 0, as an error. Missing is
    a level. Pairs in which a number is constant have no correlation and are left out.

    ``trend_error`` takes the bins from the real table, the outer ones open, and gives missing numbers a cell of their
    own. ``trend_error_own_bins`` is SDMetrics' report to the letter: each table is cut at its own extremes and missing
    numbers fall beside the maximum. A single extreme record shifts all of its bins, so it serves comparison only, and
    its interval takes the bins as given.

    Attributes
    ----------
    most : int
        Rows of a table that are looked at; of a larger one, so many are drawn.
    pairs : int
        Pairs that are compared; of more, so many are drawn, and the interval allows for it.

    References
    ----------
    SDMetrics, Column Pair Trends (CorrelationSimilarity, ContingencySimilarity).
    """

    kind: Literal["trend"] = "trend"
    most: int = Field(50_000, ge=100)
    pairs: int = Field(1_000, ge=10)

    title: ClassVar[str] = "Pairs of columns"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "trend_error": (
            "Error of pairs of columns",
            "Mean difference between the real and the synthetic relation of two columns, with bins common to both "
            "tables: 0 is none.",
        ),
        "trend_error_own_bins": (
            "Error of pairs, each table's own bins",
            "The same with bins from each table's own extremes, as the literature prints it; protected extremes "
            "make it larger.",
        ),
    }
    aspect: ClassVar[Aspect] = "fidelity"
    unit: ClassVar[str] = "mean distance, 0 to 1"
    direction: ClassVar[str] = "lower is better, as low as held-out records is best"
    source: ClassVar[str] = "SDMetrics, Column Pair Trends"
    bars: ClassVar[dict[str, str]] = {"trend_error": "<= reference + 0.04"}

    def run(self, evidence: Evidence) -> Finding:
        """Compare pair by pair, with common and with own bins."""
        generator = numpy_generator(evidence.seed, "trend")
        tables = Tables.of(evidence, self.most, generator)
        columns = tables.columns
        total = len(columns) * (len(columns) - 1) // 2
        pairs = _drawn(len(columns), self.pairs, generator)
        common = partial(_cut, columns, [_edges(values) for values in tables.train])
        own = partial(_cut, columns, None)

        estimates: dict[str, Estimate] = {}
        errors: dict[str, dict[Pair, float]] = {}
        for name, cut in (("trend_error", common), ("trend_error_own_bins", own)):
            mean, errors[name] = _compare(cut(tables.train), cut(tables.synthetic), pairs)
            if mean is None:
                return Finding({}, "There is no pair of columns that can be compared.")
            drawing = float(np.std(list(errors[name].values()))) * np.sqrt((1 - len(pairs) / total) / len(errors[name]))
            estimates[name] = tables.estimate(mean, partial(_score, cut, pairs), generator, drawing)
        detail = {
            **_associations(columns, common(tables.train), common(tables.synthetic), errors["trend_error"]),
            "own_bins": _plain(estimates["trend_error_own_bins"]),
            "common_bins": _plain(estimates["trend_error"]),
            "pairs": {"compared": len(pairs), "of": total},
        }
        reason = _reason(estimates["trend_error"], detail["worst"], len(pairs), total)
        return Finding(estimates, reason, detail)


@dataclass(frozen=True)
class Cut:
    """A table whose numbers are also cut into bins.

    Attributes
    ----------
    numbers : list of float64 arrays of shape (n,)
        A column's coordinates after another.
    cells : list of int64 arrays of shape (n,)
        Its bins or levels, in ``[0, size)``; missing has one of them.
    sizes : list of int
        How many there are in each column.
    numeric : list of bool
        Which columns are numbers.
    """

    numbers: Table
    cells: list[Codes]
    sizes: list[int]
    numeric: list[bool]

    def joint(self, pair: Pair) -> tuple[Codes, int]:
        """The cells of a pair's contingency table, and how many there are."""
        a, b = pair
        return self.cells[a] * self.sizes[b] + self.cells[b], self.sizes[a] * self.sizes[b]


def _cut(columns: list[Column], edges: list[Floats] | None, table: Table) -> Cut:
    """Cut a table at the given inner edges, or at its own extremes as SDMetrics does."""
    cells, sizes = [], []
    for i, (column, values) in enumerate(zip(columns, table, strict=True)):
        if column.discrete:
            levels = len(column.levels or ())
            cells.append(np.where(np.isnan(values), levels, np.where(values < 0, levels + 1, values)).astype(np.int64))
            sizes.append(levels + 2)
        elif edges is None:
            cells.append(np.digitize(values, _edges(values)))
            sizes.append(BINS + 2)
        else:
            cells.append(np.where(np.isnan(values), BINS, np.digitize(values, edges[i][1:-1])))
            sizes.append(BINS + 1)
    return Cut(table, cells, sizes, [not column.discrete for column in columns])


def _edges(values: Floats) -> Floats:
    """The 11 edges of 10 bins of equal width between the extremes."""
    known = values[np.isfinite(values)]
    low, high = (known.min(), known.max()) if len(known) else (0.0, 1.0)
    return np.linspace(low - 0.5, high + 0.5, BINS + 1) if low == high else np.linspace(low, high, BINS + 1)


def _drawn(columns: int, most: int, generator: np.random.Generator) -> list[Pair]:
    """All pairs of columns, or ``most`` of them."""
    pairs = list(combinations(range(columns), 2))
    if len(pairs) <= most:
        return pairs
    return [pairs[i] for i in np.sort(generator.choice(len(pairs), most, replace=False))]


def _compare(real: Cut, other: Cut, pairs: Iterable[Pair]) -> tuple[Distance | None, dict[Pair, float]]:
    """The mean distance over pairs, and the distance of each pair that has one."""
    values: dict[Pair, float] = {}

    def each() -> Iterator[Distance | None]:
        for pair in pairs:
            found = _distance(real, other, pair)
            if found is not None:
                values[pair] = found.value
            yield found

    return average(each()), values


def _score(cut: Callable[[Table], Cut], pairs: list[Pair], real: Table, other: Table) -> Distance | None:
    return _compare(cut(real), cut(other), pairs)[0]


def _distance(real: Cut, other: Cut, pair: Pair) -> Distance | None:
    a, b = pair
    if real.numeric[a] and real.numeric[b]:
        return correlation_difference((real.numbers[a], real.numbers[b]), (other.numbers[a], other.numbers[b]))
    cells, size = real.joint(pair)
    return total_variation(cells, other.joint(pair)[0], size)


def _association(table: Cut, pair: Pair) -> float | None:
    """Pearson's correlation of two numbers, Cramér's V of two columns otherwise; None where undefined."""
    a, b = pair
    if table.numeric[a] and table.numeric[b]:
        found = correlation(table.numbers[a], table.numbers[b])
        return None if found is None else round(found[0], 4)
    cells, count = np.unique(table.joint(pair)[0], return_counts=True)
    of_a, of_b = (np.bincount(table.cells[i], minlength=table.sizes[i]) for i in pair)
    smaller = min((of_a > 0).sum(), (of_b > 0).sum())
    if smaller < 2:
        return None
    rows, columns = np.divmod(cells, table.sizes[b])
    # Σ (observed - expected)² / expected = n (Σ observed² / (row total · column total) - 1), over occupied cells alone.
    squared = (count / of_a[rows] * (count / of_b[columns])).sum() - 1
    return round(float(np.sqrt(np.clip(squared / (smaller - 1), 0, 1))), 4)


def _associations(columns: list[Column], real: Cut, synthetic: Cut, errors: dict[Pair, float]) -> dict[str, Any]:
    """The report's matrices of the columns that are worst, and its list of the worst pairs."""
    names = [column.name for column in columns]
    mean = [np.mean([error for pair, error in errors.items() if i in pair] or [0.0]) for i in range(len(columns))]
    shown = sorted(np.argsort(mean)[::-1][:SHOWN].tolist())

    def matrix(of: Callable[[Pair], float | None], diagonal: float) -> list[list[float | None]]:
        upper = {pair: of(pair) for pair in combinations(shown, 2)}
        return [[diagonal if a == b else upper[min(a, b), max(a, b)] for b in shown] for a in shown]

    def error(pair: Pair) -> float | None:
        found = _distance(real, synthetic, pair)
        return None if found is None else round(found.value, 4)

    worst = sorted(errors, key=lambda pair: -errors[pair])[:10]
    return {
        "columns": [names[i] for i in shown],
        "real": matrix(partial(_association, real), 1.0),
        "synthetic": matrix(partial(_association, synthetic), 1.0),
        "error": matrix(error, 0.0),
        "worst": [
            {
                "a": names[a],
                "b": names[b],
                "error": round(errors[a, b], 4),
                "real": _association(real, (a, b)),
                "synthetic": _association(synthetic, (a, b)),
            }
            for a, b in worst
        ],
    }


def _plain(estimate: Estimate) -> dict[str, Any]:
    return {"value": round(estimate.value, 5), "interval": [round(end, 5) for end in estimate.interval]}


def _reason(estimate: Estimate, worst: list[dict[str, Any]], compared: int, total: int) -> str:
    reason = f"On average, a pair of columns goes together {estimate.value:.2%} differently from the real pair"
    if estimate.reference:
        reason += f"; in as many held-out records it would be {estimate.reference.value:.2%}"
    reason += f". Furthest are {worst[0]['a']!r} and {worst[0]['b']!r} with {worst[0]['error']:.2%}."
    return reason if compared == total else f"{reason} {compared:,} of {total:,} pairs were drawn and compared."
