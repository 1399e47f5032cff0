"""Folders of images as people keep them: files of one kind, and label maps of the same names beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast, get_args

import numpy as np

from synthdiff.data import nifti, raster
from synthdiff.data.dicom import dicom_files, read_headers
from synthdiff.data.findings import findings_table, read_findings
from synthdiff.data.objects import staged
from synthdiff.data.volumes import read_volumes
from synthdiff.errors import DataError
from synthdiff.voxels import Modality, Volume

FOLDERS = {"images": ("labels", "masks"), "imagesTr": ("labelsTr",)}
"""What folders of images are called, and those of their label maps."""

SERIES, FINDINGS = "series", "findings.csv"
"""Where a release has its DICOM series, a folder a patient, and what its images show."""

LABEL_MAPS = "SEG"
"""The modality of DICOM segmentations."""

FileKind = Literal["NIfTI", "DICOM", "picture", "array"]


@dataclass(frozen=True)
class Layout:
    """Where images are, and their label maps and findings if there are any."""

    images: Path
    labels: Path | None = None
    findings: Path | None = None

    @classmethod
    def of(cls, path: Path) -> Layout:
        """The images of a folder: those in its ``images``, with the label maps in its ``labels``, or its own files."""
        findings = path / FINDINGS if (path / FINDINGS).is_file() else None
        for name in FOLDERS:
            if (path / name).is_dir():
                return cls(path / name, labels_beside(path / name), findings)
        if path.is_dir() and file_kind(path) == "DICOM" and LABEL_MAPS in modalities(path):
            return cls(path, path, findings)
        return cls(path, findings=findings)


def labels_beside(images: Path) -> Path | None:
    """The folder of label maps that stands beside a folder of images."""
    beside = (images.parent / name for name in FOLDERS.get(images.name, ()))
    return next((folder for folder in beside if folder.is_dir()), None)


def are_images(path: Path) -> bool:
    """Whether data are images and no table: a folder, or a file of arrays."""
    return path.is_dir() or path.suffix.lower() == ".npz"


def file_kind(path: Path) -> FileKind:
    """What the files of a folder are, by their endings; DICOM where these say nothing."""
    if path.suffix.lower() == ".npz":
        return "array"
    names = [file.name.lower() for file in path.iterdir() if not file.name.startswith(".")]
    if any(name.endswith(nifti.SUFFIXES) for name in names):
        return "NIfTI"
    return "picture" if any(name.endswith(raster.SUFFIXES) for name in names) else "DICOM"


def modalities(path: Path) -> Counter[str]:
    """How many DICOM files of each modality there are in a folder and the folders in it.

    Raises
    ------
    DataError
        When there is none, or a header is damaged.
    """
    return Counter(header.text("Modality", "OT") for header in read_headers(dicom_files(path)))


def read_folder(path: Path, modality: Modality | None = None) -> list[Volume]:
    """Read images with the label maps and findings that are found where a :class:`Layout`, or a release, has them.

    Parameters
    ----------
    path : Path
        A folder, the folder ``data`` of a release, or what :func:`~synthdiff.data.volumes.read_volumes` takes.
    modality : Modality, optional
        As there. Segmentations are no images and are left out in any case.

    Raises
    ------
    DataError
        When there is nothing to read, or something cannot be read.
    """
    layout = Layout.of(path)
    if layout.images == path and _is_released(path / SERIES):
        return _read_series(path / SERIES, layout.findings)
    if layout.labels == layout.images and modality is None:
        modality = most_frequent(modalities(layout.images))
    return read_volumes(layout.images, labels=layout.labels, modality=modality, findings=layout.findings)


def most_frequent(counts: Counter[str]) -> Modality | None:
    """The most frequent modality of images that is known."""
    known = [name for name, _ in counts.most_common() if name in get_args(Modality)]
    return cast(Modality, known[0]) if known else None


def _is_released(series: Path) -> bool:
    """Whether a folder has the form in which series are released."""
    return series.is_dir() and all((patient / "1").is_dir() for patient in series.iterdir())


def _read_series(folder: Path, findings: Path | None) -> list[Volume]:
    """The patients of a release; where others have label maps, one without a segmentation has no labelled voxel."""
    volumes = []
    for patient in sorted(folder.iterdir()):
        labels = patient / "2"
        volumes += read_volumes(patient / "1", labels=labels if labels.is_dir() else None)
    if any(volume.labels is not None for volume in volumes):
        volumes = [volume if volume.labels is not None else _unlabelled(volume) for volume in volumes]
    return volumes if findings is None else read_findings(findings, volumes, ("subject",))


def _unlabelled(volume: Volume) -> Volume:
    return replace(volume, labels=np.zeros(volume.array.shape, dtype=np.uint8))


def check_new_folder(path: Path) -> None:
    """Refuse a place where a folder of images cannot be written: one with content, or the name of a file.

    Raises
    ------
    DataError
        When there is something already, or the name has the ending of a file.
    """
    if path.is_dir() and not any(path.iterdir()):
        return
    if path.exists() or path.is_symlink():
        what = "the folder is not empty" if path.is_dir() else "there is something of this name"
        raise DataError(what, where=str(path), mend="name a folder that does not exist")
    endings = (*nifti.SUFFIXES, *raster.SUFFIXES, ".npz", ".dcm", ".csv", ".parquet", ".gz")
    if path.name.lower().endswith(endings):
        what = f"images are written as a folder of NIfTI files, and {path.suffix} is the ending of a file"
        raise DataError(what, where=str(path), mend="name a folder, without an ending")


def write_volumes(volumes: Sequence[Volume], folder: Path) -> None:
    """Write one NIfTI file an image into ``images``, numbered; label maps of the same names into ``labels``.

    What the images show, if anything is said of it, goes into ``findings.csv``.

    Parameters
    ----------
    volumes : sequence of Volume
        At least one; all with label maps or all without.
    folder : Path
        Written whole or not at all; it must not exist, or be empty.

    Raises
    ------
    DataError
        When there is something in its place, or a volume cannot be written as NIfTI.
    """
    check_new_folder(folder)
    folder = folder.resolve()
    if folder.is_dir():
        folder.rmdir()
    with staged(folder) as staging:
        for name in ("images", "labels"):
            if name == "images" or volumes[0].labels is not None:
                (staging / name).mkdir(parents=True)
        names = [f"{number:06d}.nii.gz" for number in range(1, len(volumes) + 1)]
        if any(volume.finding for volume in volumes):
            (staging / FINDINGS).write_text(findings_table(volumes, file=names), encoding="utf-8")
        for name, volume in zip(names, volumes, strict=True):
            labels = None if volume.labels is None else staging / "labels" / name
            nifti.write_nifti(volume, staging / "images" / name, labels)
