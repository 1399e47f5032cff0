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


@pytest.fixture(scope="module")
def fitted():
    return Wiener.fit(gaussian(4000, 1), components=3)


def test_it_denoises_nearly_as_well_as_is_possible(fitted):
    clean = gaussian(4000, 2)
    for level in (0.1, 1.0, 10.0):
        sigma = torch.full((len(clean),), level)
        noisy = clean + level * torch.randn(clean.shape, generator=torch.Generator().manual_seed(3))
        error = (fitted(noisy, sigma) - clean).square().mean((0, 2, 3)).sqrt()
        flat = gaussian(20_000, 4).flatten(1)
        covariance = torch.cov(flat.T)
        left = covariance - covariance @ torch.linalg.solve(
            covariance + level**2 * torch.eye(len(covariance)), covariance
        )
        best = left.diagonal().view(2, -1).mean(1).sqrt()
        assert torch.allclose(error, best, rtol=0.06)
        assert torch.allclose(fitted.error(sigma, clean)[0].flatten(), error, rtol=0.1)


def test_of_few_records_it_knows_what_it_does_not_know():
    few = Wiener.fit(gaussian(40, 5), components=10)
    clean = gaussian(2000, 6)
    sigma = torch.full((len(clean),), 0.7)
    noisy = clean + 0.7 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(7))
    error = (few(noisy, sigma) - clean).square().mean((0, 2, 3)).sqrt()
    assert torch.allclose(few.error(sigma, clean)[0].flatten(), error, rtol=0.25)


def test_training_sees_filters_that_do_not_know_the_record():
    records = gaussian(40, 5)
    few = Wiener.fit(records, components=10)
    sigma = torch.full((len(records),), 0.05)

    def left(fold):
        return (few(records, sigma, fold) - records).square().mean()

    assert left(few.fold(len(records))) > left(None)


def test_without_components_coordinates_are_independent():
    records = gaussian(50, 8)
    plain = Wiener.fit(records, components=0)
    spread = records.flatten(1).std(0, correction=0)
    one = plain.mean + 1
    kept = spread**2 / (spread**2 + 1)
    assert torch.allclose((plain(one, torch.ones(1)) - plain.mean).flatten(), kept, atol=1e-3)


def test_it_survives_saving(fitted):
    other = Wiener((2, 4, 6), 3, fitted.whole)
    other.load_state_dict(fitted.state_dict())
    x = gaussian(3, 9)
    assert torch.equal(other(x, torch.ones(3)), fitted(x, torch.ones(3)))


def test_a_coordinate_without_spread_does_no_harm():
    records = gaussian(60, 10)
    records[:, :, 0] = 0
    fitted = Wiener.fit(records)
    assert torch.isfinite(fitted(records, torch.full((60,), 1e-3))).all()
