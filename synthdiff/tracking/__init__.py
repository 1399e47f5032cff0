"""Tracking: what MLflow knows about the attempts at a release; the only room that imports it, and only when used.

One experiment a recipe, one run an attempt, and for an accepted attempt one registered model version, whose number is
the release's. MLflow is the index; what was released is proved by the release's own manifest. The store stays in the
house, and even so no real record enters it: private tables are logged as a digest and two counts.
"""

from synthdiff.tracking.records import Comparison, Figure, NoAttempt, NoTracking, ReleaseRecord, Verdict, compare
from synthdiff.tracking.tracker import CANDIDATE, Attempt, Tracker

__all__ = [
    "CANDIDATE",
    "Attempt",
    "Comparison",
    "Figure",
    "NoAttempt",
    "NoTracking",
    "ReleaseRecord",
    "Tracker",
    "Verdict",
    "compare",
]
