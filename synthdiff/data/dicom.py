"""DICOM files: finding them, and asking their headers for one element after the other, each with its tag in the error.

What a header says is not to be trusted: pydicom turns an element into a value when it is asked for, and fails in as
many ways as there are ways to damage a file. Here, all of these become one :class:`DataError`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from synthdiff.errors import DataError, SynthdiffError

T = TypeVar("T")

LONGEST = 1 << 20
"""Elements of more bytes than this are skipped when a header is read; none that is asked for has as many."""

DEFLATED = "1.2.840.10008.1.2.1.99"
"""The transfer syntax that packs whole files: how large they are is known when they are unpacked."""

_DIRECTORY = "1.2.840.10008.1.3.10"
_EXPORT = "export the series again, or leave this file out"


def tag(keyword: str) -> str:
    """A keyword with its number, as in ``"PixelSpacing (0028,0030)"``."""
    from pydicom.datadict import tag_for_keyword

    number = tag_for_keyword(keyword) or 0
    return f"{keyword} ({number >> 16:04X},{number & 0xFFFF:04X})"


def is_dicom(path: Path) -> bool:
    """Whether a file says that it is DICOM: four letters after a preamble of 128 bytes."""
    try:
        if not path.is_file():  # a pipe would keep its reader waiting
            return False
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def dicom_files(path: Path) -> list[Path]:
    """The DICOM files of a folder and the folders in it, in order; or the one file that is named.

    Raises
    ------
    DataError
        When there is none.
    """
    if path.is_dir():
        files = [file for file in sorted(path.rglob("*")) if not file.name.startswith(".") and is_dicom(file)]
        if not files:
            what = "there are no images in this folder: no NIfTI, DICOM, PNG or JPEG file"
            raise DataError(what, where=path.name, mend="name the folder that holds the images")
        return files
    if not is_dicom(path):
        what = "this is not DICOM: the letters DICM do not stand at byte 128"
        raise DataError(what, where=path.name, mend="export the file again, or leave it out")
    return [path]


@contextmanager
def reading(file: Path, what: str = "cannot be read as DICOM", mend: str = _EXPORT) -> Iterator[None]:
    """Turn whatever pydicom raises on a damaged file into a :class:`DataError`, and keep its warnings back."""
    with warnings.catch_warnings(action="ignore"):
        try:
            yield
        except SynthdiffError:
            raise
        except Exception as error:  # pydicom and its decoders raise some twenty kinds, RecursionError among them
            said = " ".join(str(error).split())[:200] or type(error).__name__
            raise DataError(f"{what}: {said}", where=file.name, mend=mend) from error


def read_header(file: Path) -> Header:
    """Read everything before the pixels.

    Raises
    ------
    DataError
        When this is not DICOM, is a directory of other files, or packed as a whole.
    """
    from pydicom import dcmread
    from pydicom.filereader import read_file_meta_info

    with reading(file):
        syntax = read_file_meta_info(file).get("TransferSyntaxUID")
        if syntax == DEFLATED:
            what = f"the whole file is packed, by {tag('TransferSyntaxUID')} {DEFLATED}"
            raise DataError(what, where=file.name, mend="write it unpacked, for example with dcmconv +te")
        header = Header(dcmread(file, stop_before_pixels=True, defer_size=LONGEST), file, syntax=str(syntax or ""))
    return header


def read_headers(files: list[Path]) -> list[Header]:
    """Read the headers of files, but for directories (DICOMDIR), which only point to other files."""
    headers = (read_header(file) for file in files)
    return [header for header in headers if header.text("SOPClassUID", "") != _DIRECTORY]


class Header:
    """A header, or an item of a sequence in one.

    Attributes
    ----------
    dataset : pydicom.Dataset
    file : Path
        Where it stands.
    syntax : str
        The UID of the transfer syntax; empty for an item.
    """

    def __init__(self, dataset: Any, file: Path, syntax: str = "") -> None:
        self.dataset = dataset
        self.file = file
        self.syntax = syntax

    def problem(self, keyword: str, what: str, mend: str = _EXPORT) -> DataError:
        """What is wrong with an element, as an error to raise."""
        return DataError(f"{tag(keyword)} {what}", where=self.file.name, mend=mend)

    def value(self, keyword: str) -> Any:
        """The value of an element; ``None`` when it is missing or empty.

        Raises
        ------
        DataError
            When the element has another type than the standard gives it, or its bytes are no such value.
        """
        from pydicom.datadict import dictionary_VR

        with reading(self.file, f"{tag(keyword)} cannot be read"):
            if keyword not in self.dataset:
                return None
            raw = self.dataset.get_item(keyword)
            if raw.value is None and getattr(raw, "length", 0) > LONGEST:
                raise self.problem(keyword, f"has {raw.length:,} bytes, which is too many")
            element, known = self.dataset[keyword], dictionary_VR(keyword)
            if element.VR not in known.split(" or "):
                raise self.problem(keyword, f"has the type (VR) {element.VR}, expected {known}")
            value = element.value
            return None if value is None or value == "" or (hasattr(value, "__len__") and not len(value)) else value

    def text(self, keyword: str, default: str | None = None) -> str:
        """The first value of an element of text, without blanks around it."""
        return next(iter(self.texts(keyword)), None) or self._default(keyword, default)

    def texts(self, keyword: str) -> list[str]:
        """All values of an element of text."""
        value = self.value(keyword)
        several = (
            [] if value is None else value if not isinstance(value, str) and hasattr(value, "__iter__") else [value]
        )
        with reading(self.file, f"{tag(keyword)} cannot be read"):
            return [str(one).strip() for one in several]

    def numbers(self, keyword: str, count: int, default: tuple[float, ...] | None = None) -> tuple[float, ...]:
        """The values of an element that holds so many finite numbers."""
        value = self.value(keyword)
        if value is None:
            return self._default(keyword, default)
        several = list(value) if hasattr(value, "__iter__") and not isinstance(value, str | bytes) else [value]
        with reading(self.file, f"{tag(keyword)} is {_shown(several)}, expected {count} numbers"):
            found = tuple(float(one) for one in several)
        if len(found) != count or not all(map(math.isfinite, found)):
            raise self.problem(keyword, f"is {_shown(several)}, expected {count} finite number{'s' * (count > 1)}")
        return found

    def number(self, keyword: str, default: float | None = None) -> float:
        """The value of an element that holds one finite number."""
        return self.numbers(keyword, 1, None if default is None else (default,))[0]

    def whole(self, keyword: str, least: int, most: int, default: int | None = None) -> int:
        """The value of an element that holds one whole number between bounds."""
        number = self.number(keyword, default)
        if number != int(number) or not least <= number <= most:
            raise self.problem(keyword, f"is {number:g}, expected a whole number from {least} to {most:,}")
        return int(number)

    def items(self, keyword: str) -> list[Header]:
        """The items of a sequence; none when it is missing."""
        value = self.value(keyword)
        with reading(self.file, f"{tag(keyword)} cannot be read"):
            return [] if value is None else [Header(item, self.file) for item in value]

    def _default(self, keyword: str, default: T | None) -> T:
        if default is None:
            raise self.problem(keyword, "is missing or empty")
        return default


def _shown(values: list[Any]) -> str:
    return "\\".join(str(value) for value in values)[:60]
