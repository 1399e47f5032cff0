"""Copies: training records that stand in the synthetic table as they are."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthdiff.checks.check import RARE, Aspect, Check, Estimate, Evidence, Finding, Reference
from synthdiff.checks.features import coordinates, persons
from synthdiff.checks.intervals import Interval, wilson
from synthdiff.schema import Schema

Keys = NDArray[np.uint64]


class Copies(Check):
    """Exact copies of training records must be no more frequent among synthetic than among held-out records.

    A copy equals a training record in every column that is learnt, wherever it stands in the table, and fewer than
    five people of the training data share that record: in a table of few columns whole records are common, and one
    that many people share points to none of them. What chance alone copies is read off the held-out records.

    References
    ----------
    Newcombe (1998), Interval estimation for the difference between independent proportions, method 10.
    """

    kind: Literal["copies"] = "copies"

    title: ClassVar[str] = "Exact copies"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "copy_rate": (
            "Exact copies",
            "Share of synthetic records that equal a record the generator was trained on.",
        ),
        "excess_copy_rate": (
            "Exact copies beyond chance",
            "Exact copies in the synthetic data minus those that real, held-out records show by chance.",
        ),
    }
    aspect: ClassVar[Aspect] = "privacy"
    unit: ClassVar[str] = "share of records"
    direction: ClassVar[str] = "no more than among held-out records"
    source: ClassVar[str] = "Identical match share, against held-out records"
    bars: ClassVar[dict[str, str]] = {"copy_rate": "<= reference + 0.005", "excess_copy_rate": "<= 0.005"}

    def run(self, evidence: Evidence) -> Finding:
        """Count copies among the synthetic and among the held-out records."""
        train, synthetic = keys(evidence.train, evidence.schema), keys(evidence.synthetic, evidence.schema)
        telling = shared_by_few(train, evidence.train, evidence.schema)
        copied = np.isin(synthetic, telling)
        aligned = min(len(train), len(synthetic))
        in_place = copied[:aligned] & (train[:aligned] == synthetic[:aligned])
        rate, interval = wilson(int(copied.sum()), len(synthetic))
        reason = (
            f"{int(copied.sum()):,} of {len(synthetic):,} synthetic records ({rate:.2%}) equal a training record that "
            f"fewer than {RARE} people share."
        )
        detail = {
            "synthetic_rate": round(rate, 6),
            "holdout_rate": None,
            "count": int(copied.sum()),
            "rows_compared": len(synthetic),
            "aligned_rate": round(float(in_place.mean()), 6),
            "common_rate": round(float(np.isin(synthetic, train).mean() - copied.mean()), 6),
        }
        if evidence.holdout is None or evidence.holdout.empty:
            reason += " Without held-out records there is no telling how many of them chance explains."
            return Finding({"copy_rate": Estimate(rate, interval, len(synthetic))}, reason, detail)
        held_out = np.isin(keys(evidence.holdout, evidence.schema), telling)
        chance, band = wilson(int(held_out.sum()), len(held_out))
        reason += f" Of {len(held_out):,} held-out records {int(held_out.sum()):,} ({chance:.2%}) do so by chance."
        estimates = {
            "copy_rate": Estimate(rate, interval, len(synthetic), Reference(chance, band)),
            "excess_copy_rate": Estimate(
                rate - chance, difference((rate, interval), (chance, band)), len(synthetic), Reference(0.0, (0.0, 0.0))
            ),
        }
        return Finding(estimates, reason, {**detail, "holdout_rate": round(chance, 6)})


def keys(frame: pd.DataFrame, schema: Schema) -> Keys:
    """A 64-bit key of each record's learnt columns: equal where the records are equal, missing cells included.

    Numbers are compared to the decimals that the schema states, so that a file format cannot hide a copy.
    """
    cells = {}
    for position, column in enumerate(column for column in schema if column.learnt):
        values = coordinates(frame, column)
        rounded = values if column.decimals is None else np.round(values, column.decimals)
        cells[position] = np.where(np.isnan(rounded), np.nan, rounded + 0.0)
    table = pd.DataFrame(cells, index=range(len(frame)))
    return np.asarray(pd.util.hash_pandas_object(table, index=False), dtype=np.uint64)


def shared_by_few(train: Keys, frame: pd.DataFrame, schema: Schema) -> Keys:
    """The keys of training records that fewer than :data:`RARE` people have."""
    people = pd.DataFrame({"key": train, "person": persons(frame, schema)})
    if people["person"].notna().all():
        people = people.drop_duplicates()
    counts = people["key"].value_counts()
    return np.asarray(counts.index[counts < RARE], dtype=np.uint64)


def difference(one: tuple[float, Interval], other: tuple[float, Interval]) -> Interval:
    """Newcombe's interval for the difference of two independent shares, from their Wilson intervals."""
    (p, (p_low, p_high)), (q, (q_low, q_high)) = one, other
    low = p - q - float(np.hypot(p - p_low, q_high - q))
    high = p - q + float(np.hypot(p_high - p, q - q_low))
    return max(-1.0, low), min(1.0, high)
