"""Utility: does a model that learnt from synthetic records predict real people as well as one that learnt from real?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from synthdiff.checks.check import Aspect, Check, Estimate, Evidence, Finding, Reference
from synthdiff.checks.features import Features, booster, coordinates, matrices, persons
from synthdiff.checks.intervals import Floats, Interval
from synthdiff.schema import Column
from synthdiff.seeds import derive, numpy_generator

FEWEST = 20
"""Records with a known target, in each table, below which nothing is learnt or shown."""

MOST_LEVELS = 30
"""Levels of a target beyond which one score over all of them says nothing."""

BLOCK = 20
"""Resamples that are scored at once."""


class Utility(Check):
    """A model trained on synthetic records is tested on held-out real ones, against a model trained on real records.

    Both are the same gradient boosting on equally many records, and predict the schema's target; the score is the ROC
    AUC of a target with two levels, the mean one-against-rest AUC of one with more, and R² of a number. The intervals
    resample the held-out people, the same for both models. A level that the synthetic records lack has probability
    nought, and so the AUC of guessing.

    Attributes
    ----------
    most : int
        Records to learn from, and to test on, at most.
    resamples : int
        Bootstrap samples of the held-out people.

    References
    ----------
    Esteban, Hyland & Rätsch (2017), Real-valued (medical) time series generation with recurrent conditional GANs:
    train on synthetic, test on real.
    """

    kind: Literal["utility"] = "utility"
    most: int = Field(50_000, ge=FEWEST)
    resamples: int = Field(1000, ge=100)

    title: ClassVar[str] = "Learn from synthetic, test on real"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "utility_drop": (
            "Loss of usefulness",
            "How much worse a model predicts real records when it learnt from synthetic instead of real ones: 0 is "
            "no loss.",
        ),
        "utility_synthetic": (
            "Usefulness",
            "How well a model that learnt from synthetic records predicts real ones that it never saw.",
        ),
    }
    aspect: ClassVar[Aspect] = "utility"
    unit: ClassVar[str] = "score lost"
    direction: ClassVar[str] = "lower is better"
    source: ClassVar[str] = "Train on synthetic, test on real (Esteban et al. 2017)"
    needs_holdout: ClassVar[bool] = True
    bars: ClassVar[dict[str, str]] = {"utility_drop": "<= 0.05", "utility_synthetic": ">= reference - 0.05"}

    def run(self, evidence: Evidence) -> Finding:
        """Train twice, test on the same held-out records."""
        target, holdout = evidence.schema.target, evidence.holdout
        if target is None or not target.learnt:
            return Finding({}, "The schema names no target to predict. Give one column the role 'target'.")
        if holdout is None:
            return Finding({}, "There are no held-out records to test on. Hold some out and audit again.")
        train, synthetic, test = (
            self._known(frame, target, evidence.seed, name)
            for name, frame in (("train", evidence.train), ("synthetic", evidence.synthetic), ("holdout", holdout))
        )
        n = min(len(train), len(synthetic))
        others = [column.name for column in evidence.schema if column.learnt and column != target]
        if refusal := _refusal(target, others, (len(train), len(synthetic), len(test))):
            return Finding({}, refusal)
        truth = coordinates(test, target)
        task = _task(target, truth)
        if task is None:
            return Finding({}, f"All held-out records have the same {target.name!r}, so there is nothing to predict.")

        tables = train.iloc[:n], synthetic.iloc[:n], test
        *learnable, asked = matrices(tables, evidence.schema, others)
        learnt = [coordinates(table, target) for table in tables[:2]]
        seed = derive(evidence.seed, "utility", "booster")
        guesses = [
            _predict(features, known, asked, target, seed) for features, known in zip(learnable, learnt, strict=True)
        ]
        real, made = (float(task.score(guess, np.ones((1, len(test))))[0]) for guess in guesses)
        resampled = self._resampled(task, guesses, persons(test, evidence.schema), evidence.seed)
        of_real = _interval(real, resampled[0])
        of_made = _interval(made, resampled[1])
        lost = _interval(real - made, resampled[0] - resampled[1])
        reason = (
            f"On {len(test):,} held-out records, {target.name!r} is predicted with {task.metric} {made:.3f} after "
            f"learning from {n:,} synthetic records and {real:.3f} after learning from as many real ones: "
            f"{real - made:+.3f} lost ({lost[0]:+.3f} to {lost[1]:+.3f})."
        )
        absent = len(np.setdiff1d(learnt[0], learnt[1])) if target.discrete else 0
        if absent:
            reason += f" {absent} of the target's levels never occur among the synthetic records."
        estimates = {
            "utility_drop": Estimate(real - made, lost, len(test), Reference(0.0, (0.0, 0.0))),
            "utility_synthetic": Estimate(made, of_made, len(test), Reference(real, of_real)),
        }
        detail = {
            "target": target.name,
            "metric": task.metric,
            "learner": "gradient boosting, 100 trees",
            "real": _plain(real, of_real),
            "synthetic": _plain(made, of_made),
            "drop": _plain(real - made, lost),
            "n_test": len(test),
        }
        return Finding(estimates, reason, detail)

    def _known(self, frame: pd.DataFrame, target: Column, seed: int, name: str) -> pd.DataFrame:
        """The records whose target is known and a level, in a random order, at most ``most``."""
        values = coordinates(frame, target)
        usable = np.isfinite(values) & (values >= 0) if target.discrete else np.isfinite(values)
        order = numpy_generator(seed, "utility", name).permutation(np.flatnonzero(usable))
        return frame.iloc[order[: self.most]]

    def _resampled(
        self, task: _Task, guesses: list[Floats], people: NDArray[np.int64] | None, seed: int
    ) -> list[Floats]:
        """Each model's scores on the same bootstrap samples of the held-out people."""
        person = np.arange(len(guesses[0])) if people is None else people
        count = int(person.max()) + 1
        generator = numpy_generator(seed, "utility", "bootstrap")
        scores: list[list[Floats]] = [[] for _ in guesses]
        for start in range(0, self.resamples, BLOCK):
            size = min(BLOCK, self.resamples - start)
            drawn = generator.multinomial(count, np.full(count, 1 / count), size=size)
            weights = drawn[:, person].astype(float)
            for found, guess in zip(scores, guesses, strict=True):
                found.append(task.score(guess, weights))
        return [np.concatenate(found) for found in scores]


@dataclass(frozen=True)
class _Task:
    """What is predicted: the metric's name, and the score of guesses under each row of weights of shape (b, n)."""

    metric: str
    score: Callable[[Floats, Floats], Floats]


def _refusal(target: Column, others: list[str], sizes: tuple[int, int, int]) -> str | None:
    if len(target.levels or ()) > MOST_LEVELS:
        return f"The target {target.name!r} has {len(target.levels or ())} levels; up to {MOST_LEVELS} are predicted."
    if not others:
        return f"There is no column from which to predict {target.name!r}."
    if min(sizes) < FEWEST:
        found = " and ".join(
            f"{size:,} {name}" for size, name in zip(sizes, ("training", "synthetic", "held-out"), strict=True)
        )
        return f"At least {FEWEST} records of each table must have a known {target.name!r}; {found} records do."
    return None


def _task(target: Column, truth: Floats) -> _Task | None:
    """The task that the held-out records pose; None when all have the same target."""
    present = np.unique(truth)
    if len(present) < 2:
        return None
    if not target.discrete:
        return _Task("R²", lambda guess, weights: _r2(truth, guess[:, 0], weights))
    if len(target.levels or ()) == 2:
        return _Task("ROC AUC", lambda guess, weights: _auc(truth == 1, guess[:, 1], weights))

    def score(guess: Floats, weights: Floats) -> Floats:
        each = [_auc(truth == level, guess[:, int(level)], weights) for level in present]
        return np.asarray(np.mean(each, axis=0))

    return _Task("macro AUC", score)


def _predict(features: Features, known: Floats, asked: Features, target: Column, seed: int) -> Floats:
    """Guesses of shape (n, levels): each level's probability; of shape (n, 1) for a number."""
    if not target.discrete:
        model = booster(features, None, seed).fit(features.values, known)
        return np.asarray(model.predict(asked.values), dtype=float)[:, None]
    probability = np.zeros((len(asked), len(target.levels or ())))
    seen = np.unique(known).astype(int)
    if len(seen) == 1:
        probability[:, seen] = 1.0
        return probability
    model = booster(features, len(seen), seed).fit(features.values, known.astype(int))
    probability[:, model.classes_] = model.predict_proba(asked.values)
    return probability


def _auc(positive: NDArray[np.bool_], scores: Floats, weights: Floats) -> Floats:
    """The AUC under each row of weights, ties counted half; NaN where a resample lacks one side."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(scores[order]) > 0))
    above = np.add.reduceat((weights * positive)[:, order], starts, axis=1)
    below = np.add.reduceat((weights * ~positive)[:, order], starts, axis=1)
    won = (above * (np.cumsum(below, axis=1) - below / 2)).sum(axis=1)
    return _ratio(won, above.sum(axis=1) * below.sum(axis=1))


def _r2(truth: Floats, guess: Floats, weights: Floats) -> Floats:
    """The share of variance explained under each row of weights; NaN where a resample does not vary."""
    centred = truth - truth.mean()
    spread = weights @ centred**2 - (weights @ centred) ** 2 / weights.sum(axis=1)
    return 1 - _ratio(weights @ (truth - guess) ** 2, spread)


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0))


def _interval(value: float, resampled: Floats) -> Interval:
    low, high = np.nanquantile(resampled, [0.025, 0.975])
    return min(float(low), value), max(float(high), value)


def _plain(value: float, interval: Interval) -> dict[str, Any]:
    return {"value": round(value, 4), "interval": [round(end, 4) for end in interval]}
