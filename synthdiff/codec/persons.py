"""Persons: how many rows one has, and which columns are the same in all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

FEWEST = 20
"""Persons with several rows below which nothing is concluded from them."""

CONSTANT = 0.995
"""The share of these persons in whom a column must not change to be one that is the person's."""


class Persons(BaseModel):
    """What the rows of one person have in common.

    Attributes
    ----------
    sizes : tuple of int
        Numbers of rows that a person may have, ascending; those that fewer than a few persons have are not among them.
    shares : tuple of float
        How many of the persons have each.
    constant : tuple of int
        The places of columns that do not change within a person.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sizes: tuple[int, ...]
    shares: tuple[float, ...]
    constant: tuple[int, ...]

    @classmethod
    def fit(cls, keys: pd.Series, cells: Mapping[str, np.ndarray], rare: int) -> Self:
        """Fit to the training part.

        Parameters
        ----------
        keys : Series of shape (n,)
            Whose row it is; a missing key stands for a person with one row.
        cells : mapping of str to ndarray, shape (n,)
            Coordinates of the learnt columns, in order.
        rare : int
            Numbers of rows that fewer persons have become the next smaller one that more do.
        """
        person = pd.factorize(keys)[0]
        counts = np.bincount(person[person >= 0])
        found, persons = np.unique(np.append(counts, np.ones((person < 0).sum(), counts.dtype)), return_counts=True)
        common = found[persons >= rare] if (persons >= rare).any() else np.array([1])
        pooled = np.maximum(np.searchsorted(common, found, side="right") - 1, 0)
        shares = np.bincount(pooled, persons, minlength=len(common))
        several = np.isin(person, np.flatnonzero(counts > 1))
        constant = [
            place
            for place, values in enumerate(cells.values())
            if (counts > 1).sum() >= FEWEST and _unchanged(person[several], values[several]) >= CONSTANT
        ]
        return cls(
            sizes=tuple(common.tolist()), shares=tuple((shares / shares.sum()).tolist()), constant=tuple(constant)
        )

    def lay(self, n: int, generator: np.random.Generator) -> np.ndarray:
        """The position of the first row of its person for each of ``n`` rows: int64 of shape ``(n,)``."""
        sizes = np.array(self.sizes)[np.searchsorted(np.cumsum(self.shares)[:-1], generator.random(n), side="right")]
        starts = np.cumsum(sizes) - sizes
        first: np.ndarray = np.repeat(starts, sizes)[:n]
        return first


def _unchanged(person: np.ndarray, values: np.ndarray) -> float:
    """The share of persons in whom a column has one value, or is missing, in all rows."""
    within = pd.Series(values).groupby(person).nunique(dropna=False)
    return float((within == 1).mean())
