"""Copies: training records that stand in the synthetic table as they are, or almost, or in the same row."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from synthdiff.checks.check import CONCERNS, RARE, Aspect, Check, Concern, Estimate, Evidence, Finding, Reference
from synthdiff.checks.intervals import Interval, wilson
from synthdiff.checks.privacy.near import kept_in_row, near_copies
from synthdiff.checks.records import keys as keys, shared_by_few


class Copies(Check):
    """Training records must not stand in the synthetic table: not as they are, not almost, and not row by row.

    *Exact* copies equal a training record in every column that is learnt, wherever it stands in the table, and fewer
    than five people of the training data share that record: in a table of few columns whole records are common, and
    one that many people share points to none of them. What chance alone copies is read off the held-out records.

    *Near* copies lie much nearer to one training record than to the fifth nearest person: the ratio of the two
    distances is so small as with one in a hundred held-out records. So what counts as near is learnt where the record
    lies, from real people, and a generator that merely prefers common records makes hardly more. A record that five
    people share is none.

    *Row by row*: the share of cells that equal the cell of the training record in the same row, beyond what they do
    with the rows beside it (five above, five below), as a share of what was possible. So two tables that are sorted
    alike do not look like copies.

    ``detail``: ``synthetic_rate``, ``holdout_rate``, ``count``, ``rows_compared`` (exact copies), ``common_rate``
    (synthetic records that equal one which many share), ``aligned_rate`` (exact copies in their own row); ``near``:
    null or ``roc`` (the share of synthetic records, ``tpr``, at least as near as a share ``fpr`` of the held-out ones)
    and ``compared``; ``aligned``: ``agreement`` and ``beside`` (shares of equal cells, in the same row and in the rows
    beside it) and ``rows``.

    Attributes
    ----------
    most : int
        Synthetic, and held-out, records that are looked at for near copies, at most. Exact copies are looked for among
        all.

    References
    ----------
    Newcombe (1998), Interval estimation for the difference between independent proportions, method 10.
    """

    kind: Literal["copies"] = "copies"
    most: int = Field(10_000, ge=100)

    title: ClassVar[str] = "Copies"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "copy_rate": (
            "Exact copies",
            "Share of synthetic records that equal a record the generator was trained on.",
        ),
        "excess_copy_rate": (
            "Exact copies beyond chance",
            "Exact copies in the synthetic data minus those that real, held-out records show by chance.",
        ),
        "near_copy_rate": (
            "Near copies",
            "Share of synthetic records that lie as near to a single training record as only 1 in 100 real, held-out "
            "records does by chance.",
        ),
        "aligned_agreement": (
            "Cells kept in their row",
            "Share of cells that stand unchanged in the row of the training record, beyond chance: 0 for records made "
            "anew, 1 for the training table itself.",
        ),
    }
    aspect: ClassVar[Aspect] = "privacy"
    unit: ClassVar[str] = "share of records"
    direction: ClassVar[str] = "no more than among held-out records"
    source: ClassVar[str] = "Identical match share and nearest-neighbour distance ratio, against held-out records"
    bars: ClassVar[dict[str, str]] = {
        "copy_rate": "<= reference + 0.005",
        "excess_copy_rate": "<= 0.005",
        "near_copy_rate": "<= reference + 0.02",
        "aligned_agreement": "<= 0.10",
    }

    def run(self, evidence: Evidence) -> Finding:
        """Look for copies in three ways."""
        parts = [exact_copies(evidence), near_copies(evidence, self.most), kept_in_row(evidence)]
        named = {concern.synthetic: concern for part in reversed(parts) for concern in reversed(part.concerns)}
        first = list(dict.fromkeys(concern.synthetic for part in parts for concern in part.concerns))
        return Finding(
            {name: estimate for part in parts for name, estimate in part.estimates.items()},
            " ".join(part.reason for part in parts),
            {key: value for part in parts for key, value in part.detail.items()},
            tuple(named[position] for position in first[:CONCERNS]),
        )


def exact_copies(evidence: Evidence) -> Finding:
    """Training records that stand in the synthetic table as they are."""
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
    where = pd.Series(range(len(train)), index=train)
    where = where[~where.index.duplicated()]
    concerns = tuple(
        Concern(int(position), int(where[synthetic[position]]), "equals this training record in every cell")
        for position in np.flatnonzero(copied)[:CONCERNS]
    )
    if evidence.holdout is None or evidence.holdout.empty:
        reason += " Without held-out records there is no telling how many of them chance explains."
        return Finding({"copy_rate": Estimate(rate, interval, len(synthetic))}, reason, detail, concerns)
    held_out = np.isin(keys(evidence.holdout, evidence.schema), telling)
    chance, band = wilson(int(held_out.sum()), len(held_out))
    reason += f" Of {len(held_out):,} held-out records {int(held_out.sum()):,} ({chance:.2%}) do so by chance."
    excess = difference((rate, interval), (chance, band))
    estimates = {
        "copy_rate": Estimate(rate, interval, len(synthetic), Reference(chance, band)),
        "excess_copy_rate": Estimate(rate - chance, excess, len(synthetic), Reference(0.0, (0.0, 0.0))),
    }
    return Finding(estimates, reason, {**detail, "holdout_rate": round(chance, 6)}, concerns)


def difference(one: tuple[float, Interval], other: tuple[float, Interval]) -> Interval:
    """Newcombe's interval for the difference of two independent shares, from their Wilson intervals."""
    (p, (p_low, p_high)), (q, (q_low, q_high)) = one, other
    low = p - q - float(np.hypot(p - p_low, q_high - q))
    high = p - q + float(np.hypot(p_high - p, q - q_low))
    return max(-1.0, low), min(1.0, high)
