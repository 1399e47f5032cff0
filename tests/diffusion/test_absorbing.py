"""Absorbing diffusion: the loss is cross entropy, the mask is drawn as the bound asks, unmasking samples the joint."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy as reference

from synthdiff.diffusion.absorbing import ALONE, Vocabulary, cross_entropy, draw_mask
from synthdiff.samplers.unmask import choose, unmask
from synthdiff.seeds import torch_generator


def test_cross_entropy_is_that_of_each_column() -> None:
    vocabulary = Vocabulary([3, 1, 7])
    generator = torch_generator(0)
    logits = 20 * torch.randn(50, vocabulary.total, generator=generator)
    codes = torch.stack([torch.randint(0, n, (50,), generator=generator) for n in vocabulary.states], 1)
    found = cross_entropy(logits, codes, vocabulary.membership(), vocabulary.offsets)
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


def test_some_masks_hide_the_target_alone() -> None:
    plain, masked = draw_mask(4000, 8, torch_generator(1)), draw_mask(4000, 8, torch_generator(1), target=3)
    alone = (masked != plain).any(1)
    assert masked[alone].sum(1).unique().tolist() == [1] and bool(masked[alone][:, 3].all())
    assert abs(alone.float().mean() - ALONE) < 0.02


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
        codes, visible = torch.zeros(n, 3, dtype=torch.int64), torch.zeros(n, 3, dtype=torch.bool)

        def reveal(column: int, records: Tensor, codes: Tensor = codes, visible: Tensor = visible) -> Tensor:
            weights = exact(codes, ~visible[0], column)
            codes[:, column] = choose(weights, torch.rand(n, generator=generator))
            return torch.zeros(n)

        unmask(reveal, visible, order)
        found = torch.zeros_like(joint).index_put_(tuple(codes.T), torch.ones(n), accumulate=True) / n
        assert (found - joint).abs().max() < 0.006 and visible.all()


def test_only_hidden_columns_are_revealed_and_their_weights_add_up() -> None:
    visible = torch.tensor([[False, True, False], [True, True, False]])
    asked: list[tuple[int, list[int]]] = []

    def reveal(column: int, records: Tensor) -> Tensor:
        asked.append((column, records.tolist()))
        return torch.full((len(records),), float(column + 1))

    weight = unmask(reveal, visible, [2, 1, 0])
    assert asked == [(2, [0, 1]), (0, [0])]
    assert weight.tolist() == [4.0, 3.0]


def test_a_state_of_no_probability_is_never_drawn() -> None:
    weights = torch.tensor([[0.0, 0.5, 0.5, 0.0]]).repeat(3, 1)
    assert set(choose(weights, torch.tensor([0.0, 0.999999999, 1.0])).tolist()) <= {1, 2}
