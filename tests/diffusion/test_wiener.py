"""The Wiener filter: the best denoiser of Gaussian data, and honest about volumes that it was not fitted to."""

import pytest
import torch

from synthdiff.diffusion.wiener import Wiener


def gaussian(n, seed, factors=3, shape=(2, 4, 6)):
    """Records of a few strong factors and weak independent noise, another level of it by channel."""
    generator = torch.Generator().manual_seed(0)
    loadings = torch.randn(factors, *shape, generator=generator)
    own = torch.tensor([0.3, 0.6]).view(1, 2, 1, 1)
    draw = torch.Generator().manual_seed(seed)
    scores = 2 * torch.randn(n, factors, generator=draw)
    return 5 + torch.einsum("nf,fchw->nchw", scores, loadings) + own * torch.randn(n, *shape, generator=draw)


def untold(n, conditions=0):
    return torch.zeros(n, conditions)


def fit(records, **options):
    return Wiener.fit(records, untold(len(records)), **options)


@pytest.fixture(scope="module")
def fitted():
    return fit(gaussian(4000, 1), components=3)


def test_it_denoises_nearly_as_well_as_is_possible(fitted):
    clean = gaussian(4000, 2)
    for level in (0.1, 1.0, 10.0):
        sigma = torch.full((len(clean),), level)
        noisy = clean + level * torch.randn(clean.shape, generator=torch.Generator().manual_seed(3))
        error = (fitted(noisy, sigma, untold(len(noisy))) - clean).square().mean((0, 2, 3)).sqrt()
        flat = gaussian(20_000, 4).flatten(1)
        covariance = torch.cov(flat.T)
        left = covariance - covariance @ torch.linalg.solve(
            covariance + level**2 * torch.eye(len(covariance)), covariance
        )
        best = left.diagonal().view(2, -1).mean(1).sqrt()
        assert torch.allclose(error, best, rtol=0.06)
        assert torch.allclose(fitted.error(sigma, clean)[0].flatten(), error, rtol=0.1)


def test_of_few_records_it_knows_what_it_does_not_know():
    few = fit(gaussian(40, 5), components=10)
    clean = gaussian(2000, 6)
    sigma = torch.full((len(clean),), 0.7)
    noisy = clean + 0.7 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(7))
    error = (few(noisy, sigma, untold(len(noisy))) - clean).square().mean((0, 2, 3)).sqrt()
    assert torch.allclose(few.error(sigma, clean)[0].flatten(), error, rtol=0.25)


def test_training_sees_filters_that_do_not_know_the_record():
    records = gaussian(40, 5)
    few = fit(records, components=10)
    sigma = torch.full((len(records),), 0.05)

    def left(fold):
        return (few(records, sigma, untold(40), fold) - records).square().mean()

    assert left(few.fold(len(records))) > left(None)


def test_without_components_coordinates_are_independent():
    records = gaussian(50, 8)
    plain = fit(records, components=0)
    spread = records.flatten(1).std(0, correction=0)
    one = plain.mean + 1
    kept = spread**2 / (spread**2 + 1)
    assert torch.allclose((plain(one, torch.ones(1), untold(1)) - plain.mean).flatten(), kept, atol=1e-3)


def test_it_survives_saving(fitted):
    other = Wiener((2, 4, 6), 3, fitted.whole, 0)
    other.load_state_dict(fitted.state_dict())
    x = gaussian(3, 9)
    assert torch.equal(other(x, torch.ones(3), untold(3)), fitted(x, torch.ones(3), untold(3)))


def test_a_coordinate_without_spread_does_no_harm():
    records = gaussian(60, 10)
    records[:, :, 0] = 0
    fitted = fit(records)
    assert torch.isfinite(fitted(records, torch.full((60,), 1e-3), untold(60))).all()


def test_what_is_told_moves_the_mean_as_far_as_there_are_records_that_say_so():
    records, effect = gaussian(400, 11), torch.zeros(2, 4, 6)
    effect[0, 1] = 3
    condition = torch.stack([torch.ones(400), torch.arange(400) % 2.0], 1)
    told = Wiener.fit(records + condition[:, 1, None, None, None] * effect, condition, components=3)
    apart = told.centre(torch.tensor([[1.0, 1.0]])) - told.centre(torch.tensor([[1.0, 0.0]]))
    assert torch.allclose(apart[0, 0, 1], torch.full((6,), 3.0), atol=0.8)
    assert torch.equal(told.centre(untold(1, 2)), told.mean)
    # Under very strong noise, the mean is all that is left.
    lost = torch.full((2,), 1e4)
    found = told(torch.zeros(2, 2, 4, 6), lost, condition[:2])
    assert torch.allclose(found, told.centre(condition[:2]), atol=1e-3)


def test_one_record_with_a_finding_hardly_moves_its_mean():
    records = gaussian(100, 12)
    condition = torch.zeros(100, 2)
    condition[:, 0] = 1
    condition[7, 1] = 1
    told = Wiener.fit(records, condition)
    moved = told.centre(condition[7:8]) - told.centre(condition[:1])
    assert (moved.norm() / (records[7] - told.mean).norm()) < 0.06
