"""Equations: numbers that are computed from one another, such as a body mass index, a total or a length of stay.

A column may be the sum of two others (a moment: another moment and a number of days), a constant times another, or a
constant times the product, the quotient or the quotient by the square of two others. All are tried, on a sample of the
records first. What is compared was rounded when it was written down, so that each side has the tolerance of its grid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from synthdiff.checks.fidelity.discovery import DISTINCT, EXPECTED, Flags, Found, grid_of
from synthdiff.checks.fidelity.groups import DAY, Cells
from synthdiff.checks.intervals import Floats
from synthdiff.schema import Column

MOST = 40
"""Numbers among which equations are looked for; of a table with more, the first that are known most often."""

SAMPLE = 100
"""Records on which all equations are tried at once, before those that they keep are tried on all."""

POWERS = ((1.0, 1.0), (1.0, -1.0), (1.0, -2.0))
"""Exponents of the two columns of which another may be a constant multiple."""


@dataclass(frozen=True)
class _Number:
    """A numeric column in plain units: moments in days.

    Attributes
    ----------
    name : str
    moment : bool
    half : float
        Half the step of its grid, by which rounding may have moved a value; 0 where there is none.
    values : float64 array of shape (n,)
        Of the training records.
    """

    name: str
    moment: bool
    half: float
    values: Floats

    def read(self, cells: Cells) -> Floats:
        """The column of another table."""
        return cells[self.name] / DAY if self.moment else cells[self.name]


@dataclass(frozen=True)
class _Equation:
    """A relation of several numbers, the first of which is computed from the others.

    Attributes
    ----------
    words : str
    terms : tuple of _Number
    breaks : callable
        From the values of the terms, in order, to the records that break it.
    """

    words: str
    terms: tuple[_Number, ...]
    breaks: Callable[..., Flags]

    def found(self) -> Found:
        """As a rule between columns."""
        return Found(
            "derived",
            self.words,
            tuple(term.name for term in self.terms),
            lambda cells: self.breaks(*(term.read(cells) for term in self.terms)),
        )

    def holds_against_chance(self, generator: np.random.Generator) -> bool:
        """Whether every record keeps it, and many would not if any of its columns were shuffled."""
        values = [term.values for term in self.terms]
        known = ~np.isnan(np.array(values)).any(axis=0)
        if known.sum() < EXPECTED or self.breaks(*values).any():
            return False
        # In an order of their own, so that the order of the records does not matter.
        order = np.lexsort([column[known] for column in values])
        rows = [column[known][order] for column in values]
        return all(
            self.breaks(*rows[:i], generator.permutation(rows[i]), *rows[i + 1 :]).sum() >= EXPECTED
            for i in range(len(rows))
        )


def equations(
    columns: Sequence[Column], cells: Cells, equal: Iterable[tuple[str, ...]], generator: np.random.Generator
) -> list[Found]:
    """The equations that all records keep; of those between the same columns, the first found.

    Parameters
    ----------
    columns : sequence of Column
    cells : mapping of str to float64 arrays of shape (n,)
        Of the training records.
    equal : iterable of tuples of str
        Columns of which it is known that they are equal, sometimes or always; nothing more is said between them.
    generator : Generator
        Shuffles columns to see what chance would do.
    """
    numbers = list(_numbers(columns, cells))
    told = {frozenset(names) for names in equal}
    found: list[Found] = []
    for equation in [*_multiples(numbers), *_sums(numbers), *_products(numbers)]:
        names = frozenset(term.name for term in equation.terms)
        if not any(known <= names for known in told) and equation.holds_against_chance(generator):
            told.add(names)
            found.append(equation.found())
    return found


def _numbers(columns: Sequence[Column], cells: Cells) -> Iterator[_Number]:
    """Columns of enough values, the finest grids first: what is computed has more decimals than what it comes from."""
    found = []
    for column in columns:
        values = cells[column.name]
        known = values[np.isfinite(values)]
        if not column.numeric or len(np.unique(known)) < DISTINCT or len(known) < EXPECTED:
            continue
        moment = column.kind == "datetime"
        half = 0.0 if moment else grid_of(known) / 2
        found.append((len(known), _Number(column.name, moment, half, values / DAY if moment else values)))
    kept = sorted(found, key=lambda one: -one[0])[:MOST]
    yield from sorted((number for _, number in kept), key=lambda number: number.half)


def _sums(numbers: Sequence[_Number]) -> Iterator[_Equation]:
    """Columns that may be sums, by a sample of the records."""
    sample = np.array([_sample(number.values) for number in numbers]).reshape(len(numbers), -1)
    pairs = list(combinations(range(len(numbers)), 2))
    for place, total in enumerate(numbers):
        for i, j in pairs:
            a, b = numbers[i], numbers[j]
            if place in (i, j) or total.moment != (a.moment or b.moment) or (a.moment and b.moment):
                continue
            breaks = _off_the_sum(total.half)
            if not breaks(sample[place], sample[i], sample[j]).any():
                first, second = (b, a) if b.moment else (a, b)
                days = " days" if total.moment else ""
                words = f"{total.name} = {first.name} + {second.name}{days}"
                yield _Equation(words, (total, a, b), breaks)


def _off_the_sum(half: float) -> Callable[..., Flags]:
    def breaks(total: Floats, a: Floats, b: Floats) -> Flags:
        scale = np.abs(total) + np.abs(a) + np.abs(b)
        off: Flags = np.abs(total - a - b) > np.maximum(half, 1e-9 * scale) * (1 + 1e-6)
        return off

    return breaks


def _multiples(numbers: Sequence[_Number]) -> Iterator[_Equation]:
    for made, a in combinations([number for number in numbers if not number.moment], 2):
        yield from _power_law(made, ((a, 1.0),))


def _products(numbers: Sequence[_Number]) -> Iterator[_Equation]:
    plain = [number for number in numbers if not number.moment]
    if not plain:
        return
    ends = np.array([_constants([_sample(number.values)], (1.0,), (number.half,)) for number in plain])
    middle, slack = (ends[:, 1] + ends[:, 0]) / 2, (ends[:, 1] - ends[:, 0]) / 2
    for place, made in enumerate(plain):
        for power in POWERS:
            apart = middle[place] - power[0] * middle[:, None] - power[1] * middle[None]
            width = slack[place] + slack[:, None] + abs(power[1]) * slack[None]
            low, high = np.fmax.reduce(apart - width, axis=2), np.fmin.reduce(apart + width, axis=2)
            for i, j in np.argwhere(~(low > high)).tolist():
                if place not in (i, j) and i != j and (i < j or power[1] != 1):
                    yield from _power_law(made, ((plain[i], power[0]), (plain[j], power[1])))


def _power_law(made: _Number, of: tuple[tuple[_Number, float], ...]) -> Iterator[_Equation]:
    """A constant times powers of other columns, if one constant lies within the rounding of every record."""
    terms = (made, *(number for number, _ in of))
    powers = (1.0, *(-power for _, power in of))
    halves = tuple(number.half for number in terms)
    low, high = _constants([number.values for number in terms], powers, halves)
    least, most = np.fmax.reduce(low), np.fmin.reduce(high)
    if not (least <= most and np.isfinite([least, most]).all()):
        return
    constant = _plain(np.exp(least), np.exp(most))
    yield _Equation(_formula(made, of, constant), terms, _off_the_law(constant, powers, halves))


def _constants(values: Sequence[Floats], powers: Sequence[float], halves: Sequence[float]) -> tuple[Floats, Floats]:
    """Between what logarithms the constant lies by each record; NaN where a value is missing, nought or negative."""
    middle, slack = np.zeros(len(values[0])), np.full(len(values[0]), 1e-9)
    for cells, power, half in zip(values, powers, halves, strict=True):
        positive = np.where(cells > half, cells, np.nan)
        middle = middle + power * np.log(positive)
        slack = slack - abs(power) * np.log1p(-half / positive)
    return middle - slack, middle + slack


def _off_the_law(constant: float, powers: Sequence[float], halves: Sequence[float]) -> Callable[..., Flags]:
    def breaks(*values: Floats) -> Flags:
        low, high = _constants(values, powers, halves)
        off: Flags = (low > np.log(constant) + 1e-9) | (high < np.log(constant) - 1e-9)
        return off

    return breaks


def _plain(least: float, most: float) -> float:
    """The number of fewest digits in a range, near its middle."""
    middle = np.sqrt(least * most)
    rounded = (float(f"{middle:.{digits}g}") for digits in range(1, 16))
    return next((number for number in rounded if least <= number <= most), float(middle))


def _formula(made: _Number, of: tuple[tuple[_Number, float], ...], constant: float) -> str:
    times = "" if constant == 1 else f"{constant:.6g} × "
    text = times + of[0][0].name
    for number, power in of[1:]:
        text += f" × {number.name}" if power > 0 else f" / {number.name}{'²' if power == -2 else ''}"
    return f"{made.name} = {text}"


def _sample(values: Floats) -> Floats:
    """The first records; which they are does not matter, for what they let pass is tried on all."""
    return values[:SAMPLE]
