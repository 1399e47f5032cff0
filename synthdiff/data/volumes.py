"""Volumes from files: one door for NIfTI, DICOM, pictures and arrays, with or without label maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pandas as pd
from numpy.typing import NDArray

from synthdiff.data import nifti, raster
from synthdiff.data.dicom import dicom_files, read_headers
from synthdiff.data.findings import read_findings
from synthdiff.data.frames import Frame, frames_of
from synthdiff.data.slices import Uneven, stack
from synthdiff.data.split import split
from synthdiff.errors import DataError
from synthdiff.schema import Schema
from synthdiff.schema.column import Column
from synthdiff.voxels import Modality, Volume


def read_volumes(
    path: str | Path,
    *,
    labels: str | Path | None = None,
    modality: Modality | None = None,
    uneven: Uneven = "refuse",
    array: str | None = None,
    findings: str | Path | None = None,
) -> list[Volume]:
    """Read images from a file or a folder.

    What is in a folder is told by the endings of its files: NIfTI (``.nii``, ``.nii.gz``) or pictures (``.png``,
    ``.jpg``), one image a file. Where there are none, it and the folders in it are searched for DICOM; each series, and
    each orientation and type of image in it, is a volume.

    Parameters
    ----------
    path : path
        A file (also ``.npz``), or a folder.
    labels : path, optional
        Label maps: for NIfTI and pictures a folder of files with the names of the images (or a file for a file), for
        DICOM segmentation objects (SEG) that name the series that they belong to. Each image must have one.
    modality : Modality, optional
        For DICOM, all others are left out. Other files do not say what took them: this is what did.
    uneven : {"refuse", "resample"}
        What to do with DICOM slices that are tilted or unevenly spaced; see :func:`synthdiff.data.slices.stack`.
    array : str, optional
        For ``.npz``, the array of images, such as ``"train_images"``.
    findings : path or str, optional
        What the images show: a CSV file (:func:`synthdiff.data.findings.read_findings`), of DICOM by subject; for
        ``.npz`` the array that has a text or a whole number for each image, such as ``"train_labels"``.

    Returns
    -------
    list of Volume
        By name of file. The subject is the PatientID of a DICOM image, and the name of other files without its ending.

    Raises
    ------
    DataError
        When there is nothing to read, or something cannot be read without a guess: with the file, and the tag.
    """
    path, labels = Path(path), None if labels is None else Path(labels)
    if modality is not None and modality not in get_args(Modality):
        raise DataError(f"modality is {modality!r}", mend=f"say one of {', '.join(get_args(Modality))}")
    if not path.exists():
        raise DataError("there is no such file or folder", where=str(path), mend="check the path and the spelling")
    if path.suffix.lower() == ".npz":
        if labels is not None:
            raise DataError("arrays have no label maps", where=path.name, mend="for classes, use findings")
        return raster.read_arrays(path, array, modality or "OT", None if findings is None else str(findings))
    scans, pictures = _files(path, nifti.SUFFIXES), _files(path, raster.SUFFIXES)
    if scans and pictures:
        what = f"there are {len(scans)} NIfTI files and {len(pictures)} pictures in the folder, expected one kind"
        raise DataError(what, where=path.name, mend="keep the images in a folder of their own")
    if scans:
        volumes = [nifti.read_nifti(file, modality or "OT") for file in scans]
        volumes = _labelled(volumes, scans, labels, nifti.SUFFIXES, nifti.read_label_map)
    elif pictures:
        volumes = [raster.read_picture(file, modality or "OT") for file in pictures]
        volumes = _labelled(volumes, pictures, labels, raster.SUFFIXES, raster.read_mask)
    else:
        volumes = _read_dicom(path, labels, modality, uneven)
    if findings is None:
        return volumes
    return read_findings(Path(findings), volumes, ("file", "subject") if scans or pictures else ("subject",))


def split_subjects(volumes: Sequence[Volume], holdout: float, seed: int) -> tuple[list[Volume], list[Volume]]:
    """Split volumes into a training and a held-out part; all of one subject's stay together.

    Each finding is split in the same proportion, to within one subject; a subject with several counts for the most
    frequent one.

    Parameters
    ----------
    volumes : sequence of Volume
    holdout : float
        The share of subjects to hold out, between 0 and 1.
    seed : int
        Decides who is held out, as in :func:`synthdiff.data.split`.

    Returns
    -------
    train, holdout : list of Volume
        In the order given.

    Raises
    ------
    DataError
        When a part would have too few subjects, or a volume has none.
    """
    columns = [Column(name="subject", kind="identifier", roles=("group",), dtype="str")]
    shown = tuple(sorted({volume.finding for volume in volumes}))
    if len(shown) > 1:
        columns.append(Column(name="finding", kind="categorical", roles=("target",), dtype="str", levels=shown))
    cells = {
        "subject": [volume.subject or None for volume in volumes],
        "finding": [volume.finding for volume in volumes],
    }
    train, held = split(pd.DataFrame(cells, dtype="str"), Schema(columns=tuple(columns)), holdout, seed)
    return [volumes[number] for number in train.index], [volumes[number] for number in held.index]


def _files(path: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The file itself, or those of the folder, that have one of these endings."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return [file for file in files if file.name.lower().endswith(suffixes) and not file.name.startswith(".")]


def _labelled(
    volumes: list[Volume],
    files: list[Path],
    labels: Path | None,
    suffixes: tuple[str, ...],
    read: Callable[[Path, Volume], NDArray[Any]],
) -> list[Volume]:
    """The volumes with the label maps of the same names."""
    if labels is None:
        return volumes
    if not labels.exists():
        raise DataError("there is no such file or folder", where=str(labels), mend="check the path and the spelling")
    if labels.is_file() and len(files) == 1:
        return [replace(volumes[0], labels=read(labels, volumes[0]))]
    maps = {file.name: file for file in _files(labels, suffixes)}
    alone = [file.name for file in files if file.name not in maps]
    if alone:
        more = f" and {len(alone) - 10} more" if len(alone) > 10 else ""
        what = f"{len(alone)} of {len(files)} images have no label map of the same name: {', '.join(alone[:10])}{more}"
        raise DataError(what, where=labels.name, mend="add them, or take these images out")
    return [replace(volume, labels=read(maps[file.name], volume)) for volume, file in zip(volumes, files, strict=True)]


def _read_dicom(path: Path, labels: Path | None, modality: Modality | None, uneven: Uneven) -> list[Volume]:
    headers = read_headers(dicom_files(path))
    kept = [header for header in headers if modality is None or header.text("Modality", "OT") == modality]
    if not kept:
        what = f"of {len(headers)} DICOM files, none has the modality {modality}" if headers else "it only lists files"
        raise DataError(what, where=path.name, mend="name the folder that holds the images, or another modality")
    stacks = stack([frame for header in kept for frame in frames_of(header)], uneven)
    if labels is None:
        return [volume for volume, _ in stacks]
    maps = _segmentations(labels)
    return [_segmented(volume, first, maps, labels) for volume, first in stacks]


def _segmentations(labels: Path) -> dict[str, Path]:
    """Segmentation objects, by the series that they belong to."""
    maps: dict[str, Path] = {}
    for header in read_headers(dicom_files(labels)):
        for item in header.items("ReferencedSeriesSequence"):
            series = item.text("SeriesInstanceUID")
            if series in maps:
                what = f"is the same in {maps[series].name}: two label maps belong to one series"
                raise item.problem("SeriesInstanceUID", what, "keep one of them")
            maps[series] = header.file
    return maps


def _segmented(volume: Volume, first: Frame, maps: dict[str, Path], labels: Path) -> Volume:
    from synthdiff.data.segmentation import read_segmentation

    if first.series not in maps:
        what = f"no label map belongs to {volume.name}, by SeriesInstanceUID"
        raise DataError(what, where=labels.name, mend="add it, or take this series out")
    return replace(
        volume, labels=read_segmentation(maps[first.series], volume, frame_of_reference=first.frame_of_reference)
    )
