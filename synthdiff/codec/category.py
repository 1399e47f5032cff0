"""Categories: levels as codes, rare ones pooled and never emitted."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np

from synthdiff.codec.codec import MISSING, ColumnCodec, normal_scores
from synthdiff.errors import DataError


class CategoryCodec(ColumnCodec):
    """Codes a discrete column: missing, the levels that enough records share, and one pool for the rest.

    The pool is learnt, so that a rare level's row still teaches the other columns, but sampling never draws it: a level
    that a handful of records have is not released.

    Attributes
    ----------
    levels : tuple of int
        Positions in the column's levels that have a code, ascending.
    pooled : bool
        Whether the last code is the pool.
    scores : tuple of float
        The levels' normal scores, when they have an order.
    """

    kind: Literal["category"] = "category"

    levels: tuple[int, ...]
    pooled: bool
    scores: tuple[float, ...] = ()

    @classmethod
    def fit(cls, values: np.ndarray, *, rare: int, name: str, ordered: bool = False) -> Self:
        """Fit to the training rows: int64 of shape ``(n,)``, -1 where missing; ``ordered`` levels are on a line.

        Raises
        ------
        DataError
            When every level is rarer than ``rare``, so that nothing could be emitted.
        """
        present = values[values >= 0]
        distinct, counts = np.unique(present, return_counts=True)
        common = distinct[counts >= rare]
        if present.size and not common.size:
            raise DataError(
                f"each of its {distinct.size} levels is shared by fewer than {rare} records, so none may be released",
                where=f"column {name!r}",
                mend="declare the column as identifier or text, or merge its levels",
            )
        return cls(
            levels=tuple(common.tolist()),
            pooled=common.size < distinct.size,
            scores=tuple(normal_scores(counts[counts >= rare]).round(3).tolist()) if ordered else (),
        )

    @property
    def states(self) -> int:
        return 1 + len(self.levels) + self.pooled

    @property
    def forbidden(self) -> tuple[int, ...]:
        return (self.states - 1,) if self.pooled else ()

    def encode(self, values: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        size = int(max(values.max(initial=-1), max(self.levels, default=-1))) + 2
        # A level unknown to the codec, as validation rows may have, falls into the pool, or counts as missing.
        table = np.full(size, self.states - 1 if self.pooled else MISSING, dtype=np.int64)
        table[list(self.levels)] = np.arange(1, 1 + len(self.levels))
        codes = np.where(values < 0, MISSING, table[values])
        return codes, np.zeros(values.shape, dtype=np.float32)

    def decode(self, codes: np.ndarray, detail: np.ndarray) -> np.ndarray:
        table = np.full(self.states, -1, dtype=np.int64)
        table[1 : 1 + len(self.levels)] = self.levels
        values: np.ndarray = table[codes]
        return values

    def admitted(self, levels: set[int]) -> np.ndarray:
        """Which codes mean one of some levels: 0 or 1, float32 of shape ``(states,)``."""
        weights = np.zeros(self.states, dtype=np.float32)
        weights[1 : 1 + len(self.levels)] = [level in levels for level in self.levels]
        return weights
