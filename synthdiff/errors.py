"""The one family of exceptions that synthdiff raises on purpose.

Every error says *what* was found, *where* it was found and *how to mend it*. The command line prints these three and
exits with status 2; nothing in this family ever reaches a user as a traceback.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class SynthdiffError(Exception):
    """A mistake that its reader can mend.

    Parameters
    ----------
    what : str
        What was found, and what was expected instead, in one sentence.
    where : str
        The file, column, row or key concerned, for example ``"heart.csv, column 'age', row 17"``.
    mend : str
        What to do next, as an instruction.
    """

    def __init__(self, what: str, *, where: str = "", mend: str = "") -> None:
        self.what = what
        self.where = where
        self.mend = mend
        super().__init__(str(self))

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}\n  {self.mend}" if self.mend else head

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.what, self.where, self.mend))

    @classmethod
    def together(cls, problems: Iterable[SynthdiffError]) -> SynthdiffError:
        """Fold several problems into one error of this class, so that a reader sees all of them at once."""
        several = list(problems)
        if len(several) == 1:
            return cls(several[0].what, where=several[0].where, mend=several[0].mend)
        listed = "\n".join(f"- {problem}" for problem in several)
        return cls(f"{len(several)} problems\n{listed}")


def _rebuild(kind: type[SynthdiffError], what: str, where: str, mend: str) -> SynthdiffError:
    return kind(what, where=where, mend=mend)


@contextmanager
def about(file: str) -> Iterator[None]:
    """Name the file in what is found wrong with its content."""
    try:
        yield
    except SynthdiffError as error:
        name = Path(file).name
        if name in str(error):
            raise
        raise type(error)(error.what, where=", ".join(filter(None, (name, error.where))), mend=error.mend) from None


class DataError(SynthdiffError):
    """A table or file that cannot be used as it is."""


class SchemaError(SynthdiffError):
    """A schema that contradicts itself or the data it describes."""


class RecipeError(SynthdiffError):
    """A recipe with an unknown key, a value of the wrong type or parts that do not go together."""


class ModelError(SynthdiffError):
    """A generator that is not fitted, cannot be read, or is asked for what it cannot give."""


class AuditError(SynthdiffError):
    """An audit that cannot be carried out on what it was given."""


class ReleaseError(SynthdiffError):
    """A release that cannot be written, found or read back."""


class TrackingError(SynthdiffError):
    """A tracking store that cannot be reached or does not hold what was asked for."""
