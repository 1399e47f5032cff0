"""Absorbing diffusion: the loss is cross entropy, the mask is drawn as the bound asks, unmasking samples the joint."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy as reference

from synthdiff.diffusion.absorbing import Vocabulary, cross_entropy, draw_mask
from synthdiff.samplers.unmask import unmask
from synthdiff.seeds import torch_generator


def test_cross_entropy_is_that_of_each_column() -> None:
    vocabulary = Vocabulary([3, 1, 7])
    generator = torch_generator(0)
    logits = 20 * torch.randn(50, vocabulary.total, generator=generator)
    codes = torch.stack([torch.randint(0, n, (50,), generator=generator) for n in vocabulary.states], 1)
    found = cross_entropy(logits, codes, vocabulary.membership(), vocabulary.offsets, vocabulary.owner)
    for column in range(3):
        expected = reference(logits[:, vocabulary.part(column)], codes[:, column], reduction="none")
        torch.testing.assert_close(found[:, column], expected, atol=1e-4, rtol=1e-4)


def test_the_number_of_masked_columns_is_uniform_and_stratified() -> None:
    masked = draw_mask(4000, 8, torch_generator(1))
    counts = masked.sum(1)
    assert counts.min() == 1 and counts.max() == 8
    assert torch.bincount(counts, minlength=9)[1:].tolist() == [500] * 8
    # Which columns is uniform, too: every one is masked (1 + 8) / 16 of the time.
    assert (masked.float().mean(0) - 9 / 16).abs().max() < 0.03


def test_unmasking_samples_the_joint_distribution() -> None:
    generator = torch_generator(2)
    joint = torch.rand(2, 3, 2, generator=generator)
    joint /= joint.sum()

    def exact(codes: Tensor, masked: Tensor, column: int) -> Tensor:
        """The conditional of one column of the joint, given the visible ones."""
        conditional = joint.expand(len(codes), 2, 3, 2).clone()
        for axis, size in enumerate(joint.shape):
            if not masked[axis]:
                fits = torch.arange(size) == codes[:, axis : axis + 1]
                shape = [len(codes), 1, 1, 1]
                shape[axis + 1] = size
                conditional *= fits.reshape(shape)
        others = [axis + 1 for axis in range(3) if axis != column]
        return conditional.sum(others)

    n = 60_000
    for order in ([0, 1, 2], [2, 0, 1]):
        codes = unmask(
            exact, torch.zeros(n, 3, dtype=torch.int64), torch.ones(3, dtype=torch.bool), order,
            lambda size: torch.rand(size, generator=generator),
        )  # fmt: skip
        found = torch.zeros_like(joint).index_put_(tuple(codes.T), torch.ones(n), accumulate=True) / n
        assert (found - joint).abs().max() < 0.006


def test_visible_columns_stay() -> None:
    codes = torch.tensor([[1, 0], [0, 0]])
    uniform = torch.full((2, 2), 0.5)
    drawn = unmask(lambda *_: uniform, codes, torch.tensor([False, True]), [1], lambda n: torch.tensor([0.2, 0.9]))
    assert drawn.tolist() == [[1, 0], [0, 1]]
    assert codes.tolist() == [[1, 0], [0, 0]]


def test_a_state_of_no_probability_is_never_drawn() -> None:
    weights = torch.tensor([[0.0, 0.5, 0.5, 0.0]]).repeat(3, 1)
    ends = torch.tensor([0.0, 0.999999999, 1.0])
    drawn = unmask(lambda *_: weights, torch.zeros(3, 1, dtype=torch.int64), torch.tensor([True]), [0], lambda n: ends)
    assert set(drawn[:, 0].tolist()) <= {1, 2}
