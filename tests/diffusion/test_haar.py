"""The Haar wavelet loses nothing and leaves noise as it was."""

import pytest
import torch
from hypothesis import given, strategies as st

from synthdiff.diffusion.haar import bands, volumes
from synthdiff.errors import ModelError

SIDES = st.lists(st.sampled_from([2, 4, 6, 10]), min_size=2, max_size=3)


@given(SIDES, st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_there_and_back(sides, channels, seed):
    x = torch.randn(2, channels, *sides, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    split = bands(x)
    assert split.shape == (2, 2 ** len(sides) * channels, *(side // 2 for side in sides))
    assert torch.allclose(volumes(split), x)
    assert torch.allclose(split.square().sum(), x.square().sum())


def test_the_first_channels_are_the_means_of_neighbours():
    x = torch.randn(1, 2, 4, 6, 8, dtype=torch.float64)
    means = torch.nn.functional.avg_pool3d(x, 2)
    assert torch.allclose(bands(x)[:, :2], means * 2**1.5)


def test_an_odd_side_is_refused():
    with pytest.raises(ModelError, match=r"\(4, 5\)"):
        bands(torch.zeros(1, 1, 4, 5))
