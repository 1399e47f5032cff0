"""Absorbing diffusion for codes: the forward process masks columns, the reverse process reveals them.

The forward process sends each coordinate to an absorbing state ("masked") and leaves it there (Austin et al. 2021,
D3PM). Its concrete score, the ratio of the probabilities of two neighbouring states (Lou et al. 2024, SEDD), factorises
into a scalar in time and the clean-data conditionals ``p(x_c | visible)`` (Ou et al. 2025, RADD): learning the score is
learning those conditionals, an any-order autoregressive model. Drawing the number of masked coordinates uniformly and
averaging over them gives every number the weight that the likelihood bound gives it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

LARGEST = 70.0
"""No logit counts for more: exponentials of up to this size can be added without taking out the maximum first."""


class Vocabulary:
    """Where each column's codes lie in one long row of logits.

    Parameters
    ----------
    states : sequence of int
        How many codes each column has.
    """

    def __init__(self, states: Sequence[int]) -> None:
        self.states = tuple(states)
        sizes = torch.tensor(self.states)
        self.offsets = torch.cumsum(sizes, 0) - sizes
        self.total = int(sizes.sum())
        self.owner = torch.repeat_interleave(torch.arange(len(self.states)), sizes)

    def part(self, column: int) -> slice:
        """The logits of one column."""
        start = int(self.offsets[column])
        return slice(start, start + self.states[column])

    def membership(self) -> Tensor:
        """Which logit belongs to which column: float32 of shape ``(total, columns)``."""
        return torch.nn.functional.one_hot(self.owner, len(self.states)).float()


ALONE = 0.15
"""The share of masks that hide nothing but the target."""


def draw_mask(n: int, columns: int, generator: torch.Generator, target: int | None = None) -> Tensor:
    """Draw which coordinates are masked: bool of shape ``(n, columns)``, at least one a row.

    The number of masked coordinates is uniform on ``1 … columns`` and stratified over the batch; which ones is uniform.
    Where there is a target, a share of the masks hides it alone: what is predicted from all else is what a target is
    for, and by chance few masks would ask for it.
    """
    strata = (torch.arange(n) + torch.rand(n, generator=generator)) / n
    count = 1 + (strata[torch.randperm(n, generator=generator)] * columns).long().clamp_(max=columns - 1)
    noise = torch.rand(n, columns, generator=generator)
    # numpy sorts short rows ten times as fast as torch does.
    ordered = torch.from_numpy(np.sort(noise.numpy(), axis=1))
    masked = noise <= ordered.gather(1, count[:, None] - 1)
    if target is not None:
        alone = torch.rand(n, generator=generator) < ALONE
        masked[alone] = torch.arange(columns) == target
    return masked


def cross_entropy(logits: Tensor, codes: Tensor, membership: Tensor, offsets: Tensor) -> Tensor:
    """Cross entropy of each column, in nats.

    Parameters
    ----------
    logits : Tensor of float, shape (n, total)
        Of moderate size: beyond :data:`LARGEST`, either way, they are cut.
    codes : Tensor of int64, shape (n, columns)
    membership : Tensor of float32, shape (total, columns)
        :meth:`Vocabulary.membership`: one product sums the exponentials of all columns at once.
    offsets : Tensor of int64, shape (columns,)

    Returns
    -------
    Tensor of float32, shape (n, columns)
    """
    # In full precision: a sum that bfloat16 rounds would err by a hundredth of a nat.
    with torch.autocast(logits.device.type, enabled=False):
        moderate = logits.float().clamp(-LARGEST, LARGEST)
        return (moderate.exp() @ membership).log() - moderate.gather(1, codes + offsets)
