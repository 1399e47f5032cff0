"""Utility of images: real pairs teach as well as real pairs, and pairs that do not go together teach nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from phantoms import images, phantoms
from scipy.ndimage import gaussian_filter

from synthdiff.checks.check import Finding
from synthdiff.checks.imaging.image_utility import ARMS, ImageUtility
from synthdiff.checks.imaging.segmenter import Canvas, dice, learn
from synthdiff.policy import Bar
from synthdiff.voxels import Volume

QUICK = ImageUtility(steps=80)


@cache
def people(n: int, seed: int) -> tuple[Volume, ...]:
    return tuple(phantoms(n, seed, 2))


def found(synthetic: Sequence[Volume]) -> Finding:
    anew = [replace(volume, subject="") for volume in synthetic]
    return QUICK.run(images(people(40, 1), people(24, 2), anew))


def verdict(finding: Finding) -> str:
    return Bar.parse(ImageUtility.bars["dice_ratio"]).judge(finding.estimates["dice_ratio"]).verdict


def with_labels_of_another(volumes: Sequence[Volume]) -> list[Volume]:
    """Each image with a label map that belongs elsewhere: upside down, and its halves in any order."""
    generator = np.random.default_rng(0)
    changed = []
    for volume in volumes:
        assert volume.labels is not None
        names = np.array([0, *generator.permutation([1, 2])], dtype=np.uint8)
        changed.append(replace(volume, labels=np.roll(names[volume.labels], generator.integers(4, 12, 2), (0, 1))))
    return changed


def blobs(volumes: Sequence[Volume]) -> list[Volume]:
    """Images of nothing."""
    generator = np.random.default_rng(0)
    smooth = [gaussian_filter(generator.normal(size=volume.array.shape), 3) for volume in volumes]
    maps = [np.digitize(image, np.quantile(image, [0.8, 0.9])).astype(np.uint8) for image in smooth]
    return [
        replace(volume, array=image, labels=labels) for volume, image, labels in zip(volumes, smooth, maps, strict=True)
    ]


def test_other_real_pairs_teach_as_well() -> None:
    answer = found(people(40, 3))
    ratio = answer.estimates["dice_ratio"]
    assert verdict(answer) == "pass"
    assert ratio.interval[0] < 1 < ratio.interval[1]
    assert ratio.n == answer.detail["n_test"] == 24
    drop, made = answer.estimates["dice_drop"], answer.estimates["dice_synthetic"]
    assert made.reference is not None and made.reference.value > 0.75
    assert drop.value == pytest.approx(made.reference.value - made.value)
    assert ratio.value == pytest.approx(made.value / made.reference.value)
    assert abs(answer.estimates["dice_gain"].value) < 0.05
    assert [one["learnt_from"] for one in answer.detail["learnt_from"]] == list(ARMS)
    assert {one["label"] for one in answer.detail["by_label"]} == {"1", "2"}


@pytest.mark.parametrize("cheat", [with_labels_of_another, blobs], ids=lambda cheat: cheat.__name__)
def test_pairs_that_do_not_go_together_fail(cheat: object) -> None:
    assert callable(cheat)
    answer = found(cheat(people(40, 3)))
    assert verdict(answer) == "fail"
    assert answer.estimates["dice_drop"].interval[0] > 0.1


def test_the_same_seed_gives_the_same_answer_and_leaves_the_callers_randomness() -> None:
    quick = ImageUtility(steps=2, repeats=2)
    evidence = images(people(40, 1), people(24, 2), people(40, 3))
    torch.manual_seed(3)
    one, drawn = quick.run(evidence), torch.rand(1)
    torch.manual_seed(3)
    assert torch.rand(1) == drawn
    assert quick.run(evidence) == one
    assert quick.run(replace(evidence, seed=1)) != one


def test_what_cannot_be_answered_is_said() -> None:
    bare = [replace(volume, labels=None) for volume in people(40, 3)]
    empty = [replace(volume, labels=np.zeros(volume.array.shape, np.uint8)) for volume in people(24, 2)]
    for evidence, why in (
        (images(people(40, 1), people(24, 2), bare), "synthetic images have no label map"),
        (images(people(40, 1), None, people(40, 3)), "held-out"),
        (images(people(40, 1), people(24, 2), people(40, 3)[:5]), "20 subjects"),
        (images(people(40, 1), empty, people(40, 3)), "No label"),
        (replace(images((), (), ()), images=None), "no images"),
    ):
        answer = ImageUtility().run(evidence)
        assert answer.estimates == {} and why in answer.reason


def test_a_canvas_cuts_and_pads_about_the_centre_and_smears_nothing() -> None:
    affine = np.eye(4)
    large, small = np.arange(100.0).reshape(10, 10), np.arange(36.0).reshape(6, 6)
    volumes = [
        Volume(array, affine, labels=(array.astype(np.uint16) % 5 == 0).astype(np.uint8)) for array in (large, small)
    ]
    pictures, maps = Canvas((8, 8), (1.0, 1.0)).place(volumes, [1])
    assert np.array_equal(maps[0].numpy(), volumes[0].labels[1:9, 1:9])  # type: ignore[index]
    assert np.array_equal(maps[1, 1:7, 1:7].numpy(), volumes[1].labels)  # type: ignore[arg-type]
    assert maps[1, 0].sum() == maps[1, :, 7].sum() == 0
    low, high = np.quantile(large, [0.01, 0.99])
    assert pictures[0, 0].numpy() == pytest.approx(np.clip((large[1:9, 1:9] - low) / (high - low), 0, 1), abs=1e-6)


def test_a_canvas_is_coarser_where_images_are_large_and_even_in_millimetres() -> None:
    affine = np.diag([0.5, 2.0, 1.0, 1.0])
    volumes = [Volume(np.random.default_rng(0).normal(size=(300, 40)), affine)] * 3
    canvas = Canvas.of(volumes)
    assert canvas.shape == (64, 40)
    assert canvas.spacing == pytest.approx((150 / 64, 2.0))


def test_dice_is_twice_the_shared_over_the_sum_and_nothing_where_nothing_is() -> None:
    maps = torch.tensor([[[1, 1, 0, 0]], [[0, 0, 0, 0]], [[1, 0, 0, 0]]])
    drawn = torch.tensor([[[1, 0, 0, 0]], [[1, 0, 0, 0]], [[0, 0, 0, 1]]])

    class Fixed(torch.nn.Module):
        """Draws what it is told."""

        def forward(self, _: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.one_hot(drawn, 2).movedim(-1, 1)

    scores = dice(Fixed(), torch.zeros(3, 1, 1, 4), maps, 2)
    assert scores[:, 0] == pytest.approx([2 / 3, np.nan, 0], nan_ok=True)


def test_a_segmenter_learns_what_is_plain_to_see() -> None:
    generator = torch.Generator().manual_seed(0)
    pictures = torch.rand(16, 1, 16, 16, generator=generator)
    maps = (torch.nn.functional.avg_pool2d(pictures, 3, 1, 1) > 0.5)[:, 0].long()
    net = learn(pictures, maps, 2, steps=60, seed=0)
    assert dice(net, pictures, maps, 2).mean() > 0.8
