"""White-box membership: can whoever holds the model itself tell whether a record was trained on?"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from synthdiff.checks.check import Aspect, Check, Estimate, Evidence, Finding, Matter, Reference
from synthdiff.checks.intervals import auc, tpr_at_fpr
from synthdiff.checks.privacy.control import FEWEST
from synthdiff.seeds import numpy_generator


class WhiteBoxMembership(Check):
    """An attacker who holds the model accuses the records that it knows best.

    The score is the model's own loss: for images how badly a record is denoised, over one bank of noise for all
    records; for tables the negative log-likelihood. What it finds is not given away by the synthetic records, and a
    policy about them does not ask for it: it says whether the *model* may leave.

    Training records that were kept apart to validate on count as members, although the model has learnt little of
    them.

    ``detail``: ``attacked`` and ``control``, the records on either side.

    References
    ----------
    Yeom et al. (2018), Privacy risk in machine learning: analyzing the connection to overfitting. Carlini et al.
    (2023), Extracting training data from diffusion models, section 5.
    """

    kind: Literal["white_box_membership"] = "white_box_membership"

    title: ClassVar[str] = "Membership attack on the model"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "white_box_auc": (
            "Membership attack on the model",
            "How well an attacker who holds the model, not only its records, can tell whether a real record was used "
            "for training: 0.5 is guessing, 1 is certainty.",
        ),
        "white_box_tpr_at_fpr_0.10": (
            "Members found by the model at 10 % false alarms",
            "Share of the training records that an attacker with the model finds when 10 % of the accused are "
            "innocent; guessing finds 0.10.",
        ),
    }
    aspect: ClassVar[Aspect] = "privacy"
    matter: ClassVar[Matter] = "any"
    needs_model: ClassVar[bool] = True
    unit: ClassVar[str] = "AUC"
    direction: ClassVar[str] = "0.5 is best"
    source: ClassVar[str] = "Loss attack (Yeom et al. 2018; for diffusion, Carlini et al. 2023)"
    needs_holdout: ClassVar[bool] = True
    bars: ClassVar[dict[str, str]] = {"white_box_auc": "<= 0.60"}

    def run(self, evidence: Evidence) -> Finding:
        """Compare the model's losses of training and of held-out records."""
        losses = evidence.losses
        if losses is None:
            return Finding({}, "The model was not at hand, only its records.")
        if min(len(losses.train), len(losses.holdout)) < FEWEST:
            return Finding({}, f"Fewer than {FEWEST} held-out or training records.")
        members, others = -losses.train, -losses.holdout
        halves = numpy_generator(evidence.seed, "white box").permutation(others)
        middle = len(halves) // 2
        real = {
            "white_box_auc": auc(halves[:middle], halves[middle:]),
            "white_box_tpr_at_fpr_0.10": tpr_at_fpr(halves[:middle], halves[middle:], 0.10),
        }
        found = {
            "white_box_auc": auc(members, others),
            "white_box_tpr_at_fpr_0.10": tpr_at_fpr(members, others, 0.10),
        }
        estimates = {
            name: Estimate(value, interval, len(members), Reference(*real[name]))
            for name, (value, interval) in found.items()
        }
        shown = estimates["white_box_auc"]
        better = float(np.mean(losses.holdout) - np.mean(losses.train))
        reason = (
            f"With the model in hand, {len(members):,} training records are told from {len(others):,} held-out ones "
            f"with an AUC of {shown.value:.3f} ({shown.interval[0]:.3f} to {shown.interval[1]:.3f}); its mean loss is "
            f"{abs(better):.3g} {'lower' if better > 0 else 'higher'} on those that it has learnt. This concerns "
            "whether the model may leave, not its records."
        )
        return Finding(estimates, reason, {"attacked": len(members), "control": len(others)})
