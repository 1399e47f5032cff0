"""Denoisers: the one interface between what is learnt and what samples, trains on it or measures it.

A denoiser ``D(x, sigma)`` guesses the clean data in ``x = x_0 + sigma n``; the best one gives the mean of ``x_0`` given
``x``. It holds the score, ``grad log p(x) = (D(x, sigma) - x) / sigma^2``. Nets that were taught something else (a
score, the noise, a velocity; in the coordinates of a process) are wrapped into it here, once.

Conditions, such as the other half of a record, are closed over: ``lambda x, sigma: net(x, sigma, given)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from synthdiff.diffusion.sde import SDE, VP, along
from synthdiff.errors import ModelError

Denoise = Callable[[Tensor, Tensor], Tensor]
"""``D(x, sigma) -> clean x``: ``x`` of shape (n, ...), ``sigma`` of shape (n,), the answer like ``x``.

Each record's answer depends on that record alone."""

Network = Callable[[Tensor, Tensor], Tensor]
"""A bare net: ``(x, what tells it the noise level or time) -> Tensor`` like ``x``; shapes (n, ...) and (n,)."""


@dataclass(frozen=True, eq=False)
class Preconditioner:
    """The four scalars of EDM, by which a net sees and gives numbers of unit size at every level (Karras et al. 2022).

    ``D(x, sigma) = skip x + out net(input x, noise)`` (eq. 7, table 1).

    Parameters
    ----------
    sigma_data : float or Tensor
        Standard deviation of the clean data; a tensor is broadcast over the coordinates, ``x.shape[1:]``.

    Raises
    ------
    ModelError
        If it is not positive and finite.

    Notes
    -----
    Levels are given as they broadcast against ``x``, see :func:`synthdiff.diffusion.sde.along`.
    """

    sigma_data: float | Tensor

    def __post_init__(self) -> None:
        data = torch.as_tensor(self.sigma_data)
        bad = int((~(data > 0) | data.isinf()).sum())
        if bad:
            raise ModelError(
                f"sigma_data must be positive and finite, but {bad} of its {data.numel()} numbers are not",
                mend="Leave coordinates without spread out of the diffusion, or give them a small positive one.",
            )

    def skip(self, sigma: Tensor) -> Tensor:
        """``sigma_data^2 / (sigma^2 + sigma_data^2)``: how much of the input passes unchanged."""
        data = self._data(sigma)
        return data.square() / (sigma.square() + data.square())

    def out(self, sigma: Tensor) -> Tensor:
        """``sigma sigma_data / sqrt(sigma^2 + sigma_data^2)``: the size of the net's correction."""
        data = self._data(sigma)
        return sigma * data / (sigma.square() + data.square()).sqrt()

    def input(self, sigma: Tensor) -> Tensor:
        """``1 / sqrt(sigma^2 + sigma_data^2)``: brings the input to unit variance."""
        return (sigma.square() + self._data(sigma).square()).rsqrt()

    def noise(self, sigma: Tensor) -> Tensor:
        """``log(sigma) / 4``: how the net is told the level."""
        return sigma.log() / 4

    def target(self, x: Tensor, sigma: Tensor, noise: Tensor) -> Tensor:
        """What the net should give for clean ``x`` and its ``noise``: ``(x - skip (x + sigma noise)) / out``.

        Written so that nothing cancels at low noise: ``(sigma x / sigma_data - sigma_data noise) input``.
        """
        data = self._data(sigma)
        return (sigma * x / data - data * noise) * self.input(sigma)

    def _data(self, sigma: Tensor) -> Tensor:
        return torch.as_tensor(self.sigma_data, dtype=sigma.dtype, device=sigma.device)


def precondition(net: Network, by: Preconditioner) -> Denoise:
    """Make a bare net into a denoiser.

    Parameters
    ----------
    net : callable
        ``(input, noise) -> Tensor`` of unit size, in the dtype of its input or a lower one, such as bfloat16.
    by : Preconditioner

    Returns
    -------
    Denoise
    """

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        level = along(sigma, x)
        raw = net(by.input(level) * x, by.noise(sigma))
        return by.skip(level) * x + by.out(level) * raw

    return denoise


def denoising_loss(net: Network, by: Preconditioner, x: Tensor, sigma: Tensor, noise: Tensor) -> Tensor:
    """The squared error of denoising with EDM's weight, for each element (Karras et al. 2022, eq. 8).

    It equals ``(precondition(net, by)(x + sigma noise, sigma) - x)^2 / out^2``, computed as the squared error of the
    bare net against its target, which is of unit size at every level.

    Parameters
    ----------
    net : callable
        The bare net; with dropout and the like as in training.
    by : Preconditioner
    x : Tensor, shape (n, ...)
        Clean data. Coordinates that are missing hold any finite number and are masked in the answer.
    sigma : Tensor, shape (n,)
        Levels, as :class:`synthdiff.diffusion.schedule.Schedule` draws them.
    noise : Tensor, shape (n, ...)
        Standard normal.

    Returns
    -------
    Tensor, shape (n, ...)
        Not reduced: multiply by a mask and by the schedule's weight, then take the mean.
    """
    level = along(sigma, x)
    raw = net(by.input(level) * (x + level * noise), by.noise(sigma))
    return (raw - by.target(x, level, noise)).square()


def as_score(denoise: Denoise, process: SDE) -> Network:
    """The score of a process in its own coordinates: ``score(x, t) = (scale D(x / scale, sigma) - x) / std^2``.

    Parameters
    ----------
    denoise : Denoise
    process : SDE

    Returns
    -------
    callable
        ``(x, t) -> Tensor`` like ``x``, where ``x = scale(t) x_0 + std(t) n`` and ``t`` has shape (n,).
    """

    def score(x: Tensor, t: Tensor) -> Tensor:
        scale, std = (along(part, x) for part in process.marginal(t))
        return (scale * denoise(x / scale, process.sigma(t)) - x) / std.square()

    return score


def from_score(score: Network, process: SDE) -> Denoise:
    """A denoiser from a score in the coordinates of a process (Tweedie): the inverse of :func:`as_score`.

    ``D(x, sigma) = x + scale sigma^2 score(scale x, t)``.
    """

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        t = process.time(sigma)
        scale, level = along(process.marginal(t)[0], x), along(sigma, x)
        return x + scale * level.square() * score(scale * x, t)

    return denoise


def from_epsilon(net: Network, process: SDE) -> Denoise:
    """A denoiser from a net that guesses the noise ``n`` in ``scale x_0 + std n`` (Ho et al. 2020).

    ``D(x, sigma) = x - sigma net(scale x, t)``.
    """

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        t = process.time(sigma)
        return x - along(sigma, x) * net(along(process.marginal(t)[0], x) * x, t)

    return denoise


def from_velocity(net: Network, process: VP) -> Denoise:
    """A denoiser from a net that guesses the velocity ``scale n - std x_0`` (Salimans and Ho 2022, appendix D).

    ``D = scale (scale x) - std net(scale x, t)``, which holds where ``scale^2 + std^2 = 1``, hence for VP alone.
    """

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        t = process.time(sigma)
        scale, std = (along(part, x) for part in process.marginal(t))
        return scale.square() * x - std * net(scale * x, t)

    return denoise
