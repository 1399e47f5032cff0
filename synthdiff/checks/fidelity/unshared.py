"""Levels that fewer people share than a report may name: which records have one, whose it is, and what chance explains.

That synthetic records have such levels as often as real ones do says little: a copy has them hardly more often than
other real people have (Good 1953). But a copy has all of them, and other people only some.
"""

from __future__ import annotations

import numpy as np

from synthdiff.checks.check import CONCERNS, RARE, Concern
from synthdiff.checks.fidelity.distances import Codes, Persons
from synthdiff.checks.fidelity.rates import MISSING, OTHER, Rates, persons_in
from synthdiff.checks.intervals import Floats, Interval
from synthdiff.schema import Column


def level_codes(values: Floats) -> Codes:
    """Coordinates of a column of levels as codes: ``OTHER`` for what is no level, ``MISSING`` for what is missing."""
    return np.where(np.isnan(values), MISSING, np.where(values < 0, OTHER, values)).astype(np.int64)


class Unshared:
    """Which records of a table have a level that fewer than RARE training people have.

    Parameters
    ----------
    people : int64 array of shape (n,), or None
        To whom the table's records belong.
    n : int
        How many there are.

    Attributes
    ----------
    columns : list of str
        The columns in which there are such records.
    holders : int64 array of shape (k,)
        How many training people have each of these levels.
    found : int64 array of shape (k,)
        How many people of the table have it.
    """

    def __init__(self, people: Persons, n: int) -> None:
        self.columns: list[str] = []
        self.holders = self.found = np.empty(0, dtype=np.int64)
        self._people = people
        self._fewest = np.full(n, RARE)
        self._source = np.full(n, -1)
        self._named = np.full(n, "", dtype=object)

    def look(self, column: Column, train: Floats, cells: Floats, people: Persons) -> None:
        """Take a column into account, by its coordinates in the training table and in this one."""
        known, codes, levels = level_codes(train), level_codes(cells), len(column.levels or ())
        # Two more places, which the codes MISSING and OTHER reach from behind.
        holders = np.append(persons_in(known, people, levels), [0, 0])
        few = (holders > 0) & (holders < RARE)
        self.holders = np.append(self.holders, holders[few])
        self.found = np.append(self.found, persons_in(codes, self._people, levels)[few[:levels]])
        if few[codes].any():
            self.columns.append(column.name)
        first = np.full(len(holders), -1)
        first[known[::-1]] = np.arange(len(known))[::-1]
        fewer = few[codes] & (holders[codes] < self._fewest)
        self._fewest[fewer] = holders[codes[fewer]]
        self._source[fewer] = np.where(holders[codes[fewer]] == 1, first[codes[fewer]], -1)
        self._named[fewer] = column.name

    @property
    def rate(self) -> tuple[float, Interval]:
        """The share of such records with its exact interval."""
        rates = Rates.of(np.where(self._fewest < RARE, 0, OTHER), self._people, 1)
        low, high = rates.interval
        return float(rates.share[0]), (float(low[0]), float(high[0]))

    def chance(self, times: float) -> Floats:
        """For each level, the probability that ``times`` as many people as this table has would have it.

        It is meant for real people. Of the levels that r training people have, a share f occurs in this table. Were
        each level's frequency a gamma variable of shape r, as it is where new levels keep turning up (Fisher's
        logarithmic series), 1 - (1 + times ((1 - f)^(-1/r) - 1))^(-r) of them would occur among ``times`` as many.

        References
        ----------
        Fisher, Corbet & Williams (1943), The relation between the number of species and the number of individuals in a
        random sample. Journal of Animal Ecology 12.
        """
        chance = np.ones(len(self.holders))
        for r in range(1, RARE):
            alike = self.holders == r
            lacking = (self.found[alike] == 0).mean() if alike.any() else 0.0
            if lacking > 0:
                chance[alike] = 1 - (1 + times * (lacking ** (-1 / r) - 1)) ** -r
        return chance

    @property
    def concerns(self) -> tuple[Concern, ...]:
        """The records, those whose level fewest people have first."""
        rows = np.flatnonzero(self._fewest < RARE)
        gravest = rows[np.argsort(self._fewest[rows], kind="stable")][:CONCERNS]
        return tuple(
            Concern(
                int(row),
                int(self._source[row]) if self._source[row] >= 0 else None,
                f"In {self._named[row]!r} it has a level that {_few(int(self._fewest[row]))}.",
            )
            for row in gravest
        )


def _few(holders: int) -> str:
    return "only one training person has" if holders == 1 else f"only {holders} training people have"
