"""Utility: whether the synthetic records serve in the place of real ones. One import line a check."""

from synthdiff.checks.utility import augmentation, fairness, utility

__all__ = ["augmentation", "fairness", "utility"]
