"""Memorisation, diversity and utility on real hippocampus MR, half of the patients in the place of synthetic ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from phantoms import images

from synthdiff.checks.check import Evidence
from synthdiff.checks.imaging.diversity import Diversity
from synthdiff.checks.imaging.image_utility import ImageUtility
from synthdiff.checks.imaging.memorisation import Memorisation
from synthdiff.policy import Bar
from synthdiff.voxels import Volume

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def patients(shared_data: Path) -> list[Volume]:
    """All, in a random order, each with its label map."""
    import nibabel

    folder = shared_data / "images" / "msd_hippocampus"
    if not folder.is_dir():
        pytest.skip("the hippocampus images are not beside this checkout")
    volumes = []
    for file in sorted((folder / "images").glob("*.nii.gz")):
        image, labels = nibabel.load(file), nibabel.load(folder / "labels" / file.name)
        array, drawn = np.asarray(image.dataobj), np.asarray(labels.dataobj).astype(np.uint8)
        volumes.append(Volume(array, image.affine, "MR", labels=drawn, subject=file.name, name=file.name))
    return [volumes[place] for place in np.random.default_rng(0).permutation(len(volumes))]


@pytest.fixture(scope="module")
def fresh(patients: list[Volume]) -> Evidence:
    """Other patients in the place of synthetic images."""
    return images(patients[52:156], patients[:52], patients[156:])


@pytest.fixture(scope="module")
def copied(patients: list[Volume]) -> Evidence:
    """A tenth of the synthetic images are training images."""
    return images(
        patients[52:156], patients[:52], [*patients[156:250], *(replace(one, subject="") for one in patients[60:70])]
    )


def test_other_patients_are_no_copies_and_the_detector_sees(fresh: Evidence) -> None:
    estimates = Memorisation().run(fresh).estimates
    assert estimates["memorised_rate"].value == 0
    assert Bar.parse(Memorisation.bars["planted_recall"]).judge(estimates["planted_recall"]).verdict == "pass"
    low, high = estimates["image_membership_auc"].interval
    assert low < 0.5 < high


def test_copied_patients_are_named(copied: Evidence) -> None:
    answer = Memorisation(planted=20).run(copied)
    named = {one.synthetic: one.real for one in answer.concerns if "copy" in one.why}
    assert named == {94 + place: 8 + place for place in range(10)}


def test_other_patients_are_as_diverse(fresh: Evidence) -> None:
    estimates = Diversity().run(fresh).estimates
    for name, bar in Diversity.bars.items():
        assert Bar.parse(bar).judge(estimates[name]).verdict == "pass"


def test_real_pairs_teach_a_segmenter_to_draw_the_hippocampus(fresh: Evidence) -> None:
    estimates = ImageUtility().run(fresh).estimates
    assert estimates["dice_synthetic"].reference is not None
    assert estimates["dice_synthetic"].reference.value >= 0.80
    assert Bar.parse(ImageUtility.bars["dice_ratio"]).judge(estimates["dice_ratio"]).verdict == "pass"
