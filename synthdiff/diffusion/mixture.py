"""Gaussian mixtures on the line under Gaussian noise: the score SDE whose every quantity has a closed form.

A mixture with component means ``m``, scales ``s`` and weights ``w`` is, after noise of level ``sigma`` was added, the
mixture with scales ``sqrt(s^2 + sigma^2)``. Its score, its denoiser and the end of its reverse-time SDE are therefore
known exactly, and so is the denoising loss integrated over all noise levels: up to a constant it is the negative
log-likelihood (Kong, Brekelmans and Ver Steeg 2023, "Information-theoretic diffusion", eq. 8). A network that gives the
mixture of one coordinate given others is a denoiser at every level that is trained without drawing noise and sampled
without steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)

LEAST = 2.0**-25
"""Half a step of float32 uniform numbers, for which 0 stands: at 0 itself a normal variable is infinite."""


@dataclass(frozen=True)
class Mixture:
    """Mixtures of ``k`` Gaussians for ``d`` coordinates of ``n`` records.

    Attributes
    ----------
    log_weights, means, log_scales : Tensor of float, shape (n, k, d)
        The weights of a coordinate sum to one.
    """

    log_weights: Tensor
    means: Tensor
    log_scales: Tensor

    def log_prob(self, x: Tensor) -> Tensor:
        """The log-density, shape ``(n, d)``."""
        standard = (x[:, None] - self.means) * (-self.log_scales).exp()
        joint: Tensor = self.log_weights - 0.5 * standard.square() - self.log_scales
        return joint.logsumexp(1) - HALF_LOG_TAU

    def only(self, coordinate: int) -> Mixture:
        """The mixture of one coordinate, with ``d`` equal to 1."""
        part = slice(coordinate, coordinate + 1)
        return Mixture(self.log_weights[..., part], self.means[..., part], self.log_scales[..., part])

    def denoise(self, x: Tensor, sigma: float) -> Tensor:
        """The expectation of the clean coordinate, given it with noise of level ``sigma``: shape ``(n, d)``."""
        variances = (2 * self.log_scales).exp()
        noisy = variances + sigma**2
        distance = x[:, None] - self.means
        share = (self.log_weights - 0.5 * distance.square() / noisy - 0.5 * noisy.log()).softmax(1)
        return (share * (self.means + variances / noisy * distance)).sum(1)

    def score(self, x: Tensor, sigma: float) -> Tensor:
        """The score of the noisy coordinate by Tweedie's formula, ``(denoise(x) - x) / sigma^2``: shape ``(n, d)``."""
        return (self.denoise(x, sigma) - x) / sigma**2

    def mass(self, low: Tensor, high: Tensor) -> Tensor:
        """The probability of ``[low, high]``, which broadcast to ``(n, d)``: float64 of shape ``(n, d)``."""
        return self._masses(low, high).sum(1)

    def draw(self, which: Tensor, where: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """Draw each coordinate from its mixture cut to ``[low, high]``.

        Parameters
        ----------
        which, where : Tensor of float, shape (n, d)
            Uniform numbers: which component, and where in it.
        low, high : Tensor of float, broadcasting to (n, d)
            Infinite for the whole line.

        Returns
        -------
        Tensor of float32, shape (n, d)
            Inside the interval, however little of the mixture lies there.
        """
        masses = self._masses(low, high)
        cumulative = masses.cumsum(1)
        reached = cumulative <= which[:, None].double() * cumulative[:, -1:]
        chosen = reached.sum(1, keepdim=True).clamp(max=masses.shape[1] - 1)
        mean = self.means.double().gather(1, chosen)[:, 0]
        scale = self.log_scales.double().gather(1, chosen)[:, 0].exp()
        return _cut_normal(mean, scale, low.double(), high.double(), where.double().clamp_min(LEAST)).float()

    def _masses(self, low: Tensor, high: Tensor) -> Tensor:
        """The probability of an interval, by component: float64 of shape ``(n, k, d)``."""
        low, high = (edge.double().broadcast_to(self.means[:, 0].shape)[:, None] for edge in (low, high))
        scales = self.log_scales.double().exp()
        _, below, above = _in_lower_tail((low - self.means) / scales, (high - self.means) / scales)
        inside = torch.special.ndtr(above) - torch.special.ndtr(below)
        masses: Tensor = self.log_weights.double().exp() * inside.clamp_min(torch.finfo(torch.float64).tiny)
        return masses


def _in_lower_tail(below: Tensor, above: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """An interval of a standard normal variable, mirrored where it lies above zero, and where that was.

    In the upper tail the distribution function is nearly one at both ends, and their difference is lost.
    """
    flip = below > 0
    return flip, torch.where(flip, -above, below), torch.where(flip, -below, above)


def _cut_normal(mean: Tensor, scale: Tensor, low: Tensor, high: Tensor, uniform: Tensor) -> Tensor:
    """A normal variable cut to an interval, by the inverse of its distribution function."""
    flip, below, above = _in_lower_tail((low - mean) / scale, (high - mean) / scale)
    first, last = torch.special.ndtr(below), torch.special.ndtr(above)
    drawn = torch.special.ndtri(first + uniform * (last - first))
    drawn = torch.where(flip, -drawn, drawn) * scale + mean
    # So far out that the distribution function is flat, the nearer edge holds all the mass.
    edge = torch.where(mean < low, low, high)
    drawn = torch.where(torch.isfinite(drawn), drawn, edge)
    return torch.minimum(torch.maximum(drawn, low), high)
