"""The command: ``python -m benchmarks.tables``."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.tables import report
from benchmarks.tables.engines.registry import ENGINES, ROOT, Engine
from benchmarks.tables.evaluate import evaluate, floor
from benchmarks.tables.tables import TABLES, Table
from synthdiff.errors import SynthdiffError
from synthdiff.schema import Schema

OURS = "synthdiff"
MARGIN = 1.05
"""What a peer may spend, in times of what our dearest seed did."""

Budget = tuple[float, float]
"""The CPU seconds that a peer must have been allowed for its cell to stand, and those that it is allowed now."""


@dataclass(frozen=True)
class Bench:
    """A table, loaded once, and the folder in which its results lie.

    Attributes
    ----------
    table : Table
    train, held_out : DataFrame
    schema : Schema
    out : Path
    """

    table: Table
    train: pd.DataFrame
    held_out: pd.DataFrame
    schema: Schema
    out: Path

    @classmethod
    def of(cls, table: Table, data: Path, out: Path) -> Bench:
        """Load the table."""
        return cls(table, *table.load(data), out / table.name)

    def cell(self, engine: Engine, seed: int, budget: Budget | None) -> None:
        """Run and score an engine, as far as that does not stand already."""
        folder = self.out / f"{engine.name}-{seed}"
        record = folder / "run.json"
        facts = _read(record)
        if facts is None or (budget is not None and facts["allowed_cpu_seconds"] < budget[0]):
            say(f"{self.table.name}: {engine.name}, seed {seed}: fits")
            record.unlink(missing_ok=True)
            kinds = {column.name: column.kind if column.learnt else "group" for column in self.schema}
            allowed = budget[1] if budget else None
            about = {"kinds": kinds, "target": self.table.target, "seed": seed, "cpu_seconds": allowed}
            facts = engine.run(folder, self.train, about) | {"allowed_cpu_seconds": allowed}
            _write(record, facts)
        if not (folder / "scores.json").exists():
            say(f"{self.table.name}: {engine.name}, seed {seed}: scored, after {facts['fit']['cpu_seconds']:.0f} CPU s")
            synthetic = conform(pd.read_parquet(folder / "synthetic.parquet"), self.train)
            scores = evaluate(self.table, self.train, self.held_out, self.schema, synthetic, seed)
            _write(folder / "scores.json", scores)

    def floor(self, again: bool) -> None:
        """Score the held-out rows, as far as that does not stand already."""
        if again or not (self.out / "floor.json").exists():
            _write(self.out / "floor.json", floor(self.table, self.train, self.held_out, self.schema, 0))

    def forget(self, engine: str, seeds: int, what: str) -> None:
        """Forget the runs (``run.json``) or the scores (``scores.json``) of an engine."""
        for seed in range(seeds):
            (self.out / f"{engine}-{seed}" / what).unlink(missing_ok=True)

    def budget(self) -> Budget | None:
        """What peers may spend: a little more than our engine did with any seed; None before it ran."""
        spent = [cell["facts"]["fit"]["cpu_seconds"] for cell in cells(self.out, OURS)]
        return (max(spent), MARGIN * max(spent)) if spent else None


def main() -> int:
    """Run what is asked for and has not been run yet, then write the report."""
    ask, failed = _arguments(), False
    for name in ask.tables:
        bench = Bench.of(TABLES[name], ask.data, ask.out)
        bench.floor(ask.rescore)
        for engine in sorted(ask.engines, key=lambda name: name != OURS):
            if ask.again or ask.rescore:
                bench.forget(engine, ask.seeds, "run.json" if ask.again else "scores.json")
            budget = None if engine == OURS else (ask.budget, ask.budget) if ask.budget else bench.budget()
            if engine != OURS and budget is None:
                say(f"{name}: run {OURS} before {engine}, which gets as many CPU seconds, or give --budget")
                return 2
            for seed in range(ask.seeds):
                try:
                    bench.cell(ENGINES[engine], seed, budget)
                except (RuntimeError, SynthdiffError) as error:
                    failed = True
                    say(f"{name}: {error}")
                write_report(ask.out, ask.readme)
    return int(failed)


def write_report(out: Path, readme: Path | None) -> None:
    """Write ``report.md`` of all results that stand, and into a README if one is named."""
    found = {name: {engine: cells(out / name, engine) for engine in ENGINES} for name in TABLES}
    found = {name: engines for name, engines in found.items() if any(engines.values())}
    floors = {name: _read(out / name / "floor.json") or {} for name in found}
    text = report.page(found, floors)
    (out / "report.md").write_text(text, encoding="utf-8")
    if readme is not None:
        report.into(readme, text)


def cells(folder: Path, engine: str) -> list[dict[str, Any]]:
    """The finished cells of an engine on a table, by seed."""
    found = []
    for home in sorted(folder.glob(f"{engine}-[0-9]*"), key=lambda path: int(path.name.rsplit("-", 1)[1])):
        facts, scores = _read(home / "run.json"), _read(home / "scores.json")
        if facts is not None and scores is not None:
            found.append({"facts": facts, "scores": scores})
    return found


def conform(synthetic: pd.DataFrame, train: pd.DataFrame) -> pd.DataFrame:
    """Synthetic columns in the dtypes of the training ones, where no cell is lost by it."""
    for name in synthetic.columns:
        if synthetic[name].dtype != train[name].dtype and not synthetic[name].isna().any():
            synthetic[name] = synthetic[name].astype(train[name].dtype)
    return synthetic


def say(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)


def _read(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(content, indent=1, default=float) + "\n", encoding="utf-8")
    temporary.replace(path)


def _arguments() -> argparse.Namespace:
    def names(known: dict[str, Any]) -> Any:
        def several(text: str) -> list[str]:
            unknown = [name for name in text.split(",") if name not in known]
            if unknown:
                raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
            return text.split(",")

        return several

    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.add_argument("--tables", type=names(TABLES), default=list(TABLES), help="comma-separated; all by default")
    parser.add_argument("--engines", type=names(ENGINES), default=list(ENGINES), help="comma-separated; all by default")
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--budget", type=float, help="CPU seconds of a peer's fit; by default what synthdiff took")
    parser.add_argument("--again", action="store_true", help="run cells that stand already once more")
    parser.add_argument("--rescore", action="store_true", help="score the synthetic rows that stand once more")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "tables")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "benchmarks" / "tables")
    parser.add_argument("--readme", type=Path, help="a README to write the results into, between its markers")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
