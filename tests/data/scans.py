"""Small images that tests write, whole, and then spoil."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, FileMetaDataset, Sequence as Items
from pydicom.uid import (
    UID,
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    SecondaryCaptureImageStorage,
)

from synthdiff.data import read_volumes
from synthdiff.errors import DataError

Spoil = Callable[[Path], object]

ROWS, COLUMNS, SLICES = 6, 8, 5
SPACING = (0.5, 0.75, 2.0)
"""Between columns, rows and slices, in mm."""

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
OBLIQUE = (0.8, 0.6, 0.0, 0.0, 0.0, -1.0)
SERIES = "1.2.826.0.1.3680043.8.498.1"
STORAGE = {"CT": CTImageStorage, "MR": MRImageStorage}


def stored(shape: tuple[int, ...] = (COLUMNS, ROWS, SLICES), seed: int = 0) -> NDArray[np.uint16]:
    """Stored values in 12 bits: columns, rows, slices."""
    return np.random.default_rng(seed).integers(0, 4096, shape).astype(np.uint16)


def header(modality: str = "CT", series: str = SERIES, **elements: Any) -> Dataset:
    """A header without pixels, with the elements that every image has."""
    data = Dataset()
    storage = STORAGE.get(modality, SecondaryCaptureImageStorage)
    common = {
        "SOPClassUID": storage,
        "SOPInstanceUID": series + ".1",
        "Modality": modality,
        "PatientID": "P1",
        "SeriesInstanceUID": series,
        "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.9",
        "SeriesNumber": 3,
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
    }
    scale = {"RescaleSlope": 1, "RescaleIntercept": -1024} if modality == "CT" else {}
    for keyword, value in (common | scale | elements).items():
        setattr(data, keyword, value)
    return data


def save(data: Dataset, path: Path, syntax: UID = ExplicitVRLittleEndian) -> Path:
    """Write a data set as a file."""
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return path


def packed(data: Dataset, syntax: UID) -> Dataset:
    """Pack the pixels of an image."""
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.compress(syntax, generate_instance_uid=False)
    return data


def slices(
    values: NDArray[Any],
    axes: Sequence[float] = AXIAL,
    step: Sequence[float] | None = None,
    modality: str = "CT",
    **elements: Any,
) -> list[Dataset]:
    """The slices of a classic series: values of shape (columns, rows, slices); ``step`` leads from one to the next."""
    across, down = np.array(axes[:3]), np.array(axes[3:])
    stride = np.cross(across, down) * SPACING[2] if step is None else np.array(step)
    found = []
    for number in range(values.shape[2]):
        data = header(modality, **elements)
        data.SOPInstanceUID = f"{data.SeriesInstanceUID}.{number + 1}"
        data.InstanceNumber = number + 1
        data.SliceThickness = 9  # of no use to anybody
        data.ImagePositionPatient = [
            round(float(place), 6) for place in np.array([10.0, -20.0, 30.0]) + number * stride
        ]
        data.ImageOrientationPatient = list(axes)
        data.PixelSpacing = [SPACING[1], SPACING[0]]
        data.Columns, data.Rows = values.shape[:2]
        data.PixelData = np.ascontiguousarray(values[:, :, number].T).tobytes()
        found.append(data)
    return found


def write(data: Sequence[Dataset], folder: Path, syntax: UID = ExplicitVRLittleEndian) -> Path:
    """Write slices into a folder, under names whose order is not theirs."""
    for number, one in enumerate(data):
        save(one, folder / f"{(number * 7) % 1000:03d}-{one.SeriesInstanceUID[-1:]}.dcm", syntax)
    return folder


def series(folder: Path, change: Callable[[list[Dataset]], object] = lambda data: None, **kwargs: Any) -> Path:
    """Write a classic series, changed before."""
    data = slices(stored(), **kwargs)
    change(data)
    return write(data, folder)


def enhanced(values: NDArray[np.uint16], order: Sequence[int] | None = None) -> Dataset:
    """An enhanced CT: one file with all frames, in any order; slope and intercept differ by frame."""
    data = header("CT")
    del data.RescaleSlope, data.RescaleIntercept
    data.SOPClassUID = EnhancedCTImageStorage
    data.Columns, data.Rows = values.shape[:2]
    order = range(values.shape[2]) if order is None else order
    data.NumberOfFrames = len(order)
    shared = Dataset()
    shared.PlaneOrientationSequence = Items([_item(ImageOrientationPatient=list(AXIAL))])
    shared.PixelMeasuresSequence = Items([_item(PixelSpacing=[SPACING[1], SPACING[0]], SliceThickness=9)])
    data.SharedFunctionalGroupsSequence = Items([shared])
    frames = []
    for number in order:
        frame = Dataset()
        frame.PlanePositionSequence = Items([_item(ImagePositionPatient=[10.0, -20.0, 30.0 + number * SPACING[2]])])
        scale = _item(RescaleSlope=number + 1, RescaleIntercept=-1024 + number, RescaleType="HU")
        frame.PixelValueTransformationSequence = Items([scale])
        frame.CTImageFrameTypeSequence = Items([_item(FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"])])
        frames.append(frame)
    data.PerFrameFunctionalGroupsSequence = Items(frames)
    data.PixelData = b"".join(np.ascontiguousarray(values[:, :, number].T).tobytes() for number in order)
    return data


def _item(**elements: Any) -> Dataset:
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return item


def scan(path: Path, array: NDArray[Any], affine: NDArray[Any] | None = None) -> Path:
    """Write a NIfTI file."""
    path.parent.mkdir(exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(array, np.eye(4) if affine is None else affine), path)
    return path


def told(path: Path, **kwargs: Any) -> str:
    """What is said of a path."""
    with pytest.raises(DataError) as caught:
        read_volumes(path, **kwargs)
    assert caught.value.mend
    return str(caught.value)
