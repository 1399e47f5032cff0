"""Checks: the questions that an audit puts to the evidence, by what they are about. One import line a check."""

from synthdiff.checks import fidelity, imaging, privacy, utility

__all__ = ["fidelity", "imaging", "privacy", "utility"]
