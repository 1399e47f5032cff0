"""Records that are almost those of the training table, and cells that stand where they stood."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthdiff.checks.check import CONCERNS, RARE, Concern, Estimate, Evidence, Finding, Reference
from synthdiff.checks.distance import Points, Space, affordable
from synthdiff.checks.features import persons
from synthdiff.checks.intervals import Floats, Interval, mean_error, normal_interval, roc, tpr_at_fpr
from synthdiff.checks.records import FEWEST, Positions, cells, one_each, ordered
from synthdiff.schema import Schema
from synthdiff.seeds import numpy_generator

NEAR = 0.01
"""The share of held-out records that lie, by chance, as near to one training person as what is called a near copy."""

BESIDE = 5
"""Rows above and below, whose agreement shows what chance and the order of the rows explain."""

EPSILON = 1e-4
"""Added to distances before their ratio is taken, in units of one column's disagreement."""


def near_copies(evidence: Evidence, most: int) -> Finding:
    """Synthetic records nearer to one training record than held-out records are, measured by their surroundings.

    A record's score is log(d_5 + ε) - log(d_1 + ε), where d_1 is the distance to the nearest training record and d_5
    that to the fifth nearest person. The threshold is the score that 1 % of the held-out records reach, as in an attack
    with so many false alarms; the interval knows how few held-out records decide it.

    Parameters
    ----------
    evidence : Evidence
        Three tables.
    most : int
        Synthetic, and held-out, records that are looked at, at most.

    Returns
    -------
    Finding
        ``near_copy_rate``, where there are enough held-out people.
    """
    schema, seed = evidence.schema, evidence.seed
    held_out = evidence.train.iloc[:0] if evidence.holdout is None else evidence.holdout
    tables = {"train": evidence.train, "synthetic": evidence.synthetic, "holdout": held_out}
    people = {
        name: one_each(frame, schema, numpy_generator(seed, "near copies", name)) for name, frame in tables.items()
    }
    if min(len(people["train"]), len(people["holdout"])) < FEWEST:
        reason = f"Near copies are not told: how near is too near is learnt from held-out records of {FEWEST} people."
        return Finding({}, reason, {"near": None})
    asked = affordable(len(evidence.train), 2, most)
    space = Space(evidence.train, schema)
    order = ordered(evidence.train, schema)
    everyone, crowd = space.place(evidence.train.iloc[order]), space.place(evidence.train.iloc[people["train"]])

    def scores(name: str) -> tuple[Points, Positions, Floats]:
        chosen = people[name][:asked]
        points = space.place(tables[name].iloc[chosen])
        reach = space.nearest(points, crowd, RARE).astype(float)
        # Where a person has several records, the crowd holds one of them, and any may have been copied.
        one_record = len(crowd) == len(everyone)
        nearest = reach[:, 0] if one_record else space.nearest(points, everyone, 1)[:, 0].astype(float)
        return points, chosen, np.log(reach[:, -1] + EPSILON) - np.log(nearest + EPSILON)

    points, chosen, found = scores("synthetic")
    real = scores("holdout")[2]
    value, interval = tpr_at_fpr(found, real, NEAR)
    fpr, tpr = roc(found, real)
    reason = (
        f"{value:.1%} of {len(found):,} synthetic records ({interval[0]:.1%} to {interval[1]:.1%}) lie as near to a "
        f"single training record as {NEAR:.0%} of {len(real):,} held-out records do by chance."
    )
    suspect = np.argsort(-found, kind="stable")[:CONCERNS]
    # Where chance explains them all, none is named: the custodian would look at innocent records.
    suspect = suspect[(found[suspect] > np.quantile(real, 1 - NEAR)) & (interval[0] > NEAR)]
    place = space.closest(points.rows(suspect), everyone)[1]
    concerns = tuple(
        Concern(int(chosen[which]), int(order[to]), "lies nearer to this training record than chance explains")
        for which, to in zip(suspect, place, strict=True)
    )
    detail = {
        "roc": {"fpr": np.round(fpr, 4).tolist(), "tpr": np.round(tpr, 4).tolist()},
        "compared": {"synthetic": len(found), "holdout": len(real)},
    }
    estimate = Estimate(value, interval, len(found), Reference(NEAR, (NEAR, NEAR)))
    return Finding({"near_copy_rate": estimate}, reason, {"near": detail}, concerns)


def kept_in_row(evidence: Evidence) -> Finding:
    """The share of cells that equal the cell of the training record in the same row, beyond that in rows beside it.

    With a the share of cells of a row that agree with the training record in the same row and b the mean share that
    agree with the training records one to five rows above and below, the figure is mean(a - b) / mean(1 - b).

    Returns
    -------
    Finding
        ``aligned_agreement``.
    """
    schema = evidence.schema
    value, interval, detail = _kept(evidence.train, evidence.synthetic, schema)
    reference = None
    if evidence.holdout is not None and len(evidence.holdout) >= FEWEST:
        reference = Reference(*_kept(evidence.train, evidence.holdout, schema)[:2])
    reason = (
        f"Row by row, {detail['agreement']:.1%} of the cells equal those of the training record in the same row, and "
        f"{detail['beside']:.1%} those of the records in the rows beside it."
    )
    estimate = Estimate(value, interval, int(detail["rows"]), reference)
    return Finding({"aligned_agreement": estimate}, reason, {"aligned": detail})


def _kept(train: pd.DataFrame, other: pd.DataFrame, schema: Schema) -> tuple[float, Interval, dict[str, float]]:
    """The figure of :func:`kept_in_row`, its interval, and what it is made of."""
    rows = min(len(train), len(other))
    train, other = train.iloc[:rows], other.iloc[:rows]
    pairs = list(zip(cells(train, schema), cells(other, schema), strict=True))
    shifts = [shift for shift in range(-BESIDE, BESIDE + 1) if shift]
    counts = np.zeros((2, rows), dtype=np.int64)
    for known, found in pairs:
        counts[0] += known == found
        for shift in shifts:
            counts[1] += np.roll(known, shift) == found
    same, beside = counts[0] / max(len(pairs), 1), counts[1] / max(len(pairs) * len(shifts), 1)
    possible = float((1 - beside).mean())
    value = float((same - beside).mean()) / possible if possible > 0 else 0.0
    # The ratio's influence, row by row: none where every cell is kept. One person alone tells nothing of its error.
    error = mean_error(same - beside - value * (1 - beside), persons(train, schema)) / max(possible, 1e-12)
    detail = {"agreement": round(float(same.mean()), 4), "beside": round(float(beside.mean()), 4), "rows": rows}
    return value, normal_interval(value, error if error >= 0 else np.inf, -1.0, 1.0), detail
