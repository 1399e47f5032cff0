"""DICOM that cannot be read as it is: each error names the file, and the tag where there is one."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.pixels.decoders import JPEGLosslessSV1Decoder, RLELosslessDecoder
from pydicom.uid import (
    MPEG2MPML,
    BasicTextSRStorage,
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    SegmentationStorage,
)

from synthdiff.data import read_volumes
from tests.data import scans
from tests.data.scans import OBLIQUE, Spoil, series, slices, stored, told, write


def with_element(keyword: str, value: Any, which: int = 2) -> Spoil:
    """A series, one slice of which has another element."""
    return lambda folder: series(folder, lambda data: setattr(data[which], keyword, value))


def with_bytes(keyword: str, kind: str, value: Any, which: int = 2) -> Spoil:
    """A series, one slice of which has an element of a type that the standard does not give it."""

    def change(data: list[Dataset]) -> None:
        delattr(data[which], keyword)
        data[which].add_new(keyword, kind, value)

    return lambda folder: series(folder, change)


def without(keyword: str, which: int = 2) -> Spoil:
    return lambda folder: series(folder, lambda data: delattr(data[which], keyword))


def cut(folder: Path) -> None:
    file = series(folder) / "014-1.dcm"
    file.write_bytes(file.read_bytes()[:-40])


def cut_in_header(folder: Path) -> None:
    file = series(folder) / "014-1.dcm"
    file.write_bytes(file.read_bytes()[:420])


def no_pixels(folder: Path) -> None:
    def strip(data: list[Dataset]) -> None:
        del data[2].PixelData
        data[2].PixelPaddingValue = 0  # so that the file is as long as the pixels
        data[2].ImageComments = "x" * 300

    series(folder, strip)


def document(folder: Path) -> None:
    series(folder)
    data = scans.header(
        "OT",
        SOPClassUID=EncapsulatedPDFStorage,
        EncapsulatedDocument=b"%PDF-1.4",
        MIMETypeOfEncapsulatedDocument="application/pdf",
    )
    scans.save(data, folder / "report.dcm")


def structured(folder: Path) -> None:
    data = scans.header("SR", SOPClassUID=BasicTextSRStorage, ValueType="CONTAINER")
    scans.save(data, folder / "findings.dcm")


def segmentation(folder: Path) -> None:
    data = slices(stored((8, 8, 1)), SOPClassUID=SegmentationStorage, BitsAllocated=1, BitsStored=1, HighBit=0)
    write(data, folder)


def colours(folder: Path) -> None:
    picture = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0, "BitsAllocated": 8}
    data = slices(stored((8, 6, 1)), modality="US", **picture | {"BitsStored": 8, "HighBit": 7})
    write(data, folder)


def enhanced(**elements: Any) -> Spoil:
    def spoil(folder: Path) -> None:
        data = scans.enhanced(stored())
        for keyword, value in elements.items():
            setattr(data, keyword, value)
        scans.save(data, folder / "all.dcm")

    return spoil


def moved(*places: float) -> Spoil:
    """A series with its slices at these heights."""

    def change(data: list[Dataset]) -> None:
        for place, one in zip(places, data, strict=False):
            one.ImagePositionPatient = [10, -20, place]
        del data[len(places) :]

    return lambda folder: series(folder, change)


def wrapped(syntax: scans.UID) -> Spoil:
    """A series that says that it is packed in a way that it is not."""

    def spoil(folder: Path) -> None:
        write([scans.packed(one, RLELossless) for one in slices(stored())], folder, RLELossless)
        for file in folder.iterdir():
            scans.save(dcmread(file), file, syntax)

    return spoil


def torn_code(folder: Path) -> None:
    """Packed pixels of which only the beginning is there."""
    data = [scans.packed(one, RLELossless) for one in slices(stored())]
    data[2].PixelData = data[2].PixelData[:60]
    write(data, folder, RLELossless)


def swollen(syntax: scans.UID, marker: bytes, place: int, size: bytes) -> Spoil:
    """Packed pixels whose code says that they are many more than the header does; a decoder would take minutes."""

    def spoil(folder: Path) -> None:
        file = scans.save(scans.packed(slices(stored((64, 48, 1)))[0], syntax), folder / "a.dcm", syntax)
        data = bytearray(file.read_bytes())
        start = data.rindex(marker) + place
        data[start : start + len(size)] = size
        file.write_bytes(data)

    return spoil


def oblong(folder: Path) -> None:
    """A header that asks for 4 GB in a file of 1 kB."""
    series(folder, lambda data: (setattr(data[2], "Rows", 46_000), setattr(data[2], "Columns", 20_000)))


POSITION = "ImagePositionPatient (0020,0032)"

DICOM: dict[str, tuple[Spoil, tuple[str, ...]]] = {
    "cut short": (cut, ("014-1.dcm", "PixelData (7FE0,0010)")),
    "cut short in the header": (cut_in_header, ("014-1.dcm", "(00")),
    "no pixels": (no_pixels, ("014-1.dcm", "PixelData (7FE0,0010) is missing")),
    "a slice is missing": (
        moved(30, 32, 36, 38, 40),
        ("between 007-1.dcm and 014-1.dcm, about 4 mm where others are 2",),
    ),
    "two slices at one place": (moved(30, 32, 32, 34, 36), (POSITION, "014-1.dcm", "007-1.dcm", "differ in InstanceN")),
    "uneven": (moved(30, 32, 34.5, 36.5, 39), ("lie 2 to 2.5 mm apart", POSITION, "uneven=")),
    "a gap too wide to fill": (moved(30, 32, 34, 44, 46), ("about 10 mm where others are 2 mm",)),
    "zero spacing": (with_element("PixelSpacing", [0, 0.5]), ("014-1.dcm", "PixelSpacing (0028,0030) is 0\\0.5")),
    "no spacing": (without("PixelSpacing"), ("014-1.dcm", "PixelSpacing (0028,0030) is missing")),
    "one number of spacing": (with_element("PixelSpacing", [0.5]), ("PixelSpacing (0028,0030)", "expected 2 finite")),
    "wrong type": (with_bytes("Rows", "LO", "6"), ("014-1.dcm", "Rows (0028,0010) has the type (VR) LO, expected US")),
    "words for numbers": (with_bytes("RescaleSlope", "LO", "one"), ("014-1.dcm", "RescaleSlope (0028,1053)")),
    "no position": (without("ImagePositionPatient"), ("014-1.dcm", POSITION)),
    "a position too far away": (with_element("ImagePositionPatient", [0, 0, 1e9]), ("014-1.dcm", POSITION)),
    "axes askew": (
        with_element("ImageOrientationPatient", [1, 0, 0, 1, 0, 0]),
        ("014-1.dcm", "ImageOrientationPatient (0020,0037)", "right angles"),
    ),
    "no rescale in CT": (without("RescaleIntercept"), ("014-1.dcm", "RescaleIntercept (0028,1052) is missing")),
    "rescale by nothing": (with_element("RescaleSlope", 0), ("014-1.dcm", "RescaleSlope (0028,1053) is 0")),
    "more bits stored than there are": (with_element("BitsStored", 20), ("014-1.dcm", "BitsStored (0028,0101) is 20")),
    "high bit elsewhere": (with_element("HighBit", 15), ("014-1.dcm", "HighBit (0028,0102)")),
    "no patient": (with_element("PatientID", ""), ("014-1.dcm", "PatientID (0010,0020) is missing or empty")),
    "two patients in a series": (with_element("PatientID", "P2"), ("014-1.dcm", "PatientID (0010,0020) is another")),
    "two sizes in a series": (with_element("Rows", 5), ("014-1.dcm", "Rows (0028,0010) is 5")),
    "huge": (oblong, ("014-1.dcm", "PixelData (7FE0,0010) and the header ask for 1,840,000,000 bytes")),
    "no series": (with_element("SeriesInstanceUID", ""), ("014-.dcm", "SeriesInstanceUID (0020,000E) is missing")),
    "all padding": (
        lambda folder: write(slices(stored() * 0, PixelPaddingValue=0), folder),
        ("PixelPaddingValue (0028,0120)",),
    ),
    "a document": (document, ("report.dcm", "SOPClassUID (0008,0016) is Encapsulated PDF Storage")),
    "a report": (structured, ("findings.dcm", "SOPClassUID (0008,0016) is Basic Text SR Storage")),
    "a label map": (segmentation, ("000-1.dcm", "SOPClassUID (0008,0016) is Segmentation Storage", "as labels")),
    "colours": (colours, ("000-1.dcm", "SamplesPerPixel (0028,0002) is 3", "RGB")),
    "too many frames": (enhanced(NumberOfFrames=6), ("all.dcm", "NumberOfFrames (0028,0008) is 6", "describes 5")),
    "a million frames": (
        enhanced(NumberOfFrames=1_000_000),
        ("all.dcm", "PixelData (7FE0,0010) and the header ask for 96,000,000"),
    ),
    "no number of frames": (enhanced(NumberOfFrames=[5, 6]), ("all.dcm", "NumberOfFrames (0028,0008) is 5")),
    "frames in time": (enhanced(PerFrameFunctionalGroupsSequence=[]), ("all.dcm", "NumberOfFrames (0028,0008) is 5")),
    "no decoder anywhere": (wrapped(MPEG2MPML), ("TransferSyntaxUID (0002,0010) is MPEG2",)),
    "a code that is none": (
        wrapped(JPEGLosslessSV1),
        ("000-1.dcm", "PixelData (7FE0,0010) holds a picture of no known"),
    ),
    "a torn code": (torn_code, ("014-1.dcm", "PixelData (7FE0,0010) cannot be unpacked")),
    "a swollen JPEG 2000": (
        swollen(JPEG2000Lossless, b"\xff\x4f\xff\x51", 8, struct.pack(">2I", 60_000, 60_000)),
        ("a.dcm", "PixelData (7FE0,0010) holds a picture of 60,000 x 60,000 pixels, the header says 64 x 48"),
    ),
    "a swollen JPEG-LS": (
        swollen(JPEGLSLossless, b"\xff\xf7", 5, struct.pack(">2H", 60_000, 50_000)),
        ("a.dcm", "PixelData (7FE0,0010) holds a picture of 50,000 x 60,000 pixels, the header says 64 x 48"),
    ),
    "packed as a whole": (
        lambda folder: write(slices(stored()), folder, DeflatedExplicitVRLittleEndian),
        ("000-1.dcm", "TransferSyntaxUID (0002,0010) 1.2.840.10008.1.2.1.99"),
    ),
    "empty folder": (lambda folder: folder.mkdir(), ("images", "no images in this folder")),
    "only text": (lambda folder: (folder.mkdir(), (folder / "a.dcm").write_text("x" * 500)), ("no images",)),
}


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize("what", DICOM)
def test_broken_dicom_is_told_with_file_and_tag(tmp_path: Path, what: str) -> None:
    spoil, words = DICOM[what]
    spoil(tmp_path / "images")
    said = told(tmp_path / "images")
    assert all(word in said for word in words), said


def test_what_is_told_of_a_file_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.dcm").write_text("not DICOM")
    assert "notes.dcm: this is not DICOM" in told(tmp_path / "notes.dcm")
    assert "no such file" in told(tmp_path / "absent")
    scans.save(scans.header("OT", SOPClassUID="1.2.840.10008.1.3.10"), tmp_path / "DICOMDIR")
    assert "only lists files" in told(tmp_path / "DICOMDIR")


@pytest.mark.parametrize("uneven", ["resample"])
def test_what_is_not_resampled_is_told(tmp_path: Path, uneven: str) -> None:
    moved(30, 32, 34, 44, 46)(tmp_path / "gap")
    assert "about 10 mm where others are 2 mm" in told(tmp_path / "gap", uneven=uneven)
    series(tmp_path / "steep", step=(0, 4, 2))
    assert "tilted by 63.4 degrees" in told(tmp_path / "steep", uneven=uneven)
    assert "say refuse or resample" in told(tmp_path / "gap", uneven="perhaps")


@pytest.mark.parametrize(
    ("decoder", "syntax", "name"),
    [
        (RLELosslessDecoder, RLELossless, "RLE Lossless"),
        (JPEGLosslessSV1Decoder, JPEGLosslessSV1, "JPEG Lossless, Non-"),
    ],
)
def test_a_missing_decoder_is_told_with_what_to_install(
    tmp_path: Path, decoder: Any, syntax: scans.UID, name: str
) -> None:
    wrapped(syntax)(tmp_path / "images")
    kept = dict(decoder._available)
    decoder._available.clear()
    try:
        said = told(tmp_path / "images")
    finally:
        decoder._available.update(kept)
    assert f"TransferSyntaxUID (0002,0010) is {name}" in said
    assert 'pip install "synthdiff[jpeg]"' in said


def test_two_orientations_are_no_missing_slices(tmp_path: Path) -> None:
    series(tmp_path)
    series(tmp_path / "other", axes=OBLIQUE)
    assert len(read_volumes(tmp_path)) == 2
