"""Utility of images that show findings: real ones teach as well as real ones, ones that show something else do not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from phantoms import images, phantoms

from synthdiff.checks.check import Finding
from synthdiff.checks.imaging.classifier import learn, standing
from synthdiff.checks.imaging.image_utility import ARMS, ImageUtility
from synthdiff.checks.intervals import Z, auc, mean_error
from synthdiff.policy import Bar, Policy
from synthdiff.verdict import conclude, judge
from synthdiff.voxels import Volume

QUICK = ImageUtility(steps=60)
NAMES = ("clear", "spot", "stripe")


def with_findings(volumes: Sequence[Volume], seed: int, names: Sequence[str] = NAMES[:2]) -> list[Volume]:
    """The images without label maps; in each but the clear ones something bright lies anywhere."""
    generator = np.random.default_rng([seed, 5])
    made = []
    for number, volume in enumerate(volumes):
        array, finding = volume.array.copy(), names[number % len(names)]
        x, y = (int(generator.integers(3, side - 7)) for side in array.shape)
        if finding != "clear":
            array[x : x + (4 if finding == "spot" else 1), y : y + 4] += 1.5 * np.ptp(array)
        made.append(replace(volume, array=array, labels=None, finding=finding))
    return made


@cache
def people(n: int, seed: int, kinds: int = 2) -> tuple[Volume, ...]:
    return tuple(with_findings(phantoms(n, seed, 2), seed, NAMES[:kinds]))


@cache
def found(cheat: Callable[[Sequence[Volume]], Sequence[Volume]] = list) -> Finding:
    synthetic = [replace(volume, subject="") for volume in cheat(people(60, 3))]
    return QUICK.run(images(people(60, 1), people(40, 2), synthetic))


def verdict(finding: Finding) -> str:
    return Bar.parse(ImageUtility.bars["auc_ratio"]).judge(finding.estimates["auc_ratio"]).verdict


def with_findings_of_others(volumes: Sequence[Volume]) -> list[Volume]:
    order = np.random.default_rng(0).permutation(len(volumes))
    return [replace(volume, finding=volumes[place].finding) for volume, place in zip(volumes, order, strict=True)]


def that_all_are_clear(volumes: Sequence[Volume]) -> list[Volume]:
    bare = with_findings(phantoms(len(volumes), 4, 2), 4, ["clear"])
    return [replace(image, finding=volume.finding) for image, volume in zip(bare, volumes, strict=True)]


def test_other_real_images_teach_as_well() -> None:
    answer = found()
    assert list(answer.estimates) == ["auc_ratio", "auc_synthetic", "auc_drop", "auc_gain"]
    ratio, made, drop = (answer.estimates[f"auc_{name}"] for name in ("ratio", "synthetic", "drop"))
    assert verdict(answer) == "pass" and ratio.interval[0] < 1 < ratio.interval[1]
    assert ratio.n == answer.detail["n_test"] == 40
    assert made.reference is not None and made.reference.value > 0.95
    assert ratio.value == pytest.approx((made.value - 0.5) / (made.reference.value - 0.5))
    assert drop.value == pytest.approx(made.reference.value - made.value)
    assert [one["learnt_from"] for one in answer.detail["learnt_from"]] == list(ARMS)
    assert answer.detail["measure"] == "auc" and answer.detail["by_finding"] == []
    assert "findings are told apart" in answer.reason and answer.moot == {
        f"dice_{x.split('_')[1]}" for x in answer.moot
    }


@pytest.mark.parametrize("cheat", [with_findings_of_others, that_all_are_clear], ids=lambda cheat: cheat.__name__)
def test_images_that_do_not_show_their_finding_fail(cheat: Callable[[Sequence[Volume]], Sequence[Volume]]) -> None:
    answer = found(cheat)
    assert verdict(answer) == "fail"
    assert answer.estimates["auc_drop"].interval[0] > 0.1


def test_each_of_three_findings_has_its_figure_and_rare_ones_are_left_out() -> None:
    quick = ImageUtility(steps=20, repeats=2)
    rare = [replace(volume, finding="odd") for volume in people(63, 1, 3)[:3]]
    answer = quick.run(images([*rare, *people(63, 1, 3)[3:]], people(42, 2, 3), people(63, 3, 3)))
    assert answer.detail["n_train"] == 60
    assert {one["finding"] for one in answer.detail["by_finding"]} == set(NAMES)
    whole = next(one["value"] for one in answer.detail["learnt_from"] if one["learnt_from"] == "both")
    each = [one["value"] for one in answer.detail["by_finding"] if one["learnt_from"] == "both"]
    assert whole == pytest.approx(np.mean(each), abs=1e-3)


def test_where_real_images_teach_nothing_nothing_is_compared() -> None:
    mixed = with_findings_of_others(people(60, 1))
    answer = QUICK.run(images(mixed, with_findings_of_others(people(40, 2)), people(60, 3)))
    assert answer.estimates == {} and "may be chance" in answer.reason
    assert answer.detail["learnt_from"][0]["learnt_from"] == "real"


def test_what_cannot_be_answered_is_said() -> None:
    train, held, made = people(60, 1), people(40, 2), people(60, 3)
    for evidence, why in (
        (images(train, held, [replace(volume, finding="") for volume in made]), "60 of 60 synthetic images have no fi"),
        (images(train, held, [replace(volume, finding="clear") for volume in made]), "synthetic images show spot"),
        (images(train, [replace(volume, finding="clear") for volume in held], made), "No two findings stand with 5"),
        (images([replace(volume, finding="") for volume in train], held, made), "neither label maps nor findings"),
        (images(train, None, made), "held-out"),
    ):
        answer = QUICK.run(evidence)
        assert answer.estimates == {} and why in answer.reason


def test_a_policy_asks_for_what_the_images_allow_and_for_nothing_less() -> None:
    policy = Policy.load("augment-images")
    shipped = policy.model_copy(update={"require": {n: b for n, b in policy.require.items() if "ratio" in n}})
    answer = judge(QUICK, found(), shipped)
    assert set(answer.bars) == {"auc_ratio", "auc_gain"} and answer.verdict == "pass"
    assert conclude(shipped, {"image_utility": answer}) == (
        "pass",
        "Passed: all 1 bars of the policy augment-images are met.",
    )
    assert answer.to_dict()["spared"] == sorted(found().moot)
    # Whoever requires label maps to be learnt is not content with findings, nor is anybody with nothing.
    own = Policy(name="own", purpose="To test.", require={"dice_ratio": ">= 0.9"})
    answer = judge(QUICK, found(), own)
    assert conclude(own, {"image_utility": answer})[0] == "inconclusive" and "not measured" in answer.reason
    silent = judge(QUICK, Finding({}, "Nothing.", moot=found().moot), shipped)
    assert conclude(shipped, {"image_utility": silent})[0] == "inconclusive" and len(silent.bars) == 2 + len(
        own.require
    )


def test_the_figures_of_images_have_the_area_and_its_error() -> None:
    generator = torch.Generator().manual_seed(0)
    classes = (torch.rand(80, generator=generator) < 0.3).long()
    logits = torch.randn(80, 1, generator=generator) + classes[:, None]

    class Fixed(torch.nn.Module):
        """Says what it is told, image by image."""

        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            return torch.cat([torch.zeros_like(pictures), pictures], 1)

    figures = standing(Fixed(), logits, classes, 2)
    assert figures[:, 0] == pytest.approx(figures[:, 1])
    scores, inside = logits[:, 0].numpy(), classes.numpy() == 1
    value, (low, high) = auc(scores[inside], scores[~inside])
    assert figures[:, 1].mean() == pytest.approx(value)
    # DeLong's interval is symmetric on the logit scale, where its half-width is this.
    half = (np.log(high / (1 - high)) - np.log(low / (1 - low))) / 2
    assert Z * mean_error(figures[:, 1]) / (value * (1 - value)) == pytest.approx(half, rel=0.03)


def test_few_patients_never_seem_sure_and_the_callers_randomness_stays() -> None:
    torch.manual_seed(3)
    pictures = torch.cat([torch.zeros(12, 1, 8, 8), torch.ones(12, 1, 8, 8)]) + 0.1 * torch.randn(24, 1, 8, 8)
    classes = torch.arange(24) // 12
    torch.manual_seed(3)
    before = torch.rand(1)
    torch.manual_seed(3)
    net = learn(pictures, classes, 2, steps=30, seed=0)
    assert torch.rand(1) == before
    assert standing(net, pictures, classes, 2).mean() == 1.0
    perfect = found().estimates["auc_synthetic"]
    assert perfect.interval[0] <= perfect.value - Z * 0.5 / 20
