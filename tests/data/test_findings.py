"""What images show: said by a CSV or an array, kept in equal shares on both sides of a split, or refused in words."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scans import series

from synthdiff.data import read_volumes, split_subjects, write_nifti
from synthdiff.errors import DataError
from synthdiff.voxels import Volume

FILES = ("a.nii", "b.nii", "c.nii.gz")


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    (tmp_path / "scans").mkdir()
    for file in FILES:
        write_nifti(Volume(np.zeros((2, 3, 4), np.int16), np.eye(4)), tmp_path / "scans" / file)
    return tmp_path / "scans"


def said(folder: Path, text: str) -> list[str]:
    table = folder.parent / "said.csv"
    table.write_text(text, encoding="utf-8")
    return [volume.finding for volume in read_volumes(folder, findings=table)]


def test_findings_by_file_or_by_subject_in_any_order(scans: Path) -> None:
    assert said(scans, "file,age,finding\nb.nii,80, normal\nc.nii.gz,,tumour\na.nii,7,normal\n") == [
        "normal",
        "normal",
        "tumour",
    ]
    assert said(scans, "finding;subject\n2;b\n1;c\n1;a\n") == ["1", "2", "1"]
    # A file's name goes before a subject's, so that a release's table does for its NIfTI files and for its DICOM.
    assert said(scans, "file,subject,finding\na.nii,P1,x\nb.nii,P2,y\nc.nii.gz,P3,z\n") == ["x", "y", "z"]


def test_all_images_of_a_dicom_subject_have_its_finding(tmp_path: Path) -> None:
    for patient in ("P1", "P2"):
        for number in (1, 2):
            uid = f"1.2.3.{patient[1]}.{number}"
            series(tmp_path / "scans" / f"{patient}-{number}", series=uid, PatientID=patient)
    assert said(tmp_path / "scans", "file,subject,finding\n,P1,normal\n,P2,fracture\n") == [
        *["normal"] * 2,
        *["fracture"] * 2,
    ]
    with pytest.raises(DataError, match="the columns are file, finding, expected subject, and finding"):
        said(tmp_path / "scans", "file,finding\nx,y\nz,y\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("file,finding\na.nii,x\nb.nii,y\n", "said.csv: 1 of 3 files have no row: c.nii.gz"),
        (
            "file,finding\na.nii,x\nb.nii,y\nd.nii,y\nc.nii.gz,x\n",
            "said.csv, column 'file', row 3 (line 4): found 'd.nii', which is the name of no image",
        ),
        (
            "file,finding\na.nii,x\nb.nii,\nc.nii.gz,x\n",
            "said.csv, column 'finding', row 2 (line 3): found an empty cell for b.nii, expected what the image shows",
        ),
        (
            "file,finding\na.nii,x\nb.nii,y\na.nii,y\nc.nii.gz,x\n",
            "said.csv, column 'finding', row 3 (line 4): found 'y' for a.nii, of which row 1 says 'x'",
        ),
        ("file,diagnosis\na.nii,x\n", "said.csv: the columns are file, diagnosis, expected file or subject, and find"),
        ("file,finding\na.nii,x\nb.nii,y\nc.nii.gz\n", "said.csv, line 4: the row has 1 cell, the header has 2"),
        ('file,finding\na.nii,x\nb.nii,"y\nz"\nc.nii.gz,x\n', "b.nii: the finding is 'y\\nz', expected a text of one"),
    ],
)
def test_what_does_not_go_together_is_told_with_its_place(scans: Path, text: str, told: str) -> None:
    with pytest.raises(DataError) as error:
        said(scans, text)
    assert told in str(error.value)


def test_several_mistakes_are_told_at_once_and_only_csv_is_read(scans: Path) -> None:
    with pytest.raises(DataError, match="2 problems"):
        said(scans, "file,finding\na.nii,\nb.nii,x\nc.nii.gz,x\nc.nii.gz,y\n")
    with pytest.raises(DataError, match=r"said\.xlsx: findings are read from CSV"):
        (scans.parent / "said.xlsx").write_bytes(b"PK")
        read_volumes(scans, findings=scans.parent / "said.xlsx")
    with pytest.raises(DataError, match="there is no such file"):
        read_volumes(scans, findings=scans.parent / "nowhere.csv")


# Arrays


@pytest.mark.parametrize(
    "classes",
    [np.array([[1], [0], [2]], np.uint8), np.array(["1", " 0", "2 "]), np.array([1, 0, 2], ">i8")],
    ids=["column", "text", "big-endian"],
)
def test_an_array_says_what_images_show(tmp_path: Path, classes: Any) -> None:
    np.savez_compressed(tmp_path / "a.npz", train_images=np.zeros((3, 6, 8)), train_labels=classes)
    volumes = read_volumes(tmp_path / "a.npz", findings="train_labels")
    assert [volume.finding for volume in volumes] == ["1", "0", "2"]
    assert [volume.finding for volume in read_volumes(tmp_path / "a.npz")] == [""] * 3


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        (np.zeros(4, np.uint8), r"array labels: the shape is \(4,\), expected a text or a whole number for each of 3"),
        (np.zeros(3), "array labels: float64 of shape"),
        (np.array(["x", "", "y"]), "array labels: found an empty text for image 1"),
        (np.array([0x7FFFFFFF, 65, 66], "<u4").view("<U1"), "array labels cannot be read"),
        (np.array([0xD800, 65, 66], "<u4").view("<U1"), "image 0: the finding is .*, expected a text of one line"),
        (np.array([None, 1, 2], object), "array labels: object of shape"),
    ],
    ids=["too many", "fractions", "empty", "no text", "half a sign", "pickled"],
)
def test_an_array_that_says_it_otherwise_is_refused(tmp_path: Path, classes: Any, told: str) -> None:
    np.savez(tmp_path / "a.npz", images=np.zeros((3, 6, 8)), labels=classes)
    with pytest.raises(DataError, match=told):
        read_volumes(tmp_path / "a.npz", findings="labels")
    with pytest.raises(DataError, match=r"a\.npz: there is no array 'sex'.*\n.*images, labels"):
        read_volumes(tmp_path / "a.npz", findings="sex")


def test_images_are_no_text(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=np.full((3, 6, 8), "x"))
    with pytest.raises(DataError, match="array images: <U1 of shape"):
        read_volumes(tmp_path / "a.npz")


def test_real_radiographs_have_their_findings(shared_data: Path) -> None:
    path = shared_data / "images/pneumoniamnist/pneumoniamnist.npz"
    volumes = read_volumes(path, array="train_images", modality="DX", findings="train_labels")
    assert (len(volumes), volumes[0].array.shape) == (4708, (28, 28))
    assert Counter(volume.finding for volume in volumes) == {"0": 1214, "1": 3494}


# The split


@settings(deadline=None, max_examples=30)
@given(
    counts=st.lists(st.integers(14, 40), min_size=1, max_size=4),
    each=st.integers(1, 3),
    holdout=st.floats(0.15, 0.5),
    seed=st.integers(0, 99),
)
def test_both_parts_have_the_shares_of_findings(counts: list[int], each: int, holdout: float, seed: int) -> None:
    array, affine = np.zeros((2, 2)), np.eye(4)
    people = [f"{finding}-{number}" for finding, count in enumerate(counts) for number in range(count)]
    volumes = [Volume(array, affine, subject=name, finding=name[0]) for name in people for _ in range(each)]
    train, held = split_subjects(volumes, holdout, seed)
    assert not {volume.subject for volume in held} & {volume.subject for volume in train}
    found = Counter(volume.finding for volume in held)
    for finding, count in enumerate(counts):
        assert abs(found[str(finding)] / each - holdout * count) <= 1


def test_findings_of_one_kind_change_nothing_of_a_split() -> None:
    bare = [Volume(np.zeros((2, 2)), np.eye(4), subject=str(n)) for n in range(50)]
    alike = [Volume(np.zeros((2, 2)), np.eye(4), subject=str(n), finding="normal") for n in range(50)]
    held = [[volume.subject for volume in split_subjects(volumes, 0.2, 3)[1]] for volumes in (bare, alike)]
    assert held[0] == held[1]
