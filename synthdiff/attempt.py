"""Attempt: the folder in which a run keeps what it has done so far, so that a run that was killed can go on.

It is private: it holds the model and synthetic records that no gate has judged. When the run ends, only a note of how
it ended stays, by which a resumption that comes too late knows that there is nothing left to do.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from synthdiff.errors import ReleaseError
from synthdiff.generator import FACTS, Generator, load
from synthdiff.progress import Progress
from synthdiff.release import hold

FOLDER = ".attempt"
CUSTODIANS = ".custodian"
"""Where the pages with real records stay: beside the releases and in none of them."""

STATE, ANSWER, CUSTODIAN = "state.json", "answer.json", "custodian.html"

Model = TypeVar("Model", bound=Generator)


class Attempt:
    """An attempt at a release, held by one process at a time.

    Attributes
    ----------
    releases : Path
        The folder of the releases of this name.
    folder : Path
        The attempt's own folder in it.
    resumed : bool
        Whether it goes on with an interrupted one.
    ending : dict or None
        How the attempt that is to be resumed had ended already: ``accepted``, ``folder``, ``number`` and ``answer``.
    """

    def __init__(self, releases: Path, identity: Mapping[str, str], resume: bool, progress: Progress) -> None:
        self.releases = releases
        self.folder = releases / FOLDER
        self._made = [folder for folder in (releases, *releases.parents) if not folder.exists()]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ReleaseError(
                f"no release can be written here: {error.strerror}",
                where=str(releases),
                mend="choose another place with --out, or make room and allow writing",
            ) from None
        self._lock = _hold(self.folder)
        try:
            self._take_up(_read(self.folder / STATE), dict(identity), resume, progress)
        except BaseException:
            os.close(self._lock)
            raise

    def _take_up(
        self, state: dict[str, Any] | None, identity: dict[str, str], resume: bool, progress: Progress
    ) -> None:
        """Go on with what is there, or clear it away and begin."""
        self.ending = self._ending(state, identity) if resume and state is not None else None
        if self.ending is not None:
            progress.note("this attempt had ended already, and its outcome stands; without --resume another is made")
        unfinished = state is not None and "ended" not in state
        self.resumed = resume and unfinished
        if state is not None and (self.resumed or self.ending is not None):
            self._agree(state["identity"], identity)
            self._state = state
            if self.ending is not None:
                self._clear(but=STATE)
        else:
            # First of all, so that a kill while clearing leaves nothing that a resumption could take for whole.
            (self.folder / STATE).unlink(missing_ok=True)
            self._clear()
            self._state = {"identity": identity, "run_id": None}
            self._write(STATE, self._state)
        if self.resumed:
            progress.note("going on with the attempt that was interrupted")
        elif unfinished:
            progress.note("an interrupted attempt was there; it is discarded (--resume would have gone on with it)")
        elif resume and self.ending is None:
            progress.note("there is no interrupted attempt to resume; starting from the beginning")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if (
            error is not None
            and self._state["run_id"] is None
            and [entry.name for entry in self.folder.iterdir()] == [STATE]
        ):
            self._undo()
        os.close(self._lock)

    def _undo(self) -> None:
        """Leave no trace of an attempt in which nothing was done."""
        shutil.rmtree(self.folder)
        with suppress(OSError):  # another attempt may have come to stand beside this one
            for folder in self._made:
                folder.rmdir()

    @property
    def checkpoints(self) -> Path:
        """Where training keeps its state."""
        folder = self.folder / "checkpoints"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def run_id(self) -> str | None:
        """The tracked run that an interrupted attempt had begun."""
        run_id: str | None = self._state["run_id"]
        return run_id

    def remember(self, run_id: str | None) -> None:
        """Keep the tracked run's name for a resumption."""
        self._state["run_id"] = run_id
        self._write(STATE, self._state)

    def model(self, fit: Callable[[], Generator]) -> Generator:
        """The fitted model: fitted now, or by the interrupted attempt."""
        folder = self.folder / "model"
        if not (folder / FACTS).exists():
            fit().save(folder)
        return load(folder)

    def keep(self, name: str, make: Callable[[Path], None]) -> Path:
        """A file or folder of the attempt, made once: ``make`` is given a path, and what it leaves there is kept."""
        kept = self.folder / name
        if not kept.exists():
            # The ending stays, which says what format a file has.
            partial = self.folder / f"partial-{name}"
            if partial.is_dir():
                shutil.rmtree(partial)
            make(partial)
            partial.replace(kept)
        return kept

    def answer(self, judge: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The audit's answer."""
        if not (self.folder / ANSWER).exists():
            self._write(ANSWER, judge())
        answer: dict[str, Any] = json.loads((self.folder / ANSWER).read_bytes())
        return answer

    @property
    def custodian(self) -> Path:
        """Where the page of the real records concerned is written."""
        return self.folder / CUSTODIAN

    def refuse(self, answer: Mapping[str, Any], page: str) -> Path:
        """Keep the report of a refusal; nothing else leaves. The same refusal has the same folder."""
        text = json.dumps(answer, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        folder = self.releases / "refused" / hashlib.sha256(text.encode()).hexdigest()[:12]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.json").write_text(text, encoding="utf-8")
        (folder / "report.html").write_text(page, encoding="utf-8")
        return folder

    def finish(self, accepted: bool, folder: Path, number: int | None) -> None:
        """Note how the attempt ended, and remove all else; the custodian's page goes to a folder of its own."""
        place = folder.relative_to(self.releases).as_posix()
        if self.custodian.exists():
            kept = self.releases / CUSTODIANS / f"{place.replace('/', '-')}.html"
            kept.parent.mkdir(mode=0o700, exist_ok=True)
            self.custodian.replace(kept)
        ended = {"accepted": accepted, "folder": place, "number": number}
        self._write(STATE, self._state | {"ended": ended})
        self._clear(but=STATE)

    def _ending(self, state: Mapping[str, Any], identity: Mapping[str, str]) -> dict[str, Any] | None:
        """How an attempt of the same identity ended, if it did and what it left still stands."""
        if "ended" not in state or state["identity"] != identity:
            return None
        folder = self.releases / state["ended"]["folder"]
        answer = _read(folder / "report.json")
        return None if answer is None else {**state["ended"], "folder": folder, "answer": answer}

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        temporary = self.folder / (name + ".tmp")
        temporary.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        temporary.replace(self.folder / name)

    def _clear(self, but: str = "") -> None:
        for entry in self.folder.iterdir():
            if entry.name == but:
                continue
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def _agree(self, before: Mapping[str, str], now: Mapping[str, str]) -> None:
        changed = [name for name in now if before.get(name) != now[name]]
        if changed:
            raise ReleaseError(
                f"since the attempt was interrupted, the {' and the '.join(changed)} changed",
                where=str(self.releases),
                mend="run without --resume to start afresh",
            )


def _hold(folder: Path) -> int:
    """Hold the folder until the process ends, however it ends."""
    try:
        return hold(folder)
    except OSError:
        raise ReleaseError(
            "another process is making a release of this name",
            where=str(folder.parent),
            mend="wait for it to end, or choose another --out or another name in the recipe",
        ) from None


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
        return content
    except (OSError, ValueError):
        return None
