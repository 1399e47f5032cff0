"""Heads for tied columns: does a column repeat another's value, and if not, how far from it is it?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from synthdiff.diffusion.mixture import Mixture

NEAR = 4
"""Gaussians a tie that lie about the source's value."""


class Link(NamedTuple):
    """A tie, as the net sees it: places of its source and target, the target's detail, and their typical distance."""

    source: int
    target: int
    detail: int
    gap: float


class Ties(nn.Module):
    """For each tie the logit that its target repeats its source, and Gaussians about the source's value.

    Parameters
    ----------
    links : sequence of Link
        At least one.
    width : int
        Features of a row.
    finest : float
        The logarithm of a component's smallest scale, in typical distances.
    """

    sources: Tensor
    targets: Tensor
    tied: Tensor
    slots: Tensor
    gaps: Tensor

    def __init__(self, links: Sequence[Link], width: int, finest: float) -> None:
        super().__init__()
        self.finest = finest
        self.register_buffer("sources", torch.tensor([link.source for link in links]), persistent=False)
        self.register_buffer("targets", torch.tensor([link.target for link in links]), persistent=False)
        tied = sorted({link.detail for link in links})
        among = [[index for index, link in enumerate(links) if link.detail == detail] for detail in tied]
        # A slot is one of the ties of a detail; details with fewer ties than others have empty ones, which stand last.
        slots = torch.full((max(map(len, among)), len(tied)), len(links))
        for place, indices in enumerate(among):
            slots[: len(indices), place] = torch.tensor(indices)
        gaps = torch.tensor([*(link.gap for link in links), 1.0])[slots]
        self.register_buffer("tied", torch.tensor(tied), persistent=False)
        self.register_buffer("slots", slots, persistent=False)
        self.register_buffer("gaps", gaps, persistent=False)
        self.rounds = [slots[rank][slots[rank] < len(links)] for rank in range(len(slots))]
        self.equal = nn.Linear(2 * len(links), width, bias=False)
        self.repeats = nn.Linear(width, len(links))
        self.near = nn.Linear(width, 3 * NEAR * slots.numel())
        with torch.no_grad():
            self.near.weight.mul_(0.1)
            start = torch.zeros(3, NEAR, slots.numel())
            start[1] = torch.linspace(-1.0, 1.0, NEAR)[:, None]
            self.near.bias.copy_(start.flatten())

    def forward(self, same: Tensor, visible: Tensor) -> Tensor:
        """Features of which visible columns repeat which: equality is too sharp to be seen in two smooth numbers."""
        both = visible[:, self.sources] & visible[:, self.targets]
        features: Tensor = self.equal(torch.cat([both & same, both & ~same], 1).float())
        return features

    def shown(self, codes: Tensor, visible: Tensor, missing: int = 0) -> Tensor:
        """Of which ties the source is visible and has a value: bool of shape ``(n, ties)``."""
        shown: Tensor = (visible & (codes != missing))[:, self.sources]
        return shown

    def surprise(self, features: Tensor, same: Tensor, shown: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Minus the log-likelihood of which hidden columns repeat a visible one, tie by tie of a target.

        Parameters
        ----------
        features : Tensor of float, shape (n, width)
        same : Tensor of bool, shape (n, ties)
            Where the target repeats the source.
        shown : Tensor of bool, shape (n, ties)
        hidden : Tensor of bool, shape (n, columns)

        Returns
        -------
        surprise : Tensor of float32, shape (n,)
        left : Tensor of bool, shape (n, columns)
            The hidden columns that repeat none.
        """
        logits = self.repeats(features).float()
        against = nn.functional.binary_cross_entropy_with_logits(logits, same.float(), reduction="none")
        total, left = torch.zeros(len(features), device=features.device), hidden.clone()
        for ties in self.rounds:
            targets = self.targets[ties]
            tried = shown[:, ties] & left[:, targets]
            total = total + (against[:, ties] * tried).sum(1)
            left[:, targets] &= ~(tried & same[:, ties])
        return total, left

    def beside(self, free: Mixture, features: Tensor, anchors: Tensor, shown: Tensor) -> Mixture:
        """The mixtures of all tied details, with components about the values of their sources.

        Parameters
        ----------
        free : Mixture
            Of all details, without ties.
        features : Tensor of float, shape (n, width)
        anchors : Tensor of float32, shape (n, ties)
            The sources' values as normal scores of their targets.
        shown : Tensor of bool, shape (n, ties)
        """
        n, (slots, details) = len(features), self.slots.shape
        made = self.near(features).float().view(n, 3, NEAR, slots, details)
        # The empty slots' tie comes after the last one and is never shown.
        there = nn.functional.pad(shown, (0, 1))[:, self.slots][:, None]
        centres = nn.functional.pad(anchors, (0, 1))[:, self.slots][:, None]
        log_weights = made[:, 0].masked_fill(~there, -torch.inf)
        means = centres + self.gaps * made[:, 1]
        scales = self.gaps.log() + self.finest + nn.functional.softplus(made[:, 2] - self.finest)

        def joined(freely: Tensor, tied: Tensor) -> Tensor:
            return torch.cat([freely[:, :, self.tied], tied.flatten(1, 2)], 1)

        weights = joined(free.log_weights, log_weights).log_softmax(1)
        return Mixture(weights, joined(free.means, means), joined(free.log_scales, scales.expand_as(means)))
