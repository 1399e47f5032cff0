"""Pictures: grey PNG and JPEG files, and arrays of images in ``.npz`` files.

Neither says how large a pixel is: it is called 1 mm.
"""

from __future__ import annotations

import math
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdiff.data.format import check_file
from synthdiff.data.limits import LARGEST, PACKED
from synthdiff.data.nifti import as_labels
from synthdiff.errors import DataError, SynthdiffError
from synthdiff.voxels import Affine, Modality, Volume

SUFFIXES = (".png", ".jpg", ".jpeg")

_LYING: Affine = np.diag([-1.0, -1.0, 1.0, 1.0])
"""As pictures are looked at: columns lead to the patient's left, rows down."""


def read_picture(path: Path, modality: Modality = "OT") -> Volume:
    """Read a grey picture; the name without its ending is the subject.

    Raises
    ------
    DataError
        When the file is damaged, has colours or several pictures.
    """
    return Volume(_picture(path), _LYING, modality, "arbitrary", None, path.stem, path.name)


def read_mask(path: Path, volume: Volume) -> NDArray[np.unsignedinteger[Any]]:
    """Read a label map of a picture; where it holds but 0 and 255, black and white, white is 1.

    Raises
    ------
    DataError
        When it has another size than the picture, or colours.
    """
    array = _picture(path)
    if array.shape != volume.array.shape:
        what = f"the label map has the shape {array.shape}, its image {volume.name} {volume.array.shape}"
        raise DataError(what, where=path.name, mend="give the label map that belongs to this image")
    if np.isin(array, (0, 255)).all():
        array = array > 0
    return as_labels(array, path.name)


def _picture(path: Path) -> NDArray[Any]:
    """The pixels of a file, of shape (columns, rows)."""
    from PIL import Image

    check_file(path)
    try:
        # Pillow warns of large pictures; what is too large is told here.
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=("PNG", "JPEG")) as picture:
            width, height = picture.size
            if width * height > LARGEST // 16:
                what = f"the picture has {width:,} x {height:,} pixels, more than {LARGEST // 16:,}"
                raise DataError(what, where=path.name, mend="cut it into parts")
            if getattr(picture, "n_frames", 1) != 1:
                raise DataError(
                    "the file holds several pictures", where=path.name, mend="save each to a file of its own"
                )
            grey = picture if picture.mode in ("L", "I;16", "I;16B", "I", "1") else picture.convert("RGB")
            array = np.asarray(grey)
    except SynthdiffError:
        raise
    except Exception as error:  # Pillow raises SyntaxError, OSError, ValueError and struct.error on damaged files
        what = f"cannot be read as PNG or JPEG, it is damaged or something else: {error}"
        raise DataError(what, where=path.name, mend="copy or export the file again") from error
    if array.ndim == 3:
        if (array != array[..., :1]).any():
            raise DataError("the picture has colours, expected grey", where=path.name, mend="make it grey before")
        array = array[..., 0]
    return np.ascontiguousarray(array.T)


def read_arrays(
    path: Path, images: str | None = None, modality: Modality = "OT", findings: str | None = None
) -> list[Volume]:
    """Read the images of an array; each is a subject of its own, named by its place in the array.

    Parameters
    ----------
    path : Path
        An ``.npz`` file.
    images : str, optional
        Which array: (images, rows, columns) or (images, slices, rows, columns). By default ``"images"``, or the only
        one whose name ends so.
    modality : Modality
    findings : str, optional
        Which array says what the images show: a text or a whole number for each.

    Raises
    ------
    DataError
        When there is no such array or several, or it holds colours or no numbers, or not a finding for each image.
    """
    with _opened(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        found = [name for name in names if name.endswith("images")]
        chosen = images or ("images" if "images" in found else found[0] if len(found) == 1 else None)
        if chosen is None or chosen not in names:
            said = f"no array {chosen!r}" if chosen else f"{len(found) or 'no'} arrays of images"
            mend = f"say which one: {', '.join(found or names)}"
            raise DataError(f"there are {said} in the file", where=path.name, mend=mend)
        array = _member(path, archive, chosen)
        if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[3] in (3, 4)):
            expected = "expected (images, rows, columns), with slices before the rows"
            what = f"array {chosen}: the shape is {array.shape}, {expected}"
            raise DataError(what, where=path.name, mend="make colours grey before")
        shown = [""] * len(array) if findings is None else _findings(path, archive, findings, len(array))
    return [
        Volume(
            np.ascontiguousarray(image.T),
            _LYING,
            modality,
            subject=f"{chosen}-{number}",
            name=f"{path.name}, image {number}",
            finding=finding,
        )
        for number, (image, finding) in enumerate(zip(array, shown, strict=True))
    ]


def _findings(path: Path, archive: zipfile.ZipFile, name: str, n: int) -> list[str]:
    """What an array says of each of ``n`` images, as text."""
    names = [member.removesuffix(".npy") for member in archive.namelist()]
    if name not in names:
        mend = f"say another one: {', '.join(names)}"
        raise DataError(f"there is no array {name!r} in the file", where=path.name, mend=mend)
    array = _member(path, archive, name, "iuU", "texts or whole numbers")
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if array.shape != (n,):
        what = f"array {name}: the shape is {array.shape}, expected a text or a whole number for each of {n} images"
        raise DataError(what, where=path.name, mend="give one finding for each image")
    said = [str(finding).strip() for finding in array.tolist()]
    if "" in said:
        what = f"array {name}: found an empty text for image {said.index('')}, expected what it shows"
        raise DataError(what, where=path.name, mend="write a word, such as normal")
    return said


def _opened(path: Path) -> zipfile.ZipFile:
    check_file(path)
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        what = f"cannot be read as .npz, it is damaged or cut short: {error}"
        raise DataError(what, where=path.name, mend="copy or export the file again") from error


def _member(
    path: Path, archive: zipfile.ZipFile, name: str, kinds: str = "biuf", wanted: str = "numbers"
) -> NDArray[Any]:
    """An array of some kinds of dtype, read without ever running what a pickled one holds."""
    try:
        info = archive.getinfo(f"{name}.npy")
        with archive.open(info) as file:
            version = np.lib.format.read_magic(file)
            read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
            shape, fortran, kind = read(file)
            size = math.prod(shape) * kind.itemsize
            if kind.kind not in kinds or math.prod(shape) > LARGEST or size > info.compress_size * PACKED:
                what = f"array {name}: {kind} of shape {shape} in {info.compress_size:,} bytes, expected {wanted}"
                raise DataError(what, where=path.name, mend=f"save an array of {wanted} again")
            array = np.frombuffer(file.read(size), dtype=kind, count=math.prod(shape))
            if kind.kind == "U":
                array.tolist()  # raises on what is no text
    except SynthdiffError:
        raise
    except Exception as error:  # zipfile, zlib and the parser of numpy's header each raise their own
        what = f"array {name} cannot be read, it is damaged or cut short: {error}"
        raise DataError(what, where=path.name, mend="copy or export the file again") from error
    return array.reshape(shape, order="F" if fortran else "C")


def array_names(path: str | Path) -> list[str]:
    """What the arrays of an ``.npz`` file are called.

    Raises
    ------
    DataError
        When the file is damaged.
    """
    with _opened(Path(path)) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]
