"""Concerns: what the headers of real images give away, or leave open, told before a model learns from them.

A generator learns what is in the pixels. Names burned into an ultrasound image, or a face in the scan of a head, are
not taken out by synthesis, and can only be found beforehand. None of the header itself is learnt from or written.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from synthdiff.data import nifti, raster
from synthdiff.data.dicom import Header, dicom_files, read_headers, reading, tag
from synthdiff.errors import DataError

WRITTEN_ON = ("US", "SC", "OT", "ES", "XC", "GM", "SM", "OP", "DX", "CR", "MG", "RF", "XA")
"""Modalities in which machines or people write on the picture, where nothing says that they did not."""

HEADS = ("HEAD", "BRAIN", "SKULL", "FACE", "NEURO", "CRANI", "ORBIT", "SINUS", "CEREBR")

_PERSON = ("PatientName", "PatientID", "PatientBirthDate", "PatientAddress", "OtherPatientIDs", "AccessionNumber")
_PART = ("BodyPartExamined", "StudyDescription", "SeriesDescription", "ProtocolName")
_CAPTURES = "1.2.840.10008.5.1.4.1.1.7"


def header_concerns(path: str | Path) -> list[str]:
    """Say what must be looked after before training on images, from their headers alone.

    Parameters
    ----------
    path : path
        As for :func:`synthdiff.data.read_volumes`.

    Returns
    -------
    list of str
        Counted, and without any value of a header; empty when there is nothing to tell.

    Raises
    ------
    DataError
        When there is nothing to read, or a header is damaged.
    """
    path = Path(path)
    if not path.exists():
        raise DataError("there is no such file or folder", where=str(path), mend="check the path and the spelling")
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    scans = sum(file.name.lower().endswith(nifti.SUFFIXES) for file in files)
    pictures = sum(file.name.lower().endswith((*raster.SUFFIXES, ".npz")) for file in files)
    if scans:
        said = "do not say what part of the body they show, nor whether faces were taken out"
        return [f"{scans:,} NIfTI files {said}: where heads are in view, deface them first"]
    if pictures:
        return [
            f"{pictures:,} files of pictures do not say whether anything is written on them: look for names and dates"
        ]
    return _of_headers(read_headers(dicom_files(path)))


def _of_headers(headers: list[Header]) -> list[str]:
    questions: tuple[tuple[Callable[[Header], bool], str], ...] = (
        (
            _burned_in,
            f"say that names or dates are burned into the pixels, in {tag('BurnedInAnnotation')}: black them out",
        ),
        (
            _perhaps_burned_in,
            f"do not say whether anything is written on the pixels, in {tag('BurnedInAnnotation')}: look",
        ),
        (_face, f"are CT or MR of a head, and {tag('RecognizableVisualFeatures')} does not say NO: deface them first"),
        (_private, "hold private elements, in which anything can stand: they are not read, but should not travel on"),
        *(
            (_filled(keyword), f"hold a {tag(keyword)}: see that it is a pseudonym, or take it out")
            for keyword in _PERSON
        ),
    )
    counts = [(sum(map(concerned, headers)), told) for concerned, told in questions]
    return [f"{count:,} of {len(headers):,} files {told}" for count, told in counts if count]


def _burned_in(header: Header) -> bool:
    return header.text("BurnedInAnnotation", "").upper() == "YES"


def _perhaps_burned_in(header: Header) -> bool:
    on = header.text("Modality", "OT") in WRITTEN_ON or header.text("SOPClassUID", "").startswith(_CAPTURES)
    return on and header.text("BurnedInAnnotation", "").upper() not in ("YES", "NO")


def _face(header: Header) -> bool:
    said = " ".join(text for keyword in _PART for text in header.texts(keyword)).upper()
    head = header.text("Modality", "OT") in ("CT", "MR", "PT") and any(part in said for part in HEADS)
    return head and header.text("RecognizableVisualFeatures", "").upper() != "NO"


def _private(header: Header) -> bool:
    """Whether there is a private element with content; one that only reserves a block has none."""
    with reading(header.file):
        tags: list[Any] = list(header.dataset.keys())
        return any(number.is_private and not number.is_private_creator for number in tags)


def _filled(keyword: str) -> Callable[[Header], bool]:
    return lambda header: header.value(keyword) is not None
