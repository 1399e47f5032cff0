"""What the table's net is trained on."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from synthdiff.diffusion.absorbing import cross_entropy, draw_mask
from synthdiff.nets.table import RowNet

Batch = tuple[Tensor, ...]


def row_loss(net: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
    """Minus the log-likelihood of hidden columns given the visible ones, in nats a column.

    A code has its cross entropy, a detail minus its log-density, which is its denoising loss over all noise levels
    (:mod:`synthdiff.diffusion.mixture`).
    """
    assert isinstance(net, RowNet)
    codes, detail = batch
    hidden = draw_mask(len(codes), codes.shape[1], generator).to(codes.device)
    tables = net.tables()
    features = net(tables, codes, detail, ~hidden)
    logits = net.logits(tables, features)
    loss = cross_entropy(logits, codes, net.membership, net.offsets) * hidden
    total = loss.sum(1)
    if net.mixtures is not None:
        surprise = -net.mixture(features).log_prob(detail)
        total = total + (surprise * (net.present(codes) & hidden[:, net.places])).sum(1)
    return total / hidden.sum(1)
