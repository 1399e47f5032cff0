"""Accuracy as mostlyai-qa defines it: one minus the total variation distance of cut columns, one to three at a time.

Columns are cut on training and held-out records together: numbers and moments near ten quantiles, levels into the ten
most frequent and the rest.

References
----------
mostlyai-qa 1.10, Accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd

from synthdiff.checks.check import Evidence
from synthdiff.checks.fidelity.distances import Codes
from synthdiff.checks.intervals import Floats
from synthdiff.claims.claim import Recomputed, mean
from synthdiff.claims.similarity import is_number, numbers
from synthdiff.seeds import numpy_generator

BINS = 10
PLACES = BINS + 4
"""Bins, or levels that are told apart, then the other ones, missing cells, ``_RARE_`` and empty text."""

RARE = 5
"""Levels of fewer records are pooled, too."""

TRIPLES = 10_000
"""Of more, the measure draws so many without a seed."""

CELLS = 400_000_000
"""Cells of the tables that are looked at in one average; of more sets of columns than that, some are drawn."""

TEXT = 0.05
"""With a larger share of cells that occur once, a column counts as text, of which words are drawn."""

DIGITS = 5
"""To which the measure rounds the accuracy of each set of columns."""

SIZES = {"univariate": 1, "bivariate": 2, "trivariate": 3}


class Accuracies:
    """The accuracies of a synthetic table.

    Parameters
    ----------
    evidence : Evidence
        Its tables; all columns that they have in common count, except those of text.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._real = evidence.train
        self._holdout_at = len(evidence.train)
        if evidence.holdout is not None:
            self._real = pd.concat([evidence.train, evidence.holdout], ignore_index=True)
        self._synthetic = evidence.synthetic
        self._seed = evidence.seed
        self._moments = [
            repr(name) for name in self._real.columns if pd.api.types.is_datetime64_any_dtype(self._real[name].dtype)
        ]
        self._ties: dict[str, float] = {}
        self._known: dict[int, tuple[Recomputed, Recomputed]] = {}

    def recompute(self, name: str) -> Recomputed:
        """``univariate``, ``bivariate``, ``trivariate``, their mean ``overall``, or with ``_max`` what is expected."""
        which = int(name.endswith("_max"))
        name = name.removesuffix("_max")
        if name == "overall":
            several = [self._average(size)[which] for size in SIZES.values() if size <= len(self._cut)]
            return mean(several, f"Over {len(self._cut)} columns.")
        if name not in SIZES:
            return Recomputed.unknown("It is about sequences, of which the measure draws rows without a seed.")
        return self._average(SIZES[name])[which]

    def _average(self, size: int) -> tuple[Recomputed, Recomputed]:
        """Mean accuracy, and mean expected accuracy, over all sets of so many columns."""
        if size not in self._known:
            self._known[size] = self._averaged(size)
        return self._known[size]

    def _averaged(self, size: int) -> tuple[Recomputed, Recomputed]:
        names = list(self._cut)
        total = comb(len(names), size)
        if not total:
            nothing = Recomputed.unknown("There are too few columns.")
            return nothing, nothing
        if any(cut is None for cut in self._cut.values()):
            return Recomputed.score(_UNREAD), Recomputed.score(_UNREAD)
        theirs = min(total, TRIPLES) if size == 3 else total
        ours = min(theirs, max(100, CELLS // (size * (len(self._real) + len(self._synthetic)))))
        sets = list(combinations(names, size)) if ours == total else self._drawn(names, size, ours)
        found = [self._accuracy(chosen) for chosen in sets]
        reason = f"Over {total:,} sets of columns" if size > 1 else f"Over {total} columns"
        reason += f", of which {ours:,} were drawn" if ours < total else ""
        reason += f"; moments were read as such: {', '.join(self._moments)}." if self._moments else "."
        ties = size * float(np.mean([self._ties.get(name, 0.0) for name in names]))
        answers = []
        for values in zip(*found, strict=True):
            draws = sum(1 / drawn for drawn in (ours, theirs) if drawn < total)
            chance = 4 * float(np.std(values) * np.sqrt(draws))
            answers.append(Recomputed.exactly(float(np.mean(values)), ties + chance + 10.0**-DIGITS, reason))
        return answers[0], answers[1]

    def _drawn(self, names: Sequence[str], size: int, most: int) -> list[tuple[str, ...]]:
        generator = numpy_generator(self._seed, "claims", "accuracy", size)
        return [tuple(generator.choice(names, size, replace=False)) for _ in range(most)]

    def _accuracy(self, chosen: tuple[str, ...]) -> tuple[float, float]:
        n, m = len(self._real), len(self._synthetic)
        cells = np.zeros(n + m, dtype=np.int64)
        size = 1
        for name in chosen:
            cut = self._cut[name]
            assert cut is not None
            cells = cells * PLACES + cut
            size *= PLACES
        p = np.bincount(cells[:n], minlength=size) / n
        q = np.bincount(cells[n:], minlength=size) / m
        expected = np.sqrt(2 / np.pi * p * (1 - p) * (1 / n + 1 / m)).sum()
        return round(1 - np.abs(p - q).sum() / 2, DIGITS), round(1 - expected / 2, DIGITS)

    @cached_property
    def _cut(self) -> dict[str, Codes | None]:
        """By column, the bin of each real and each synthetic cell; None for text.

        Notes in ``_ties`` how far chance goes in the choice of levels that are equally frequent.
        """
        shared = [name for name in self._real.columns if name in self._synthetic.columns]
        return {name: self._bins(name) for name in shared}

    def _bins(self, name: str) -> Codes | None:
        real, synthetic = self._real[name], self._synthetic[name]
        if is_number(real):
            values = numbers(real), numbers(synthetic)
            if values[0] is not None and values[1] is not None:
                edges = _edges(values[0], moments=pd.api.types.is_datetime64_any_dtype(real.dtype))
                return np.concatenate([_placed(values[0], edges), _placed(values[1], edges)])
        if any(_text(side) for side in (real[: self._holdout_at], real[self._holdout_at :], synthetic)):
            return None
        words = [side.astype(object).where(side.notna(), _MISSING) for side in (real, synthetic)]
        counts = words[0].value_counts()
        most, self._ties[name] = _most_frequent(counts, words[1].value_counts(), len(real), len(synthetic))
        places = {_MISSING: BINS + 1, "_RARE_": BINS + 2, "": BINS + 3} | {
            level: place for place, level in enumerate(most)
        }
        return np.concatenate([side.map(places).fillna(BINS).to_numpy(dtype=np.int64) for side in words])


_MISSING = object()
"""Stands for missing cells, which count as a level when the most frequent are chosen."""

_UNREAD = "The table has a column of text, of which the measure draws words without a seed."


def _text(values: pd.Series) -> bool:
    """Whether so many of the known cells occur once that the measure takes the column for text."""
    counts = values.value_counts()
    return bool((counts == 1).sum() > TEXT * max(1, counts.sum()))


def _edges(values: Floats, moments: bool) -> Floats:
    """The lower ends of the bins of numbers: near quantiles, or each of up to ten values."""
    known = np.sort(values[~np.isnan(values)])
    distinct = np.unique(known)
    if len(distinct) <= (1 if moments else BINS):
        return distinct
    edges: Floats = distinct[:0]
    for steps in range(BINS, max(BINS + 1, min(1000, len(known) + 1))):
        edges = np.unique(known[np.linspace(0, len(known) - 1, steps).astype(int)])
        if len(edges) > BINS:
            break
    if moments:
        return edges[:-1]
    for precision in range(20):
        rounded: Floats = np.floor(edges * 10**precision) / 10**precision
        if len(np.unique(rounded)) == len(edges):
            return rounded[:-1]
    return edges[:-1]


def _placed(values: Floats, edges: Floats) -> Codes:
    """The bin of each value; values below the first edge belong to it, missing ones have a bin of their own."""
    place = np.searchsorted(edges, values, "right") - 1
    return np.where(np.isnan(values), BINS + 1, np.clip(place, 0, None)).astype(np.int64)


def _most_frequent(counts: pd.Series, others: pd.Series, n: int, m: int) -> tuple[list[object], float]:
    """The levels that are told apart, and how much the choice among equally frequent ones can move an accuracy."""
    kept = counts[:BINS]
    kept = kept[kept >= RARE]
    if len(kept) < BINS or len(counts) == BINS or counts.iloc[BINS] < counts.iloc[BINS - 1]:
        return list(kept.index), 0.0
    last = counts[counts == counts.iloc[BINS - 1]]
    there = float(others.reindex(last.index).fillna(0).max()) / m
    return list(kept.index), float(last.iloc[0]) / n + there
