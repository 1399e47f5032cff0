"""Label maps as DICOM segmentations: written beside a synthetic series, and read back onto the grid of a volume."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synthdiff.data.dicom import Header, read_header, reading, tag
from synthdiff.data.objects import MAKER, NO_DATE, NO_TIME, check_text, markers, save, staged
from synthdiff.data.series import LPS
from synthdiff.data.uids import uid
from synthdiff.errors import DataError, ReleaseError
from synthdiff.voxels import Volume

if TYPE_CHECKING:
    from pydicom import Dataset

_SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
"""Segmentation Storage, and Label Map Segmentation Storage."""

_OFF = 0.05
"""A voxel may lie this share of one beside its place on the grid: positions are rounded when they are written."""

_ELSEWHERE = "give the segmentation of this series, or resample it onto the grid of the image"


def write_segmentation(volume: Volume, series: Sequence[Path], file: Path, *, names: Sequence[str]) -> Path:
    """Write the label map of a synthetic volume as a binary DICOM segmentation (PS3.3, A.51).

    Every segment is a tissue by its code, and what it is by its label. Identifiers follow from those of the series, so
    that the same volume and series give the same bytes.

    Parameters
    ----------
    volume : Volume
        With ``labels``.
    series : sequence of Path
        The files that :func:`~synthdiff.data.series.write_series` made of the same volume, in any order.
    file : Path
        Written whole or not at all; it must not exist.
    names : sequence of str
        What the labels 1, 2, … are, 64 characters at most each. Labels that no voxel has are described all the same.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    DataError
        When there is no label map, a label has no name, or the files are not the slices of the volume.
    ReleaseError
        When the series does not say that it is synthetic, a name is none that DICOM allows, or the file exists.
    """
    labels = volume.labels
    if labels is None:
        raise DataError("the volume has no label map", where=volume.name, mend="give a volume with labels")
    if labels.max() > len(names) or not names:
        what = f"the label map goes up to {labels.max()}, and {len(names)} segments have a name"
        raise DataError(what, where=volume.name, mend="number the labels 1, 2, … and name each")
    for name in names:
        check_text(name, "a segment")
    slices = _in_order(volume, [_synthetic(path) for path in series])
    made = _segmentation(labels.astype(np.uint8), slices, names)
    with staged(file) as staging:
        save(made, staging)
    return file


def _synthetic(path: Path) -> Dataset:
    """The header of a slice, which says that it is synthetic."""
    from pydicom import dcmread

    with reading(path):
        header = dcmread(path, stop_before_pixels=True)
    if header.get("SyntheticData") != "YES":
        what = f"{tag('SyntheticData')} is not YES: the header of a real image would be carried over"
        raise ReleaseError(what, where=path.name, mend="give the files of a series that was written here")
    return header


def _in_order(volume: Volume, slices: list[Dataset]) -> list[Dataset]:
    """The slices of a series in the order of the third axis of their volume."""
    depth = volume.array.shape[2] if volume.array.ndim == 3 else 1
    shapes = {(given.Columns, given.Rows) for given in slices}
    if len(slices) == depth and shapes == {volume.array.shape[:2]}:
        if volume.array.ndim == 2:
            return slices
        affine = LPS @ volume.affine
        corners = affine[:3, 3] + np.arange(depth)[:, np.newaxis] * affine[:3, 2]
        placed = np.array([one.get("ImagePositionPatient") or [np.inf] * 3 for one in slices], dtype=float)
        apart = np.linalg.norm(corners[:, np.newaxis] - placed, axis=2)
        nearest = apart.argmin(axis=1)
        if len(set(nearest)) == depth and apart.min(axis=1).max() < _OFF * volume.spacing[2]:
            return [slices[index] for index in nearest]
    what = f"the {len(slices)} files of the series are not the {depth} slices of the volume"
    raise DataError(what, where=volume.name, mend="give the files that were written of this volume")


def _segmentation(labels: NDArray[np.uint8], slices: list[Dataset], names: Sequence[str]) -> Dataset:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    origin, equipment = slices[0].SeriesInstanceUID, markers()
    version = equipment["SoftwareVersions"]
    algorithm = hd.AlgorithmIdentificationSequence(MAKER, codes.DCM.ArtificialIntelligence, version)
    tissue = codes.SCT.Tissue
    made: Dataset = hd.seg.Segmentation(
        source_images=slices,
        pixel_array=np.atleast_3d(labels).transpose(2, 1, 0),
        segmentation_type="BINARY",
        segment_descriptions=[
            hd.seg.SegmentDescription(number, name, tissue, tissue, "AUTOMATIC", algorithm)
            for number, name in enumerate(names, start=1)
        ],
        series_instance_uid=uid(origin, "segmentation series"),
        series_number=1000 + int(slices[0].SeriesNumber),
        sop_instance_uid=uid(origin, "segmentation"),
        instance_number=1,
        manufacturer=MAKER,
        manufacturer_model_name=MAKER,
        software_versions=version,
        device_serial_number="NONE",
        content_label="SEGMENTATION",
    )
    for keyword, value in equipment.items():
        setattr(made, keyword, value)
    made.SeriesDescription = "Synthetic segmentation"
    # What highdicom takes from the clock or draws at random would make two files of one label map.
    made.ContentDate, made.ContentTime = NO_DATE, NO_TIME
    del made.InstanceCreationDate, made.InstanceCreationTime
    organization = uid(origin, "segmentation dimensions")
    for item in [*made.DimensionOrganizationSequence, *made.DimensionIndexSequence]:
        item.DimensionOrganizationUID = organization
    if labels.ndim == 2:
        made.PatientOrientation = None
    return made


def read_segmentation(path: Path, volume: Volume, *, frame_of_reference: str = "") -> NDArray[np.uint8]:
    """Read a DICOM segmentation onto the grid of a volume.

    Parameters
    ----------
    path : Path
        A binary segmentation or a label map. Its slices may be fewer than the volume's, and in any order or direction.
    volume : Volume
        The image that it belongs to. Segmentations of a 2-D image are matched by rows and columns alone.
    frame_of_reference : str
        FrameOfReferenceUID of the image, which a `Volume` does not keep; empty to compare places only.

    Returns
    -------
    uint8 array of the shape of ``volume.array``
        The number of the segment to which each voxel belongs, 0 for none.

    Raises
    ------
    DataError
        When the file cannot be read, is no such segmentation, belongs to another frame of reference or grid, or gives
        one voxel to two segments.
    """
    from pydicom import dcmread
    from pydicom.pixels.utils import iter_pixels

    kind = _kind(read_header(path), frame_of_reference)
    with reading(path):
        whole = dcmread(path)
        pictures = iter_pixels(whole, raw=True)
    header = Header(whole, path)
    shared = header.items("SharedFunctionalGroupsSequence")[:1]
    own = header.items("PerFrameFunctionalGroupsSequence")
    if len(own) != header.whole("NumberOfFrames", 1, 1 << 31):
        raise header.problem(
            "PerFrameFunctionalGroupsSequence", f"describes {len(own)} frames, expected as many as are"
        )
    labels = np.zeros(volume.array.shape, dtype=np.uint8)
    for item in own:
        with reading(path, f"{tag('PixelData')} cannot be read"):
            picture = next(pictures)
            rows, columns = np.nonzero(picture)
        where = _places(header, [item, *shared], volume, picture.shape, np.stack([columns, rows]))
        numbers = picture[rows, columns]
        if kind == "BINARY":
            group = _group(header, [item, *shared], "SegmentIdentificationSequence")
            numbers = np.full(rows.shape, group.whole("ReferencedSegmentNumber", 1, 65_535))
        if rows.size and not 1 <= numbers.min() <= numbers.max() <= 255:
            what = f"is {numbers.min()} to {numbers.max()} for some voxels, expected 1 to 255"
            raise header.problem("SegmentNumber", what, "number the segments anew")
        if ((labels[where] != 0) & (labels[where] != numbers)).any():
            raise header.problem("SegmentNumber", "of one voxel is two: the segments overlap", "keep those that do not")
        labels[where] = numbers
    return labels


def _kind(header: Header, frame_of_reference: str) -> str:
    """The type of a segmentation that can become a label map."""
    from pydicom.uid import UID

    made = header.text("SOPClassUID", "")
    if made not in _SEGMENTATIONS:
        with reading(header.file):
            name = UID(made).name[:64] or "missing"
        raise header.problem("SOPClassUID", f"is {name}: this is no segmentation", "name another file")
    kind = header.text("SegmentationType")
    if kind not in ("BINARY", "LABELMAP"):
        raise header.problem("SegmentationType", f"is {kind}, expected BINARY or LABELMAP", "write it with a threshold")
    frame = header.text("FrameOfReferenceUID", "")
    if frame_of_reference and frame and frame != frame_of_reference:
        raise header.problem("FrameOfReferenceUID", f"is {frame}, that of the image {frame_of_reference}", _ELSEWHERE)
    return kind


def _group(header: Header, items: Sequence[Header], name: str) -> Header:
    """What a frame says of itself under a name, or all frames together do."""
    for item in items:
        for inner in item.items(name)[:1]:
            return inner
    raise header.problem(name, "is missing")


def _places(
    header: Header, items: Sequence[Header], volume: Volume, shape: tuple[int, ...], pixels: NDArray[np.intp]
) -> tuple[NDArray[np.intp], ...]:
    """Indices into the array of a volume of the pixels (2, n) of a frame, by column and row."""
    if volume.array.ndim == 2:
        if shape != volume.array.shape[::-1]:
            what = f"is {shape[0]}, with {shape[1]} columns; the image has {volume.array.shape[::-1]}"
            raise header.problem("Rows", what, _ELSEWHERE)
        return tuple(pixels)
    spacing = _group(header, items, "PixelMeasuresSequence").numbers("PixelSpacing", 2)[::-1]
    axes = _group(header, items, "PlaneOrientationSequence").numbers("ImageOrientationPatient", 6)
    position = _group(header, items, "PlanePositionSequence").numbers("ImagePositionPatient", 3)
    to_voxels = np.linalg.inv(LPS @ volume.affine)
    with np.errstate(all="ignore"):
        start = to_voxels[:3] @ [*position, 1]
        steps = to_voxels[:3, :3] @ (np.reshape(axes, (2, 3)).T * spacing)
        whole = np.rint(steps)
        off = np.abs(start - np.rint(start)).max() + np.abs(steps - whole).max() * max(shape)
    along = np.abs(whole)
    if not off <= _OFF or (along.sum(axis=0) != 1).any() or along.sum(axis=1).max() > 1:
        raise header.problem("ImagePositionPatient", f"leads {off:.3g} voxels beside the image's grid", _ELSEWHERE)
    indices = np.rint(start)[:, np.newaxis] + whole @ pixels
    if (indices < 0).any() or (indices >= np.reshape(volume.array.shape, (3, 1))).any():
        raise header.problem("ImagePositionPatient", "leads outside of the image", _ELSEWHERE)
    return tuple(indices.astype(np.intp))
