"""A trial: the same learners taught by several tables and tested on the same held-out people.

What a table teaches is compared with what real records teach, and two things make such a comparison uncertain: who is
held out, and whose records the tables hold. A trial therefore repeats both, alike for all tables (see
:class:`~synthdiff.checks.utility.scores.Scored`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthdiff.checks.check import RARE, Evidence
from synthdiff.checks.features import Features, coordinates, matrices, persons
from synthdiff.checks.intervals import Floats, folds
from synthdiff.checks.utility.learners import LEARNERS, guesses
from synthdiff.checks.utility.scores import Score, Scored, auc, r2
from synthdiff.schema import Column
from synthdiff.seeds import derive, numpy_generator

FEWEST = 20
"""Persons with a known target, in each table, below which nothing is learnt or tested."""

MOST_LEVELS = 30
"""Levels of a target beyond which one score over all of them says nothing."""

ANEW = 1_000
"""Records that are learnt from anew, about, when the people of the training table are drawn again."""

FOLDS = 3
"""Parts of the training records that are left out in turn, to see which learner does best on real records."""

BLOCK = 50
"""Resamples that are scored at once."""


@dataclass(frozen=True)
class Arm:
    """What one model learns from.

    Attributes
    ----------
    tables : tuple of str
        ``"train"``, ``"synthetic"`` or both.
    balanced : bool
        Whether every class of the target has the same weight, however scarce.
    """

    tables: tuple[str, ...]
    balanced: bool = False


@dataclass(frozen=True)
class Task:
    """What is predicted, and how well."""

    target: Column

    @property
    def levels(self) -> int | None:
        """The levels of the target; None for a number."""
        return len(self.target.levels or ()) if self.target.discrete else None

    @property
    def metric(self) -> str:
        """The score's name."""
        return "R²" if self.levels is None else "ROC AUC" if self.levels == 2 else "macro AUC"

    def known(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """Which records have a target that can be learnt or tested."""
        values = coordinates(frame, self.target)
        return np.isfinite(values) & (values >= 0) if self.target.discrete else np.isfinite(values)

    def score(self, truth: Floats, guess: Floats, weights: Floats) -> Floats:
        """The score of guesses under each row of weights; NaN where there is nothing to predict.

        Of a target with levels, the mean AUC of each level that :data:`RARE` records have against the rest.
        """
        if self.levels is None:
            return r2(truth, guess[:, 0], weights)
        present = tested(truth)
        if len(present) < 2:
            return np.full(len(weights), np.nan)
        if self.levels == 2:
            return auc(truth == 1, guess[:, 1], weights)
        return np.asarray(np.mean([auc(truth == level, guess[:, level], weights) for level in present], axis=0))

    @property
    def chance(self) -> float:
        """What guessing scores."""
        return 0.0 if self.levels is None else 0.5

    @property
    def range(self) -> tuple[float, float]:
        """The least and the largest score."""
        return (-np.inf, 1.0) if self.levels is None else (0.0, 1.0)


def tested(truth: Floats) -> list[int]:
    """The levels that at least :data:`RARE` records have."""
    codes, counts = np.unique(truth, return_counts=True)
    return [int(code) for code, count in zip(codes, counts, strict=True) if count >= RARE]


@dataclass(frozen=True)
class Trial:
    """What came of it.

    Attributes
    ----------
    task : Task
        What was predicted.
    tables : mapping of str to DataFrame
        The records that were learnt from, ``"train"`` and ``"synthetic"``, and those held out, ``"test"``.
    truths : mapping of str to float64 array
        Their target.
    weights : float64 array of shape (b, n)
        How often each counts when the held-out people are drawn again.
    guesses : mapping of pairs of str to list of float64 arrays of shape (n, c)
        By arm and learner: after learning from the whole tables, and then from their people drawn again, time by time.
    share : float
        The share of people from which was learnt anew.
    best : str
        The learner that does best on real training records left out of what it learns from. No held-out record chooses
        it, so that its score is not the luckiest of three.
    note : str
        A sentence, after a space, that says how many records were drawn of larger tables; empty where all were used.
    """

    task: Task
    tables: Mapping[str, pd.DataFrame]
    truths: Mapping[str, Floats]
    weights: Floats
    guesses: Mapping[tuple[str, str], list[Floats]]
    share: float
    best: str
    note: str

    @property
    def test(self) -> pd.DataFrame:
        """The held-out records."""
        return self.tables["test"]

    def scored(
        self, arm: str, learner: str, score: Score | None = None, among: NDArray[np.bool_] | None = None
    ) -> Scored:
        """The score of an arm, by default that of the task, on all held-out records or among some."""
        judge = score or self.task.score
        truth = self.truths["test"]
        chosen = np.ones(len(truth), dtype=bool) if among is None else among
        truth, weights, once = truth[chosen], self.weights[:, chosen], np.ones((1, int(chosen.sum())))
        whole, *anew = (guess[chosen] for guess in self.guesses[arm, learner])
        drawn = [judge(truth, whole, weights[start : start + BLOCK]) for start in range(0, len(weights), BLOCK)]
        refitted = np.array([judge(truth, guess, once)[0] for guess in anew])
        return Scored(np.asarray(judge(truth, whole, once)[0]), np.concatenate(drawn), refitted, self.share)


def conduct(
    evidence: Evidence, arms: Mapping[str, Arm], *, most: int, resamples: int, refits: int, alike: bool = False
) -> Trial | str:
    """Teach every learner by every arm and test it on the held-out records.

    Parameters
    ----------
    evidence : Evidence
        The tables; the target is the schema's.
    arms : mapping of str to Arm
        By name.
    most : int
        Records of a table that are learnt from or tested on, at most; of a larger one, so many are drawn.
    resamples, refits : int
        How often the held-out people and those of the tables are drawn again.
    alike : bool
        Whether equally many training and synthetic records are learnt from.

    Returns
    -------
    Trial or str
        Or why there is none.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    target, holdout = evidence.schema.target, evidence.holdout
    if target is None or not target.learnt:
        return "The schema names no target to predict. Give one column the role 'target'."
    if holdout is None:
        return "There are no held-out records to test on. Hold some out and audit again."
    task = Task(target)
    given = {"train": evidence.train, "synthetic": evidence.synthetic, "test": holdout}
    given = {name: frame[task.known(frame)] for name, frame in given.items()}
    if refusal := _refusal(task, evidence, given):
        return refusal
    sizes = {name: min(len(frame), most) for name, frame in given.items()}
    if alike:
        sizes["train"] = sizes["synthetic"] = min(sizes["train"], sizes["synthetic"])
    tables = _Tables(task, evidence, given, sizes)
    with threadpool_limits(1):
        made, best = tables.teach(arms, refits), tables.best()
    weights = _weights(tables.people["test"], resamples, numpy_generator(evidence.seed, "utility", "bootstrap"))
    cut = any(len(frame) > most for frame in given.values())
    note = f" Of a larger table, {most:,} records were drawn." if cut else ""
    return Trial(task, tables.frames, tables.truths, weights, made, tables.share, best, note)


class _Tables:
    """The tables as learners read them.

    Parameters
    ----------
    task : Task
    evidence : Evidence
    given : mapping of str to DataFrame
        ``"train"``, ``"synthetic"`` and ``"test"``.
    sizes : mapping of str to int
        How many records of each are drawn.
    """

    def __init__(
        self, task: Task, evidence: Evidence, given: Mapping[str, pd.DataFrame], sizes: Mapping[str, int]
    ) -> None:
        self.task, self.seed = task, evidence.seed
        self.frames = {
            name: frame.iloc[numpy_generator(self.seed, "utility", name).choice(len(frame), sizes[name], replace=False)]
            for name, frame in given.items()
        }
        tables = matrices(list(self.frames.values()), evidence.schema, _others(task, evidence))
        self.features = dict(zip(self.frames, tables, strict=True))
        self.truths = {name: coordinates(frame, task.target) for name, frame in self.frames.items()}
        self.people = {name: _person(frame, evidence) for name, frame in self.frames.items()}
        self.share = min(1.0, ANEW / sizes["train"])

    def teach(self, arms: Mapping[str, Arm], refits: int) -> dict[tuple[str, str], list[Floats]]:
        """The guesses of every arm and learner, from the whole tables first and then from people drawn again."""
        made: dict[tuple[str, str], list[Floats]] = {(arm, learner): [] for arm in arms for learner in LEARNERS}
        for draw in range(refits + 1):
            rows = {name: self._rows(name, draw) for name in ("train", "synthetic")}
            for (arm, learner), found in made.items():
                known, *more = (self.features[name].rows(rows[name]) for name in arms[arm].tables)
                for other in more:
                    known = known.followed_by(other)
                truth = np.concatenate([self.truths[name][rows[name]] for name in arms[arm].tables])
                asked, balanced = self.features["test"], arms[arm].balanced
                found.append(self._guess(learner, known, truth, asked, draw, balanced))
        return made

    def best(self) -> str:
        """The learner that predicts the training records best, each left out of what it learnt from."""
        features, truth = self.features["train"], self.truths["train"]
        generator = numpy_generator(self.seed, "utility", "folds")
        fold = folds(len(truth), FOLDS, generator, self.people["train"])
        merit = dict.fromkeys(LEARNERS, 0.0)
        for learner in LEARNERS:
            for left_out in range(FOLDS):
                known, unseen = fold != left_out, fold == left_out
                guess = self._guess(learner, features.rows(known), truth[known], features.rows(unseen))
                score = self.task.score(truth[unseen], guess, np.ones((1, len(guess))))
                merit[learner] += float(np.nan_to_num(score)[0])
        return max(merit, key=merit.__getitem__)

    def _rows(self, name: str, draw: int) -> NDArray[np.int64]:
        """All rows of a table at first, and then those of a share of its people, drawn with replacement."""
        person = self.people[name]
        if draw == 0:
            return np.arange(len(person))
        count = int(person.max()) + 1
        generator = numpy_generator(self.seed, "utility", "anew", name, draw)
        times = np.bincount(generator.integers(count, size=int(np.ceil(self.share * count))), minlength=count)
        return np.repeat(np.arange(len(person)), times[person])

    def _guess(
        self, learner: str, known: Features, truth: Floats, asked: Features, draw: int = 0, balanced: bool = False
    ) -> Floats:
        seed = derive(self.seed, "utility", "learner", draw)
        return guesses(learner, known, truth, asked, self.task.levels, seed, balanced)


def _others(task: Task, evidence: Evidence) -> list[str]:
    """The columns from which the target is predicted."""
    return [column.name for column in evidence.schema if column.learnt and column != task.target]


def _refusal(task: Task, evidence: Evidence, given: Mapping[str, pd.DataFrame]) -> str | None:
    name = task.target.name
    if task.levels is not None and task.levels > MOST_LEVELS:
        return f"The target {name!r} has {task.levels} levels; up to {MOST_LEVELS} are predicted."
    if not _others(task, evidence):
        return f"There is no column from which to predict {name!r}."
    people = [len(np.unique(_person(frame, evidence))) for frame in given.values()]
    if min(people) < FEWEST:
        found = " and ".join(f"{n:,} {of}" for n, of in zip(people, ("training", "synthetic", "held-out"), strict=True))
        return f"At least {FEWEST} persons of each table must have a known {name!r}; {found} persons do."
    truth = coordinates(given["test"], task.target)
    if task.levels is not None and len(tested(truth)) < 2:
        return f"Only one level of {name!r} has {RARE} held-out records or more, so there is nothing to predict."
    if len(np.unique(truth)) < 2:
        return f"All held-out records have the same {name!r}, so there is nothing to predict."
    return None


def _person(frame: pd.DataFrame, evidence: Evidence) -> NDArray[np.int64]:
    """The person to whom each record belongs; each record stands alone where the table does not say."""
    found = persons(frame, evidence.schema)
    return np.arange(len(frame)) if found is None else found


def _weights(person: NDArray[np.int64], resamples: int, generator: np.random.Generator) -> Floats:
    """How often each record counts in each resample of the people."""
    count = int(person.max()) + 1
    return generator.multinomial(count, np.full(count, 1 / count), size=resamples)[:, person].astype(float)
