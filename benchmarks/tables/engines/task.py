"""What every engine script shares: the task it is given, the meter that counts what it spends, and its answer.

Needs nothing but pandas and pyarrow, so that it runs in every environment.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet

DISCRETE = ("categorical", "ordinal", "boolean")


@dataclass(frozen=True)
class Task:
    """What an engine is to do.

    Attributes
    ----------
    folder : Path
        Holds ``train.parquet`` and ``task.json``; takes ``synthetic.parquet`` and ``facts.json``.
    engine : str
        The engine's name; one script may serve several.
    seed, rows : int
        Of training and sampling; how many rows to sample.
    cpu_seconds : float or None
        How long fitting may take; None where the engine's defaults decide.
    kinds : dict
        By column ``categorical``, ``ordinal``, ``boolean``, ``integer``, ``continuous`` or ``group``.
    target : str or None
        The column to be predicted, for engines that ask.
    """

    folder: Path
    engine: str
    seed: int
    rows: int
    cpu_seconds: float | None
    kinds: dict[str, str]
    target: str | None

    @classmethod
    def given(cls) -> Task:
        """The task in the folder that the command line names."""
        folder = Path(sys.argv[1])
        return cls(folder=folder, **json.loads((folder / "task.json").read_text(encoding="utf-8")))

    @property
    def columns(self) -> list[str]:
        """The columns to be learnt."""
        return [name for name, kind in self.kinds.items() if kind != "group"]

    @property
    def discrete(self) -> list[str]:
        """Those of them that hold levels."""
        return [name for name in self.columns if self.kinds[name] in DISCRETE]

    def train(self) -> pd.DataFrame:
        """The training rows without the group key, text as plain objects whatever the version of pandas."""
        table = pyarrow.parquet.read_table(self.folder / "train.parquet", columns=self.columns)
        frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
        return frame

    def train_as_text(self) -> tuple[pd.DataFrame, dict[str, dict[str, Any]]]:
        """The training rows with levels spelt as text, which no peer takes for numbers, and by column the way back."""
        frame, spelt = self.train(), {}
        for name in self.discrete:
            levels = frame[name].dropna().unique()
            spelt[name] = {str(level): level for level in levels}
            frame[name] = frame[name].map({level: str(level) for level in levels}).astype(object)
        return frame, spelt

    def answer(self, frame: pd.DataFrame, meter: Meter, **facts: Any) -> None:
        """Write the synthetic rows and what they cost."""
        frame[self.columns].to_parquet(self.folder / "synthetic.parquet", index=False)
        rate = len(frame) / meter.phases["sample"]["cpu_seconds"]
        found = {"rows": len(frame), "rows_per_second": rate, "peak_mb": peak_mb(), **meter.phases, **facts}
        (self.folder / "facts.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def back(frame: pd.DataFrame, spelt: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Levels as they were before :meth:`Task.train_as_text`."""
    frame = frame.copy()
    for name, levels in spelt.items():
        known = frame[name].notna()
        strange = set(frame.loc[known, name].astype(str)) - set(levels)
        if strange:
            raise ValueError(f"column {name!r}: levels that the training rows lack: {sorted(strange)[:5]}")
        frame[name] = frame[name].astype(object).where(known, None).map(lambda v, known=levels: known.get(str(v)))
    return frame


@dataclass
class Meter:
    """Counts CPU seconds, user and system, over all threads and all children that have ended; and wall seconds."""

    phases: dict[str, dict[str, float]] = field(default_factory=dict)
    start: float = field(default_factory=lambda: cpu_seconds())

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count what the body takes."""
        self.start, wall = cpu_seconds(), time.perf_counter()
        yield
        self.phases[name] = {"cpu_seconds": self.spent, "wall_seconds": time.perf_counter() - wall}

    @property
    def spent(self) -> float:
        """CPU seconds since the phase began."""
        return cpu_seconds() - self.start


def cpu_seconds() -> float:
    """CPU seconds of this process and its children so far."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def peak_mb() -> float:
    """The most memory that this process held at once, in MB; the figure of getrusage would include the parent's."""
    lines = Path(f"/proc/{os.getpid()}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
