"""mostlyai-qa's similarities and distances, for tables that hold no words and so need no language model.

Numbers and moments become quantiles from -0.5 to 0.5, with a column for what is missing, and each record is scaled to
length 1. Beyond ten such columns the package looks at groups of them that are drawn without a seed, and reports the one
with the largest share of nearer records; then only bounds are known.

References
----------
mostlyai-qa 1.10, Similarity and Distances.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from synthdiff.checks.check import Evidence
from synthdiff.checks.intervals import Floats
from synthdiff.claims.claim import Recomputed
from synthdiff.claims.similarity import is_number, numbers

QUANTILES = 100

GROUPED = 10
"""Columns beyond which the package looks at groups of them."""

MOST = 10_000
"""Rows of both real tables beyond which the package takes quantiles from some of them, drawn without a seed."""

IDENTICAL = 1e-6
"""A distance that counts as none."""

TENTH = 9
"""The place of the ratio that is reported, from the smallest."""

WORDS = "It rests on a language model's embedding of words."
THINNED = "The tables differ in size, and the package thins the larger ones without a seed."
DRAWN = "With so many records the package takes quantiles from some of them, drawn without a seed."
CLASSIFIER = "It rests on a classifier that is fitted without a seed."
CHOSEN = "The package reports some group of columns, drawn without a seed."


class Wordless:
    """Synthetic, training and held-out records as points.

    Parameters
    ----------
    evidence : Evidence
        Its tables; all columns that they have in common count.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence

    def recompute(self, name: str) -> Recomputed:
        """A figure of ``similarity`` or ``distances``, by its name there."""
        points = self._points
        if isinstance(points, str):
            return Recomputed.unknown(points)
        if name.startswith("discriminator"):
            return Recomputed.unknown(CLASSIFIER)
        training, synthetic, holdout = points
        if name.startswith("cosine"):
            other = synthetic if name.endswith("synthetic") else holdout
            if other is None:
                return Recomputed.unknown("It needs the held-out records, which are not given.")
            return Recomputed.exactly(_cosine(training.mean(axis=0), other.mean(axis=0)), 1e-6)
        grouped = holdout is not None and training.shape[1] > GROUPED
        if name == "dcr_share":
            if self._to_training is None or self._to_holdout is None:
                return Recomputed.unknown("It needs the held-out records, which are not given.")
            nearer = self._to_training[0] < self._to_holdout[0]
            share = float(nearer.mean() + (self._to_training[0] == self._to_holdout[0]).mean() / 2)
            return Recomputed(None, share, 1.0, CHOSEN) if grouped else Recomputed.exactly(share, 1e-3)
        measure, _, which = name.partition("_")
        found = {"training": self._to_training, "holdout": self._to_holdout, "trn_hol": self._between_real}[which]
        if found is None:
            return Recomputed.unknown("It needs the held-out records, which are not given.")
        nearest, second = found
        if measure == "ims":
            share = float((nearest <= IDENTICAL).mean())
            return Recomputed(None, share, 1.0, CHOSEN) if grouped else Recomputed.exactly(share)
        if grouped:
            return Recomputed.unknown(CHOSEN)
        if measure == "dcr":
            return Recomputed.exactly(float(nearest.mean()), 1e-6)
        return Recomputed.exactly(float(np.sort((nearest + 1e-8) / (second + 1e-8))[TENTH]), 1e-6)

    @cached_property
    def _points(self) -> tuple[Floats, Floats, Floats | None] | str:
        """Training, synthetic and held-out records of length 1, or why they cannot be placed."""
        evidence = self._evidence
        tables = [evidence.train, evidence.synthetic, *([] if evidence.holdout is None else [evidence.holdout])]
        if len({len(table) for table in tables}) > 1:
            return THINNED
        real = [tables[0], *tables[2:]]
        if sum(map(len, real)) > MOST:
            return DRAWN
        columns = []
        for name in [name for name in tables[0].columns if all(name in table.columns for table in tables)]:
            values = [numbers(table[name]) for table in tables]
            if any(not is_number(table[name]) for table in tables) or any(one is None for one in values):
                return WORDS
            columns.append(_quantiles([one for one in values if one is not None]))
        coded = [np.column_stack([part for column in columns for part in column[i]]) for i in range(len(tables))]
        scaled = [side / np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-300) for side in coded]
        return scaled[0], scaled[1], scaled[2] if len(scaled) > 2 else None

    @cached_property
    def _to_training(self) -> Floats | None:
        return self._nearest(1, 0)

    @cached_property
    def _to_holdout(self) -> Floats | None:
        return self._nearest(1, 2)

    @cached_property
    def _between_real(self) -> Floats | None:
        return self._nearest(2, 0)

    def _nearest(self, queries: int, pool: int) -> Floats | None:
        """Distances to the two nearest points, float64 of shape (2, queries); None without held-out records."""
        from sklearn.neighbors import NearestNeighbors

        assert not isinstance(self._points, str)
        asked, known = self._points[queries], self._points[pool]
        if asked is None or known is None:
            return None
        return np.asarray(NearestNeighbors(n_neighbors=2).fit(known).kneighbors(asked)[0].T, dtype=np.float64)


def _quantiles(tables: list[Floats]) -> list[list[Floats]]:
    """A column's quantiles among real values, in each table, and what is missing where anything is."""
    from sklearn.preprocessing import QuantileTransformer

    real = np.concatenate([tables[0], *tables[2:]])
    scale = QuantileTransformer(output_distribution="uniform", n_quantiles=min(QUANTILES, len(real)))
    scale.fit(real[:, None])
    gaps = any(np.isnan(values).any() for values in tables)
    coded = []
    for values in tables:
        place = np.nan_to_num(scale.transform(values[:, None])[:, 0] - 0.5, nan=0.0)
        coded.append([place, np.isnan(values) - 0.5] if gaps else [place])
    return coded


def _cosine(a: Floats, b: Floats) -> float:
    return float(np.clip(a @ b / np.sqrt((a @ a) * (b @ b)), 0.0, 1.0))
