"""Memory at a million rows: ``python -m benchmarks.memory``.

Makes a wide mixed table of its own, learns it in one fresh process and draws as many rows in another, by the command
``synthdiff sample``, which streams them to Parquet; prints what both took as a line of a table.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.tables.engines.task import Meter, peak_mb

FACTORS = 6
"""Hidden normal variables on which all columns depend."""

LEVELS = 700
"""Levels of the widest category."""

Maker = Callable[[np.ndarray, np.random.Generator], pd.Series]


def continuous(hidden: np.ndarray, draw: np.random.Generator) -> pd.Series:
    """Two decimals, some missing more often where another factor is high."""
    values = (120 + 15 * (hidden[:, 0] + 0.3 * draw.normal(size=len(hidden)))).round(2)
    return pd.Series(np.where(draw.random(len(hidden)) < 0.2 / (1 + np.exp(-hidden[:, 1])), np.nan, values))


def skewed(hidden: np.ndarray, draw: np.random.Generator) -> pd.Series:
    """A heavy tail, full precision."""
    return pd.Series(np.exp(hidden[:, 0] + 0.5 * draw.standard_t(4, len(hidden)).clip(-20, 20)))


def inflated(hidden: np.ndarray, draw: np.random.Generator) -> pd.Series:
    """Mostly zero, a laboratory value otherwise."""
    return pd.Series(np.where(hidden[:, 1] < 0.4, 0.0, np.exp(0.5 * hidden[:, 0]).round(1)))


def count(hidden: np.ndarray, draw: np.random.Generator) -> pd.Series:
    """Whole numbers with missing cells."""
    values = draw.poisson(np.exp(1.5 + 0.5 * hidden[:, 0]))
    return pd.Series(pd.arrays.IntegerArray(values.astype(np.int64), draw.random(len(values)) < 0.05))


def category(hidden: np.ndarray, draw: np.random.Generator) -> pd.Series:
    """Five words."""
    words = np.array(["none", "mild", "moderate", "severe", "critical"])
    return pd.Series(words[np.digitize(hidden[:, 0] + 0.5 * hidden[:, 1], [-1.0, 0.0, 0.8, 1.6])])


def diagnosis(hidden: np.ndarray, draw: np.random.Generator) -> pd.Series:
    """:data:`LEVELS` codes, the first ones frequent."""
    place = (LEVELS * draw.random(len(hidden)) ** np.exp(0.7 + 0.4 * hidden[:, 0])).astype(np.int64)
    return pd.Series(np.array([f"D{code:03d}" for code in range(LEVELS)])[place.clip(0, LEVELS - 1)])


def flag(hidden: np.ndarray, draw: np.random.Generator) -> pd.Series:
    """True or false."""
    return pd.Series(hidden[:, 0] + draw.normal(size=len(hidden)) > 1)


def date(hidden: np.ndarray, draw: np.random.Generator) -> pd.Series:
    """Days of four years, some missing."""
    days = (730 + 250 * hidden[:, 0]).clip(0, 1460).round()
    moments = pd.Timestamp("2019-01-01") + pd.to_timedelta(pd.Series(days), unit="D")
    return moments.astype("datetime64[us]").mask(draw.random(len(hidden)) < 0.1)


MAKERS: tuple[Maker, ...] = (diagnosis, continuous, category, count, skewed, date, flag, inflated, continuous, category)
"""The columns come in this order, again and again; the widest category only once."""


def table(rows: int, columns: int, seed: int = 0) -> pd.DataFrame:
    """The table: every column depends on two of the hidden factors."""
    draw = np.random.default_rng(seed)
    hidden = draw.normal(size=(rows, FACTORS))
    made = {}
    for place in range(columns):
        maker = MAKERS[place % len(MAKERS)]
        if maker is diagnosis and place:
            maker = category
        pair = hidden[:, [place % FACTORS, (place + 1 + place // FACTORS) % FACTORS]]
        made[f"{maker.__name__} {place}"] = maker(pair, draw)
    return pd.DataFrame(made)


def make(folder: Path, rows: int, columns: int) -> None:
    """Write the table to a file."""
    table(rows, columns).to_parquet(folder / "real.parquet", index=False)


def fit(folder: Path, steps: int | None) -> dict[str, float]:
    """Learn the file and save the model; by default settings but for the number of steps."""
    from synthdiff import TableDiffusion
    from synthdiff.data import read_table
    from synthdiff.progress import progress_to

    meter = Meter()
    with meter.phase("fit"):
        frame, schema = read_table(folder / "real.parquet")
        model = TableDiffusion(budget_steps=steps).fit(frame, schema=schema, progress=progress_to())
        model.save(folder / "model")
    return meter.phases["fit"] | {"peak_mb": peak_mb()}


def sample(folder: Path, rows: int) -> dict[str, float]:
    """Draw rows by the command."""
    from synthdiff.cli import main

    meter = Meter()
    with meter.phase("sample"):
        try:
            main(["sample", str(folder / "model"), "-n", str(rows), "-o", str(folder / "synthetic.parquet")])
        except SystemExit as ended:
            if ended.code:
                raise RuntimeError(f"synthdiff sample ended with status {ended.code}") from None
    return meter.phases["sample"] | {"peak_mb": peak_mb()}


def apart(work: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a function of this module in a fresh process, whose memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(work, *arguments).result()


def line(rows: int, columns: int, steps: int, fitted: dict[str, float], drawn: dict[str, float]) -> str:
    """The figures as a table of one line."""
    cells = {
        "rows × columns": f"{rows:,} × {columns}",
        "steps": f"{steps:,}",
        "fit: s": f"{fitted['wall_seconds']:,.0f}",
        "CPU s": f"{fitted['cpu_seconds']:,.0f}",
        "peak GB": f"{fitted['peak_mb'] / 1000:.2f}",
        "sample: s": f"{drawn['wall_seconds']:,.0f}",
        "CPU s ": f"{drawn['cpu_seconds']:,.0f}",
        "peak GB ": f"{drawn['peak_mb'] / 1000:.2f}",
        "rows/s": f"{rows / drawn['cpu_seconds']:,.0f}",
    }
    return "\n".join(f"| {' | '.join(row)} |" for row in (cells, ["---"] * len(cells), cells.values()))


def main() -> int:
    """Make, fit, sample, and print the line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--steps", type=int, help="of training; by default as many as the default settings take")
    ask = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        apart(make, folder, ask.rows, ask.columns)
        fitted = apart(fit, folder, ask.steps)
        drawn = apart(sample, folder, ask.rows)
        history = json.loads((folder / "model" / "model.json").read_text(encoding="utf-8"))["histories"][0]
        taken = max(history["steps"], default=ask.steps or 0)
    print(line(ask.rows, ask.columns, taken, fitted, drawn))
    return 0


if __name__ == "__main__":
    sys.exit(main())
