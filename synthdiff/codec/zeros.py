"""Structural zeros: pairs of codes in two columns that no row has.

A net gives everything some probability; over many columns the crumbs add up to rows that cannot be: a hormone that was
not measured and has a value, a pregnant man. A pair is barred when a declared constraint rules it out, or when chance
would have put many records there and there is none. Barred pairs are left out of what sampling may draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, product

import numpy as np
from pydantic import BaseModel, ConfigDict

from synthdiff.codec.codec import MISSING, ColumnCodec
from synthdiff.codec.number import FAR
from synthdiff.schema import Rule

EXPECTED = 30.0
"""So many records must chance have put on a pair for its absence to count: it happens by chance once in 1e13 pairs."""

_GONE, _ZERO = np.array([MISSING]), np.zeros(1, np.float32)


class Zeros(BaseModel):
    """The barred pairs of two columns.

    Attributes
    ----------
    first, second : int
        The columns' places.
    cells : tuple of int
        The pairs, as ``code of first * states of second + code of second``, ascending.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: int
    second: int
    cells: tuple[int, ...]

    def table(self, states: Sequence[int]) -> np.ndarray:
        """1 where a pair may be, 0 where not: float32 of shape ``(states of first, states of second)``."""
        allowed = np.ones(states[self.first] * states[self.second], dtype=np.float32)
        allowed[list(self.cells)] = 0
        return allowed.reshape(states[self.first], states[self.second])


def zeros_of(
    codes: np.ndarray,
    states: Sequence[int],
    codecs: Mapping[str, ColumnCodec],
    rules: Iterable[Rule],
) -> tuple[Zeros, ...]:
    """What is barred in a table: by its constraints, and by its rows.

    Parameters
    ----------
    codes : ndarray of int64, shape (n, columns)
        The training part.
    states : sequence of int
        How many codes each column has.
    codecs : mapping of str to ColumnCodec
        Of the first columns, in order.
    rules : iterable of Rule
        The declared constraints.
    """
    barred: dict[tuple[int, int], np.ndarray] = {}
    for pair, broken in _ruled_out(rules, codecs):
        # The training rows obey; a body's code stands for many values, of which some may.
        barred[pair] = barred.get(pair, False) | (broken & (_contingency(codes, pair, states) == 0))
    for pair in combinations(range(len(states)), 2):
        barred[pair] = barred.get(pair, False) | _absent(_contingency(codes, pair, states))
    return tuple(
        Zeros(first=first, second=second, cells=tuple(np.flatnonzero(cells).tolist()))
        for (first, second), cells in sorted(barred.items())
        if cells.any()
    )


def _contingency(codes: np.ndarray, pair: tuple[int, int], states: Sequence[int]) -> np.ndarray:
    """How many rows have each pair of codes: shape ``(states of first, states of second)``."""
    shape = states[pair[0]], states[pair[1]]
    cells = codes[:, pair[0]] * shape[1] + codes[:, pair[1]]
    counts: np.ndarray = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
    return counts


def _absent(counts: np.ndarray) -> np.ndarray:
    """Where a contingency table is empty and should not be, cell by cell and for values as against none."""
    rows, columns, total = counts.sum(1), counts.sum(0), max(counts.sum(), 1)
    absent: np.ndarray = (counts == 0) & (np.outer(rows, columns) / total >= EXPECTED)
    present = slice(MISSING + 1, None)
    for lines, crossing, found in ((counts, columns, absent), (counts.T, rows, absent.T)):
        never = (lines[:, present].sum(1) == 0) & (lines.sum(1) * crossing[present].sum() / total >= EXPECTED)
        found[never, present] = True
    return absent


def _ruled_out(
    rules: Iterable[Rule], codecs: Mapping[str, ColumnCodec]
) -> Iterator[tuple[tuple[int, int], np.ndarray]]:
    """Pairs of codes that break a rule by themselves, as far as three of a body's values show."""
    places = {name: place for place, name in enumerate(codecs)}
    for rule in rules:
        if not rule.by_pairs or not set(rule.columns) <= set(places):
            continue
        for names in combinations(sorted(set(rule.columns), key=places.__getitem__), 2):
            shape = codecs[names[0]].states, codecs[names[1]].states
            broken = np.ones(shape, dtype=np.bool_)
            for details in product((-FAR, 0.0, FAR), repeat=2):
                values = {name: np.full(broken.size, codecs[name].decode(_GONE, _ZERO)[0]) for name in rule.columns}
                for name, codes, detail in zip(names, np.indices(shape), details, strict=True):
                    values[name] = codecs[name].decode(codes.ravel(), np.full(broken.size, detail, np.float32))
                broken &= ~rule.holds(values).reshape(shape)
            yield (places[names[0]], places[names[1]]), broken
