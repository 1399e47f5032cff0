"""Utility: does a model that learnt from synthetic records predict real people as well as one that learnt from real?"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from synthdiff.checks.check import Aspect, Check, Estimate, Evidence, Finding, Reference
from synthdiff.checks.intervals import Z
from synthdiff.checks.utility.groups import Group, groups
from synthdiff.checks.utility.learners import LEARNERS
from synthdiff.checks.utility.scores import Scored, plain, span
from synthdiff.checks.utility.trial import FEWEST, Arm, Task, Trial, conduct
from synthdiff.schema import Column, Schema

ARMS = {"real": Arm(("train",)), "synthetic": Arm(("synthetic",))}

FEW_LEVELS = 10
"""Levels of a column by which people are grouped, at most, where no column is protected."""

SHOWN = 30
"""Groups that the report shows, the worst ones."""


class Utility(Check):
    """Models trained on synthetic records are tested on held-out real ones, against models trained on real records.

    Gradient boosting, a linear model and a random forest learn from equally many records of either table and predict
    the schema's target; the score is the ROC AUC of a target with two levels, the mean one-against-rest AUC of one with
    more, and R² of a number. The headline is the loss of the learner that does best on real training records left out
    of its learning: a mean over learners would let weak ones hide what a strong one notices (Kotelnikov et al. 2023),
    and the best on the held-out records would be the luckiest. A level that the synthetic records lack has probability
    nought, and so the AUC of guessing.

    The intervals join who is held out (people drawn again, the same for all models) with whose records the tables hold
    (their people drawn again and learnt from anew). The reference is real records in the place of the synthetic ones:
    nothing lost, but for what two real tables of this size differ by.

    ``detail`` holds ``target``, ``metric``, ``learner`` (the headline's), ``n_train``, ``n_test``; ``real``,
    ``synthetic`` and ``drop`` as value and interval; ``learners``, a list of the same three with the ``learner``'s
    name; ``subgroups``, the same three of the headline's learner with ``column``, ``group`` and ``n`` for each level of
    the protected columns, or else of those with few levels, the worst first, :data:`SHOWN` at most; ``small_groups``,
    those too small to be measured.

    Attributes
    ----------
    most : int
        Records to learn from, and to test on, at most.
    resamples : int
        How often the held-out people are drawn again.
    refits : int
        How often the tables' people are drawn again and learnt from.

    References
    ----------
    Esteban, Hyland & Rätsch (2017), Real-valued (medical) time series generation with recurrent conditional GANs:
    train on synthetic, test on real. Kotelnikov et al. (2023), TabDDPM: why the learner should be strong.
    """

    kind: Literal["utility"] = "utility"
    most: int = Field(20_000, ge=FEWEST)
    resamples: int = Field(200, ge=100)
    refits: int = Field(8, ge=3)

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
        """Teach three learners by both tables, test all on the same held-out records."""
        trial = conduct(evidence, ARMS, most=self.most, resamples=self.resamples, refits=self.refits, alike=True)
        if isinstance(trial, str):
            return Finding({}, trial)
        task, n = trial.task, len(trial.test)
        scores = {learner: (trial.scored("real", learner), trial.scored("synthetic", learner)) for learner in LEARNERS}
        real, made = scores[trial.best]
        lost, of_real, of_made = real - made, real.interval(*task.range), made.interval(*task.range)
        chance = float(Z * np.sqrt(2) * real.of_learning)
        estimates = {
            "utility_drop": Estimate(float(lost.value), lost.interval(), n, Reference(0.0, (-chance, chance))),
            "utility_synthetic": Estimate(float(made.value), of_made, n, Reference(float(real.value), of_real)),
        }
        parts, small = groups(_grouping(evidence.schema, task), trial.tables["train"], trial.test, FEWEST)
        measured = [(part, found) for part in parts if (found := _among(trial, part)) is not None]
        measured.sort(key=lambda one: -float(one[1][2].value))
        detail: dict[str, Any] = {
            "target": task.target.name,
            "metric": task.metric,
            "learner": trial.best,
            "n_train": len(trial.tables["train"]),
            "n_test": n,
            **_three(task, real, made),
            "learners": [{"learner": learner, **_three(task, *pair)} for learner, pair in scores.items()],
            "subgroups": [
                {"column": part.column, "group": part.label, "n": part.n, **_three(task, *found[:2])}
                for part, found in measured[:SHOWN]
            ],
            "small_groups": small,
        }
        return Finding(estimates, _reason(trial, scores, measured), detail)


def _grouping(schema: Schema, task: Task) -> list[Column]:
    """The protected columns, or else those with few levels."""
    others = [column for column in schema if column.learnt and column != task.target]
    protected = [column for column in others if "protected" in column.roles]
    return protected or [column for column in others if column.discrete and len(column.levels or ()) <= FEW_LEVELS]


def _among(trial: Trial, group: Group) -> tuple[Scored, Scored, Scored] | None:
    """The scores of both models within a group and the loss; None where the group has nothing to predict."""
    real, made = (trial.scored(arm, trial.best, among=group.members) for arm in ("real", "synthetic"))
    return (real, made, real - made) if np.isfinite([real.value, made.value]).all() else None


def _three(task: Task, real: Scored, made: Scored) -> dict[str, Any]:
    return {
        "real": plain(real, *task.range),
        "synthetic": plain(made, *task.range),
        "drop": plain(real - made),
    }


def _reason(
    trial: Trial,
    scores: dict[str, tuple[Scored, Scored]],
    measured: list[tuple[Group, tuple[Scored, Scored, Scored]]],
) -> str:
    task, size = trial.task, len(trial.tables["train"])
    real, made = scores[trial.best]
    lost = (real - made).interval()
    reason = (
        f"On {len(trial.test):,} held-out records, {task.target.name!r} is predicted with {task.metric} "
        f"{made.value:.3f} after learning from {size:,} synthetic records and {real.value:.3f} after learning from as "
        f"many real ones: {real.value - made.value:+.3f} lost ({span(lost)}). The learner, {trial.best}, is the one "
        "that does best on real training records."
    )
    drops = {learner: ours - theirs for learner, (ours, theirs) in scores.items()}
    worst = max(drops, key=lambda learner: float(drops[learner].value))
    if worst != trial.best:
        reason += f" Of all three, {worst} loses most: {drops[worst].value:+.3f} ({span(drops[worst].interval())})."
    if real.interval()[0] <= task.chance:
        reason += " Real records hardly predict it themselves, so there is little to lose."
    if lost[1] < 0:
        reason += (
            " Synthetic records should not teach more than real ones: they may be smoother, or made with a view of the "
            "held-out records."
        )
    together = [found[2].interval(of=len(measured)) for _, found in measured]
    for (part, found), interval in zip(measured, together, strict=True):
        if interval[0] > 0:
            reason += (
                f" Of {len(measured)} subgroups, {part.column} {part.label} surely loses: {found[2].value:+.3f} "
                f"({span(interval)}, with allowance for looking at all)."
            )
            break
    if absent := _absent(trial):
        reason += f" {absent} of the target's levels never occur among the synthetic records."
    return reason + trial.note


def _absent(trial: Trial) -> int:
    if trial.task.levels is None:
        return 0
    return len(np.setdiff1d(trial.truths["train"], trial.truths["synthetic"]))
