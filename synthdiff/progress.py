"""Progress: every long phase says what it does, how far it is, what is left and how it goes.

Work takes a :class:`Progress` as an argument and reports to it; it never prints. On a terminal that is a bar, without
one a line every few seconds, in a library call nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress as Bars, TextColumn, TimeRemainingColumn


class Phase:
    """One phase under way; ``advance`` moves it on, with figures such as the loss."""

    def advance(self, amount: float = 1, **figures: float) -> None:
        """Report that ``amount`` more of the total is done."""

    def total(self, total: float) -> None:
        """Correct the total, for work whose end became known."""


class Progress:
    """Silent progress, and the interface of the others."""

    @contextmanager
    def phase(self, name: str, total: float) -> Iterator[Phase]:
        """Enter a phase of ``total`` units of work."""
        yield Phase()

    def note(self, text: str) -> None:
        """Say one thing that the user should know."""


SILENT = Progress()


def progress_to(stream: TextIO = sys.stderr) -> Progress:
    """Progress for a command: bars on a terminal, lines elsewhere."""
    return BarProgress(stream) if stream.isatty() else LineProgress(stream)


def _figures(figures: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in figures.items())


class BarProgress(Progress):
    """Bars with the time left, for a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream)

    @contextmanager
    def phase(self, name: str, total: float) -> Iterator[Phase]:
        columns = (TextColumn("{task.description:<10}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
        with Bars(*columns, TimeRemainingColumn(), TextColumn("{task.fields[figures]}"), console=self._console) as bars:
            yield _BarPhase(bars, name, total)

    def note(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False)


class _BarPhase(Phase):
    def __init__(self, bars: Bars, name: str, total: float) -> None:
        self._bars = bars
        self._task = bars.add_task(name, total=total, figures="")

    def advance(self, amount: float = 1, **figures: float) -> None:
        self._bars.update(self._task, advance=amount)
        if figures:
            self._bars.update(self._task, figures=_figures(figures))

    def total(self, total: float) -> None:
        self._bars.update(self._task, total=total)


class LineProgress(Progress):
    """One line every ``every`` seconds, for logs."""

    def __init__(self, stream: TextIO, every: float = 5.0) -> None:
        self._stream = stream
        self._every = every

    @contextmanager
    def phase(self, name: str, total: float) -> Iterator[Phase]:
        phase = _LinePhase(self, name, total, self._every)
        yield phase
        self.note(f"{name}: done in {time.monotonic() - phase.began:.1f} s{phase.tail}")

    def note(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class _LinePhase(Phase):
    def __init__(self, progress: LineProgress, name: str, total: float, every: float) -> None:
        self._progress, self._name, self._total, self._every = progress, name, total, every
        self._done = 0.0
        self.began = self._said = time.monotonic()
        self.tail = ""

    def advance(self, amount: float = 1, **figures: float) -> None:
        self._done += amount
        if figures:
            self.tail = "  " + _figures(figures)
        now = time.monotonic()
        if now - self._said >= self._every and 0 < self._done < self._total:
            self._said = now
            left = (now - self.began) * (self._total - self._done) / self._done
            share = 100 * self._done / self._total
            self._progress.note(f"{self._name}: {share:.0f} %, {left:.0f} s left{self.tail}")

    def total(self, total: float) -> None:
        self._total = total
