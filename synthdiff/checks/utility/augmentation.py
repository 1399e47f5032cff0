"""Augmentation: do synthetic records, added to the real ones, help a model to predict people it has not seen?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from synthdiff.checks.check import Aspect, Check, Estimate, Evidence, Finding, Reference
from synthdiff.checks.intervals import Floats
from synthdiff.checks.utility.learners import LEARNERS
from synthdiff.checks.utility.scores import Score, Scored, average_precision, plain, recall_at, span
from synthdiff.checks.utility.trial import FEWEST, Arm, Trial, conduct

REAL, BOTH, WEIGHTED = "real", "augmented", "reweighted"
ARMS = {REAL: Arm(("train",)), BOTH: Arm(("train", "synthetic")), WEIGHTED: Arm(("train",), balanced=True)}

Scores = Mapping[str, Scored]
"""By arm."""

FEWEST_RARE = 10
"""Records of a class, learnt from and held out, below which nothing is said about it."""

NO_DIFFERENCE = 0.02
"""A gain or a loss within this is no difference worth speaking of."""

SPECIFICITY = 0.9
"""At which the recall of the scarcest class is told."""

MOST_TIMES = 1_000
"""A study that would have to be so many times larger cannot be had, so that no number is named."""


class Augmentation(Check):
    """Models that learnt from real and synthetic records together are tested against those of real records alone.

    Gradient boosting, a linear model and a random forest predict the schema's target for held-out people. The gain is
    the score of real and synthetic records together minus that of the real ones alone (ROC AUC, mean one-against-rest
    AUC or R²), of the learner that does best on real training records left out of its learning. Of a target with
    levels, the gain in the average precision of the scarcest one is a figure of its own. The reference is the gain of
    the honest alternative that needs no synthetic data: the real records alone, every class with the same weight in
    learning. The synthetic records are used as given, whatever classes they are of.

    With few real records the same learner finds different things in another sample of people, so the intervals join who
    is held out (people drawn again, the same for all models) with whose records are learnt from (people of both tables
    drawn again, and learnt from anew with other seeds).

    ``detail`` holds ``target``, ``metric``, ``learner`` (the headline's), ``n_train``, ``n_synthetic``, ``n_test``;
    ``learners``, a list of ``learner``, the scores ``real``, ``augmented`` and ``reweighted``, and the differences from
    real of the latter two, ``gain`` and ``gain_reweighted``, each as value and interval; ``rare``, None or the
    ``level``, its ``n_train``, ``n_synthetic`` and ``n_test``, ``average_precision`` and ``recall`` (each the same five
    figures of the headline's learner), and the ``specificity`` at which the recall is.

    Attributes
    ----------
    most : int
        Records of a table to learn from, or to test on, at most.
    resamples : int
        How often the held-out people are drawn again.
    refits : int
        How often the tables' people are drawn again and learnt from.

    References
    ----------
    Manousakas & Aydöre (2023), On the usefulness of synthetic tabular data generation: real and synthetic together
    against real alone. Saito & Rehmsmeier (2015), PLoS ONE 10: precision and recall where a class is scarce.
    """

    kind: Literal["augmentation"] = "augmentation"
    most: int = Field(10_000, ge=FEWEST)
    resamples: int = Field(200, ge=100)
    refits: int = Field(8, ge=3)

    title: ClassVar[str] = "Real and synthetic together, against real alone"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "augmentation_gain": (
            "Gain from adding synthetic records",
            "How much better a model predicts real records when synthetic ones are added to those it learns from: "
            "0 is no help, below 0 is harm.",
        ),
        "augmentation_gain_rare": (
            "Gain for the scarcest class",
            "The same for the scarcest class alone, in average precision: how purely its cases stand at the top of a "
            "list by risk.",
        ),
    }
    aspect: ClassVar[Aspect] = "utility"
    unit: ClassVar[str] = "score gained"
    direction: ClassVar[str] = "higher is better"
    source: ClassVar[str] = "Real and synthetic against real (Manousakas & Aydöre 2023)"
    needs_holdout: ClassVar[bool] = True
    bars: ClassVar[dict[str, str]] = {"augmentation_gain": ">= -0.02", "augmentation_gain_rare": ">= -0.05"}

    def run(self, evidence: Evidence) -> Finding:
        """Teach three learners by real records, by both tables and by reweighted real records; test all alike."""
        discrete = evidence.schema.target is not None and evidence.schema.target.discrete
        arms = ARMS if discrete else {arm: ARMS[arm] for arm in (REAL, BOTH)}
        trial = conduct(evidence, arms, most=self.most, resamples=self.resamples, refits=self.refits)
        if isinstance(trial, str):
            return Finding({}, trial)
        task, n = trial.task, len(trial.test)
        scores = {learner: {arm: trial.scored(arm, learner) for arm in arms} for learner in LEARNERS}
        estimates = {"augmentation_gain": _estimate(scores[trial.best], n)}
        reason = _reason(trial, scores[trial.best])
        detail: dict[str, Any] = {
            "target": task.target.name,
            "metric": task.metric,
            "learner": trial.best,
            **{f"n_{name}": len(truth) for name, truth in trial.truths.items()},
            "learners": [{"learner": learner, **_plain(found, *task.range)} for learner, found in scores.items()],
            "rare": None,
        }
        if task.levels is not None:
            code, scarcer = _scarcest(trial)
            if scarcer:
                reason += (
                    f" {scarcer} scarcer classes have fewer than {FEWEST_RARE} records to learn from or to test on."
                )
            if code is not None:
                precision, recall = (
                    {arm: trial.scored(arm, trial.best, score) for arm in arms} for score in _of_level(code)
                )
                estimates["augmentation_gain_rare"] = _estimate(precision, n)
                counts = {name: int((truth == code).sum()) for name, truth in trial.truths.items()}
                level = str((task.target.levels or ())[code])
                reason += _rare_reason(level, counts, precision, n)
                detail["rare"] = {
                    "level": level,
                    **{f"n_{name}": count for name, count in counts.items()},
                    "average_precision": _plain(precision, 0.0, 1.0),
                    "recall": _plain(recall, 0.0, 1.0),
                    "specificity": SPECIFICITY,
                }
        return Finding(estimates, reason + trial.note, detail)


def _scarcest(trial: Trial) -> tuple[int | None, int]:
    """The level that fewest training records have of those that enough have, and how many are scarcer."""
    counts = [np.unique_counts(trial.truths[name]) for name in ("train", "test")]
    learnt, asked = (dict(zip(found.values.tolist(), found.counts.tolist(), strict=True)) for found in counts)
    ranked = sorted(learnt, key=lambda code: (learnt[code], code))
    for scarcer, code in enumerate(ranked):
        if learnt[code] >= FEWEST_RARE and asked.get(code, 0) >= FEWEST_RARE:
            return int(code), scarcer
    return None, len(ranked)


def _of_level(code: int) -> tuple[Score, Score]:
    """The average precision and the recall of one level against the rest."""

    def precision(truth: Floats, guess: Floats, weights: Floats) -> Floats:
        return average_precision(truth == code, guess[:, code], weights)

    def recall(truth: Floats, guess: Floats, weights: Floats) -> Floats:
        return recall_at(SPECIFICITY, truth == code, guess[:, code], weights)

    return precision, recall


def _estimate(scores: Scores, n: int) -> Estimate:
    gain, other = scores[BOTH] - scores[REAL], _reweighting(scores)
    reference = None if other is None else Reference(float(other.value), other.interval())
    return Estimate(float(gain.value), gain.interval(), n, reference)


def _reweighting(scores: Scores) -> Scored | None:
    """What weighting all classes alike gains; None for a number."""
    return scores[WEIGHTED] - scores[REAL] if WEIGHTED in scores else None


def _plain(scores: Scores, low: float, high: float) -> dict[str, Any]:
    other = _reweighting(scores)
    return {
        **{arm: plain(found, low, high) for arm, found in scores.items()},
        "gain": plain(scores[BOTH] - scores[REAL]),
        **({} if other is None else {"gain_reweighted": plain(other)}),
    }


def _reason(trial: Trial, scores: Scores) -> str:
    sizes = {name: len(truth) for name, truth in trial.truths.items()}
    return (
        f"On {sizes['test']:,} held-out records, {trial.task.target.name!r} is predicted with {trial.task.metric} "
        f"{scores[REAL].value:.3f} after learning from {sizes['train']:,} real records and {scores[BOTH].value:.3f} "
        f"with {sizes['synthetic']:,} synthetic ones added. The learner, {trial.best}, is the one that does best on "
        f"real training records. The gain: {_judged(scores, sizes['test'])}"
    )


def _rare_reason(level: str, counts: dict[str, int], scores: Scores, n: int) -> str:
    return (
        f" For {level!r}, the scarcest class that can be judged ({counts['train']:,} real and "
        f"{counts['synthetic']:,} synthetic records to learn from, {counts['test']:,} to test on), average precision "
        f"goes from {scores[REAL].value:.3f} to {scores[BOTH].value:.3f}: {_judged(scores, n)}"
    )


def _judged(scores: Scores, n: int) -> str:
    """Whether it helped, harmed, or what it would take to tell; and whether it did more than weights do."""
    gain = scores[BOTH] - scores[REAL]
    value, (low, high) = float(gain.value), gain.interval()
    said = f"{value:+.3f} ({span((low, high))}), "
    if low > 0:
        said += "it helped."
    elif high < 0:
        said += "it harmed."
    elif low >= -NO_DIFFERENCE and high <= NO_DIFFERENCE:
        said += "no difference worth speaking of."
    else:
        times = ((high - low) / 2 / value) ** 2 if value else np.inf
        said += "too few records to tell whether it helped"
        said += (
            f"; about {n * times:,.0f} to test on, and {times:.1f} times as many to learn from, would do."
            if times <= MOST_TIMES
            else "."
        )
    other = _reweighting(scores)
    if other is None:
        return said
    more = (gain - other).interval()
    stands = "is more than that" if more[0] > 0 else "is less" if more[1] < 0 else "is not shown to differ from that"
    return f"{said} Weighting all classes alike brings {other.value:+.3f} without synthetic records; the gain {stands}."
