"""Membership: can an attacker who holds a record and the synthetic table tell whether the record was trained on?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from synthdiff.checks.check import Aspect, Check, Estimate, Evidence, Finding, Reference
from synthdiff.checks.distance import Points, Space
from synthdiff.checks.intervals import Floats, Interval, auc, roc, tpr_at_fpr
from synthdiff.checks.privacy.control import FEWEST, members_and_others, too_few
from synthdiff.seeds import numpy_generator

Measured = tuple[float, Interval]

PAIRS = 1_000_000_000
"""Distances to synthetic records that an attack may compute; against a larger table fewer records are attacked."""

OUTLYING = 0.1
"""The share of records, those farthest from all others, whose attack is reported apart."""


class Membership(Check):
    """A calibrated attack guesses from the synthetic records alone which real records were trained on.

    A record is suspected when the nearest synthetic record is closer than its surroundings explain:
    ``score(x) = log(d_real,k(x) + ε) - log(d_synthetic,1(x) + ε)``, where ``d_real,k`` is the distance to the k-th
    nearest other person among all real records, training and held-out together. The two sides are thereby treated
    alike: were the synthetic records independent of the split, exchanging any two persons would change nothing, so the
    AUC is 0.5 in expectation, whatever the sizes. Attacked and control sample are of equal size.

    Attributes
    ----------
    neighbours : int
        k, the neighbour that measures how crowded a record's surroundings are.
    epsilon : float
        Added to both distances, in units of one column's disagreement.
    most : int
        Records attacked, and of the control, at most.
    crowd : int
        Real records, at most, among which the surroundings are measured.

    References
    ----------
    van Breugel, Sun, Qian & van der Schaar (2023), Membership inference attacks against synthetic data through
    overfitting detection (DOMIAS).
    """

    kind: Literal["membership"] = "membership"
    neighbours: int = Field(5, ge=1, lt=FEWEST)
    epsilon: float = Field(1e-4, gt=0)
    most: int = Field(10_000, ge=FEWEST)
    crowd: int = Field(20_000, ge=FEWEST)

    title: ClassVar[str] = "Membership attack"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "membership_auc": (
            "Membership attack",
            "How well an attacker who holds a real record can tell whether it was used for training: 0.5 is "
            "guessing, 1 is certainty.",
        ),
        "membership_advantage": (
            "Attacker's advantage",
            "The membership attack above guessing, from 0 (none) to 1 (certainty).",
        ),
        "tpr_at_fpr_0.01": (
            "Members found at 1 % false alarms",
            "Share of the training records that the attacker finds when 1 % of the accused are innocent; guessing "
            "finds 0.01.",
        ),
        "tpr_at_fpr_0.10": (
            "Members found at 10 % false alarms",
            "Share of the training records that the attacker finds when 10 % of the accused are innocent; guessing "
            "finds 0.10.",
        ),
    }
    aspect: ClassVar[Aspect] = "privacy"
    unit: ClassVar[str] = "AUC"
    direction: ClassVar[str] = "0.5 is best"
    source: ClassVar[str] = "DOMIAS (van Breugel et al. 2023), calibrated by the distance to other real records"
    needs_holdout: ClassVar[bool] = True
    bars: ClassVar[dict[str, str]] = {
        "membership_auc": "<= 0.55",
        "membership_advantage": "<= 0.10",
        "tpr_at_fpr_0.01": "<= 0.05",
        "tpr_at_fpr_0.10": "<= 0.20",
    }

    def run(self, evidence: Evidence) -> Finding:
        """Attack as many training as held-out persons."""
        members, others = members_and_others(evidence)
        if refusal := too_few(members, others):
            return Finding({}, refusal)
        n = min(len(members), len(others), self.most, max(2000, PAIRS // (2 * len(evidence.synthetic))))
        people = pd.concat([members, others], ignore_index=True)
        space = Space(people, evidence.schema)
        points = space.place(people)
        places = np.concatenate([np.arange(n), len(members) + np.arange(n)])
        asked = points.rows(places)
        crowd = numpy_generator(evidence.seed, "membership", "crowd").permutation(len(people))[: self.crowd]
        surroundings = to_others(space, points, places, crowd, self.neighbours)
        scores = self._scores(surroundings, space.nearest(asked, space.place(evidence.synthetic), 1))
        attacked, control = scores[:n], scores[n:]

        # Half of the held-out people take the place of the synthetic ones; the other half is the control.
        half = min(len(others) // 2, n)
        chance = Strength.of_guessing()
        if half >= FEWEST:
            fresh = points.rows(slice(len(members) + len(others) // 2, None))
            chosen = np.concatenate([np.arange(half), n + np.arange(half)])
            null = self._scores(surroundings[chosen], space.nearest(asked.rows(chosen), fresh, 1))
            chance = Strength.of_attack(null[:half], null[half:])

        found = Strength.of_attack(attacked, control)
        value, (low, high) = found.auc
        few, (few_low, few_high) = found.hundredth
        reason = (
            f"Shown a person of the training data and one held out, the attacker picks the right one {value:.1%} of "
            f"the time ({low:.1%} to {high:.1%}; guessing gives 50 %). Allowed to accuse 1 in 100 wrongly, it finds "
            f"{few:.1%} of the people in the training data ({few_low:.1%} to {few_high:.1%}; guessing gives 1 %)."
        )
        if n < min(len(members), len(others)):
            reason += f" A sample was attacked: {n:,} of {len(members):,} and of {len(others):,} people."
        detail = {
            "roc": curve(attacked, control),
            "tpr_at_fpr_0.01": _plain(found.hundredth),
            "tpr_at_fpr_0.10": _plain(found.tenth),
            "attacked": n,
            "control": n,
            "outliers": _outliers(surroundings, scores, n),
        }
        return Finding(found.estimates(2 * n, chance), reason, detail)

    def _scores(self, surroundings: Floats, closest: NDArray[np.float32]) -> Floats:
        scores: Floats = np.log(surroundings + self.epsilon) - np.log(closest[:, 0].astype(float) + self.epsilon)
        return scores


@dataclass(frozen=True)
class Strength:
    """How well an attack does: each figure with its interval."""

    auc: Measured
    hundredth: Measured
    """The true positive rate at a false positive rate of 1 %."""
    tenth: Measured
    """The same at 10 %."""

    @classmethod
    def of_attack(cls, attacked: Floats, control: Floats) -> Strength:
        """Measured on the scores of both sides."""
        return cls(auc(attacked, control), tpr_at_fpr(attacked, control, 0.01), tpr_at_fpr(attacked, control, 0.1))

    @classmethod
    def of_guessing(cls) -> Strength:
        """What lots would reach."""
        return cls(*((value, (value, value)) for value in (0.5, 0.01, 0.1)))

    def estimates(self, n: int, chance: Strength) -> dict[str, Estimate]:
        """By name, each with what chance reaches."""
        figures = {
            "membership_auc": (self.auc, chance.auc),
            "membership_advantage": (_advantage(self.auc), _advantage(chance.auc)),
            "tpr_at_fpr_0.01": (self.hundredth, chance.hundredth),
            "tpr_at_fpr_0.10": (self.tenth, chance.tenth),
        }
        return {name: Estimate(*found, n, Reference(*reference)) for name, (found, reference) in figures.items()}


def to_others(space: Space, points: Points, places: NDArray[np.int64], crowd: NDArray[np.int64], k: int) -> Floats:
    """The distance from each of the records at ``places`` to the k-th nearest other record of the crowd."""
    reach = space.nearest(points.rows(places), points.rows(crowd), k + 1)
    # A record of the crowd finds itself first, so its k-th other one is one further on.
    itself = np.isin(places, crowd).astype(int)
    return np.asarray(reach[np.arange(len(places)), k - 1 + itself], dtype=float)


def curve(positive: Floats, negative: Floats) -> dict[str, list[float]]:
    """An ROC curve as plain lists."""
    fpr, tpr = roc(positive, negative)
    return {"fpr": np.round(fpr, 4).tolist(), "tpr": np.round(tpr, 4).tolist()}


def _advantage(area: Measured) -> Measured:
    value, (low, high) = area
    return 2 * value - 1, (2 * low - 1, 2 * high - 1)


def _plain(measured: Measured) -> dict[str, Any]:
    value, interval = measured
    return {"value": round(value, 4), "interval": [round(end, 4) for end in interval]}


def _outliers(surroundings: Floats, scores: Floats, n: int) -> dict[str, Any] | None:
    """The attack on those who stand apart, whom a generator is likeliest to remember."""
    apart = surroundings >= np.quantile(surroundings, 1 - OUTLYING)
    attacked, control = scores[:n][apart[:n]], scores[n:][apart[n:]]
    if min(len(attacked), len(control)) < FEWEST // 2:
        return None
    return {**_plain(auc(attacked, control)), "n": len(attacked) + len(control)}
