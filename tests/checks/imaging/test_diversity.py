"""Diversity: real images pass, one image repeated does not, nor do twins and few modes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from phantoms import images, phantoms

from synthdiff.checks.check import Finding
from synthdiff.checks.imaging.diversity import SIDE, STABLE, WEIGHTS, WINDOW, Diversity, pairwise
from synthdiff.checks.imaging.grey import grey
from synthdiff.checks.imaging.resemblance import averaged
from synthdiff.policy import Bar
from synthdiff.voxels import Volume


@cache
def people(seed: int, dimensions: int = 2) -> tuple[Volume, ...]:
    return tuple(phantoms(30, seed, dimensions))


def found(synthetic: Sequence[Volume], dimensions: int = 2) -> Finding:
    anew = [replace(volume, subject="") for volume in synthetic]
    return Diversity().run(images(people(1, dimensions), people(2, dimensions), anew))


def verdicts(finding: Finding) -> dict[str, str]:
    return {name: Bar.parse(bar).judge(finding.estimates[name]).verdict for name, bar in Diversity.bars.items()}


@pytest.mark.parametrize("dimensions", [2, 3])
def test_other_real_images_pass(dimensions: int) -> None:
    answer = found(people(3, dimensions), dimensions)
    assert set(verdicts(answer).values()) == {"pass"}
    for one in answer.estimates.values():
        assert one.reference is not None
        assert one.interval[0] <= one.reference.interval[1] and one.reference.interval[0] <= one.interval[1]
        assert one.n == 30


@pytest.mark.parametrize("dimensions", [2, 3])
def test_one_image_repeated_fails(dimensions: int) -> None:
    answer = found([people(3, dimensions)[0]] * 30, dimensions)
    assert set(verdicts(answer).values()) == {"fail"}
    assert answer.estimates["ms_ssim"].value == pytest.approx(1, abs=1e-6)
    assert answer.detail["share"]["synthetic"][-2] == 1 > answer.detail["share"]["real"][-2]


def test_twins_among_varied_images_fail() -> None:
    assert verdicts(found([people(3)[place // 2] for place in range(30)])) == {
        "ms_ssim": "pass",
        "nearest_ms_ssim": "fail",
    }


def test_the_images_of_one_subject_count_once() -> None:
    twice = [*people(3), *people(3)]
    answer = Diversity().run(images(people(1), people(2), twice))
    assert answer.estimates["nearest_ms_ssim"].n == 30
    assert set(verdicts(answer).values()) == {"pass"}


def test_without_held_out_images_the_training_images_are_the_reference() -> None:
    answer = Diversity().run(images(people(1), None, people(3)))
    assert answer.detail["against"] == "training"
    assert "two training ones" in answer.reason


def test_too_few_or_no_images_are_said() -> None:
    assert "20 subjects" in Diversity().run(images(people(1), people(2), people(3)[:5])).reason
    assert Diversity().run(replace(images((), (), ()), images=None)).estimates == {}


def test_ms_ssim_is_what_its_definition_says() -> None:
    # Computed anew from the definition, window by window, on the coarsest scale and the finer ones.
    one, other = people(3)[:2]
    pair = []
    for volume in (one, other):
        values = grey(volume).contrast
        pair.append(averaged(values, [np.linspace(0, n, SIDE[2] + 1) for n in values.shape]))
    wanted, weights = 1.0, np.array(WEIGHTS[2]) / sum(WEIGHTS[2])
    for level, weight in enumerate(weights):
        windows = [np.lib.stride_tricks.sliding_window_view(image, (WINDOW, WINDOW)) for image in pair]
        x, y = (view.reshape(*view.shape[:2], -1) for view in windows)
        shared = ((x - x.mean(-1, keepdims=True)) * (y - y.mean(-1, keepdims=True))).mean(-1)
        term = (2 * shared + STABLE[1]) / (x.var(-1) + y.var(-1) + STABLE[1])
        if level == len(weights) - 1:
            means = x.mean(-1), y.mean(-1)
            term *= (2 * means[0] * means[1] + STABLE[0]) / (means[0] ** 2 + means[1] ** 2 + STABLE[0])
        wanted *= term.mean() ** weight
        pair = [image.reshape(len(image) // 2, 2, -1, 2).mean((1, 3)) for image in pair]
    alike = pairwise([one, other])
    assert alike[0, 1] == alike[1, 0] == pytest.approx(wanted, abs=1e-4)
    assert np.diag(alike) == pytest.approx(1)


def test_images_that_are_opposites_are_not_alike() -> None:
    image = people(3)[0]
    noise = torch.randn(24, 24, generator=torch.Generator().manual_seed(0)).numpy()
    opposites = [replace(image, array=sign * noise, labels=None) for sign in (1, -1)]
    assert pairwise(opposites)[0, 1] == 0
