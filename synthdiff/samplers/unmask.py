"""Ancestral unmasking: reveal one column after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def unmask(
    probabilities: Callable[[Tensor, Tensor, int], Tensor],
    codes: Tensor,
    masked: Tensor,
    order: Sequence[int],
    uniform: Callable[[int], Tensor],
) -> Tensor:
    """Sample the masked columns of every row, one column at a time.

    With one column a step the reverse of the absorbing process is exact for a perfect model: revealing several at once
    would treat them as independent given what is visible.

    Parameters
    ----------
    probabilities : callable
        ``(codes, masked, column) -> (n, states)``: the denoiser, probabilities of the clean code of one column.
    codes : Tensor of int64, shape (n, columns)
        Codes of the visible columns; what stands in masked places does not matter.
    masked : Tensor of bool, shape (columns,)
        Which columns are to be sampled.
    order : sequence of int
        The masked columns in the order in which they are revealed.
    uniform : callable
        ``n -> (n,)`` uniform numbers: the only randomness.

    Returns
    -------
    Tensor of int64, shape (n, columns)
    """
    codes, masked = codes.clone(), masked.clone()
    for column in order:
        cumulative = probabilities(codes, masked, column).cumsum(1)
        total = cumulative[:, -1:]
        # Rounding may bring the level up to the total, where there is no state.
        level = torch.minimum(uniform(len(codes))[:, None] * total, torch.nextafter(total, torch.zeros_like(total)))
        codes[:, column] = torch.searchsorted(cumulative, level, right=True)[:, 0]
        masked[column] = False
    return codes
