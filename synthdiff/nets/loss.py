"""What the table's net is trained on."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from synthdiff.diffusion.absorbing import cross_entropy, draw_mask
from synthdiff.nets.table import RowNet

Batch = tuple[Tensor, ...]


def row_loss(net: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
    """Minus the log-likelihood of hidden columns given the visible ones, in nats a column.

    The batch is codes, details and, where there are ties, which of them repeat a value, and their anchors. A column
    that repeats a visible one has the surprise of that; else a code has its cross entropy and a detail minus its
    log-density, which is its denoising loss over all noise levels (:mod:`synthdiff.diffusion.mixture`).
    """
    assert isinstance(net, RowNet)
    codes, detail, *tied = batch
    codes = codes.long()
    # Validation asks for all columns alike: a target is soon learnt by heart and must not end the learning of the rest.
    target = net.target if net.training else None
    hidden = draw_mask(len(codes), codes.shape[1], generator, target).to(codes.device)
    tables = net.tables()
    features = net(tables, codes, detail, ~hidden, *tied[:1])
    total, asked = codes.new_zeros(len(codes), dtype=torch.float32), hidden
    if net.ties is not None:
        total, asked = net.ties.surprise(features, tied[0], net.ties.shown(codes, ~hidden), hidden)
    surprise = cross_entropy(net.logits(tables, features), codes, net.membership, net.offsets)
    total = total + (surprise * asked).sum(1)
    if net.mixtures is not None:
        density = net.log_density(features, codes, detail, ~hidden, *tied[1:])
        total = total - (density * (net.present(codes) & asked[:, net.places])).sum(1)
    return total / hidden.sum(1)
