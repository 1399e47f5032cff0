"""mostlyai-qa 1.10: the metrics of its model report on given tables. Parts of them are drawn without a seed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from oracles.environment import answer


def metrics(task: dict[str, Any], real: pd.DataFrame, synthetic: pd.DataFrame, holdout: pd.DataFrame) -> Any:
    """Accuracy, similarity and distances, as the package writes them."""
    from mostlyai import qa

    with tempfile.TemporaryDirectory() as folder:
        _, found = qa.report(
            syn_tgt_data=synthetic,
            trn_tgt_data=real,
            hol_tgt_data=holdout,
            report_path=Path(folder) / "report.html",
        )
    return found.model_dump()


if __name__ == "__main__":
    answer(metrics)
