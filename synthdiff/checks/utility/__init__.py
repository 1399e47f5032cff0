"""Utility: whether the synthetic records serve in the place of real ones. One import line a check."""

from synthdiff.checks.utility import utility

__all__ = ["utility"]
