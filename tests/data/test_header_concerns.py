"""What real headers give away or leave open is counted and named, and none of their values is repeated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from synthdiff.data import header_concerns, write_nifti
from synthdiff.errors import DataError
from synthdiff.voxels import Volume
from tests.data import scans

SAFE = {"PatientID": "", "BurnedInAnnotation": "NO", "RecognizableVisualFeatures": "NO"}


def concerns(folder: Path, modality: str = "MR", **elements: Any) -> list[str]:
    scans.series(folder, modality=modality, **(SAFE | elements))
    return header_concerns(folder)


def test_nothing_is_told_where_nothing_is_to_tell(tmp_path: Path) -> None:
    assert concerns(tmp_path, BodyPartExamined="BRAIN") == []


@pytest.mark.parametrize(
    ("modality", "elements", "words"),
    [
        ("MR", {"BurnedInAnnotation": "YES"}, "burned into the pixels, in BurnedInAnnotation (0028,0301)"),
        ("US", {"BurnedInAnnotation": ""}, "whether anything is written on the pixels"),
        ("SC", {"BurnedInAnnotation": ""}, "whether anything is written on the pixels"),
        ("MR", {"BodyPartExamined": "HEAD", "RecognizableVisualFeatures": "YES"}, "of a head"),
        ("CT", {"BodyPartExamined": "SKULL", "RecognizableVisualFeatures": ""}, "of a head"),
        ("MR", {"StudyDescription": "MRT Neurocranium", "RecognizableVisualFeatures": ""}, "of a head"),
        ("MR", {"PatientName": "Doe^Jane"}, "hold a PatientName (0010,0010)"),
        ("MR", {"PatientBirthDate": "19500101"}, "hold a PatientBirthDate (0010,0030)"),
        ("MR", {"PatientID": "4711"}, "hold a PatientID (0010,0020)"),
    ],
)
def test_each_concern_is_counted_without_its_value(
    tmp_path: Path, modality: str, elements: dict[str, str], words: str
) -> None:
    (said,) = concerns(tmp_path, modality, **elements)
    assert said.startswith("5 of 5 files")
    assert words in said
    assert not any(value in said for value in ("Doe", "1950", "4711"))


def test_private_elements_are_told_and_empty_blocks_are_not(tmp_path: Path) -> None:
    def private(content: bool) -> Any:
        def change(data: list[scans.Dataset]) -> None:
            for one in data[:2]:
                block = one.private_block(0x0011, "A MAKER", create=True)
                if content:
                    block.add_new(0x01, "LO", "anything")

        return change

    scans.series(tmp_path / "a", private(True), modality="MR", **SAFE)
    (said,) = header_concerns(tmp_path / "a")
    assert said.startswith("2 of 5 files hold private elements")
    scans.series(tmp_path / "b", private(False), modality="MR", **SAFE)
    assert header_concerns(tmp_path / "b") == []


def test_files_that_cannot_say_are_told(tmp_path: Path) -> None:
    write_nifti(Volume(np.zeros((2, 3, 4)), np.eye(4)), tmp_path / "x.nii.gz")
    (said,) = header_concerns(tmp_path)
    assert said.startswith("1 NIfTI files do not say")
    (tmp_path / "films").mkdir()
    Image.fromarray(np.zeros((6, 8), np.uint8)).save(tmp_path / "films" / "film.png")
    (said,) = header_concerns(tmp_path / "films")
    assert "written on them" in said
    with pytest.raises(DataError, match="no such file"):
        header_concerns(tmp_path / "absent")


def test_the_concerns_of_real_series(shared_data: Path) -> None:
    said = header_concerns(shared_data / "images/tcia_lung_pet_ct_dx_dicom")
    assert [line.split(" hold ")[0] for line in said] == ["94 of 94 files"] * 3
    assert "private" in said[0]
