"""Memorisation: copies are found however they were changed, and other people's images are not taken for any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from phantoms import images, phantoms
from scipy.ndimage import gaussian_filter, zoom

from synthdiff.checks.check import Evidence, Finding
from synthdiff.checks.imaging.memorisation import ALARMS, NEAREST, Memorisation
from synthdiff.checks.imaging.planted import changes
from synthdiff.checks.imaging.resemblance import (
    CELLS,
    REACH,
    Looks,
    Picture,
    Raster,
    pointing,
    resemblance,
    subjects,
    threshold,
)
from synthdiff.policy import Bar
from synthdiff.voxels import Volume

QUICK = Memorisation(planted=20)


@cache
def people(n: int, seed: int, dimensions: int = 2) -> tuple[Volume, ...]:
    return tuple(phantoms(n, seed, dimensions))


def found(synthetic: Sequence[Volume], dimensions: int = 2) -> Finding:
    return QUICK.run(images(people(40, 1, dimensions), people(30, 2, dimensions), synthetic))


def anew(volumes: Sequence[Volume]) -> list[Volume]:
    """The images as a generator would hand them out: of nobody."""
    return [replace(volume, subject="") for volume in volumes]


def changed(volume: Volume, array: NDArray[Any]) -> Volume:
    return replace(volume, array=array, labels=None)


def noisy(volume: Volume) -> Volume:
    noise = np.random.default_rng(5).normal(0, 0.2 * volume.array.std(), volume.array.shape)
    return changed(volume, volume.array + noise)


COPIES: dict[str, Callable[[Volume], Volume]] = {
    "verbatim": lambda volume: changed(volume, volume.array),
    "mirrored along x": lambda volume: changed(volume, np.flip(volume.array, 0)),
    "mirrored along y": lambda volume: changed(volume, np.flip(volume.array, 1)),
    "mirrored along all axes": lambda volume: changed(volume, np.flip(volume.array)),
    "shifted": lambda volume: changed(volume, np.roll(volume.array, (1, -1), (0, 1))),
    "of another contrast": lambda volume: changed(
        volume, 7 + 400.0 ** ((volume.array - volume.array.min()) / np.ptp(volume.array))
    ),
    "resized": lambda volume: changed(volume, zoom(volume.array, 1.2, order=1)),
    "noisy": noisy,
    "blurred": lambda volume: changed(volume, gaussian_filter(volume.array, 0.7)),
}


@pytest.mark.parametrize("dimensions", [2, 3])
def test_images_of_other_people_are_no_copies(dimensions: int) -> None:
    answer = found(anew(people(30, 3, dimensions)), dimensions)
    rate = answer.estimates["memorised_rate"]
    assert (rate.value, rate.n) == (0, 30)
    assert rate.reference is not None and rate.reference.value <= 1 / 30
    low, high = answer.estimates["image_membership_auc"].interval
    assert low < 0.5 < high
    assert answer.estimates["planted_recall"].value >= 0.95
    assert len(answer.concerns) == NEAREST
    assert all("chance" in concern.why for concern in answer.concerns)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_copy_is_found_however_it_was_changed(dimensions: int) -> None:
    fresh = [changed(volume, volume.array) for volume in people(30, 3, dimensions)]
    copied = [(how, place) for how in COPIES for place in range(3)]
    made = [COPIES[how](people(40, 1, dimensions)[place]) for how, place in copied]
    answer = found(anew([*fresh, *made]), dimensions)
    named = {concern.synthetic: concern.real for concern in answer.concerns if "copy" in concern.why}
    assert {how: named.get(30 + place) for place, how in enumerate(copied)} == {how: how[1] for how in copied}
    assert len(named) == len(copied)
    assert answer.estimates["memorised_rate"].value == pytest.approx(len(copied) / len(made + fresh))


def test_a_training_set_handed_out_fails_every_bar_of_copying() -> None:
    answer = found(anew(people(40, 1)))
    bar = Bar.parse(Memorisation.bars["memorised_rate"])
    assert bar.judge(answer.estimates["memorised_rate"]).verdict == "fail"
    assert answer.estimates["image_membership_auc"].interval[0] > 0.85
    assert answer.detail["flagged"] == {"grey_values": 40, "label_maps": 40}


def test_a_copied_label_map_under_a_new_image_is_a_copy() -> None:
    made = [changed(mask, np.resize(other.array, mask.array.shape)) for other, mask in zip(*both(20), strict=True)]
    made = [replace(volume, labels=mask.labels) for volume, mask in zip(made, people(40, 1), strict=False)]
    answer = found(anew(made))
    assert answer.detail["flagged"]["label_maps"] >= 19
    assert answer.detail["flagged"]["grey_values"] == 0
    assert answer.estimates["memorised_rate"].value >= 0.95


def both(n: int) -> tuple[Sequence[Volume], Sequence[Volume]]:
    return people(30, 3)[:n], people(40, 1)[:n]


def test_smooth_images_are_not_taken_for_copies() -> None:
    smooth = [replace(volume, array=gaussian_filter(volume.array, 2)) for volume in people(30, 3)]
    assert found(anew(smooth)).estimates["memorised_rate"].value <= 1 / 30


def test_the_power_is_that_of_the_weakest_way_of_copying() -> None:
    answer = found(anew(people(30, 3)))
    recall = {one["change"]: one["value"] for one in answer.detail["recall"]}
    assert set(recall) == set(changes(2))
    assert answer.estimates["planted_recall"].value == min(recall.values())
    generator, one = np.random.default_rng(0), people(40, 1)[0]
    one = changed(one, one.array / one.array.std())
    same = [[changed(one, one.array + generator.normal(0, 0.02, one.array.shape)) for _ in range(n)] for n in (40, 30)]
    blind = QUICK.run(images(anew(same[0]), anew(same[1]), anew(people(30, 3))))
    # Images that differ by less than the noise in a copy, which no detector can tell: the power must say so.
    recall = {one["change"]: one["value"] for one in blind.detail["recall"]}
    assert blind.estimates["planted_recall"].value == recall["noisy"] < 0.3 < recall["unchanged"]
    assert "hardest to find are" in blind.reason


def test_images_of_one_subject_count_once() -> None:
    made = [replace(volume, subject="same") for volume in people(40, 1)[:10]] + anew(people(25, 3))
    rate = found(made).estimates["memorised_rate"]
    assert (rate.n, rate.value) == (26, 1 / 26)


def test_visits_of_one_person_do_not_hide_a_copy_of_one_of_them() -> None:
    visits = [replace(noisy(volume), labels=volume.labels) for volume in people(40, 1) for _ in range(6)]
    answer = QUICK.run(images(visits, people(30, 2), anew(people(40, 1)[:25])))
    assert answer.estimates["memorised_rate"].value > 0.9


def test_the_same_seed_gives_the_same_answer() -> None:
    one, again = (found(anew(people(30, 3)[:20])) for _ in range(2))
    assert one == again


@pytest.mark.parametrize(
    ("evidence", "why"),
    [
        (replace(images([], None, []), images=None), "no images"),
        (images(people(40, 1), None, people(30, 3)), "held-out"),
        (images(people(40, 1), people(30, 2), people(5, 3)), "20 subjects"),
        (images(people(40, 1), people(30, 2), people(30, 3, 3)), "two dimensions"),
        (images([people(40, 1)[0]] * 40, people(30, 2), people(30, 3)), "20 subjects"),
    ],
)
def test_what_cannot_be_answered_is_said(evidence: Evidence, why: str) -> None:
    answer = Memorisation().run(evidence)
    assert answer.estimates == {}
    assert why in answer.reason


def test_images_that_are_all_alike_tell_nothing() -> None:
    same = [replace(people(40, 1)[0], subject="") for _ in range(30)]
    assert "all alike" in Memorisation().run(images(same, same, same)).reason


def test_the_threshold_is_met_as_often_as_it_says() -> None:
    # Of values with an exponential tail: the five highest of 200, as an image's correlations with 200 people.
    values = np.random.default_rng(0).exponential(0.3, (40_000, 200))
    scores, _ = pointing(np.tanh(values - 3), np.arange(200))
    for alarms in (0.05, 0.01, ALARMS):
        assert (scores > threshold(scores[:2000], alarms)).mean() == pytest.approx(alarms, rel=0.35)


def test_resemblance_is_the_correlation_that_numpy_gives() -> None:
    fine = torch.rand(4, 2 * CELLS[2], 2 * CELLS[2], generator=torch.Generator().manual_seed(0))
    found = resemblance(Looks((fine[:2],)), Looks((fine[2:],)))
    cells, reach = CELLS[2], REACH[2]

    def inner(image: NDArray[Any], x: int, y: int) -> NDArray[Any]:
        part = image[x : x + 2 * (cells - reach), y : y + 2 * (cells - reach)]
        return np.asarray(part.reshape(cells - reach, 2, cells - reach, 2).mean((1, 3)).ravel())

    for i in range(2):
        for j in range(2):
            there = inner(fine[2 + j].numpy(), reach, reach).reshape(cells - reach, -1)
            wanted = max(
                np.corrcoef(inner(fine[i].numpy(), x, y), turned.ravel())[0, 1]
                for x in range(2 * reach + 1)
                for y in range(2 * reach + 1)
                for turned in (there, there[::-1], there[:, ::-1], there[::-1, ::-1])
            )
            assert found[i, j] == pytest.approx(wanted, abs=1e-5)


def test_an_image_resembles_itself_and_one_without_contrast_nothing() -> None:
    flat = replace(people(40, 1)[0], array=np.ones((20, 24)), labels=None)
    pictures = [Picture.of(volume) for volume in (*people(40, 1)[:3], flat)]
    looks = Raster.of(pictures).place(pictures)
    alike = resemblance(looks, looks)
    assert np.diag(alike)[:3] == pytest.approx(1, abs=1e-5)
    assert np.abs(alike[3]).max() < 1e-3


def test_an_image_without_a_subject_is_its_own() -> None:
    one = people(40, 1)[0]
    named = [replace(one, subject=name) for name in ("a", "", "b", "a", "")]
    assert subjects(named).tolist() == [0, 1, 2, 0, 3]
