"""The tables of an audit as numbers, and what real records score in the place of the synthetic ones.

A distance between two samples shrinks as they grow, so a thousand synthetic records must not be held against what
sixty held-out ones score: the reference is that of as many held-out records as there are synthetic ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthdiff.checks.check import Estimate, Evidence, Reference
from synthdiff.checks.features import at_most, coordinates, persons
from synthdiff.checks.fidelity.distances import Distance, Persons
from synthdiff.checks.intervals import Floats, normal_interval
from synthdiff.schema import Column

Table = Sequence[Floats]
"""A column's cells after another, each float64 of shape (n,)."""

Score = Callable[[Table, Table], Distance | None]
"""The distance of a table from the real one, which comes first; None where undefined."""

DRAWS = 4


@dataclass(frozen=True)
class Tables:
    """What a check looks at.

    Attributes
    ----------
    columns : list of Column
        The learnt ones.
    train, synthetic : Table
        Their cells in training and synthetic records.
    holdout : Table or None
        None without held-out records.
    people : tuple of arrays or None
        To whom the training, the synthetic and the held-out records belong.
    """

    columns: list[Column]
    train: Table
    synthetic: Table
    holdout: Table | None
    people: tuple[Persons, Persons, Persons]

    @classmethod
    def of(cls, evidence: Evidence, most: int, generator: np.random.Generator) -> Tables:
        """At most so many rows of each table."""
        columns = [column for column in evidence.schema if column.learnt]
        held_out = evidence.train.iloc[:0] if evidence.holdout is None else evidence.holdout
        seen = [at_most(frame, most, generator) for frame in (evidence.train, evidence.synthetic, held_out)]
        train, synthetic, holdout = ([coordinates(frame, column) for column in columns] for frame in seen)
        of_train, of_synthetic, of_holdout = (persons(frame, evidence.schema) for frame in seen)
        people = of_train, of_synthetic, of_holdout
        return cls(columns, train, synthetic, holdout if len(held_out) else None, people)

    @property
    def size(self) -> int:
        """The number of synthetic records."""
        return len(self.synthetic[0]) if self.synthetic else 0

    def only(self, kept: Sequence[int]) -> Tables:
        """The same with some of the columns."""
        train, synthetic, holdout = (
            None if table is None else [table[i] for i in kept] for table in (self.train, self.synthetic, self.holdout)
        )
        assert train is not None and synthetic is not None
        return Tables([self.columns[i] for i in kept], train, synthetic, holdout, self.people)

    def estimate(self, found: Distance, score: Score, generator: np.random.Generator, extra: float = 0.0) -> Estimate:
        """The figure with its interval and its reference; ``extra`` is a further standard error."""
        error = float(np.hypot(found.error(self.people[:2]), extra))
        real = None
        if self.holdout is not None:
            real = reference(self.train, self.holdout, self.size, score, (self.people[0], self.people[2]), generator)
        return Estimate(found.value, normal_interval(found.value, error, 0.0, 1.0), self.size, real)


def rows(table: Table, chosen: NDArray[np.int64]) -> list[Floats]:
    """Some of a table's rows."""
    return [column[chosen] for column in table]


def reference(
    train: Table,
    holdout: Table,
    size: int,
    score: Score,
    persons: tuple[Persons, Persons],
    generator: np.random.Generator,
) -> Reference | None:
    """The score of held-out against training records, as of ``size`` held-out records.

    With enough held-out records, ``size`` of them are drawn. With fewer, all are scored, and the score is scaled by the
    ratio of what samples of the two sizes score against samples of the training data's size, all drawn from the real
    records with replacement.

    Returns
    -------
    Reference or None
        None when the score is undefined.
    """
    available = len(holdout[0])
    if available > size:
        chosen = np.sort(generator.choice(available, size, replace=False))
        holdout, persons = rows(holdout, chosen), (persons[0], None if persons[1] is None else persons[1][chosen])
    found = score(train, holdout)
    if found is None:
        return None
    factor = _shrinkage(train, holdout, size, score, generator) if available < size else 1.0
    value = found.value * factor
    return Reference(value, normal_interval(value, found.error(persons) * factor, 0.0, 1.0))


def _shrinkage(
    train: Table,
    holdout: Table,
    size: int,
    score: Score,
    generator: np.random.Generator,
) -> float:
    """How much smaller the score of real records is with ``size`` records than with as many as are held out."""
    real = [np.concatenate(columns) for columns in zip(train, holdout, strict=True)]
    n, available = len(train[0]), len(holdout[0])
    small, large = 0.0, 0.0
    for _ in range(DRAWS):
        one = rows(real, generator.integers(n + available, size=n))
        other = generator.integers(n + available, size=size)
        few, many = score(one, rows(real, other[:available])), score(one, rows(real, other))
        small, large = small + (few.value if few else 0.0), large + (many.value if many else 0.0)
    return min(1.0, large / small) if small else 1.0
