"""Missingness: are the same cells missing, and together, as in the real table?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from synthdiff.checks.check import Aspect, Check, Estimate, Evidence, Finding, Reference
from synthdiff.checks.fidelity.distances import Distance
from synthdiff.checks.fidelity.reference import Table, Tables
from synthdiff.checks.intervals import Floats, wilson
from synthdiff.schema import Column
from synthdiff.seeds import numpy_generator

Flags = NDArray[np.float32]
"""1 or 0 for each record and column (or condition)."""

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

    title: ClassVar[str] = "Missing values"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "missingness_error": (
            "Error of missing values",
            "Mean difference between the real and the synthetic share of missing cells of a column.",
        ),
    }
    aspect: ClassVar[Aspect] = "fidelity"
    unit: ClassVar[str] = "mean distance, 0 to 1"
    direction: ClassVar[str] = "lower is better, as low as held-out records is best"
    source: ClassVar[str] = "Total variation distance of the joint missing indicators"
    bars: ClassVar[dict[str, str]] = {"missingness_error": "<= reference + 0.03"}

    def run(self, evidence: Evidence) -> Finding:
        """Compare the indicators of missing cells."""
        generator = numpy_generator(evidence.seed, "missingness")
        tables = Tables.of(evidence, self.most, generator)
        sides = tables.train, tables.synthetic
        gaps = [i for i in range(len(tables.columns)) if any(np.isnan(side[i]).any() for side in sides)]
        n = tables.size
        if not gaps:
            held_out = 0 if tables.holdout is None else len(tables.holdout[0])
            none = Estimate(0.0, wilson(0, n)[1], n, Reference(0.0, wilson(0, held_out)[1]) if held_out else None)
            nothing = {"columns": {}, "pairs": {"value": 0.0}, "detectable": None}
            return Finding(
                {"missingness_error": none}, "No cell is missing in the real or the synthetic data.", nothing
            )
        seen = tables.only(gaps)
        apart = _distance(seen.train, seen.synthetic)
        estimate = seen.estimate(apart, _distance, generator)
        rules = _rules(tables.columns, gaps, tables.train)
        rate, band = wilson(int(rules.broken(tables.synthetic).sum()), n)
        chance = None if tables.holdout is None else float(rules.broken(tables.holdout).mean())
        detail = {
            "columns": {
                column.name: _shares(real, synthetic)
                for column, real, synthetic in zip(seen.columns, seen.train, seen.synthetic, strict=True)
            },
            "pairs": {"value": round(apart.value, 5)},
            "detectable": {
                "rules": rules.count,
                "rate": round(rate, 5),
                "interval": [round(end, 5) for end in band],
                "reference": None if chance is None else round(chance, 5),
            },
        }
        reason = f"Missing cells occur {apart.value:.2%} differently from the real data, averaged over pairs of columns"
        if estimate.reference:
            reason += f"; as many held-out records would differ by {estimate.reference.value:.2%}"
        reason += f". {rate:.1%} of the synthetic records break a rule on missing cells that all training records keep."
        return Finding({"missingness_error": estimate}, reason, detail)


def _shares(real: Floats, synthetic: Floats) -> dict[str, float]:
    shares = float(np.isnan(real).mean()), float(np.isnan(synthetic).mean())
    return {
        "real": round(shares[0], 5),
        "synthetic": round(shares[1], 5),
        "error": round(abs(shares[0] - shares[1]), 5),
    }


def _distance(real: Table, other: Table) -> Distance:
    """The mean over pairs of the distances of the joint indicators; of a single column, of its share."""
    missing = [_missing(table) for table in (real, other)]
    columns = missing[0].shape[1]
    pairs = np.triu(np.ones((columns, columns)), 1) if columns > 1 else np.ones((1, 1))
    value, influence = 0.0, [np.zeros(len(table)) for table in missing]
    for first in (True, False):
        for second in (True, False):
            sides = [(table if first else 1 - table, table if second else 1 - table) for table in missing]
            shares = [(a.T @ b).astype(float) / len(a) for a, b in sides]
            apart = (shares[0] - shares[1]) * pairs / (2 * pairs.sum())
            value += float(np.abs(apart).sum())
            side = (np.sign(apart) * pairs / (2 * pairs.sum())).astype(np.float32)
            for i, (a, b) in enumerate(sides):
                influence[i] += (-1) ** i * ((a @ side) * b).sum(axis=1)
    return Distance(value, influence[0], influence[1])


@dataclass(frozen=True)
class _Rules:
    """What the training data keep without exception: under which condition a column is always, or never, missing.

    Attributes
    ----------
    conditions : list of pairs
        The position of a column and its code (NaN for missing, infinite for known), k of them.
    gaps : list of int
        The positions of the d columns in which cells are missing.
    always, never : bool arrays of shape (k, d)
    """

    conditions: list[tuple[int, float]]
    gaps: list[int]
    always: NDArray[np.bool_]
    never: NDArray[np.bool_]

    @property
    def count(self) -> int:
        """How many rules there are."""
        return int(self.always.sum() + self.never.sum())

    def broken(self, table: Table) -> NDArray[np.bool_]:
        """Which records break a rule: bool of shape (n,)."""
        holds, missing = _holds(self.conditions, table), _missing([table[i] for i in self.gaps])
        must_miss, must_know = holds @ self.always.astype(np.float32), holds @ self.never.astype(np.float32)
        return np.asarray(((must_miss * (1 - missing) + must_know * missing) > 0).any(axis=1))


def _rules(columns: list[Column], gaps: list[int], train: Table) -> _Rules:
    conditions = [(i, code) for i in gaps for code in (np.nan, np.inf)]
    for i, column in enumerate(columns):
        levels = len(column.levels or ())
        if column.discrete and levels <= CONDITIONS:
            conditions += [(i, float(code)) for code in range(levels)]
    holds, missing = _holds(conditions, train), _missing([train[i] for i in gaps])
    together, times = holds.T @ missing, holds.sum(axis=0)[:, None]
    share = missing.mean(axis=0, dtype=float)
    candidate = np.array([[i != gap for gap in gaps] for i, _ in conditions]) & (share > 0) & (share < 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        always = candidate & (together == times) & (times * np.log(share) < np.log(SURPRISE))
        never = candidate & (together == 0) & (times * np.log1p(-share) < np.log(SURPRISE))
    return _Rules(conditions, gaps, always, never)


def _holds(conditions: list[tuple[int, float]], table: Table) -> Flags:
    """Which conditions hold for each record."""
    known = {i: ~np.isnan(table[i]) for i, _ in conditions}
    flags: list[NDArray[np.bool_]] = [
        ~known[i] if np.isnan(code) else known[i] if np.isinf(code) else table[i] == code for i, code in conditions
    ]
    return np.column_stack(flags).astype(np.float32)


def _missing(table: Table) -> Flags:
    return np.column_stack([np.isnan(column) for column in table]).astype(np.float32)
