"""DICOM series become volumes with the values and the place that their headers give, whatever their order and form."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from synthdiff.data import read_volumes
from synthdiff.errors import DataError
from tests.data import scans
from tests.data.scans import AXIAL, OBLIQUE, SPACING, series, slices, stored, write

TILT = np.radians(15.0)


@pytest.mark.parametrize("axes", [AXIAL, OBLIQUE])
def test_voxels_lie_where_the_header_says(tmp_path: Path, axes: tuple[float, ...]) -> None:
    (volume,) = read_volumes(series(tmp_path, axes=axes))
    assert (volume.subject, volume.modality, volume.units) == ("P1", "CT", "HU")
    np.testing.assert_array_equal(volume.array, stored().astype(int) - 1024)
    across, down = np.array(axes[:3]), np.array(axes[3:])
    for column, row, number in [(0, 0, 0), (3, 4, 2), (7, 5, 4)]:
        place = [10, -20, 30] + column * SPACING[0] * across + row * SPACING[1] * down  # PS3.3, equation C.7.6.2.1-1
        place = place + number * SPACING[2] * np.cross(across, down)
        found = volume.affine @ [column, row, number, 1]
        np.testing.assert_allclose(found[:3], place * [-1, -1, 1], atol=1e-5)
    np.testing.assert_allclose(volume.spacing, SPACING, atol=1e-6)


def test_neither_file_names_nor_instance_numbers_order_the_slices(tmp_path: Path) -> None:
    def shuffle(data: list[scans.Dataset]) -> None:
        for number, one in zip([3, 1, 5, 2, 4], data, strict=True):
            one.InstanceNumber = number

    straight, shuffled = series(tmp_path / "a"), series(tmp_path / "b", shuffle)
    (one,), (other,) = read_volumes(straight), read_volumes(shuffled)
    np.testing.assert_array_equal(one.array, other.array)
    backwards = write(slices(stored()[:, :, ::-1], step=(0, 0, -SPACING[2])), tmp_path / "c")
    (turned,) = read_volumes(backwards)
    np.testing.assert_array_equal(turned.array, one.array)
    assert np.linalg.det(turned.affine) > 0


def test_each_slice_has_its_own_rescale(tmp_path: Path) -> None:
    def rescale(data: list[scans.Dataset]) -> None:
        for number, one in enumerate(data):
            one.RescaleSlope, one.RescaleIntercept = 0.5 * (number + 1), number

    (volume,) = read_volumes(series(tmp_path, rescale, modality="PT"))
    numbers = np.arange(5)
    np.testing.assert_allclose(volume.array, stored() * (0.5 * (numbers + 1)) + numbers, rtol=1e-6)
    assert (volume.array.dtype, volume.units) == (np.float32, "arbitrary")


def test_a_table_gives_the_values(tmp_path: Path) -> None:
    def tabulate(data: list[scans.Dataset]) -> None:
        for one in data:
            table = scans._item(LUTDescriptor=[4096, 0, 16], ModalityLUTType="US")
            table.add_new("LUTData", "OW", (np.arange(4096, dtype="<u2")[::-1] * 3).tobytes())
            one.ModalityLUTSequence = scans.Items([table])

    (volume,) = read_volumes(series(tmp_path, tabulate, modality="MR"))
    np.testing.assert_array_equal(volume.array, (4095 - stored().astype(int)) * 3)


@pytest.mark.parametrize(("signed", "padding"), [(0, 4000), (1, -2000), (1, 65536 - 2000)])
def test_padding_takes_the_lowest_other_value(tmp_path: Path, signed: int, padding: int) -> None:
    values = (stored().astype(int) % 3000 - (1000 if signed else 0)).astype(np.int16)
    values[:2] = -2000 if signed else 4000
    data = slices(values.view(np.uint16) & 0xFFF, PixelRepresentation=signed)
    for one in data:  # some machines write the bits of a signed value under an unsigned type
        one.add_new("PixelPaddingValue", "US" if padding > 0 else "SS", padding)
    (volume,) = read_volumes(write(data, tmp_path))
    np.testing.assert_array_equal(volume.array[2:], values[2:] - 1024)
    assert set(np.unique(volume.array[:2])) == {int(values[2:].min()) - 1024}


def test_dark_is_low_in_all_images(tmp_path: Path) -> None:
    (volume,) = read_volumes(series(tmp_path / "a", modality="MR", PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(volume.array, 4095 - stored().astype(int))
    (hounsfield,) = read_volumes(series(tmp_path / "b", PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(hounsfield.array, stored().astype(int) - 1024)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
def test_packed_pixels_are_the_same(tmp_path: Path, syntax: scans.UID) -> None:
    for number, one in enumerate(slices(stored((64, 48, 3)))):
        scans.save(scans.packed(one, syntax), tmp_path / f"{number}.dcm", syntax)
    (volume,) = read_volumes(tmp_path)
    np.testing.assert_array_equal(volume.array, stored((64, 48, 3)).astype(int) - 1024)


@pytest.mark.skipif(shutil.which("dcmcjpeg") is None, reason="needs dcmtk")
def test_lossless_jpeg_as_scanners_write_it_is_the_same(tmp_path: Path) -> None:
    pytest.importorskip("libjpeg")
    write(slices(stored((64, 48, 3))), tmp_path / "plain")
    (tmp_path / "packed").mkdir()
    for file in (tmp_path / "plain").iterdir():
        subprocess.run(["dcmcjpeg", "+e1", str(file), str(tmp_path / "packed" / file.name)], check=True)
    (volume,) = read_volumes(tmp_path / "packed")
    np.testing.assert_array_equal(volume.array, stored((64, 48, 3)).astype(int) - 1024)


def test_frames_of_one_file_are_put_in_order(tmp_path: Path) -> None:
    scans.save(scans.enhanced(stored(), order=[3, 0, 4, 1, 2]), tmp_path / "all.dcm")
    (volume,) = read_volumes(tmp_path / "all.dcm")
    numbers = np.arange(5)
    np.testing.assert_array_equal(volume.array, stored().astype(int) * (numbers + 1) + numbers - 1024)
    np.testing.assert_allclose(volume.affine[:3, 3], [-10, 20, 30])
    np.testing.assert_allclose(volume.spacing, SPACING)
    assert volume.units == "HU"


def test_series_orientations_and_localizers_are_volumes_of_their_own(tmp_path: Path) -> None:
    series(tmp_path / "x")
    series(tmp_path / "x" / "y", axes=OBLIQUE)
    write(slices(stored(seed=1), SeriesInstanceUID=scans.SERIES + ".7", PatientID="P2"), tmp_path / "z")
    write(slices(stored((8, 6, 1)), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), tmp_path / "scout")
    (tmp_path / "README.txt").write_text("not an image")
    volumes = read_volumes(tmp_path)
    assert [(volume.subject, volume.array.ndim) for volume in volumes] == [("P1", 2), ("P1", 3), ("P1", 3), ("P2", 3)]
    assert "LOCALIZER" in volumes[0].name
    assert len({volume.name for volume in volumes}) == 4


def test_only_the_modality_that_is_asked_for_is_read(tmp_path: Path) -> None:
    series(tmp_path / "ct")
    series(tmp_path / "mr", modality="MR", SeriesInstanceUID=scans.SERIES + ".8")
    assert [volume.modality for volume in read_volumes(tmp_path, modality="MR")] == ["MR"]
    with pytest.raises(DataError, match="of 10 DICOM files, none has the modality PT"):
        read_volumes(tmp_path, modality="PT")


def test_a_radiograph_has_no_place_and_is_flat(tmp_path: Path) -> None:
    data = slices(stored((8, 6, 1)), modality="DX", ImagerPixelSpacing=[0.2, 0.1])[0]
    del data.ImagePositionPatient, data.ImageOrientationPatient, data.PixelSpacing
    (volume,) = read_volumes(scans.save(data, tmp_path / "chest.dcm"))
    assert (volume.array.shape, volume.spacing, volume.name) == ((8, 6), (0.1, 0.2), "chest.dcm")


def ramp(volume_shape: tuple[int, int], places: np.ndarray) -> np.ndarray:
    """Stored values that are a plane in space: columns, rows and the slices' positions along the normal."""
    x, y = np.meshgrid(np.arange(volume_shape[0]), np.arange(volume_shape[1]), indexing="ij")
    plane = 20 * x[..., None] + 10 * y[..., None] + 50 * places
    return np.rint(plane).astype(np.uint16)


def test_uneven_slices_are_laid_out_evenly_when_asked_for(tmp_path: Path) -> None:
    places = np.array([0.0, 2.0, 4.0, 5.0, 7.0, 9.0, 10.0])
    data = slices(ramp((8, 6), places))
    for place, one in zip(places, data, strict=True):
        one.ImagePositionPatient = [10, -20, 30 + place]
    write(data, tmp_path)
    with pytest.raises(DataError, match="lie 1 to 2 mm apart by ImagePositionPatient"):
        read_volumes(tmp_path)
    (volume,) = read_volumes(tmp_path, uneven="resample")
    np.testing.assert_array_equal(volume.array, ramp((8, 6), np.arange(0, 11, 2.0)).astype(int) - 1024)
    np.testing.assert_allclose(volume.spacing, SPACING)
    np.testing.assert_allclose(volume.affine[:3, 3], [-10, 20, 30])


def test_a_tilted_stack_is_set_upright_when_asked_for(tmp_path: Path) -> None:
    shape, number = (40, 30), np.arange(9)
    shift = np.tan(TILT) * SPACING[2]
    x, y = np.meshgrid(np.arange(shape[0]) * SPACING[0], np.arange(shape[1]) * SPACING[1], indexing="ij")
    # The values are a plane in the patient's space, so that linear interpolation gives them back.
    values = np.rint(40 * x[..., None] + 30 * (y[..., None] + number * shift) + 20 * number * SPACING[2])
    write(slices(values.astype(np.uint16), step=(0, shift, SPACING[2])), tmp_path)
    with pytest.raises(DataError, match=r"tilted by 15 degrees.*gantry tilt"):
        read_volumes(tmp_path)
    (volume,) = read_volumes(tmp_path, uneven="resample")
    axes = volume.affine[:3, :3] / volume.spacing
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-9)
    voxels = np.stack(np.meshgrid(*map(np.arange, volume.array.shape), indexing="ij"), -1)
    places = (voxels @ volume.affine[:3, :3].T + volume.affine[:3, 3]) * [-1, -1, 1] - [10, -20, 30]
    wanted = 40 * places[..., 0] + 30 * places[..., 1] + 20 * places[..., 2] - 1024
    row = places[..., 1] - places[..., 2] / SPACING[2] * shift  # rows of the slice that was there
    inside = (row >= 0) & (row <= y.max())
    assert inside.mean() > 0.7
    np.testing.assert_allclose(volume.array[inside], wanted[inside], atol=1.5)
    assert set(np.unique(volume.array[(row < -1) | (row > y.max() + 1)])) == {-1024}


# The two real series, against what their bytes say: no DICOM reader is used on this side.


def element(data: bytes, group: int, number: int, kind: bytes) -> list[float]:
    """Decimals of the first element with a tag, found in the bytes of a file by its tag."""
    head = re.escape(struct.pack("<HH", group, number))
    explicit = re.search(head + kind + rb"(..)", data, re.DOTALL)
    found = explicit or re.search(head + rb"(..)\0\0", data, re.DOTALL)
    assert found
    (length,) = struct.unpack("<H", found[1])
    return [float(text) for text in data[found.end() :][:length].decode().strip(" \0").split("\\")]


@pytest.mark.parametrize(("name", "count", "apart"), [("A0001_5mm", 64, 5.0), ("A0002_B40f", 30, 8.0)])
def test_real_series_have_the_geometry_and_values_of_their_bytes(
    shared_data: Path, name: str, count: int, apart: float
) -> None:
    folder = shared_data / "images/tcia_lung_pet_ct_dx_dicom" / name
    (volume,) = read_volumes(folder)
    files = [file.read_bytes() for file in sorted(folder.rglob("*.dcm"))]
    files.sort(key=lambda data: element(data, 0x20, 0x32, b"DS")[2])
    between_rows, between_columns = element(files[0], 0x28, 0x30, b"DS")
    assert volume.array.shape == (512, 512, count)
    for number, data in enumerate(files):
        (slope,), (intercept,) = element(data, 0x28, 0x1053, b"DS"), element(data, 0x28, 0x1052, b"DS")
        end = data.rindex(b"\xe0\x7f\x10\x00") + (12 if b"\xe0\x7f\x10\x00OW" in data else 8)
        raw = np.frombuffer(data, "<u2", 512 * 512, end).reshape(512, 512) & 0xFFF
        np.testing.assert_array_equal(volume.array[:, :, number].T, raw * slope + intercept)
        place = element(data, 0x20, 0x32, b"DS")
        found = (volume.affine @ [0, 0, number, 1])[:3]
        np.testing.assert_allclose(found, np.array(place) * [-1, -1, 1], atol=1e-4)
        far = np.add(place, [511 * between_columns, 511 * between_rows, 0])
        np.testing.assert_allclose((volume.affine @ [511, 511, number, 1])[:3], far * [-1, -1, 1], atol=1e-4)
    np.testing.assert_allclose(volume.spacing, (between_columns, between_rows, apart), atol=1e-4)
    assert (volume.subject, volume.units) == (f"Lung_Dx-{name[:5]}", "HU")
