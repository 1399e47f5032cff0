"""DPM-Solver++(2M): second order for the price of one evaluation a step."""

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
def dpmpp_2m(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise, eta: float = 0.0) -> Tensor:
    """Extrapolate the clean data from the last two guesses, linearly in ``log sigma`` (Lu et al. 2022, algorithm 2).

    The first step, and a last one to 0, are of first order. With ``eta = 1`` it is the reverse SDE that is solved
    (their SDE-DPM-Solver++(2M)): of what noise there was, fresh noise takes the place, which forgets earlier errors.
    """
    ones = x.new_ones(len(x))
    before, clean_before = 0.0, x
    for sigma, after in pairwise(sigmas.tolist()):
        clean = guess = denoise(x, sigma * ones)
        if before > 0 and after > 0:
            ratio = math.log(before / sigma) / math.log(sigma / after)
            guess = clean + (clean - clean_before) / (2 * ratio)
        kept = (after / sigma) ** eta  # of the noise, beside what the lower level takes away
        x = guess + after / sigma * kept * (x - guess)
        if eta > 0 and after > 0:
            x = x + after * math.sqrt(1 - kept**2) * noise(x)
        before, clean_before = sigma, clean
    return x


class DPMpp(Sampler):
    """DPM-Solver++(2M): the probability-flow ODE, or the SDE (``eta: 1``); good from 15 steps on (Lu et al. 2022)."""

    kind: Literal["dpm++"] = "dpm++"
    eta: float = Field(default=0.0, ge=0, le=1)
    """How much of the noise is fresh at every step; 0 makes the sampler deterministic."""
    order: ClassVar[int] = 2

    def evaluations(self, steps: int) -> int:
        """One a step."""
        return steps

    def __call__(self, denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
        """Sample, see :func:`dpmpp_2m`."""
        return dpmpp_2m(denoise, x, sigmas, noise, self.eta)
