"""The contract of every sampler: the right distribution, the stated order, and nothing but its arguments."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from diffusion.analytic import GAUSSIAN, MIXTURE
from torch import Tensor

from synthdiff.diffusion.sde import EDM, SDE
from synthdiff.samplers import DDIM, DPMpp, Heun, PredictorCorrector, Sampler, noise_from
from synthdiff.samplers.ddim import ddim

VARIANTS = [
    DDIM(eta=1),
    DPMpp(eta=1),
    Heun(churn=10, churn_min=0.05, churn_max=50),
    PredictorCorrector(corrector_steps=2),
]
SAMPLERS = [*(member() for member in Sampler.members.values()), *VARIANTS]
each_sampler = pytest.mark.parametrize("sampler", SAMPLERS, ids=str)


def steps_for(sampler: Sampler) -> int:
    """Enough for the distribution to be right to about 2 %."""
    return 400 if sampler.order == 1 else 240 if is_random(sampler) else 120


def is_random(sampler: Sampler) -> bool:
    calls: list[Tensor] = []

    def noise(x: Tensor) -> Tensor:
        calls.append(x)
        return torch.zeros_like(x)

    sampler(GAUSSIAN.denoise, torch.ones(1, 2, dtype=torch.float64), EDM().sigmas(4), noise)
    return bool(calls)


def sample(sampler: Sampler, n: int, sigmas: Tensor, seed: int = 0, world: object = GAUSSIAN) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = sigmas[0] * torch.randn(n, 2, generator=generator, dtype=torch.float64)
    return sampler(world.denoise, x, sigmas, noise_from(generator))  # type: ignore[attr-defined]


def exact_variance(sampler: Sampler, sigmas: Tensor, data: float) -> float:
    """The variance that a sampler gives to a centred Gaussian, without drawing anything.

    The denoiser of a Gaussian is linear, so the end is a weighted sum of the start and of every noise that was added:
    record 0 carries the weight of the start, record j that of the j-th noise.
    """

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        return x * data / (data + sigma[:, None] ** 2)

    def run(records: int, noise: Callable[[Tensor], Tensor]) -> Tensor:
        x = torch.zeros(records, 1, dtype=torch.float64)
        x[0] = math.sqrt(data + float(sigmas[0]) ** 2)
        return sampler(denoise, x, sigmas, noise)

    calls = 0

    def count(x: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return torch.zeros_like(x)

    def mark(x: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        noise = torch.zeros_like(x)
        noise[calls] = 1
        return noise

    run(1, count)
    records, calls = calls + 1, 0
    return float(run(records, mark).square().sum())


@each_sampler
def test_the_error_falls_at_the_stated_order(sampler: Sampler) -> None:
    process, grids = EDM(), (64, 128, 256)
    if is_random(sampler):
        errors = [abs(exact_variance(sampler, process.sigmas(n), 0.25) - 0.25) for n in grids]
    else:
        x = 80 * torch.randn(50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        exact = GAUSSIAN.flow(x, 80, 0)
        noise = noise_from(torch.Generator())
        ends = [sampler(GAUSSIAN.denoise, x, process.sigmas(n), noise) for n in grids]
        errors = [float((end - exact).square().mean().sqrt()) for end in ends]
    slopes = [math.log2(before / after) for before, after in pairwise(errors)]
    assert all(sampler.order - 0.15 < slope < sampler.order + 0.85 for slope in slopes), (errors, slopes)


@each_sampler
@pytest.mark.parametrize("process", [member() for member in SDE.members.values()], ids=list(SDE.members))
def test_every_grid_gives_the_right_variance(sampler: Sampler, process: SDE) -> None:
    assert exact_variance(sampler, process.sigmas(steps_for(sampler)), 0.25) == pytest.approx(0.25, rel=0.05)


@pytest.mark.slow
@each_sampler
def test_a_gaussian_comes_out_with_its_mean_and_covariance(sampler: Sampler) -> None:
    n = 20_000
    x = sample(sampler, n, EDM().sigmas(steps_for(sampler)))
    covariance = GAUSSIAN.covariance()
    spread = covariance.diag().sqrt()
    torch.testing.assert_close((x.mean(0) - GAUSSIAN.mean()) / spread, torch.zeros(2).double(), rtol=0, atol=0.03)
    scaled = (torch.cov(x.T) - covariance) / spread.outer(spread)
    torch.testing.assert_close(scaled, torch.zeros(2, 2).double(), rtol=0, atol=0.06)


@each_sampler
def test_a_mixture_comes_out_with_its_weights(sampler: Sampler) -> None:
    n = 2000
    x = sample(sampler, n, EDM().sigmas(steps_for(sampler)), world=MIXTURE)
    nearest = torch.cdist(x, MIXTURE.means).argmin(1)
    weights = torch.bincount(nearest, minlength=3) / n
    error = (MIXTURE.weights * (1 - MIXTURE.weights) / n).sqrt()
    assert ((weights - MIXTURE.weights).abs() < 4 * error + 0.01).all(), weights
    nats = MIXTURE.log_density(x, torch.zeros(n, dtype=torch.float64))
    fresh = MIXTURE.draw(20_000, torch.Generator().manual_seed(1))
    expected = MIXTURE.log_density(fresh, torch.zeros(20_000, dtype=torch.float64))
    assert float(nats.mean()) == pytest.approx(float(expected.mean()), abs=0.08)


@each_sampler
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(3, 1), (3, 2, 4, 4, 4), (1, 7), (0, 5)], ids=str)
def test_shape_and_dtype_are_kept(sampler: Sampler, dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        assert sigma.shape == (len(x),)
        assert sigma.dtype == x.dtype == dtype
        return x / (1 + sigma.reshape(-1, *[1] * (x.ndim - 1)) ** 2)

    sigmas = EDM().sigmas(6)
    x = 80 * torch.randn(shape, dtype=dtype)
    kept = x.clone()
    end = sampler(denoise, x, sigmas, noise_from(torch.Generator().manual_seed(0)))
    assert end.shape == shape
    assert end.dtype == dtype
    assert end.isfinite().all()
    assert torch.equal(x, kept), "the start is not overwritten"


@each_sampler
def test_single_precision_is_enough(sampler: Sampler) -> None:
    """The same start and noise in both precisions end in the same place."""
    sigmas = EDM().sigmas(40)

    def run(dtype: torch.dtype) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        start = 80 * torch.randn(50, 2, generator=generator, dtype=torch.float64)
        noise = noise_from(generator)
        return sampler(GAUSSIAN.denoise, start.to(dtype), sigmas, lambda x: noise(x.double()).to(dtype)).double()

    torch.testing.assert_close(run(torch.float32), run(torch.float64), rtol=1e-3, atol=1e-4)


@each_sampler
def test_the_same_noise_gives_the_same_result(sampler: Sampler) -> None:
    sigmas = EDM().sigmas(12)
    assert torch.equal(sample(sampler, 20, sigmas, seed=1), sample(sampler, 20, sigmas, seed=1))
    assert not torch.equal(sample(sampler, 20, sigmas, seed=1), sample(sampler, 20, sigmas, seed=2))


@each_sampler
def test_global_randomness_is_not_touched(sampler: Sampler) -> None:
    before = torch.get_rng_state()
    sample(sampler, 5, EDM().sigmas(6))
    assert torch.equal(before, torch.get_rng_state())


@each_sampler
def test_a_record_does_not_depend_on_its_neighbours(sampler: Sampler) -> None:
    sigmas = EDM().sigmas(15)
    start = 80 * torch.randn(30, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def run(rows: list[int]) -> Tensor:
        generator = torch.Generator().manual_seed(1)

        def noise(x: Tensor) -> Tensor:
            return torch.randn(30, 2, generator=generator, dtype=torch.float64)[rows]

        return sampler(MIXTURE.denoise, start[rows], sigmas, noise)

    some = [17, 4, 29]
    torch.testing.assert_close(run(some), run(list(range(30)))[some], rtol=1e-9, atol=1e-9)


@each_sampler
@pytest.mark.parametrize("steps", [1, 2, 9])
def test_evaluations_are_as_announced(sampler: Sampler, steps: int) -> None:
    calls: list[Tensor] = []

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        calls.append(sigma)
        return GAUSSIAN.denoise(x, sigma)

    sampler(denoise, torch.ones(2, 2, dtype=torch.float64), EDM().sigmas(steps), noise_from(torch.Generator()))
    assert len(calls) == sampler.evaluations(steps)


@each_sampler
def test_one_step_gives_the_denoisers_answer(sampler: Sampler) -> None:
    x = torch.tensor([[3.0, -8.0]], dtype=torch.float64)
    sigmas = torch.tensor([5.0, 0.0], dtype=torch.float64)
    quiet = sampler.model_copy(update={"churn": 0.0}) if isinstance(sampler, Heun) else sampler
    end = quiet(GAUSSIAN.denoise, x, sigmas, noise_from(torch.Generator()))
    torch.testing.assert_close(end, GAUSSIAN.denoise(x, sigmas[:1]))


@each_sampler
def test_a_run_can_stop_above_zero(sampler: Sampler) -> None:
    """The end of a grid that stops at a positive level has the variance of data with that much noise."""
    grid = torch.logspace(math.log10(80), math.log10(0.5), steps_for(sampler), dtype=torch.float64)
    assert exact_variance(sampler, grid, 0.25) == pytest.approx(0.25 + 0.5**2, rel=0.05)


@each_sampler
def test_no_graph_is_kept(sampler: Sampler) -> None:
    weight = torch.ones(2, requires_grad=True)
    x = torch.ones(3, 2)
    end = sampler(lambda x, sigma: weight * x / 2, x, EDM().sigmas(3), noise_from(torch.Generator()))
    assert not end.requires_grad


@each_sampler
def test_it_survives_being_written_down(sampler: Sampler) -> None:
    assert Sampler.build(sampler.model_dump(mode="json")) == sampler


def test_ddim_without_fresh_noise_is_eulers_method() -> None:
    sigmas = EDM().sigmas(20)
    x = end = 80 * torch.randn(10, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for sigma, after in pairwise(sigmas):
        slope = (end - MIXTURE.denoise(end, sigma.expand(10))) / sigma
        end = end + (after - sigma) * slope
    torch.testing.assert_close(ddim(MIXTURE.denoise, x, sigmas, noise_from(torch.Generator())), end)


def test_ddpm_is_ddim_with_all_its_noise_fresh() -> None:
    """For data in one point, a step draws from ``N(a^2 x / s^2, a^2 (s^2 - a^2) / s^2)``, from level s to level a."""
    s, a = 10.0, 3.0
    x, sigmas = torch.tensor([[7.0]], dtype=torch.float64), torch.tensor([s, a], dtype=torch.float64)
    still = float(DDIM(eta=1)(lambda x, sigma: 0 * x, x, sigmas, torch.zeros_like))
    kicked = float(DDIM(eta=1)(lambda x, sigma: 0 * x, x, sigmas, torch.ones_like))
    assert still == pytest.approx(7 * a**2 / s**2)
    assert (kicked - still) ** 2 == pytest.approx(a**2 * (s**2 - a**2) / s**2)


def test_the_corrector_mends_the_predictor() -> None:
    sigmas = EDM().sigmas(64)
    bare, mended = (abs(exact_variance(PredictorCorrector(corrector_steps=k), sigmas, 0.25) - 0.25) for k in (0, 1))
    assert mended < 0.8 * bare


def test_the_corrector_leaves_its_level_as_it_should() -> None:
    """Langevin steps of a ratio r settle at the variance ``V / (1 - r^2 sigma^2 / V)`` for a Gaussian of variance V."""
    snr, level, data = 0.2, 0.5, 0.25
    grid = torch.tensor([0.6, level], dtype=torch.float64)
    settled = exact_variance(PredictorCorrector(corrector_steps=500, snr=snr), grid, data)
    total = data + level**2
    assert settled == pytest.approx(total / (1 - snr**2 * level**2 / total), rel=1e-6)


@pytest.mark.parametrize(("churn", "factor"), [(5, 1.25), (1000, math.sqrt(2))])
def test_churn_raises_the_level_only_between_its_bounds(churn: float, factor: float) -> None:
    sampler = Heun(churn=churn, churn_min=0.1, churn_max=10)
    levels: list[float] = []

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        levels.append(float(sigma[0]))
        return GAUSSIAN.denoise(x, sigma)

    sigmas = EDM().sigmas(20)
    sampler(denoise, torch.ones(1, 2, dtype=torch.float64), sigmas, noise_from(torch.Generator()))
    for sigma, seen in zip(sigmas[:-1].tolist(), levels[::2], strict=True):
        assert seen == pytest.approx(sigma * factor if 0.1 <= sigma <= 10 else sigma)


def test_churn_adds_the_noise_that_is_missing() -> None:
    """With a denoiser that changes nothing, all that happens is the churn: from 2 to 2.5, three halves as strong."""
    x, sigmas = torch.zeros(1, 1), torch.tensor([2.0, 1.0])
    end = Heun(churn=0.25, churn_noise=1.5)(lambda x, sigma: x, x, sigmas, torch.ones_like)
    assert float(end) == pytest.approx(1.5 * math.sqrt(2.5**2 - 2**2))


def test_noise_is_standard_normal_and_repeatable() -> None:
    x = torch.zeros(2000, 3)
    first = noise_from(torch.Generator().manual_seed(3))
    drawn, second = first(x), first(x)
    assert drawn.dtype == x.dtype
    assert not torch.equal(drawn, second)
    assert torch.equal(drawn, noise_from(torch.Generator().manual_seed(3))(x))
    assert abs(float(drawn.mean())) < 0.05
    assert float(drawn.std()) == pytest.approx(1, rel=0.03)
