"""Euler-Maruyama: the plain discretisation of the reverse stochastic differential equation."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import ClassVar, Literal

import torch
from torch import Tensor

from synthdiff.diffusion.denoiser import Denoise
from synthdiff.samplers.sampler import Noise, Sampler


@torch.no_grad()
def euler_maruyama(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """Step through the reverse process in the clock ``v = sigma^2``, where it is ``dx = score dv + dw``.

    In this clock it is Song's reverse diffusion sampler (Song et al. 2021, algorithm 2 without the corrector): the last
    step to 0, taken without noise, is the denoiser's answer.
    """
    ones = x.new_ones(len(x))
    for sigma, after in pairwise(sigmas.tolist()):
        variance = sigma**2 - after**2
        score = (denoise(x, sigma * ones) - x) / sigma**2
        x = x + variance * score
        if after > 0:
            x = x + math.sqrt(variance) * noise(x)
    return x


class EulerMaruyama(Sampler):
    """The reverse SDE by Euler-Maruyama: simple and random, needs many steps (Song et al. 2021)."""

    kind: Literal["euler-maruyama"] = "euler-maruyama"
    order: ClassVar[int] = 1

    def evaluations(self, steps: int) -> int:
        """One a step."""
        return steps

    def __call__(self, denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
        """Sample, see :func:`euler_maruyama`."""
        return euler_maruyama(denoise, x, sigmas, noise)
