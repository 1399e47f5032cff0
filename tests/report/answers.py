"""Audits' answers for the report's tests: made up, but of the form and size that the checks give."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from synthdiff import audit
from synthdiff.checks.check import Check

assert audit  # brings the checks, whose own words the answers below have

HEART = {
    "age": "continuous",
    "anaemia": "boolean",
    "creatinine_phosphokinase": "integer",
    "diabetes": "boolean",
    "ejection_fraction": "integer",
    "high_blood_pressure": "boolean",
    "platelets": "continuous",
    "serum_creatinine": "continuous",
    "serum_sodium": "integer",
    "sex": "categorical",
    "smoking": "boolean",
    "time": "integer",
    "DEATH_EVENT": "boolean",
}

HOSTILE = (
    "<script>alert('1')</script>",
    'quote" onload="alert(1)',
    "a < b & c > d",
    "$\\frac{x}{y}$",
    "גיל המטופל",
    "\u202etfel ot thgir\u202c",
    "line\nbreak\tand\x07bell",
    "]]> --> <!-- </style></title>",
    "{{ 7 * 7 }}{% raw %}",
    "x" * 400,
    "javascript:alert(1)//https://example.invalid/",
    "&lt;img src=x&gt;",
    "年齢（歳）🙂",
    "",
)


def answer(
    verdict: str = "pass",
    *,
    kinds: dict[str, str] | None = None,
    holdout: bool = True,
    n_levels: int = 4,
    level_names: Sequence[str] | None = None,
    seed: int = 7,
) -> dict[str, Any]:
    """An audit's answer with every check that there is, of the verdict asked for."""
    rng = np.random.default_rng(seed)
    kinds = dict(kinds or HEART)
    off = {"pass": 1.0, "inconclusive": 1.2, "fail": 6.0}[verdict]
    checks: dict[str, Any] = {}
    for build in (_schema, _copies, _shape, _trend, _missingness, _detection, _utility, _membership, _blind):
        name, check = build(rng, kinds, off, n_levels, level_names)
        checks[name] = _worded(name, check)
    if not holdout:
        for name in ("copies", "detection", "utility", "membership", "blind_baseline"):
            checks[name] |= silent("There are no held-out records. Hold out 20 % of the table, about 60 records.")
        for check in checks.values():
            check["reference"] = None
            for part in [*check["estimates"].values(), *check["bars"].values()]:
                part["reference"] = None
    if verdict == "inconclusive" and holdout:
        _unsure(checks["membership"], "tpr_at_fpr_0.01", 1200)
    required = {
        "schema_violation_rate": "<= 0",
        "excess_copy_rate": "<= 0.002",
        "shape_error": "<= reference + 0.03",
        "trend_error": "<= reference + 0.05",
        "membership_advantage": "<= 0.10",
        "tpr_at_fpr_0.01": "<= 0.02",
        "blind_auc": "includes 0.5",
    }
    lines = {
        "pass": "The data meet every bar of the policy “share-publicly”: no attack did better than guessing.",
        "fail": "The data may not leave: an attacker can tell who was in the training data, and records were copied.",
        "inconclusive": "The audit cannot tell: 60 held-out records are too few for the bar at 1 % false alarms.",
    }
    return {
        "format": "synthdiff-audit/1",
        "name": "heart-failure",
        "verdict": verdict,
        "headline": lines[verdict],
        "policy": {
            "name": "share-publicly",
            "sha256": "8b1f0c6a4a5e2f7d9c3b0e1d6f5a4c3b2a1908f7e6d5c4b3a29180f7e6d5c4b3",
            "require": required,
            "purpose": "Anyone may have the data, without a contract.",
            "comparisons": len(required),
            "multiplicity": "A bar counts as missed only when an interval widened for their number misses it.",
        },
        "data": {
            "train_rows": 239,
            "holdout_rows": 60 if holdout else None,
            "synthetic_rows": 12345,
            "columns": len(kinds),
            "target": list(kinds)[-1],
            "kinds": kinds,
        },
        "environment": {"synthdiff": "0.1.0", "python": "3.11.2", "torch": "2.13.0"},
        "seed": seed,
        "checks": checks,
    }


def _worded(name: str, check: dict[str, Any]) -> dict[str, Any]:
    """The check with the words that the real one brings."""
    terms = {key: {"label": label, "meaning": said} for key, (label, said) in Check.members[name].terms.items()}
    for key, bar in check["bars"].items():
        bar["label"] = terms[key]["label"]
    return check | {"title": Check.members[name].title, "terms": terms}


def silent(reason: str) -> dict[str, Any]:
    """What a check gives that cannot answer."""
    nothing = {"value": None, "interval": None, "n": 0, "reference": None, "estimates": {}, "detail": {}}
    return nothing | {"verdict": "inconclusive", "reason": reason, "bars": {}}


def _unsure(check: dict[str, Any], name: str, needed: int) -> None:
    check["bars"][name] |= {"verdict": "inconclusive", "n_needed": needed, "interval": [0.0, 0.088]}
    check["estimates"][name]["interval"] = [0.0, 0.088]
    check["verdict"] = "inconclusive"
    check["reason"] = "The interval at 1 % false alarms, 0 to 0.088, lies on both sides of the bar 0.02."


def _check(
    aspect: str, title: str, unit: str, direction: str, source: str, reason: str,
    estimates: dict[str, dict[str, Any]], bars: dict[str, tuple[str, float | None, bool]], detail: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    judged: dict[str, Any] = {}
    for name, (bar, limit, gating) in bars.items():
        one = estimates[name]
        low, high = one["interval"]
        good = low <= 0.5 <= high if limit is None else (high <= limit if bar.startswith("<") else low >= limit)
        judged[name] = {
            **one, "bar": bar, "limit": limit, "verdict": "pass" if good else "fail", "gating": gating,
            "n_needed": None,
        }  # fmt: skip
    first = next(iter(estimates))
    required = any(gating for _, _, gating in bars.values())
    words = {bar["verdict"] for bar in judged.values() if bar["gating"]} or {bar["verdict"] for bar in judged.values()}
    return {
        **estimates[first], "estimate": first, "unit": unit, "direction": direction, "aspect": aspect, "source": source,
        "title": title, "verdict": "fail" if "fail" in words else "pass", "gating": required,
        "reason": reason, "bars": judged, "estimates": estimates, "detail": detail,
    }  # fmt: skip


def _estimate(value: float, half: float, n: int, reference: float | None, lowest: float = -1.0) -> dict[str, Any]:
    around = None
    if reference is not None:
        around = {
            "value": round(reference, 4),
            "interval": [round(max(lowest, reference - half), 4), round(reference + half, 4)],
        }
    interval = [round(max(lowest, value - half), 4), round(value + half, 4)]
    return {"value": round(value, 4), "interval": interval, "n": n, "reference": around}


def _schema(rng: Any, kinds: Any, off: float, *_: Any) -> tuple[str, dict[str, Any]]:
    rate = 0.0 if off < 5 else 0.0123
    broken = [] if off < 5 else [{"column": next(iter(kinds)), "rule": "above the declared maximum", "rate": 0.0123}]
    return "schema", _check(
        "fidelity", "Rules of the schema", "share", "lower is better", "synthdiff",
        "Every synthetic record obeys the schema." if off < 5 else "1.23 % of the synthetic records break a rule.",
        {"schema_violation_rate": _estimate(rate, 0.0 if off < 5 else 0.002, 12345, 0.0, 0.0)},
        {"schema_violation_rate": ("<= 0", 0.0, True)},
        {"violations": broken, "columns": len(kinds)},
    )  # fmt: skip


def _copies(rng: Any, kinds: Any, off: float, *_: Any) -> tuple[str, dict[str, Any]]:
    rate = 0.0 if off < 5 else 0.0417
    return "copies", _check(
        "privacy", "Exact copies", "share", "lower is better",
        "synthdiff",
        f"{rate:.1%} of the synthetic records equal a training record; 0.0 % of the held-out records do.",
        {
            "copy_rate": _estimate(rate, 0.0006, 12345, 0.0, 0.0),
            "excess_copy_rate": _estimate(rate, 0.0011, 12345, 0.0),
        },
        {"copy_rate": ("<= 0.01", 0.01, False), "excess_copy_rate": ("<= 0.002", 0.002, True)},
        {
            "synthetic_rate": rate, "holdout_rate": 0.0, "count": int(rate * 12345), "rows_compared": 12345,
            "aligned_rate": 0.0,
        },
    )  # fmt: skip


def _shares(rng: Any, n: int, off: float) -> tuple[list[float], list[float]]:
    real = rng.dirichlet(2.0 * np.hanning(n + 2)[1:-1] * 8 + 0.3)
    synthetic = np.clip(real + rng.normal(0, 0.004 * off, n) * np.sqrt(real * 12), 1e-4, None)
    return [round(float(x), 5) for x in real], [round(float(x), 5) for x in synthetic / synthetic.sum()]


def _shape(rng: Any, kinds: Any, off: float, n_levels: int, level_names: Any) -> tuple[str, dict[str, Any]]:
    columns: dict[str, Any] = {}
    for index, (name, kind) in enumerate(kinds.items()):
        numeric = kind in ("continuous", "integer", "datetime")
        if numeric:
            at = np.round(np.linspace(10 * (index + 1), 40 * (index + 2), 17), 0).astype(int)
            labels = [f"< {at[0]}", *(f"{a} – {b}" for a, b in itertools.pairwise(at)), f"≥ {at[-1]}"]
        elif kind == "boolean":
            labels = ["0", "1"]
        else:
            labels = list(level_names or (f"level {i}" for i in range(n_levels)))
        real, synthetic = _shares(rng, len(labels), off)
        error = 0.5 * sum(abs(r - s) for r, s in zip(real, synthetic, strict=True))
        columns[name] = {
            "kind": "numeric" if numeric else "discrete", "error": round(error, 4),
            "interval": [round(0.8 * error, 4), round(1.25 * error, 4)], "reference": round(0.6 * error / off, 4),
            "labels": labels, "real": real, "synthetic": synthetic,
        }  # fmt: skip
    mean = float(np.mean([column["error"] for column in columns.values()]))
    return "shape", _check(
        "fidelity", "Single columns", "distance", "lower is better",
        "Shape of SDMetrics: Kolmogorov–Smirnov distance (numbers), total variation (levels)",
        f"On average a column's distribution is {mean:.1%} off.",
        {"shape_error": _estimate(mean, 0.004, 12345, 0.021, 0.0)},
        {"shape_error": ("<= reference + 0.03", 0.051, True)},
        {"columns": columns},
    )  # fmt: skip


def _trend(rng: Any, kinds: Any, off: float, *_: Any) -> tuple[str, dict[str, Any]]:
    names = list(kinds)[:40]
    n = len(names)
    loadings = rng.normal(0, 0.5, (n, 3))
    real = loadings @ loadings.T
    scale = np.sqrt(np.diag(real) + 0.4)
    real = real / np.outer(scale, scale)
    noise = rng.normal(0, 0.02 * off, (n, n))
    synthetic = np.clip(real + (noise + noise.T) / 2, -1, 1)
    for matrix in (real, synthetic):
        np.fill_diagonal(matrix, 1)
    error = np.abs(real - synthetic) / 2
    pairs = sorted(((a, b) for a in range(n) for b in range(a)), key=lambda pair: -error[pair])[:10]
    mean = float(error.mean())
    return "trend", _check(
        "fidelity", "Pairs of columns", "distance", "lower is better",
        "Trend of SDMetrics: difference of correlations, contingency similarity",
        f"On average the relation of two columns is {mean:.1%} off.",
        {
            "trend_error": _estimate(mean, 0.003, 12345, 0.009, 0.0),
            "trend_error_own_bins": _estimate(mean * 2.3, 0.006, 12345, 0.014, 0.0),
        },
        {"trend_error": ("<= reference + 0.05", 0.059, True)},
        {
            "columns": names, "real": real.round(3).tolist(), "synthetic": synthetic.round(3).tolist(),
            "error": error.round(3).tolist(),
            "worst": [
                {
                    "a": names[a], "b": names[b], "error": round(float(error[a, b]), 4),
                    "real": round(float(real[a, b]), 3), "synthetic": round(float(synthetic[a, b]), 3),
                }
                for a, b in pairs
            ],
            "own_bins": {"value": mean * 2.3}, "common_bins": {"value": mean},
        },
    )  # fmt: skip


def _missingness(rng: Any, kinds: Any, off: float, *_: Any) -> tuple[str, dict[str, Any]]:
    columns = {}
    for index, name in enumerate(kinds):
        real = round(float(rng.uniform(0.01, 0.6)), 4) if index % 2 == 0 else 0.0
        synthetic = round(float(np.clip(real + rng.normal(0, 0.01 * off), 0, 1)), 4) if real else 0.0
        columns[name] = {"real": real, "synthetic": synthetic, "error": round(abs(real - synthetic), 4)}
    mean = float(np.mean([column["error"] for column in columns.values()]))
    return "missingness", _check(
        "fidelity", "Missing values", "share", "lower is better", "synthdiff",
        f"A column's share of missing cells is {mean:.1%} off on average.",
        {"missingness_error": _estimate(mean, 0.003, 12345, 0.004, 0.0)},
        {"missingness_error": ("<= reference + 0.05", 0.054, False)},
        {"columns": columns, "pairs": {"value": round(mean * 1.4, 4)}, "detectable": False},
    )  # fmt: skip


def _roc(auc: float, n: int = 101) -> dict[str, list[float]]:
    fpr = np.linspace(0, 1, n)
    power = (1 - auc) / auc
    return {"fpr": fpr.round(4).tolist(), "tpr": (fpr**power).round(4).tolist()}


def _detection(rng: Any, kinds: Any, off: float, *_: Any) -> tuple[str, dict[str, Any]]:
    auc = 0.5 + 0.032 * off
    drops = sorted(rng.exponential(0.02 * off, min(10, len(kinds))), reverse=True)
    return "detection", _check(
        "fidelity", "Telling synthetic from real", "AUC", "0.5 is best",
        "Classifier two-sample test with gradient boosting (Lopez-Paz & Oquab 2017)",
        f"A gradient-boosting classifier tells synthetic from real records with AUC {auc:.3f}.",
        {"detection_auc": _estimate(auc, 0.031, 478, 0.506)},
        {"detection_auc": ("<= 0.65", 0.65, False)},
        {
            "roc": _roc(auc), "reference_roc": _roc(0.506),
            "importance": [
                {"column": name, "auc_drop": round(float(drop), 4)} for name, drop in zip(kinds, drops, strict=False)
            ],
        },
    )  # fmt: skip


def _utility(rng: Any, kinds: Any, off: float, *_: Any) -> tuple[str, dict[str, Any]]:
    drop = 0.008 * off
    return "utility", _check(
        "utility", "Learn from synthetic, test on real", "ROC AUC", "lower is better", "Esteban et al. (2017), TSTR",
        f"A model that learnt from synthetic records loses {drop:.3f} ROC AUC on real ones.",
        {
            "utility_drop": _estimate(drop, 0.021, 60, 0.0),
            "utility_synthetic": _estimate(0.884 - drop, 0.04, 60, 0.884),
        },
        {"utility_drop": ("<= 0.05", 0.05, False)},
        {
            "target": list(kinds)[-1], "metric": "ROC AUC", "learner": "gradient boosting",
            "real": {"value": 0.884, "interval": [0.801, 0.951]},
            "synthetic": {"value": round(0.884 - drop, 4), "interval": [round(0.79 - drop, 4), round(0.945 - drop, 4)]},
            "drop": {"value": drop, "interval": [drop - 0.021, drop + 0.021]}, "n_test": 60,
        },
    )  # fmt: skip


def _membership(rng: Any, kinds: Any, off: float, *_: Any) -> tuple[str, dict[str, Any]]:
    auc = 0.503 if off < 5 else 0.658
    low, high = (0.0085, 0.101) if off < 5 else (0.071, 0.289)
    return "membership", _check(
        "privacy", "Membership attack", "AUC", "0.5 is best",
        "Domias (van Breugel et al. 2023), calibrated by a reference set, k = 5",
        f"An attacker tells training records from others with AUC {auc:.3f}; guessing is 0.5.",
        {
            "membership_auc": _estimate(auc, 0.013, 19516, 0.5),
            "membership_advantage": _estimate(2 * auc - 1, 0.026, 19516, 0.0),
            "tpr_at_fpr_0.01": _estimate(low, 0.0043, 19516, 0.01, 0.0),
            "tpr_at_fpr_0.10": _estimate(high, 0.012, 19516, 0.1, 0.0),
        },
        {
            "membership_advantage": ("<= 0.10", 0.10, True), "tpr_at_fpr_0.01": ("<= 0.02", 0.02, True),
            "tpr_at_fpr_0.10": ("<= 0.15", 0.15, False),
        },
        {
            "roc": _roc(auc), "attacked": 60, "control": 60,
            "tpr_at_fpr_0.01": {"value": low, "interval": [max(0.0, low - 0.0043), low + 0.0043]},
            "tpr_at_fpr_0.10": {"value": high, "interval": [high - 0.012, high + 0.012]},
            "outliers": {"value": auc + 0.01, "interval": [auc - 0.04, auc + 0.06], "n": 24},
        },
    )  # fmt: skip


def _blind(rng: Any, kinds: Any, off: float, *_: Any) -> tuple[str, dict[str, Any]]:
    return "blind_baseline", _check(
        "privacy", "Blind attack", "AUC", "0.5 is best", "Meeus et al. (2024); Das et al. (2024)",
        "Without the synthetic data, training and held-out records cannot be told apart (AUC 0.497).",
        {"blind_auc": _estimate(0.497, 0.034, 478, None)},
        {"blind_auc": ("includes 0.5", None, True)},
        {"roc": _roc(0.497)},
    )  # fmt: skip


def _many_columns() -> dict[str, Any]:
    kinds = ("continuous", "integer", "categorical", "boolean")
    return answer(kinds={f"measurement number {i}": kinds[i % 4] for i in range(200)})


def _nothing() -> dict[str, Any]:
    made = answer("inconclusive", holdout=False)
    for check in made["checks"].values():
        check |= {"value": None, "interval": None, "n": 0, "estimates": {}, "detail": {}, "bars": {}, "reference": None}
        check |= {"verdict": "inconclusive", "reason": "The table has too few records; 400 would do."}
    return made


CASES: dict[str, Callable[[], dict[str, Any]]] = {
    "pass": answer,
    "fail": lambda: answer("fail"),
    "inconclusive": lambda: answer("inconclusive"),
    "nothing answered": _nothing,
    "no holdout": lambda: answer("inconclusive", holdout=False),
    "one column": lambda: answer(kinds={"only": "continuous"}),
    "200 columns": _many_columns,
    "700 levels": lambda: answer("fail", kinds={"code": "categorical", "age": "integer"}, n_levels=700),
    "hostile": lambda: answer(
        "fail", kinds={**dict.fromkeys(HOSTILE, "categorical"), "n": "integer"}, level_names=HOSTILE
    ),
}
