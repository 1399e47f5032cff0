"""Detection: can a strong classifier tell synthetic records from real ones?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from synthdiff.checks.check import Aspect, Check, Estimate, Evidence, Finding, Reference
from synthdiff.checks.features import Features, at_most, booster, matrices, persons
from synthdiff.checks.fidelity.distances import Persons
from synthdiff.checks.fidelity.pairs import Pair, telling_pairs
from synthdiff.checks.intervals import CROSS_FITTED, Floats, Interval, auc, folds, roc
from synthdiff.schema import Schema
from synthdiff.seeds import derive, numpy_generator

FOLDS = 5
FEWEST = 25
"""Persons on each side below which nothing is learnt."""

CLEARLY = 0.6
"""Decimals are worth a word when their number alone tells the sides apart with a higher AUC."""

SHUFFLED = 10_000
"""Records on which the importance of a column is measured, at most."""


class Detection(Check):
    """Gradient boosting is taught to tell synthetic from training records and is asked about records it has not seen.

    The figure is the area under the ROC curve of the scores from 5-fold cross-fitting, on as many synthetic as training
    records, all records of a person in one fold: 0.5 when nothing gives the synthetic records away, 1 when every one is
    recognised. Below 0.5 the synthetic records lie closer to training records than other real people do.

    Such a classifier finds whatever is wrong in a record as a whole: derived columns that do not follow from others,
    combinations that cannot be, shifted columns. It is blind to decimals, as it sees numbers in 255 bins; these are
    compared by themselves. Columns are ranked by what the AUC loses when the column is shuffled among the unseen
    records; a column that others make up for loses little. Pairs are ranked by how much better a classifier of the two
    columns does than the better one of either alone, so that what one column gives away does not fill the list. They
    are searched for among one half of the people and measured on the other.

    Attributes
    ----------
    most : int
        Records of a table that are looked at; of a larger one, so many are drawn. With 20,000 of each, the interval of
        an AUC of 0.5 reaches 0.009 to either side.

    Notes
    -----
    ``detail`` holds ``roc`` and ``reference_roc`` (``fpr``, ``tpr``); ``importance``, the ten columns that matter most
    (``column``, ``auc_drop``); ``pairs``, the ten pairs that add most (``a``, ``b``, ``auc`` of the two with
    ``interval``, ``alone``, the AUC of the better one alone, ``beyond``, the difference, with ``beyond_interval``);
    ``decimals``, columns whose numbers are written with clearly more or fewer decimals than the real ones (``column``,
    ``auc`` of their number, ``interval``); and ``compared``, the records of each side (``synthetic``, ``reference``).

    References
    ----------
    Lopez-Paz & Oquab (2017), Revisiting classifier two-sample tests; importance: Breiman (2001), Random forests.
    """

    kind: Literal["detection"] = "detection"
    most: int = Field(20_000, ge=100)

    title: ClassVar[str] = "Telling synthetic from real"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "detection_auc": (
            "Detectability",
            "How well a trained classifier tells synthetic from real records: 0.5 is not at all, 1 is always.",
        ),
    }
    aspect: ClassVar[Aspect] = "fidelity"
    unit: ClassVar[str] = "AUC"
    direction: ClassVar[str] = "0.5 is best"
    source: ClassVar[str] = "Classifier two-sample test (Lopez-Paz & Oquab 2017) with gradient boosting"
    bars: ClassVar[dict[str, str]] = {"detection_auc": "<= 0.75"}

    def run(self, evidence: Evidence) -> Finding:
        """Tell synthetic from training records, and held-out from training records for reference."""
        schema, train, synthetic, holdout = evidence.schema, evidence.train, evidence.synthetic, evidence.holdout
        if not any(column.learnt for column in schema):
            return Finding({}, "No column is learnt, so there is nothing to tell records apart by.")
        real_people, made_people = _persons(train, schema), _persons(synthetic, schema)
        if min(real_people, made_people) < FEWEST:
            return Finding(
                {},
                f"A classifier needs records of at least {FEWEST} persons on each side; there are records of "
                f"{real_people:,} in the training and of {made_people:,} in the synthetic data.",
            )
        size = min(len(train), len(synthetic), self.most)
        told = _tell_apart(train, synthetic, schema, size, derive(evidence.seed, "detection"))
        real: _Told | None = None
        if holdout is not None and _persons(holdout, schema) >= FEWEST:
            seed = derive(evidence.seed, "detection", "reference")
            real = _tell_apart(train, holdout, schema, min(size, len(holdout)), seed)
        importance = told.importance(derive(evidence.seed, "detection", "importance"))
        chance = Reference(real.value, real.interval) if real else None
        estimate = Estimate(told.value, told.interval, 2 * size, chance)
        halved = min(real_people, made_people) >= 2 * FEWEST
        seed = derive(evidence.seed, "detection", "pairs")
        pairs = telling_pairs(told.features, size, told.people, seed) if halved else []
        decimals = told.decimals()
        detail = {
            "roc": told.curve(),
            "reference_roc": real.curve() if real else None,
            "importance": [{"column": name, "auc_drop": round(drop, 4)} for name, drop in importance[:10]],
            "pairs": [_plain(pair) for pair in pairs],
            "decimals": decimals,
            "compared": {"synthetic": size, "reference": real.size if real else None},
        }
        reason = _reason(estimate, importance, pairs, [str(one["column"]) for one in decimals])
        if max(len(train), len(synthetic)) > self.most:
            reason += f" {size:,} records of each side, drawn at random, were looked at."
        return Finding({"detection_auc": estimate}, reason, detail)


@dataclass(frozen=True)
class _Told:
    """A classifier's scores for records it has not seen.

    Attributes
    ----------
    size : int
        Records on each side; the first ``size`` rows are real training records.
    features : Features
        Both sides.
    fold : int64 array of shape (2 size,)
        The fold in which a record was left out.
    models : list
        The model fitted without each fold.
    scores : float64 array of shape (2 size,)
        Log odds of not being a training record.
    value, interval
        The AUC.
    people : pair of arrays of shape (size,), or None
        To whom the records of each side belong.
    """

    size: int
    features: Features
    fold: NDArray[np.int64]
    models: list[Any]
    scores: Floats
    value: float
    interval: Interval
    people: tuple[Persons, Persons]

    def curve(self) -> dict[str, list[float]]:
        """The ROC curve as plain lists."""
        fpr, tpr = roc(self.scores[self.size :], self.scores[: self.size])
        return {"fpr": np.round(fpr, 4).tolist(), "tpr": np.round(tpr, 4).tolist()}

    def importance(self, seed: int) -> list[tuple[str, float]]:
        """What the AUC loses when a column is shuffled among the unseen records of a fold, most important first."""
        generator = np.random.default_rng(seed)
        chosen = np.arange(2 * self.size)
        if len(chosen) > SHUFFLED:
            half = generator.choice(self.size, SHUFFLED // 2, replace=False)
            chosen = np.concatenate([half, self.size + half])
        unseen = self.features.rows(chosen)
        parts = [np.flatnonzero(self.fold[chosen] == fold) for fold in range(FOLDS)]
        other = chosen >= self.size
        before = auc(self.scores[chosen][other], self.scores[chosen][~other])[0]
        drops = []
        for i, name in enumerate(self.features.names):
            scores = np.empty(len(chosen))
            for model, part in zip(self.models, parts, strict=True):
                table = np.array(unseen.rows(part).values)
                table[:, i] = generator.permutation(table[:, i])
                scores[part] = model.decision_function(table)
            drops.append((name, before - auc(scores[other], scores[~other])[0]))
        return sorted(drops, key=lambda drop: -drop[1])

    def decimals(self) -> list[dict[str, Any]]:
        """The columns in which the number of decimals alone tells the sides apart, the most telling first."""
        found = []
        for i in np.flatnonzero(~self.features.categorical):
            written = _decimals(np.asarray(self.features.values)[:, i])
            value, (low, high) = auc(written[self.size :], written[: self.size], self.people[::-1])
            if max(low, 1 - high) > CLEARLY:
                told = {"auc": round(value, 4), "interval": [round(low, 4), round(high, 4)]}
                found.append({"column": self.features.names[i], **told})
        return sorted(found, key=lambda one: -abs(one["auc"] - 0.5))


def _decimals(values: Floats) -> NDArray[np.int64]:
    """After how many decimals each number ends, up to six; -1 where missing."""
    ends = np.where(np.isnan(values), -1, 6)
    for places in range(5, -1, -1):
        with np.errstate(invalid="ignore"):
            apart = np.abs(values - np.round(values, places)) <= 1e-9 * np.maximum(1.0, np.abs(values))
        ends[apart] = places
    return ends


def _persons(frame: pd.DataFrame, schema: Schema) -> int:
    people = persons(frame, schema)
    return len(frame) if people is None else len(np.unique(people))


def _tell_apart(train: pd.DataFrame, other: pd.DataFrame, schema: Schema, size: int, seed: int) -> _Told:
    """Cross-fit a classifier on ``size`` records of each table."""
    generator = numpy_generator(seed, "rows")
    frames = [at_most(frame, size, generator) for frame in (train, other)]
    people: tuple[Persons, Persons] = persons(frames[0], schema), persons(frames[1], schema)
    of_train, of_other = matrices(frames, schema)
    features = of_train.followed_by(of_other)
    truth = np.repeat([0, 1], size)
    fold = np.concatenate([folds(size, FOLDS, generator, group) for group in people])
    scores, models = np.empty(2 * size), []
    for left_out in range(FOLDS):
        known, unseen = fold != left_out, fold == left_out
        learnt = features.rows(known)
        models.append(booster(learnt, 2, derive(seed, "fold", left_out)).fit(learnt.values, truth[known]))
        scores[unseen] = models[-1].decision_function(features.rows(unseen).values)
    value, interval = auc(scores[size:], scores[:size], (people[1], people[0]), CROSS_FITTED)
    return _Told(size, features, fold, models, scores, value, interval, people)


def _plain(pair: Pair) -> dict[str, Any]:
    """A pair as plain JSON."""
    return {
        "a": pair.a,
        "b": pair.b,
        "auc": round(pair.auc, 4),
        "interval": [round(end, 4) for end in pair.interval],
        "alone": round(pair.alone, 4),
        "beyond": round(pair.beyond, 4),
        "beyond_interval": [round(end, 4) for end in pair.beyond_interval],
    }


def _reason(estimate: Estimate, importance: list[tuple[str, float]], pairs: list[Pair], decimals: list[str]) -> str:
    low, high = estimate.interval
    reason = (
        f"Shown a synthetic and a training record, a classifier picks the synthetic one {estimate.value:.1%} of the "
        f"time ({low:.1%} to {high:.1%}; guessing gives 50 %)."
    )
    if estimate.reference:
        reason += f" Real held-out records are picked {estimate.reference.value:.1%} of the time."
    telling = [name for name, drop in importance[:3] if drop > 0.01]
    if low > 0.5 and telling:
        reason += f" What gives them away most: {', '.join(telling)}."
    together = [f"{pair.a} with {pair.b}" for pair in pairs[:3] if pair.beyond_interval[0] > 0.01]
    if low > 0.5 and together:
        reason += f" What does not go together: {', '.join(together)}."
    if decimals:
        reason += f" Written with other decimals than the real ones: {', '.join(decimals[:3])}."
    if high < 0.5:
        reason += " Below 50 %, synthetic records resemble training records more than other real people do."
    return reason
