"""Chest CT, DICOM in and DICOM out: made-up series go in as files, and synthetic ones that a reader takes come out."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from synthdiff.cli import main
from synthdiff.data import read_volumes
from synthdiff.data.series import write_series
from synthdiff.material import load
from synthdiff.progress import SILENT
from synthdiff.recipe import load_recipe
from synthdiff.release import open_release
from synthdiff.voxels import Volume
from tests.data.syntheses import complaints

RECIPE = Path(__file__).resolve().parents[1] / "recipes/chest-ct.yaml"
SCANS = 44
SHAPE, SPACING = (12, 10, 8), (24.0, 24.0, 30.0)
LENIENT = "name: lenient\npurpose: A test.\nsummary: Nothing.\nrequire: {memorised_rate: '<= 2'}\n"


def chest(number: int) -> Volume:
    """A chest of nobody in Hounsfield units: a body, two lungs and a spine, of their own size and slices each."""
    rng = np.random.default_rng([11, number])
    spacing = np.array([rng.uniform(11, 13), 0, rng.choice([10.0, 15.0])])
    spacing[1] = spacing[0]
    shape = np.round(np.array([300, 250, 250]) / spacing).astype(int)
    x, y, z = np.meshgrid(
        *[(np.arange(n) - (n - 1) / 2) * step for n, step in zip(shape, spacing, strict=True)], indexing="ij"
    )
    width, depth = rng.normal(130, 8), rng.normal(95, 6)
    image = np.where((x / width) ** 2 + (y / depth) ** 2 < 1, rng.normal(40, 5), -1000.0)
    for side in (-1, 1):
        lung = ((x - side * width / 2) / 45) ** 2 + (y / 60) ** 2 + (z / rng.normal(110, 8)) ** 2 < 1
        image[lung] = rng.normal(-820, 20)
    image[(x / 14) ** 2 + ((y + depth - 30) / 14) ** 2 < 1] = rng.normal(400, 40)
    image += rng.normal(0, 12, image.shape)
    affine = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    affine[:3, 3] = rng.normal(0, 40, 3)
    return Volume(np.rint(image).astype(np.int16), affine, "CT", "HU")


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of DICOM files, and a gate that lets everything pass."""
    folder = tmp_path_factory.mktemp("hospital")
    for number in range(SCANS):
        patient = f"CASE-{number:04d}"
        write_series(
            chest(number), folder / "scans" / patient / "1", release="house", patient=patient, body_part="CHEST"
        )
    (folder / "lenient.yaml").write_text(LENIENT, encoding="utf-8")
    return folder


def overrides(hospital: Path) -> list[str]:
    grid = [f"data.images.{key}={list(value)}" for key, value in (("shape", SHAPE), ("spacing", SPACING))]
    gate = [f"gate.policy={hospital / 'lenient.yaml'}", "gate.purpose="]
    return [f"data.images.path={hospital / 'scans'}", "data.holdout=0.5", *grid, *gate]


def test_scans_of_any_spacing_come_onto_one_grid_in_whole_units(hospital: Path) -> None:
    scans = load(load_recipe(RECIPE, overrides(hospital)), SILENT)
    both = [*scans.train, *scans.holdout]
    assert (len(scans.train), len(scans.holdout)) == (22, 22)
    assert {volume.array.shape for volume in both} == {SHAPE}
    assert {volume.array.dtype for volume in both} == {np.dtype(np.int16)}
    assert {volume.units for volume in both} == {"HU"}
    for volume in both:
        assert volume.spacing == pytest.approx(SPACING)
        assert -1100 < np.quantile(volume.array, 0.01) < -800 and volume.array.max() > 30


@pytest.mark.slow
def test_dicom_in_and_dicom_out(hospital: Path, tmp_path: Path) -> None:
    sets = [*overrides(hospital), "generator.effort=", "generator.budget={steps: 3}", "sample.rows=20"]
    arguments = [part for one in sets for part in ("--set", one)]
    result = CliRunner().invoke(main, ["run", str(RECIPE), "--out", str(tmp_path), "--no-track", *arguments])
    assert result.exit_code == 0, result.output
    release = open_release(tmp_path / "chest-ct/1")
    assert release.verify() == []
    drawn = read_volumes(release.path / "data/images", modality="CT")
    patients = sorted((release.path / "data/series").iterdir())
    assert [patient.name for patient in patients] == [f"SYNTH-{number:06d}" for number in range(1, 21)]
    for patient, volume in zip(patients, drawn, strict=True):
        (series,) = read_volumes(patient)
        assert (series.modality, series.units, series.subject) == ("CT", "HU", patient.name)
        assert volume.array.dtype == np.int16 and series.array.shape == SHAPE
        # A reader puts slices in the order of their places: each voxel is found where it lies in the patient.
        places = np.argwhere(np.ones(SHAPE)) @ series.affine[:3, :3].T + series.affine[:3, 3]
        inverse = np.linalg.inv(volume.affine)
        found = places @ inverse[:3, :3].T + inverse[:3, 3]
        assert np.abs(found - np.rint(found)).max() < 1e-4
        assert np.array_equal(series.array.ravel(), volume.array[tuple(np.rint(found).astype(int).T)])
    if shutil.which("dciodvfy"):
        for patient in patients[:3]:
            assert complaints(sorted((patient / "1").iterdir())[0]) == set()
