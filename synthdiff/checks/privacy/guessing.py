"""Guessing what is not known of a person: what the attacker answers, and when an answer is right.

A guess is a coordinate: a level's code, a number, or NaN for "missing".
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from synthdiff.checks.distance import Points, Space
from synthdiff.checks.features import coordinates, matrices
from synthdiff.checks.intervals import Floats
from synthdiff.checks.privacy.criterion import ROUNDING, blocks, only
from synthdiff.schema import Column
from synthdiff.seeds import derive

TOLERANCE = 0.025
"""The share of real people who may lie between a guessed number and the true one.

A relative error, as other tools take it, means nothing for a date or a temperature and forgives everything near
constants: five per cent of a serum sodium of 140 is more than its spread.
"""

MISSING = -1e30
"""What a forest sees in place of a missing cell: a number below all others, within single precision."""


@dataclass(frozen=True)
class Secret:
    """A column that the attacker guesses, and when a guess is right.

    Attributes
    ----------
    column : Column
    ranked : float64 array
        The numbers of real people, sorted, by whose ranks a guess is near the truth.
    """

    column: Column
    ranked: Floats

    @classmethod
    def of(cls, column: Column, people: pd.DataFrame) -> Secret:
        """The secret among real people."""
        values = coordinates(people, column)
        return cls(column, np.sort(values[~np.isnan(values)]))

    def right(self, guess: Floats, people: pd.DataFrame) -> NDArray[np.bool_]:
        """Which guesses are right: the same level, a number with few people in between, missing where it is."""
        truth = coordinates(people, self.column)
        both_missing = np.isnan(guess) & np.isnan(truth)
        if self.column.discrete:
            return np.asarray(both_missing | (guess == truth))
        between = np.abs(self._rank(guess) - self._rank(truth))
        return np.asarray(both_missing | (between <= TOLERANCE + ROUNDING))

    def _rank(self, values: Floats) -> Floats:
        below, up_to = (np.searchsorted(self.ranked, values, side) for side in ("left", "right"))
        return np.where(np.isnan(values), np.nan, (below + up_to) / (2 * max(len(self.ranked), 1)))


def by_nearest(
    people: pd.DataFrame,
    published: pd.DataFrame,
    known: Sequence[Column],
    secrets: Sequence[Column],
    population: pd.DataFrame,
) -> Floats:
    """What that record has which is nearest in the known columns other than the secret; the first where several are.

    Parameters
    ----------
    people, published : DataFrame
        Of n attacked people and m records.
    known, secrets : sequence of Column
        A secret may be known when it is another one's turn.
    population : DataFrame
        Real people, by whose ranks numbers are apart.

    Returns
    -------
    float64 array of shape (n, secrets)
    """
    space = Space(population, only(known))
    asked, pool = space.place(people), space.place(published)
    alone = [_Alone.of(column, people, published, population) if column in known else None for column in secrets]
    closest = torch.full((len(people),), torch.inf)
    best = torch.full((len(secrets), len(people)), torch.inf)
    place = torch.zeros((len(secrets), len(people)), dtype=torch.int64)
    for asking, those in blocks(len(people), len(published)):
        together = space.distances(asked.rows(asking), pool.rows(those))
        closest[asking] = torch.minimum(closest[asking], together.min(dim=1)[0])
        # One column is worth 1 at most: what is farther off than that is not nearest without it either.
        asker, record = torch.nonzero(together <= closest[asking, None] + 1 + ROUNDING, as_tuple=True)
        apart = together[asker, record]
        for turn, one in enumerate(alone):
            left = apart if one is None else apart - one(asker + asking.start, record + those.start)
            lowest, where = _first_nearest(asker, record, left, len(together))
            nearer = lowest < best[turn, asking] - ROUNDING
            best[turn, asking] = torch.where(nearer, lowest, best[turn, asking])
            place[turn, asking] = torch.where(nearer, those.start + where, place[turn, asking])
    pairs = zip(secrets, place.numpy(), strict=True)
    return np.column_stack([coordinates(published, column)[found] for column, found in pairs])


def _first_nearest(
    asker: torch.Tensor, record: torch.Tensor, apart: torch.Tensor, n: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """By each of n askers the least distance, infinite where he has no pair, and the first record so near.

    Distances are sums of ranks in single precision: a hair's breadth is no nearness.
    """
    lowest = torch.full((n,), torch.inf).scatter_reduce(0, asker, apart, "amin")
    near = apart <= lowest[asker] + ROUNDING
    first = torch.full((n,), torch.iinfo(torch.int64).max).scatter_reduce(0, asker[near], record[near], "amin")
    return lowest, first


@dataclass(frozen=True)
class _Alone:
    """Distances in one column between people and records that are given in pairs.

    Attributes
    ----------
    ranks : pair of float32 tensors
        Of people and records; nought for levels.
    codes : pair of int64 tensors
        Their levels; for numbers, whether there is one.
    weight : float
        What two different codes are apart.
    """

    ranks: tuple[torch.Tensor, torch.Tensor]
    codes: tuple[torch.Tensor, torch.Tensor]
    weight: float

    @classmethod
    def of(cls, column: Column, people: pd.DataFrame, published: pd.DataFrame, population: pd.DataFrame) -> _Alone:
        space = Space(population, only([column]))
        one, other = (_plain(space.place(side)) for side in (people, published))
        return cls((one[0], other[0]), (one[1], other[1]), 1.0 if column.discrete else 0.5)

    def __call__(self, asker: torch.Tensor, record: torch.Tensor) -> torch.Tensor:
        apart = (self.ranks[0][asker] - self.ranks[1][record]).abs()
        return apart + self.weight * (self.codes[0][asker] != self.codes[1][record])


def _plain(points: Points) -> tuple[torch.Tensor, torch.Tensor]:
    """The ranks and codes of records in a space of one column."""
    codes = points.states.argmax(dim=1) if points.states.shape[1] else points.levels[:, 0].long()
    ranks = points.ranks[:, 0] if points.ranks.shape[1] else torch.zeros(len(points))
    return ranks, codes


def by_model(
    people: pd.DataFrame,
    published: pd.DataFrame,
    known: Sequence[Column],
    secrets: Sequence[Column],
    trees: int,
    seed: int,
) -> Floats:
    """What a random forest answers that was fitted on the published records, one for each secret.

    Its leaves are single records, so that it holds on to whatever the records repeat. Numbers are guessed as classes.

    Returns
    -------
    float64 array of shape (people, secrets)
    """
    from sklearn.ensemble import RandomForestClassifier

    features = matrices([people, published], only(known))
    asked, learnt = (np.where(np.isnan(side.values), MISSING, side.values) for side in features)
    guesses = []
    for column in secrets:
        others = np.array([other != column for other in known], dtype=bool)
        found, answers = classes(coordinates(published, column), column.discrete)
        forest = RandomForestClassifier(trees, random_state=derive(seed, column.name) % 2**32)
        with warnings.catch_warnings():
            # Of a column with a level for every second record scikit-learn believes that it is a number.
            warnings.simplefilter("ignore", UserWarning)
            forest.fit(learnt[:, others], found)
        guesses.append(answers[forest.predict(asked[:, others])])
    return np.column_stack(guesses)


def by_habit(people: pd.DataFrame, published: pd.DataFrame, secrets: Sequence[Column]) -> Floats:
    """What is commonest among the published records, whoever is asked about: the attacker who knows nothing.

    Returns
    -------
    float64 array of shape (people, secrets)
    """
    guesses = []
    for column in secrets:
        found, answers = classes(coordinates(published, column), column.discrete)
        guesses.append(answers[np.bincount(found).argmax()])
    return np.tile(np.array(guesses), (len(people), 1))


def classes(values: Floats, discrete: bool) -> tuple[NDArray[np.int64], Floats]:
    """A column as classes to choose from, and the guess that each stands for.

    Many different numbers are cut at their quantiles into ranges, and the middle of a range is a guess that is right
    for all the numbers in it.
    """
    known = ~np.isnan(values)
    numbers, part = values[known], values[known]
    ranges = round(1 / (2 * TOLERANCE))
    many = not discrete and len(np.unique(numbers)) > ranges
    if many:
        cuts = np.quantile(numbers, np.arange(1, ranges) / ranges, method="lower")
        part = np.searchsorted(np.unique(cuts), numbers).astype(float)
    answers, place = np.unique(part, return_inverse=True)
    if many:
        answers = np.array([np.quantile(numbers[place == i], 0.5, method="lower") for i in range(len(answers))])
    found = np.full(len(values), len(answers))
    found[known] = place
    return found, np.append(answers, np.nan)
