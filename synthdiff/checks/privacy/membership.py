"""Membership: can an attacker who holds a record and the synthetic table tell whether the record was trained on?"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from synthdiff.checks.check import CONCERNS, Aspect, Check, Concern, Estimate, Evidence, Finding, Reference
from synthdiff.checks.distance import Points, Space, affordable
from synthdiff.checks.features import coordinates
from synthdiff.checks.fidelity.groups import Partition
from synthdiff.checks.intervals import Floats, Interval, Z, auc, roc, tpr_at_fpr
from synthdiff.checks.privacy.control import FEWEST, members_and_others, too_few
from synthdiff.schema import Column, Schema
from synthdiff.seeds import numpy_generator

Measured = tuple[float, Interval]

Placed = tuple[Points, NDArray[np.int64]]
"""Some people: where they lie, and which of all people they are."""

OUTLYING = 0.1
"""The share of records, those farthest from all others, whose attack is reported apart."""

FEW = 10
"""Levels that a column has at most to cut people into subgroups, where no column has a role that says so."""

QUARTERS = 4

LOTS = {
    "membership_auc": 0.5,
    "membership_advantage": 0.0,
    "tpr_at_fpr_0.01": 0.01,
    "tpr_at_fpr_0.10": 0.1,
    "membership_auc_outliers": 0.5,
}
"""What drawing lots reaches: the reference where too few people are held out to measure one."""

SHOWN = 10
"""Subgroups that the report lists at most."""


class Membership(Check):
    """A calibrated attack guesses from the synthetic records alone which real records were trained on.

    A record is suspected when the nearest synthetic record is closer than its surroundings explain:
    ``score(x) = log(d_real,k(x) + ε) - log(d_synthetic,1(x) + ε)``, where ``d_real,k`` is the distance to the k-th
    nearest other person among all real records, training and held-out together. The two sides are thereby treated
    alike: were the synthetic records independent of the split, exchanging any two persons would change nothing, so the
    AUC is 0.5 in expectation, whatever the sizes, and so it is within any subgroup. Attacked and control sample are of
    equal size.

    ``membership_auc_outliers`` is the attack on the tenth of the records that stand farthest from all others. Subgroups
    are the levels, or the quarters, of the columns with the role ``protected`` or ``quasi-identifier``, or else the
    levels of every column that has few. Their intervals are widened so that, with 95 % probability, all of them hold at
    once (Bonferroni): the worst may be named for all its having been picked.

    The finding's ``detail`` has

    ``roc``, ``reference_roc``
        ``fpr`` and ``tpr`` of the attack, and of the same attack with half of the held-out records in the synthetic
        records' place; the latter is null where they are too few.
    ``tpr_at_fpr_0.01``, ``tpr_at_fpr_0.10``
        ``value`` and ``interval``.
    ``attacked``, ``control``
        how many people there were on each side.
    ``outliers``
        ``value``, ``interval`` and ``n`` of the attack on records that stand apart; null where they are too few.
    ``subgroups``
        ten at most, by name, each with its AUC as ``value``, the simultaneous ``interval`` and ``n``: those on whom the
        attack surely does better than guessing, the worst first, and then those nearest to that.
    ``subgroups_judged``, ``subgroups_too_small``
        how many subgroups were attacked, and how many have fewer than 20 people on either side.

    Where the attack finds more members than guessing would, ``concerns`` are the training records that it recognises
    more surely than any held-out one, with the synthetic record that gives each away.

    Attributes
    ----------
    neighbours : int
        k, the neighbour that measures how crowded a record's surroundings are.
    epsilon : float
        Added to both distances, in units of one column's disagreement.
    most : int
        Records attacked, and of the control, at most.
    crowd : int
        Real records, at most, among which the surroundings are measured, and held-out records that take the synthetic
        ones' place.

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
        "membership_auc_outliers": (
            "Membership attack on unusual records",
            "The membership attack on the tenth of the records that are least like any other, whom a generator is "
            "likeliest to remember: 0.5 is guessing, 1 is certainty.",
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
        "membership_auc_outliers": "<= 0.60",
    }

    def run(self, evidence: Evidence) -> Finding:
        """Attack as many training as held-out persons."""
        members, others = members_and_others(evidence)
        if refusal := too_few(members, others):
            return Finding({}, refusal)
        n = min(len(members), len(others), affordable(len(evidence.synthetic), 2, self.most))
        people = pd.concat([members, others], ignore_index=True)
        space = Space(people, evidence.schema)
        places = np.concatenate([np.arange(n), len(members) + np.arange(n)])
        asked = space.place(people.iloc[places])
        crowd = numpy_generator(evidence.seed, "membership", "crowd").permutation(len(people))[: self.crowd]
        around = space.place(people.iloc[crowd])
        surroundings = to_others(space, (asked, places), (around, crowd), self.neighbours)
        closest, giving_away = space.closest(asked, space.place(evidence.synthetic))
        scores = suspicion(surroundings, closest, self.epsilon)
        apart = surroundings >= np.quantile(surroundings, 1 - OUTLYING)
        found = strength(scores, apart)

        # Half of the held-out people take the place of the synthetic ones; the other half is the control.
        half = min(len(others) // 2, n)
        chance, null = dict[str, Measured](), None
        if half >= FEWEST:
            fresh = space.place(others.iloc[len(others) // 2 :].iloc[: self.crowd])
            chosen = np.concatenate([np.arange(half), n + np.arange(half)])
            null = suspicion(surroundings[chosen], space.closest(asked.rows(chosen), fresh)[0], self.epsilon)
            chance = strength(null, apart[chosen])

        groups, small = subgroups(evidence.train, people.iloc[places], evidence.schema, scores)
        records = dict.fromkeys(found, 2 * n) | {"membership_auc_outliers": int(apart.sum())}
        lots = {name: (value, (value, value)) for name, value in LOTS.items()}
        estimates = {
            name: Estimate(*figure, records[name], Reference(*chance.get(name, lots[name])))
            for name, figure in found.items()
        }
        unusual = found.get("membership_auc_outliers")
        detail = {
            "roc": curve(scores[:n], scores[n:]),
            "reference_roc": None if null is None else curve(null[:half], null[half:]),
            "tpr_at_fpr_0.01": _plain(found["tpr_at_fpr_0.01"]),
            "tpr_at_fpr_0.10": _plain(found["tpr_at_fpr_0.10"]),
            "attacked": n,
            "control": n,
            "outliers": unusual and {**_plain(unusual), "n": int(apart.sum())},
            "subgroups": {name: {**_plain(area), "n": size} for name, area, size in groups[:SHOWN]},
            "subgroups_judged": len(groups),
            "subgroups_too_small": small,
        }
        reason = _reason(found, groups)
        if n < min(len(members), len(others)):
            reason += f" A sample was attacked: {n:,} of {len(members):,} and of {len(others):,} people."
        works = found["tpr_at_fpr_0.01"][1][0] > LOTS["tpr_at_fpr_0.01"]
        return Finding(estimates, reason, detail, _concerns(scores, members, giving_away) if works else ())


def suspicion(surroundings: Floats, closest: NDArray[np.float32], epsilon: float) -> Floats:
    """The attack's score: by how much nearer a synthetic record is than the record's surroundings explain.

    Parameters
    ----------
    surroundings : float64 array of shape (n,)
        Each record's distance to the k-th nearest other real one.
    closest : float32 array of shape (n,)
        That to the nearest synthetic one.
    epsilon : float
        Added to both, in units of one column's disagreement.
    """
    score: Floats = np.log(surroundings + epsilon) - np.log(closest.astype(float) + epsilon)
    return score


def strength(scores: Floats, apart: NDArray[np.bool_]) -> dict[str, Measured]:
    """How well an attack does, by the estimates' names.

    Parameters
    ----------
    scores : float64 array of shape (2 n,)
        Those of members, and then of as many others.
    apart : bool array of shape (2 n,)
        Which records stand apart; where they are too few, their figure is left out.
    """
    attacked, control = np.split(scores, 2)
    area = auc(attacked, control)
    found = {
        "membership_auc": area,
        "membership_advantage": _advantage(area),
        "tpr_at_fpr_0.01": tpr_at_fpr(attacked, control, 0.01),
        "tpr_at_fpr_0.10": tpr_at_fpr(attacked, control, 0.1),
    }
    members, others = (side[far] for side, far in zip((attacked, control), np.split(apart, 2), strict=True))
    if min(len(members), len(others)) >= FEWEST // 2:
        found["membership_auc_outliers"] = auc(members, others)
    return found


def subgroups(
    train: pd.DataFrame, asked: pd.DataFrame, schema: Schema, scores: Floats
) -> tuple[list[tuple[str, Measured, int]], int]:
    """The attack on each subgroup of people.

    Parameters
    ----------
    train : DataFrame
        By whose quarters numbers are cut.
    asked : DataFrame of 2 n rows
        Members, and then as many others.
    schema : Schema
        Whose roles name the columns.
    scores : float64 array of shape (2 n,)
        The attack's.

    Returns
    -------
    list of (name, AUC with a simultaneous interval, records)
        Of each subgroup of at least :data:`FEWEST` people on either side. First those on whom the attack surely does
        better than guessing, by their AUC, then the others by the lower end of its interval.
    int
        How many subgroups are smaller.
    """
    member = np.arange(len(scores)) < len(scores) // 2
    large, small = [], 0
    for column in dividing(schema):
        partition = Partition.of(column, coordinates(train, column), QUARTERS)
        place = partition.place({column.name: coordinates(asked, column)})
        for code, label in enumerate(partition.labels):
            attacked, control = scores[(place == code) & member], scores[(place == code) & ~member]
            if min(len(attacked), len(control)) >= FEWEST:
                large.append((label, attacked, control))
            else:
                small += 1
    wider = NormalDist().inv_cdf(1 - 0.025 / max(len(large), 1)) / Z
    found = [
        (name, auc(attacked, control, inflation=wider), len(attacked) + len(control))
        for name, attacked, control in large
    ]

    def worst_first(group: tuple[str, Measured, int]) -> tuple[bool, float]:
        value, (low, _) = group[1]
        return low <= 0.5, -(value if low > 0.5 else low)

    return sorted(found, key=worst_first), small


def dividing(schema: Schema) -> list[Column]:
    """The columns that cut people into subgroups."""
    named = [c for c in schema if c.learnt and {"protected", "quasi-identifier"} & set(c.roles)]
    return named or [c for c in schema if c.learnt and c.discrete and len(c.levels or ()) <= FEW]


def to_others(space: Space, asked: Placed, crowd: Placed, k: int) -> Floats:
    """The distance from each of the records asked about to the k-th nearest other record of the crowd."""
    reach = space.nearest(asked[0], crowd[0], k + 1)
    # A record of the crowd finds itself first, so its k-th other one is one further on.
    itself = np.isin(asked[1], crowd[1]).astype(int)
    return np.asarray(reach[np.arange(len(reach)), k - 1 + itself], dtype=float)


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


def _reason(found: dict[str, Measured], groups: list[tuple[str, Measured, int]]) -> str:
    value, (low, high) = found["membership_auc"]
    few, (few_low, few_high) = found["tpr_at_fpr_0.01"]
    reason = (
        f"Shown a person of the training data and one held out, the attacker picks the right one {value:.1%} of "
        f"the time ({low:.1%} to {high:.1%}; guessing gives 50 %). Allowed to accuse 1 in 100 wrongly, it finds "
        f"{few:.1%} of the people in the training data ({few_low:.1%} to {few_high:.1%}; guessing gives 1 %)."
    )
    if groups:
        name, (area, (least, most)), _ = groups[0]
        says = f"an AUC of {area:.2f}, {least:.2f} to {most:.2f}"
        if least > 0.5:
            surely = sum(interval[0] > 0.5 for _, (_, interval), _ in groups)
            reason += (
                f" It surely beats guessing in {surely} of {len(groups)} subgroups, the worst being {name} ({says})."
            )
        else:
            reason += (
                f" In none of {len(groups)} subgroups does it surely do better than guessing (nearest: {name}, {says})."
            )
    return reason


def _concerns(scores: Floats, members: pd.DataFrame, giving_away: NDArray[np.int64]) -> tuple[Concern, ...]:
    """The members whom the attack recognises more surely than any of the control, the surest first."""
    attacked, control = np.split(scores, 2)
    why = f"betrays this training record, which is recognised more surely than any of {len(control):,} held-out people"
    surest = np.argsort(-attacked, kind="stable")[:CONCERNS]
    return tuple(
        Concern(int(giving_away[place]), int(members.index[place]), why)
        for place in surest[attacked[surest] > control.max()]
    )
