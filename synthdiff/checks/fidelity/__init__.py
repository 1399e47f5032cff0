"""Fidelity: do the synthetic records look like the real ones, cell by cell, column by column and as a whole?"""

from synthdiff.checks.fidelity import (
    alpha_precision,
    beta_recall,
    detection,
    missingness,
    rare_values,
    rules,
    schema_check,
    shape,
    subgroups,
    survival,
    three_way,
    trend,
)

__all__ = [
    "alpha_precision",
    "beta_recall",
    "detection",
    "missingness",
    "rare_values",
    "rules",
    "schema_check",
    "shape",
    "subgroups",
    "survival",
    "three_way",
    "trend",
]
