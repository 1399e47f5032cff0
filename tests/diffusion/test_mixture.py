"""Mixtures under noise: every closed form against another way to compute it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from synthdiff.diffusion.mixture import Mixture
from synthdiff.seeds import torch_generator


def mixture(n: int = 5, k: int = 4, d: int = 3) -> Mixture:
    draw = torch_generator(0, "mixture")
    weights, means, scales = torch.randn(3, n, k, d, generator=draw, dtype=torch.float64)
    return Mixture(weights.log_softmax(1), 2 * means, 0.5 * scales - 1)


def noisy(made: Mixture, sigma: float) -> Mixture:
    """The mixture after noise."""
    return Mixture(made.log_weights, made.means, 0.5 * ((2 * made.log_scales).exp() + sigma**2).log())


def points(n: int = 5, d: int = 3) -> Tensor:
    return 2 * torch.randn(n, d, generator=torch_generator(1, "points"), dtype=torch.float64)


def test_the_density_integrates_to_the_mass() -> None:
    made = mixture()
    grid = torch.linspace(-1, 2, 4001, dtype=torch.float64)
    density = torch.stack([made.log_prob(at.expand(5, 3)).exp() for at in grid])
    torch.testing.assert_close(
        torch.trapezoid(density, grid, dim=0), made.mass(torch.tensor(-1.0), torch.tensor(2.0)), atol=1e-5, rtol=1e-4
    )
    whole = made.mass(torch.tensor(-math.inf), torch.tensor(math.inf))
    torch.testing.assert_close(whole, torch.ones_like(whole))


@pytest.mark.parametrize("sigma", [0.01, 0.5, 20.0])
def test_the_score_is_the_gradient_of_the_noisy_density(sigma: float) -> None:
    made, x = mixture(), points().requires_grad_()
    (expected,) = torch.autograd.grad(noisy(made, sigma).log_prob(x).sum(), x)
    torch.testing.assert_close(made.score(x.detach(), sigma), expected, atol=1e-6, rtol=1e-6)


def test_the_denoising_loss_over_all_levels_is_the_negative_log_likelihood() -> None:
    """Kong et al. 2023, eq. 8: ``-log p(x) = 1/2 log(2 pi e) + 1/2 int (mmse(x, snr) - 1 / (1 + snr)) d snr``."""
    one = Mixture(*(part[:1, :, :1] for part in vars(mixture()).values()))
    x = one.means[:, 1] + 0.1
    noise = torch.randn(20_000, 1, generator=torch_generator(2, "noise"), dtype=torch.float64)
    many = Mixture(*(part.expand(len(noise), -1, -1) for part in vars(one).values()))
    levels = torch.linspace(math.log(1e-4), math.log(1e4), 400, dtype=torch.float64)
    integrand = []
    for level in levels:
        sigma = math.exp(-0.5 * float(level))
        error = (x - many.denoise(x + sigma * noise, sigma)).square().mean()
        snr = level.exp()
        integrand.append((error - 1 / (1 + snr)) * snr)
    found = 0.5 * math.log(2 * math.pi * math.e) + 0.5 * torch.trapezoid(torch.stack(integrand), levels)
    assert abs(float(found) + float(one.log_prob(x))) < 0.02


def test_draws_follow_the_density() -> None:
    made = Mixture(*(part[:1, :, :1].expand(40_000, -1, -1) for part in vars(mixture()).values()))
    draw = torch_generator(3, "draws")
    which, where = torch.rand(2, 40_000, 1, generator=draw)
    low, high = torch.tensor(-0.5), torch.tensor(3.0)
    drawn = made.draw(which, where, low, high)
    assert drawn.min() >= -0.5 and drawn.max() <= 3.0
    for edge in (0.0, 0.5, 1.0, 2.0):
        expected = (made.mass(low, torch.tensor(edge)) / made.mass(low, high))[0, 0]
        assert abs((drawn <= edge).double().mean() - expected) < 0.01


@pytest.mark.parametrize(
    ("low", "high"), [(30.0, 31.0), (-31.0, -30.0), (200.0, 201.0), (7.5, 7.5), (-math.inf, -50.0)]
)
def test_far_out_draws_stay_inside(low: float, high: float) -> None:
    made = mixture(500)
    which, where = torch.rand(2, 500, 3, generator=torch_generator(4, "far"))
    drawn = made.draw(which, where, torch.tensor(low), torch.tensor(high))
    assert drawn.isfinite().all() and (drawn >= low).all() and (drawn <= high).all()


@pytest.mark.parametrize(("low", "high"), [(-math.inf, math.inf), (-math.inf, 1.0), (0.0, math.inf)])
def test_a_draw_is_finite_even_where_the_uniform_number_is_zero(low: float, high: float) -> None:
    zero, last = torch.zeros(5, 3), torch.full((5, 3), 1 - 2.0**-24)
    for which in (zero, last):
        for where in (zero, last):
            assert mixture().draw(which, where, torch.tensor(low), torch.tensor(high)).isfinite().all()
