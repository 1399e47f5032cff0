"""What a store knows about attempts at a release, as plain data, and the tracking that knows nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from synthdiff.errors import ReleaseError, TrackingError
from synthdiff.release import next_number, open_release

Verdict = Literal["accepted", "rejected", "failed", "unfinished"]


@dataclass(frozen=True)
class Figure:
    """One estimate of an audit with its 95 % interval."""

    value: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class ReleaseRecord:
    """What the store knows about one attempt at a release.

    Attributes
    ----------
    name : str
        The recipe's name.
    number : int or None
        The release's number; None unless accepted.
    verdict : Verdict
        ``"unfinished"`` while it runs, or when it was killed and not resumed.
    date : datetime
        When it began, in UTC.
    rows : int or None
        Synthetic records.
    dataset_sha256 : str or None
        Of the synthetic data.
    figures : mapping of str to Figure
        The audit's estimates by name.
    run_id : str
        MLflow's name of the run.
    reasons : tuple of str
        Why it was rejected or failed.
    """

    name: str
    number: int | None
    verdict: Verdict
    date: datetime
    rows: int | None
    dataset_sha256: str | None
    figures: Mapping[str, Figure]
    run_id: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """One estimate in two releases; None where a release has none of this name."""

    estimate: str
    a: Figure | None
    b: Figure | None


def compare(a: ReleaseRecord, b: ReleaseRecord) -> list[Comparison]:
    """Put the figures of two releases side by side, in alphabetical order."""
    return [Comparison(name, a.figures.get(name), b.figures.get(name)) for name in sorted({*a.figures, *b.figures})]


def holds(folder: Path, dataset_sha256: str) -> bool:
    """Whether a folder is the release of these data."""
    try:
        return open_release(folder).dataset_sha256 == dataset_sha256
    except ReleaseError:
        return False


class NoAttempt:
    """An attempt that is not tracked: numbers follow from the folder alone."""

    run_id = None

    def __init__(self, resumed: bool = False) -> None:
        self._resumed = resumed
        self._dataset = ""

    def private_input(self, role: str, *, sha256: str, rows: int, columns: int) -> None:
        """Log nothing."""

    def dataset(self, *, sha256: str, rows: int, columns: int) -> None:
        """Remember the hash, by which a resumed attempt knows its own release."""
        self._dataset = sha256

    def metrics(self, answer: Mapping[str, Any]) -> None:
        """Log nothing."""

    def losses(self, history: Sequence[tuple[int, float, float | None]], net: int = 1) -> None:
        """Log nothing."""

    def artifacts(self, folder: Path, under: str | None = None) -> None:
        """Copy nothing."""

    def reject(self, reasons: Sequence[str]) -> None:
        """Log nothing."""

    def fail(self, error: BaseException) -> None:
        """Log nothing."""

    def accept(self, model: Path, releases: Path) -> int:
        """The next free number; for a resumed attempt whose release stands there already, that release's."""
        number = next_number(releases)
        own = self._resumed and holds(releases / str(number - 1), self._dataset)
        return number - 1 if own else number

    def published(self, release: Path) -> None:
        """Log nothing."""


class NoTracking:
    """What ``--no-track`` puts in a :class:`Tracker`'s place."""

    def begin(
        self, name: str, *, policy_sha256: str, recipe_sha256: str, params: Mapping[str, Any] | None = None
    ) -> NoAttempt:
        """Begin an attempt that leaves no trace but its release."""
        return NoAttempt()

    def resume(self, run_id: str | None) -> NoAttempt:
        """Go on with an attempt that was interrupted."""
        return NoAttempt(resumed=True)

    def releases(self, name: str | None = None) -> list[ReleaseRecord]:
        """None are known."""
        return []

    def release(self, name: str, number: int) -> ReleaseRecord:
        """Refuse: nothing is known."""
        raise TrackingError("nothing is tracked with --no-track", where=name, mend="leave out --no-track")
