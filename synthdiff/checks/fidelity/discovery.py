"""Discovery: what a table keeps without exception and chance would have broken often.

A rule that was found is no knowledge of medicine; it is what the training records tell of it. It counts only where its
columns, were they independent, would have broken it in at least :data:`EXPECTED` records: what holds in a small table
by luck is none. Nothing found names an extreme: numbers are cut at quantiles that several records share or that are
rounded, and levels and values that a rule names have that many records or more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from synthdiff.checks.fidelity.groups import Cells, cuts, spelt
from synthdiff.checks.intervals import Floats
from synthdiff.schema import Column

Flags = NDArray[np.bool_]

EXPECTED = 30.0
"""So many records must chance have let break a rule for it to count; that none did happens once in 1e13 by luck."""

CUTS = 10
"""Numbers are cut at tenths."""

COMMON = 0.02
"""A value of a number counts as a level when this share of the known cells have it."""

FINEST = 1e-4
"""A grid whose steps are a smaller share of the column's spread is the format of a number and no rule."""

DISTINCT = 10
"""A grid, and an equation, is only seen in columns of at least so many values."""


@dataclass(frozen=True)
class Found:
    """A rule that the training records keep.

    Attributes
    ----------
    kind : str
        ``"implication"``, ``"order"``, ``"equality"``, ``"grid"`` or ``"derived"``.
    name : str
        The rule in words.
    columns : tuple of str
        What it is about.
    breaks : callable
        From a table's cells to the records that break it: bool of shape (n,). What is missing breaks nothing, unless
        the rule is about missing.
    """

    kind: str
    name: str
    columns: tuple[str, ...]
    breaks: Callable[[Cells], Flags]


@dataclass(frozen=True)
class State:
    """What a cell can be: missing, known, a level, a common value, or on one side of a cut.

    Attributes
    ----------
    column : str
    words, otherwise : str
        That it is, and that it is not, for cells that are known.
    rank : int
        States of lower rank make the better "if".
    cut, valued : bool
        Whether it is a side of a cut, and whether it is about the cell's value rather than its presence.
    holds : callable
        From cells to bool of shape (n,).
    """

    column: str
    words: str
    otherwise: str
    rank: int
    cut: bool
    holds: Callable[[Floats], Flags]

    @property
    def valued(self) -> bool:
        return self.holds is not np.isnan and self.holds is not _known


def implications(columns: Sequence[Column], cells: Cells, related: frozenset[frozenset[str]]) -> Iterator[Found]:
    """Pairs of states of two columns that no record has, each as an implication.

    Of two pairs of which one contains the other only the wider is told. Pairs of numbers that another rule relates are
    left out, and so are pairs of two cuts, which correlated numbers have without end.

    Parameters
    ----------
    columns : sequence of Column
    cells : mapping of str to float64 arrays of shape (n,)
        Of the training records.
    related : set of sets of str
        The columns of other rules.
    """
    states: dict[str, list[State]] = {}
    flags: dict[str, NDArray[np.float32]] = {}
    known: dict[str, NDArray[np.float32]] = {}
    for column in columns:
        values = cells[column.name]
        held = [(state, state.holds(values)) for state in _states(column, values)]
        held = [(state, which) for state, which in held if EXPECTED <= which.sum() < len(values)]
        states[column.name] = [state for state, _ in held]
        flags[column.name] = np.array([which for _, which in held], dtype=np.float32).reshape(len(held), len(values))
        known[column.name] = (~np.isnan(values)).astype(np.float32)
    inside = {name: _contained(which) for name, which in flags.items()}
    times = {name: which.sum(axis=1) for name, which in flags.items()}
    for a, b in combinations(states, 2):
        if not states[a] or not states[b] or frozenset((a, b)) in related:
            continue
        expected = np.outer(times[a], times[b]) / flags[a].shape[1]
        for one, other, turned in ((a, b, expected), (b, a, expected.T)):
            # A value is only due where the cell is known: what is rarely known has few values to break a rule with.
            valued = np.array([state.valued for state in states[other]])
            due = np.outer(flags[one] @ known[other], times[other] / known[other].sum())
            turned[:, valued] = np.minimum(turned, due)[:, valued]
        both_cut = np.outer([state.cut for state in states[a]], [state.cut for state in states[b]])
        never = (flags[a] @ flags[b].T == 0) & (expected >= EXPECTED) & ~both_cut
        # Every pair lies in itself; one that lies in another, too, says less.
        widest = never & (inside[a] @ never.astype(float) @ inside[b].T == 1)
        for i, j in np.argwhere(widest).tolist():
            pair = (states[a][i], times[a][i]), (states[b][j], times[b][j])
            when, never = sorted(pair, key=lambda one: (one[0].rank, one[1]))
            yield _implication(when[0], never[0])


def _implication(when: State, never: State) -> Found:
    def breaks(cells: Cells) -> Flags:
        return when.holds(cells[when.column]) & never.holds(cells[never.column])

    name = f"if {when.words} then {never.otherwise}"
    return Found("implication", name, (when.column, never.column), breaks)


def _contained(which: NDArray[np.float32]) -> Floats:
    """Which states of a column lie in which others; of several with the same records the first stands for all."""
    together = which @ which.T
    times = np.diag(together)
    contained = together == times[:, None]
    same = contained & contained.T
    return (contained & ~np.triu(same, 1)).astype(float) if len(which) else np.zeros((0, 0))


def _states(column: Column, values: Floats) -> Iterator[State]:
    name = column.name
    yield State(name, f"{name} is missing", f"{name} is known", 1, False, np.isnan)
    yield State(name, f"{name} is known", f"{name} is missing", 2, False, _known)
    if column.discrete:
        levels = list(column.levels or ())
        for code, level in enumerate(levels):
            other = f"{name} = {levels[1 - code]}" if len(levels) == 2 else f"{name} is not {level}"
            yield State(name, f"{name} = {level}", other, 0, False, _is(code))
            if len(levels) > 2:
                yield State(name, f"{name} is not {level}", f"{name} = {level}", 3, False, _is_not(code))
        return
    known = values[np.isfinite(values)]
    distinct, counts = np.unique(known, return_counts=True)
    for value in distinct[counts >= max(EXPECTED, COMMON * len(known))].tolist():
        text = spelt(column, value)
        yield State(name, f"{name} = {text}", f"{name} is not {text}", 0, False, _is(value))
        yield State(name, f"{name} is not {text}", f"{name} = {text}", 3, False, _is_not(value))
    for edge in cuts(column, values, CUTS).tolist():
        text = spelt(column, edge)
        yield State(name, f"{name} ≤ {text}", f"{name} > {text}", 2, True, _up_to(edge))
        yield State(name, f"{name} > {text}", f"{name} ≤ {text}", 2, True, _above(edge))


def _known(cells: Floats) -> Flags:
    return ~np.isnan(cells)


def _is(value: float) -> Callable[[Floats], Flags]:
    return lambda cells: cells == value


def _is_not(value: float) -> Callable[[Floats], Flags]:
    return lambda cells: ~np.isnan(cells) & (cells != value)


def _up_to(edge: float) -> Callable[[Floats], Flags]:
    return lambda cells: cells <= edge


def _above(edge: float) -> Callable[[Floats], Flags]:
    return lambda cells: cells > edge


def orders(columns: Sequence[Column], cells: Cells) -> Iterator[Found]:
    """Two numbers, or two moments, of which one is never above the other, or that are always equal."""
    for a, b in combinations([column for column in columns if column.numeric], 2):
        if (a.kind == "datetime") != (b.kind == "datetime"):
            continue
        one, other = _both_known(cells[a.name], cells[b.name])
        below, above = bool(np.all(one <= other)), bool(np.all(one >= other))
        if not len(one) or not (below or above):
            continue
        if below and above:
            if len(one) - _ties_by_chance(one, other) >= EXPECTED:
                yield Found("equality", f"{a.name} = {b.name}", (a.name, b.name), _differ(a.name, b.name))
            continue
        low, high = (a.name, b.name) if below else (b.name, a.name)
        known = (one, other) if below else (other, one)
        by_chance = np.searchsorted(np.sort(known[1]), known[0], "left").mean()
        if by_chance >= EXPECTED:
            yield Found("order", f"{low} ≤ {high}", (low, high), _above_the_other(low, high))


def equalities(columns: Sequence[Column], cells: Cells) -> Iterator[Found]:
    """Two numbers, or two moments, that are equal wherever a third column has a certain level, and not elsewhere."""
    levels = [column for column in columns if column.discrete]
    for a, b in combinations([column for column in columns if column.numeric], 2):
        if (a.kind == "datetime") != (b.kind == "datetime"):
            continue
        known = ~np.isnan(cells[a.name]) & ~np.isnan(cells[b.name])
        same = cells[a.name] == cells[b.name]
        if same.sum() < EXPECTED or same.sum() == known.sum():
            continue
        for by in levels:
            codes = np.where(known & (cells[by.name] >= 0), cells[by.name], -1).astype(np.int64)
            size = len(by.levels or ())
            among, equal = (np.bincount(codes[which & (codes >= 0)], minlength=size) for which in (known, same))
            for code in np.flatnonzero((among >= EXPECTED) & (among == equal)).tolist():
                chosen = codes == code
                by_chance = _ties_by_chance(cells[a.name][chosen], cells[b.name][chosen])
                if among[code] - by_chance >= EXPECTED:
                    name = f"if {by.name} = {(by.levels or ())[code]} then {a.name} = {b.name}"
                    breaks = _differ_where(a.name, b.name, by.name, code)
                    yield Found("equality", name, (by.name, a.name, b.name), breaks)


def _both_known(one: Floats, other: Floats) -> tuple[Floats, Floats]:
    known = ~np.isnan(one) & ~np.isnan(other)
    return one[known], other[known]


def _ties_by_chance(one: Floats, other: Floats) -> float:
    """How many records would have equal values if the two were independent."""
    values, counts = np.unique(one, return_counts=True)
    ordered = np.sort(other)
    matching = np.searchsorted(ordered, values, "right") - np.searchsorted(ordered, values, "left")
    return float((counts * matching).sum() / max(len(one), 1))


def _differ(a: str, b: str) -> Callable[[Cells], Flags]:
    return lambda cells: (cells[a] < cells[b]) | (cells[a] > cells[b])


def _above_the_other(low: str, high: str) -> Callable[[Cells], Flags]:
    return lambda cells: cells[low] > cells[high]


def _differ_where(a: str, b: str, by: str, code: int) -> Callable[[Cells], Flags]:
    differ = _differ(a, b)
    return lambda cells: differ(cells) & (cells[by] == code)


def grids(columns: Sequence[Column], cells: Cells) -> Iterator[Found]:
    """Numbers that are all multiples of a step, where the schema does not say so already.

    The step is 1, 2, 2.5 or 5 times a power of ten. By chance, half the values on the next finer grid or more would be
    off it.
    """
    for column in columns:
        if column.kind not in ("continuous", "integer"):
            continue
        known = cells[column.name][np.isfinite(cells[column.name])]
        said = 1.0 if column.kind == "integer" else 0.0 if column.decimals is None else 10.0**-column.decimals
        step = grid_of(known) if len(known) >= 2 * EXPECTED else 0.0
        if step > 1.5 * said and step >= FINEST * np.ptp(np.quantile(known, [0.1, 0.9])):
            yield Found("grid", f"{column.name} is a multiple of {step:g}", (column.name,), _off(column.name, step))


def grid_of(known: Floats) -> float:
    """The widest usual step of which all values are multiples; 0 where there is none, or too few values to tell."""
    if len(np.unique(known)) < DISTINCT:
        return 0.0
    steps = sorted((digit * 10.0**power for power in range(-6, 4) for digit in (1, 2, 2.5, 5)), reverse=True)
    return next((float(step) for step in steps if not _off_grid(known, step).any()), 0.0)


def _off_grid(values: Floats, step: float) -> Flags:
    with np.errstate(invalid="ignore"):
        places = values / step
        off: Flags = np.abs(places - np.rint(places)) > 1e-9 * np.maximum(1.0, np.abs(places))
    return off


def _off(name: str, step: float) -> Callable[[Cells], Flags]:
    return lambda cells: _off_grid(cells[name], step)
