"""What the table's two nets are trained on."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from synthdiff.diffusion.absorbing import cross_entropy, draw_mask
from synthdiff.diffusion.denoiser import Preconditioner, denoising_loss
from synthdiff.diffusion.schedule import LogNormal
from synthdiff.nets.table import CodeNet, DetailNet

SCHEDULE = LogNormal(mean=-1.0, std=1.4)
"""Noise levels of training: the bulk lies where a detail of unit variance is half known."""

UNIT = Preconditioner(1.0)
"""Details are standard normal by their coding."""

Batch = tuple[Tensor, ...]


def code_loss(net: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
    """Cross entropy of the masked codes, in nats a column."""
    assert isinstance(net, CodeNet)
    codes, detail = batch
    masked = draw_mask(len(codes), codes.shape[1], generator).to(codes.device)
    known = _draw_known(net.present(codes) & ~masked[:, net.places], generator)
    logits = net(codes, masked, detail, known)
    entropy = cross_entropy(logits, codes, net.membership, net.embedding.offsets, net.owner)
    return (entropy * masked).sum(1) / masked.sum(1)


def detail_loss(net: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
    """Weighted denoising error of the details that exist, mean over all of them."""
    assert isinstance(net, DetailNet)
    codes, detail = batch
    present = net.present(codes)
    known = _draw_known(present, generator)
    sigma = SCHEDULE.draw(len(codes), generator).to(codes.device)
    noise = torch.randn(detail.shape, generator=generator).to(codes.device)
    error = denoising_loss(net.given(codes, detail, known), UNIT, detail, sigma, noise)
    return (error * (present & ~known)).sum(1) / detail.shape[1]


def _draw_known(possible: Tensor, generator: torch.Generator) -> Tensor:
    """Which details are shown clean: none in half of the rows, a random share in the others, as conditions will ask."""
    n = len(possible)
    share = torch.rand(n, 1, generator=generator) * (torch.rand(n, 1, generator=generator) < 0.5)
    return (torch.rand(possible.shape, generator=generator) < share).to(possible.device) & possible
