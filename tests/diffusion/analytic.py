"""A mixture of Gaussians, whose denoiser, density and probability flow are known in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Mixture:
    """Weights (K,), means (K, d); for each component an orthogonal basis (K, d, d) and standard deviations (K, d)."""

    weights: Tensor
    means: Tensor
    bases: Tensor
    stds: Tensor

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Clean records (n, d)."""
        of = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        noise = torch.randn(n, self.means.shape[1], generator=generator, dtype=self.means.dtype)
        return self.means[of] + torch.einsum("nij,nj->ni", self.bases[of], self.stds[of] * noise)

    def mean(self) -> Tensor:
        return self.weights @ self.means

    def covariance(self) -> Tensor:
        within = torch.einsum("kij,kj,klj->kil", self.bases, self.stds.square(), self.bases)
        apart = self.means - self.mean()
        return torch.einsum("k,kil->il", self.weights, within + apart[:, :, None] * apart[:, None, :])

    def log_density(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Of records (n, d) with noise of level sigma (n,); in nats."""
        return torch.logsumexp(self._joint(x, sigma), 1)

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The mean of the clean record given the noisy one."""
        along = self._along(x)
        variance = self.stds.square().to(x)
        shrunk = along * variance / (variance + sigma[:, None, None].square())
        guesses = self.means.to(x) + torch.einsum("kij,nkj->nki", self.bases.to(x), shrunk)
        return torch.einsum("nk,nki->ni", self._joint(x, sigma).softmax(1), guesses)

    def flow(self, x: Tensor, before: float, after: float) -> Tensor:
        """Where the probability flow carries records from one level to another; for a single Gaussian."""
        assert len(self.weights) == 1
        variance = self.stds.square()
        stretch = ((variance + after**2) / (variance + before**2)).sqrt()
        return self.means[0] + (self._along(x) * stretch)[:, 0] @ self.bases[0].T

    def _along(self, x: Tensor) -> Tensor:
        apart = x[:, None, :] - self.means.to(x)
        return torch.einsum("kij,nki->nkj", self.bases.to(x), apart)

    def _joint(self, x: Tensor, sigma: Tensor) -> Tensor:
        total = self.stds.square().to(x) + sigma[:, None, None].square()
        nats = (self._along(x).square() / total + total.log() + math.log(2 * math.pi)).sum(2) / 2
        return self.weights.log().to(x) - nats


def rotation(degrees: float) -> Tensor:
    angle = math.radians(degrees)
    return torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], dtype=torch.float64)


GAUSSIAN = Mixture(
    weights=torch.ones(1, dtype=torch.float64),
    means=torch.tensor([[1.0, -0.5]], dtype=torch.float64),
    bases=rotation(30)[None],
    stds=torch.tensor([[1.5, 0.3]], dtype=torch.float64),
)
"""Tilted and five times as long as wide."""

MIXTURE = Mixture(
    weights=torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64),
    means=torch.tensor([[-2.0, 0.0], [1.0, 1.5], [1.5, -2.0]], dtype=torch.float64),
    bases=torch.stack([rotation(0), rotation(45), rotation(80)]),
    stds=torch.tensor([[0.3, 0.5], [0.6, 0.2], [0.3, 0.3]], dtype=torch.float64),
)
"""Three separate tilted components of unequal weight."""
