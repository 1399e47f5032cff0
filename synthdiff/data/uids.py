"""Unique identifiers for DICOM objects that are the same whenever the same release is written."""

from __future__ import annotations

import hashlib
import json
import uuid


def uid(origin: str, kind: str, *place: str | int) -> str:
    """Derive a unique identifier from what an object belongs to, what it is, and its place there.

    Parameters
    ----------
    origin : str
        The release that the object belongs to, or the identifier of the object from which it is made.
    kind : str
        What is identified: ``"study"``, ``"series"``, ``"instance"``.
    *place : str or int
        Which one it is: the patient, the number of the series, the number of the slice. ``1`` and ``"1"`` differ.

    Returns
    -------
    str
        ``2.25.`` and a UUID as a decimal number (DICOM PS3.5, B.2): at most 44 of the 64 characters that there may be.
        The UUID is of version 8 (RFC 9562, 5.8), its free bits those of a SHA-256.

    Examples
    --------
    >>> uid("hippocampus/3", "study", "SYNTH-000001")
    '2.25.…'
    """
    digest = hashlib.sha256(json.dumps([origin, kind, *place]).encode()).digest()
    number = int.from_bytes(digest[:16], "big")
    number = number & ~(0xF << 76) | 0x8 << 76  # version
    number = number & ~(0x3 << 62) | 0x2 << 62  # variant
    return f"2.25.{uuid.UUID(int=number).int}"
