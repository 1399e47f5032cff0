"""Samplers: from noise to data, knowing a denoiser and nothing else.

Each is a function ``(denoise, x, sigmas, noise) -> x`` that reads like its paper, and a part that holds its options:

- ``denoise(x, sigma)`` is the interface of :mod:`synthdiff.diffusion.denoiser`;
- ``x``, of any shape (n, ...), starts as ``sigmas[0]`` times standard normal noise;
- ``sigmas`` are the levels to visit, decreasing, with 0 at the end for clean data;
- ``noise(x)`` gives standard normal numbers like ``x`` and is the only randomness.

Levels become plain numbers before the loop: nothing in it waits for the device, and ``x`` keeps its dtype.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from synthdiff.diffusion.denoiser import Denoise
from synthdiff.parts import Part

Noise = Callable[[Tensor], Tensor]
"""``noise(x) -> Tensor``: independent standard normal numbers of the shape, dtype and device of ``x``."""


def noise_from(generator: torch.Generator) -> Noise:
    """The noise of a generator, drawn on the generator's device, so that one seed serves every device."""

    def noise(x: Tensor) -> Tensor:
        return torch.randn(x.shape, generator=generator, dtype=x.dtype, device=generator.device).to(x.device)

    return noise


class Sampler(Part):
    """The family of samplers for continuous data."""

    order: ClassVar[int]
    """The error falls as the number of steps to the power of minus this: that of ``x`` itself for a deterministic
    sampler, that of the distribution for a random one."""

    def evaluations(self, steps: int) -> int:
        """How often the denoiser is called over ``steps`` steps that end in 0."""
        raise NotImplementedError

    def __call__(self, denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
        """Sample.

        Parameters
        ----------
        denoise : Denoise
        x : Tensor, shape (n, ...)
            Noise at the level ``sigmas[0]``.
        sigmas : Tensor, shape (steps + 1,)
            Decreasing levels.
        noise : callable
            ``noise(x) -> Tensor`` like ``x``.

        Returns
        -------
        Tensor, shape (n, ...)
            At the level ``sigmas[-1]``; a record depends on its own row of ``x`` and noise alone.
        """
        raise NotImplementedError
