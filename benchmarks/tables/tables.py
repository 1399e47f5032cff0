"""The tables: where they are, how they are split, what is predicted from them, what must hold in every row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthdiff.data.format import read_table
from synthdiff.data.split import split
from synthdiff.schema import Schema

HOLDOUT = 0.3
SPLIT_SEED = 0
COPULA_ROWS, COPULA_COLUMNS, COPULA_FACTORS = 20_000, 12, 4

Frames = tuple[pd.DataFrame, pd.DataFrame]


@dataclass(frozen=True)
class Table:
    """A table of the benchmark.

    Attributes
    ----------
    name : str
        As on the command line; also the folder and file, unless ``read`` says otherwise.
    target : str or None
        The column to predict.
    positive : callable or None
        Which cells of it are the positive class, given the real table's cells.
    group : str or None
        The column that names the person of a row.
    read : callable or None
        The whole table, from the folder of all tables.
    test : str or None
        The file of the held-out rows, where the table comes split.
    broken : callable or None
        Which rows break a rule that every real row obeys.
    """

    name: str
    target: str | None = None
    positive: Callable[[pd.Series], pd.Series] | None = None
    group: str | None = None
    read: Callable[[Path], pd.DataFrame] | None = None
    test: str | None = None
    broken: Callable[[pd.DataFrame], pd.Series] | None = None

    def load(self, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, Schema]:
        """The training rows, the held-out rows, and what the columns of both are; only columns that are learnt."""
        train, held_out = self._parts(folder)
        both = pd.concat([train, held_out], ignore_index=True)
        schema = Schema.infer(both, self.roles)
        kept = [column.name for column in schema if column.learnt or column == schema.group]
        schema = Schema(columns=tuple(schema[name] for name in kept))
        return train[kept].reset_index(drop=True), held_out[kept].reset_index(drop=True), schema

    @property
    def roles(self) -> dict[str, dict[str, Any]]:
        """What inference is told."""
        return {self.group: {"role": "group"}} if self.group else {}

    def _parts(self, folder: Path) -> Frames:
        home = folder / self.name
        if self.test is not None:
            train, schema = read_table(home / "train.csv")
            return train, read_table(home / self.test, like=schema)[0]
        frame = self.read(folder) if self.read else read_table(home / f"{self.name}.csv")[0]
        target = {} if self.target is None else {self.target: {"role": "target"}}
        return split(frame, Schema.infer(frame, {**self.roles, **target}), HOLDOUT, SPLIT_SEED)


def _copula(_: Path) -> pd.DataFrame:
    """Heavy-tailed columns that depend on four factors, the second nearly a multiple of the first."""
    rng = np.random.default_rng(0)
    loadings = rng.normal(size=(COPULA_COLUMNS, COPULA_FACTORS))
    z = rng.normal(size=(COPULA_ROWS, COPULA_FACTORS)) @ loadings.T
    z += 0.15 * rng.normal(size=(COPULA_ROWS, COPULA_COLUMNS))
    x = np.sinh(1.2 * z / z.std(axis=0))
    x[:, 1] = 0.9 * x[:, 0] + 0.02 * rng.normal(size=COPULA_ROWS) * np.abs(x[:, 0])
    return pd.DataFrame(x, columns=[f"x{i + 1}" for i in range(COPULA_COLUMNS)])


def _support2_continuous(folder: Path) -> pd.DataFrame:
    frame, schema = read_table(folder / "support2" / "support2.csv")
    return frame[[column.name for column in schema if column.kind == "continuous"]]


def _unmeasured(frame: pd.DataFrame) -> pd.Series:
    """Rows in which a hormone has a value without having been measured, or the other way round."""
    hormones = ["TSH", "T3", "TT4", "T4U", "FTI", "TBG"]
    return pd.concat([frame[h].isna() != (frame[f"{h}_measured"] == "f") for h in hormones], axis=1).any(axis=1)


def _is(level: object) -> Callable[[pd.Series], pd.Series]:
    return lambda cells: cells == level


TABLES = {
    table.name: table
    for table in (
        Table("adult", "income", _is(">50K"), test="test.csv"),
        Table("support2", "death", _is(1)),
        Table("thyroid", "diagnosis", lambda cells: cells != "-", broken=_unmeasured),
        Table("heart_disease_uci", "num", lambda cells: cells > 0),
        Table("heart_failure", "DEATH_EVENT", _is(1)),
        Table("cervical_cancer", "Biopsy", _is(1)),
        Table("diabetes130", "readmitted", _is("<30"), group="patient_nbr"),
        Table("copula", read=_copula),
        Table("support2-continuous", read=_support2_continuous),
    )
}
