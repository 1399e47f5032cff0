"""Ancestral unmasking: reveal one column after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def choose(weights: Tensor, uniform: Tensor) -> Tensor:
    """Draw a state for every record.

    Parameters
    ----------
    weights : Tensor of float, shape (n, states)
        Not negative, and positive somewhere in every row; need not sum to one.
    uniform : Tensor, shape (n,)
        In ``[0, 1)``.

    Returns
    -------
    Tensor of int64, shape (n,)
    """
    cumulative = weights.cumsum(1)
    total = cumulative[:, -1:]
    # Rounding may bring the level up to the total, where there is no state.
    level = torch.minimum(uniform[:, None] * total, torch.nextafter(total, torch.zeros_like(total)))
    return torch.searchsorted(cumulative, level, right=True)[:, 0]


def unmask(reveal: Callable[[int, Tensor], Tensor], visible: Tensor, order: Sequence[int]) -> Tensor:
    """Reveal the hidden columns of every record, one column at a time.

    With one column a step the reverse of the absorbing process is exact for a perfect model: revealing several at once
    would treat them as independent given what is visible.

    Parameters
    ----------
    reveal : callable
        ``(column, records) -> (len(records),)``: draws a column for some records, given by position, and returns the
        logarithm of the probability that the conditions on it had.
    visible : Tensor of bool, shape (n, columns)
        Changed in place.
    order : sequence of int
        The columns in the order in which they are revealed.

    Returns
    -------
    Tensor of float32, shape (n,)
        The logarithm of the probability of all conditions that were met on the way.
    """
    weight = torch.zeros(len(visible), device=visible.device)
    for column in order:
        records = torch.nonzero(~visible[:, column])[:, 0]
        if len(records):
            weight[records] += reveal(column, records)
            visible[records, column] = True
    return weight
