"""Shape: does each column by itself look like the real one?"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from synthdiff.checks.check import Aspect, Check, Estimate, Evidence, Finding, Reference
from synthdiff.checks.fidelity.distances import Distance, Persons, average, kolmogorov_smirnov, total_variation
from synthdiff.checks.fidelity.histogram import histogram
from synthdiff.checks.fidelity.reference import Table, Tables
from synthdiff.checks.intervals import Floats, normal_interval
from synthdiff.schema import Column
from synthdiff.seeds import numpy_generator


class Shape(Check):
    """Each column's distribution is compared with the real one; the figure is the mean distance over the columns.

    Numbers and moments count by the Kolmogorov-Smirnov distance, levels by the total variation distance, missing cells
    left out: Column Shapes of SDMetrics, as an error instead of a score. A column that has values on one side only
    counts as 1, one that has none on either side not at all.

    Attributes
    ----------
    most : int
        Rows of a table that are looked at; of a larger one, so many are drawn.

    References
    ----------
    SDMetrics, Column Shapes (KSComplement, TVComplement).
    """

    kind: Literal["shape"] = "shape"
    most: int = Field(200_000, ge=100)

    title: ClassVar[str] = "Single columns"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "shape_error": (
            "Error of single columns",
            "Mean distance between the real and the synthetic distribution of a column: 0 is no difference, 1 is no "
            "overlap.",
        ),
    }
    aspect: ClassVar[Aspect] = "fidelity"
    unit: ClassVar[str] = "mean distance, 0 to 1"
    direction: ClassVar[str] = "lower is better, as low as held-out records is best"
    source: ClassVar[str] = "SDMetrics, Column Shapes"
    bars: ClassVar[dict[str, str]] = {"shape_error": "<= reference + 0.03"}

    def run(self, evidence: Evidence) -> Finding:
        """Compare column by column."""
        generator = numpy_generator(evidence.seed, "shape")
        tables = Tables.of(evidence, self.most, generator)
        columns = tables.columns
        apart = _distances(columns, tables.train, tables.synthetic)
        mean = average(apart)
        if mean is None:
            return Finding({}, "No column that is learnt holds a value, so there is nothing to compare.")
        estimate = tables.estimate(mean, lambda real, other: average(_distances(columns, real, other)), generator)
        chance: list[float | None] = [None] * len(columns)
        if tables.holdout is not None:
            chance = _at_size(_distances(columns, tables.train, tables.holdout), estimate.reference)
        detail = {
            column.name: _detail(column, tables.train[i], tables.synthetic[i], apart[i], tables.people[:2], chance[i])
            for i, column in enumerate(columns)
        }
        return Finding({"shape_error": estimate}, _reason(estimate, columns, apart), {"columns": detail})


def _at_size(chance: list[Distance | None], real: Reference | None) -> list[float | None]:
    """Each column's distance between held-out and training records, on the scale of their mean at the right size."""
    mean = average(chance)
    scale = real.value / mean.value if real and mean and mean.value else 1.0
    return [round(min(1.0, found.value * scale), 5) if found else None for found in chance]


def _distances(columns: list[Column], real: Table, other: Table) -> list[Distance | None]:
    return [_distance(column, r, o) for column, r, o in zip(columns, real, other, strict=True)]


def _distance(column: Column, real: Floats, other: Floats) -> Distance | None:
    if not column.discrete:
        return kolmogorov_smirnov(real, other)
    outside = len(column.levels or ())
    codes = [np.where(np.isnan(c), -1, np.where(c < 0, outside, c)).astype(np.int64) for c in (real, other)]
    return total_variation(codes[0], codes[1], outside + 1)


def _detail(
    column: Column,
    real: Floats,
    synthetic: Floats,
    apart: Distance | None,
    people: tuple[Persons, Persons],
    chance: float | None,
) -> dict[str, Any]:
    labels, of_real, of_synthetic = histogram(column, real, synthetic)
    interval = normal_interval(apart.value, apart.error(people), 0.0, 1.0) if apart else None
    return {
        "kind": "discrete" if column.discrete else "numeric",
        "error": round(apart.value, 5) if apart else None,
        "interval": [round(end, 5) for end in interval] if interval else None,
        "reference": chance,
        "labels": labels,
        "real": of_real,
        "synthetic": of_synthetic,
    }


def _reason(estimate: Estimate, columns: list[Column], apart: list[Distance | None]) -> str:
    furthest, name = max((a.value, column.name) for a, column in zip(apart, columns, strict=True) if a is not None)
    reason = f"On average, a column's distribution is {estimate.value:.2%} away from the real one"
    if estimate.reference:
        reason += f"; as many held-out records would be {estimate.reference.value:.2%} away"
    return f"{reason}. Furthest is {name!r} with {furthest:.2%}."
