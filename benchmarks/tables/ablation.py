"""What each ingredient of the engine is worth: ``python -m benchmarks.tables.ablation``.

Fits the engine as it is, then without one ingredient at a time, on the same split with the same seeds, and scores what
each draws. An ingredient is taken out by replacing the part that adds it: the product has no switches for it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

import synthdiff.codec.number
import synthdiff.codec.row
import synthdiff.nets.table
import synthdiff.table
from benchmarks.tables.engines.registry import ROOT
from benchmarks.tables.evaluate import evaluate
from benchmarks.tables.report import machine
from benchmarks.tables.tables import TABLES
from synthdiff import TableDiffusion
from synthdiff.diffusion.absorbing import Vocabulary
from synthdiff.nets.mlp import MLP


@contextmanager
def without(*replaced: tuple[Any, str, Any]) -> Iterator[None]:
    """Replace names of modules or classes for a while."""
    if not replaced:
        yield
        return
    (home, name, value), *rest = replaced
    with patch.object(home, name, value), without(*rest):
        yield


class _Unordered(synthdiff.nets.table.CodeWeights):
    """Weights of codes that know no neighbours."""

    def __init__(self, vocabulary: Vocabulary, positions: Any, width: int, scale: float) -> None:
        super().__init__(vocabulary, positions * np.nan, width, scale)


def _never(*_: Any) -> tuple[()]:
    return ()


TAKEN_OUT: dict[str, tuple[tuple[tuple[Any, str, Any], ...], dict[str, Any]]] = {
    "nothing": ((), {}),
    "ties": (((synthdiff.codec.row, "ties_of", _never),), {}),
    "structural zeros": (((synthdiff.codec.row, "zeros_of", _never),), {}),
    "free tails": (((synthdiff.codec.number, "_open", _never),), {}),
    "mixtures (one Gaussian a detail)": (((synthdiff.nets.table, "COMPONENTS", 1),), {}),
    "order among codes": (((synthdiff.nets.table, "CodeWeights", _Unordered),), {}),
    "many orders of columns (one for all rows)": (((synthdiff.table, "BLOCK", 2**17),), {}),
    "dropout": ((), {"net": MLP(dropout=0.0)}),
    "several nets": ((), {"members": 1}),
}
"""By ingredient: what is replaced, and with what settings the engine is made."""


def run(table: str, ingredient: str, seed: int, data: Path) -> dict[str, float]:
    """The figures of one table without one ingredient."""
    train, held_out, schema = TABLES[table].load(data)
    replaced, settings = TAKEN_OUT[ingredient]
    began = time.process_time()
    with without(*replaced):
        model = TableDiffusion(random_state=seed, **settings).fit(train, schema=schema)
        spent = time.process_time() - began
        synthetic = model.sample(len(train))
    scores = evaluate(TABLES[table], train, held_out, schema, synthetic, seed)
    found = {"fit, CPU s": spent}
    for name, figure in FIGURES.items():
        if scores.get(figure):
            found[name] = scores[figure]["value"]
    return found


FIGURES = {
    "detection AUC": "detection",
    "Shape": "shape",
    "Trend, common bins": "trend_common",
    "TSTR AUC": "tstr",
    "membership AUC": "membership",
    "rule broken": "broken",
}


def main() -> int:
    """Run everything that is asked for; print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables.ablation", description=__doc__)
    parser.add_argument("--tables", type=lambda text: text.split(","), default=["support2"])
    parser.add_argument("--without", type=lambda text: text.split(","), default=list(TAKEN_OUT))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "tables")
    ask = parser.parse_args()
    one: Callable[..., dict[str, float]] = partial(run, data=ask.data)
    for table in ask.tables:
        lines = {}
        for ingredient in ask.without:
            found = pd.DataFrame([one(table, ingredient, seed) for seed in range(ask.seeds)])
            lines[ingredient] = found.mean()
            print(f"{table} without {ingredient}: {found.mean().round(4).to_dict()}", file=sys.stderr, flush=True)
        print(f"\n{table}, on {machine()}; means of {ask.seeds} seeds\n")
        print(_markdown(pd.DataFrame(lines).T))
    return 0


def _markdown(figures: pd.DataFrame) -> str:
    rows = [["without", *figures.columns], ["---"] * (1 + figures.shape[1])]
    rows += [
        [str(name), *(f"{value:.1f}" if column == "fit, CPU s" else f"{value:.4f}" for column, value in line.items())]
        for name, line in figures.iterrows()
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
