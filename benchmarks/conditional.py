"""Conditions on three columns: ``python -m benchmarks.conditional``.

Draws subgroups of a real table at random, each by three columns (a level, or a range about a number), samples as many
rows under these conditions, and asks of every other column whether its distance from the real subgroup's is one that
shuffling real and synthetic rows explains. Of real held-out rows under the same conditions 95 % of the columns pass.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.tables.engines.registry import ROOT
from benchmarks.tables.tables import TABLES
from synthdiff import TableDiffusion
from synthdiff.checks.features import coordinates
from synthdiff.checks.fidelity.distances import kolmogorov_smirnov, total_variation
from synthdiff.schema import Column, Schema

FEWEST, MOST = 200, 2_000
"""Records of a subgroup."""

REACH = 0.15
"""A range reaches so far to both sides of a number, in ranks."""

SHUFFLES = 200

Given = dict[str, object]


def subgroups(train: pd.DataFrame, schema: Schema, many: int, draw: np.random.Generator) -> list[Given]:
    """Conditions on three columns each that enough and not too many records meet."""
    found: list[Given] = []
    columns = [column for column in schema if column.learnt]
    while len(found) < many:
        row = train.iloc[int(draw.integers(len(train)))]
        chosen = draw.choice(len(columns), 3, replace=False)
        given = {columns[i].name: _about(row[columns[i].name], columns[i], train) for i in chosen}
        if FEWEST <= int(meets(train, schema, given).sum()) <= MOST:
            found.append(given)
    return found


def _about(value: Any, column: Column, train: pd.DataFrame) -> object:
    if pd.isna(value):
        return None
    if column.discrete:
        return value
    ranks = train[column.name].dropna().sort_values(ignore_index=True)
    at = float((ranks < value).mean())
    ends = [ranks.iloc[int(np.clip(at + side * REACH, 0, 1) * (len(ranks) - 1))] for side in (-1, 1)]
    return min(ends[0], value), max(ends[1], value)


def meets(frame: pd.DataFrame, schema: Schema, given: Given) -> np.ndarray:
    """Which rows meet the conditions."""
    met = np.ones(len(frame), dtype=bool)
    for name, condition in given.items():
        cells = frame[name]
        if condition is None:
            met &= cells.isna().to_numpy()
        elif isinstance(condition, tuple):
            met &= cells.between(*condition).fillna(False).to_numpy(bool)
        else:
            met &= (cells == condition).fillna(False).to_numpy(bool)
    return met


def passed(real: pd.DataFrame, other: pd.DataFrame, column: Column, draw: np.random.Generator) -> bool:
    """Whether shuffling explains how far apart a column is."""
    cells = [coordinates(frame, column) for frame in (real, other)]
    pooled, n = np.concatenate(cells), len(real)

    def apart(order: np.ndarray) -> float:
        first, second = pooled[order[:n]], pooled[order[n:]]
        # Missing cells are a level of their own, beside the distance of what is there.
        gone = abs(float(np.isnan(first).mean() - np.isnan(second).mean()))
        if column.discrete:
            levels = len(column.levels or ()) + 1
            codes = [
                np.where(np.isnan(c), -1, np.where(c < 0, levels - 1, c)).astype(np.int64) for c in (first, second)
            ]
            found = total_variation(codes[0], codes[1], levels)
        else:
            found = kolmogorov_smirnov(first, second)
        return gone + (found.value if found else 0.0)

    chance = [apart(draw.permutation(len(pooled))) for _ in range(SHUFFLES)]
    return apart(np.arange(len(pooled))) <= float(np.quantile(chance, 0.95))


def main() -> int:
    """Fit, draw under each condition, compare, print a line of a table for each engine of rows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conditional", description=__doc__)
    parser.add_argument("--table", choices=list(TABLES), default="adult")
    parser.add_argument("--subgroups", type=int, default=20)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "tables")
    ask = parser.parse_args()
    train, held_out, schema = TABLES[ask.table].load(ask.data)
    draw = np.random.default_rng(0)
    model = TableDiffusion().fit(train, schema=schema)
    shares: dict[str, list[bool]] = {"held-out rows": [], "synthdiff": []}
    kept = 0
    for given in subgroups(train, schema, ask.subgroups, draw):
        real = train[meets(train, schema, given)]
        made = model.sample(len(real), given=given)
        kept += int(meets(made, schema, given).sum()) == len(made)
        others = [column for column in schema if column.learnt and column.name not in given]
        for name, rows in (("held-out rows", held_out[meets(held_out, schema, given)]), ("synthdiff", made)):
            within = [passed(real, rows, column, draw) for column in others] if len(rows) else []
            shares[name] += within
            print(f"{len(real):5} {name:14} {np.mean(within or [np.nan]):.2f} {given}", file=sys.stderr, flush=True)
    print("| rows | subgroups | conditions met | marginals within chance |\n| --- | --- | --- | --- |")
    for name, within in shares.items():
        met = f"{kept} of {ask.subgroups}" if name == "synthdiff" else "–"
        print(f"| {name} | {ask.subgroups} | {met} | {np.mean(within):.1%} of {len(within)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
