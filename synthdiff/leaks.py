"""Leaks: what must not leave the house with a release, and the search for it.

Two kinds of trace are looked for: those of this machine (folders, account, host name) and values that name real
persons, in all of every file that can hold text, unpacked. Voxels and compressed bytes are passed over.
"""

from __future__ import annotations

import getpass
import gzip
import html
import json
import re
import socket
import struct
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from synthdiff.errors import ReleaseError

PIXELS = rb"\xe0\x7f\x10\x00(?:OB|OW)\x00\x00"
"""How the element of a DICOM object begins that holds its pixels, in the byte order in which all are written."""


def search(
    files: Iterable[tuple[str, Path]], *, folders: Collection[Path] = (), forbidden: Collection[str] = ()
) -> list[ReleaseError]:
    """Search files for traces of this machine and of real persons.

    Parameters
    ----------
    files : iterable of (str, Path)
        Each file's name, for the message, and its path.
    folders : collection of Path
        Folders that must not be named, beside the home, working and temporary ones: the recipe's, the data's.
    forbidden : collection of str
        Real identifiers, searched as whole words in text, JSON, HTML, CSV and inside Parquet and gzip. Those of
        fewer than 6 characters, or of fewer than 8 digits and nothing else, are not searched: values as short
        as that occur in any table by chance.

    Returns
    -------
    list of ReleaseError
        One a file and kind of leak, never with the value itself. Empty when there is no leak.
    """
    traces = _traces(folders)
    words = _words(forbidden)
    return [
        ReleaseError(
            f"a release must not name {what}", where=name, mend="find out what writes it there; nothing was published"
        )
        for name, path in files
        for what in _leaks(path, traces, words)
    ]


def _traces(folders: Collection[Path]) -> list[tuple[str, re.Pattern[bytes]]]:
    """What must not be named about this machine, each with the pattern that finds it in raw bytes."""
    own = {
        "the home folder": Path.home(),
        "the working folder": Path.cwd(),
        "the temporary folder": Path(tempfile.gettempdir()),
    }
    named = [*own.items(), *(("a folder of this machine", folder) for folder in folders)]
    traces = []
    for what, folder in named:
        for path in {str(folder.absolute()), str(folder.resolve())} - {folder.absolute().anchor}:
            # As HTML, JSON and URLs write it.
            spellings = {path, html.escape(path), json.dumps(path)[1:-1], quote(path)}
            either = b"|".join(re.escape(spelling.encode()) for spelling in sorted(spellings))
            traces.append((what, re.compile(rb"(?<![\w.<-])(?:%s)(?![\w-])" % either)))
    with suppress(OSError, KeyError, ImportError):
        # Many a user is called as a word that a report may well use ("will", "age"): an account is known by its place.
        user = re.escape(getpass.getuser().encode())
        traces.append(
            ("the user's account", re.compile(rb"(?:home/|[Uu]sers[/\\]+)%s(?!\w)|(?<![\w.-])%s@" % (user, user)))
        )
    host = socket.gethostname()
    sign = rb"(?<!\w)" if _distinctive(host) and not host.isalpha() else rb"(?:@|//)"
    traces.append(("the name of this machine", re.compile(sign + re.escape(host.encode()) + rb"(?!\w)")))
    return traces


def _distinctive(value: str) -> bool:
    return len(value) >= (8 if value.isdecimal() else 6)


def _words(forbidden: Collection[str]) -> Callable[[str], bool] | None:
    """A search for any of many values as whole words: a text is split once, however many values there are."""
    parts = {value: frozenset(re.findall(r"\w+", value)) for value in forbidden if _distinctive(value)}
    if not parts:
        return None

    def found(text: str) -> bool:
        words = set(re.findall(r"\w+", text))
        possible = (value for value, needed in parts.items() if needed <= words)
        return any(re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text) for value in possible)

    return found


def _leaks(
    path: Path, traces: list[tuple[str, re.Pattern[bytes]]], words: Callable[[str], bool] | None
) -> Iterator[str]:
    readable = _readable(path.read_bytes())
    found = {what for what, pattern in traces if pattern.search(readable)}
    for text in _texts(path, readable):
        unpacked = text.encode()
        found |= {what for what, pattern in traces if pattern.search(unpacked)}
        if words is not None and words(text):
            found.add("a real identifier")
    yield from sorted(found)


def _readable(raw: bytes) -> bytes:
    """What of a file is text or may hold some: among a million compressed bytes, or voxels, any short name stands by
    chance.

    Of gzip its header and what it unpacks to; of NIfTI and DICOM what stands before the voxels; of Parquet the footer.
    """
    if raw[:2] == b"\x1f\x8b":
        return raw[: _gzip_header(raw)] + b"\n" + _readable(gzip.decompress(raw))
    if raw[344:348] == b"n+1\0":
        return raw[: int(struct.unpack_from("<f", raw, 108)[0])]
    if raw[128:132] == b"DICM":
        return re.split(PIXELS, raw, maxsplit=1)[0]
    if raw[:4] == raw[-4:] == b"PAR1":
        return raw[-8 - int.from_bytes(raw[-8:-4], "little") :]
    return raw


def _gzip_header(raw: bytes) -> int:
    """Where the header ends, which may have an extra field, a name and a comment (RFC 1952)."""
    flags, end = raw[3], 10
    if flags & 4:
        end += 2 + int.from_bytes(raw[end : end + 2], "little")
    for flag in (8, 16):
        end = raw.index(b"\0", end) + 1 if flags & flag else end
    return end


def _texts(path: Path, readable: bytes) -> Iterator[str]:
    """A file's content as text, unpacked, so that values can be found in it."""
    if path.suffix == ".parquet":
        yield from _cells(path)
        return
    text = readable.decode(errors="replace")
    if path.suffix == ".html":
        text = html.unescape(text)
    elif path.suffix == ".json":
        with suppress(ValueError):
            text = "\n".join(_strings(json.loads(text)))
    yield text


def _strings(content: object) -> Iterator[str]:
    if isinstance(content, dict):
        content = [*content.keys(), *content.values()]
    if isinstance(content, list):
        for part in content:
            yield from _strings(part)
    else:
        yield str(content)


def _cells(path: Path) -> Iterator[str]:
    """The distinct cells of a Parquet file's columns of text and of whole numbers, a batch at a time."""
    from pyarrow import parquet, types

    for batch in parquet.ParquetFile(path).iter_batches():
        for column in batch.columns:
            values = column.unique()
            kind = values.type.value_type if types.is_dictionary(values.type) else values.type
            if types.is_string(kind) or types.is_large_string(kind) or types.is_integer(kind):
                yield "\n".join(str(value) for value in values.to_pylist())
