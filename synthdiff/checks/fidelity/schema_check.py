"""Schema: does every synthetic record obey what the schema says?"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthdiff.checks.check import Aspect, Check, Estimate, Evidence, Finding, Reference
from synthdiff.checks.intervals import wilson
from synthdiff.errors import SchemaError
from synthdiff.schema import Column, Schema

Flags = NDArray[np.bool_]
Broken = dict[tuple[str, str], Flags]
"""Which rows break which rule of which column: bool of shape (n,) by (column, rule)."""


class SchemaCheck(Check):
    """Counts the synthetic records that break the schema in at least one cell.

    A cell breaks it that is no level, no number or no moment; lies beyond a declared bound; is missing where cells may
    not be; has more decimals than the column, or any in a column of whole numbers; or repeats an identifier. A column
    that a generator learns and that is absent, and a column that the schema does not know, breaks it in every record.
    """

    kind: Literal["schema"] = "schema"

    title: ClassVar[str] = "Rules of the schema"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "schema_violation_rate": (
            "Broken rules of the schema",
            "Share of synthetic records with a value of the wrong kind, outside the declared bounds or not among "
            "the allowed levels.",
        ),
    }
    aspect: ClassVar[Aspect] = "fidelity"
    unit: ClassVar[str] = "share of records"
    direction: ClassVar[str] = "0 is best"
    source: ClassVar[str] = "The schema that the recipe declares"
    bars: ClassVar[dict[str, str]] = {"schema_violation_rate": "<= reference + 0.01"}

    def run(self, evidence: Evidence) -> Finding:
        """Look at every cell."""
        n = len(evidence.synthetic)
        if n == 0:
            return Finding({}, "There is no synthetic record.")
        broken = violations(evidence.synthetic, evidence.schema)
        rate, interval = wilson(_rows(broken, n), n)
        real = None
        if evidence.holdout is not None and len(evidence.holdout):
            size = len(evidence.holdout)
            real = Reference(*wilson(_rows(violations(evidence.holdout, evidence.schema), size), size))
        found = [
            {"column": column, "rule": rule, "rate": round(float(flags.mean()), 5)}
            for (column, rule), flags in sorted(broken.items(), key=lambda item: (-item[1].mean(), item[0]))
        ]
        reason = f"{rate:.2%} of {n:,} synthetic records break the schema."
        if found:
            reason += f" Most often: column {found[0]['column']!r}, {found[0]['rule']} ({found[0]['rate']:.2%})."
        detail = {"violations": found, "columns": len(evidence.schema.columns)}
        return Finding({"schema_violation_rate": Estimate(rate, interval, n, real)}, reason, detail)


def violations(frame: pd.DataFrame, schema: Schema) -> Broken:
    """Which rows of a table break which rules; rules that no row breaks are not listed."""
    every = np.ones(len(frame), dtype=bool)
    broken: Broken = {(str(name), "not in the schema"): every for name in frame.columns if name not in schema.names}
    for column in schema:
        if column.name in frame.columns:
            found = _broken(frame[column.name], column)
            broken |= {(column.name, rule): flags for rule, flags in found.items() if flags.any()}
        elif column.learnt:
            broken[column.name, "absent"] = every
    return broken


def _rows(broken: Broken, n: int) -> int:
    return int(np.any([np.zeros(n, dtype=bool), *broken.values()], axis=0).sum())


def _broken(values: pd.Series[Any], column: Column) -> dict[str, Flags]:
    found: dict[str, Flags] = {}
    if not column.nullable:
        found["missing"] = values.isna().to_numpy()
    if column.discrete:
        found["not a level"] = column.codes(values) == -2
    elif column.numeric:
        found |= _off_the_line(values, column)
    elif column.kind == "identifier" and "group" not in column.roles:
        found["repeated"] = (values.notna() & values.duplicated()).to_numpy()
    return found


def _off_the_line(values: pd.Series[Any], column: Column) -> dict[str, Flags]:
    kind = "a moment" if column.kind == "datetime" else "a number"
    try:
        points = column.numbers(values)
    except SchemaError:
        return {f"not {kind}": values.notna().to_numpy()}
    low, high = column.bounds
    with np.errstate(invalid="ignore"):
        found = {
            f"not {kind}": np.isinf(points),
            "below the minimum": np.isfinite(points) & (points < low),
            "above the maximum": np.isfinite(points) & (points > high),
        }
        if column.kind == "integer":
            found["not a whole number"] = np.isfinite(points) & (points != np.rint(points))
        if column.kind == "continuous" and column.decimals is not None:
            apart = np.abs(points - np.round(points, column.decimals))
            found["too many decimals"] = apart > 1e-9 * np.maximum(1.0, np.abs(points))
    return found
