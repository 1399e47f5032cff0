"""The likelihood against closed forms."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from diffusion.analytic import GAUSSIAN, MIXTURE, Mixture
from torch import Tensor

from synthdiff.diffusion.likelihood import log_likelihood, rademacher
from synthdiff.diffusion.sde import EDM, SDE, VE, VP
from synthdiff.errors import ModelError


def lowest(sigmas: Tensor, n: int) -> Tensor:
    return sigmas[sigmas > 0].min().expand(n)


@pytest.mark.parametrize("world", [GAUSSIAN, MIXTURE], ids=["gaussian", "mixture"])
@pytest.mark.parametrize(
    "process", [EDM(sigma_max=1e4), VP(beta_max=35), VE(sigma_max=1e4)], ids=lambda process: process.kind
)
def test_it_is_the_density_of_the_data(world: Mixture, process: SDE) -> None:
    x, sigmas = world.draw(25, torch.Generator().manual_seed(0)), process.sigmas(200)
    exact = world.log_density(x, lowest(sigmas, 25))
    torch.testing.assert_close(log_likelihood(world.denoise, x, sigmas), exact, rtol=0, atol=2e-3)


def test_single_precision_is_close() -> None:
    x, sigmas = MIXTURE.draw(25, torch.Generator().manual_seed(0)), EDM().sigmas(40)
    answer = log_likelihood(MIXTURE.denoise, x.float(), sigmas)
    assert answer.dtype == torch.float32
    exact = log_likelihood(MIXTURE.denoise, x.float().double(), sigmas)
    torch.testing.assert_close(answer.double(), exact, rtol=0, atol=1e-3)


def test_the_error_falls_with_the_fourth_power_of_the_steps() -> None:
    x, process = GAUSSIAN.draw(25, torch.Generator().manual_seed(0)), VE(sigma_min=0.01, sigma_max=1e5)
    errors = []
    for n in (21, 41, 81):
        sigmas = process.sigmas(n)
        difference = log_likelihood(GAUSSIAN.denoise, x, sigmas) - GAUSSIAN.log_density(x, lowest(sigmas, 25))
        errors.append(float(difference.abs().mean()))
    slopes = [math.log2(before / after) for before, after in pairwise(errors)]
    assert all(3.5 < slope < 5.0 for slope in slopes), (errors, slopes)


def test_probes_are_unbiased() -> None:
    x, sigmas = MIXTURE.draw(6, torch.Generator().manual_seed(0)), EDM().sigmas(12)
    exact = log_likelihood(MIXTURE.denoise, x, sigmas)
    each = torch.stack(
        [
            log_likelihood(MIXTURE.denoise, x, sigmas, rademacher(1, x, torch.Generator().manual_seed(seed)))
            for seed in range(30)
        ]
    )
    error = each.std(0) / math.sqrt(30)
    assert ((each.mean(0) - exact).abs() < 4 * error + 1e-9).all()
    several = log_likelihood(MIXTURE.denoise, x, sigmas, rademacher(40, x, torch.Generator().manual_seed(99)))
    assert ((several - exact).abs() < 4 * each.std(0) / math.sqrt(40) + 1e-9).all()


def test_probes_are_exact_where_coordinates_are_apart() -> None:
    """A diagonal Jacobian has the same quadratic form under all signs; any shape of record will do."""
    stds = torch.linspace(0.5, 2, 12, dtype=torch.float64).reshape(3, 2, 2)

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        return x * stds**2 / (stds**2 + sigma.reshape(-1, 1, 1, 1) ** 2)

    x = stds * torch.randn(4, 3, 2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    sigmas = EDM(sigma_max=1000).sigmas(40)
    exact = -((x / stds).square() / 2 + stds.log() + math.log(2 * math.pi) / 2).sum((1, 2, 3))
    probes = rademacher(2, x, torch.Generator().manual_seed(1))
    answer = log_likelihood(denoise, x, sigmas)
    torch.testing.assert_close(answer, exact, rtol=0, atol=5e-3)
    torch.testing.assert_close(log_likelihood(denoise, x, sigmas, probes), answer)


def test_probes_are_signs_and_repeatable() -> None:
    x = torch.zeros(500, 3)
    first, again = (rademacher(2, x, torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(first, again)
    assert first.shape == (2, 500, 3)
    assert first.dtype == torch.float32
    assert set(first.flatten().tolist()) == {-1.0, 1.0}
    assert abs(float(first.mean())) < 0.1


def test_a_record_is_scored_by_itself() -> None:
    x, sigmas = MIXTURE.draw(10, torch.Generator().manual_seed(0)), EDM().sigmas(10)
    together, alone = log_likelihood(MIXTURE.denoise, x, sigmas), log_likelihood(MIXTURE.denoise, x[3:4], sigmas)
    torch.testing.assert_close(together[3:4], alone, rtol=1e-12, atol=1e-12)


def test_nothing_is_left_behind() -> None:
    """The answer carries no graph, and the weights of a net get no gradients."""
    net = torch.nn.Linear(2, 2, dtype=torch.float64)
    x = torch.randn(3, 2, dtype=torch.float64)
    answer = log_likelihood(lambda x, sigma: net(x) / (1 + sigma[:, None] ** 2), x, EDM().sigmas(4))
    assert not answer.requires_grad
    assert not x.requires_grad
    assert net.weight.grad is None


def test_one_level_is_too_few() -> None:
    with pytest.raises(ModelError, match="at least two positive noise levels, got 1"):
        log_likelihood(MIXTURE.denoise, torch.zeros(1, 2), EDM().sigmas(1))


def test_probes_of_another_shape_are_refused() -> None:
    with pytest.raises(ModelError, match=r"shape of the records, \(4, 2\), got \(2,\)"):
        log_likelihood(MIXTURE.denoise, torch.zeros(4, 2), EDM().sigmas(5), torch.ones(4, 2))
