"""Segmentations: written beside a series, read onto a grid, refused where they do not belong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.sr.codedict import codes
from syntheses import WHO, complaints, oblique, scan

from synthdiff.data.segmentation import read_segmentation, write_segmentation
from synthdiff.data.series import write_series
from synthdiff.data.volumes import read_volumes
from synthdiff.errors import DataError, ReleaseError
from synthdiff.voxels import Volume

NAMES = ["anterior", "posterior – größer"]

KINDS = {
    "MR": scan("MR", 0, 900, np.uint16, shape=(20, 24, 9)),
    "CT": scan("CT", -1000, 900, np.int16, shape=(20, 24, 9), units="HU"),
    "left-handed": scan("MR", 0, 900, np.uint16, shape=(20, 24, 9), affine=oblique() @ np.diag([1, 1, -1, 1])),
    "placed capture": scan("PT", 0, 9, np.float32, shape=(20, 24, 9)),
    "picture": scan("US", 0, 255, np.uint8, shape=(64, 48), affine=np.eye(4)),
    "flat MR": scan("MR", 0, 900, np.uint16, shape=(64, 48)),
}


def written(volume: Volume, folder: Path, **more: Any) -> Path:
    """The segmentation of a volume whose series lies beside it."""
    files = write_series(volume, folder / "series", **WHO, body_part="BRAIN")
    return write_segmentation(volume, files, folder / "labels.dcm", **{"names": NAMES} | more)


@pytest.fixture(scope="module")
def mr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the series and the segmentation of one volume."""
    return written(KINDS["MR"], tmp_path_factory.mktemp("mr")).parent


@pytest.mark.parametrize("name", KINDS)
def test_labels_come_back(name: str, tmp_path: Path) -> None:
    volume = KINDS[name]
    file = written(volume, tmp_path)
    labels = read_segmentation(file, volume)
    assert labels.dtype == np.uint8 and set(np.unique(labels)) == {0, 1, 2}
    np.testing.assert_array_equal(labels, volume.labels)
    (back,) = read_volumes(tmp_path / "series", labels=file)
    assert back.labels is not None and volume.labels is not None
    turned = name == "left-handed"
    np.testing.assert_array_equal(back.labels, volume.labels[:, :, ::-1] if turned else volume.labels)


@pytest.mark.parametrize("name", KINDS)
def test_validators_have_nothing_to_say(name: str, tmp_path: Path) -> None:
    assert complaints(written(KINDS[name], tmp_path)) == set()


def test_a_segmentation_belongs_to_its_series_and_says_that_it_is_synthetic(mr: Path) -> None:
    made, source = dcmread(mr / "labels.dcm"), dcmread(mr / "series/0001.dcm")
    for keyword in ("PatientID", "PatientName", "IssuerOfPatientID", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert made[keyword].value == source[keyword].value
    assert made.ReferencedSeriesSequence[0].SeriesInstanceUID == source.SeriesInstanceUID != made.SeriesInstanceUID
    assert made.SyntheticData == "YES" and made.PatientIdentityRemoved == "YES"
    purposes = [item.PurposeOfReferenceCodeSequence[0].CodeValue for item in made.ContributingEquipmentSequence]
    assert purposes == ["109100"]
    assert [segment.SegmentLabel for segment in made.SegmentSequence] == NAMES
    assert (made.ContentDate, made.ContentTime) == ("19000101", "000000") and "InstanceCreationDate" not in made


def test_the_same_labels_give_the_same_bytes_in_whatever_order_the_slices_are_named(mr: Path, tmp_path: Path) -> None:
    files = sorted((mr / "series").iterdir(), reverse=True)
    again = write_segmentation(KINDS["MR"], files, tmp_path / "again.dcm", names=NAMES)
    assert again.read_bytes() == (mr / "labels.dcm").read_bytes()


def test_labels_find_their_voxels_on_a_grid_that_runs_otherwise(mr: Path) -> None:
    volume = KINDS["MR"]
    assert volume.labels is not None
    back = np.array([[0, -1, 0, 19], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])  # from (z, 19 - x, y) to (x, y, z)
    other = Volume(volume.array.transpose(2, 0, 1)[:, ::-1], volume.affine @ back, "MR")
    expected = volume.labels.transpose(2, 0, 1)[:, ::-1]
    np.testing.assert_array_equal(read_segmentation(mr / "labels.dcm", other), expected)


def test_labels_without_a_voxel_are_described(tmp_path: Path) -> None:
    volume = KINDS["MR"]
    empty = replace(volume, labels=np.zeros(volume.array.shape, dtype=np.uint8))
    file = written(empty, tmp_path)
    assert not read_segmentation(file, empty).any()
    assert len(dcmread(file).SegmentSequence) == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda v: replace(v, affine=v.affine + np.outer([1, 0, 0, 0], [0, 0, 0, 0.4])), "beside the image's grid"),
        (lambda v: replace(v, affine=v.affine @ np.diag([2, 1, 1, 1])), "beside the image's grid"),
        (lambda v: replace(v, affine=v.affine @ np.diag([0.5, 1, 1, 1])), "beside the image's grid"),
        (lambda v: replace(v, affine=oblique(turned=(11, 20, -15))), "beside the image's grid"),
        (lambda v: replace(v, array=v.array[:10], labels=None), "outside of the image"),
        (lambda v: Volume(v.array[:, :, 0].T, v.affine, "MR"), "with 20 columns"),
    ],
    ids=["shifted", "coarser", "finer", "turned", "cropped", "flat"],
)
def test_another_grid_is_refused(change: Callable[[Volume], Volume], told: str, mr: Path) -> None:
    with pytest.raises(DataError, match=told):
        read_segmentation(mr / "labels.dcm", change(KINDS["MR"]))


def test_another_frame_of_reference_is_refused(mr: Path) -> None:
    own = dcmread(mr / "labels.dcm").FrameOfReferenceUID
    read_segmentation(mr / "labels.dcm", KINDS["MR"], frame_of_reference=own)
    with pytest.raises(DataError, match=r"FrameOfReferenceUID \(0020,0052\)"):
        read_segmentation(mr / "labels.dcm", KINDS["MR"], frame_of_reference=own + "1")


def test_a_map_that_cannot_be_written_is_refused(mr: Path, tmp_path: Path) -> None:
    volume, files = KINDS["MR"], sorted((mr / "series").iterdir())
    target = tmp_path / "labels.dcm"
    with pytest.raises(DataError, match="no label map"):
        write_segmentation(replace(volume, labels=None), files, target, names=NAMES)
    with pytest.raises(DataError, match="goes up to 2, and 1 segments"):
        write_segmentation(volume, files, target, names=NAMES[:1])
    with pytest.raises(ReleaseError, match="cannot name a segment"):
        write_segmentation(volume, files, target, names=["a", "b\\c"])
    with pytest.raises(DataError, match="the 8 files of the series are not the 9 slices"):
        write_segmentation(volume, files[:-1], target, names=NAMES)
    with pytest.raises(DataError, match="are not the 9 slices"):
        write_segmentation(volume, [*files[:-1], files[0]], target, names=NAMES)
    with pytest.raises(DataError, match="are not the 9 slices"):
        write_segmentation(replace(volume, affine=np.eye(4)), files, target, names=NAMES)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ReleaseError, match="something already"):
        write_segmentation(volume, files, mr / "labels.dcm", names=NAMES)


def test_the_header_of_a_real_series_is_not_carried_over(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "images/tcia_lung_pet_ct_dx_dicom/A0001_5mm"
    (real,) = read_volumes(folder)
    labelled = replace(real, labels=np.zeros(real.array.shape, dtype=np.uint8))
    with pytest.raises(ReleaseError, match=r"SyntheticData \(0008,001C\) is not YES"):
        write_segmentation(labelled, sorted(folder.glob("*.dcm")), tmp_path / "labels.dcm", names=NAMES)
    assert not list(tmp_path.iterdir())


def foreign(folder: Path, pixels: np.ndarray[Any, Any], kind: str) -> Path:
    """A segmentation that another program might write, of two segments."""
    sources = [dcmread(file) for file in sorted((folder / "series").iterdir())]
    described = [
        hd.seg.SegmentDescription(number, "part", codes.SCT.Tissue, codes.SCT.Tissue, "MANUAL") for number in (1, 2)
    ]
    uids = [hd.UID() for _ in range(2)]
    made = hd.seg.Segmentation(sources, pixels, kind, described, uids[0], 1, uids[1], 1, "m", "m", "1", "1")
    made.save_as(folder / f"{kind}-{uids[1]}.dcm")
    return folder / f"{kind}-{uids[1]}.dcm"


def test_segmentations_of_other_kinds(mr: Path) -> None:
    volume = KINDS["MR"]
    assert volume.labels is not None
    frames = volume.labels.transpose(2, 1, 0)
    np.testing.assert_array_equal(read_segmentation(foreign(mr, frames, "LABELMAP"), volume), volume.labels)
    with pytest.raises(DataError, match="FRACTIONAL, expected BINARY or LABELMAP"):
        read_segmentation(foreign(mr, frames, "FRACTIONAL"), volume)
    both = np.stack([frames > 0, frames > 1], axis=-1).astype(np.uint8)
    with pytest.raises(DataError, match="overlap"):
        read_segmentation(foreign(mr, both, "BINARY"), volume)
    with pytest.raises(DataError, match="this is no segmentation"):
        read_segmentation(mr / "series/0001.dcm", volume)


def _without(keyword: str) -> Callable[[Dataset], None]:
    return lambda header: delattr(header, keyword)


@pytest.mark.parametrize(
    ("damage", "tag"),
    [
        (_without("SOPClassUID"), "SOPClassUID"),
        (_without("SegmentationType"), "SegmentationType"),
        (_without("PixelData"), "PixelData|no pixel data"),
        (_without("PerFrameFunctionalGroupsSequence"), "PerFrameFunctionalGroupsSequence"),
        (_without("SharedFunctionalGroupsSequence"), "PixelMeasuresSequence"),
        (lambda header: header.PerFrameFunctionalGroupsSequence.pop(), "PerFrameFunctionalGroupsSequence"),
        (lambda header: setattr(header, "PixelData", header.PixelData[:100]), "PixelData|pixel data"),
        (lambda header: setattr(header, "Rows", 60_000), "PixelData|pixel data"),
        (lambda header: setattr(header, "NumberOfFrames", 2_000_000_000), "PerFrame|pixel data|NumberOfFrames"),
        (
            lambda header: delattr(header.PerFrameFunctionalGroupsSequence[0], "SegmentIdentificationSequence"),
            "SegmentIdentificationSequence",
        ),
        (
            lambda header: setattr(
                header.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0],
                "ImagePositionPatient",
                [1e300, 0, 0],
            ),
            "ImagePositionPatient",
        ),
        (
            lambda header: setattr(
                header.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0],
                "ImageOrientationPatient",
                [0] * 6,
            ),
            "beside the image's grid",
        ),
    ],
)
def test_damaged_files_are_told_with_their_tag(damage: Callable[[Dataset], None], tag: str, mr: Path) -> None:
    header = dcmread(mr / "labels.dcm")
    damage(header)
    header.save_as(mr / "damaged.dcm")
    with pytest.raises(DataError, match=tag) as told:
        read_segmentation(mr / "damaged.dcm", KINDS["MR"])
    assert "damaged.dcm" in str(told.value)


def test_files_that_are_cut_short_are_refused(mr: Path) -> None:
    whole = (mr / "labels.dcm").read_bytes()
    for share in (0.05, 0.3, 0.6, 0.9, 0.99):
        (mr / "short.dcm").write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(DataError, match=r"short\.dcm"):
            read_segmentation(mr / "short.dcm", KINDS["MR"])
