"""Split: the rows that a generator learns from, and those held out as the audit's control."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthdiff.errors import DataError
from synthdiff.schema import Schema
from synthdiff.seeds import numpy_generator

FEWEST = 2
"""Neither part has fewer persons (or rows, without a group) than this."""


def split(frame: pd.DataFrame, schema: Schema, holdout: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split a table into a training part and a held-out part.

    The rows of one person (one value of the group column) stay together. Where the target is discrete, each of its
    levels is split in the same proportion, to within one person; a person with several levels counts for the most
    frequent one.

    Parameters
    ----------
    frame : DataFrame
        The table.
    schema : Schema
        Names the group and the target.
    holdout : float
        The share of persons to hold out, between 0 and 1.
    seed : int
        Decides who is held out.

    Returns
    -------
    train, holdout : DataFrame
        In the frame's row order, with its index.

    Raises
    ------
    DataError
        When a part would have fewer than :data:`FEWEST` persons, or a row has no group.
    """
    if not 0 < holdout < 1:
        raise DataError(f"holdout is {holdout}", mend="hold out a share between 0 and 1, such as 0.2")
    persons = _persons(frame, schema)
    n = int(persons.max()) + 1 if len(persons) else 0
    order = numpy_generator(seed, "split").permutation(n)
    strata = _strata(frame, schema, persons, n)
    order = order[np.argsort(strata[order], kind="stable")]
    # Every 1/holdout-th person of the order is held out, so that each stratum gets its share.
    marks = np.floor(np.arange(n + 1) * holdout + 0.5)
    chosen = np.zeros(n, dtype=bool)
    chosen[order] = np.diff(marks) > 0
    held = int(chosen.sum())
    if min(held, n - held) < FEWEST:
        unit = "rows" if schema.group is None else f"different values of {schema.group.name!r}"
        what = f"holding out {holdout:g} of {n} {unit} leaves {n - held} to learn from and {held} held out"
        raise DataError(what, mend=f"each part needs at least {FEWEST}: use more data or another share")
    rows = chosen[persons]
    return frame[~rows], frame[rows]


def _persons(frame: pd.DataFrame, schema: Schema) -> np.ndarray:
    """The number of the person of each row: int64 of shape ``(rows,)``."""
    if schema.group is None:
        return np.arange(len(frame))
    persons, _ = pd.factorize(frame[schema.group.name])
    unknown = persons < 0
    if unknown.any():
        raise DataError(
            f"{int(unknown.sum())} rows have no group, so that it is not known whose they are",
            where=f"column {schema.group.name!r}, row {int(np.argmax(unknown)) + 1}",
            mend="drop these rows, or give each person a value",
        )
    return persons


def _strata(frame: pd.DataFrame, schema: Schema, persons: np.ndarray, n: int) -> np.ndarray:
    """The most frequent level of the target of each person, the first of those that tie: int64 of shape ``(n,)``."""
    target = schema.target
    if target is None or not target.discrete:
        return np.zeros(n, dtype=np.int64)
    levels = len(target.levels or ()) + 2
    pairs, counts = np.unique(persons * levels + target.codes(frame[target.name]) + 2, return_counts=True)
    strata = np.zeros(n, dtype=np.int64)
    ranked = pairs[np.lexsort((-pairs, counts))]
    strata[ranked // levels] = ranked % levels
    return strata
