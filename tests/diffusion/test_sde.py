"""Every noise process: its equation, its marginal, its inverse and its grid agree with each other."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from diffusion.analytic import GAUSSIAN
from hypothesis import given, settings, strategies as st
from pydantic import ValidationError
from torch import Tensor

from synthdiff.diffusion.denoiser import as_score
from synthdiff.diffusion.sde import EDM, SDE, VE, VP, SubVP, along
from synthdiff.errors import ModelError

each_process = pytest.mark.parametrize("process", [member() for member in SDE.members.values()], ids=list(SDE.members))
shares = st.floats(min_value=0, max_value=1)


def time_at(process: SDE, share: float) -> Tensor:
    first, last = process.span
    return torch.tensor(first + share * (last - first), dtype=torch.float64)


def flow(process: SDE, x: Tensor, t: Tensor) -> Tensor:
    """The probability-flow ODE in the coordinates of the process (Song et al. 2021, eq. 13), with the exact score."""
    score = as_score(GAUSSIAN.denoise, process)(x, t)
    return process.drift(x, t) - along(process.diffusion(t), x).square() * score / 2


@each_process
@settings(deadline=None)
@given(share=shares)
def test_the_marginal_solves_the_equation(process: SDE, share: float) -> None:
    t = time_at(process, share).requires_grad_()
    scale, std = process.marginal(t)
    drift = process.drift(torch.ones(1, 1, dtype=torch.float64), t)[0, 0]
    (scale_rate,) = torch.autograd.grad(scale, t, retain_graph=True) if scale.requires_grad else (torch.zeros_like(t),)
    (variance_rate,) = torch.autograd.grad(std.square(), t)
    torch.testing.assert_close(scale_rate, drift * scale)
    torch.testing.assert_close(variance_rate, 2 * drift * std.square() + process.diffusion(t).square())


@each_process
@settings(deadline=None)
@given(share=shares)
def test_time_is_the_inverse_of_sigma(process: SDE, share: float) -> None:
    t = time_at(process, share)
    torch.testing.assert_close(process.time(process.sigma(t)), t, rtol=1e-9, atol=1e-12)


@each_process
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shapes_and_dtypes_are_kept(process: SDE, dtype: torch.dtype) -> None:
    x = torch.randn(5, 2, 3, dtype=dtype)
    for t in (torch.rand(5, dtype=dtype) + 0.01, torch.tensor(0.5, dtype=dtype)):
        for answer in (*process.marginal(t), process.diffusion(t), process.sigma(t), process.time(process.sigma(t))):
            assert answer.shape == t.shape
            assert answer.dtype == dtype
            assert answer.isfinite().all()
        assert process.drift(x, t).shape == x.shape
        assert process.drift(x, t).dtype == dtype


@each_process
def test_a_simulated_path_has_the_marginal(process: SDE) -> None:
    generator = torch.Generator().manual_seed(1)
    # The middle of the span in log sigma, where the scale and the noise of every process matter.
    low, high = (float(process.sigma(torch.tensor(t, dtype=torch.float64))) for t in process.span)
    end = float(process.time(torch.tensor(math.sqrt(low * high), dtype=torch.float64)))
    times = torch.linspace(process.span[0], end, 401, dtype=torch.float64)
    scale, std = process.marginal(times[0])
    x = 2 * scale + std * torch.randn(40_000, 1, generator=generator, dtype=torch.float64)
    for before, after in pairwise(times):
        step = after - before
        kick = torch.randn(x.shape, generator=generator, dtype=torch.float64)
        x = x + step * process.drift(x, before) + step.sqrt() * process.diffusion(before) * kick
    scale, std = process.marginal(times[-1])
    assert float(x.mean()) == pytest.approx(2 * float(scale), abs=5 * float(std) / 200)
    assert float(x.std()) == pytest.approx(float(std), rel=0.025)


@each_process
def test_its_flow_is_the_flow_in_sigma_space(process: SDE) -> None:
    first, last = (float(process.sigma(torch.tensor(t, dtype=torch.float64))) for t in process.span)
    low, high = max(first, 0.05), min(last, 5.0)
    x = GAUSSIAN.draw(20, torch.Generator().manual_seed(2)) + torch.linspace(-high, high, 20)[:, None]
    levels = torch.logspace(math.log10(high), math.log10(low), 201, dtype=torch.float64)
    times = process.time(levels)
    inside = process.marginal(times[0])[0] * x
    for before, after in pairwise(times):
        step, start, end = after - before, before.expand(20), after.expand(20)
        slope = flow(process, inside, start)
        inside = inside + step * (slope + flow(process, inside + step * slope, end)) / 2
    exact = GAUSSIAN.flow(x, high, low)
    torch.testing.assert_close(inside / process.marginal(times[-1])[0], exact, rtol=2e-3, atol=2e-3)


@each_process
@pytest.mark.parametrize("n", [1, 2, 30])
def test_the_grid_falls_to_zero(process: SDE, n: int) -> None:
    sigmas = process.sigmas(n)
    assert sigmas.shape == (n + 1,)
    assert (sigmas.diff() < 0).all()
    assert sigmas[-1] == 0
    assert float(sigmas[0]) == pytest.approx(float(process.sigma(time_at(process, 1))))
    if n > 1:
        assert float(sigmas[-2]) == pytest.approx(float(process.sigma(time_at(process, 0))))


@each_process
def test_no_step_is_no_grid(process: SDE) -> None:
    with pytest.raises(ModelError, match="at least 1 step"):
        process.sigmas(0)


@each_process
def test_the_prior_is_the_end_of_the_process(process: SDE) -> None:
    drawn = process.prior((20_000, 2), torch.Generator().manual_seed(3))
    assert drawn.dtype == torch.float32
    assert float(drawn.std()) == pytest.approx(float(process.marginal(time_at(process, 1))[1]), rel=0.02)
    assert torch.equal(drawn, process.prior((20_000, 2), torch.Generator().manual_seed(3)))


@each_process
def test_it_survives_being_written_down(process: SDE) -> None:
    assert SDE.build(process.model_dump(mode="json")) == process


def test_vp_keeps_the_variance() -> None:
    scale, std = VP().marginal(torch.linspace(0.001, 1, 50, dtype=torch.float64))
    torch.testing.assert_close(scale.square() + std.square(), torch.ones(50, dtype=torch.float64))


def test_sub_vp_has_the_square_of_the_noise_of_vp() -> None:
    t = torch.linspace(0.001, 1, 50, dtype=torch.float64)
    torch.testing.assert_close(SubVP().marginal(t)[1], VP().marginal(t)[1].square())


def test_published_values() -> None:
    # Song et al. 2021, appendix B: -log(scale) = t^2 (20 - 0.1) / 4 + 0.1 t / 2.
    assert float(VP().marginal(torch.tensor(1.0))[0].log()) == pytest.approx(-5.025, rel=1e-5)
    assert float(VE().sigma(torch.tensor(0.5))) == pytest.approx(math.sqrt(0.01 * 50), rel=1e-5)
    # Karras et al. 2022, eq. 5, second of three steps.
    half = ((80 ** (1 / 7) + 0.002 ** (1 / 7)) / 2) ** 7
    torch.testing.assert_close(EDM().sigmas(3), torch.tensor([80, half, 0.002, 0], dtype=torch.float64))


def test_a_constant_rate_is_allowed() -> None:
    process = VP(beta_min=3, beta_max=3)
    t = torch.tensor(0.7, dtype=torch.float64)
    torch.testing.assert_close(process.time(process.sigma(t)), t)


@pytest.mark.parametrize("member", [VE, EDM])
def test_levels_in_the_wrong_order_are_refused(member: type[VE] | type[EDM]) -> None:
    with pytest.raises(ValidationError, match=r"sigma_min is 90\.0, which is not below sigma_max"):
        member(sigma_min=90)
