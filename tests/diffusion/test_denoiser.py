"""Preconditioning, the loss, and the bridge between sigma space and the coordinates of a process."""

from __future__ import annotations

import pytest
import torch
from diffusion.analytic import GAUSSIAN, MIXTURE
from torch import Tensor

from synthdiff.diffusion.denoiser import (
    Denoise,
    Preconditioner,
    as_score,
    denoising_loss,
    from_epsilon,
    from_score,
    from_velocity,
    precondition,
)
from synthdiff.diffusion.sde import SDE, VP, along
from synthdiff.errors import ModelError

each_process = pytest.mark.parametrize("process", [member() for member in SDE.members.values()], ids=list(SDE.members))


def noisy(seed: int, n: int = 64) -> tuple[Tensor, Tensor, Tensor]:
    """Clean records, levels from .02 to 40, standard normal noise."""
    generator = torch.Generator().manual_seed(seed)
    x = MIXTURE.draw(n, generator)
    sigma = torch.logspace(-1.7, 1.6, n, dtype=torch.float64)
    return x, sigma, torch.randn(x.shape, generator=generator, dtype=torch.float64)


def wobble(x: Tensor, c: Tensor) -> Tensor:
    """Some net."""
    return torch.sin(3 * x) + along(c, x)


@each_process
def test_the_score_is_the_slope_of_the_log_density(process: SDE) -> None:
    t = torch.linspace(process.span[0], process.span[1], 12, dtype=torch.float64)[1:]
    scale, std = (along(part, torch.ones(11, 2)) for part in process.marginal(t))
    x = scale * MIXTURE.draw(11, torch.Generator().manual_seed(0)) + std
    at = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(MIXTURE.log_density(at / scale, process.sigma(t)).sum(), at)
    torch.testing.assert_close(as_score(MIXTURE.denoise, process)(x, t), slope)


@each_process
def test_score_and_denoiser_are_two_forms_of_one_thing(process: SDE) -> None:
    x, sigma, noise = noisy(1)
    first, last = (float(process.sigma(torch.tensor(t, dtype=torch.float64))) for t in process.span)
    sigma = sigma.clamp(first, last)
    x = x + sigma[:, None] * noise
    there_and_back = from_score(as_score(MIXTURE.denoise, process), process)
    torch.testing.assert_close(there_and_back(x, sigma), MIXTURE.denoise(x, sigma))


@each_process
def test_a_net_that_knows_the_noise_is_a_perfect_denoiser(process: SDE) -> None:
    x, sigma, noise = noisy(2)
    seen: list[Tensor] = []

    def epsilon(at: Tensor, t: Tensor) -> Tensor:
        seen.extend((at, t))
        return noise

    torch.testing.assert_close(from_epsilon(epsilon, process)(x + sigma[:, None] * noise, sigma), x)
    scale, std = (along(part, x) for part in process.marginal(seen[1]))
    torch.testing.assert_close(seen[0], scale * x + std * noise)


def test_a_net_that_knows_the_velocity_is_a_perfect_denoiser() -> None:
    x, sigma, noise = noisy(3)

    def velocity(at: Tensor, t: Tensor) -> Tensor:
        scale, std = (along(part, x) for part in VP().marginal(t))
        torch.testing.assert_close(at, scale * x + std * noise)
        return scale * noise - std * x

    torch.testing.assert_close(from_velocity(velocity, VP())(x + sigma[:, None] * noise, sigma), x)


@pytest.mark.parametrize("data", [0.5, torch.tensor([0.3, 2.0], dtype=torch.float64)], ids=["float", "tensor"])
def test_a_net_sees_and_gives_unit_variance(data: float | Tensor) -> None:
    generator = torch.Generator().manual_seed(4)
    by = Preconditioner(data)
    n = 40_000
    x = torch.randn(n, 2, generator=generator, dtype=torch.float64) * data
    for sigma in (0.01, 0.5, 30.0):
        level = torch.full((n, 1), sigma, dtype=torch.float64)
        noise = torch.randn(n, 2, generator=generator, dtype=torch.float64)
        for unit in (by.input(level) * (x + level * noise), by.target(x, level, noise)):
            torch.testing.assert_close(unit.std(0), torch.ones(2, dtype=torch.float64), rtol=0.03, atol=0)


def test_the_four_scalars_are_those_of_the_paper() -> None:
    by, sigma = Preconditioner(0.5), torch.tensor([[2.0]], dtype=torch.float64)
    assert float(by.skip(sigma)) == pytest.approx(0.25 / 4.25)
    assert float(by.out(sigma)) == pytest.approx(1 / 4.25**0.5)
    assert float(by.input(sigma)) == pytest.approx(1 / 4.25**0.5)
    assert float(by.noise(sigma)) == pytest.approx(torch.tensor(2.0).log().item() / 4)


@pytest.mark.parametrize("data", [0.5, torch.tensor([0.3, 2.0])], ids=["float", "tensor"])
def test_the_loss_is_the_weighted_error_of_the_denoiser(data: float | Tensor) -> None:
    by = Preconditioner(data)
    x, sigma, noise = noisy(5)
    level = sigma[:, None]
    error = precondition(wobble, by)(x + level * noise, sigma) - x
    loss = denoising_loss(wobble, by, x, sigma, noise)
    torch.testing.assert_close(loss, (error / by.out(level)).square())


def test_the_loss_is_least_for_the_best_denoiser() -> None:
    generator = torch.Generator().manual_seed(6)
    n, by = 20_000, Preconditioner(1.0)
    x, noise = MIXTURE.draw(n, generator), torch.randn(n, 2, generator=generator, dtype=torch.float64)
    sigma = torch.full((n,), 0.8, dtype=torch.float64)

    def loss_of(denoise: Denoise) -> float:
        def bare(seen: Tensor, c: Tensor) -> Tensor:
            at, level = seen / by.input(sigma[:, None]), sigma[:, None]
            return (denoise(at, sigma) - by.skip(level) * at) / by.out(level)

        return float(denoising_loss(bare, by, x, sigma, noise).mean())

    best = loss_of(MIXTURE.denoise)
    for factor in (0.9, 1.1):
        assert loss_of(lambda x, sigma, factor=factor: factor * MIXTURE.denoise(x, sigma)) > best  # type: ignore[misc]
    assert loss_of(GAUSSIAN.denoise) > best


def test_missing_coordinates_can_be_masked() -> None:
    x, sigma, noise = noisy(7)
    by = Preconditioner(1.0)
    mask = torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) < 0.5
    full = denoising_loss(wobble, by, x, sigma, noise)
    filled = denoising_loss(wobble, by, x.where(mask, torch.zeros(())), sigma, noise)
    torch.testing.assert_close((mask * full).sum(), (mask * filled).sum())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_and_shape_are_kept_under_autocast(dtype: torch.dtype) -> None:
    x, noise = torch.randn(2, 4, 2, 3, 3, 3, dtype=dtype)
    sigma = torch.rand(4, dtype=dtype) + 0.1
    by = Preconditioner(torch.tensor([0.5, 2.0], dtype=torch.float64).reshape(2, 1, 1, 1))

    def half(seen: Tensor, c: Tensor) -> Tensor:
        assert seen.dtype == dtype
        assert c.shape == (4,)
        return seen.bfloat16()

    for answer in (precondition(half, by)(x, sigma), denoising_loss(half, by, x, sigma, noise)):
        assert answer.shape == x.shape
        assert answer.dtype == dtype


def test_little_noise_costs_no_precision() -> None:
    """At the level of .002 and data of size 50, the difference of clean and noisy loses four of seven digits."""
    x = torch.full((1, 1), 50.3)
    noise, sigma = torch.full((1, 1), 0.7), torch.full((1, 1), 0.002)
    exact = Preconditioner(50.0).target(x.double(), sigma.double(), noise.double())
    torch.testing.assert_close(Preconditioner(50.0).target(x, sigma, noise).double(), exact, rtol=1e-5, atol=0)


@pytest.mark.parametrize("data", [0.0, -1.0, float("nan"), float("inf"), torch.tensor([1.0, 0.0])])
def test_data_without_spread_are_refused(data: float | Tensor) -> None:
    with pytest.raises(ModelError, match="sigma_data must be positive and finite, but 1 of its"):
        Preconditioner(data)
