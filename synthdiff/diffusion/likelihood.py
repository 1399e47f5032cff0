"""The log-likelihood of records under a denoiser, by the probability-flow ODE.

The ODE ``dx / d log sigma = x - D(x, sigma)`` carries data to noise without randomness, and the density along it
changes by the divergence: ``log p(x_0) = log prior(x_T) + integral of div`` (Song et al. 2021, eq. 39 and 40, in sigma
space, where ``log sigma`` is a time in which the flow is smooth).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from synthdiff.diffusion.denoiser import Denoise
from synthdiff.errors import ModelError


def log_likelihood(denoise: Denoise, x: Tensor, sigmas: Tensor, probes: Tensor | None = None) -> Tensor:
    """The log-likelihood of each record, in nats.

    Parameters
    ----------
    denoise : Denoise
        Differentiable in ``x``, in evaluation mode.
    x : Tensor, shape (n, ...)
        Records. They are scored under the density at the lowest positive level: the data with a trace of noise.
    sigmas : Tensor, shape (steps + 1,)
        Decreasing levels, as ``SDE.sigmas`` gives them; a last 0 is left out. Each step is one of the classical
        Runge-Kutta method of fourth order in ``log sigma``: four evaluations and their derivatives.
    probes : Tensor, shape (k, n, ...), optional
        Without them the divergence is exact and takes as many derivatives as a record has coordinates. With them it is
        estimated from ``k`` random vectors a record (:func:`rademacher`), the same along the whole path: for volumes.

    Returns
    -------
    Tensor, shape (n,)

    Raises
    ------
    ModelError
        If fewer than two positive levels are given, or probes of another shape than the records.

    Notes
    -----
    At the highest level the density is taken as ``N(0, sigma^2)``: choose it far above the size of the data. A
    coordinate of mean ``m`` and standard deviation ``s`` adds an error of about ``m / sigma + (s / sigma)^2 / 2`` nats.
    """
    rising: list[float] = sorted(level for level in sigmas.tolist() if level > 0)
    if len(rising) < 2:
        raise ModelError(
            f"the likelihood needs at least two positive noise levels, got {len(rising)}",
            mend="Ask for 2 steps or more.",
        )
    if probes is not None and probes.shape[1:] != x.shape:
        raise ModelError(
            f"each probe must have the shape of the records, {tuple(x.shape)}, got {tuple(probes.shape[1:])}",
            mend="Draw them with rademacher(k, x, generator).",
        )
    directions = _basis(x) if probes is None else list(probes)
    share = 1.0 if probes is None else 1 / len(directions)

    def flow(at: Tensor, time: float) -> tuple[Tensor, Tensor]:
        level = at.new_full((len(at),), math.exp(time))
        velocity, divergence = _divergence(lambda at: at - denoise(at, level), at, directions)
        return velocity, share * divergence

    x = x.detach()
    gained = x.new_zeros(len(x))
    for before, after in pairwise(math.log(level) for level in rising):
        x, gain = _runge_kutta(flow, x, before, after)
        gained = gained + gain
    flat = x.reshape(len(x), -1)
    normaliser = flat.shape[1] * math.log(rising[-1] * math.sqrt(2 * math.pi))
    prior = -(flat / rising[-1]).square().sum(1) / 2 - normaliser
    return prior + gained


def rademacher(k: int, x: Tensor, generator: torch.Generator) -> Tensor:
    """Draw ``k`` probes of random signs for each record: the vectors of least variance for the trace of a matrix.

    Parameters
    ----------
    k : int
        The variance of the estimate falls as ``1 / k``.
    x : Tensor, shape (n, ...)
        Gives shape, dtype and device.
    generator : torch.Generator

    Returns
    -------
    Tensor, shape (k, n, ...)
        Of 1 and -1.
    """
    signs = torch.randint(0, 2, (k, *x.shape), generator=generator, device=generator.device)
    return (2 * signs - 1).to(x)


def _basis(x: Tensor) -> list[Tensor]:
    """The unit vectors of the coordinates, each as a tensor that broadcasts against the records."""
    units = torch.eye(x[0].numel(), dtype=x.dtype, device=x.device)
    return [unit.reshape(1, *x.shape[1:]) for unit in units]


def _divergence(field: Callable[[Tensor], Tensor], x: Tensor, directions: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The field at ``x``, and ``v . J v`` summed over the directions, for each record."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        value = field(x)
        total = x.new_zeros(len(x))
        for direction in directions:
            # Records do not see each other, so one backward pass serves all of them.
            (pulled,) = torch.autograd.grad(value, x, direction.expand_as(value), retain_graph=True)
            total = total + (pulled * direction).reshape(len(x), -1).sum(1)
    return value.detach(), total


def _runge_kutta(
    flow: Callable[[Tensor, float], tuple[Tensor, Tensor]], x: Tensor, before: float, after: float
) -> tuple[Tensor, Tensor]:
    """One step of the classical method of fourth order: the new state and the integral of the divergence."""
    step, middle = after - before, (before + after) / 2
    first, gain_first = flow(x, before)
    second, gain_second = flow(x + step / 2 * first, middle)
    third, gain_third = flow(x + step / 2 * second, middle)
    fourth, gain_fourth = flow(x + step * third, after)
    gain = gain_first + 2 * (gain_second + gain_third) + gain_fourth
    return x + step / 6 * (first + 2 * (second + third) + fourth), step / 6 * gain
