"""CSV: UTF-8 text with a header line, plain or gzipped; the only file that knows how such text is cut into cells."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import pandas as pd

from synthdiff.data.cells import type_cells
from synthdiff.data.format import Format, Loaded, raise_all
from synthdiff.data.spelling import spell_cells, type_like
from synthdiff.errors import DataError, SynthdiffError
from synthdiff.schema import Schema
from synthdiff.schema.declaration import Declaration
from synthdiff.schema.inference import Locate

_BOM = b"\xef\xbb\xbf"
_DELIMITERS = ",;\t"
_SNIFFED = 50
_BLOCK = 2**24


class Csv(Format):
    """Comma-separated values (also semicolons and tabs), UTF-8, with a header; ``.gz`` is compressed.

    An empty cell is a missing one, quoted or not. Written with commas, in a ``.tsv`` with tabs.
    """

    kind: Literal["csv"] = "csv"
    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".csv.gz", ".tsv", ".tsv.gz")

    def load(self, path: Path, declared: Mapping[str, Declaration], like: Schema | None) -> Loaded:
        sheet = _Sheet.open(path)
        words = sheet.words()
        if len(words) < 2:
            found = "no rows" if words.empty else "a single row"
            raise DataError(
                f"the table has {found}", where=path.name, mend="there must be at least two rows below the header"
            )
        known = {} if like is None else {column.name: column for column in like}
        columns: dict[str, pd.Series] = {}
        formats: dict[str, str] = {}
        problems: list[SynthdiffError] = []
        for name in sheet.names:
            try:
                if name in known:
                    columns[name] = type_like(name, words[name], known[name], sheet.locate)
                elif like is None:
                    columns[name], form = type_cells(name, words[name], declared.get(name, Declaration()), sheet.locate)
                    formats |= {} if form is None else {name: form}
            except SynthdiffError as problem:
                problems.append(problem)
        return Loaded(pd.DataFrame(columns), sheet.names, sheet.locate, formats, problems)

    def save(self, parts: Iterable[pd.DataFrame], path: Path, schema: Schema) -> None:
        delimiter = "\t" if path.name.lower().endswith((".tsv", ".tsv.gz")) else ","
        with path.open("wb") as file:
            if path.suffix.lower() == ".gz":
                with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
                    _save(parts, packed, schema, delimiter)
            else:
                _save(parts, file, schema, delimiter)


def read_words(path: Path) -> tuple[pd.DataFrame, Locate]:
    """All cells of a file as text, and what says where a cell stands: the file, its column, row and line.

    Raises
    ------
    DataError
        When the file is no such text, or its rows are of different lengths.
    """
    sheet = _Sheet.open(path)
    return sheet.words(), sheet.locate


def _save(parts: Iterable[pd.DataFrame], file: Any, schema: Schema, delimiter: str) -> None:
    special = re.compile(f'[{delimiter}"\r\n]')
    alone = len(schema.names) == 1

    def quote(text: str, special: re.Pattern[str] = special) -> str:
        # A line with nothing on it is no row, so that a lone empty cell has to be quoted.
        return '"' + text.replace('"', '""') + '"' if special.search(text) or (alone and not text) else text

    # No unquoted name may look as if it were cut by another separator.
    any_separator = re.compile(f'[{_DELIMITERS}"\r\n]')
    header = delimiter.join(quote(name, any_separator) for name in schema.names)
    file.write(f"{header}\n".encode())
    for part in parts:
        cells = [map(quote, spell_cells(part[column.name], column)) for column in schema]
        file.writelines((delimiter.join(row) + "\n").encode() for row in zip(*cells, strict=True))


@dataclass(frozen=True)
class _Sheet:
    """The text of a file, and how it is cut."""

    file: str
    data: bytes
    delimiter: str
    names: list[str]
    start: int
    """Where the line after the header begins."""

    @classmethod
    def open(cls, path: Path) -> _Sheet:
        data = _text(path)
        delimiter = _delimiter(data)
        names, _, lines = next(_records(data, delimiter))
        start = _offset(data, lines)
        _check_names(path.name, names)
        return cls(path.name, data, delimiter, names, start)

    def words(self) -> pd.DataFrame:
        """All cells as text: a frame of str."""
        import pyarrow as pa
        from pyarrow import csv as arrow

        if not self.data[self.start :].strip(b"\r\n"):
            return pd.DataFrame(columns=self.names, dtype="str")
        ragged: list[str] = []

        def skip(row: Any) -> str:
            ragged.append(row.text)
            return "skip"

        labels = [str(place) for place in range(len(self.names))]
        try:
            table = arrow.read_csv(
                pa.BufferReader(pa.py_buffer(self.data).slice(self.start)),
                arrow.ReadOptions(column_names=labels, use_threads=False, block_size=_BLOCK),
                arrow.ParseOptions(delimiter=self.delimiter, newlines_in_values=True, invalid_row_handler=skip),
                arrow.ConvertOptions(column_types=dict.fromkeys(labels, pa.string()), check_utf8=False),
            )
        except pa.ArrowInvalid as error:
            self._refuse_rows()
            raise DataError(
                f"cannot be cut into cells: {error}", where=self.file, mend="export the table again"
            ) from None
        if ragged or self.data.count(b'"') % 2:
            self._refuse_rows()
        if ragged:
            mend = f"every row must have {len(self.names)} cells"
            raise DataError(
                f"a row has another number of cells than the header: {ragged[0][:60]!r}", where=self.file, mend=mend
            )
        frame: pd.DataFrame = table.to_pandas()
        return frame.set_axis(self.names, axis=1)

    def _refuse_rows(self) -> None:
        """Refuse, with their lines, rows that do not have the header's number of cells, and quotes without an end."""
        problems: list[SynthdiffError] = []
        line = 1
        try:
            for cells, begin, end in _records(self.data, self.delimiter, strict=True):
                if len(cells) != len(self.names):
                    found = f"{len(cells)} cell{'s' * (len(cells) != 1)}, the header has {len(self.names)}"
                    mend = "put a cell that contains the separator in double quotes, or complete the row"
                    problems.append(DataError(f"the row has {found}", where=f"{self.file}, line {begin}", mend=mend))
                line = end + 1
        except csv.Error as error:
            what = f"the row cannot be read: {error}"
            problems.append(DataError(what, where=f"{self.file}, line {line}", mend="close the double quotes"))
        raise_all(problems)

    def locate(self, column: str, row: int | None) -> str:
        """Where a column or cell stands: file, column, row below the header, line of the file."""
        where = f"{self.file}, column {column!r}"
        if row is None:
            return where
        line = self._lines.get(row)
        return f"{where}, row {row + 1}" + (f" (line {line})" if line else "")

    @cached_property
    def _lines(self) -> dict[int, int]:
        """The line, counted from 1, on which each row below the header begins, counted from 0."""
        return {row: begin for row, (_, begin, _) in enumerate(_records(self.data, self.delimiter), start=-1)}


def _text(path: Path) -> bytes:
    """The bytes of a file, unpacked, without byte order mark, known to be UTF-8."""
    data = path.read_bytes()
    if path.suffix.lower() == ".gz":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            mend = "the file is damaged or cut short; pack or copy it again"
            raise DataError(f"cannot be unpacked: {error}", where=path.name, mend=mend) from None
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise DataError(
            "this is a spreadsheet, not text", where=path.name, mend="save it as CSV UTF-8 in the spreadsheet program"
        )
    bom = len(_BOM) if data.startswith(_BOM) else 0
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"byte {error.start} (line {line}) is 0x{data[error.start]:02x}, which is not UTF-8"
        raise DataError(
            what, where=path.name, mend="save the file as UTF-8, in spreadsheet programs “CSV UTF-8”"
        ) from None
    if b"\0" in data:
        what = f"byte {data.index(0)} is zero, which is no text"
        raise DataError(what, where=path.name, mend="save the file as UTF-8, in spreadsheet programs “CSV UTF-8”")
    data = data[bom:]
    if not data.strip():
        raise DataError("the file is empty", where=path.name, mend="export the table again")
    return data


def _records(data: bytes, delimiter: str, strict: bool = False) -> Iterator[tuple[list[str], int, int]]:
    """The records of a text, each with its first and last line, counted from 1; blank lines are no records."""
    # The reader's limit guards against a missing quote, which is found out otherwise; a report may well be longer.
    csv.field_size_limit(max(csv.field_size_limit(), len(data)))
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(data), "utf-8", newline=""), delimiter=delimiter, strict=strict)
    done = 0
    for cells in reader:
        if cells:
            yield cells, done + 1, reader.line_num
        done = reader.line_num


def _offset(data: bytes, lines: int) -> int:
    """Where a text goes on after so many lines."""
    text = io.TextIOWrapper(io.BytesIO(data), "utf-8", newline="")
    return sum(len(text.readline().encode()) for _ in range(lines))


def _delimiter(data: bytes) -> str:
    """The separator that cuts the first records into the same number of cells, the most there are."""
    best, most = ",", (0, 0, 0)
    for delimiter in _DELIMITERS:
        counts = [len(cells) for (cells, _, _), _ in zip(_records(data, delimiter), range(_SNIFFED), strict=False)]
        # Of two that cut alike, the one that finds more records: a stray quote swallows all that follow.
        score = (int(len(set(counts)) == 1), counts[0] if counts else 0, len(counts))
        if score[1] > 1 and score > most:
            best, most = delimiter, score
    return best


def _check_names(file: str, names: list[str]) -> None:
    problems: list[SynthdiffError] = []
    empty = [place + 1 for place, name in enumerate(names) if not name.strip()]
    if empty:
        mend = "name them in the header; a first column without a name is often a row number that can go"
        problems.append(
            DataError(f"columns without a name: number {', '.join(map(str, empty[:10]))}", where=file, mend=mend)
        )
    twice = [name for name, times in Counter(names).items() if times > 1 and name.strip()]
    if twice:
        shown = ", ".join(map(repr, twice[:10]))
        problems.append(
            DataError(f"several columns are called {shown}", where=file, mend="give every column a name of its own")
        )
    if not empty and all(re.fullmatch(r"\s*[+-]?[0-9.]+\s*", name) for name in names):
        mend = "put a line with the names of the columns on top"
        problems.append(
            DataError(
                f"the first line holds only numbers ({names[0]}, …): the header is missing", where=file, mend=mend
            )
        )
    raise_all(problems)
