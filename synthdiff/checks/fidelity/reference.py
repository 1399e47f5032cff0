"""What real records score in the place of the synthetic ones, at the same number of records.

A distance between two samples shrinks as they grow, so a thousand synthetic records must not be held against what
sixty held-out ones score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from synthdiff.checks.check import Reference
from synthdiff.checks.fidelity.distances import Distance, Persons
from synthdiff.checks.intervals import Floats, normal_interval

Table = Sequence[Floats]
"""A column's cells after another, each float64 of shape (n,)."""

DRAWS = 4


def rows(table: Table, chosen: np.ndarray) -> list[Floats]:
    """Some of a table's rows."""
    return [column[chosen] for column in table]


def reference(
    train: Table,
    holdout: Table,
    size: int,
    score: Callable[[Table, Table], Distance | None],
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
    score: Callable[[Table, Table], Distance | None],
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
