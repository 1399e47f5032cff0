"""Fidelity: do the synthetic records look like the real ones, cell by cell, column by column and as a whole?"""

from synthdiff.checks.fidelity import detection, missingness, schema_check, shape, trend

__all__ = ["detection", "missingness", "schema_check", "shape", "trend"]
