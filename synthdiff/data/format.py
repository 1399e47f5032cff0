"""Formats: how tables are read from files, with their schema, and written so that they come back as they were."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from synthdiff.errors import DataError, SchemaError, SynthdiffError
from synthdiff.parts import Part
from synthdiff.schema import Schema
from synthdiff.schema.declaration import Declaration, declarations, unknown_columns
from synthdiff.schema.inference import Locate, survey

Columns = Mapping[str, Mapping[str, Any] | Declaration]

SHOWN = 10
"""So many problems of a file are told at once."""

PART = 65_536
"""So many rows are written at a time, however many are given at a time."""


@dataclass(frozen=True)
class Loaded:
    """What a format found in a file.

    Attributes
    ----------
    frame : DataFrame
        The typed columns.
    names : list of str
        All columns of the file.
    locate : Locate
        Says where a cell of the file stands.
    formats : dict of str to str
        By column: how its cells are written, where that is not the default.
    problems : list of SynthdiffError
        What is wrong with columns; these are not in ``frame``.
    """

    frame: pd.DataFrame
    names: list[str]
    locate: Locate
    formats: dict[str, str] = field(default_factory=dict)
    problems: list[SynthdiffError] = field(default_factory=list)


class Format(Part):
    """The family of table formats; a member loads and saves, reading and writing are the same for all.

    ``suffixes`` are the endings of file names by which a format is chosen.
    """

    suffixes: ClassVar[tuple[str, ...]]

    def load(self, path: Path, declared: Mapping[str, Declaration], like: Schema | None) -> Loaded:
        """Load a file that exists.

        Parameters
        ----------
        path : Path
            The file.
        declared : mapping of column names to Declaration
            What is known of columns.
        like : Schema or None
            The columns that are known wholly.

        Raises
        ------
        DataError
            When the file is not in this format or holds no table.
        """
        raise NotImplementedError

    def save(self, parts: Iterable[pd.DataFrame], path: Path, schema: Schema) -> None:
        """Save a table to a new file.

        Parameters
        ----------
        parts : iterable of DataFrame
            At least one; of :data:`PART` rows each but for the last, which may have fewer, or none when it is alone.
        path : Path
            The file.
        schema : Schema
            The columns to be saved, in order.
        """
        raise NotImplementedError

    def write(self, frame: pd.DataFrame, path: str | Path, schema: Schema) -> None:
        """Write a table whose columns are the schema's, so that reading gives it back; same table, same bytes."""
        self.write_batches([frame], path, schema)

    def write_batches(self, frames: Iterable[pd.DataFrame], path: str | Path, schema: Schema) -> None:
        """Write a table that comes in pieces, without ever holding more than :data:`PART` rows and a piece.

        The file has the bytes that :meth:`write` gives the whole table. It gets its name when it is complete: whatever
        ends the writing before, a file that was there stays as it was.

        Parameters
        ----------
        frames : iterable of DataFrame
            At least one, all with the same dtypes.
        path : str or Path
            The file.
        schema : Schema
            What the columns are.
        """
        path = Path(path).resolve()
        temporary = path.with_name(f".{secrets.token_hex(8)}.{path.name}")
        try:
            self.save(_parts(frames), temporary, schema)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def read(
        self, path: str | Path, columns: Columns | None = None, like: Schema | None = None
    ) -> tuple[pd.DataFrame, Schema]:
        """Read a table and say what its columns are.

        Parameters
        ----------
        path : str or Path
            The file.
        columns : mapping of column names to declarations, optional
            What inference must not decide; see :meth:`synthdiff.schema.Schema.infer`.
        like : Schema, optional
            The schema of another table that this one is to be compared with: its columns are read and typed in its
            way and order, as far as the cells allow, and nothing is inferred.

        Returns
        -------
        frame : DataFrame
            With a fresh index.
        schema : Schema
            The inferred one, or ``like``.

        Raises
        ------
        DataError
            With everything that is wrong with the file and its cells, at most :data:`SHOWN` problems of it.
        SchemaError
            When what is declared is unknown or contradicts the data.
        """
        path, declared = Path(path), declarations(columns or {})
        check_file(path)
        loaded = self.load(path, declared, like)
        if like is not None:
            raise_all([*_absent(loaded, like, path), *loaded.problems])
            return loaded.frame[list(like.names)], like
        known = {name: said for name, said in declared.items() if name in loaded.frame.columns}
        found, contradictions = survey(loaded.frame, known, loaded.locate) if len(loaded.frame.columns) else ([], [])
        raise_all([*unknown_columns(declared, loaded.names), *loaded.problems, *contradictions])
        formats = loaded.formats
        spelt = [column.model_copy(update={"format": formats.get(column.name, column.format)}) for column in found]
        return loaded.frame, Schema(columns=tuple(spelt))


def _parts(frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """The same rows in frames of :data:`PART` rows; a table without rows is one frame without any."""
    waiting: list[pd.DataFrame] = []
    held = 0
    for frame in frames:
        rest = frame
        while held + len(rest) > PART:
            yield pd.concat([*waiting, rest.iloc[: PART - held]], ignore_index=True)
            waiting, held, rest = [], 0, rest.iloc[PART - held :]
        waiting.append(rest)
        held += len(rest)
    yield pd.concat(waiting, ignore_index=True)


def _absent(loaded: Loaded, like: Schema, path: Path) -> list[DataError]:
    return [
        DataError(f"there is no column {name!r}", where=path.name, mend="both tables must have the same columns")
        for name in like.names
        if name not in loaded.names
    ]


def raise_all(problems: Sequence[SynthdiffError]) -> None:
    """Raise all problems as one error, if there are any; at most :data:`SHOWN` are told."""
    if not problems:
        return
    family = SchemaError if all(isinstance(problem, SchemaError) for problem in problems) else DataError
    more = len(problems) - SHOWN
    if more > 0:
        problems = [*problems[:SHOWN], DataError(f"and {more:,} more")]
    raise family.together(problems)


def check_file(path: Path) -> None:
    """Refuse, with a :class:`DataError`, a path that is no file or an empty one."""
    if path.is_dir():
        raise DataError("this is a folder, expected a file", where=str(path), mend="name the table in it")
    if not path.is_file():
        raise DataError("there is no such file", where=str(path), mend="check the path and the spelling")
    if path.stat().st_size == 0:
        raise DataError("the file is empty", where=path.name, mend="export the table again")


def format_of(path: str | Path) -> Format:
    """The format of a file, by the ending of its name."""
    name = Path(path).name.lower()
    for member in Format.members.values():
        if name.endswith(member.suffixes):
            return member()
    known = ", ".join(suffix for member in Format.members.values() for suffix in member.suffixes)
    raise DataError("the ending of the file's name is not known", where=str(path), mend=f"save it as one of {known}")


def read_table(
    path: str | Path, columns: Columns | None = None, like: Schema | None = None
) -> tuple[pd.DataFrame, Schema]:
    """Read a table and say what its columns are, by the format that the file's name tells; see :meth:`Format.read`."""
    check_file(Path(path))
    return format_of(path).read(path, columns, like)


def write_table(frame: pd.DataFrame, path: str | Path, schema: Schema) -> None:
    """Write a table in the format that the file's name tells; see :meth:`Format.write`."""
    format_of(path).write(frame, path, schema)
