"""Mending: rows repaired until they obey every rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdiff.schema.grid import absent
from synthdiff.schema.rule import Fixed, Flags, Rule, Values


@dataclass(frozen=True)
class Mended:
    """Rows after repair.

    Attributes
    ----------
    cells : dict of str to ndarray, shape (n,)
        Repaired where that made a row obey every rule; rows that still break one are as they came.
    holds : ndarray of bool, shape (n,)
        Which rows obey every rule now; the others are to be drawn again.
    changed : ndarray of bool, shape (n,)
        Which rows were repaired.
    """

    cells: dict[str, NDArray[Any]]
    holds: Flags
    changed: Flags


def mend(values: Values, rules: Sequence[Rule], fixed: Fixed | None = None) -> Mended:
    """Repair rows until they obey all rules, or until it is plain that they cannot be made to.

    Parameters
    ----------
    values : mapping of str to ndarray, shape (n,)
        At least the columns of the rules.
    rules : sequence of Rule
    fixed : mapping of str to ndarray of bool, shape (n,), optional
        Cells that must stay as they are: conditions of a sample, the known cells of an imputation.
    """
    tried = dict(values)
    # A repair can break another rule, as in a chain of inequalities, but no chain is longer than there are rules.
    for _ in rules:
        if all_hold(tried, rules).all():
            break
        for rule in rules:
            tried = rule.repair(tried, fixed)
    held = all_hold(tried, rules)
    changed = np.zeros(len(held), dtype=np.bool_)
    for name, cells in values.items():
        if tried[name] is not cells:
            changed |= held & (tried[name] != cells) & ~(absent(tried[name]) & absent(cells))
            tried[name] = np.where(held, tried[name], cells)
    return Mended(tried, held, changed)


def all_hold(values: Values, rules: Iterable[Rule]) -> Flags:
    """Which rows obey every rule: bool of shape ``(n,)``."""
    n = len(next(iter(values.values()), ()))
    return reduce(np.logical_and, (rule.holds(values) for rule in rules), np.ones(n, dtype=np.bool_))
