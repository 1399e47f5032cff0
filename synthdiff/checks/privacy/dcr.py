"""Distance to the closest record: what other packages report, for comparison; it is not evidence."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from synthdiff.checks.check import Aspect, Check, Estimate, Evidence, Finding, Reference
from synthdiff.checks.distance import Space, affordable, nearer
from synthdiff.checks.intervals import Floats, Interval, Z, wilson
from synthdiff.checks.records import FEWEST, sampled

PERCENTILE = 0.05

ENOUGH = 200
"""Records on each side from which on a fifth percentile is told: of fewer, it would be almost the least distance."""


class Dcr(Check):
    """How far synthetic records are from the closest training record, for comparison with other reports only.

    The distance to the closest record (DCR) and its ratio to that of the second closest (NNDR) are what many reports
    call privacy.

    ``dcr_share`` is the share of synthetic records that are nearer to a training than to a held-out record, as many of
    which are there to be found; a tie counts half. With fewer held-out than training people a sample of the latter
    stands for all, so that even a verbatim copy scores less than 1: 0.75 with half as many. The two ratios hold the
    fifth percentile of the synthetic records against that of the held-out ones.

    No bar goes with them. They look at the average record, so a table passes that repeats a few people or gives every
    record away a little: the ``hepatitis`` example of SynthEval passes with a share of 0.508 where an attack calibrated
    by the records' surroundings reaches an AUC of 0.648.

    ``detail``: ``compared`` (records behind the figures).

    Attributes
    ----------
    most : int
        Synthetic, and held-out, records that ask for their nearest, at most.

    References
    ----------
    Platzer & Reutterer (2021), Holdout-based empirical assessment of mixed-type synthetic data, for the share. Why it
    is no evidence: Yao et al. (2025), The DCR delusion; Ganev & De Cristofaro (2023), The inadequacy of
    similarity-based privacy metrics.
    """

    kind: Literal["dcr"] = "dcr"
    most: int = Field(10_000, ge=ENOUGH)

    title: ClassVar[str] = "Distance to the closest record (for comparison only)"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "dcr_share": (
            "Nearer to training than to held-out records (for comparison only)",
            "Share of synthetic records whose closest real record is one that was trained on: 0.5 for other real "
            "people. Not evidence: single people can be given away all the same.",
        ),
        "dcr_ratio": (
            "DCR, 5th percentile against held-out records (for comparison only)",
            "How far the closest training record is at the nearest twentieth of the synthetic records, divided by the "
            "same for held-out people: 1 for other real people. Not evidence.",
        ),
        "nndr_ratio": (
            "NNDR, 5th percentile against held-out records (for comparison only)",
            "The same for the distance to the closest training record divided by that to the second closest: 1 for "
            "other real people. Not evidence.",
        ),
    }
    aspect: ClassVar[Aspect] = "privacy"
    unit: ClassVar[str] = "share of records"
    direction: ClassVar[str] = "0.5 is as real people are; decides nothing"
    source: ClassVar[str] = "DCR share (Platzer & Reutterer 2021); no evidence after Yao et al. (2025)"
    needs_holdout: ClassVar[bool] = True

    def run(self, evidence: Evidence) -> Finding:
        """Ask for the nearest among as many training as held-out records."""
        train, synthetic, holdout = sampled(evidence, "dcr")
        size = min(len(train), len(holdout))
        if min(size // 2, len(synthetic)) < FEWEST:
            return Finding(
                {},
                f"Distances are compared with those of held-out records and need {2 * FEWEST} people on both sides and "
                f"{FEWEST} synthetic records; there are {len(train):,} people in the training data, {len(holdout):,} "
                f"held out and {len(synthetic):,} synthetic ones. It is for comparison only.",
            )
        train, holdout = train.iloc[:size], holdout.iloc[:size]
        asked = affordable(size, 3, self.most)
        space = Space(train, evidence.schema)
        people, others = space.place(train), space.place(holdout)
        made = space.place(synthetic.iloc[:asked])
        to_train = space.nearest(made, people, 2)
        share, interval = _share(to_train[:, 0], space.nearest(made, others, 1)[:, 0])
        # Half of the held-out people take the place of the synthetic ones; the others face as many training people.
        half = size // 2
        fresh = others.rows(slice(half, half + asked))
        known, unknown = people.rows(slice(0, half)), others.rows(slice(0, half))
        chance = _share(space.nearest(fresh, known, 1)[:, 0], space.nearest(fresh, unknown, 1)[:, 0])
        estimates = {"dcr_share": Estimate(share, interval, len(made), Reference(*chance))}
        real = space.nearest(others.rows(slice(0, asked)), people, 2)
        compared = {"dcr_ratio": (to_train[:, 0], real[:, 0]), "nndr_ratio": (_nndr(to_train), _nndr(real))}
        for name, (one, other) in compared.items():
            if found := ratio(one, other):
                estimates[name] = Estimate(*found, len(made), Reference(1.0, (1.0, 1.0)))
        reason = (
            f"{share:.1%} of {len(made):,} synthetic records are nearer to one of {size:,} training than to one of as "
            "many held-out people (real people: 50 %). For comparison with other reports only: it is not evidence, "
            "because it looks at the average record, and tables that pass it have given away who was in the training "
            "data (Yao et al. 2025; Ganev & De Cristofaro 2023). The attacks decide."
        )
        detail = {"compared": {"synthetic": len(made), "train": size, "holdout": size}}
        return Finding(estimates, reason, detail)


def ratio(one: NDArray[np.float32], other: NDArray[np.float32]) -> tuple[float, Interval] | None:
    """The fifth percentile of one sample divided by that of another.

    Its interval goes from the lower end of the one percentile over the upper end of the other to the reverse, and so
    covers more than 95 %. None where a sample is smaller than :data:`ENOUGH`, or the other's percentile is nought.
    """
    if min(len(one), len(other)) < ENOUGH:
        return None
    (a, of_a), (b, of_b) = _percentile(one), _percentile(other)
    return (a / b, (of_a[0] / of_b[1], of_a[1] / of_b[0])) if of_b[0] > 0 else None


def _percentile(values: NDArray[np.float32]) -> tuple[float, Interval]:
    half = Z * float(np.sqrt(PERCENTILE * (1 - PERCENTILE) / len(values)))
    low, value, high = np.quantile(values.astype(float), [max(0.0, PERCENTILE - half), PERCENTILE, PERCENTILE + half])
    return float(value), (float(low), float(high))


def _nndr(nearest: NDArray[np.float32]) -> NDArray[np.float32]:
    """The nearest distance divided by the second; 1 where both are nought."""
    second = nearest[:, 1]
    return np.asarray(np.where(second > 0, nearest[:, 0] / np.where(second > 0, second, 1), 1), dtype=np.float32)


def _share(one: NDArray[np.float32], other: NDArray[np.float32]) -> tuple[float, Interval]:
    closer: Floats = nearer(one, other)
    return float(closer.mean()), wilson(round(float(closer.sum())), len(closer))[1]
