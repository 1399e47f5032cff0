"""Authenticity: are the synthetic records new, or nearer to a training record than people are to one another?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from synthdiff.checks.check import Aspect, Check, Estimate, Evidence, Finding, Reference
from synthdiff.checks.distance import Points, Space, affordable, nearer
from synthdiff.checks.features import persons
from synthdiff.checks.intervals import Interval, wilson
from synthdiff.checks.records import FEWEST, ordered, sampled, too_few
from synthdiff.schema import Schema


class Authenticity(Check):
    """A synthetic record must not be nearer to its nearest training record than the next person is.

    A synthetic record is authentic when its nearest training record is farther from it than from the nearest record of
    another training person; a tie counts half. A copy never is; of other real people about half are, and a third where
    few columns make near neighbours mutual, which the held-out records show. The share holds for these training
    records: others would have other neighbours.

    It is an average. Records that lie where nobody does raise it, and then hide copies; a preference for common records
    lowers it. :class:`~synthdiff.checks.privacy.copies.Copies` looks at single records.

    ``detail``: ``holdout_rate`` (share of held-out records that are authentic, null without them) and ``compared``
    (records behind each share).

    Attributes
    ----------
    most : int
        Synthetic, and held-out, records that are looked at, at most. All training records are there to be found: were
        only a sample of them, a copy of the others would pass.

    References
    ----------
    Alaa, van Breugel, Saveliev & van der Schaar (2022), How faithful is your synthetic data? Sample-level metrics for
    evaluating and auditing generative models, ICML.
    """

    kind: Literal["authenticity"] = "authenticity"
    most: int = Field(10_000, ge=100)

    title: ClassVar[str] = "Records of their own (authenticity)"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "authenticity": (
            "Authenticity",
            "Share of synthetic records that are farther from the nearest training record than that person is from the "
            "next one: 0 for copies, about 0.5 for other real people.",
        ),
    }
    aspect: ClassVar[Aspect] = "privacy"
    unit: ClassVar[str] = "share of records"
    direction: ClassVar[str] = "higher is better, up to the reference"
    source: ClassVar[str] = "Authenticity (Alaa et al. 2022), against held-out records"
    bars: ClassVar[dict[str, str]] = {"authenticity": ">= reference - 0.10"}

    def run(self, evidence: Evidence) -> Finding:
        """Compare each record's distance to its nearest training record with that one's to the next person."""
        people, synthetic, holdout = sampled(evidence, "authenticity")
        if refusal := too_few(people, synthetic):
            return Finding({}, refusal)
        asked = affordable(len(evidence.train), 4, self.most)
        nearby = Neighbourhood.of(evidence.train, evidence.schema)
        value, interval, n = nearby.authentic(synthetic.iloc[:asked])
        reason = (
            f"{value:.1%} of {n:,} synthetic records are farther from the nearest training record than that person is "
            "from the next one."
        )
        if len(holdout) < FEWEST:
            reason += " Without held-out records there is no telling how many of other real people would be."
            alone = {"holdout_rate": None, "compared": {"synthetic": n, "holdout": 0}}
            return Finding({"authenticity": Estimate(value, interval, n)}, reason, alone)
        share, band, fresh = nearby.authentic(holdout.iloc[:asked])
        reason += f" Of {fresh:,} held-out people {share:.1%} are."
        detail = {"holdout_rate": round(share, 4), "compared": {"synthetic": n, "holdout": fresh}}
        return Finding({"authenticity": Estimate(value, interval, n, Reference(share, band))}, reason, detail)


@dataclass(frozen=True)
class Neighbourhood:
    """All training records in their space, in an order that their content decides.

    Attributes
    ----------
    space : Space
        Where they lie.
    points : Points
        Every training record.
    person : int64 array of shape (n,)
        To whom each belongs.
    """

    space: Space
    points: Points
    person: NDArray[np.int64]

    @classmethod
    def of(cls, train: pd.DataFrame, schema: Schema) -> Neighbourhood:
        """Of a training table."""
        space, train = Space(train, schema), train.iloc[ordered(train, schema)]
        person = persons(train, schema)
        return cls(space, space.place(train), np.arange(len(train)) if person is None else person)

    def authentic(self, frame: pd.DataFrame) -> tuple[float, Interval, int]:
        """The share of a frame's records that are authentic, with its interval, and their number."""
        apart, place = self.space.closest(self.space.place(frame), self.points)
        # The distance that counts is that of the training record which was found, whence its place.
        found, which = np.unique(place, return_inverse=True)
        strangers = self.person[found], self.person
        to_next = self.space.nearest(self.points.rows(found), self.points, 1, strangers)[which, 0]
        new = float((1 - nearer(apart, to_next)).sum())
        return new / len(frame), wilson(round(new), len(frame))[1], len(frame)
