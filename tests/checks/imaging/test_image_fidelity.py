"""Fidelity of images: other subjects' images pass, and each way of being wrong fails the check that exists for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from phantoms import copies_of_the_mean, images, phantoms, spoilt

from synthdiff.checks import imaging  # noqa: F401  registers the checks
from synthdiff.checks.check import Check, Estimate, Evidence, Finding
from synthdiff.checks.imaging.spectrum import EDGES, _spectrum
from synthdiff.policy import Bar
from synthdiff.voxels import Volume

CHECKS = ("radiomic_distance", "kid", "image_support", "intensity", "structures", "spectrum")
TRAIN, HOLDOUT, FRESH = phantoms(40, 1), phantoms(30, 2), phantoms(40, 3)


def found(kind: str, synthetic: Sequence[Volume], holdout: Sequence[Volume] | None = HOLDOUT) -> Finding:
    return Check.build(kind).run(images(TRAIN, holdout, synthetic))


def verdicts(kind: str, finding: Finding) -> set[str]:
    assert finding.estimates
    return {Bar.parse(Check.members[kind].bars[name]).judge(one).verdict for name, one in finding.estimates.items()}


@pytest.mark.parametrize("kind", CHECKS)
def test_other_subjects_score_as_held_out_ones_do(kind: str) -> None:
    finding = found(kind, FRESH)
    assert "fail" not in verdicts(kind, finding)
    assert set(finding.estimates) == set(Check.members[kind].terms) == set(Check.members[kind].bars)
    for name, estimate in finding.estimates.items():
        assert estimate.reference is not None and estimate.n == 40
        low, high = estimate.interval
        assert low <= estimate.value <= high
        if name != "radiomic_excess":
            assert low <= estimate.reference.interval[1] and estimate.reference.interval[0] <= high


@pytest.mark.parametrize(
    ("how", "kinds"),
    [
        ("blurred", "radiomic_distance kid spectrum"),
        ("noisy", "radiomic_distance kid image_support spectrum"),
        ("another curve of grey", "radiomic_distance kid image_support intensity"),
        ("shuffled voxels", "radiomic_distance kid image_support spectrum"),
        ("left for right", "radiomic_distance kid"),
        ("front for back", "radiomic_distance kid"),
        ("halves exchanged", "radiomic_distance kid"),
        ("specks", "structures"),
    ],
)
def test_what_is_wrong_fails_the_check_that_exists_for_it(how: str, kinds: str) -> None:
    wrong = spoilt(FRESH, how)
    assert {kind for kind in kinds.split() if "fail" in verdicts(kind, found(kind, wrong))} == set(kinds.split())


def test_copies_of_one_smooth_image_fail_everything() -> None:
    mean = copies_of_the_mean(TRAIN)
    assert all("fail" in verdicts(kind, found(kind, mean)) for kind in CHECKS)


@pytest.mark.parametrize("kind", CHECKS)
@pytest.mark.parametrize("how", ["another unit", "shifted"])
def test_scale_and_offset_mean_nothing_where_the_unit_is_arbitrary(kind: str, how: str) -> None:
    one, other = found(kind, FRESH), found(kind, spoilt(FRESH, how))
    for name, estimate in one.estimates.items():
        # Near a tie, rounding may swap two ranks.
        assert other.estimates[name].value == pytest.approx(estimate.value, abs=0.02)


def test_hounsfield_units_that_are_shifted_fail() -> None:
    train, holdout, fresh = (phantoms(n, seed, units="HU") for n, seed in ((40, 1), (30, 2), (40, 3)))
    shifted = spoilt(fresh, "shifted")
    for kind in ("intensity", "radiomic_distance"):
        check = Check.build(kind)
        assert "fail" not in verdicts(kind, check.run(images(train, holdout, fresh)))
        assert "fail" in verdicts(kind, check.run(images(train, holdout, shifted)))
    middle = Check.build("intensity").run(images(train, holdout, fresh)).detail
    assert middle["unit"] == "HU"
    assert middle["train"]["50"][9] == pytest.approx(np.median([np.median(v.array) for v in train]), abs=0.5)


@pytest.mark.parametrize("kind", CHECKS)
def test_pictures_in_two_dimensions_are_checked_too(kind: str) -> None:
    train, holdout, fresh = (phantoms(n, seed, dimensions=2) for n, seed in ((40, 1), (30, 2), (40, 3)))
    check = Check.build(kind)
    assert "fail" not in verdicts(kind, check.run(images(train, holdout, fresh)))
    assert "fail" in verdicts(kind, check.run(images(train, holdout, copies_of_the_mean(fresh))))


def test_images_of_three_subjects_over_and_over_lack_recall() -> None:
    generator = np.random.default_rng(0)
    three = [
        replace(v, array=v.array + 0.01 * np.ptp(v.array) * generator.normal(size=v.array.shape), subject=f"{i}")
        for i, v in enumerate(FRESH[i % 3] for i in range(40))
    ]
    fresh, few = (found("image_support", side).estimates["image_recall"].value for side in (FRESH, three))
    assert few < fresh - 0.2


@pytest.mark.parametrize("kind", CHECKS)
def test_without_what_it_needs_a_check_says_so(kind: str) -> None:
    check = Check.build(kind)
    bare = images(TRAIN, HOLDOUT, FRESH)
    none = Evidence(bare.train, None, bare.synthetic, bare.schema, 0)
    mixed = images(TRAIN, None, phantoms(40, 3, dimensions=2))
    units = images(TRAIN, None, phantoms(40, 3, units="HU"))
    for evidence, said in (
        (none, "no images"),
        (images(TRAIN[:19], None, FRESH), "at least 20"),
        (mixed, "two dimensions"),
        (units, "Hounsfield"),
    ):
        finding = check.run(evidence)
        assert not finding.estimates and said in finding.reason
    alone = found(kind, FRESH, holdout=None)
    assert alone.estimates and all(estimate.reference in (None,) for estimate in alone.estimates.values())


def test_without_label_maps_structures_are_not_compared_and_all_else_is() -> None:
    unlabelled = [replace(volume, labels=None) for volume in FRESH]
    assert not found("structures", unlabelled).estimates
    assert all(found(kind, unlabelled).estimates for kind in CHECKS if kind != "structures")


def test_a_label_that_real_images_do_not_have_is_an_error() -> None:
    foreign = []
    for volume in FRESH:
        assert volume.labels is not None
        labels = volume.labels.copy()
        labels[:2, :2] = 9
        foreign.append(replace(volume, labels=labels))
    finding = found("structures", foreign)
    assert finding.detail["labels"]["9"]["error"] == {"volume": 1.0, "pieces": 1.0}
    assert "label 9" in finding.reason


@pytest.mark.parametrize("kind", CHECKS)
def test_the_order_of_files_changes_nothing_and_neither_does_asking_twice(kind: str) -> None:
    backwards = Check.build(kind).run(images(TRAIN[::-1], HOLDOUT[::-1], FRESH[::-1]))
    renamed = [replace(volume, subject=f"other {i}") for i, volume in enumerate(FRESH)]
    assert backwards == found(kind, FRESH) == found(kind, renamed)


def test_a_subject_with_several_images_counts_once() -> None:
    several = [replace(v, array=v.array + i, subject=v.subject) for v in FRESH for i in range(3)]
    for kind in CHECKS:
        estimates = found(kind, several).estimates
        assert {one.n for one in estimates.values()} == {40}
        single = found(kind, FRESH).estimates
        assert all(_width(one) == pytest.approx(_width(single[name]), rel=0.2) for name, one in estimates.items())


@pytest.mark.parametrize("spacing", [0.5, 1.0])
def test_a_wave_is_found_at_its_own_length_whatever_the_spacing(spacing: float) -> None:
    along = np.arange(int(64 / spacing)) * spacing
    wave = np.sin(2 * np.pi * along / 8)[:, None] * np.ones((1, 32))
    power = _spectrum(Volume(wave, np.diag([spacing, 1.0, 1.0, 1.0])))
    band = int(np.nanargmax(power))
    assert EDGES[band] <= 1 / 8 * 1.01 and EDGES[band + 1] >= 1 / 8 * 0.99


def _width(estimate: Estimate) -> float:
    return estimate.interval[1] - estimate.interval[0]


@pytest.mark.parametrize("kind", CHECKS)
def test_what_a_report_shows_is_plain_and_no_extreme(kind: str) -> None:
    finding = found(kind, FRESH)
    text = json.dumps(finding.detail, allow_nan=False)
    assert not any(volume.subject in text + finding.reason for volume in (*TRAIN, *HOLDOUT, *FRESH))
    assert finding.reason.endswith(".")
    if kind == "structures":
        largest = {np.count_nonzero(v.labels == label) * 1.5 for v in TRAIN for label in (1, 2)}
        shown = {value for label in finding.detail["labels"].values() for value in label["volume"]["train"].values()}
        assert min(largest) < min(shown) and max(shown) < max(largest)
