"""SDMetrics 0.32: its quality and diagnostic reports of given tables, as its getters tell them, and single metrics."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from oracles.environment import answer


def reports(
    task: dict[str, Any], real: pd.DataFrame, synthetic: pd.DataFrame, holdout: pd.DataFrame | None = None
) -> dict[str, Any]:
    """Both reports, or with held-out records what :func:`records` tells.

    Parameters
    ----------
    task : dict
        ``all_pairs``: whether every pair of columns counts, however weakly it is related.
    real, synthetic, holdout : DataFrame
        What pandas takes for numbers is a number.
    """
    from sdmetrics.reports.single_table import DiagnosticReport, QualityReport

    numeric = pd.api.types.is_numeric_dtype
    columns = {name: {"sdtype": "numerical" if numeric(real[name]) else "categorical"} for name in real}
    if holdout is not None:
        return records(real, synthetic, holdout, {"columns": columns})
    told = {}
    for name, report in (("quality", QualityReport()), ("diagnostic", DiagnosticReport())):
        if task["all_pairs"]:
            report.real_correlation_threshold = report.real_association_threshold = 0
        report.generate(real, synthetic, {"columns": columns}, verbose=False)
        properties = report.get_properties()
        told[name] = {
            "info": report.get_info(),
            "score": float(report.get_score()),
            "properties": plain(properties),
            "details": {part: plain(report.get_details(part)) for part in properties["Property"]},
        }
    return told


def records(
    real: pd.DataFrame, synthetic: pd.DataFrame, holdout: pd.DataFrame, metadata: dict[str, Any]
) -> dict[str, Any]:
    """Missing cells by column, records that equal no real one, and records nearer to training than to held-out ones."""
    from sdmetrics.single_column import MissingValueSimilarity
    from sdmetrics.single_table import DCROverfittingProtection, NewRowSynthesis

    near = DCROverfittingProtection.compute_breakdown(real, synthetic, holdout, metadata, None)
    return {
        "missing": {name: float(MissingValueSimilarity.compute(real[name], synthetic[name])) for name in real},
        "new_rows": float(NewRowSynthesis.compute(real, synthetic, metadata, numerical_match_tolerance=0)),
        "closer_to_training": float(near["synthetic_data_percentages"]["closer_to_training"]),
    }


def plain(frame: pd.DataFrame) -> Any:
    """A frame as rows of plain JSON."""
    return json.loads(frame.to_json(orient="records", double_precision=15))


if __name__ == "__main__":
    answer(reports)
