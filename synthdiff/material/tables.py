"""A table: one frame, and what its columns are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from shutil import copyfile
from typing import Any, Self

import pandas as pd

from synthdiff.attempt import Attempt
from synthdiff.auditing import AuditReport, audit
from synthdiff.data import read_table, split, write_table
from synthdiff.effort import table_plan
from synthdiff.errors import about
from synthdiff.generator import Generator
from synthdiff.material.material import Material
from synthdiff.progress import SILENT, Progress
from synthdiff.recipe import Recipe
from synthdiff.release import Staging
from synthdiff.schema import Schema
from synthdiff.table import TableDiffusion


class Table(Material[pd.DataFrame]):
    """A table and its schema."""

    word = "row"

    def __init__(self, recipe: Recipe, train: pd.DataFrame, holdout: pd.DataFrame, schema: Schema) -> None:
        super().__init__(recipe, train, holdout)
        self.schema = schema

    @classmethod
    def load(cls, recipe: Recipe) -> Self:
        """Read the recipe's table and split it, rows of one person on one side."""
        frame, schema = cls.read(recipe)
        with about(cls.named(recipe)):
            train, holdout = split(frame, schema, recipe.data.holdout, seed=recipe.generator.seed)
        return cls(recipe, train, holdout, schema)

    @staticmethod
    def named(recipe: Recipe) -> str:
        """The table's path, as the recipe has it."""
        assert recipe.data.table is not None
        return recipe.data.table

    @classmethod
    def read(cls, recipe: Recipe) -> tuple[pd.DataFrame, Schema]:
        """The table that a recipe names, and what its columns are."""
        with about(cls.named(recipe)):
            frame, schema = read_table(recipe.resolve(cls.named(recipe)), recipe.data.declared())
            return frame, schema.constrained(recipe.data.constraints, frame)

    @property
    def place(self) -> str:
        """The table's file."""
        return Path(self.named(self.recipe)).name

    @property
    def folders(self) -> list[Path]:
        """The table's folder and the recipe's."""
        return [self.recipe.resolve(self.named(self.recipe)).parent, self.recipe.resolve(".")]

    def rehearse(self) -> None:
        """Refuse what could not be learnt or drawn, then what could not be audited."""
        with about(self.named(self.recipe)):
            self._generator().rehearse(self.train, self.schema, self.recipe.sample.given)
        super().rehearse()

    def size(self, records: pd.DataFrame) -> tuple[int, int]:
        """Rows and columns."""
        return len(records), len(records.columns)

    def digest(self, records: pd.DataFrame) -> str:
        """The SHA-256 of a table's content and column names."""
        hashed = pd.util.hash_pandas_object(records, index=False, categorize=True).to_numpy().tobytes()
        return hashlib.sha256(json.dumps(list(records.columns)).encode() + hashed).hexdigest()

    def fit(self, checkpoints: Path | None = None, progress: Progress = SILENT) -> TableDiffusion:
        """Learn the training part."""
        with about(self.named(self.recipe)):
            return self._generator().fit(self.train, schema=self.schema, checkpoint=checkpoints, progress=progress)

    def trial(self, steps: int) -> dict[str, float]:
        """Columns, parameters and minutes; a step of the trial is one of every net."""
        model = self._generator()
        trial = self._generator().set_params(budget_steps=steps, budget_seconds=None)
        trial.fit(self.train, schema=self.schema)
        kept = round(len(self.train) * (1 - model.validation))
        plan = table_plan(kept, len(trial.codec_.states), model.effort, model.budget_steps, model.budget_seconds)
        a_step = sum(history.seconds for history in trial.histories_) / steps
        return {
            "columns": len(self.schema.columns),
            "parameters": trial.parameters,
            "minutes_at_most": round((plan.seconds or plan.steps * a_step) / 60, 2),
        }

    def draw(self, model: Generator, attempt: Attempt, progress: Progress) -> pd.DataFrame:
        """The synthetic rows, without categories that none of them has: a rare one would name a real patient's."""
        assert isinstance(model, TableDiffusion)

        def make(path: Path) -> None:
            drawn = model.sample(self.count, self.recipe.sample.given, progress=progress)
            categories = drawn.select_dtypes("category")
            used = {str(name): values.cat.remove_unused_categories() for name, values in categories.items()}
            write_table(drawn.assign(**used), path, self.schema)

        return read_table(attempt.keep("records.parquet", make), like=self.schema)[0]

    def judge(self, synthetic: pd.DataFrame, **how: Any) -> AuditReport:
        """The audit of the three tables."""
        return audit(self.train, synthetic, self.holdout, schema=self.schema, **how)

    def write(self, staging: Staging, synthetic: pd.DataFrame, attempt: Attempt) -> None:
        """One file a format, ``data/records.csv`` and the like."""
        for kind in self.recipe.release.formats:
            name = f"records.{kind}"
            kept = attempt.keep(name, lambda path: write_table(synthetic, path, self.schema))
            staging.write(f"data/{name}", partial(copyfile, kept))

    def described(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """The columns."""
        return {"schema": [column.model_dump(mode="json") for column in self.schema]}

    def forbidden(self) -> set[str]:
        """The identifiers, group keys and texts."""
        frame = pd.concat([self.train, self.holdout])
        named = [c.name for c in self.schema if c.kind in ("identifier", "text") or "group" in c.roles]
        return {str(value) for name in named for value in frame[name].dropna().unique()}

    def _generator(self) -> TableDiffusion:
        """The generator that the recipe asks for, not yet fitted."""
        return TableDiffusion(**self.training)
