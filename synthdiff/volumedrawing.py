"""How volumes are drawn: stage after stage, each from noise, given what is known by then."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from synthdiff.diffusion import EDM
from synthdiff.diffusion.sde import SDE
from synthdiff.nets.scale import Scale
from synthdiff.nets.space import Split
from synthdiff.samplers import Sampler
from synthdiff.samplers.sampler import noise_from
from synthdiff.seeds import torch_generator
from synthdiff.training.loop import autocast

BLOCK = 8
"""Volumes that are seeded and computed together, so that one does not depend on how many are asked for."""

FIRST_LEVELS: SDE = EDM(sigma_min=0.3, sigma_max=40)
DETAIL_LEVELS: SDE = EDM(sigma_min=0.3, sigma_max=10)
"""Sampling begins with the data's own Gaussian under noise of the highest level, which hides all that it lacks. Under
the lowest one, a net that has seen some hundred scans cannot tell noise from texture, and small steps keep the noise: a
last guess takes it away. (Hippocampus, excess radiomic distance by lowest level: 0.01 1.9, 0.15 1.4, 0.3 1.1.)"""


@torch.no_grad()
def draw(
    nets: Sequence[Scale],
    space: Split,
    sampler: Sampler,
    steps: int,
    told: Tensor,
    guidance: float,
    seed: tuple[int, int],
    maps: Tensor | None,
) -> Tensor:
    """Draw one block of standardised volumes.

    Parameters
    ----------
    nets : sequence of Scale
        By stage.
    space : Split
    sampler : Sampler
    steps : int
        At each stage.
    told : Tensor, shape (BLOCK, conditions)
    guidance : float
        How much the condition counts.
    seed : tuple of int
        Of the draw, and the block's number in it.
    maps : Tensor, shape (BLOCK, channels, *sides), optional
        Volumes whose label channels the drawn ones are to have.

    Returns
    -------
    Tensor, shape (BLOCK, channels, *sides)
    """
    device = told.device
    coarse = torch.zeros(BLOCK, 0, *nets[0].wiener.mean.shape[2:], device=device)
    stages = None if maps is None else space.split(maps.to(device))
    for number, net in enumerate(nets):
        levels = (FIRST_LEVELS if number == 0 else DETAIL_LEVELS).sigmas(steps)
        generator = torch_generator(seed[0], "volumes", seed[1], number)
        shown = None if stages is None else stages[number][0]

        def normal(*shape: int, generator: torch.Generator = generator) -> Tensor:
            return torch.randn(shape, generator=generator).to(device)

        def denoise(
            x: Tensor, sigma: Tensor, net: Scale = net, coarse: Tensor = coarse, shown: Tensor | None = shown
        ) -> Tensor:
            with autocast(device):
                clean = net.denoise(x, sigma, coarse, told, shown)
                if guidance == 1 or not told.any():
                    return clean
                untold = net.denoise(x, sigma, coarse, torch.zeros_like(told), shown)
            return untold + guidance * (clean - untold)

        sides = (BLOCK, *net.wiener.mean.shape[1:])
        start = net.wiener.draw(normal(*sides), normal(BLOCK, len(net.wiener.variances)), told)
        drawn = sampler(denoise, start + float(levels[0]) * normal(*sides), levels, noise_from(generator))
        coarse = space.join(number, drawn, coarse).float()
    return coarse
