"""Codestreams: how large a picture is by its JPEG, JPEG-LS or JPEG 2000 code, before a decoder is let at it.

Decoders believe the code and not the DICOM header around it: a kilobyte that says 60,000 x 60,000 keeps them busy for
minutes and takes gigabytes.
"""

from __future__ import annotations

import struct

_J2K = b"\xff\x4f\xff\x51"
"""Start of a JPEG 2000 code and of its SIZ segment (ISO/IEC 15444-1, A.5.1)."""

_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
"""JPEG markers of the segment with the size (ISO/IEC 10918-1, B.2.2), and that of JPEG-LS (ISO/IEC 14495-1, C.2.2)."""


def picture_size(code: bytes) -> tuple[int, int] | None:
    """The columns and rows of a picture; ``None`` when it is not in one of these codes.

    Parameters
    ----------
    code : bytes
        The code of one frame.

    Returns
    -------
    tuple of int or None
    """
    if code[:2] == b"\xff\xd8":
        return _jpeg_size(code)
    start = code.find(_J2K)
    if start < 0 or len(code) < start + 24:
        return None
    right, bottom, left, top = struct.unpack_from(">4I", code, start + 8)
    return right - left, bottom - top


def _jpeg_size(code: bytes) -> tuple[int, int] | None:
    place = 2
    while place + 9 <= len(code) and code[place] == 0xFF:
        marker, length = code[place + 1], int.from_bytes(code[place + 2 : place + 4], "big")
        if marker in _FRAMES:
            rows, columns = struct.unpack_from(">2H", code, place + 5)
            return columns, rows
        place += 1 if marker == 0xFF else 2 + max(length, 2)
    return None
