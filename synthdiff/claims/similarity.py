"""The measures of SDMetrics' reports and of its privacy metrics by their definitions, on columns of two tables.

Values are read as they stand in the tables, not by the schema: a number that stands for a level is a number where the
report treats it as one.

References
----------
SDMetrics 0.32: KSComplement, TVComplement, CorrelationSimilarity, ContingencySimilarity, BoundaryAdherence,
CategoryAdherence, KeyUniqueness, TableStructure, NewRowSynthesis, DCROverfittingProtection.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synthdiff.checks.fidelity.distances import Codes, correlation, kolmogorov_smirnov, total_variation
from synthdiff.checks.intervals import Floats
from synthdiff.claims.claim import Recomputed

DRAWN = 50_000
"""Rows that a contingency table is drawn from where a table has more, without a seed."""

DRAWS = 5
REGULARISED = 1e-6
"""What TVComplement adds for levels that are not in the real table, at most."""


def numbers(values: pd.Series) -> Floats | None:
    """A column as float64 of shape (n,), NaN where missing, moments in seconds; None where it holds words."""
    found: Floats
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        moments = values.dt.tz_convert("UTC").dt.tz_localize(None) if values.dt.tz is not None else values
        seconds = (moments - pd.Timestamp(0)) / pd.Timedelta(seconds=1)
        found = np.asarray(seconds.to_numpy(dtype=np.float64, na_value=np.nan))
    elif pd.api.types.is_numeric_dtype(values.dtype):
        found = np.asarray(values.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan))
    else:
        read = pd.to_numeric(values.astype(object), errors="coerce")
        found = np.asarray(read.to_numpy(dtype=np.float64, na_value=np.nan))
        if (np.isnan(found) & values.notna().to_numpy()).any():
            return None
    return found


def is_number(values: pd.Series) -> bool:
    """Whether pandas takes the column for numbers, truth values or moments."""
    return pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_datetime64_any_dtype(values.dtype)


def codes(real: pd.Series, synthetic: pd.Series) -> tuple[Codes, Codes, int]:
    """Two columns as codes of their common levels, -1 where missing, and how many levels there are."""
    together = pd.concat([real.astype(object), synthetic.astype(object)], ignore_index=True)
    found, levels = pd.factorize(together)
    return found[: len(real)].astype(np.int64), found[len(real) :].astype(np.int64), len(levels)


def bins(values: Floats) -> Codes:
    """A column cut into 10 bins of equal width between its own extremes; missing lies beyond the last edge."""
    known = values[np.isfinite(values)]
    return np.digitize(values, np.histogram_bin_edges(known)).astype(np.int64)


def ks_complement(real: pd.Series, synthetic: pd.Series) -> Recomputed:
    """One minus the Kolmogorov-Smirnov distance of the known cells."""
    values = numbers(real), numbers(synthetic)
    if values[0] is None or values[1] is None:
        return Recomputed.score("The column holds words in the tables given, and the measure is for numbers.")
    apart = kolmogorov_smirnov(values[0], values[1])
    if np.isnan(values[0]).all() or np.isnan(values[1]).all() or apart is None:
        return Recomputed.unknown("One of the tables has no known cell in the column.")
    return Recomputed.exactly(1 - apart.value)


def tv_complement(real: pd.Series, synthetic: pd.Series, stated: float | None = None) -> Recomputed:
    """One minus the total variation distance of the known cells.

    Where cells are missing, a report that comes nearer with missing as a level is taken to have read it as one: what
    stands for a missing value is text to a reader that does not know it.
    """
    of_real, of_synthetic, levels = codes(real, synthetic)
    if stated is not None and ((of_real < 0).any() or (of_synthetic < 0).any()):
        known = tv_complement(real, synthetic)
        as_level = _alike(of_real + 1, of_synthetic + 1, levels + 1)
        if known.value is not None and abs(as_level - stated) < abs(known.value - stated):
            return Recomputed.exactly(as_level, REGULARISED, "With missing cells taken for a level.")
        return known
    apart = total_variation(of_real, of_synthetic, levels)
    if apart is None or (of_real < 0).all() or (of_synthetic < 0).all():
        return Recomputed.unknown("One of the tables has no known cell in the column.")
    return Recomputed.exactly(1 - apart.value, REGULARISED)


@dataclass(frozen=True)
class Pair:
    """What a report on pairs of columns says of one of them.

    Attributes
    ----------
    score : Recomputed
        Its similarity.
    real, synthetic : float or None
        Pearson's correlations, for two numbers.
    association : float or None
        Cramér's V in the real table, otherwise.
    """

    score: Recomputed
    real: float | None = None
    synthetic: float | None = None
    association: float | None = None

    @property
    def strength(self) -> float | None:
        """What is held against the threshold above which a pair counts."""
        return self.association if self.real is None else abs(self.real)


def correlation_similarity(real: pd.DataFrame, synthetic: pd.DataFrame) -> Pair:
    """One minus half the difference of two numbers' correlations over complete rows; frames of two columns."""
    found = []
    for frame in (real, synthetic):
        a, b = numbers(frame.iloc[:, 0]), numbers(frame.iloc[:, 1])
        if a is None or b is None:
            return Pair(Recomputed.score("A column holds words in the tables given, and the measure is for numbers."))
        found.append(correlation(a, b))
    of_real, of_synthetic = (None if one is None else one[0] for one in found)
    if of_real is None or of_synthetic is None:
        return Pair(Recomputed.unknown("A column is constant, so there is no correlation."), of_real, of_synthetic)
    return Pair(Recomputed.exactly(1 - abs(of_real - of_synthetic) / 2), of_real, of_synthetic)


@dataclass(frozen=True)
class Cells:
    """A column as codes in two tables, as a contingency table has them; missing is one of ``size``."""

    real: Codes
    synthetic: Codes
    size: int


def cells(real: pd.Series, synthetic: pd.Series, numeric: bool) -> Cells | None:
    """A column's levels, or numbers cut into bins, in each table between its own extremes; None for words cut so."""
    if not numeric:
        of_real, of_synthetic, levels = codes(real, synthetic)
        return Cells(of_real + 1, of_synthetic + 1, levels + 1)
    values = numbers(real), numbers(synthetic)
    if values[0] is None or values[1] is None:
        return None
    return Cells(bins(values[0]), bins(values[1]), 12)


def contingency_similarity(a: Cells, b: Cells, generator: np.random.Generator) -> Pair:
    """One minus the total variation distance of two contingency tables.

    Parameters
    ----------
    a, b : Cells
        Two columns of the same tables.
    generator : Generator
        Draws rows where there are more than :data:`DRAWN`.
    """
    sides = a.real * b.size + b.real, a.synthetic * b.size + b.synthetic
    association = _cramers_v(a.real, b.real)
    if max(map(len, sides)) <= DRAWN:
        return Pair(Recomputed.exactly(_alike(*sides, a.size * b.size)), association=association)
    scores = []
    for _ in range(DRAWS):
        drawn = [generator.choice(side, min(DRAWN, len(side)), replace=False) for side in sides]
        scores.append(_alike(drawn[0], drawn[1], a.size * b.size))
    slack = 5 * float(np.std(scores, ddof=1))
    reason = f"The measure draws {DRAWN:,} rows without a seed."
    return Pair(Recomputed.exactly(float(np.mean(scores)), slack, reason), association=association)


def _alike(real: Codes, synthetic: Codes, size: int) -> float:
    apart = total_variation(real, synthetic, size)
    return 1 - apart.value if apart is not None else 0.0


def _cramers_v(a: Codes, b: Codes) -> float | None:
    """Cramér's V of two columns of codes; None where one of them is constant."""
    a, b = (np.unique(side, return_inverse=True)[1] for side in (a, b))
    rows, columns = int(a.max(initial=0)) + 1, int(b.max(initial=0)) + 1
    if min(rows, columns) < 2:
        return None
    observed = np.bincount(a * columns + b, minlength=rows * columns).reshape(rows, columns)
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0)) / len(a)
    squared = float(((observed - expected) ** 2 / expected).sum())
    return float(np.sqrt(squared / len(a) / (min(rows, columns) - 1)))


def boundary_adherence(real: pd.Series, synthetic: pd.Series) -> Recomputed:
    """The share of synthetic values between the real extremes; missing ones count where the real column has none."""
    known, others = numbers(real), numbers(synthetic)
    if known is None or others is None:
        return Recomputed.score("The column holds words in the tables given, and the measure is for numbers.")
    if np.isnan(known).any():
        others = others[~np.isnan(others)]
    if np.isnan(known).all() or not len(others):
        return Recomputed.unknown("One of the tables has no known cell in the column.")
    within = (others >= np.nanmin(known)) & (others <= np.nanmax(known))
    return Recomputed.exactly(float(within.mean()))


def category_adherence(real: pd.Series, synthetic: pd.Series) -> Recomputed:
    """The share of synthetic cells whose level the real table has."""
    of_real, of_synthetic, _ = codes(real, synthetic)
    return Recomputed.exactly(float(np.isin(of_synthetic, of_real).mean()))


def key_uniqueness(keys: pd.DataFrame) -> Recomputed:
    """The share of synthetic keys that are neither missing nor a repetition."""
    repeated = keys.duplicated() | keys.isna().all(axis=1)
    return Recomputed.exactly(1 - float(repeated.mean()))


def table_structure(real: pd.DataFrame, synthetic: pd.DataFrame) -> Recomputed:
    """The share of columns that the tables have in common, with the dtypes that pandas reads from CSV."""
    kinds = [{(name, _dtype(frame[name])) for name in frame.columns} for frame in (real, synthetic)]
    return Recomputed.exactly(
        len(kinds[0] & kinds[1]) / len(kinds[0] | kinds[1]), reason="With dtypes as pandas reads them from CSV."
    )


def _dtype(values: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(values.dtype):
        return "object" if values.isna().any() else "bool"
    if pd.api.types.is_numeric_dtype(values.dtype):
        return "int64" if pd.api.types.is_integer_dtype(values.dtype) and values.notna().all() else "float64"
    return "datetime64" if pd.api.types.is_datetime64_any_dtype(values.dtype) else "object"


@dataclass(frozen=True)
class _Mixed:
    """Records as numbers and codes, in two tables that share their codes."""

    numbers: Floats
    codes: Codes

    def rows(self, chosen: slice) -> _Mixed:
        return _Mixed(self.numbers[chosen], self.codes[chosen])

    def __len__(self) -> int:
        return len(self.codes)


def _mixed(frames: list[pd.DataFrame], numeric: Collection[str]) -> list[_Mixed]:
    """Tables of the same columns: those named as numbers, where they hold numbers, and codes of levels else."""
    kept: list[list[Floats]] = [[] for _ in frames]
    levels: list[list[Codes]] = [[] for _ in frames]
    for name in frames[0].columns:
        columns = [frame[name] for frame in frames]
        values = [numbers(column) for column in columns]
        if name not in numeric or any(one is None for one in values):
            found = pd.factorize(pd.concat([column.astype(object) for column in columns], ignore_index=True))[0]
            ends = np.cumsum([len(frame) for frame in frames])[:-1]
            for side, part in zip(levels, np.split(found.astype(np.int64), ends), strict=True):
                side.append(part)
        else:
            for kept_side, value in zip(kept, values, strict=True):
                assert value is not None
                kept_side.append(value)
    return [
        _Mixed(_stack(ours, len(frame), float), _stack(theirs, len(frame), np.int64))
        for ours, theirs, frame in zip(kept, levels, frames, strict=True)
    ]


def _stack(columns: list[Any], rows: int, dtype: type) -> Any:
    return np.column_stack(columns).astype(dtype) if columns else np.empty((rows, 0), dtype=dtype)


def _blocks(rows: int, others: int) -> Iterator[slice]:
    """Blocks of rows whose comparison with all others takes about 40 MB a matrix."""
    size = max(1, 5_000_000 // max(1, others))
    return (slice(start, start + size) for start in range(0, rows, size))


def new_row_synthesis(real: pd.DataFrame, synthetic: pd.DataFrame, numeric: Collection[str]) -> dict[str, float]:
    """The share of synthetic rows that no real row equals, numbers within 1 % of the synthetic value."""
    of_real, of_synthetic = _mixed([real, synthetic], numeric)
    new = 0
    for block in _blocks(len(of_synthetic), len(of_real)):
        part = of_synthetic.rows(block)
        same = np.ones((len(part), len(of_real)), dtype=bool)
        for a, b in zip(part.codes.T, of_real.codes.T, strict=True):
            same &= a[:, None] == b[None]
        for x, y in zip(part.numbers.T, of_real.numbers.T, strict=True):
            near = np.abs(x[:, None] - y[None]) <= np.abs(0.01 * x)[:, None]
            same &= near | (np.isnan(x)[:, None] & np.isnan(y)[None])
        new += int((~same.any(axis=1)).sum())
    rows = len(synthetic)
    return {"score": new / rows, "num_new_rows": new, "num_matched_rows": rows - new}


def dcr_overfitting_protection(
    real: pd.DataFrame, synthetic: pd.DataFrame, holdout: pd.DataFrame, numeric: Collection[str]
) -> dict[str, float]:
    """Twice the share of synthetic rows that are no nearer to a training row than to a held-out one, at most 1."""
    of_real, of_synthetic, of_holdout = _mixed([real, synthetic, holdout], numeric)
    nearer = float((_closest(of_synthetic, of_real) < _closest(of_synthetic, of_holdout)).mean())
    return {"score": min(1.0, 2 * (1 - nearer)), "closer_to_training": nearer, "closer_to_holdout": 1 - nearer}


def _closest(rows: _Mixed, reference: _Mixed) -> Floats:
    """Each row's distance to the nearest of a reference: differences by its ranges, 1 for another level."""
    known = reference.numbers
    width = np.nanmax(known, axis=0) - np.nanmin(known, axis=0) if known.shape[1] else np.empty(0)
    found = np.empty(len(rows))
    for block in _blocks(len(rows), len(reference)):
        part = rows.rows(block)
        apart = np.zeros((len(part), len(reference)))
        for a, b in zip(part.codes.T, reference.codes.T, strict=True):
            apart += a[:, None] != b[None]
        for x, y, span in zip(part.numbers.T, known.T, width, strict=True):
            difference = np.abs(x[:, None] - y[None])
            scaled = np.minimum(difference / span, 1.0) if span else (difference > 0).astype(float)
            one_missing = np.isnan(x)[:, None] != np.isnan(y)[None]
            apart += np.where(np.isnan(scaled), one_missing, scaled)
        found[block] = apart.min(axis=1)
    return found
