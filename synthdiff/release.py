"""Release: one folder, written once, that may leave the house and can be verified wherever it arrives.

A release is built in a hidden folder beside its destination, searched for traces of this machine and of real persons,
flushed to the disk and renamed. The rename is the only moment at which it becomes visible, so a kill leaves either
nothing or the whole release. What is known about a file afterwards stands in ``manifest.json``: its size and SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any, Self

from synthdiff import leaks
from synthdiff.errors import ReleaseError

FORMAT = "synthdiff-release/1"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"

_STAGING = ".staging-"
_RECORDS = "data/records.parquet"


@dataclass(frozen=True)
class File:
    """What the manifest says about one file: its length in bytes and its SHA-256."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Problem:
    """One way in which a folder differs from its manifest."""

    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


@dataclass(frozen=True)
class Release:
    """A release as its manifest describes it.

    Attributes
    ----------
    path : Path
        The folder.
    name : str
        The recipe's name.
    number : int
        Counts the releases of one name, from 1.
    recipe_sha256 : str
        Of the recipe that made it.
    dataset_sha256 : str
        Of ``data/records.parquet``, or of the list of the data files' hashes where there is no such file.
    files : mapping of str to File
        By relative POSIX path; all but the manifest and its signature.
    """

    path: Path
    name: str
    number: int
    recipe_sha256: str
    dataset_sha256: str
    files: Mapping[str, File]

    def verify(self) -> list[Problem]:
        """Recompute every hash and compare the folder with its manifest; an empty list means that all holds."""
        problems = []
        found = {}
        for name, path in _walk(self.path):
            if path.is_symlink():
                problems.append(Problem(name, "is a symbolic link; a release holds plain files only"))
            elif not stat.S_ISREG(path.lstat().st_mode):
                problems.append(Problem(name, "is not a plain file"))
            elif name not in (MANIFEST, SIGNATURE):
                found[name] = _file(path)
        refused = {problem.path for problem in problems}
        for name, said in self.files.items():
            if name in found:
                if found[name] != said:
                    problems.append(Problem(name, _difference(said, found[name])))
            elif name not in refused:
                problems.append(Problem(name, "is missing"))
        problems += [Problem(name, "is not in the manifest") for name in found if name not in self.files]
        if _dataset_sha256(self.files) != self.dataset_sha256:
            problems.append(Problem(MANIFEST, "names a dataset hash that does not follow from its files"))
        return sorted(problems, key=lambda problem: problem.path)


def open_release(path: Path) -> Release:
    """Read a release's manifest; the files are looked at by :meth:`Release.verify`.

    Raises
    ------
    ReleaseError
        When there is no manifest, or it is not one of ours.
    """
    where = str(path / MANIFEST)
    mend = "give the folder that `synthdiff run` printed, for example releases/heart-failure/3"
    try:
        said = json.loads((path / MANIFEST).read_bytes())
    except OSError:
        raise ReleaseError("the folder holds no manifest, so it is not a release", where=str(path), mend=mend) from None
    except ValueError:
        raise ReleaseError("the manifest is not JSON", where=where, mend=mend) from None
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise ReleaseError(f"the manifest is not in the form {FORMAT}", where=where, mend=mend)
    try:
        files = {str(name): File(int(file["bytes"]), str(file["sha256"])) for name, file in said["files"].items()}
        known = {key: str(said[key]) for key in ("name", "recipe_sha256", "dataset_sha256")}
        return Release(path, number=int(said["number"]), files=files, **known)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReleaseError(f"the manifest lacks or mistypes {error}", where=where, mend=mend) from None


def next_number(folder: Path) -> int:
    """The number of the next release in ``folder``: one more than the highest there."""
    taken = [int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal()] if folder.is_dir() else []
    return max(taken, default=0) + 1


class Staging:
    """A release in the making: a hidden folder beside its destination.

    Parameters
    ----------
    parent : Path
        The folder in which the release will stand, for example ``releases/heart-failure``. Made when missing.
        Staging folders that killed processes left there are removed.

    Examples
    --------
    >>> with Staging(Path("releases/heart-failure")) as staging:         # doctest: +SKIP
    ...     staging.write("data/records.parquet", frame.to_parquet)
    ...     staging.add("README.md", card)
    ...     release = staging.publish(3, name="heart-failure", recipe_sha256=recipe_sha256)
    """

    def __init__(self, parent: Path) -> None:
        try:
            parent.mkdir(parents=True, exist_ok=True)
            _sweep(parent)
            self._folder = parent / (_STAGING + secrets.token_hex(8))
            self._folder.mkdir()
            self._lock: int | None = hold(self._folder)
        except OSError as error:
            raise ReleaseError(
                f"no release can be written here: {error.strerror}",
                where=str(parent),
                mend="choose another place with --out, or make room and allow writing",
            ) from None
        self._parent = parent

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.discard()

    def add(self, name: str, content: bytes | str) -> None:
        """Add a file; text is written as UTF-8."""
        self._place(name).write_bytes(content.encode() if isinstance(content, str) else content)

    def add_json(self, name: str, content: Any) -> None:
        """Add a JSON file with sorted keys, so that the same content gives the same bytes."""
        self.add(name, _json(content))

    def write(self, name: str, writer: Callable[[Path], object]) -> None:
        """Let ``writer`` write a file, or a folder of files, at the path that it is given."""
        writer(self._place(name))

    def files(self, under: str = "") -> dict[str, File]:
        """What is staged so far below the folder ``under``, by name, as the manifest will state it."""
        root = f"{under}/" if under else ""
        return {n: _file(path) for n, path in self._plain() if n.startswith(root) and n not in (MANIFEST, SIGNATURE)}

    def dataset_sha256(self) -> str:
        """The dataset's SHA-256, as the manifest will state it: known as soon as the data files are added."""
        return _dataset_sha256(self.files(under="data"))

    def scan(self, *, folders: Collection[Path] = (), forbidden: Collection[str] = ()) -> None:
        """Search every file for traces of this machine and of real persons; :meth:`publish` does so too.

        Parameters
        ----------
        folders, forbidden : collections of Path and str
            What must not occur, as for :func:`synthdiff.leaks.search`.

        Raises
        ------
        ReleaseError
            Names every file with a leak and the kind of leak, never the value.
        """
        found = leaks.search(self._plain(), folders=folders, forbidden=forbidden)
        if found:
            raise ReleaseError.together(found)

    def publish(
        self,
        number: int,
        *,
        name: str,
        recipe_sha256: str,
        folders: Collection[Path] = (),
        forbidden: Collection[str] = (),
    ) -> Release:
        """Write the manifest, search for leaks, flush all to the disk and rename the folder to its number.

        Parameters
        ----------
        number : int
            The name that the folder gets.
        name, recipe_sha256 : str
            For the manifest.
        folders, forbidden : collections of Path and str
            What must not occur, as for :func:`synthdiff.leaks.search`.

        Raises
        ------
        ReleaseError
            When a file leaks or is no plain file, or the destination exists. Then nothing is published.
        """
        destination = self._parent / str(number)
        files = self.files()
        dataset_sha256 = _dataset_sha256(files)
        manifest = {
            "format": FORMAT,
            "name": name,
            "number": number,
            "recipe_sha256": recipe_sha256,
            "dataset_sha256": dataset_sha256,
            "files": {path: {"bytes": file.bytes, "sha256": file.sha256} for path, file in files.items()},
        }
        self.add_json(MANIFEST, manifest)
        self.scan(folders=folders, forbidden=forbidden)
        for _, path in self._plain():
            _flush(path)
        for folder in [*(path for path in self._folder.rglob("*") if path.is_dir()), self._folder]:
            _flush(folder)
        _rename(self._folder, destination)
        _flush(self._parent)
        return Release(destination, name, number, recipe_sha256, dataset_sha256, files)

    def discard(self) -> None:
        """Remove what was staged; after :meth:`publish` there is nothing to remove."""
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _place(self, name: str) -> Path:
        relative = PurePosixPath(name)
        if not relative.parts or relative.is_absolute() or ".." in relative.parts:
            raise ReleaseError("a file's name must lead to a place inside the release", where=repr(name))
        path = self._folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _plain(self) -> Iterator[tuple[str, Path]]:
        for name, path in _walk(self._folder):
            if not stat.S_ISREG(path.lstat().st_mode):
                raise ReleaseError("a release holds plain files only, no links", where=name)
            yield name, path


def packages() -> dict[str, str]:
    """The exact versions of synthdiff and of the packages that it requires, in alphabetical order."""
    required = (line for line in metadata.requires("synthdiff") or () if "extra ==" not in line)
    names = {"synthdiff", *(re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in required)}
    return {name: metadata.version(name) for name in sorted(names, key=str.lower)}


def environment_text() -> str:
    """What made a release, as requirement lines: exact versions and the family of the platform, no host, no path."""
    made_on = (
        f"# {platform.python_implementation()} {platform.python_version()}, {platform.system()} {platform.machine()}"
    )
    return "\n".join([made_on, *(f"{name}=={version}" for name, version in packages().items())]) + "\n"


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """Everything below a folder that is not itself a folder, in the order of the names; links are not followed."""
    paths = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    yield from sorted((path.relative_to(folder).as_posix(), path) for path in paths)


def _file(path: Path) -> File:
    with path.open("rb") as stream:
        return File(path.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest())


def _dataset_sha256(files: Mapping[str, File]) -> str:
    if _RECORDS in files:
        return files[_RECORDS].sha256
    listed = "".join(f"{files[name].sha256}  {name}\n" for name in sorted(files) if name.startswith("data/"))
    return hashlib.sha256(listed.encode()).hexdigest()


def _difference(said: File, found: File) -> str:
    if said.bytes != found.bytes:
        return f"was changed: {found.bytes:,} bytes where the manifest says {said.bytes:,}"
    return f"was changed: SHA-256 {found.sha256[:12]}… where the manifest says {said.sha256[:12]}…"


def _rename(folder: Path, destination: Path) -> None:
    taken = os.path.lexists(destination)
    if not taken:
        try:
            # Renaming onto a folder with content fails, so of two processes only the first can publish.
            folder.rename(destination)
            return
        except OSError:
            taken = os.path.lexists(destination)
            if not taken:
                raise
    raise ReleaseError(
        "there is a release already, and a release is never overwritten",
        where=str(destination),
        mend="run again: the next free number is taken",
    )


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def hold(folder: Path) -> int:
    """Hold a folder until the descriptor is closed or the process ends, however it ends; raises OSError when held."""
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _sweep(parent: Path) -> None:
    """Remove the staging folders that no living process holds: unjudged data must not lie about."""
    for folder in parent.glob(_STAGING + "*"):
        with suppress(OSError):
            descriptor = hold(folder)
            shutil.rmtree(folder)
            os.close(descriptor)
