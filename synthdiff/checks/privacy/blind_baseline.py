"""Blind baseline: do the training and the held-out people differ even before any synthetic record is seen?"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from synthdiff.checks.check import Aspect, Check, Estimate, Evidence, Finding, Reference
from synthdiff.checks.features import Features, booster, matrices
from synthdiff.checks.intervals import CROSS_FITTED, auc, folds
from synthdiff.checks.privacy.control import FEWEST, members_and_others, too_few
from synthdiff.checks.privacy.membership import curve
from synthdiff.seeds import derive, numpy_generator

FOLDS = 5


class BlindBaseline(Check):
    """A classifier that never sees the synthetic data must not tell the training records from the held-out ones.

    If it does, the split was not random, every attack confuses leakage with that difference, and the audit is void.
    Gradient boosting is fitted on four fifths of as many training as held-out persons and scores the last fifth, five
    times over. ``detail`` has the classifier's ``roc``: ``fpr`` and ``tpr``.

    Attributes
    ----------
    most : int
        Records of each side, at most.

    References
    ----------
    Das, Zhang & Tramèr (2024), Blind baselines beat membership inference attacks for foundation models. Nadeau & Bengio
    (2003), Inference for the generalization error, Machine Learning 52.
    """

    kind: Literal["blind_baseline"] = "blind_baseline"
    most: int = Field(10_000, ge=FEWEST)

    title: ClassVar[str] = "Blind attack"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "blind_auc": (
            "Blind attack",
            "The same attack without the synthetic data: anything but 0.5 means that training and held-out records "
            "differ in themselves, and the privacy figures cannot be relied on.",
        ),
    }
    aspect: ClassVar[Aspect] = "privacy"
    unit: ClassVar[str] = "AUC"
    direction: ClassVar[str] = "0.5 is best"
    source: ClassVar[str] = "Blind baselines (Das et al. 2024)"
    needs_holdout: ClassVar[bool] = True
    bars: ClassVar[dict[str, str]] = {"blind_auc": "includes 0.5"}

    def run(self, evidence: Evidence) -> Finding:
        """Classify training against held-out persons, cross-fitted."""
        members, others = members_and_others(evidence)
        if refusal := too_few(members, others):
            return Finding({}, refusal)
        n = min(len(members), len(others), self.most)
        both = matrices([members.iloc[:n], others.iloc[:n]], evidence.schema)
        features = Features(np.concatenate([side.values for side in both]), both[0].categorical, both[0].names)
        member = np.repeat([1, 0], n)
        # Each fold has as many of one side as of the other: else a fold's own balance would give its records away.
        fold = np.tile(folds(n, FOLDS, numpy_generator(evidence.seed, "blind", "folds")), 2)
        scores = np.empty(2 * n)
        for index in range(FOLDS):
            fitted, scored = features.rows(fold != index), features.rows(fold == index)
            model = booster(fitted, 2, derive(evidence.seed, "blind", index)).fit(fitted.values, member[fold != index])
            scores[fold == index] = model.predict_proba(scored.values)[:, 1]
        # What chance suggests to one of the five models it suggests to all, for they share most of their records: by
        # itself DeLong's interval misses 0.5 on one random split in ten.
        value, interval = auc(scores[:n], scores[n:], inflation=CROSS_FITTED)
        reason = (
            f"Without the synthetic data, a classifier tells {n:,} training from {n:,} held-out people with an AUC of "
            f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f}). Only if that is no better than chance (0.5) do the "
            "attacks measure leakage and not a difference between the two samples."
        )
        estimate = Estimate(value, interval, 2 * n, Reference(0.5, (0.5, 0.5)))
        return Finding({"blind_auc": estimate}, reason, {"roc": curve(scores[:n], scores[n:])})
