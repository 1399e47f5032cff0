"""Frames: the single pictures of DICOM files, and what their headers say of them.

A classic file holds one frame; an enhanced one holds many, each with its own items of header (PS3.3, C.7.6.16).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdiff.data.dicom import Header, reading, tag
from synthdiff.data.limits import LARGEST

_PLACED = ("CT", "MR", "PT")
"""Modalities whose images say where in the patient they lie."""
_NO_IMAGE = "take it out of the folder, or name a modality so that all others are left out"


@dataclass(frozen=True)
class Frame:
    """One picture of a DICOM file.

    Attributes
    ----------
    file : Path
    index : int
        Which frame of the file, from 0.
    series : str
        The SeriesInstanceUID.
    frame_of_reference : str
        The FrameOfReferenceUID; empty when there is none.
    number : str
        What the series is called: its number.
    patient : str
    modality : str
        As the file has it.
    units : str
        ``"HU"`` or ``"arbitrary"``.
    kind : tuple of str
        ImageType from its third value on, such as ``("LOCALIZER",)`` or ``("M", "SE")``.
    shape : tuple of int
        Columns and rows.
    spacing : tuple of float
        Millimetres between columns and between rows.
    position : float64 array of shape (3,), or None
        Of the centre of the first pixel, in mm, in LPS.
    axes : float64 array of shape (2, 3), or None
        The unit vectors along a row and along a column, in LPS.
    slope, intercept : float
        From stored to physical values, unless there is a table.
    table : bool
        Whether a look-up table gives the physical values.
    stored : tuple of int
        The least and the largest value that the stored bits can hold.
    padding : tuple of int, or None
        The stored values that only fill the picture, from and to.
    inverted : bool
        Whether large values are dark.
    """

    file: Path
    index: int
    series: str
    frame_of_reference: str
    number: str
    patient: str
    modality: str
    units: str
    kind: tuple[str, ...]
    shape: tuple[int, int]
    spacing: tuple[float, float]
    position: NDArray[np.float64] | None
    axes: NDArray[np.float64] | None
    slope: float
    intercept: float
    table: bool
    stored: tuple[int, int]
    padding: tuple[int, int] | None
    inverted: bool

    @property
    def place(self) -> str:
        """The file's name, and which of its frames this is where it has several."""
        return f"{self.file.name}, frame {self.index + 1}" if self.index else self.file.name


def frames_of(header: Header) -> list[Frame]:
    """The frames of a file, from its header alone.

    Raises
    ------
    DataError
        When this is no grey image, or the header is damaged or does not go with the size of the file.
    """
    with reading(header.file):  # a UID that is none makes pydicom warn
        return _frames_of(header)


def _frames_of(header: Header) -> list[Frame]:
    whose = _identity(header)
    columns, rows, count, stored = _extent(header)
    shared = header.items("SharedFunctionalGroupsSequence")[:1]
    own = header.items("PerFrameFunctionalGroupsSequence")
    if count > 1 and len(own) != count:
        what = f"is {count}, but {tag('PerFrameFunctionalGroupsSequence')} describes {len(own)}"
        raise header.problem("NumberOfFrames", what, "images in time are not read; export the frames of a volume again")
    several = [[item] for item in own] if own else [[]]
    padding = _padding(header)
    frames = []
    for index, item in enumerate(several):
        find = partial(_find, header, [*item, *shared])
        units, slope, intercept, table = _scale(find, whose["modality"])
        position, axes, spacing = _geometry(find, whose["modality"])
        frames.append(
            Frame(
                file=header.file,
                index=index,
                kind=_kind(find),
                shape=(columns, rows),
                spacing=spacing,
                position=position,
                axes=axes,
                units=units,
                slope=slope,
                intercept=intercept,
                table=table,
                stored=stored,
                padding=padding,
                inverted=header.text("PhotometricInterpretation") == "MONOCHROME1" and units != "HU",
                **whose,
            )
        )
    return frames


def _identity(header: Header) -> dict[str, Any]:
    """Whose image this is, and of which series."""
    from pydicom.uid import UID

    kind = header.text("SOPClassUID", "")
    if header.value("Rows") is None:
        raise header.problem("SOPClassUID", f"is {UID(kind).name or 'missing'}: this is not an image", _NO_IMAGE)
    if header.whole("BitsAllocated", 1, 64) == 1:
        raise header.problem("SOPClassUID", f"is {UID(kind).name}: this is a label map", "give it as labels, not here")
    patient = header.text("PatientID", "")
    if not patient:
        mend = "write a pseudonym for each patient into it: it decides what is held out"
        raise header.problem("PatientID", "is missing or empty", mend)
    return {
        "series": header.text("SeriesInstanceUID"),
        "frame_of_reference": header.text("FrameOfReferenceUID", ""),
        "number": f"series {header.text('SeriesNumber', '?')}",
        "patient": patient,
        "modality": header.text("Modality", "OT"),
    }


def _extent(header: Header) -> tuple[int, int, int, tuple[int, int]]:
    """Columns, rows, frames and the range of stored values; refused where the file cannot hold so many."""
    samples = header.whole("SamplesPerPixel", 1, 4)
    colours = header.text("PhotometricInterpretation")
    if samples != 1 or colours not in ("MONOCHROME1", "MONOCHROME2"):
        what = f"is {samples}, and {tag('PhotometricInterpretation')} {colours}: the image has colours, expected grey"
        raise header.problem("SamplesPerPixel", what, "make it grey before, or leave it out")
    rows, columns = header.whole("Rows", 1, 65_535), header.whole("Columns", 1, 65_535)
    count = header.whole("NumberOfFrames", 1, 1 << 31, 1)
    allocated = header.whole("BitsAllocated", 8, 64)
    bits = header.whole("BitsStored", 1, min(allocated, 32))
    if header.whole("HighBit", 0, 63, bits - 1) != bits - 1:
        raise header.problem("HighBit", f"is not one less than {tag('BitsStored')}, {bits}")
    if rows * columns * count > LARGEST:
        what = f"is {rows:,}, with {columns:,} columns and {count:,} frames: more than {LARGEST:,} voxels"
        raise header.problem("Rows", what, "cut the volume into parts")
    size, expected = header.file.stat().st_size, rows * columns * count * allocated // 8
    if not _decoder(header).is_encapsulated and expected > size:
        what = f"and the header ask for {expected:,} bytes, but the whole file has {size:,}: it is cut short"
        raise header.problem("PixelData", what, "copy or export the file again")
    signed = header.whole("PixelRepresentation", 0, 1)
    return columns, rows, count, (-signed << (bits - 1), (1 << (bits - signed)) - 1)


def _decoder(header: Header) -> Any:
    """The decoder of the file's pixels, which is there."""
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    syntax = UID(header.syntax)
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        what = f"is {syntax.name}: pixels that are packed in this way cannot be read"
        raise header.problem("TransferSyntaxUID", what, "write the file with another transfer syntax") from None
    if not decoder.is_available:
        what = f"is {syntax.name}, and nothing that unpacks it is installed"
        raise header.problem("TransferSyntaxUID", what, 'install it with: pip install "synthdiff[jpeg]"')
    return decoder


def _padding(header: Header) -> tuple[int, int] | None:
    """The range of stored values that fill the picture (PS3.3, C.7.5.1.1.2)."""
    if header.value("PixelPaddingValue") is None:
        return None
    one = header.whole("PixelPaddingValue", -(1 << 31), 1 << 32)
    other = header.whole("PixelPaddingRangeLimit", -(1 << 31), 1 << 32, one)
    return min(one, other), max(one, other)


def _find(header: Header, items: list[Header], group: str, keyword: str) -> Header:
    """Where an element stands: in the frame's items of header, in those of all frames, or in the header itself."""
    for item in items:
        for inner in item.items(group)[:1]:
            if inner.value(keyword) is not None:
                return inner
    return header


def _kind(find: Any) -> tuple[str, ...]:
    for group in ("MRImageFrameTypeSequence", "CTImageFrameTypeSequence"):
        kinds = find(group, "FrameType").texts("FrameType")
        if kinds:
            return tuple(kinds[2:])
    return tuple(find("", "ImageType").texts("ImageType")[2:])


def _scale(find: Any, modality: str) -> tuple[str, float, float, bool]:
    """Units, slope and intercept of the physical values, and whether a table has them instead."""
    group = "PixelValueTransformationSequence"
    header: Header = find(group, "RescaleSlope")
    if header.value("RescaleSlope") is None and header.items("ModalityLUTSequence"):
        return "arbitrary", 1.0, 0.0, True
    for mapping in header.items("RealWorldValueMappingSequence")[:1] if header.value("RescaleSlope") is None else ():
        if modality != "CT" and mapping.value("RealWorldValueSlope") is not None:
            slope, intercept = mapping.number("RealWorldValueSlope"), mapping.number("RealWorldValueIntercept")
            return "arbitrary", *_checked(mapping, "RealWorldValueSlope", slope, intercept), False
    needed = None if modality == "CT" else 1.0
    slope = header.number("RescaleSlope", needed)
    intercept = find(group, "RescaleIntercept").number("RescaleIntercept", None if needed is None else 0.0)
    units = find(group, "RescaleType").text("RescaleType", "HU")
    known = "HU" if modality == "CT" and units == "HU" else "arbitrary"
    return known, *_checked(header, "RescaleSlope", slope, intercept), False


def _checked(header: Header, keyword: str, slope: float, intercept: float) -> tuple[float, float]:
    if not 1e-12 < abs(slope) < 1e12 or abs(intercept) > 1e12:
        raise header.problem(keyword, f"is {slope:g}, with an intercept of {intercept:g}: no values come out of it")
    return slope, intercept


def _geometry(find: Any, modality: str) -> tuple[Any, Any, tuple[float, float]]:
    """Position, axes and spacing of a frame; the first two are ``None`` where a picture has no place."""
    place = find("PlanePositionSequence", "ImagePositionPatient")
    measured = find("PixelMeasuresSequence", "PixelSpacing")
    if modality not in _PLACED and place.value("ImagePositionPatient") is None:
        kept = ("PixelSpacing", "ImagerPixelSpacing")
        keyword = next((keyword for keyword in kept if measured.value(keyword) is not None), kept[0])
        return None, None, _spacing(measured, keyword, (1.0, 1.0))
    position = np.array(place.numbers("ImagePositionPatient", 3))
    if np.abs(position).max() > 1e6:
        raise place.problem("ImagePositionPatient", f"is {position.tolist()} mm, which is more than a kilometre away")
    turned = find("PlaneOrientationSequence", "ImageOrientationPatient")
    axes = np.array(turned.numbers("ImageOrientationPatient", 6)).reshape(2, 3)
    lengths = np.linalg.norm(axes, axis=1)
    if np.abs(lengths - 1).max() > 1e-3 or abs(axes[0] @ axes[1]) > 1e-3:
        what = f"is {axes.ravel().tolist()}, expected two vectors of length 1 that stand at right angles"
        raise turned.problem("ImageOrientationPatient", what)
    return position, axes / lengths[:, None], _spacing(measured, "PixelSpacing", None)


def _spacing(header: Header, keyword: str, default: tuple[float, ...] | None) -> tuple[float, float]:
    between_rows, between_columns = header.numbers(keyword, 2, default)
    if not 1e-5 < min(between_rows, between_columns) <= max(between_rows, between_columns) < 1e4:
        raise header.problem(keyword, f"is {between_rows:g}\\{between_columns:g} mm, expected more than 0")
    return between_columns, between_rows
