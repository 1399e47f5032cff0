"""SynthEval 1.7: the raw results of those of its metrics that do not depend on chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from oracles.environment import answer

METRICS = [
    "dwm",
    "cio",
    "corr_diff",
    "mi_diff",
    "h_dist",
    "p_mse",
    "q_mse",
    "nndr",
    "nnaa",
    "dcr",
    "hit_rate",
    "eps_risk",
]


def results(task: dict[str, Any], real: pd.DataFrame, synthetic: pd.DataFrame, holdout: pd.DataFrame) -> Any:
    """By metric and by the names that the package gives its figures."""
    from syntheval import SynthEval

    judge = SynthEval(real, holdout_dataframe=holdout, console="off", enable_plots=False, verbose=False)
    judge.evaluate(synthetic, **{name: {} for name in METRICS})
    return {
        metric: {name: float(value) for name, value in figures.items() if isinstance(value, int | float | np.number)}
        for metric, figures in judge._raw_results.items()
    }


if __name__ == "__main__":
    answer(results)
