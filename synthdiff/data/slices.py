"""Slices: frames put together to volumes by where they lie, never by their numbers or their thickness.

DICOM counts millimetres towards left, posterior and superior (LPS), a :class:`~synthdiff.voxels.Volume` towards right,
anterior and superior (RAS): the first two change their sign. Rows and columns stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from synthdiff.data.dicom import reading, tag
from synthdiff.data.frames import Frame
from synthdiff.data.limits import LARGEST
from synthdiff.data.pixels import pixels
from synthdiff.errors import DataError
from synthdiff.voxels import Affine, Modality, Volume

Uneven = Literal["refuse", "resample"]
"""What to do with slices that do not lie on an even grid."""

OFF = 0.05
"""A slice may lie this share of the slices' distance beside its place on the even grid: positions are rounded."""

DRIFT = 0.5
"""So many pixels the last slice may be shifted against the first, as seen along the normal."""

GAP = 1.5
"""Slices are missing where two lie this many times farther apart than most."""

WIDEST = 2.5
"""Nothing is drawn into a gap this many times wider than most."""

_STEEPEST = 45.0
"""Degrees: a gantry does not tilt as far."""

_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_RESAMPLE = 'read them with uneven="resample"'
_TELLING = ("EchoTime", "AcquisitionNumber", "TemporalPositionIdentifier", "DiffusionBValue", "InstanceNumber")


def stack(frames: Sequence[Frame], uneven: Uneven = "refuse") -> list[tuple[Volume, Frame]]:
    """Put frames together to volumes.

    There is one volume for each series, orientation and type of image; pictures that have no place in a patient are
    images of their own.

    Parameters
    ----------
    frames : sequence of Frame
    uneven : {"refuse", "resample"}
        What to do with slices that are tilted against their stack (gantry tilt) or unevenly spaced: refuse them, or
        draw an even, upright stack by linear interpolation.

    Returns
    -------
    list of (Volume, Frame)
        With its first frame.

    Raises
    ------
    DataError
        When slices are missing, there twice, of several patients or shapes, or not even.
    """
    if uneven not in get_args(Uneven):
        raise DataError(f"uneven is {uneven!r}", mend="say refuse or resample")
    groups = _separate(frames)
    several = {group[0].series for group in groups if sum(other[0].series == group[0].series for other in groups) > 1}
    return [(_volume(group, uneven, group[0].series in several), group[0]) for group in groups]


def _separate(frames: Sequence[Frame]) -> list[list[Frame]]:
    """The frames of one volume each."""
    groups: list[list[Frame]] = []
    for frame in frames:
        for group in groups if frame.axes is not None else ():
            first = group[0]
            alike = (first.series, first.kind) == (frame.series, frame.kind) and first.axes is not None
            if alike and np.abs(np.subtract(first.axes, frame.axes)).max() < 1e-3:  # type: ignore[arg-type]
                group.append(frame)
                break
        else:
            groups.append([frame])
    return groups


def _volume(frames: list[Frame], uneven: Uneven, named: bool) -> Volume:
    first = frames[0]
    _check_alike(frames)
    name = first.file.parent.name if len({frame.file for frame in frames}) > 1 else first.file.name
    if named:
        name = f"{name} ({', '.join(filter(None, (first.number, ' '.join(first.kind), 'from ' + first.file.name)))})"
    if len(frames) == 1:
        array, affine = pixels(frames)[:, :, 0], _plane(first)
    elif _place(frames, name, uneven):
        array, affine = pixels(frames), _affine(frames)
    else:
        array, affine = _resampled(frames, name)
    modality = cast(Modality, first.modality if first.modality in get_args(Modality) else "OT")
    return Volume(array, affine, modality, first.units, None, first.patient, name)


def _check_alike(frames: list[Frame]) -> None:
    first = frames[0]
    for frame in frames[1:]:
        told = {
            "PatientID": (frame.patient == first.patient, "another one"),
            "Modality": (frame.modality == first.modality, frame.modality),
            "Rows": (frame.shape[1] == first.shape[1], frame.shape[1]),
            "Columns": (frame.shape[0] == first.shape[0], frame.shape[0]),
            "PixelSpacing": (np.allclose(frame.spacing, first.spacing, rtol=1e-4), "\\".join(map(str, frame.spacing))),
            "RescaleType": (frame.units == first.units, frame.units),
        }
        for keyword, (same, value) in told.items():
            if not same:
                what = f"{tag(keyword)} is {value} here and not in {first.place}, though both are of one series"
                raise DataError(what, where=frame.place, mend="take the file out of the series, or export it again")


def _plane(frame: Frame) -> Affine:
    """The affine of a single picture; one that has no place lies as pictures are looked at."""
    axes = np.eye(3)[:2] if frame.axes is None else frame.axes
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1] = axes[0] * frame.spacing[0], axes[1] * frame.spacing[1]
    matrix[:3, 2] = np.cross(axes[0], axes[1])
    matrix[:3, 3] = 0.0 if frame.position is None else frame.position
    return cast(Affine, _TO_RAS @ matrix)


def _affine(frames: list[Frame]) -> Affine:
    """The affine of slices that lie evenly, in order."""
    first, last = _positions(frames)[[0, -1]]
    matrix = _TO_RAS @ _plane(frames[0])
    matrix[:3, 2] = (last - first) / (len(frames) - 1)
    return cast(Affine, _TO_RAS @ matrix)


def _positions(frames: list[Frame]) -> NDArray[np.float64]:
    return np.array([frame.position for frame in frames])


def _normal(frames: list[Frame]) -> NDArray[np.float64]:
    axes = frames[0].axes
    assert axes is not None, "slices have axes"
    normal: NDArray[np.float64] = np.cross(axes[0], axes[1])
    return normal / np.linalg.norm(normal)


def _shifts(frames: list[Frame]) -> NDArray[np.float64]:
    """Pixels by which each slice is shifted along rows and columns against the first: shape (slices, 2)."""
    positions = _positions(frames)
    shifts: NDArray[np.float64] = (positions - positions[0]) @ np.asarray(frames[0].axes).T / frames[0].spacing
    return shifts


def _place(frames: list[Frame], name: str, uneven: Uneven) -> bool:
    """Put slices in order; whether they lie on an even and upright grid."""
    normal = _normal(frames)
    frames.sort(key=lambda frame: (float(np.asarray(frame.position) @ normal), frame.file.name, frame.index))
    along = _positions(frames) @ normal
    gaps = np.diff(along)
    usual = float(np.median(gaps))
    least = int(gaps.argmin())
    if gaps[least] < max(1e-3, 0.01 * usual):
        raise _twice(frames[least], frames[least + 1])
    wide = [number for number in range(len(gaps)) if gaps[number] > GAP * usual]
    even = np.linspace(along[0], along[-1], len(along))
    off = float(np.abs(along - even).max())
    shifts = _shifts(frames)
    drift = float(np.abs(shifts).max())
    angle = float(np.degrees(np.arctan2(*_slant(frames, along))))
    keyword = tag("ImagePositionPatient")
    if wide and (uneven == "refuse" or gaps[wide].max() > WIDEST * usual):
        told = [f"between {frames[k].place} and {frames[k + 1].place}, about {gaps[k]:.4g} mm" for k in wide]
        more = f", and {len(told) - 5} more" if len(told) > 5 else ""
        what = f"slices are missing by {keyword}: {'; '.join(told[:5])} where others are {usual:.4g} mm{more}"
        mend = "export the whole series" + ("" if gaps[wide].max() > WIDEST * usual else f", or {_RESAMPLE}")
        raise DataError(what, where=name, mend=mend)
    if drift > DRIFT and (uneven == "refuse" or angle > _STEEPEST):
        what = f"the slices are tilted by {angle:.3g} degrees against their stack (gantry tilt), by {keyword}"
        mend = "leave it out" if angle > _STEEPEST else f"straighten them before, or {_RESAMPLE}"
        raise DataError(f"{what}: the last lies {drift:.1f} pixels beside the first", where=name, mend=mend)
    if off > OFF * usual and uneven == "refuse":
        what = f"the slices lie {gaps.min():.4g} to {gaps.max():.4g} mm apart by {keyword}, expected an even distance"
        raise DataError(what, where=name, mend=f"export an even series, or {_RESAMPLE}")
    return drift <= DRIFT and off <= OFF * usual


def _slant(frames: list[Frame], along: NDArray[np.float64]) -> tuple[float, float]:
    """How far the stack leads aside, and along the normal, in mm."""
    positions = _positions(frames)
    whole = positions[-1] - positions[0]
    rise = float(along[-1] - along[0])
    return float(np.linalg.norm(whole - rise * _normal(frames))), rise


def _twice(one: Frame, other: Frame) -> DataError:
    """Two slices at one place, and what tells them apart."""
    from pydicom import dcmread

    told = ""
    if one.file != other.file:
        with reading(other.file):
            headers = [
                dcmread(each.file, stop_before_pixels=True, specific_tags=list(_TELLING)) for each in (one, other)
            ]
            values = {keyword: [str(header.get(keyword, "")) for header in headers] for keyword in _TELLING}
        told = next((f"; they differ in {tag(k)}" for k, (a, b) in values.items() if a != b), "")
    what = f"{tag('ImagePositionPatient')} is the same in {one.place} and {other.place}{told}"
    return DataError(what, where=other.place, mend="keep one of them, or put what belongs together into a series each")


def _resampled(frames: list[Frame], name: str) -> tuple[NDArray[Any], Affine]:
    """Draw an upright stack with even distances: slices are shifted to lie over one another, then read between them.

    Pixels outside of every slice take the lowest value.
    """
    from scipy import ndimage

    shifts = _shifts(frames)
    tilted = bool(np.abs(shifts).max() > DRIFT)
    first = np.floor(shifts.min(axis=0)).astype(int) if tilted else np.zeros(2, dtype=int)
    last = np.ceil(shifts.max(axis=0)).astype(int) if tilted else np.zeros(2, dtype=int)
    along = _positions(frames) @ _normal(frames)
    step = float(np.median(np.diff(along)))
    wanted = along[0] + step * np.arange(int((along[-1] - along[0]) / step + 1e-6) + 1)
    width, height = (int(side) for side in np.array(frames[0].shape) + last - first)
    if width * height * max(len(wanted), len(frames)) > LARGEST:
        what = f"{width:,} x {height:,} x {len(wanted):,} voxels would be needed to lay the slices out evenly"
        raise DataError(what, where=name, mend="export an even series")
    values = pixels(frames)
    upright = np.full((width, height, len(frames)), values.min(), dtype=np.float32)
    for number, picture in enumerate(np.moveaxis(values, 2, 0)):
        low = first - shifts[number] if tilted else np.zeros(2)
        upright[:, :, number] = ndimage.affine_transform(
            picture.astype(np.float32), np.ones(2), low, (width, height), order=1, cval=float(values.min())
        )
    above = np.clip(np.searchsorted(along, wanted, side="right"), 1, len(along) - 1)
    share = ((wanted - along[above - 1]) / (along[above] - along[above - 1])).astype(np.float32)
    even = upright[:, :, above - 1] * (1 - share) + upright[:, :, above] * share
    matrix = _TO_RAS @ _plane(frames[0])
    matrix[:3, 3] += matrix[:3, :2] @ first
    matrix[:3, 2] = step * _normal(frames)
    whole = np.issubdtype(values.dtype, np.integer)
    return (np.rint(even).astype(values.dtype) if whole else even), cast(Affine, _TO_RAS @ matrix)
