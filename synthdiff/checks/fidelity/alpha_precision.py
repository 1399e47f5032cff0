"""α-precision: do the synthetic records lie where real ones do, and as often in the middle as at the edge?"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from synthdiff.checks.check import Aspect, Check, Estimate, Evidence, Finding, Reference
from synthdiff.checks.distance import Space, affordable
from synthdiff.checks.fidelity.distances import Distance
from synthdiff.checks.fidelity.reference import Table, reference
from synthdiff.checks.fidelity.support import GRID, NEIGHBOURS, Population, curve, misplaced
from synthdiff.checks.intervals import normal_interval
from synthdiff.checks.records import FEWEST, sampled, too_few
from synthdiff.seeds import numpy_generator

EDGE = 95
"""The reason tells how many records lie outside the support of this many per cent of the real ones."""


class AlphaPrecision(Check):
    """The region that holds a share α of the real records must hold the same share of the synthetic ones, for every α.

    Regions are taken by density, smallest first, from the distance to the k-th nearest training record (see
    :mod:`synthdiff.checks.fidelity.support`). With P(α) the share of synthetic records inside, α-precision is
    1 - 2 ∫ \\|P(α) - α\\| dα: 1 for real records and many of them, 0 when the synthetic ones all lie outside. It falls,
    too, when they crowd in the middle.

    ``detail``: ``alpha`` (the grid), ``synthetic`` and ``holdout`` (P on the grid, the latter null without held-out
    records), ``compared`` (records behind each), ``neighbours`` (k).

    Attributes
    ----------
    neighbours : int
        k.
    most : int
        Records of each table that ask for their neighbours, at most. All training records, one a person, are there to
        be found.

    References
    ----------
    Alaa, van Breugel, Saveliev & van der Schaar (2022), How faithful is your synthetic data? Sample-level metrics for
    evaluating and auditing generative models, ICML.
    """

    kind: Literal["alpha_precision"] = "alpha_precision"
    neighbours: int = Field(NEIGHBOURS, ge=1, lt=FEWEST)
    most: int = Field(10_000, ge=100)

    title: ClassVar[str] = "Realistic records (α-precision)"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "alpha_precision": (
            "α-precision",
            "Whether the synthetic records lie where real ones do, as often among the common and as often among the "
            "unusual: 1 is as real records do, 0 is nowhere near.",
        ),
    }
    aspect: ClassVar[Aspect] = "fidelity"
    unit: ClassVar[str] = "score"
    direction: ClassVar[str] = "higher is better, up to the reference"
    source: ClassVar[str] = "α-precision, integrated (Alaa et al. 2022), supports by nearest neighbours"
    bars: ClassVar[dict[str, str]] = {"alpha_precision": ">= reference - 0.10"}

    def run(self, evidence: Evidence) -> Finding:
        """Place synthetic and held-out records by their distance to training records."""
        train, synthetic, holdout = sampled(evidence, "alpha_precision")
        if refusal := too_few(train, synthetic):
            return Finding({}, refusal)
        asked = affordable(len(train), 3, self.most)
        space = Space(train, evidence.schema)
        real = Population(space, space.place(train), self.neighbours)
        own = real.own_crowding(np.arange(min(asked, len(train))))
        made = real.crowding(space.place(synthetic.iloc[:asked]))
        fresh = real.crowding(space.place(holdout.iloc[:asked]))

        found = misplaced(own, made)
        chance = None
        if len(holdout) >= FEWEST:
            generator = numpy_generator(evidence.seed, "alpha_precision", "reference")
            missed = reference([own], [fresh], len(made), _score, (None, None), generator)
            chance = missed and Reference(1 - missed.value, _mirrored(missed.interval))
        # Of few records the steps of a distribution function count for more than there is.
        missing = min(1.0, found.value)
        interval = _mirrored(normal_interval(missing, found.error(), 0.0, 1.0))
        estimate = Estimate(1 - missing, interval, len(made), chance)
        inside, control = curve(own, made), curve(own, fresh) if chance else None
        reason = (
            f"Where {EDGE} % of the real people are, there are {inside[EDGE]:.1%} of the synthetic records"
            + (f" and {control[EDGE]:.1%} of the held-out ones" if control is not None else "")
            + f"; in the densest half there are {inside[50]:.1%} of the synthetic records."
        )
        if len(made) < len(synthetic) or len(own) < len(train):
            reason += f" A sample was looked at: {len(made):,} synthetic and {len(own):,} training records."
        detail = {
            "alpha": GRID.tolist(),
            "synthetic": np.round(inside, 4).tolist(),
            "holdout": None if control is None else np.round(control, 4).tolist(),
            "compared": {"synthetic": len(made), "train": len(own), "holdout": len(fresh)},
            "neighbours": self.neighbours,
        }
        return Finding({"alpha_precision": estimate}, reason, detail)


def _score(real: Table, other: Table) -> Distance:
    return misplaced(real[0], other[0])


def _mirrored(interval: tuple[float, float]) -> tuple[float, float]:
    return 1 - interval[1], 1 - interval[0]
