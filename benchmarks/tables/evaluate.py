"""The one evaluator: synthdiff's own checks, the same for every engine.

Shape and Trend are SDMetrics' Column Shapes and Column Pair Trends with both thresholds at 0, as errors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmarks.tables.tables import Table
from synthdiff.checks.check import Check, Estimate, Evidence, Finding
from synthdiff.checks.fidelity.detection import Detection
from synthdiff.checks.fidelity.shape import Shape
from synthdiff.checks.fidelity.trend import Trend
from synthdiff.checks.intervals import wilson
from synthdiff.checks.privacy.membership import Membership
from synthdiff.checks.utility.utility import Utility
from synthdiff.evidence import gather
from synthdiff.schema import Schema

MOST = 20_000
"""Rows of each side that the detector sees."""

PAIRS = 5_000
"""More pairs of columns than any of the tables has."""

TELLING = 5

Scores = dict[str, Any]


def evaluate(
    table: Table, train: pd.DataFrame, held_out: pd.DataFrame, schema: Schema, synthetic: pd.DataFrame, seed: int
) -> Scores:
    """Score a synthetic table.

    Returns
    -------
    dict
        By figure ``value``, ``interval`` and, where held-out rows have one, ``reference``: ``detection`` against the
        training rows, ``detection_held_out`` against the held-out rows, ``shape``, ``trend`` (each table's own bins),
        ``trend_common`` (the training table's bins), ``tstr``, ``membership``, ``broken``. And what gives the table
        away: ``telling`` columns, ``worst_columns``, ``worst_pairs``.
    """
    evidence = gather(train, synthetic, held_out, schema, seed)
    seen = Evidence(evidence.train, None, evidence.synthetic, schema, seed)
    unseen = Evidence(evidence.holdout, None, evidence.synthetic, schema, seed)  # type: ignore[arg-type]
    told = _run(Detection(most=MOST), seen)
    shape, trend = _run(Shape(), evidence), _run(Trend(pairs=PAIRS), evidence)
    scores: Scores = {
        "detection": _figure(told, "detection_auc"),
        "detection_held_out": _figure(_run(Detection(most=MOST), unseen), "detection_auc"),
        "shape": _figure(shape, "shape_error"),
        "trend": _figure(trend, "trend_error_own_bins"),
        "trend_common": _figure(trend, "trend_error"),
        "membership": _figure(_run(Membership(), evidence), "membership_auc"),
        "telling": told.detail["importance"][:TELLING],
        "worst_columns": _worst_columns(shape),
        "worst_pairs": trend.detail["worst"][:TELLING],
    }
    return scores | _tstr(table, evidence) | _broken(table, evidence.synthetic)


def floor(table: Table, train: pd.DataFrame, held_out: pd.DataFrame, schema: Schema, seed: int) -> Scores:
    """The same figures with the real held-out rows in the place of the synthetic ones.

    Membership has none: guessing gives .5. TSTR is what training on the real rows gives.
    """
    evidence = Evidence(train, None, held_out, schema, seed)
    trend = _run(Trend(pairs=PAIRS), evidence)
    scores: Scores = {
        "detection": _figure(_run(Detection(most=MOST), evidence), "detection_auc"),
        "shape": _figure(_run(Shape(), evidence), "shape_error"),
        "trend": _figure(trend, "trend_error_own_bins"),
        "trend_common": _figure(trend, "trend_error"),
    }
    return scores | _tstr(table, Evidence(train, held_out, train, schema, seed)) | _broken(table, held_out)


def _run(check: Check, evidence: Evidence) -> Finding:
    return check.run(evidence)


def _figure(finding: Finding, name: str) -> dict[str, Any] | None:
    estimate: Estimate | None = finding.estimates.get(name)
    if estimate is None:
        return None
    found = {"value": estimate.value, "interval": list(estimate.interval)}
    return found | ({"reference": estimate.reference.value} if estimate.reference else {})


def _worst_columns(shape: Finding) -> list[dict[str, Any]]:
    errors = {name: column["error"] for name, column in shape.detail["columns"].items() if column["error"] is not None}
    worst = sorted(errors, key=lambda name: -errors[name])[:TELLING]
    return [{"column": name, "error": errors[name]} for name in worst]


def _tstr(table: Table, evidence: Evidence) -> Scores:
    """The AUC on held-out rows after learning from the synthetic ones; the reference learnt from the training rows."""
    if table.target is None or evidence.holdout is None:
        return {}
    train, held_out, synthetic = (
        _two_classes(table, frame) for frame in (evidence.train, evidence.holdout, evidence.synthetic)
    )
    real = pd.concat([train, held_out], ignore_index=True)
    declared: dict[str, dict[str, Any]] = {c.name: {"kind": c.kind} for c in evidence.schema if c.learnt}
    declared |= table.roles | {table.target: {"role": "target", "kind": "boolean"}}
    schema = Schema.infer(real, declared)
    found = _run(Utility(), gather(train, synthetic, held_out, schema, evidence.seed))
    return {"tstr": _figure(found, "utility_synthetic")}


def _two_classes(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    assert table.target is not None and table.positive is not None
    positive = table.positive(frame[table.target])
    return frame.assign(**{table.target: np.where(positive, "yes", "no")})


def _broken(table: Table, synthetic: pd.DataFrame) -> Scores:
    if table.broken is None:
        return {}
    share, interval = wilson(int(table.broken(synthetic).sum()), len(synthetic))
    return {"broken": {"value": share, "interval": list(interval)}}
