"""NIfTI files, pictures and arrays that cannot be read as they are: each error names the file."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from tests.data.scans import Spoil, scan, told

# NIfTI


CUBE = np.arange(60, dtype=np.float32).reshape(3, 4, 5)


def packed_short(path: Path) -> None:
    scan(path, np.random.default_rng(0).normal(size=(20, 20, 20)))
    path.write_bytes(path.read_bytes()[:-3000])


def header_short(path: Path) -> None:
    scan(path, CUBE)
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:200]))


def absurd(path: Path) -> None:
    scan(path, CUBE)
    data = bytearray(gzip.decompress(path.read_bytes()))
    data[42:48] = struct.pack("<3h", 32_000, 32_000, 900)
    path.write_bytes(gzip.compress(data))


def no_spacing(path: Path) -> None:
    image = nibabel.Nifti1Image(CUBE, np.eye(4))
    image.header["srow_x"] = 0
    image.header["sform_code"] = 1
    path.write_bytes(gzip.compress(image.to_bytes()[:280] + struct.pack("<4f", 0, 0, 0, 0) + image.to_bytes()[296:]))


def hole(path: Path) -> None:
    array = CUBE.copy()
    array[1, 2, 3] = np.nan
    scan(path, array)


NIFTI: dict[str, tuple[Spoil, str]] = {
    "cut short": (packed_short, "cannot be read as NIfTI"),
    "cut short in the header": (header_short, "cannot be read as NIfTI"),
    "no gzip": (lambda path: path.write_bytes(b"\x1f\x8b nothing of the kind"), "cannot be read as NIfTI"),
    "text": (lambda path: path.write_text("a,b\n1,2\n"), "cannot be read as NIfTI"),
    "empty": (lambda path: path.write_bytes(b""), "empty"),
    "absurd size": (absurd, "dim: the shape (32000, 32000, 900) needs 3,686,400,000,000 bytes"),
    "four axes": (lambda path: scan(path, np.zeros((3, 4, 5, 2))), "dim: the image has the shape (3, 4, 5, 2)"),
    "five axes": (lambda path: scan(path, np.zeros((3, 4, 5, 1, 3))), "dim: the image has the shape (3, 4, 5, 1, 3)"),
    "one axis": (lambda path: scan(path, np.zeros(7)), "the shape (7,)"),
    "colours": (
        lambda path: scan(path, np.zeros((3, 4, 5), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])),
        "datatype: the voxels are colours",
    ),
    "complex": (lambda path: scan(path, np.zeros((3, 4, 5), np.complex64)), "datatype: the voxels are complex64"),
    "not a number": (hole, "1 of 60 voxels are not finite, the first at (1, 2, 3)"),
    "no spacing": (no_spacing, "the spacing of the voxels"),
}


@pytest.mark.parametrize("what", NIFTI)
def test_broken_nifti_is_told_with_file(tmp_path: Path, what: str) -> None:
    spoil, words = NIFTI[what]
    spoil(tmp_path / "knee.nii.gz")
    said = told(tmp_path)
    assert "knee.nii.gz" in said
    assert words in said


MOVED = np.diag([1.0, 1.0, 2.0, 1.0])

LABELS: dict[str, tuple[Spoil, str]] = {
    "another shape": (
        lambda path: scan(path, np.zeros((3, 4, 6), np.uint8)),
        "(3, 4, 6), its image knee.nii.gz (3, 4, 5)",
    ),
    "another place": (
        lambda path: scan(path, np.zeros((3, 4, 5), np.uint8), MOVED),
        "[0. 0. 2. 0.]], the image's [[1.",
    ),
    "fractions": (lambda path: scan(path, CUBE / 2), "30 voxels of the label map are 0.5 and the like"),
    "negative": (lambda path: scan(path, CUBE - 1), "1 voxels of the label map are -1"),
    "none of that name": (lambda path: scan(path.with_name("hip.nii.gz"), CUBE), "1 of 1 images have no label map"),
}


@pytest.mark.parametrize("what", LABELS)
def test_labels_that_do_not_belong_are_told(tmp_path: Path, what: str) -> None:
    spoil, words = LABELS[what]
    scan(tmp_path / "images" / "knee.nii.gz", CUBE)
    spoil(tmp_path / "labels" / "knee.nii.gz")
    said = told(tmp_path / "images", labels=tmp_path / "labels")
    assert "knee.nii.gz" in said
    assert words in said


# Pictures and arrays


def coloured(path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (6, 8, 3), dtype=np.uint8)).save(path)


def picture_short(path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 80), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:2000])


def wide(path: Path) -> None:
    """A header that says 10,000 x 8,000 pixels."""
    Image.fromarray(np.zeros((6, 8), np.uint8)).save(path)
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">2I", 10_000, 8_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)


def in_motion(path: Path) -> None:
    several = [Image.fromarray(np.full((6, 8), number, np.uint8)) for number in range(3)]
    several[0].save(path, save_all=True, append_images=several[1:])


PICTURES: dict[str, tuple[Spoil, str]] = {
    "colours": (coloured, "has colours"),
    "cut short": (picture_short, "cannot be read as PNG or JPEG"),
    "text": (lambda path: path.write_text("a picture"), "cannot be read as PNG or JPEG"),
    "huge": (wide, "10,000 x 8,000 pixels"),
    "several": (in_motion, "several pictures"),
}


@pytest.mark.parametrize("what", PICTURES)
def test_broken_pictures_are_told_with_file(tmp_path: Path, what: str) -> None:
    spoil, words = PICTURES[what]
    spoil(tmp_path / "film.png")
    said = told(tmp_path)
    assert "film.png" in said
    assert words in said


def torn_archive(path: Path) -> None:
    np.savez_compressed(path, images=np.random.default_rng(0).integers(0, 255, (9, 8, 8)))
    data = bytearray(path.read_bytes())
    data[200:220] = bytes(20)
    path.write_bytes(data)


ARRAYS: dict[str, tuple[Spoil, str]] = {
    "objects": (lambda path: np.savez(path, images=np.array([{}, {}], dtype=object)), "array images: object"),
    "colours": (lambda path: np.savez(path, images=np.zeros((4, 8, 8, 3))), "array images: the shape is (4, 8, 8, 3)"),
    "damaged": (torn_archive, "array images cannot be read"),
    "text": (lambda path: path.write_text("no archive"), "cannot be read as .npz"),
    "two": (lambda path: np.savez(path, a_images=CUBE, b_images=CUBE), "say which one: a_images, b_images"),
    "none": (lambda path: np.savez(path, x=CUBE), "say which one: x"),
}


@pytest.mark.parametrize("what", ARRAYS)
def test_broken_arrays_are_told_with_file(tmp_path: Path, what: str) -> None:
    spoil, words = ARRAYS[what]
    spoil(tmp_path / "films.npz")
    said = told(tmp_path / "films.npz")
    assert "films.npz" in said
    assert words in said


def test_a_folder_of_several_kinds_is_told(tmp_path: Path) -> None:
    scan(tmp_path / "knee.nii.gz", CUBE)
    Image.fromarray(np.zeros((6, 8), np.uint8)).save(tmp_path / "film.png")
    assert "1 NIfTI files and 1 pictures" in told(tmp_path)
