"""Noise processes: how clean data turn into noise, by a stochastic differential equation.

Every process here is linear, ``dx = f(t) x dt + g(t) dw``, so that ``x_t = scale(t) x_0 + std(t) n`` with standard
normal ``n`` (Song et al. 2021, "Score-based generative modeling through SDEs"). Divided by its scale, each one becomes
``x_0 + sigma n`` with ``sigma = std / scale``: samplers, losses and the likelihood work there, in *sigma space*, and a
process only says which levels are visited and in what steps. :mod:`synthdiff.diffusion.denoiser` has the bridge.
"""

from __future__ import annotations

import math
from typing import Literal, Self

import torch
from pydantic import BaseModel, Field, model_validator
from torch import Tensor

from synthdiff.errors import ModelError
from synthdiff.parts import Part


def along(level: Tensor, x: Tensor) -> Tensor:
    """Give times or noise levels the shape that broadcasts against records.

    Parameters
    ----------
    level : Tensor, shape () or (n,)
        One number for all records or one for each.
    x : Tensor, shape (n, ...)

    Returns
    -------
    Tensor, shape () or (n, 1, ...)
    """
    return level.reshape(-1, *[1] * (x.ndim - 1)) if level.ndim else level


class SDE(Part):
    """The family of noise processes.

    A member gives ``marginal``, ``drift``, ``diffusion``, ``time`` and ``span``; the rest follows. Times are tensors of
    shape () or (n,), and what is returned has their shape, dtype and device.
    """

    rho: float = Field(default=1.0, gt=0)
    """Sampling takes equal steps in ``t^(1 / rho)``: 1 for equal steps in time, more to crowd them at low noise."""

    @property
    def span(self) -> tuple[float, float]:
        """The first time (least noise) and the last one (most noise) that sampling visits."""
        raise NotImplementedError

    def marginal(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and standard deviation of ``x_t`` given ``x_0``."""
        raise NotImplementedError

    def drift(self, x: Tensor, t: Tensor) -> Tensor:
        """The drift ``f(t) x``, of the shape of ``x``."""
        raise NotImplementedError

    def diffusion(self, t: Tensor) -> Tensor:
        """The diffusion coefficient ``g(t)``."""
        raise NotImplementedError

    def time(self, sigma: Tensor) -> Tensor:
        """The time at which the noise level is ``sigma``: the inverse of :meth:`sigma`."""
        raise NotImplementedError

    def sigma(self, t: Tensor) -> Tensor:
        """The noise level ``std / scale``, which rises with time."""
        scale, std = self.marginal(t)
        return std / scale

    def prior(self, shape: tuple[int, ...], generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
        """Draw from the process at its last time, when next to nothing of the data is left.

        Parameters
        ----------
        shape : tuple of int
            ``(n, ...)``.
        generator : torch.Generator
            The draw is made on its device.
        dtype : torch.dtype

        Returns
        -------
        Tensor
            ``std(T) n``, in the coordinates of the process. In sigma space the same start is ``sigmas[0] * n``.
        """
        _, std = self.marginal(torch.tensor(self.span[1], dtype=torch.float64))
        return float(std) * torch.randn(shape, generator=generator, dtype=dtype, device=generator.device)

    def sigmas(self, n: int) -> Tensor:
        """The levels that sampling in ``n`` steps visits.

        Parameters
        ----------
        n : int
            Steps, at least 1.

        Returns
        -------
        Tensor of float64, shape (n + 1,)
            Strictly decreasing from the highest level to 0, on the CPU: samplers turn it into plain numbers.

        Raises
        ------
        ModelError
            If ``n`` is less than 1.
        """
        if n < 1:
            raise ModelError(f"sampling in {n} steps was asked for", mend="Ask for at least 1 step.")
        first, last = (time ** (1 / self.rho) for time in self.span)
        levels = self.sigma(torch.linspace(last, first, n, dtype=torch.float64) ** self.rho)
        return torch.cat([levels, levels.new_zeros(1)])


class LinearBeta(BaseModel):
    """The rate of noise of VP and sub-VP, rising linearly on ``0 <= t <= 1`` (Song et al. 2021, appendix B and C)."""

    beta_min: float = Field(default=0.1, gt=0)
    beta_max: float = Field(default=20.0, gt=0)
    t_min: float = Field(default=1e-3, gt=0, lt=1)
    """The earliest time that sampling visits; below it the score grows without bound."""

    @property
    def span(self) -> tuple[float, float]:
        """The first and the last time."""
        return self.t_min, 1.0

    def beta(self, t: Tensor) -> Tensor:
        """The rate at ``t``."""
        return self.beta_min + t * (self.beta_max - self.beta_min)

    def spent(self, t: Tensor) -> Tensor:
        """The integral of the rate from 0 to ``t``."""
        return t * self.beta_min + t.square() / 2 * (self.beta_max - self.beta_min)

    def when_spent(self, spent: Tensor) -> Tensor:
        """The time at which the integral is ``spent``."""
        # This form of the root of the quadratic loses no digits near 0 and holds for a constant rate.
        slope = 2 * (self.beta_max - self.beta_min)
        return 2 * spent / (self.beta_min + (self.beta_min**2 + slope * spent).sqrt())


class VP(LinearBeta, SDE):
    """Variance preserving: the continuous form of DDPM (Song et al. 2021, eq. 11 and 33)."""

    kind: Literal["vp"] = "vp"

    def marginal(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and standard deviation of ``x_t`` given ``x_0``; their squares add up to 1."""
        spent = self.spent(t)
        return torch.exp(-spent / 2), (-torch.expm1(-spent)).sqrt()

    def drift(self, x: Tensor, t: Tensor) -> Tensor:
        """``-beta(t) x / 2``."""
        return -along(self.beta(t), x) * x / 2

    def diffusion(self, t: Tensor) -> Tensor:
        """``sqrt(beta(t))``."""
        return self.beta(t).sqrt()

    def time(self, sigma: Tensor) -> Tensor:
        """The time at which the noise level is ``sigma``."""
        return self.when_spent(torch.log1p(sigma.square()))


class SubVP(LinearBeta, SDE):
    """Sub-VP: the drift of VP with less noise, made for likelihoods (Song et al. 2021, eq. 27 to 29)."""

    kind: Literal["sub-vp"] = "sub-vp"

    def marginal(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and standard deviation of ``x_t`` given ``x_0``."""
        spent = self.spent(t)
        return torch.exp(-spent / 2), -torch.expm1(-spent)

    def drift(self, x: Tensor, t: Tensor) -> Tensor:
        """``-beta(t) x / 2``."""
        return -along(self.beta(t), x) * x / 2

    def diffusion(self, t: Tensor) -> Tensor:
        """``sqrt(beta(t) (1 - exp(-2 integral of beta)))``."""
        return (-self.beta(t) * torch.expm1(-2 * self.spent(t))).sqrt()

    def time(self, sigma: Tensor) -> Tensor:
        """The time at which the noise level is ``sigma``, which is ``2 sinh(integral of beta / 2)``."""
        return self.when_spent(2 * torch.asinh(sigma / 2))


class Levels(BaseModel):
    """The lowest and the highest noise level that sampling visits."""

    sigma_min: float
    sigma_max: float

    @model_validator(mode="after")
    def _rise(self) -> Self:
        if self.sigma_min >= self.sigma_max:
            raise ValueError(f"sigma_min is {self.sigma_min}, which is not below sigma_max, {self.sigma_max}")
        return self


class VE(Levels, SDE):
    """Variance exploding: noise of geometrically rising level is added (Song et al. 2021, eq. 9 and 30).

    As in Song's code, the data count as noisy at level ``sigma_min`` when ``t = 0``.
    """

    kind: Literal["ve"] = "ve"
    sigma_min: float = Field(default=0.01, gt=0)
    sigma_max: float = Field(default=50.0, gt=0)

    @property
    def span(self) -> tuple[float, float]:
        """From 0 to 1."""
        return 0.0, 1.0

    def marginal(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Scale 1 and the level ``sigma_min (sigma_max / sigma_min)^t``."""
        return torch.ones_like(t), self.sigma_min * torch.exp(t * self._growth())

    def drift(self, x: Tensor, t: Tensor) -> Tensor:
        """Zero: the process only adds noise."""
        return torch.zeros_like(x)

    def diffusion(self, t: Tensor) -> Tensor:
        """``sigma(t) sqrt(2 log(sigma_max / sigma_min))``."""
        return self.sigma(t) * math.sqrt(2 * self._growth())

    def time(self, sigma: Tensor) -> Tensor:
        """The time at which the noise level is ``sigma``."""
        return torch.log(sigma / self.sigma_min) / self._growth()

    def _growth(self) -> float:
        return math.log(self.sigma_max / self.sigma_min)


class EDM(Levels, SDE):
    """EDM: time is the noise level itself, and the steps shrink towards 0 (Karras et al. 2022, table 1 and eq. 5)."""

    kind: Literal["edm"] = "edm"
    sigma_min: float = Field(default=0.002, gt=0)
    sigma_max: float = Field(default=80.0, gt=0)
    rho: float = Field(default=7.0, gt=0)

    @property
    def span(self) -> tuple[float, float]:
        """From ``sigma_min`` to ``sigma_max``."""
        return self.sigma_min, self.sigma_max

    def marginal(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Scale 1 and the level ``t``."""
        return torch.ones_like(t), t

    def drift(self, x: Tensor, t: Tensor) -> Tensor:
        """Zero: the process only adds noise."""
        return torch.zeros_like(x)

    def diffusion(self, t: Tensor) -> Tensor:
        """``sqrt(2 t)``."""
        return (2 * t).sqrt()

    def time(self, sigma: Tensor) -> Tensor:
        """The noise level itself."""
        return sigma
