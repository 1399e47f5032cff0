"""DICOM out: a synthetic volume as a series of single-frame images that a PACS takes.

A `Volume` has no header, so that nothing of a real one can be carried over: every element is written here, for all
volumes alike, or follows from voxels and affine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdiff.data.objects import NO_DATE, NO_TIME, check_text, dataset, markers, save, staged
from synthdiff.data.uids import uid
from synthdiff.errors import DataError, ReleaseError
from synthdiff.voxels import Affine, Volume

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""DICOM counts millimetres to the left and to the back, NIfTI to the right and to the front."""

_CT = "1.2.840.10008.5.1.4.1.1.2"
_MR = "1.2.840.10008.5.1.4.1.1.4"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"

_SLANT = 1e-4
"""Cosine up to which two axes count as at right angles: a tenth of a millimetre in a metre."""

_STEPS = 2**16 - 1

_UNPAIRED = frozenset(
    {"ABDOMEN", "AORTA", "BLADDER", "BRAIN", "CHEST", "COLON", "CSPINE", "HEAD", "HEART", "LIVER", "LSPINE", "NECK"}
    | {"PANCREAS", "PELVIS", "PROSTATE", "SKULL", "SPINE", "SPLEEN", "THYROID", "TSPINE", "UTERUS", "WHOLEBODY"}
)
"""Parts of the body that there is one of; of all others, an image has to say which, if only that it is not known."""

_OF_CT: dict[str, Any] = {"ImageType": ["DERIVED", "SECONDARY", "AXIAL"], "KVP": None, "AcquisitionNumber": None}
_OF_MR: dict[str, Any] = {
    "ImageType": ["DERIVED", "SECONDARY", "OTHER"],
    "ScanningSequence": "RM",  # research mode: there was no scan, and the standard has no word for none
    "SequenceVariant": "NONE",
    "ScanOptions": None,
    "MRAcquisitionType": None,
    "RepetitionTime": None,
    "EchoTime": None,
    "EchoTrainLength": None,
}
_OF_SECONDARY_CAPTURE: dict[str, Any] = {
    "ImageType": ["DERIVED", "SECONDARY"],
    "ConversionType": "SYN",
    "PatientOrientation": None,
}


def write_series(
    volume: Volume, folder: Path, *, release: str, patient: str, series: int = 1, body_part: str = ""
) -> list[Path]:
    """Write a synthetic volume as a DICOM series, one file a slice.

    CT and MR become CT and MR images, everything else secondary captures. Slices lie along the third axis of the array,
    with its first axis as columns and its second as rows; the geometry is that of the affine. Pictures, which are 2-D
    and neither CT, MR nor PT, have a spacing and no place in the patient.

    Whole numbers that fit into 16 bits are written as they are, CT values in HU rounded to whole ones. Other values are
    spread over 65,536 steps, so that each comes back within 1/100,000 of their range: by slope and intercept, and in MR
    images, which must not have these, by a real world value mapping (PS3.3, C.7.6.16.2.11).

    Parameters
    ----------
    volume : Volume
        Its ``subject``, ``name`` and ``labels`` are not written.
    folder : Path
        Made here, whole or not at all; it must not exist.
    release : str
        What the series belongs to, 64 characters at most. The same volume, release, patient and number give the same
        bytes.
    patient : str
        The synthetic patient's identifier, such as ``"SYNTH-000001"``. One patient's series are one study.
    series : int
        Number of the series within the patient's study.
    body_part : str
        By the defined terms of PS3.16, annex L, such as ``"CHEST"``; empty for what is not known.

    Returns
    -------
    list of Path
        The files, in the order of the array's third axis.

    Raises
    ------
    DataError
        When DICOM cannot express the affine or the values.
    ReleaseError
        When a name is none that DICOM allows, or the folder exists.

    Notes
    -----
    A reader that sorts slices by their place along the normal gives an array of left-handed axes back with its third
    axis reversed, and an affine that says so: every voxel stays where it is in the patient.
    """
    _check_names(release, patient, body_part)
    planes = _planes(volume)
    stored = _store(volume)
    shared = _header(volume, release, patient, series) | _body_part(body_part) | _pixels(volume, stored)
    slices = np.atleast_3d(stored.array).astype(stored.array.dtype.newbyteorder("<"))
    names = [f"{number:04d}.dcm" for number in range(1, len(planes) + 1)]
    with staged(folder) as staging:
        staging.mkdir()
        for index, (name, plane) in enumerate(zip(names, planes, strict=True)):
            own = {
                "SOPInstanceUID": uid(release, "instance", patient, series, index),
                "InstanceNumber": index + 1,
                "PixelData": slices[:, :, index].T.tobytes(),
            }
            save(dataset(shared | plane | own), staging / name)
    return [folder / name for name in names]


def _check_names(release: str, patient: str, body_part: str) -> None:
    check_text(release, "a release")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,47}", patient):
        what = f"{patient!r} cannot name a patient, expected 1 to 48 letters, digits, points, hyphens"
        raise ReleaseError(what, mend="number the patients, such as SYNTH-000001")
    if not re.fullmatch(r"[A-Z0-9_]{0,16}", body_part):
        what = f"{body_part!r} cannot name a part of the body, expected up to 16 capital letters"
        raise ReleaseError(what, mend="take a term of DICOM, such as CHEST or BRAIN")


def _header(volume: Volume, release: str, patient: str, series: int) -> dict[str, Any]:
    """The elements that all slices share, but for those of the pixels."""
    kind = _kind(volume)
    special = {_CT: _OF_CT, _MR: _OF_MR, _SECONDARY_CAPTURE: _OF_SECONDARY_CAPTURE}[kind]
    header: dict[str, Any] = {
        "SpecificCharacterSet": "ISO_IR 192",
        "SOPClassUID": kind,
        "Modality": volume.modality,
        "StudyInstanceUID": uid(release, "study", patient),
        "SeriesInstanceUID": uid(release, "series", patient, series),
        "StudyID": "1",
        "SeriesNumber": series,
        "StudyDate": NO_DATE,
        "StudyTime": NO_TIME,
        "AccessionNumber": None,
        "ReferringPhysicianName": None,
        "StudyDescription": "Synthetic data",
        "SeriesDescription": f"Synthetic {volume.modality}",
        "PatientName": f"Synthetic^{patient}",
        "PatientID": patient,
        # Numbers begin anew in every release; a PACS must not take two releases' patients for one person.
        "IssuerOfPatientID": release,
        "PatientBirthDate": None,
        "PatientSex": None,
        "BurnedInAnnotation": "NO",
        "DerivationDescription": "Drawn from a generative model",
        "ImageComments": "Synthetic image: it shows no real person",
        **special,
        **markers(),
    }
    if _placed(volume):
        # Where the patient lay in a scanner that there was not; the usual position, which planning systems ask for.
        header |= {
            "PatientPosition": "HFS",
            "FrameOfReferenceUID": uid(release, "frame of reference", patient, series),
            "PositionReferenceIndicator": None,
        }
    return header


def _body_part(body_part: str) -> dict[str, Any]:
    known = {"BodyPartExamined": body_part} if body_part else {}
    return known if body_part in _UNPAIRED else known | {"Laterality": None}


def _kind(volume: Volume) -> str:
    """The SOP class."""
    return {"CT": _CT, "MR": _MR}.get(volume.modality, _SECONDARY_CAPTURE)


def _placed(volume: Volume) -> bool:
    """Whether the image lies somewhere in the patient, as a picture does not."""
    return volume.array.ndim == 3 or volume.modality in ("CT", "MR", "PT")


def _planes(volume: Volume) -> list[dict[str, Any]]:
    """Where each slice lies: PS3.3, C.7.6.2."""
    affine = LPS @ volume.affine
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    columns, rows, between = _decimals(spacing)
    plane: dict[str, Any] = {"PixelSpacing": [rows, columns]}
    if not _placed(volume):
        return [plane]
    depth = volume.array.shape[2] if volume.array.ndim == 3 else 1
    axes = affine[:3, :3] / spacing
    _check_angles(volume, axes[:, : volume.array.ndim])
    plane |= {
        "ImageOrientationPatient": _decimals([*axes[:, 0], *axes[:, 1]]),
        "SliceThickness": between,
        "SpacingBetweenSlices": between,
    }
    corners = affine[:3, 3] + np.arange(depth)[:, np.newaxis] * affine[:3, 2]
    return [plane | {"ImagePositionPatient": _decimals(corner)} for corner in corners]


def _check_angles(volume: Volume, axes: Affine) -> None:
    cosines = np.abs(axes.T @ axes)[np.triu_indices(axes.shape[1], 1)]
    if cosines.max() > _SLANT:
        degrees = np.degrees(np.arccos(cosines.max()))
        raise DataError(
            f"two axes of the grid meet at {degrees:.2f} degrees; a DICOM series has right angles",
            where=volume.name,
            mend="resample the volume onto a grid with right angles",
        )


@dataclass(frozen=True)
class _Stored:
    """Whole numbers of 16 bits, and the line that gives the values back."""

    array: NDArray[Any]
    slope: str = "1"
    intercept: str = "0"

    @property
    def spread(self) -> bool:
        """Whether the numbers are not the values themselves."""
        return (self.slope, self.intercept) != ("1", "0")


def _store(volume: Volume) -> _Stored:
    if max(volume.array.shape[:2]) > _STEPS:
        what = f"a slice has {volume.array.shape[0]} x {volume.array.shape[1]} pixels, DICOM allows {_STEPS} a side"
        raise DataError(what, where=volume.name, mend="crop or resample the volume")
    values = volume.array
    if volume.modality == "CT" and volume.units == "HU":
        values = np.rint(values) if np.issubdtype(values.dtype, np.floating) else values
    low, high = values.min(), values.max()
    types = (np.int16, np.uint16) if volume.modality == "CT" else (np.uint16, np.int16)
    whole = not np.issubdtype(values.dtype, np.floating) or bool((values == np.rint(values)).all())
    for kind in types:
        if whole and np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return _Stored(values.astype(kind))
    return _spread(volume)


def _spread(volume: Volume) -> _Stored:
    """Spread values over all numbers of 16 bits, counting with slope and intercept as they are written."""
    values = volume.array.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    intercept, slope = _decimal(low), _decimal((high - low) / _STEPS or 1)
    with np.errstate(all="ignore"):
        stored = np.rint((values - float(intercept)) / float(slope)).clip(0, _STEPS)
        error = np.abs(stored * float(slope) + float(intercept) - values).max()
    if not error <= ((high - low) * 1e-5 or abs(low) * 1e-9):
        what = f"the values lie between {low} and {high}, too close together for the digits that DICOM gives a number"
        raise DataError(what, where=volume.name, mend="subtract what all voxels have in common")
    return _Stored(stored.astype(np.uint16), slope, intercept)


def _pixels(volume: Volume, stored: _Stored) -> dict[str, Any]:
    """The elements that say what the pixels mean."""
    array = stored.array
    mapped = stored.spread and _kind(volume) == _MR
    low, high = np.percentile((array if mapped else volume.array).astype(np.float64), [1, 99])
    elements: dict[str, Any] = {
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": array.shape[1],
        "Columns": array.shape[0],
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": int(array.dtype == np.int16),
        "WindowCenter": _decimal((low + high) / 2),
        "WindowWidth": _decimal(max(high - low, 1)),
    }
    if mapped:
        return elements | {"RealWorldValueMappingSequence": [dataset(_mapping(stored))]}
    if stored.spread and high > low:
        # The linear function of DICOM takes no window narrower than 1 (PS3.3, C.11.2.1.2).
        elements |= {"VOILUTFunction": "LINEAR_EXACT", "WindowWidth": _decimal(high - low)}
    if stored.spread or volume.modality == "CT":
        kind = "HU" if volume.units == "HU" else "US"  # unspecified
        elements |= {"RescaleSlope": stored.slope, "RescaleIntercept": stored.intercept, "RescaleType": kind}
    return elements


def _mapping(stored: _Stored) -> dict[str, Any]:
    """How stored numbers become values where there may be no rescale slope."""
    units = {"CodeValue": "1", "CodingSchemeDesignator": "UCUM", "CodeMeaning": "no units"}
    return {
        "RealWorldValueFirstValueMapped": 0,
        "RealWorldValueLastValueMapped": _STEPS,
        "RealWorldValueSlope": float(stored.slope),
        "RealWorldValueIntercept": float(stored.intercept),
        "LUTExplanation": "Values of the volume",
        "LUTLabel": "VALUES",
        "MeasurementUnitsCodeSequence": [dataset(units)],
    }


def _decimals(numbers: Iterable[float]) -> list[str]:
    """Lengths and cosines as decimal strings, without the dust that rotating leaves on zeros."""
    return [_decimal(round(float(number), 14) + 0.0) for number in numbers]


def _decimal(number: float) -> str:
    """A number with the most digits that fit into the 16 characters of a decimal string."""
    from pydicom.valuerep import format_number_as_ds

    return format_number_as_ds(float(number))
