"""β-recall: is every kind of real record met by a synthetic one, and not by one that is nearer than people are?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from synthdiff.checks.check import Aspect, Check, Estimate, Evidence, Finding, Reference
from synthdiff.checks.distance import Space, affordable, nearer
from synthdiff.checks.fidelity.support import GRID, NEIGHBOURS, Population, shares
from synthdiff.checks.intervals import Floats, Interval, mean_error, normal_interval
from synthdiff.checks.records import FEWEST, sampled, too_few
from synthdiff.schema import Schema


class BetaRecall(Check):
    """A share β of the synthetic records, the most typical ones, must meet a share β of the training records.

    A training record is met when the nearest synthetic record is nearer than the nearest other training person, ties
    counted half. With R(β) the share of training records that are met by a record of the synthetic β-support (see
    :mod:`synthdiff.checks.fidelity.support`), β-recall is 1 - 2 ∫ \\|R(β) - β\\| dβ. As many training as synthetic
    records are there to be found; then real people meet half of the training records, for it is as likely that the
    nearest is one of them as that it is another training person, and score about one half. Less means that people are
    left out; clearly more means that the synthetic records lie nearer to the training records than other people do,
    which is no triumph but an alarm. So there are two estimates: the figure, which must not be too low, and what it
    exceeds real records by, which must not be too high.

    ``detail``: ``beta`` (the grid), ``synthetic`` and ``holdout`` (R on the grid, the latter null without held-out
    records), ``met`` (shares of training records that are met by ``synthetic`` and by ``holdout``), ``compared``
    (records behind each), ``neighbours`` (k).

    Attributes
    ----------
    neighbours : int
        k, the neighbour that measures how typical a synthetic record is.
    most : int
        Training records that ask for their neighbours, at most.

    References
    ----------
    Alaa, van Breugel, Saveliev & van der Schaar (2022), How faithful is your synthetic data? Sample-level metrics for
    evaluating and auditing generative models, ICML.
    """

    kind: Literal["beta_recall"] = "beta_recall"
    neighbours: int = Field(NEIGHBOURS, ge=1, lt=FEWEST)
    most: int = Field(10_000, ge=100)

    title: ClassVar[str] = "Real records that are met (β-recall)"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "beta_recall": (
            "β-recall",
            "Whether every kind of training record has a synthetic counterpart: other real people score about 0.5, "
            "synthetic records that leave people out score less.",
        ),
        "beta_recall_excess": (
            "β-recall beyond real people",
            "By how much the synthetic records are nearer to the training records than other real people are: above 0 "
            "they follow single records.",
        ),
    }
    aspect: ClassVar[Aspect] = "fidelity"
    unit: ClassVar[str] = "score"
    direction: ClassVar[str] = "the reference is best"
    source: ClassVar[str] = "β-recall, integrated (Alaa et al. 2022), supports by nearest neighbours"
    bars: ClassVar[dict[str, str]] = {"beta_recall": ">= reference - 0.10", "beta_recall_excess": "<= 0.10"}

    def run(self, evidence: Evidence) -> Finding:
        """Let synthetic and then held-out records meet the training records."""
        train, synthetic, holdout = sampled(evidence, "beta_recall")
        if refusal := too_few(train, synthetic):
            return Finding({}, refusal)
        found = self._met(train, synthetic, evidence.schema)
        real = self._met(train, holdout, evidence.schema) if len(holdout) >= FEWEST else None
        chance = Reference(real.value, real.interval) if real else None
        estimates = {"beta_recall": Estimate(found.value, found.interval, found.n, chance)}
        reason = (
            f"{found.share:.1%} of the training records have a synthetic record nearer than the nearest other training "
            "person; half would have, were the synthetic records other real people"
        )
        if real:
            excess = found.value - real.value
            error = float(np.hypot(found.error, real.error))
            estimates["beta_recall_excess"] = Estimate(
                excess, normal_interval(excess, error, -1.0, 1.0), found.n, Reference(0.0, (0.0, 0.0))
            )
            reason += f" (held-out people: {real.share:.1%})"
        reason += f". {found.n:,} of {len(train):,} training records were asked."
        detail: dict[str, Any] = {
            "beta": GRID.tolist(),
            "synthetic": np.round(found.curve, 4).tolist(),
            "holdout": np.round(real.curve, 4).tolist() if real else None,
            "met": {"synthetic": round(found.share, 4), "holdout": round(real.share, 4) if real else None},
            "compared": {"synthetic": found.n, "holdout": real.n if real else 0},
            "neighbours": self.neighbours,
        }
        return Finding(estimates, reason, detail)

    def _met(self, train: pd.DataFrame, other: pd.DataFrame, schema: Schema) -> _Met:
        """As many training as other records, the former asking for their nearest on both sides."""
        size = min(len(train), len(other))
        asked = min(size, affordable(size, 8, self.most))
        space = Space(train.iloc[:size], schema)
        people, others = space.place(train.iloc[:size]), space.place(other.iloc[:size])
        asking, everyone = np.arange(asked), np.arange(size)
        queries = people.rows(asking)
        to_people, _ = space.closest(queries, people, (asking, everyone))
        to_others, place = space.closest(queries, others)
        there, which = np.unique(place, return_inverse=True)
        population = Population(space, others, min(self.neighbours, size - 1))
        typical = shares(population.own_crowding(there), population.own_crowding(asking))[which]
        return _Met.of(nearer(to_others, to_people), typical)


@dataclass(frozen=True)
class _Met:
    """Which training records are met.

    Attributes
    ----------
    value, interval, error
        β-recall, its 95 % interval and its standard error.
    curve : float64 array
        R on the grid.
    share : float
        Training records that are met at all.
    n : int
        Training records asked.
    """

    value: float
    interval: Interval
    error: float
    curve: Floats
    share: float
    n: int

    @classmethod
    def of(cls, met: Floats, typical: Floats) -> _Met:
        """From whether each training record is met, and the β from which on what meets it is in the support."""
        # Between two points of the grid R is a step function; its mean over the step is what the middle shows.
        middle = (GRID[1:] + GRID[:-1]) / 2
        inside = typical[:, None] <= middle
        apart = (met[:, None] * inside).mean(axis=0) - middle
        value = 1 - 2 * float(np.abs(apart).mean())
        influence = -2 * met * (inside * np.sign(apart)).mean(axis=1)
        error = mean_error(influence)
        curve = np.array([(met * (typical <= beta)).mean() for beta in GRID])
        return cls(value, normal_interval(value, error, 0.0, 1.0), error, curve, float(met.mean()), len(met))
