"""NIfTI: volumes and label maps in and out of ``.nii`` and ``.nii.gz`` files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdiff.data.format import check_file
from synthdiff.data.limits import LARGEST, PACKED
from synthdiff.errors import DataError, SynthdiffError
from synthdiff.voxels import Affine, Modality, Volume

SUFFIXES = (".nii", ".nii.gz")

_MILLIMETRES = {"meter": 1000.0, "micron": 0.001}


def read_nifti(path: Path, modality: Modality = "OT") -> Volume:
    """Read an image; the name without its ending is the subject.

    Values are scaled as the header says; they are Hounsfield units where the modality is CT. The affine is that of the
    sform, of the qform where there is none, or by spacing alone, as in nibabel.

    Parameters
    ----------
    path : Path
    modality : Modality
        What took the image: the file does not say it.

    Raises
    ------
    DataError
        When the file is damaged, in colours, or has a fourth axis of more than one image.
    """
    array, affine = _load(path)
    units = "HU" if modality == "CT" else "arbitrary"
    return Volume(array, affine, modality, units, None, path.name.removesuffix(".gz").removesuffix(".nii"), path.name)


def read_label_map(path: Path, volume: Volume) -> NDArray[np.unsignedinteger[Any]]:
    """Read a label map, which must lie on the grid of an image.

    Raises
    ------
    DataError
        When it lies on another grid, or its values are not whole numbers from 0 to 65,535.
    """
    array, affine = _load(path)
    if array.shape != volume.array.shape:
        what = f"the label map has the shape {array.shape}, its image {volume.name} {volume.array.shape}"
        raise DataError(what, where=path.name, mend="give the label map that belongs to this image")
    if not np.allclose(affine, volume.affine, atol=1e-3):
        lies = [
            np.array2string(each[:3], precision=4, separator=" ").replace("\n", "") for each in (affine, volume.affine)
        ]
        what = (
            f"the label map lies elsewhere than its image {volume.name}: its affine is {lies[0]}, the image's {lies[1]}"
        )
        raise DataError(what, where=path.name, mend="draw it on the grid of the image")
    return as_labels(array, path.name)


def as_labels(array: NDArray[Any], name: str) -> NDArray[np.unsignedinteger[Any]]:
    """Whole numbers from 0 as the smallest unsigned type that holds them."""
    odd = ~(np.isfinite(array) & (array >= 0) & (array <= 65_535) & (array == np.floor(array)))
    if odd.any():
        found = f"{int(odd.sum()):,} voxels of the label map are {array[odd][0]:g} and the like"
        what = f"{found}, expected whole numbers from 0 to 65,535"
        raise DataError(
            what, where=name, mend="write labels as whole numbers; a resampled one needs nearest neighbours"
        )
    return array.astype(np.uint8 if array.max() < 256 else np.uint16)


def write_nifti(volume: Volume, path: str | Path, labels: str | Path | None = None) -> None:
    """Write an image, and its label map if it is said where to; same volume, same bytes.

    Values and their type come back as they were (truth values and float16 in the next larger type that NIfTI has), and
    so does the affine, to the 32 bits that NIfTI-1 has for it.

    Parameters
    ----------
    volume : Volume
    path : path
        Ends in ``.nii`` or ``.nii.gz``.
    labels : path, optional
        For the label map.

    Raises
    ------
    DataError
        When the ending is another one, or there are no labels to write.
    """
    if labels is not None and volume.labels is None:
        raise DataError("the volume has no labels to write", where=volume.name, mend="leave out the path for labels")
    _save(volume.array, volume.affine, Path(path))
    if labels is not None:
        _save(np.asarray(volume.labels), volume.affine, Path(labels))


def _save(array: NDArray[Any], affine: Affine, path: Path) -> None:
    import nibabel

    if not path.name.endswith(SUFFIXES):
        raise DataError("the ending of the file's name is not known", where=str(path), mend="end it in .nii or .nii.gz")
    held = {"bool": np.uint8, "float16": np.float32}.get(array.dtype.name, array.dtype)
    image: Any = nibabel.Nifti1Image(  # type: ignore[no-untyped-call]
        array.astype(held), affine, dtype=held
    )
    image.set_sform(affine, code="scanner")
    image.set_qform(affine, code="scanner")
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)


def _load(path: Path) -> tuple[NDArray[Any], Affine]:
    """The scaled values and the affine of a file, checked before anything large is made."""
    import nibabel

    check_file(path)
    try:
        with np.errstate(all="ignore"):
            image: Any = nibabel.load(path, mmap=False)
            _check_header(path, image)
            array = np.asanyarray(image.dataobj)
            affine = np.asarray(image.affine, dtype=np.float64)
            unit = image.header.get_xyzt_units()[0]
    except SynthdiffError:
        raise
    except Exception as error:  # nibabel raises what numpy, gzip and zlib raise on damaged files
        said = " ".join(str(error).split())[:200] or type(error).__name__
        what = f"cannot be read as NIfTI, it is damaged or cut short: {said}"
        raise DataError(what, where=path.name, mend="copy or export the file again") from error
    if array.ndim == 4:
        array = array[..., 0]
    affine[:3] *= _MILLIMETRES.get(unit, 1.0)
    return array.astype(array.dtype.newbyteorder("="), copy=False), affine


def _check_header(path: Path, image: Any) -> None:
    import nibabel

    if not isinstance(image, nibabel.Nifti1Image):
        raise DataError(f"this is {type(image).__name__}, not NIfTI", where=path.name, mend="convert it to .nii.gz")
    shape: tuple[int, ...] = image.shape
    kind = np.dtype(image.get_data_dtype())  # type: ignore[no-untyped-call]
    if kind.names or kind.kind not in "iuf":
        what = f"datatype: the voxels are {'colours' if kind.names else kind}, expected real numbers"
        raise DataError(what, where=path.name, mend="make the image grey before")
    if len(shape) > 3 and (len(shape) > 4 or shape[3] != 1):
        what = f"dim: the image has the shape {tuple(shape)}, expected three axes"
        raise DataError(
            what, where=path.name, mend="a series in time or of directions is not read: take one volume out"
        )
    size = path.stat().st_size
    expected, held = math.prod(shape) * kind.itemsize, size * (PACKED if path.name.endswith(".gz") else 1)
    if math.prod(shape) > LARGEST or expected > held:
        what = f"dim: the shape {tuple(shape)} needs {expected:,} bytes, and the file has {size:,}"
        raise DataError(what, where=path.name, mend="copy the file again, or cut a volume this large into parts")
