"""Tables as numbers for gradient boosting, and the one booster that every check uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthdiff.schema import Column, Schema

LEVELS = 254
"""Levels of a column that a booster tells apart; of a column with more, the rarest share one code."""

UNKNOWN = LEVELS
"""The code of a value that is no level of its column."""


@dataclass(frozen=True)
class Features:
    """A table as a booster reads it.

    Attributes
    ----------
    values : float64 array of shape (n, d)
        Numbers as they are, moments as seconds since 1970, levels as codes in ``[0, 255)``; NaN where missing.
    categorical : bool array of shape (d,)
        Which columns hold codes.
    names : tuple of str
        The columns.
    """

    values: NDArray[np.float64]
    categorical: NDArray[np.bool_]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.values)

    def rows(self, chosen: NDArray[Any]) -> Features:
        """Some of the rows, by positions or by mask."""
        return Features(self.values[chosen], self.categorical, self.names)

    def followed_by(self, other: Features) -> Features:
        """These rows and then those of another table of the same columns."""
        return Features(np.append(self.values, other.values, axis=0), self.categorical, self.names)


def matrix(frame: pd.DataFrame, schema: Schema, columns: Iterable[str] | None = None) -> Features:
    """One table as features; tables that are to be compared go through :func:`matrices` together."""
    return matrices([frame], schema, columns)[0]


def matrices(frames: Sequence[pd.DataFrame], schema: Schema, columns: Iterable[str] | None = None) -> list[Features]:
    """Several tables as features that mean the same.

    Parameters
    ----------
    frames : sequence of DataFrame
        A column that a frame lacks counts as missing throughout.
    schema : Schema
        What the columns are.
    columns : iterable of str, optional
        Which to take, in this order; by default those that a generator learns.

    Returns
    -------
    list of Features
        One for each frame. A column of more than 254 levels keeps its 253 most frequent ones over all frames together
        (the earlier in the schema where equally frequent); the others share code 253. A value that is no level has
        code 254.
    """
    wanted = [schema[name] for name in columns] if columns is not None else [c for c in schema if c.learnt]
    coded = [_pool([coordinates(frame, column) for frame in frames], column) for column in wanted]
    categorical = np.array([column.discrete for column in wanted], dtype=bool)
    names = tuple(column.name for column in wanted)
    return [
        Features(
            np.column_stack([tables[i] for tables in coded]) if coded else np.empty((len(frame), 0)), categorical, names
        )
        for i, frame in enumerate(frames)
    ]


def coordinates(frame: pd.DataFrame, column: Column) -> NDArray[np.float64]:
    """A column's cells as float64 of shape (n,): levels as codes (-2 for what is no level), NaN where missing."""
    if column.name not in frame.columns:
        return np.full(len(frame), np.nan)
    if not column.discrete:
        return column.numbers(frame[column.name])
    codes = column.codes(frame[column.name])
    return np.where(codes == -1, np.nan, codes.astype(float))


def persons(frame: pd.DataFrame, schema: Schema) -> NDArray[np.int64] | None:
    """The person to whom each row belongs, as numbers; None where the table does not say, so that rows stand alone."""
    if schema.group is None or schema.group.name not in frame.columns:
        return None
    found = pd.factorize(frame[schema.group.name])[0].astype(np.int64)
    unnamed = found < 0
    found[unnamed] = found.max(initial=-1) + 1 + np.arange(unnamed.sum())
    return found


def at_most(frame: pd.DataFrame, rows: int, generator: np.random.Generator) -> pd.DataFrame:
    """The frame itself, or ``rows`` of its rows drawn without replacement, in their order."""
    if len(frame) <= rows:
        return frame
    return frame.iloc[np.sort(generator.choice(len(frame), rows, replace=False))]


def _pool(tables: list[NDArray[np.float64]], column: Column) -> list[NDArray[np.float64]]:
    if not column.discrete:
        return tables
    levels = len(column.levels or ())
    code = np.arange(levels, dtype=float)
    if levels > LEVELS:
        together = np.concatenate(tables)
        counts = np.bincount(together[together >= 0].astype(int), minlength=levels)
        code = np.full(levels, LEVELS - 1.0)
        code[np.argsort(-counts, kind="stable")[: LEVELS - 1]] = np.arange(LEVELS - 1)
    code = np.append(code, UNKNOWN)
    return [np.where(np.isnan(t), np.nan, code[np.where(t >= 0, t, levels).astype(int)]) for t in tables]


def booster(features: Features, classes: int | None, seed: int) -> Any:
    """The project's gradient boosting, unfitted.

    One hundred trees of at most 31 leaves at a learning rate of 0.1, the settings at which LightGBM reports detection
    scores, with leaves that shrink with the table so that 60 rows can still be split. No early stopping: it would hold
    back a tenth of a small table. One thread: beside a busy neighbour, threads that wait for each other at every split
    made the same fit thirty times slower.

    Parameters
    ----------
    features : Features
        What it will be fitted on.
    classes : int or None
        How many classes to tell apart; None for regression.
    seed : int
        For the choice of rows from which bins are taken.

    Returns
    -------
    HistGradientBoostingClassifier or HistGradientBoostingRegressor
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    family = HistGradientBoostingRegressor if classes is None else HistGradientBoostingClassifier
    heavy = [name for name in ("predict", "predict_proba", "decision_function") if hasattr(family, name)]
    methods = {"fit": _one_thread(_fill_empty(family.fit))} | {
        name: _one_thread(getattr(family, name)) for name in heavy
    }
    return type(family.__name__, (family,), methods)(
        max_iter=100,
        learning_rate=0.1,
        max_leaf_nodes=31,
        min_samples_leaf=int(np.clip(len(features) // 40, 5, 20)),
        l2_regularization=1.0,
        categorical_features=features.categorical if features.categorical.any() else None,
        early_stopping=False,
        random_state=seed % 2**32,
    )


def _fill_empty(fit: Callable[..., Any]) -> Callable[..., Any]:
    """Let columns pass in which every cell is missing, which scikit-learn cannot bin."""

    @wraps(fit)
    def filled(self: Any, values: NDArray[np.float64], truth: NDArray[Any]) -> Any:
        return fit(self, np.where(np.isnan(values).all(axis=0), 0.0, values), truth)

    return filled


def _one_thread(method: Callable[..., Any]) -> Callable[..., Any]:
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    @wraps(method)
    def alone(*args: Any, **kwargs: Any) -> Any:
        with threadpool_limits(1, user_api="openmp"):
            return method(*args, **kwargs)

    return alone
