"""Schedules: which noise levels training sees, and how much each one counts.

Levels are drawn with low discrepancy: the batch shares one uniform shift of equally spaced points (Kingma et al. 2021,
"Variational diffusion models", appendix I.1). Each level is still exactly of its distribution, while every batch covers
it evenly, which takes most of the variance out of the loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from pydantic import Field
from torch import Tensor

from synthdiff.diffusion.denoiser import Preconditioner
from synthdiff.diffusion.sde import SDE, VP
from synthdiff.parts import Part, one_of

if TYPE_CHECKING:
    AnySDE = SDE
else:
    AnySDE = one_of(SDE)


def evenly(n: int, generator: torch.Generator) -> Tensor:
    """Draw ``n`` uniform numbers that cover the unit interval evenly.

    Parameters
    ----------
    n : int
    generator : torch.Generator
        The draw is made on its device.

    Returns
    -------
    Tensor of float64, shape (n,)
        Equally spaced points after one shared uniform shift, modulo 1; each one is uniform on [0, 1).
    """
    shift = torch.rand((), generator=generator, dtype=torch.float64, device=generator.device)
    return (shift + torch.arange(n, dtype=torch.float64, device=generator.device) / n) % 1


class Schedule(Part):
    """The family of training schedules."""

    def sigma(self, u: Tensor) -> Tensor:
        """The level at the quantile ``u``, in [0, 1), of the distribution of levels."""
        raise NotImplementedError

    def weight(self, sigma: Tensor, by: Preconditioner) -> Tensor:
        """How much a level counts, as a factor on :func:`synthdiff.diffusion.denoiser.denoising_loss`.

        Parameters
        ----------
        sigma : Tensor, shape () or (n, 1, ...)
            Levels as they broadcast against the loss.
        by : Preconditioner

        Returns
        -------
        Tensor
            That broadcasts against the loss.
        """
        raise NotImplementedError

    def draw(self, n: int, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
        """Draw the levels of a batch with low discrepancy.

        Parameters
        ----------
        n : int
            Records in the batch. Neighbours get neighbouring levels, so the order of records must be random.
        generator : torch.Generator
            The draw is made on its device.
        dtype : torch.dtype

        Returns
        -------
        Tensor, shape (n,)
        """
        return self.sigma(evenly(n, generator)).to(dtype)


class LogNormal(Schedule):
    """Log-normal levels, each counting the same for the net (Karras et al. 2022, table 1, training)."""

    kind: Literal["log-normal"] = "log-normal"
    mean: float = -1.2
    """Mean of ``log sigma``."""
    std: float = Field(default=1.2, gt=0)
    """Standard deviation of ``log sigma``."""

    def sigma(self, u: Tensor) -> Tensor:
        """The level at a quantile; the outermost ten-millionth on either side is cut, since it has no finite end."""
        return torch.exp(self.mean + self.std * torch.special.ndtri(u.clamp(1e-7, 1 - 1e-7)))

    def weight(self, sigma: Tensor, by: Preconditioner) -> Tensor:
        """One."""
        return torch.ones_like(sigma)


class UniformTime(Schedule):
    """Times uniform over a process, with the weight that turns the loss into the error of the guessed noise.

    That is score matching with the weight ``std^2`` (Song et al. 2021, eq. 7) and DDPM's simple loss.
    """

    kind: Literal["uniform-time"] = "uniform-time"
    process: AnySDE = VP()

    def sigma(self, u: Tensor) -> Tensor:
        """The level at a uniform time."""
        first, last = self.process.span
        return self.process.sigma(first + u * (last - first))

    def weight(self, sigma: Tensor, by: Preconditioner) -> Tensor:
        """``out^2 / sigma^2``, which is ``skip``."""
        return by.skip(sigma)
