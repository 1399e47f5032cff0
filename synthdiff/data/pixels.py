"""Pixels: the pictures of DICOM files as physical values, such as Hounsfield units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdiff.data.codestream import picture_size
from synthdiff.data.dicom import reading, tag
from synthdiff.data.frames import Frame
from synthdiff.errors import DataError

RLE = "1.2.840.10008.1.2.5"
"""The packed transfer syntax whose code does not tell a size: it is packed by what the header says."""


def pixels(frames: Sequence[Frame]) -> NDArray[Any]:
    """Read the physical values of frames of one shape.

    Padding takes the lowest value that is not padding. Where large values are dark (MONOCHROME1) they are turned round
    within the range of the stored bits, so that they are bright in all images; Hounsfield units stay what they are.

    Returns
    -------
    array of shape (columns, rows, frames)
        Of int16 or int32 where slopes and intercepts are whole, otherwise of float32.

    Raises
    ------
    DataError
        When a file is cut short, or cannot be unpacked.
    """
    values = np.empty((*frames[0].shape, len(frames)), dtype=_dtype(frames))
    filling: dict[int, NDArray[np.bool_]] = {}
    by_file: dict[Path, list[int]] = {}
    for number, frame in enumerate(frames):
        by_file.setdefault(frame.file, []).append(number)
    for file, numbers in by_file.items():
        decoded = _decoded(file, [frames[number] for number in numbers])
        for number, (physical, filled) in zip(numbers, decoded, strict=True):
            values[:, :, number] = physical.T
            if filled is not None and filled.any():
                filling[number] = filled.T
    if filling:
        kept = [values[:, :, k][~filling[k]] if k in filling else values[:, :, k] for k in range(len(frames))]
        lowest = min((part.min() for part in kept if part.size), default=None)
        if lowest is None:
            what = f"{tag('PixelPaddingValue')} is the value of every pixel"
            raise DataError(what, where=frames[0].place, mend="export the images again, or leave them out")
        for number, filled in filling.items():
            values[:, :, number][filled] = lowest
    return values


def _dtype(frames: Sequence[Frame]) -> type[np.generic]:
    """A type that holds every value that the stored bits can give."""
    ends = [frame.slope * end + frame.intercept for frame in frames for end in frame.stored]
    whole = all(frame.slope % 1 == 0 and frame.intercept % 1 == 0 for frame in frames)
    if any(frame.table for frame in frames):
        return np.int32
    for kind in (np.int16, np.int32):
        if whole and np.iinfo(kind).min <= min(ends) and max(ends) <= np.iinfo(kind).max:
            return kind
    return np.float32


def _decoded(file: Path, frames: Sequence[Frame]) -> Iterator[tuple[NDArray[Any], NDArray[np.bool_] | None]]:
    """Physical values of frames of one file, of shape (rows, columns), and which of them are padding."""
    from pydicom import dcmread
    from pydicom.pixels.processing import apply_modality_lut
    from pydicom.pixels.utils import iter_pixels

    what, mend = f"{tag('PixelData')} cannot be unpacked", "copy or export the file again"
    with reading(file, what, mend):
        dataset = dcmread(file)
        if "PixelData" not in dataset:
            raise DataError(f"{tag('PixelData')} is missing", where=file.name, mend=mend)
        _check_codes(dataset, frames)
        # What else unpacks RLE aborts on damaged code with an exception that nothing catches.
        plugin = "pydicom" if dataset.file_meta.TransferSyntaxUID == RLE else ""
        indices = [frame.index for frame in frames]
        pictures = iter_pixels(dataset, raw=True, indices=indices, decoding_plugin=plugin)
    for frame in frames:
        with reading(file, what, mend):
            stored = next(pictures)
            if stored.shape != frame.shape[::-1]:
                raise DataError(f"{what}: it has the shape {stored.shape}", where=file.name, mend=mend)
            physical: NDArray[Any]
            if frame.table:
                physical = apply_modality_lut(stored, dataset).astype(np.int64)
            elif frame.slope == 1 and frame.intercept % 1 == 0:
                physical = stored.astype(np.int64) + int(frame.intercept)
            else:
                physical = stored * frame.slope + frame.intercept
            if frame.inverted:
                physical = np.asarray(_ends_sum(frame, physical) - physical)
            filled = None if frame.padding is None else _filled(stored, frame.padding, frame.stored)
        yield physical, filled


def _check_codes(dataset: Any, frames: Sequence[Frame]) -> None:
    """Refuse packed pictures of another size than the header has: their decoders do not ask."""
    from pydicom.encaps import generate_frames

    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated or syntax == RLE:
        return
    count = int(dataset.get("NumberOfFrames") or 1)
    codes = generate_frames(dataset.PixelData, number_of_frames=count, extended_offsets=_offsets(dataset))
    for number, code in enumerate(codes):
        size = picture_size(code)
        if size != frames[0].shape:
            said = "of no known size" if size is None else f"of {size[0]:,} x {size[1]:,} pixels"
            where = f"{frames[0].file.name}, frame {number + 1}"
            shape = "{:,} x {:,}".format(*frames[0].shape)
            what = f"{tag('PixelData')} holds a picture {said}, the header says {shape}"
            raise DataError(what, where=where, mend="export the file again, or leave it out")


def _offsets(dataset: Any) -> tuple[Any, Any] | None:
    table = dataset.get("ExtendedOffsetTable")
    return None if table is None else (table, dataset.ExtendedOffsetTableLengths)


def _ends_sum(frame: Frame, physical: NDArray[Any]) -> float:
    """The least and the largest value that there can be, together: less a value, it is that value turned round."""
    if frame.table:
        return float(physical.min() + physical.max())
    return sum(frame.slope * end + frame.intercept for end in frame.stored)


def _filled(stored: NDArray[Any], padding: tuple[int, int], ends: tuple[int, int]) -> NDArray[np.bool_]:
    """Which pixels are padding. Its value is compared by its bits, since files have it as signed or as unsigned."""
    least, most = padding
    filled: NDArray[np.bool_] = (stored.astype(np.int64) - least) % (ends[1] - ends[0] + 1) <= most - least
    return filled
