"""Fairness: do models that learnt from synthetic records treat groups more unequally than those of real records?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from synthdiff.checks.check import Aspect, Check, Estimate, Evidence, Finding, Reference
from synthdiff.checks.intervals import Floats
from synthdiff.checks.utility.groups import Group, groups
from synthdiff.checks.utility.learners import LEARNERS
from synthdiff.checks.utility.scores import Scored, auc, span
from synthdiff.checks.utility.trial import FEWEST, Arm, Trial, conduct, tested

ARMS = {"real": Arm(("train",)), "synthetic": Arm(("synthetic",))}

FEWEST_CASES = 10
"""Cases, and others, that a group must have where its cases are looked for or ranked."""

SHOWN = 30
"""Gaps that the report shows, the worst ones."""


class Fairness(Check):
    """Models trained on synthetic records must not treat protected groups more unequally than models of real records.

    Gradient boosting, a linear model and a random forest learn from equally many records of either table and predict
    the schema's target for the same held-out people. Between the groups of each column with the role ``protected``
    (levels, or thirds of a number) four gaps are measured, each the largest value of a group minus the smallest:

    - *cases found*: the share of cases that the model chooses (equal opportunity);
    - *people chosen*: the share of people whom it chooses (demographic parity);
    - *cases ranked*: the ROC AUC within the group;
    - *cases expected*: the mean predicted minus the observed share of cases (calibration at large).

    A model chooses as many people as there are cases among those held out: those of highest predicted probability. The
    cases are the second level of a target with two, and each level in turn of one with more. For a number the gaps are
    those of the mean error and of the root mean squared error, in standard deviations of the target. A group needs 20
    records, and 10 cases and 10 others where cases are found or ranked.

    The headline is the worst increase of a gap from the real to the synthetic side, over columns, measures and
    learners; a gap that turns round without becoming wider is no increase. Its interval holds for all of them at once
    (studentised maximum over people drawn again and refits, see :meth:`Scored.simultaneous`): from the highest lower
    end to the highest upper end. The reference is the same figure between pairs of models that learnt from real people
    drawn again; the worst of many gaps is above nought for real records, too.

    ``detail`` holds ``target``, ``learner`` (best on real training records), ``n_train``, ``n_test``; ``gaps``, the
    worst first, each with ``column``, ``measure``, ``learner``, ``level`` (the cases; None for a number), ``real``,
    ``synthetic``, ``increase``, ``interval`` (simultaneous) and the groups ``lowest`` and ``highest`` on the synthetic
    side; ``groups``, for each column, measure and level the groups with ``n``, ``real`` and ``synthetic`` by that
    learner; ``small_groups``, which were left out.

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
    Hardt, Price & Srebro (2016), Equality of opportunity in supervised learning. Dwork et al. (2012), Fairness through
    awareness. Simultaneous intervals: Westfall & Young (1993), Resampling-based multiple testing.
    """

    kind: Literal["fairness"] = "fairness"
    most: int = Field(10_000, ge=FEWEST)
    resamples: int = Field(200, ge=100)
    refits: int = Field(8, ge=3)

    title: ClassVar[str] = "Groups treated alike"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "fairness_gap_increase": (
            "Added inequality between groups",
            "How much wider the worst gap between protected groups becomes when a model learns from synthetic instead "
            "of real records: 0 is no wider.",
        ),
    }
    aspect: ClassVar[Aspect] = "utility"
    unit: ClassVar[str] = "increase of a gap"
    direction: ClassVar[str] = "lower is better"
    source: ClassVar[str] = "Equal opportunity (Hardt et al. 2016), train on synthetic, test on real"
    needs_holdout: ClassVar[bool] = True
    bars: ClassVar[dict[str, str]] = {"fairness_gap_increase": "<= 0.10"}

    def run(self, evidence: Evidence) -> Finding:
        """Measure the gaps of models from both tables on the same held-out records."""
        target = evidence.schema.target
        protected = [c for c in evidence.schema.with_role("protected") if c.learnt and c != target]
        if not protected:
            return Finding(
                {},
                "No column says which groups must be served alike. Give columns such as sex or age the role "
                "'protected'.",
            )
        trial = conduct(evidence, ARMS, most=self.most, resamples=self.resamples, refits=self.refits, alike=True)
        if isinstance(trial, str):
            return Finding({}, trial)
        found, small = groups(protected, trial.tables["train"], trial.test, FEWEST)
        gaps = list(_gaps(trial, found))
        if not gaps:
            return Finding({}, f"No protected column has two groups of {FEWEST} held-out records.{_left_out(small)}")
        compared = _Compared.of(trial, gaps)
        low, high = compared.increase.simultaneous()
        worst = int(np.argmax(compared.increase.value))
        interval = float(low.max()), float(high.max())
        n = len(trial.test)
        estimate = Estimate(float(compared.increase.value[worst]), interval, n, compared.reference())
        rows = [compared.row(place, low[place], high[place]) for place in np.argsort(-compared.increase.value)]
        detail: dict[str, Any] = {
            "target": trial.task.target.name,
            "learner": trial.best,
            "n_train": len(trial.tables["train"]),
            "n_test": n,
            "gaps": rows[:SHOWN],
            "groups": [_by_group(trial, gap) for gap in gaps],
            "small_groups": small,
        }
        reason = _reason(estimate, rows, trial) + _left_out(small) + trial.note
        return Finding({"fairness_gap_increase": estimate}, reason, detail)


Measure = Callable[[Floats, Floats, NDArray[np.bool_], Floats], Floats]
"""A figure of one group from its truth, its guesses, who is chosen, each of shape (n,), and b rows of n weights."""


def _found(case: Floats, guess: Floats, chosen: NDArray[np.bool_], weights: Floats) -> Floats:
    return np.asarray(weights @ (case * chosen) / np.maximum(weights @ case, 1))


def _chosen(case: Floats, guess: Floats, chosen: NDArray[np.bool_], weights: Floats) -> Floats:
    return _mean(chosen.astype(float), weights)


def _ranked(case: Floats, guess: Floats, chosen: NDArray[np.bool_], weights: Floats) -> Floats:
    return auc(case > 0, guess, weights)


def _bias(truth: Floats, guess: Floats, chosen: NDArray[np.bool_], weights: Floats) -> Floats:
    return _mean(guess - truth, weights)


def _error(truth: Floats, guess: Floats, chosen: NDArray[np.bool_], weights: Floats) -> Floats:
    return np.asarray(np.sqrt(_mean((guess - truth) ** 2, weights)))


def _mean(values: Floats, weights: Floats) -> Floats:
    return np.asarray(weights @ values / np.maximum(weights.sum(axis=1), 1))


OF_LEVELS: Mapping[str, Measure] = {
    "cases found": _found,
    "people chosen": _chosen,
    "cases ranked": _ranked,
    "cases expected": _bias,
}
NEED_CASES = ("cases found", "cases ranked")
OF_NUMBERS: Mapping[str, Measure] = {"mean error": _bias, "root mean squared error": _error}


@dataclass(frozen=True)
class Gap:
    """What is compared between the groups of a column.

    Attributes
    ----------
    column, measure : str
        Between whom, and of what.
    case : int or None
        The level of the target that is a case; None for a number.
    groups : list of Group
        At least two.
    """

    column: str
    measure: str
    case: int | None
    groups: list[Group]

    def figures(self, truth: Floats, guess: Floats, weights: Floats) -> Floats:
        """The measure of every group under each row of weights, of shape (b, groups)."""
        if self.case is None:
            spread = float(truth.std())
            outcome, predicted, measure = truth / spread, guess[:, 0] / spread, OF_NUMBERS[self.measure]
            chosen = np.zeros(len(truth), dtype=bool)
        else:
            outcome, predicted, measure = (truth == self.case) * 1.0, guess[:, self.case], OF_LEVELS[self.measure]
            chosen = predicted >= np.sort(predicted)[-int(outcome.sum())]
        of_each = [
            measure(outcome[g.members], predicted[g.members], chosen[g.members], weights[:, g.members])
            for g in self.groups
        ]
        return np.column_stack(of_each)

    def width(self, truth: Floats, guess: Floats, weights: Floats) -> Floats:
        """The largest minus the smallest, under each row of weights."""
        figures = self.figures(truth, guess, weights)
        return np.asarray(np.nanmax(figures, axis=1) - np.nanmin(figures, axis=1))


def _gaps(trial: Trial, found: list[Group]) -> Iterator[Gap]:
    """Every gap that enough held-out records can show."""
    truth, levels = trial.truths["test"], trial.task.levels
    cases: list[int | None] = [None] if levels is None else [1] if levels == 2 else [*tested(truth)]
    for column in dict.fromkeys(group.column for group in found):
        own = [group for group in found if group.column == column]
        for case in cases:
            for measure in OF_NUMBERS if case is None else OF_LEVELS:
                enough = [
                    group
                    for group in own
                    if measure not in NEED_CASES or _both_sides(truth[group.members] == case) >= FEWEST_CASES
                ]
                if len(enough) > 1:
                    yield Gap(column, measure, case, enough)


def _both_sides(cases: NDArray[np.bool_]) -> int:
    return int(min(cases.sum(), (~cases).sum()))


@dataclass(frozen=True)
class _Compared:
    """The gaps of every learner, one learner after the other, on either side.

    Attributes
    ----------
    trial : Trial
    gaps : list of Gap
        Of one learner.
    real, made, increase : Scored
        Each of k = learners × gaps figures.
    """

    trial: Trial
    gaps: list[Gap]
    real: Scored
    made: Scored
    increase: Scored

    @classmethod
    def of(cls, trial: Trial, gaps: list[Gap]) -> _Compared:
        """Measure all gaps."""

        def widths(truth: Floats, guess: Floats, weights: Floats) -> Floats:
            return np.column_stack([gap.width(truth, guess, weights) for gap in gaps])

        real, made = (
            Scored.together([trial.scored(arm, learner, widths) for learner in LEARNERS])
            for arm in ("real", "synthetic")
        )
        return cls(trial, gaps, real, made, made - real)

    def reference(self) -> Reference:
        """The worst increase between pairs of models that learnt from real people drawn again."""
        anew = self.real.refitted
        pairs = (anew[:, None] - anew[None]).max(axis=2)[~np.eye(len(anew), dtype=bool)] * np.sqrt(self.real.share)
        low, high = np.quantile(pairs, [0.025, 0.975])
        value = float(pairs.mean())
        return Reference(value, (min(float(low), value), max(float(high), value)))

    def row(self, place: int, low: float, high: float) -> dict[str, Any]:
        """One gap as plain JSON."""
        gap, learner = self.gaps[place % len(self.gaps)], list(LEARNERS)[place // len(self.gaps)]
        by_group = _once(self.trial, gap, "synthetic", learner)
        return {
            "column": gap.column,
            "measure": gap.measure,
            "level": _level(self.trial, gap),
            "learner": learner,
            "real": round(float(self.real.value[place]), 4),
            "synthetic": round(float(self.made.value[place]), 4),
            "increase": round(float(self.increase.value[place]), 4),
            "interval": [round(float(low), 4), round(float(high), 4)],
            "lowest": gap.groups[int(np.argmin(by_group))].label,
            "highest": gap.groups[int(np.argmax(by_group))].label,
        }


def _once(trial: Trial, gap: Gap, arm: str, learner: str) -> Floats:
    truth = trial.truths["test"]
    return np.asarray(gap.figures(truth, trial.guesses[arm, learner][0], np.ones((1, len(truth))))[0])


def _by_group(trial: Trial, gap: Gap) -> dict[str, Any]:
    real, made = (_once(trial, gap, arm, trial.best) for arm in ("real", "synthetic"))
    return {
        "column": gap.column,
        "measure": gap.measure,
        "level": _level(trial, gap),
        "groups": [
            {"group": group.label, "n": group.n, "real": round(float(one), 4), "synthetic": round(float(other), 4)}
            for group, one, other in zip(gap.groups, real, made, strict=True)
        ],
    }


def _level(trial: Trial, gap: Gap) -> str | None:
    return None if gap.case is None else str((trial.task.target.levels or ())[gap.case])


def _reason(estimate: Estimate, rows: list[dict[str, Any]], trial: Trial) -> str:
    worst = rows[0]
    cases = "" if worst["level"] is None else f" (cases: {worst['level']!r})"
    reason = (
        f"Of {len(rows)} gaps between protected groups among {estimate.n:,} held-out records, one widens most when "
        f"{trial.task.target.name!r}{cases} is learnt from {len(trial.tables['train']):,} synthetic instead of as many "
        f"real records: {worst['measure']}, between {worst['column']} {worst['lowest']} and {worst['highest']}, from "
        f"{worst['real']:.3f} to {worst['synthetic']:.3f} with {worst['learner']}. The worst increase is "
        f"{estimate.value:+.3f} ({span(estimate.interval)}, with allowance for looking at all)"
    )
    vague = max(rows, key=lambda row: float(row["interval"][1]))
    if vague["interval"][1] > 2 * max(estimate.value, 0.05):
        reason += f"; least can be told of {vague['measure']} by {vague['column']}"
    if estimate.reference:
        reason += f"; between two real tables it would be about {estimate.reference.value:+.3f}"
    return reason + "."


def _left_out(small: list[str]) -> str:
    return f" Too small to be measured: {', '.join(small)}." if small else ""
