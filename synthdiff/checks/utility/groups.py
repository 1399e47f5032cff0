"""Groups of held-out people: the levels of a column, or the thirds of a number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthdiff.checks.check import RARE
from synthdiff.checks.features import coordinates
from synthdiff.schema import Column

THIRDS = ("lowest third", "middle third", "highest third")
MISSING = "missing"


@dataclass(frozen=True)
class Group:
    """Some of the held-out records.

    Attributes
    ----------
    column, label : str
        What they have in common.
    members : bool array of shape (n,)
        Which they are.
    """

    column: str
    label: str
    members: NDArray[np.bool_]

    @property
    def n(self) -> int:
        """How many they are."""
        return int(self.members.sum())


def groups(
    columns: Iterable[Column], train: pd.DataFrame, test: pd.DataFrame, fewest: int
) -> tuple[list[Group], list[str]]:
    """The groups of held-out records that columns make, and those that are too small to say anything about.

    Numbers are cut at the thirds of the training records; no cut is named, for it is some record's value.

    Returns
    -------
    large : list of Group
        Those of at least ``fewest`` records.
    small : list of str
        What the others are called; of those of fewer than :data:`RARE` records, only that they are.
    """
    large, small = [], []
    for column in columns:
        found = list(_cut(column, train, test))
        large += [group for group in found if group.n >= fewest]
        few = [group for group in found if 0 < group.n < fewest]
        small += [f"{column.name} {group.label}" for group in few if group.n >= RARE]
        if any(group.n < RARE for group in few):
            small.append(f"rarer groups of {column.name}")
    return large, small


def _cut(column: Column, train: pd.DataFrame, test: pd.DataFrame) -> Iterator[Group]:
    values = coordinates(test, column)
    missing = np.isnan(values)
    if column.discrete:
        labels = [str(level) for level in column.levels or ()]
        place = np.where(missing, -1, values).astype(int)
    else:
        known = coordinates(train, column)
        known = known[~np.isnan(known)]
        labels = list(THIRDS)
        place = np.searchsorted(np.quantile(known, [1 / 3, 2 / 3]) if len(known) else [], values, side="left")
    for code, label in enumerate(labels):
        yield Group(column.name, label, (place == code) & ~missing)
    yield Group(column.name, MISSING, missing)
