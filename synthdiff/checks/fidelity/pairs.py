"""Pairs of columns that tell two tables apart together, though neither column does alone.

Which pairs, is looked for among one half of the people; how telling they are, is measured on the other half, so that
having been picked flatters no pair. The search is one matrix product: the contingency tables of all pairs at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from synthdiff.checks.features import Features, booster
from synthdiff.checks.fidelity.distances import Persons
from synthdiff.checks.intervals import CROSS_FITTED, Floats, Interval, auc, folds, mean_error, normal_interval
from synthdiff.seeds import derive, numpy_generator

BINS = 16
"""Bins or codes of a column that the search tells apart, at most; rarer codes share the last one."""

CELLS = 1000
"""Of wide tables, the search looks at so many bins in all, but at three a column at least."""

MEASURED = 12
"""Pairs that are measured, of which the ten most telling are named."""

NAMED = 10

FOLDS = 5

TREES = {"max_iter": 20, "learning_rate": 0.3}
"""Two columns need few trees: on columns of Adult, their AUC was within .01 of that of the full booster."""


@dataclass(frozen=True)
class Pair:
    """Two columns, and how well they tell records apart.

    Attributes
    ----------
    a, b : str
        The columns.
    auc, interval
        Of a classifier that sees only these two.
    alone : float
        The AUC of the better of two classifiers that see only one of them.
    beyond, beyond_interval
        What the pair adds to that.
    """

    a: str
    b: str
    auc: float
    interval: Interval
    alone: float
    beyond: float
    beyond_interval: Interval


def telling_pairs(features: Features, size: int, people: tuple[Persons, Persons], seed: int) -> list[Pair]:
    """The pairs of columns that add most to what their columns tell alone, the most telling first.

    Parameters
    ----------
    features : Features
        Records of two tables, ``size`` of each, one table after the other.
    size : int
    people : pair of arrays of shape (size,), or None
        To whom the records of each table belong.
    seed : int

    Returns
    -------
    list of Pair
        Ten at most.
    """
    generator = numpy_generator(seed, "halves")
    half = np.concatenate([folds(size, 2, generator, whose) for whose in people])
    other = np.repeat([False, True], size)
    sides = [half[~other] == 1, half[other] == 1]
    asked = _Asked(
        features.rows(half == 1),
        other[half == 1],
        [None if whose is None else whose[side] for whose, side in zip(people, sides, strict=True)],
        seed,
    )
    found = [asked.pair(a, b) for a, b in _search(features.rows(half == 0), other[half == 0])[:MEASURED]]
    return sorted(found, key=lambda pair: -pair.beyond)[:NAMED]


def _search(features: Features, other: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """All pairs of columns, by how differently they depend on each other in the two tables, the most first.

    For a pair with cell shares q and marginal shares a and b, the measure is Σ (Δ(q - ab))² / ab, less what chance adds
    to it, where Δ is the difference of the tables and the divisor that of both together.
    """
    enough = min(BINS, np.sqrt(len(features) / 10), CELLS / len(features.names))
    bins = max(3, int(enough))
    codes = [_binned(features.values[:, i], bool(kind), bins) for i, kind in enumerate(features.categorical)]
    ends = np.cumsum([0, *(int(code.max()) + 1 for code in codes)]).tolist()
    cells = np.zeros((len(features), ends[-1]), dtype=np.float32)
    for start, code in zip(ends[:-1], codes, strict=True):
        cells[np.arange(len(code)), start + code] = 1.0
    apart = _dependence(cells[other]) - _dependence(cells[~other])
    share = cells.mean(axis=0, dtype=float)
    weighed = apart**2 / np.outer(share, share)
    chance = 1 / other.sum() + 1 / (~other).sum()
    told = {
        (a, b): weighed[slice(*of_a), slice(*of_b)].sum() - chance * (of_a[1] - of_a[0] - 1) * (of_b[1] - of_b[0] - 1)
        for (a, of_a), (b, of_b) in combinations(enumerate(pairwise(ends)), 2)
    }
    return sorted(told, key=lambda pair: -told[pair])


def _dependence(cells: NDArray[np.float32]) -> Floats:
    """By how much the shares of all pairs of cells differ from those of independent ones."""
    share = cells.mean(axis=0, dtype=float)
    return np.asarray((cells.T @ cells) / len(cells) - np.outer(share, share))


def _binned(values: Floats, categorical: bool, bins: int) -> NDArray[np.int64]:
    """A column as codes without gaps: quantile bins or frequent levels, and what is missing."""
    if categorical:
        levels, code, count = np.unique(values, return_inverse=True, return_counts=True)
        place = np.minimum(np.argsort(np.argsort(-count, kind="stable"), kind="stable"), bins)
        place[np.isnan(levels)] = bins + 1
        found = place[code]
    else:
        known = values[np.isfinite(values)]
        edges = np.unique(np.quantile(known, np.arange(1, bins) / bins)) if len(known) else known
        # Both sides of an edge, so that a value which many records share is a bin of its own.
        found = np.searchsorted(edges, values, "left") + np.searchsorted(edges, values, "right")
        found[np.isnan(values)] = 2 * bins
    return np.unique(found, return_inverse=True)[1]


class _Asked:
    """Classifiers of one or two columns, each asked about records it has not seen; fitted once.

    Parameters
    ----------
    features : Features
    other : bool array of shape (n,)
        To which table each record belongs.
    people : list of arrays, or None
        To whom the records of the first, and of the other table belong.
    seed : int
    """

    def __init__(self, features: Features, other: NDArray[np.bool_], people: list[Persons], seed: int) -> None:
        self._features, self._other, self._people, self._seed = features, other, people, seed
        generator = numpy_generator(seed, "folds")
        self._fold = np.empty(len(other), dtype=np.int64)
        for side, whose in zip((~other, other), people, strict=True):
            self._fold[side] = folds(int(side.sum()), FOLDS, generator, whose)
        self._scores: dict[tuple[int, ...], Floats] = {}

    def pair(self, a: int, b: int) -> Pair:
        """What two columns tell together and alone."""
        together = self._score((a, b))
        value, interval = self._auc(together)
        best = max((self._score((i,)) for i in (a, b)), key=lambda scores: self._auc(scores)[0])
        alone = self._auc(best)[0]
        gained = self._placed(together) - self._placed(best)
        first, second = self._people
        error = CROSS_FITTED * float(
            np.hypot(mean_error(gained[~self._other], first), mean_error(gained[self._other], second))
        )
        names = self._features.names
        return Pair(names[a], names[b], value, interval, alone, value - alone, normal_interval(value - alone, error))

    def _score(self, columns: tuple[int, ...]) -> Floats:
        """Log odds of belonging to the other table."""
        if columns not in self._scores:
            chosen = list(columns)
            seen = Features(
                self._features.values[:, chosen],
                self._features.categorical[chosen],
                tuple(self._features.names[i] for i in chosen),
            )
            scores = np.empty(len(seen))
            for left_out in range(FOLDS):
                known, unseen = self._fold != left_out, self._fold == left_out
                learnt = seen.rows(known)
                model = booster(learnt, 2, derive(self._seed, "fold", left_out)).set_params(**TREES)
                model.fit(learnt.values, self._other[known])
                scores[unseen] = model.decision_function(seen.rows(unseen).values)
            self._scores[columns] = scores
        return self._scores[columns]

    def _auc(self, scores: Floats) -> tuple[float, Interval]:
        first, second = self._people
        return auc(scores[self._other], scores[~self._other], (second, first), CROSS_FITTED)

    def _placed(self, scores: Floats) -> Floats:
        """Each record's share in the AUC: how many records of the other side it is on the right side of, ties half."""
        placed = np.empty(len(scores))
        for side, sign in ((self._other, 1), (~self._other, -1)):
            among, own = np.sort(sign * scores[~side]), sign * scores[side]
            placed[side] = (np.searchsorted(among, own, "left") + np.searchsorted(among, own, "right")) / len(among)
        return placed / 2
