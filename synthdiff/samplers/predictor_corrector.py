"""Predictor-corrector: steps of the reverse SDE, each followed by Langevin steps at the level it reached."""

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
def predictor_corrector(
    denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise, corrector_steps: int = 1, snr: float = 0.16
) -> Tensor:
    """Alternate reverse diffusion and annealed Langevin dynamics (Song et al. 2021, algorithms 2 and 4).

    Song's Langevin step size, ``2 (snr |noise| / |score|)^2``, takes the norms over the batch. Here they are replaced
    by what they are in noise of level sigma, ``|noise| / |score| = sigma``: a record then does not depend on its
    neighbours, and a score that happens to vanish does not throw it away.
    """
    ones = x.new_ones(len(x))
    for sigma, after in pairwise(sigmas.tolist()):
        variance = sigma**2 - after**2
        x = x + variance * (denoise(x, sigma * ones) - x) / sigma**2
        if after > 0:
            x = x + math.sqrt(variance) * noise(x)
            step = 2 * (snr * after) ** 2
            for _ in range(corrector_steps):
                score = (denoise(x, after * ones) - x) / after**2
                x = x + step * score + math.sqrt(2 * step) * noise(x)
    return x


class PredictorCorrector(Sampler):
    """The reverse SDE with Langevin steps in between that mend its errors (Song et al. 2021, algorithm 1)."""

    kind: Literal["predictor-corrector"] = "predictor-corrector"
    order: ClassVar[int] = 1
    corrector_steps: int = Field(default=1, ge=0)
    """Langevin steps after each step of the reverse SDE."""
    snr: float = Field(default=0.16, gt=0, lt=1)
    """Signal-to-noise ratio of a Langevin step: larger ones mend faster and add a bias of ``snr^2`` of the noise."""

    def evaluations(self, steps: int) -> int:
        """One a step, and the corrector's after each but the last."""
        return steps + (steps - 1) * self.corrector_steps

    def __call__(self, denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
        """Sample, see :func:`predictor_corrector`."""
        return predictor_corrector(denoise, x, sigmas, noise, self.corrector_steps, self.snr)
