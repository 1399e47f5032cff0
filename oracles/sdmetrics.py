"""SDMetrics 0.32: its quality and diagnostic reports of given tables, as its getters tell them."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from oracles.environment import answer


def reports(task: dict[str, Any], real: pd.DataFrame, synthetic: pd.DataFrame) -> dict[str, Any]:
    """Both reports.

    Parameters
    ----------
    task : dict
        ``all_pairs``: whether every pair of columns counts, however weakly it is related.
    real, synthetic : DataFrame
        What pandas takes for numbers is a number.
    """
    from sdmetrics.reports.single_table import DiagnosticReport, QualityReport

    numeric = pd.api.types.is_numeric_dtype
    columns = {name: {"sdtype": "numerical" if numeric(real[name]) else "categorical"} for name in real}
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


def plain(frame: pd.DataFrame) -> Any:
    """A frame as rows of plain JSON."""
    return json.loads(frame.to_json(orient="records", double_precision=15))


if __name__ == "__main__":
    answer(reports)
