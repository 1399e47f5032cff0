"""Column codec: one column as a code and, where the code stands for a continuum, a detail.

Every column becomes a *code*, an integer among ``states``: missing, a level, an atom (a value that many records share)
or the body (the rest of the line). Codes are what the absorbing half of the engine learns. The body has a *detail*, the
value made Gaussian, which the continuous half learns. Code 0 is "missing" in every column.
"""

from __future__ import annotations

import numpy as np

from synthdiff.parts import Part

MISSING = 0
"""The code of a missing cell, in every column."""

EDGE = 1e-6
"""Probabilities stay this far from 0 and 1, so that their normal score is finite."""


def normal_scores(counts: np.ndarray) -> np.ndarray:
    """The normal score of each of some values in ascending order, by how many records have them."""
    from scipy.special import ndtri

    middle = (np.cumsum(counts) - counts / 2) / max(counts.sum(), 1)
    scores: np.ndarray = ndtri(np.clip(middle, EDGE, 1 - EDGE))
    return scores


class ColumnCodec(Part):
    """The family of column codecs: fitted by ``fit``, then plain data that is saved as JSON with the model.

    Codecs work on arrays that the schema makes: float64 on a line (NaN missing) for numeric columns, int64 positions in
    the levels (-1 missing) for discrete ones.

    Attributes
    ----------
    scores : tuple of float
        The normal scores of the codes after "missing" that lie on a line: atoms, or levels in order.
    """

    scores: tuple[float, ...] = ()

    @property
    def detailed(self) -> bool:
        """Whether the last code, the body, has a detail."""
        return False

    @property
    def states(self) -> int:
        """How many codes there are, "missing" included."""
        raise NotImplementedError

    @property
    def positions(self) -> np.ndarray:
        """Where each code lies on the column's line, as a normal score; NaN for codes without order.

        Returns
        -------
        ndarray of float32, shape (states,)
        """
        lies = np.full(self.states, np.nan, dtype=np.float32)
        lies[1 : 1 + len(self.scores)] = self.scores
        return lies

    @property
    def forbidden(self) -> tuple[int, ...]:
        """Codes that training may see and sampling must not emit."""
        return ()

    def encode(self, values: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Encode cells of shape ``(n,)``.

        Returns
        -------
        codes : ndarray of int64, shape (n,)
        detail : ndarray of float32, shape (n,)
            Standard normal over the training rows of the body; 0 where the code has no detail.
        """
        raise NotImplementedError

    def decode(self, codes: np.ndarray, detail: np.ndarray) -> np.ndarray:
        """Decode codes and details of shape ``(n,)`` into the kind of array that ``encode`` takes."""
        raise NotImplementedError
