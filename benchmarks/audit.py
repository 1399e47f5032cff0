"""What an audit takes: ``python -m benchmarks.audit``.

Every check there is, in the order of an audit, on Adult and on a made table of a million rows, each from Parquet files
in a fresh process: by check the wall and CPU seconds and the most memory that the process held meanwhile.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.memory import apart, table
from benchmarks.tables.engines.registry import ROOT
from benchmarks.tables.engines.task import cpu_seconds, peak_mb
from benchmarks.tables.tables import TABLES
from synthdiff.auditing import audit, questions
from synthdiff.auditor import Case
from synthdiff.progress import SILENT, Phase, Progress
from synthdiff.verdict import kind

ROLES: Mapping[str, dict[str, str | list[str]]] = {
    "adult": {"income": "target", "sex": "protected"},
    "million": {
        "flag 6": ["target", "event"],
        "category 2": "protected",
        "skewed 4": "time",
    },
}
"""By world, what the columns are for, so that no check is left out for want of a role that it could have."""

BARS = {"adult": "5 min, 4 GB", "million": "15 min"}
"""By world, what an audit may take at most, on two cores."""


@dataclass(frozen=True)
class Lap:
    """What one part of an audit took."""

    name: str
    wall_seconds: float
    cpu_seconds: float
    peak_mb: float


@dataclass
class Laps(Progress):
    """A clock that an audit reports to; it says how far it is to another one."""

    names: list[str]
    told: Progress = SILENT
    laps: list[Lap] = field(default_factory=list)
    began: tuple[float, float] = field(default_factory=lambda: (perf_counter(), cpu_seconds()))

    @contextmanager
    def phase(self, name: str, total: float) -> Iterator[Phase]:
        """The first phase is that of the checks; what came before it went over the tables."""
        self.lap("tables go together")
        yield _Checks(self)

    def lap(self, name: str) -> None:
        """One part is done and the next one begins."""
        now = perf_counter(), cpu_seconds()
        self.laps.append(Lap(name, now[0] - self.began[0], now[1] - self.began[1], peak_mb()))
        self.told.note(f"{name}: {self.laps[-1].wall_seconds:.1f} s, CPU {self.laps[-1].cpu_seconds:.1f} s")
        # Linux: the peak starts anew from what is held now.
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        self.began = perf_counter(), cpu_seconds()


class _Checks(Phase):
    def __init__(self, clock: Laps) -> None:
        self._clock, self._names = clock, iter(clock.names)

    def advance(self, amount: float = 1, **figures: float) -> None:
        self._clock.lap(next(self._names))


def adult(folder: Path, data: Path) -> None:
    """Adult as it comes split, and as many rows as were learnt from by a model of little effort."""
    from synthdiff import TableDiffusion

    train, holdout, schema = TABLES["adult"].load(data)
    model = TableDiffusion(effort="quick", random_state=0).fit(train, schema=schema)
    for name, frame in (("real", train), ("holdout", holdout), ("synthetic", model.sample(len(train), random_state=0))):
        frame.to_parquet(folder / f"{name}.parquet", index=False)


def made(folder: Path, rows: int, columns: int) -> None:
    """Three tables drawn alike, as by a model that is right: rows, half as many held out, and as many synthetic."""
    for seed, (name, size) in enumerate((("real", rows), ("holdout", rows // 2), ("synthetic", rows))):
        table(size, columns, seed).to_parquet(folder / f"{name}.parquet", index=False)


def judge(folder: Path, roles: dict[str, Any]) -> tuple[list[Lap], str]:
    """The whole audit of the files in a folder, from reading them to the page, and its headline."""
    from synthdiff.progress import progress_to

    clock = Laps([kind(check) for check in questions(None)], progress_to())
    files = (folder / f"{name}.parquet" for name in ("real", "synthetic", "holdout"))
    case = Case.read(*files, {name: {"role": role} for name, role in roles.items()})
    clock.lap("reading")
    report = audit(case.train, case.synthetic, case.holdout, schema=case.schema, progress=clock)
    clock.lap("verdict")
    report.save(folder / "report.html")
    report.save_for_custodian(folder / "custodian.html", case.train, case.synthetic)
    clock.lap("pages")
    return clock.laps, report.headline


def table_of(title: str, laps: list[Lap]) -> Iterator[str]:
    """The laps as lines of a table, and what they come to."""
    yield f"| {title} | s | CPU s | peak GB |"
    yield "|---|---|---|---|"
    wall, cpu = (sum(getattr(lap, name) for lap in laps) for name in ("wall_seconds", "cpu_seconds"))
    whole = Lap("**all**", wall, cpu, max(lap.peak_mb for lap in laps))
    for lap in (*laps, whole):
        yield f"| {lap.name} | {lap.wall_seconds:,.1f} | {lap.cpu_seconds:,.1f} | {lap.peak_mb / 1000:.2f} |"


def main() -> int:
    """Make each world, judge it, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit", description=__doc__)
    parser.add_argument("--worlds", type=lambda text: text.split(","), default=list(BARS))
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the made table")
    parser.add_argument("--columns", type=int, default=20, help="of the made table")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "tables")
    ask = parser.parse_args()
    for world in ask.worlds:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if world == "adult":
                apart(adult, folder, ask.data)
            else:
                apart(made, folder, ask.rows, ask.columns)
            laps, headline = apart(judge, folder, ROLES[world])
        rows = "32,561 + 16,281 + 32,561" if world == "adult" else f"{ask.rows:,} + {ask.rows // 2:,} + {ask.rows:,}"
        print("\n".join(table_of(f"{world}: {rows} rows, at most {BARS[world]}", laps)))
        print(f"\n{headline}\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
