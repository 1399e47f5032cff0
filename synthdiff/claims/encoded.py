"""SynthEval's measures by their definitions: levels as codes, numbers scaled to 0..1 over all tables together.

Each function gives the figures of one metric under the names that SynthEval gives them.

References
----------
SynthEval 1.7 (Lautrup et al. 2024, Data Mining and Knowledge Discovery 39:6).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np
import pandas as pd

from synthdiff.checks.fidelity.distances import kolmogorov_smirnov, total_variation
from synthdiff.checks.intervals import Floats
from synthdiff.claims.claim import Recomputed
from synthdiff.claims.similarity import numbers

FEW = 10
"""Numbers with fewer distinct values count as levels."""

Figures = dict[str, Recomputed]


@dataclass(frozen=True)
class Encoded:
    """The tables as SynthEval's metrics see them.

    Attributes
    ----------
    real, synthetic : DataFrame
        Codes of levels, and numbers scaled to 0..1.
    holdout : DataFrame or None
        The held-out records.
    levels, numbers : list of str
        Which columns hold what.
    """

    real: pd.DataFrame
    synthetic: pd.DataFrame
    holdout: pd.DataFrame | None
    levels: list[str]
    numbers: list[str]

    @classmethod
    def of(cls, tables: list[pd.DataFrame], levels: list[str] | None) -> Encoded:
        """Encode real, synthetic and, where there are any, held-out records without missing cells."""
        names = [name for name in tables[0].columns if all(name in table.columns for table in tables)]
        known = [table[names].dropna().reset_index(drop=True) for table in tables]
        found = [name for name in names if _levelled(known[0][name])] if levels is None else levels
        coded: dict[str, Floats] = {}
        for name in names:
            together = pd.concat([table[name] for table in known], ignore_index=True)
            values = None if name in found else numbers(together)
            if values is None:
                order = {level: code for code, level in enumerate(sorted(set(together), key=_sortable))}
                coded[name] = together.map(order).to_numpy(dtype=float)
            else:
                width = np.ptp(values) or 1.0
                coded[name] = (values - values.min()) / width
        whole = pd.DataFrame(coded)
        ends = np.cumsum([0, *map(len, known)])
        parts = [whole.iloc[a:b].reset_index(drop=True) for a, b in pairwise(ends)]
        discrete = [name for name in names if name in found]
        holdout = parts[2] if len(parts) > 2 else None
        return cls(parts[0], parts[1], holdout, discrete, [name for name in names if name not in found])


def _levelled(values: pd.Series) -> bool:
    if pd.api.types.is_numeric_dtype(values.dtype):
        return bool(values.nunique() < FEW)
    return True


def _sortable(level: Any) -> tuple[bool, Any]:
    return isinstance(level, str), level


def mean_and_error(values: Floats) -> tuple[float, float]:
    """A mean and its standard error."""
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.nan


def _figures(slack: float = 0.0, **named: float) -> Figures:
    return {name.replace("_", " "): Recomputed.exactly(value, slack) for name, value in named.items()}


def means(tables: Encoded, config: Mapping[str, Any]) -> Figures:
    """dwm: absolute differences of the means of numbers."""
    sides = [table[tables.numbers] for table in (tables.real, tables.synthetic)]
    apart = np.abs(sides[0].mean() - sides[1].mean())
    variances = [side.var(ddof=1) / len(side) for side in sides]
    return _figures(avg=float(apart.mean()), err=float(np.sqrt((variances[0] + variances[1]).sum()) / len(apart)))


def overlaps(tables: Encoded, config: Mapping[str, Any]) -> Figures:
    """cio: how far intervals about the means of numbers overlap."""
    factor = {80: 1.28, 90: 1.645, 95: 1.96, 98: 2.33, 99: 2.58}.get(config.get("confidence", 95), 1.96)
    centres, halves = [], []
    for side in (tables.real[tables.numbers], tables.synthetic[tables.numbers]):
        spread = side.std(ddof=1) / (np.sqrt(len(side)) if config.get("ci", "std") == "sem" else 1.0)
        centres.append(side.mean().to_numpy())
        halves.append(factor * spread.to_numpy())
    highs, lows = (
        [c + h for c, h in zip(centres, halves, strict=True)],
        [c - h for c, h in zip(centres, halves, strict=True)],
    )
    common = np.minimum(*highs) - np.maximum(*lows)
    shares = np.maximum(0.0, (common / (highs[0] - lows[0]) + common / (highs[1] - lows[1])) / 2)
    average, error = mean_and_error(shares)
    none = float((shares == 0).sum())
    return {
        **_figures(avg_overlap=average, overlap_err=error),
        "num non-overlaps": Recomputed.exactly(none),
        "frac non-overlaps": Recomputed.exactly(none / len(shares)),
    }


def associations(tables: Encoded, config: Mapping[str, Any]) -> Figures:
    """corr_diff: the Frobenius norm of the difference of two matrices of associations."""
    mixed = bool(config.get("mixed_corr", True))
    apart = _associations(tables, tables.real, mixed) - _associations(tables, tables.synthetic, mixed)
    return {
        "corr_mat_diff": Recomputed.exactly(float(np.linalg.norm(apart))),
        "corr_mat_dims": Recomputed.exactly(len(apart)),
    }


def _associations(tables: Encoded, table: pd.DataFrame, mixed: bool) -> Floats:
    """Pearson's r, the correlation ratio or the square of Cramér's V, 1 on the diagonal."""
    from scipy.stats import chi2_contingency

    names = [*(tables.levels if mixed else []), *tables.numbers]
    found = np.eye(len(names))
    for i, j in product(range(len(names)), repeat=2):
        a, b = names[i], names[j]
        if i >= j:
            continue
        if a in tables.numbers:
            value = table[a].corr(table[b])
        elif b in tables.numbers:
            value = _correlation_ratio(table[a], table[b])
        else:
            counts = pd.crosstab(table[a], table[b]).to_numpy()
            value = chi2_contingency(counts)[0] / (counts.sum() * (min(counts.shape) - 1) + 1e-16)
        found[i, j] = found[j, i] = value
    return found


def _correlation_ratio(levels: pd.Series, values: pd.Series) -> float:
    centre = values.mean()
    groups = values.groupby(levels).agg(["mean", "size"])
    between = float((groups["size"] * (groups["mean"] - centre) ** 2).sum())
    return between / float(((values - centre) ** 2).sum()) if between else 0.0


def information(tables: Encoded, config: Mapping[str, Any]) -> Figures:
    """mi_diff: the Frobenius norm of the difference of two matrices of normalised mutual information."""
    from sklearn.metrics import normalized_mutual_info_score

    names = list(tables.real.columns)
    sides = []
    for table in (tables.real, tables.synthetic):
        coded = {name: np.unique(table[name], return_inverse=True)[1] for name in names}
        found = np.ones((len(names), len(names)))
        for i, j in product(range(len(names)), repeat=2):
            if i < j:
                found[i, j] = found[j, i] = normalized_mutual_info_score(coded[names[i]], coded[names[j]])
        sides.append(found)
    return {
        "mutual_inf_diff": Recomputed.exactly(float(np.linalg.norm(sides[0] - sides[1])), 1e-6),
        "mi_mat_dims": Recomputed.exactly(len(names)),
    }


def distributions(tables: Encoded, config: Mapping[str, Any]) -> Figures:
    """ks_test: Kolmogorov-Smirnov and total variation distances of single columns, and how many are significant."""
    from scipy.stats import ks_2samp

    level = float(config.get("sig_lvl", 0.05))
    apart: dict[str, float] = {}
    significant = 0
    for name in tables.real.columns:
        real, synthetic = tables.real[name].to_numpy(), tables.synthetic[name].to_numpy()
        if name in tables.levels:
            size = int(max(real.max(), synthetic.max())) + 1
            found = total_variation(real.astype(np.int64), synthetic.astype(np.int64), size)
            apart[name] = round(found.value, 4) if found else np.nan
        else:
            found = kolmogorov_smirnov(real, synthetic)
            apart[name] = found.value if found else np.nan
            significant += int(ks_2samp(real, synthetic).pvalue < level)
    of_numbers, of_levels = (np.array([apart[name] for name in names]) for names in (tables.numbers, tables.levels))
    figures: Figures = {}
    for label, short, values in (
        ("avg stat", "stat err", np.append(of_numbers, of_levels)),
        ("avg ks", "ks err", of_numbers),
        ("avg tvd", "tvd err", of_levels),
    ):
        if len(values):
            average, error = mean_and_error(values)
            # Total variation is rounded to four digits, where a half may go either way.
            figures |= {label: Recomputed.exactly(average, 1e-4), short: Recomputed.exactly(error, 1e-4)}
    drawn = "Significance of columns of levels rests on random permutations."
    most = significant + len(tables.levels)
    return figures | {
        "num sigs": Recomputed.between(significant, most, drawn),
        "frac sigs": Recomputed.between(significant / len(apart), most / len(apart), drawn),
        "avg pval": Recomputed.score(drawn),
        "pval err": Recomputed.score(drawn),
    }


def hellinger(tables: Encoded, config: Mapping[str, Any]) -> Figures:
    """h_dist: Hellinger distances of histograms, levels in as many bins as the real table has of them."""
    found = []
    for name in [*tables.levels, *tables.numbers]:
        sides = tables.real[name].to_numpy(), tables.synthetic[name].to_numpy()
        edges: Any = len(np.unique(sides[0])) if name in tables.levels else _edges(np.concatenate(sides))
        shares = [np.histogram(side, bins=edges)[0] for side in sides]
        roots = [np.sqrt(share / share.sum()) for share in shares]
        found.append(float(np.linalg.norm(roots[0] - roots[1]) / np.sqrt(2)))
    average, error = mean_and_error(np.array(found))
    return _figures(avg=average, err=error)


def _edges(together: Floats) -> Floats:
    """What SynthEval takes for Scott's rule."""
    low, high = np.percentile(together, [25, 75])
    if high == low:
        edges = np.unique(np.percentile(together, [0, 10, 25, 75, 90, 100]))
        return edges if len(edges) >= 2 else np.unique(together)
    width = int(np.ceil(len(together) ** (1 / 3) * np.std(together) / (3.5 * (high - low))))
    span = together.max() - together.min()
    return np.linspace(together.min(), together.max(), min(abs(int(span / width)), 10_000) + 1)


def quantiles(tables: Encoded, config: Mapping[str, Any]) -> Figures:
    """q_mse: how unevenly synthetic values fall between real quantiles, codes of levels taken for numbers."""
    bins = int(config.get("num_quants", 10))
    errors = []
    for name in tables.real.columns:
        real, synthetic = tables.real[name], tables.synthetic[name]
        if name in tables.levels and config.get("cat_mse", False):
            apart = [(synthetic == level).mean() - (real == level).mean() for level in real.unique()]
            errors.append(float(np.mean(np.square(apart))))
        else:
            counts = np.histogram(synthetic, bins=np.quantile(real, np.linspace(0, 1, bins + 1)))[0]
            errors.append(float(np.mean((counts / len(synthetic) - 1 / bins) ** 2)))
    average, error = mean_and_error(np.array(errors))
    return {"avg qMSE": Recomputed.exactly(average), "qMSE err": Recomputed.exactly(error)}


def propensity(tables: Encoded, config: Mapping[str, Any]) -> Figures:
    """p_mse: a logistic regression of real against synthetic records, in the tables' order."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import StandardScaler

    records = pd.concat([tables.real, tables.synthetic], ignore_index=True)
    if tables.numbers:
        records[tables.numbers] = StandardScaler().fit_transform(records[tables.numbers])
    truth = np.repeat([1.0, 0.0], [len(tables.real), len(tables.synthetic)])
    model = LogisticRegression(
        max_iter=config.get("max_iter", 100), solver=config.get("solver", "liblinear"), random_state=42
    )
    folds = StratifiedKFold(n_splits=config.get("k_folds", 5), shuffle=True, random_state=42)
    errors, scores = [], []
    for learnt, asked in folds.split(records, truth):
        model.fit(records.iloc[learnt], truth[learnt])
        chance = model.predict_proba(records.iloc[asked])[:, 0]
        errors.append(float(np.mean((chance - (truth[asked] == 0).mean()) ** 2)))
        scores.append(float(f1_score(truth[asked], model.predict(records.iloc[asked]), average="macro")))
    figures: Figures = {}
    for names, values, slack in ((("avg pMSE", "pMSE err"), errors, 1e-5), (("avg acc", "acc err"), scores, 2e-3)):
        for name, value in zip(names, mean_and_error(np.array(values)), strict=True):
            figures[name] = Recomputed.exactly(value, slack)
    return figures


MEASURES: Mapping[str, Callable[[Encoded, Mapping[str, Any]], Figures]] = {
    "dwm": means,
    "cio": overlaps,
    "corr_diff": associations,
    "mi_diff": information,
    "ks_test": distributions,
    "h_dist": hellinger,
    "q_mse": quantiles,
    "p_mse": propensity,
}
