"""Training schedules: each level has its distribution, a batch covers it evenly, weights are those of the papers."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings, strategies as st

from synthdiff.diffusion.denoiser import Preconditioner, denoising_loss
from synthdiff.diffusion.schedule import LogNormal, Schedule, UniformTime, evenly
from synthdiff.diffusion.sde import SDE, VP

each_schedule = pytest.mark.parametrize(
    "schedule", [member() for member in Schedule.members.values()], ids=list(Schedule.members)
)


@settings(deadline=None)
@given(n=st.integers(1, 300), seed=st.integers(0, 2**32))
def test_even_numbers_put_one_in_each_stratum(n: int, seed: int) -> None:
    u = evenly(n, torch.Generator().manual_seed(seed))
    assert u.shape == (n,)
    assert ((u >= 0) & (u < 1)).all()
    spacing = torch.cat([u.sort().values, u.min()[None] + 1]).diff()
    torch.testing.assert_close(spacing, torch.full((n,), 1 / n, dtype=torch.float64))


def test_each_even_number_is_uniform_by_itself() -> None:
    generator = torch.Generator().manual_seed(0)
    third = torch.stack([evenly(7, generator)[3] for _ in range(4000)])
    assert float(third.mean()) == pytest.approx(0.5, abs=0.02)
    assert float(third.std()) == pytest.approx(math.sqrt(1 / 12), rel=0.03)


@each_schedule
def test_levels_are_positive_and_repeatable(schedule: Schedule) -> None:
    first, again = (schedule.draw(513, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, again)
    assert first.dtype == torch.float32
    assert (first > 0).all()
    assert first.isfinite().all()
    assert not torch.equal(first, schedule.draw(513, torch.Generator().manual_seed(6)))


@each_schedule
@settings(deadline=None)
@given(u=st.floats(0, 1, exclude_max=True))
def test_every_quantile_has_a_level(schedule: Schedule, u: float) -> None:
    level = schedule.sigma(torch.tensor(u, dtype=torch.float64))
    assert 0 < float(level) < math.inf


@each_schedule
def test_weights_broadcast_against_the_loss(schedule: Schedule) -> None:
    by = Preconditioner(torch.tensor([0.5, 2.0, 1.0]))
    x, noise = torch.randn(2, 8, 3, generator=torch.Generator().manual_seed(1))
    sigma = schedule.draw(8, torch.Generator().manual_seed(2))
    loss = denoising_loss(lambda x, c: torch.zeros_like(x), by, x, sigma, noise)
    weighted = schedule.weight(sigma[:, None], by) * loss
    assert weighted.shape == x.shape
    assert (weighted >= 0).all()


def test_log_normal_levels_have_the_stated_moments() -> None:
    logs = LogNormal().draw(4096, torch.Generator().manual_seed(0), torch.float64).log()
    assert float(logs.mean()) == pytest.approx(-1.2, abs=1e-3)
    assert float(logs.std()) == pytest.approx(1.2, rel=2e-3)


@pytest.mark.parametrize("kind", list(SDE.members))
def test_uniform_times_are_uniform_over_the_process(kind: str) -> None:
    process = SDE.build(kind)
    sigma = UniformTime(process=process).draw(1000, torch.Generator().manual_seed(0), torch.float64)
    first, last = process.span
    share = (process.time(sigma) - first) / (last - first)
    torch.testing.assert_close(share.sort().values.diff(), torch.full((999,), 1e-3, dtype=torch.float64))


def test_uniform_time_weighs_the_error_of_the_noise() -> None:
    """With a net that leaves the answer at zero, the weighted loss is the squared error of the noise that implies."""
    by = Preconditioner(0.7)
    x, noise = torch.randn(2, 6, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    sigma = UniformTime(process=VP()).draw(6, torch.Generator().manual_seed(2), torch.float64)
    level = sigma[:, None]
    loss = denoising_loss(lambda x, c: torch.zeros_like(x), by, x, sigma, noise)
    noisy = x + level * noise
    guessed = (noisy - by.skip(level) * noisy) / level
    torch.testing.assert_close(UniformTime().weight(level, by) * loss, (guessed - noise).square())


def test_a_process_is_named_in_a_recipe() -> None:
    schedule = Schedule.build({"kind": "uniform-time", "process": {"kind": "ve", "sigma_max": 9}})
    assert Schedule.build(schedule.model_dump(mode="json")) == schedule
