"""Missingness: are the same cells missing, and together, as in the real table?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from synthdiff.checks.check import Aspect, Check, Estimate, Evidence, Finding
from synthdiff.checks.features import at_most, coordinates, persons
from synthdiff.checks.fidelity.distances import Distance
from synthdiff.checks.fidelity.reference import Table, reference
from synthdiff.checks.intervals import normal_interval, wilson
from synthdiff.schema import Column, Schema
from synthdiff.seeds import numpy_generator

Flags = NDArray[np.float32]
"""1 or 0 for each record and column."""

SURPRISE = 1e-6
"""A rule counts when chance would make it hold by coincidence less often than this."""

CONDITIONS = 50
"""Columns with more levels give no conditions for rules."""


class Missingness(Check):
    """The pattern of missing cells is compared with the real one, pair of columns by pair.

    For two columns there are four states: both missing, either, none. The figure is the mean, over all pairs of columns
    in which a cell is missing in the training or the synthetic data, of the total variation distance of the shares of
    these states; with one such column, it is the difference of its missing shares.

    Beside it stands what gives single records away: rules that hold without exception in the training data, such as
    "the result is missing whenever the test was not done", for so many records that chance cannot explain it, and the
    share of synthetic records that break one.

    Attributes
    ----------
    most : int
        Rows of a table that are looked at; of a larger one, so many are drawn.
    """

    kind: Literal["missingness"] = "missingness"
    most: int = Field(50_000, ge=100)

    aspect: ClassVar[Aspect] = "fidelity"
    unit: ClassVar[str] = "mean distance, 0 to 1"
    direction: ClassVar[str] = "lower is better, as low as held-out records is best"
    source: ClassVar[str] = "Total variation distance of the joint missing indicators"
    bars: ClassVar[dict[str, str]] = {"missingness_error": "<= reference + 0.03"}

    def run(self, evidence: Evidence) -> Finding:
        """Compare the indicators of missing cells."""
        schema, generator = evidence.schema, numpy_generator(evidence.seed, "missingness")
        frames = {"train": evidence.train, "synthetic": evidence.synthetic, "holdout": evidence.holdout}
        seen = {
            name: at_most(frame, self.most, generator)
            for name, frame in frames.items()
            if frame is not None and len(frame)
        }
        train, synthetic, held_out = seen["train"], seen["synthetic"], seen.get("holdout")
        columns = [c for c in schema if c.learnt and any(np.isnan(coordinates(f, c)).any() for f in (train, synthetic))]
        n = len(synthetic)
        if not columns:
            none = Estimate(0.0, wilson(0, n)[1], n)
            detail: dict[str, Any] = {"columns": {}, "pairs": {"value": 0.0}, "detectable": None}
            return Finding({"missingness_error": none}, "No cell is missing in the real or the synthetic data.", detail)

        tables = {name: [np.isnan(coordinates(f, c)).astype(float) for c in columns] for name, f in seen.items()}
        apart = _distance(tables["train"], tables["synthetic"])
        real = None
        if held_out is not None:
            people = persons(train, schema), persons(held_out, schema)
            real = reference(tables["train"], tables["holdout"], n, _distance, people, generator)
        interval = normal_interval(apart.value, apart.error((persons(train, schema), persons(synthetic, schema))), 0, 1)
        estimate = Estimate(apart.value, interval, n, real)

        rules = _rules(schema, columns, train)
        rate, band = wilson(int(rules.broken(synthetic).sum()), n)
        detail = {
            "columns": {
                column.name: {
                    "real": round(float(a.mean()), 5),
                    "synthetic": round(float(b.mean()), 5),
                    "error": round(abs(float(a.mean() - b.mean())), 5),
                }
                for column, a, b in zip(columns, tables["train"], tables["synthetic"], strict=True)
            },
            "pairs": {"value": round(apart.value, 5)},
            "detectable": {
                "rules": rules.count,
                "rate": round(rate, 5),
                "interval": [round(end, 5) for end in band],
                "reference": None if held_out is None else round(float(rules.broken(held_out).mean()), 5),
            },
        }
        reason = f"Missing cells occur {apart.value:.2%} differently from the real data, averaged over pairs of columns"
        if real:
            reason += f"; as many held-out records would differ by {real.value:.2%}"
        reason += f". {rate:.1%} of the synthetic records break a rule on missing cells that all training records keep."
        return Finding({"missingness_error": estimate}, reason, detail)


def _distance(real: Table, other: Table) -> Distance:
    """The mean over pairs of the distances of the joint indicators; of a single column, of its share."""
    missing = [np.column_stack(table).astype(np.float32) for table in (real, other)]
    columns = missing[0].shape[1]
    pairs = np.triu(np.ones((columns, columns)), 1) if columns > 1 else np.ones((1, 1))
    value, influence = 0.0, [np.zeros(len(table)) for table in missing]
    for first in (True, False):
        for second in (True, False):
            sides = [(table if first else 1 - table, table if second else 1 - table) for table in missing]
            shares = [(a.T @ b).astype(float) / len(a) for a, b in sides]
            apart = (shares[0] - shares[1]) * pairs / (2 * pairs.sum())
            value += float(np.abs(apart).sum())
            sign = (np.sign(apart) * pairs / (2 * pairs.sum())).astype(np.float32)
            for i, (a, b) in enumerate(sides):
                influence[i] += (-1) ** i * ((a @ sign) * b).sum(axis=1)
    return Distance(value, influence[0], influence[1])


@dataclass(frozen=True)
class _Rules:
    """What the training data keep without exception: under which condition a column is always, or never, missing.

    Attributes
    ----------
    columns : list of Column
        Those in which cells are missing, d.
    conditions : list of pairs
        A column and a code of it (NaN for missing), k.
    always, never : bool arrays of shape (k, d)
    """

    columns: list[Column]
    conditions: list[tuple[Column, float]]
    always: NDArray[np.bool_]
    never: NDArray[np.bool_]

    @property
    def count(self) -> int:
        """How many rules there are."""
        return int(self.always.sum() + self.never.sum())

    def broken(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """Which records break a rule: bool of shape (n,)."""
        holds, missing = _states(self.conditions, self.columns, frame)
        kept_missing, kept_known = holds @ self.always.astype(np.float32), holds @ self.never.astype(np.float32)
        return np.asarray(((kept_missing * (1 - missing) + kept_known * missing) > 0).any(axis=1))


def _rules(schema: Schema, columns: list[Column], train: pd.DataFrame) -> _Rules:
    conditions = [(column, np.nan) for column in columns]
    conditions += [(column, np.inf) for column in columns]
    for column in schema:
        if column.learnt and column.discrete and len(column.levels or ()) <= CONDITIONS:
            conditions += [(column, float(code)) for code in range(len(column.levels or ()))]
    holds, missing = _states(conditions, columns, train)
    together, times = holds.T @ missing, holds.sum(axis=0)[:, None]
    share = missing.mean(axis=0).astype(float)
    itself = np.array([[condition.name == column.name for column in columns] for condition, _ in conditions])
    with np.errstate(divide="ignore", invalid="ignore"):
        always = (together == times) & ~itself & (times * np.log(share) < np.log(SURPRISE))
        never = (together == 0) & ~itself & (times * np.log1p(-share) < np.log(SURPRISE))
    varies = (share > 0) & (share < 1)
    return _Rules(columns, conditions, always & varies, never & varies)


def _states(conditions: list[tuple[Column, float]], columns: list[Column], frame: pd.DataFrame) -> tuple[Flags, Flags]:
    """Which conditions hold (an infinite code means "known"), and which cells are missing, for each record."""
    cells: dict[str, Any] = {column.name: coordinates(frame, column) for column, _ in conditions}

    def holds(name: str, code: float) -> Any:
        if np.isnan(code):
            return np.isnan(cells[name])
        return ~np.isnan(cells[name]) if np.isinf(code) else cells[name] == code

    return (
        np.column_stack([holds(column.name, code) for column, code in conditions]).astype(np.float32),
        np.column_stack([np.isnan(cells[column.name]) for column in columns]).astype(np.float32),
    )
