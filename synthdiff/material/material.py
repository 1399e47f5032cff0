"""Material: the real data of one recipe, and all that the walk must do with data of their kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import pandas as pd

from synthdiff.attempt import Attempt
from synthdiff.auditing import AuditReport
from synthdiff.errors import DataError, RecipeError
from synthdiff.evidence import FEWEST
from synthdiff.generator import Generator
from synthdiff.policy import Policy
from synthdiff.progress import SILENT, Progress
from synthdiff.recipe import Recipe
from synthdiff.release import Staging
from synthdiff.seeds import derive
from synthdiff.voxels import Volume

Records = TypeVar("Records", pd.DataFrame, Sequence[Volume])


class Material(ABC, Generic[Records]):
    """Real data, split; ``Records`` is what a part, or a synthetic set, is.

    Attributes
    ----------
    recipe : Recipe
    train, holdout : Records
        The part that a generator learns, and the one that it never sees.
    """

    word: str
    """What one record is called."""

    def __init__(self, recipe: Recipe, train: Records, holdout: Records) -> None:
        self.recipe = recipe
        self.train: Records = train
        self.holdout: Records = holdout

    @property
    def count(self) -> int:
        """How many records are to be drawn: as many as were learnt from, if the recipe does not say."""
        return self.recipe.sample.rows or self.size(self.train)[0]

    def rehearse(self) -> None:
        """Refuse, before anything is written, what could not be learnt, drawn or audited."""
        train, held = self.size(self.train)[0], self.size(self.holdout)[0]
        if held < FEWEST:
            raise DataError(
                f"holding out {self.recipe.data.holdout:g} of {train + held} {self.word}s leaves {held} to "
                f"compare with, at least {FEWEST} are needed",
                where=self.place,
                mend="hold out a larger share (data.holdout), or give more data",
            )
        if self.recipe.sample.rows is not None and self.recipe.sample.rows < FEWEST:
            raise RecipeError(
                f"{self.recipe.sample.rows} synthetic records are too few to be audited",
                where="sample.rows",
                mend=f"draw at least {FEWEST}, or leave the key away for as many as are learnt from",
            )

    @property
    @abstractmethod
    def place(self) -> str:
        """The name of the file or folder that the data are from."""

    @property
    @abstractmethod
    def folders(self) -> list[Path]:
        """Folders whose names must not be found in a release."""

    @abstractmethod
    def size(self, records: Records) -> tuple[int, int]:
        """How many records there are, and of how many columns."""

    @abstractmethod
    def digest(self, records: Records) -> str:
        """The SHA-256 of records, by which a resumption knows that they are the same."""

    @abstractmethod
    def fit(self, checkpoints: Path | None = None, progress: Progress = SILENT) -> Generator:
        """The generator that the recipe asks for, fitted to the training part."""

    @abstractmethod
    def trial(self, steps: int) -> dict[str, float]:
        """Parameters and minutes at most, measured on some steps of training."""

    @abstractmethod
    def draw(self, model: Generator, attempt: Attempt, progress: Progress) -> Records:
        """The synthetic records, as they read back from the attempt's folder."""

    def audit(
        self, model: Generator, synthetic: Records, policy: Policy, custodian: Path, progress: Progress
    ) -> dict[str, Any]:
        """The audit's answer; what concerns real records goes to the custodian's page alone."""
        seed = derive(self.recipe.generator.seed, "audit")
        name = self.recipe.name
        report = self.judge(synthetic, policy=policy, model=model, random_state=seed, name=name, progress=progress)
        if any(answer.concerns for answer in report.answers.values()):
            report.save_for_custodian(custodian, self.train, synthetic)
        return report.to_dict()

    @abstractmethod
    def judge(self, synthetic: Records, **how: Any) -> AuditReport:
        """The audit of the three sets; ``how`` is passed on to it."""

    @property
    def training(self) -> dict[str, Any]:
        """What the recipe says of training, as the generators take it."""
        choice = self.recipe.generator
        return {
            "effort": choice.effort or "standard",
            "budget_seconds": choice.budget.in_seconds if choice.budget else None,
            "budget_steps": choice.budget.steps if choice.budget else None,
            "random_state": derive(choice.seed, "generator"),
        }

    @abstractmethod
    def write(self, staging: Staging, synthetic: Records, attempt: Attempt) -> None:
        """Add the synthetic records to a release, in the recipe's formats."""

    @abstractmethod
    def described(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """What the cards say about the kind of the data."""

    @abstractmethod
    def forbidden(self) -> set[str]:
        """Identifiers and texts of real records, none of which may be found in a release."""
