"""Heun: the second-order sampler of EDM, with optional churn."""

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
def heun(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: Noise,
    churn: float = 0.0,
    churn_min: float = 0.0,
    churn_max: float = math.inf,
    churn_noise: float = 1.0,
) -> Tensor:
    """Step by the trapezoidal rule, after adding noise where churn asks for it (Karras et al. 2022, algorithm 2)."""
    ones, steps = x.new_ones(len(x)), len(sigmas) - 1
    for sigma, after in pairwise(sigmas.tolist()):
        gamma = min(churn / steps, math.sqrt(2) - 1) if churn_min <= sigma <= churn_max else 0.0
        raised = sigma * (1 + gamma)
        if gamma > 0:
            x = x + math.sqrt(raised**2 - sigma**2) * churn_noise * noise(x)
        slope = (x - denoise(x, raised * ones)) / raised
        ahead = x + (after - raised) * slope
        if after > 0:
            slope_ahead = (ahead - denoise(ahead, after * ones)) / after
            ahead = x + (after - raised) * (slope + slope_ahead) / 2
        x = ahead
    return x


class Heun(Sampler):
    """The probability-flow ODE by Heun's method, with EDM's churn (Karras et al. 2022, algorithm 2)."""

    kind: Literal["heun"] = "heun"
    order: ClassVar[int] = 2
    churn: float = Field(default=0.0, ge=0)
    """How much fresh noise is added over the whole run (S_churn); 0 makes the sampler deterministic."""
    churn_min: float = Field(default=0.0, ge=0)
    """Noise is added at this level and above (S_min)."""
    churn_max: float | None = Field(default=None, gt=0)
    """Noise is added at this level and below (S_max); unbounded when not given."""
    churn_noise: float = Field(default=1.0, gt=0)
    """Standard deviation of the added noise (S_noise); slightly above 1 makes up for detail that is lost."""

    def evaluations(self, steps: int) -> int:
        """Two a step, but one in the last."""
        return 2 * steps - 1

    def __call__(self, denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
        """Sample, see :func:`heun`."""
        churn_max = math.inf if self.churn_max is None else self.churn_max
        return heun(denoise, x, sigmas, noise, self.churn, self.churn_min, churn_max, self.churn_noise)
