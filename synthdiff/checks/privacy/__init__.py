"""Privacy: what the synthetic records give away about the people they were learnt from. One import line a check."""

from synthdiff.checks.privacy import blind_baseline, copies, membership

__all__ = ["blind_baseline", "copies", "membership"]
