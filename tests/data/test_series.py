"""Series that are written: geometry and values come back, validators have nothing to say, nothing real travels on."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from pydicom import dcmread
from pydicom.uid import UID
from scipy.spatial.transform import Rotation
from syntheses import PATIENT, RELEASE, SHAPE, WHO, complaints, oblique, program, scan

from synthdiff.data.objects import staged
from synthdiff.data.series import write_series
from synthdiff.data.uids import uid
from synthdiff.data.volumes import read_volumes
from synthdiff.errors import DataError, ReleaseError
from synthdiff.voxels import Affine, Volume

SMALL = (20, 24, 6)

KINDS = {
    "CT": scan("CT", -1000, 1500, np.int16, SMALL, units="HU"),
    "real CT": scan("CT", -1000, 1500, np.float32, SMALL, units="HU"),
    "MR": scan("MR", 0, 900, np.uint16),
    "real MR": scan("MR", -0.5, 1.5, np.float32, SMALL),
    "picture": scan("US", 0, 255, np.uint8, (64, 48), affine=np.eye(4)),
    "one slice": scan("MR", 0, 900, np.uint16, (40, 30, 1)),
    "flat CT": scan("CT", -1000, 1500, np.int16, (40, 30), units="HU"),
}

UPTAKE = scan("PT", 0, 0.8, np.float32, SMALL)


def values_of(files: list[Path]) -> np.ndarray[Any, Any]:
    """What a viewer that knows the standard makes of the stored numbers, of shape (x, y, z)."""
    slices = []
    for header in map(dcmread, files):
        if mapped := header.get("RealWorldValueMappingSequence"):
            slope, intercept = mapped[0].RealWorldValueSlope, mapped[0].RealWorldValueIntercept
        else:
            slope, intercept = header.get("RescaleSlope", 1), header.get("RescaleIntercept", 0)
        slices.append(header.pixel_array.T * float(slope) + float(intercept))
    return np.stack(slices, axis=-1)


def corners(affine: Affine, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Where the eight outermost voxels lie."""
    ends = np.array(np.meshgrid(*([0, side - 1] for side in shape))).reshape(3, -1)
    return affine[:3, :3] @ ends + affine[:3, 3:]


@given(st.text(), st.text(), st.lists(st.one_of(st.text(), st.integers()), max_size=3))
def test_identifiers_are_valid_and_the_same_every_time(origin: str, kind: str, place: list[str | int]) -> None:
    made = uid(origin, kind, *place)
    assert UID(made).is_valid and len(made) <= 64 and made.startswith("2.25.")
    assert 0 <= int(made.removeprefix("2.25.")) < 2**128
    assert made == uid(origin, kind, *place)


@given(st.sets(st.tuples(st.text(max_size=2), st.text(max_size=2), st.one_of(st.text(max_size=2), st.integers()))))
def test_identifiers_differ_where_anything_does(places: set[tuple[str, str, str | int]]) -> None:
    assert len({uid(*place) for place in places}) == len(places)


def test_identifiers_stay_what_they_are() -> None:
    """Series that left the house are known by them."""
    assert uid("hippocampus/3", "study", "SYNTH-000001") == "2.25.65466227669015895828634913781536778238"


@settings(deadline=None, max_examples=30)
@given(
    st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1),
    st.tuples(*[st.sampled_from([-1, 1])] * 3),
    st.tuples(*[st.floats(0.05, 12)] * 3),
    st.tuples(*[st.floats(-900, 900)] * 3),
)
def test_every_voxel_comes_back_to_its_place(turn: Any, flips: Any, spacing: Any, offset: Any) -> None:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_quat(turn).as_matrix() @ np.diag(np.multiply(flips, spacing))
    affine[:3, 3] = offset
    volume = Volume(np.arange(4 * 3 * 5, dtype=np.int16).reshape(4, 3, 5), affine, "MR")
    with tempfile.TemporaryDirectory() as folder:
        write_series(volume, Path(folder) / "series", **WHO)
        (back,) = read_volumes(folder)
    array, expected = volume.array, affine
    if np.prod(flips) < 0:  # left-handed: slices are sorted along the normal, so that they come back in reverse
        array = array[:, :, ::-1]
        expected = affine.copy()
        expected[:3, 3] += 4 * affine[:3, 2]
        expected[:3, 2] *= -1
    np.testing.assert_array_equal(back.array, array)
    assert np.abs(corners(back.affine, SHAPE) - corners(expected, SHAPE)).max() <= 1e-4


@pytest.mark.parametrize("name", ["A0001_5mm", "A0002_B40f"])
def test_real_series_come_back_as_they_were(name: str, shared_data: Path, tmp_path: Path) -> None:
    (real,) = read_volumes(shared_data / "images/tcia_lung_pet_ct_dx_dicom" / name)
    write_series(real, tmp_path / "series", **WHO, body_part="CHEST")
    (back,) = read_volumes(tmp_path / "series")
    np.testing.assert_array_equal(back.array, real.array)
    assert np.abs(corners(back.affine, real.array.shape) - corners(real.affine, real.array.shape)).max() <= 1e-4
    assert (back.modality, back.units) == ("CT", "HU")


@pytest.mark.parametrize("name", KINDS)
def test_values_come_back(name: str, tmp_path: Path) -> None:
    volume = KINDS[name]
    files = write_series(volume, tmp_path / "series", **WHO)
    stored = values_of(files).reshape(volume.array.shape)
    if volume.units == "HU":
        assert (dcmread(files[0]).RescaleSlope, dcmread(files[0]).RescaleIntercept) == (1, 0)
    whole = np.issubdtype(volume.array.dtype, np.integer)
    most = 0 if whole else 0.5 if volume.units == "HU" else 1e-5 * np.ptp(volume.array)
    assert np.abs(stored - volume.array).max() <= most


@pytest.mark.parametrize(
    ("modality", "values"),
    [
        ("MR", [0, 65_535]),
        ("MR", np.array([-32_768, 32_767], dtype=np.int16)),
        ("CT", [0, 65_535]),
        ("CT", [-3000.0, 4000.0]),
        ("PT", [False, True]),
        ("OT", [-(2**31), 2**31]),
        ("MR", [1_700_000, 2_000_000]),
        ("PT", [1e-9, 3e-9]),
        ("PT", [0.1, 0.1]),
        ("MR", [1e20, 3e20]),
    ],
)
def test_values_of_all_sizes_come_back(modality: Any, values: list[float], tmp_path: Path) -> None:
    array = np.resize(np.array(values), (4, 3, 2))
    back = values_of(write_series(Volume(array, np.eye(4), modality), tmp_path / "series", **WHO))
    exact = np.array_equal(array, np.rint(array)) and np.ptp(array * 1.0) <= 65_535 and -32_768 <= array.min() <= 0
    assert np.abs(back - array).max() <= (0 if exact else max(1e-5 * np.ptp(array), 1e-9 * array.min()))


def test_values_too_close_together_are_refused(tmp_path: Path) -> None:
    array = 1_234_567_890.123456 + np.linspace(0, 1e-4, 8).reshape(2, 2, 2)
    with pytest.raises(DataError, match="digits"):
        write_series(Volume(array, np.eye(4), "PT"), tmp_path / "series", **WHO)


@pytest.mark.parametrize("volume", [*KINDS.values(), UPTAKE], ids=[*KINDS, "uptake"])
def test_windows_show_the_image(volume: Volume, tmp_path: Path) -> None:
    files = write_series(volume, tmp_path / "series", **WHO)
    header, values = dcmread(files[0]), values_of(files)
    if "RealWorldValueMappingSequence" in header:  # then windows are of stored values
        values = np.stack([dcmread(file).pixel_array for file in files])
    centre, width = float(header.WindowCenter), float(header.WindowWidth)
    assert width >= 1 or header.VOILUTFunction == "LINEAR_EXACT"
    assert width <= np.ptp(values)
    assert 0.97 < (np.abs(values - centre) <= width / 2).mean() < 1


@pytest.mark.parametrize("name", KINDS)
def test_validators_have_nothing_to_say(name: str, tmp_path: Path) -> None:
    files = write_series(KINDS[name], tmp_path / "series", **WHO, body_part="BRAIN")
    for file in {files[0], files[len(files) // 2], files[-1]}:
        assert complaints(file) == set()
    done = subprocess.run([program("dcmftest"), *map(str, files)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.count("yes: ") == len(files)


def test_validators_know_why_they_complain(tmp_path: Path) -> None:
    """Two things are as the data are: a part of the body that is not known, and a place in a secondary capture."""
    (unknown,) = complaints(write_series(KINDS["one slice"], tmp_path / "unknown", **WHO)[0])
    assert (
        unknown.startswith("Warning - is only permitted to be empty when actually unknown") and "Laterality" in unknown
    )
    for line in complaints(write_series(UPTAKE, tmp_path / "placed", **WHO, body_part="CHEST")[0]):
        assert line.startswith("Warning - Attribute is not present in standard DICOM IOD - (0x00"), line
        assert line.endswith(
            ("Slice Thickness", "Spacing Between Slices", "(Patient)", "Reference UID", "Position Reference Indicator")
        )


@pytest.mark.parametrize("name", KINDS)
def test_every_file_says_that_it_is_synthetic(name: str, tmp_path: Path) -> None:
    for file in write_series(KINDS[name], tmp_path / "series", **WHO):
        header = dcmread(file)
        assert header.SyntheticData == "YES"
        assert header.ImageType[:2] == ["DERIVED", "SECONDARY"]
        (equipment,) = header.ContributingEquipmentSequence
        (purpose,) = equipment.PurposeOfReferenceCodeSequence
        assert (purpose.CodeValue, purpose.CodingSchemeDesignator) == ("109100", "DCM")
        assert purpose.CodeMeaning == "Synthesizing Equipment"
        assert equipment.Manufacturer == "synthdiff" and equipment.SoftwareVersions
        assert header.BurnedInAnnotation == "NO" and header.PatientIdentityRemoved == "YES"
        assert header.DeidentificationMethod and "DeidentificationMethodCodeSequence" not in header
        assert (header.PatientID, header.IssuerOfPatientID) == (PATIENT, RELEASE)


def test_identifiers_tell_releases_patients_and_series_apart(tmp_path: Path) -> None:
    volume = scan("MR", 0, 9, np.uint16, shape=(4, 3, 2))
    others = [WHO, WHO | {"series": 2}, WHO | {"patient": "SYNTH-000002"}, WHO | {"release": "hippocampus/4"}]
    series = [
        [dcmread(file) for file in write_series(volume, tmp_path / str(number), **who)]
        for number, who in enumerate(others)
    ]
    everything = [header for headers in series for header in headers]
    assert len({header.SOPInstanceUID for header in everything}) == 8
    assert len({header.SeriesInstanceUID for header in everything}) == 4
    assert len({header.FrameOfReferenceUID for header in everything}) == 4
    assert len({header.StudyInstanceUID for header in everything}) == 3
    assert series[0][0].StudyInstanceUID == series[1][0].StudyInstanceUID


@pytest.mark.parametrize("name", KINDS)
def test_the_same_volume_gives_the_same_bytes_and_nothing_of_its_names(name: str, tmp_path: Path) -> None:
    volume = replace(KINDS[name], subject="subject-of-the-clinic", name="scan-of-the-clinic")
    one, other = (write_series(KINDS[name], tmp_path / "a", **WHO), write_series(volume, tmp_path / "b", **WHO))
    assert [file.name for file in one] == [file.name for file in other]
    assert [file.read_bytes() for file in one] == [file.read_bytes() for file in other]
    for file in other:
        assert b"of-the-clinic" not in file.read_bytes() and str(tmp_path).encode() not in file.read_bytes()


@pytest.mark.parametrize("slant", [(0, 1), (0, 2), (1, 2)])
def test_sheared_grids_are_refused(slant: tuple[int, int], tmp_path: Path) -> None:
    affine = oblique()
    affine[:3, slant[0]] += 1e-3 * affine[:3, slant[1]]
    with pytest.raises(DataError, match="right angles"):
        write_series(replace(KINDS["MR"], affine=affine), tmp_path / "series", **WHO)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "wrong",
    [
        {"release": ""},
        {"release": "a\\b"},
        {"release": "a\nb"},
        {"release": "r" * 65},
        {"patient": ""},
        {"patient": "A^B"},
        {"patient": "../x"},
        {"body_part": "the brain"},
    ],
)
def test_names_that_dicom_has_no_room_for_are_refused(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="cannot name"):
        write_series(KINDS["MR"], tmp_path / "series", **WHO | wrong)
    assert not list(tmp_path.iterdir())


def test_a_series_is_never_overwritten(tmp_path: Path) -> None:
    (first, *_) = write_series(KINDS["one slice"], tmp_path / "series", **WHO)
    before = first.read_bytes()
    with pytest.raises(ReleaseError, match="something already"):
        write_series(KINDS["picture"], tmp_path / "series", **WHO)
    assert first.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_what_is_not_whole_does_not_appear(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), staged(tmp_path / "series") as staging:
        staging.mkdir()
        (staging / "0001.dcm").write_bytes(b"half a ser")
        assert not (tmp_path / "series").exists()
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())
