"""DDIM: keep the guessed clean data and the guessed noise, mix them anew at the next level."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from synthdiff.diffusion.denoiser import Denoise
from synthdiff.samplers.sampler import Noise, Sampler


@torch.no_grad()
def ddim(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise, eta: float = 0.0) -> Tensor:
    """Move along the guessed noise to the next level, a share ``eta`` of it being fresh (Song et al. 2021a, eq. 12).

    In sigma space ``eta = 0`` is Euler's method for the probability-flow ODE, ``eta = 1`` DDPM's ancestral sampling.
    """
    ones = x.new_ones(len(x))
    for sigma, after in pairwise(sigmas.tolist()):
        clean = denoise(x, sigma * ones)
        fresh = eta * after * math.sqrt(1 - (after / sigma) ** 2)
        kept = math.sqrt(after**2 - fresh**2)
        x = clean + kept / sigma * (x - clean)
        if fresh > 0:
            x = x + fresh * noise(x)
    return x


class DDIM(Sampler):
    """DDIM, Euler's method for the probability-flow ODE (``eta: 0``), up to DDPM (``eta: 1``) (Song et al. 2021a)."""

    kind: Literal["ddim"] = "ddim"
    order: ClassVar[int] = 1
    eta: float = Field(default=0.0, ge=0, le=1)
    """Share of fresh noise; 0 makes the sampler deterministic."""

    def evaluations(self, steps: int) -> int:
        """One a step."""
        return steps

    def __call__(self, denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
        """Sample, see :func:`ddim`."""
        return ddim(denoise, x, sigmas, noise, self.eta)
