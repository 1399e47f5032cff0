"""SynthEval: its key results, a frame as JSON, or its raw results by metric.

The key results are what ``evaluate`` returns, written with ``to_json``. ``{"results": …}`` with either may stand beside
``"config"`` (the settings by metric), ``"cat_cols"`` (the columns taken for levels) and ``"nn_distance"``.

References
----------
SynthEval 1.7 (Lautrup et al. 2024, Data Mining and Knowledge Discovery 39:6).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from synthdiff.checks.check import Evidence
from synthdiff.claims import defects, encoded, neighbours
from synthdiff.claims.claim import Claim, Recomputed, Source, decimals_of, nearest
from synthdiff.claims.defects import Defect
from synthdiff.claims.encoded import Encoded, Figures
from synthdiff.claims.reading import Reader

TITLES: Mapping[str, str] = {
    "dwm": "Difference of means",
    "pca": "Principal components",
    "cio": "Overlap of intervals",
    "corr_diff": "Difference of correlations",
    "mi_diff": "Difference of mutual information",
    "ks_test": "Distance of single columns",
    "h_dist": "Hellinger distance",
    "p_mse": "Propensity of a logistic regression",
    "q_mse": "Quantiles",
    "nndr": "Ratio of nearest distances",
    "nnaa": "Nearest neighbours' adversarial accuracy",
    "dcr": "Distance to the closest record",
    "hit_rate": "Hitting rate",
    "eps_risk": "Identifiability",
    "mia": "Membership inference",
    "att_discl": "Attribute disclosure",
    "auroc_diff": "Difference of AUROC",
    "cls_acc": "Difference of accuracy",
    "fio": "Overlap of important features",
    "mmd": "Maximum mean discrepancy",
    "statistical_parity": "Statistical parity",
}

KEY_RESULTS: Mapping[str, tuple[str, str, str]] = {
    "avg_dwm_diff": ("dwm", "avg", "err"),
    "avg_cio": ("cio", "avg overlap", "overlap err"),
    "corr_mat_diff": ("corr_diff", "corr_mat_diff", ""),
    "mutual_inf_diff": ("mi_diff", "mutual_inf_diff", ""),
    "ks_tvd_stat": ("ks_test", "avg stat", "stat err"),
    "frac_ks_sigs": ("ks_test", "frac sigs", ""),
    "avg_h_dist": ("h_dist", "avg", "err"),
    "avg_pMSE": ("p_mse", "avg pMSE", "pMSE err"),
    "avg_qMSE": ("q_mse", "avg qMSE", "qMSE err"),
    "avg_nndr": ("nndr", "avg", "err"),
    "priv_loss_nndr": ("nndr", "priv_loss", "priv_loss_err"),
    "nnaa": ("nnaa", "avg", "err"),
    "priv_loss_nnaa": ("nnaa", "priv_loss", "priv_loss_err"),
    "median_DCR": ("dcr", "mDCR", ""),
    "hit_rate": ("hit_rate", "hit rate", ""),
    "eps_identif_risk": ("eps_risk", "eps_risk", ""),
    "priv_loss_eps": ("eps_risk", "priv_loss", ""),
    "mia_recall": ("mia", "MIA recall", "MIA recall se"),
    "mia_precision": ("mia", "MIA precision", "MIA precision se"),
}
"""Under what metric and names a key result and its error stand among the raw ones."""

_DEFECTS: Mapping[str, tuple[Defect, ...]] = {
    "corr_diff": (defects.MIXED_SCALES,),
    "mi_diff": (defects.NUMBERS_AS_WORDS,),
    "ks_test": (defects.ONE_COLUMN,),
    "h_dist": (defects.MISPLACED_LEVELS, defects.ONE_COLUMN),
    "dwm": (defects.ONE_COLUMN,),
    "cio": (defects.ONE_COLUMN,),
    "p_mse": (defects.LOGISTIC,),
    "q_mse": (defects.TIED_QUANTILES, defects.ONE_COLUMN),
    "nndr": (defects.ALIGNED_COPY, defects.DCR),
    "nnaa": (defects.DCR,),
    "dcr": (defects.ALIGNED_COPY, defects.DCR),
    "hit_rate": (defects.EXACT_MATCHES,),
    "eps_risk": (defects.ALIGNED_COPY, defects.ROUNDED_ENTROPY, defects.HOLDOUT_SHARE),
    "mia": (defects.UNCALIBRATED_ATTACK,),
}

WRAPPING = ("results", "config", "cat_cols", "nn_distance")


class SynthEval(Source):
    """SynthEval's key results as DataFrame.to_json() writes them, or its raw results by metric."""

    kind: Literal["syntheval"] = "syntheval"

    def recognises(self, document: Any) -> bool:
        """By its metrics."""
        if isinstance(document, Mapping) and "results" in document:
            document = document["results"]
        if isinstance(document, list):
            return bool(document) and all(
                isinstance(row, Mapping) and {"metric", "val"} <= set(row) for row in document
            )
        if not isinstance(document, Mapping):
            return False
        return {"metric", "val"} <= set(document) or (bool(document) and set(document) <= set(TITLES))

    def claims(self, document: Any, where: str) -> list[Claim]:
        """Each value with its error; normalised values, which only rank, are left out."""
        reader = Reader(where)
        wrapped = isinstance(document, Mapping) and "results" in document
        around = document if wrapped else {}
        for key in around:
            if key not in WRAPPING:
                reader.wrong(str(key), around[key], f"the keys {', '.join(WRAPPING)}")
        content, prefix = (around["results"], "results.") if wrapped else (document, "")
        cat_cols = around.get("cat_cols")
        if cat_cols is not None and not (isinstance(cat_cols, list) and all(isinstance(c, str) for c in cat_cols)):
            reader.wrong("cat_cols", cat_cols, "a list of columns")
        raw = isinstance(content, Mapping) and not {"metric", "val"} <= set(content)
        found = list(_raw(reader, content, prefix) if raw else _key_results(reader, content, prefix))
        config = {
            name: reader.mapping(settings, f"config.{name}")
            for name, settings in reader.mapping(around.get("config", {}), "config").items()
        }
        reader.finish()
        context = {
            "config": config,
            "cat_cols": cat_cols,
            "nn_distance": around.get("nn_distance", "gower"),
            "holdout": _with_holdout({metric for _, metric, *_ in found}, {name for *_, name, _ in found}),
        }
        decimals = decimals_of(value for *_, value in found)
        return [
            Claim("syntheval", key, metric, f"{TITLES.get(metric, metric)}: {name}", value, decimals, (name,), context)
            for key, metric, name, value in found
        ]

    def recompute(self, claims: Sequence[Claim], evidence: Evidence) -> Iterator[Recomputed]:
        """Each metric once, by its definition in SynthEval 1.7."""
        real = [evidence.train, evidence.synthetic]
        choices = [real] if evidence.holdout is None else [[*real, evidence.holdout], real]
        readings: list[tuple[Encoded, dict[str, Figures | str]]] = []
        for claim in claims:
            if not readings:
                readings = [(Encoded.of(tables, claim.context["cat_cols"]), {}) for tables in choices]
            used = claim.context["holdout"]
            if used and evidence.holdout is None:
                yield Recomputed.unknown("The report rests on held-out records, too, which are not given.")
                continue
            possible = readings if used is None else readings[:1] if used else readings[-1:]
            yield nearest(claim.value, [_recomputed(claim, *reading) for reading in possible])

    def defects(self, claim: Claim) -> tuple[Defect, ...]:
        """By the metric."""
        return _DEFECTS.get(claim.measure, ())


def _with_holdout(metrics: set[str], names: set[str]) -> bool | None:
    """Whether held-out records were given, by which the package scales numbers, too; None where that cannot be told."""
    if "mia" in metrics or any(name.startswith("priv_loss") for name in names):
        return True
    return False if metrics & {"nndr", "nnaa", "eps_risk"} else None


Row = tuple[str, str, str, float]
"""Keys, metric, name and value of a claim."""


def _raw(reader: Reader, content: Mapping[str, Any], prefix: str) -> Iterator[Row]:
    for metric, figures in content.items():
        if metric not in TITLES:
            reader.wrong(f"{prefix}{metric}", figures, f"the metrics {', '.join(TITLES)}")
            continue
        for name, found in reader.mapping(figures, f"{prefix}{metric}").items():
            if isinstance(found, str | list | Mapping):
                continue
            value = reader.number(found, f"{prefix}{metric}.{name}")
            if value is not None:
                yield f"{prefix}{metric}.{name}", metric, str(name), value


def _key_results(reader: Reader, content: Any, prefix: str) -> Iterator[Row]:
    for i, row in enumerate(reader.table(content, prefix.rstrip(".") or "the file")):
        name, key = row.get("metric"), f"{prefix}[{i}]"
        if not isinstance(name, str):
            reader.wrong(f"{key}.metric", name, "the name of a metric")
            continue
        metric, value_name, error_name = KEY_RESULTS.get(name, (name, name, f"{name} error"))
        for part, label in (("val", value_name), ("err", error_name)):
            value = reader.number(row.get(part), f"{key}.{part}")
            if value is not None and label:
                yield f"{key}.{part}", metric, label, value


def _recomputed(claim: Claim, tables: Encoded, known: dict[str, Figures | str]) -> Recomputed:
    """One figure; each metric is measured once."""
    if claim.measure not in known:
        known[claim.measure] = _measured(claim, tables)
    figures = known[claim.measure]
    if isinstance(figures, str):
        return Recomputed.unknown(figures)
    return figures.get(claim.subject[0]) or Recomputed.unknown("The metric has no such figure in SynthEval 1.7.")


def _measured(claim: Claim, tables: Encoded) -> Figures | str:
    """The figures of a metric, or why there are none."""
    metric, config = claim.measure, claim.context["config"].get(claim.measure, {})
    if not len(tables.real) or not len(tables.synthetic):
        return "No record of one of the tables is without missing cells, which the package needs."
    if metric in encoded.MEASURES:
        if metric in ("dwm", "cio") and not tables.numbers:
            return "No column counts as a number."
        return encoded.MEASURES[metric](tables, config)
    if metric not in neighbours.MEASURES:
        return "It rests on models that are fitted, or on records that are drawn, without a seed."
    if metric != "hit_rate" and claim.context["nn_distance"] != "gower":
        return f"Only the default distance, gower, is recomputed, not {claim.context['nn_distance']}."
    if max(len(tables.real), len(tables.synthetic)) > neighbours.MOST:
        return f"Distances between more than {neighbours.MOST:,} records a table are not recomputed."
    return neighbours.MEASURES[metric](tables, config)
