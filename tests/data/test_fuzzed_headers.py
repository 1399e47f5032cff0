"""Whatever stands in a file, reading it ends soon, with volumes or with an error of ours, and never with another."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from pydicom.datadict import tag_for_keyword
from pydicom.uid import RLELossless

from synthdiff.data import header_concerns, read_volumes
from synthdiff.errors import SynthdiffError
from synthdiff.voxels import Volume
from tests.data import scans

LONGEST = 5.0
"""Seconds of the processor that one case may take; the clock would measure the neighbours."""

CASES = {"quick": 60, "slow": 2_000}
"""For each kind of file; there are five of them."""

KEYWORDS = (
    *(
        "Rows",
        "Columns",
        "NumberOfFrames",
        "SamplesPerPixel",
        "PhotometricInterpretation",
        "BitsAllocated",
        "BitsStored",
    ),
    *("HighBit", "PixelRepresentation", "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "Modality"),
    *("RescaleSlope", "RescaleIntercept", "PatientID", "SeriesInstanceUID", "ImageType", "SOPClassUID", "PixelData"),
    *("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence", "SpecificCharacterSet", "PatientName"),
    *("PixelPaddingValue", "ModalityLUTSequence", "TransferSyntaxUID", "PlanePositionSequence", "FrameType"),
)

NUMBERS = (
    "0",
    "-1",
    "1e308",
    "-1e-320",
    "nan",
    "inf",
    "1e400",
    "",
    "\\",
    "1\\2\\3",
    "9" * 40,
    "x",
    "0x10",
    "1,5",
    "\0",
)
TYPES = (b"US", b"SS", b"UL", b"FD", b"DS", b"IS", b"LO", b"SQ", b"OB", b"OW", b"UN", b"AT", b"PN", b"UI", b"UR", b"??")
LENGTHS = (0, 1, 3, 0xFFFF, 0xFFFF_FFFF, 0x7FFF_FFFF, 0xFFFF_FFFE)

Change = Callable[[bytearray], None]


def overwrite(place: float, content: bytes) -> Change:
    def change(data: bytearray) -> None:
        start = int(place * len(data))
        data[start : start + len(content)] = content

    return change


def cut(share: float) -> Change:
    return lambda data: data.__delitem__(slice(int(share * len(data)), None))


def repeat(place: float, length: int, times: int) -> Change:
    def change(data: bytearray) -> None:
        start = int(place * len(data))
        data[start:start] = bytes(data[start : start + length]) * times

    return change


def at_element(keyword: str, skip: int, content: bytes) -> Change:
    """Write bytes over an element: ``skip`` 4 is its type, 6 its length, 8 its value."""
    number = tag_for_keyword(keyword) or 0
    head = (number >> 16).to_bytes(2, "little") + (number & 0xFFFF).to_bytes(2, "little")

    def change(data: bytearray) -> None:
        start = data.find(head, 132)
        if start >= 0:
            data[start + skip : start + skip + len(content)] = content

    return change


def nest(depth: int) -> Change:
    """Put sequences in sequences behind the header's first element."""
    item = b"\x40\x00\x75\x02SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"

    def change(data: bytearray) -> None:
        data[-40:-40] = item * depth

    return change


PLACES = st.floats(0, 1, exclude_max=True)
CHANGES: st.SearchStrategy[Change] = st.one_of(
    st.builds(overwrite, PLACES, st.binary(min_size=1, max_size=8)),
    st.builds(cut, PLACES),
    st.builds(repeat, PLACES, st.integers(1, 400), st.integers(1, 50)),
    st.builds(at_element, st.sampled_from(KEYWORDS), st.just(4), st.sampled_from(TYPES)),
    st.builds(
        at_element,
        st.sampled_from(KEYWORDS),
        st.just(6),
        st.builds(int.to_bytes, st.sampled_from(LENGTHS), st.just(4), st.just("little")),
    ),
    st.builds(at_element, st.sampled_from(KEYWORDS), st.just(8), st.sampled_from([text.encode() for text in NUMBERS])),
    st.builds(at_element, st.sampled_from(KEYWORDS), st.just(8), st.binary(min_size=1, max_size=16)),
    st.builds(nest, st.sampled_from([1, 50, 3_000])),
)


def classic(folder: Path) -> Path:
    return scans.write(scans.slices(scans.stored((8, 6, 3)), PixelPaddingValue=4000), folder)


def implicit(folder: Path) -> Path:
    return scans.write(scans.slices(scans.stored((8, 6, 3))), folder, scans.UID("1.2.840.10008.1.2"))


def packed(folder: Path) -> Path:
    several = [scans.packed(one, RLELossless) for one in scans.slices(scans.stored((8, 6, 3)))]
    return scans.write(several, folder, RLELossless)


def enhanced(folder: Path) -> Path:
    return scans.save(scans.enhanced(scans.stored((8, 6, 3))), folder / "all.dcm").parent


def nifti(folder: Path) -> Path:
    return scans.scan(folder / "knee.nii", np.arange(60, dtype=np.int16).reshape(3, 4, 5)).parent


Read = Callable[[Path], Sequence[Volume | str]]


def resampled(path: Path) -> list[Volume]:
    return read_volumes(path, uneven="resample")


def check(source: Path, folder: Path, spoilt: int, changes: list[Change], read: Read) -> None:
    """Read a spoilt copy of a folder."""
    files = sorted(source.iterdir())
    for number, file in enumerate(files):
        data = bytearray(file.read_bytes())
        for change in changes if number == spoilt % len(files) else ():
            change(data)
        (folder / file.name).write_bytes(data)
    begun = time.process_time()
    try:
        with warnings.catch_warnings(action="error"):
            found = read(folder)
        assert all(isinstance(one, Volume | str) for one in found)
    except SynthdiffError as error:
        assert error.what
        assert error.mend
        assert error.where
    assert time.process_time() - begun < LONGEST


def run(make: Callable[[Path], Path], tmp_path: Path, cases: int) -> None:
    source, folder = make(tmp_path / "source"), tmp_path / "spoilt"
    folder.mkdir()

    @settings(max_examples=cases, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(
        spoilt=st.integers(0, 5),
        changes=st.lists(CHANGES, min_size=1, max_size=3),
        read=st.sampled_from([read_volumes, resampled, header_concerns]),
    )
    def read_all(spoilt: int, changes: list[Change], read: Read) -> None:
        check(source, folder, spoilt, changes, read)

    read_all()


KINDS = [classic, implicit, packed, enhanced, nifti]


@pytest.mark.parametrize("make", KINDS)
def test_a_spoilt_file_gives_volumes_or_an_error_that_helps(make: Callable[[Path], Path], tmp_path: Path) -> None:
    run(make, tmp_path, CASES["quick"])


@pytest.mark.slow
@pytest.mark.parametrize("make", KINDS)
def test_ten_thousand_spoilt_files(make: Callable[[Path], Path], tmp_path: Path) -> None:
    run(make, tmp_path, CASES["slow"])


@pytest.mark.parametrize("make", KINDS)
def test_the_files_that_are_spoilt_are_whole_before(make: Callable[[Path], Path], tmp_path: Path) -> None:
    assert len(read_volumes(make(tmp_path / "source"))) == 1
