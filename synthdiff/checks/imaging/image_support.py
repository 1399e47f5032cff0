"""Image support: do synthetic images lie where real ones do, and is every kind of real image met?"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import pandas as pd
from pydantic import Field

from synthdiff.checks.check import Aspect, Check, Evidence, Finding, Matter
from synthdiff.checks.fidelity.alpha_precision import EDGE, AlphaPrecision
from synthdiff.checks.fidelity.beta_recall import BetaRecall
from synthdiff.checks.fidelity.support import NEIGHBOURS
from synthdiff.checks.imaging.sides import ALIKE, Scores, Sides
from synthdiff.checks.intervals import Floats
from synthdiff.checks.records import FEWEST
from synthdiff.schema import Column, Schema


class ImageSupport(Check):
    """α-precision and β-recall of images, as they are for records, in the space of the radiomic figures.

    Each image's figures (:mod:`synthdiff.checks.imaging.radiomics`) are a row of numbers, and the rows are asked as any
    table's: images count as near when their figures' ranks among the training images are. See
    :class:`~synthdiff.checks.fidelity.alpha_precision.AlphaPrecision` and
    :class:`~synthdiff.checks.fidelity.beta_recall.BetaRecall` for what the two mean. Images that are too smooth or too
    typical lower the precision, images that are all of one kind the recall. By how much images lie nearer to the
    training images than other people's is not asked here: with a hundred of them it cannot be told, and the checks of
    memorisation compare the images themselves.

    ``detail``: ``precision`` and ``recall``, the details of the two.

    Attributes
    ----------
    neighbours : int
        The neighbour whose distance measures how typical an image is.

    References
    ----------
    Alaa, van Breugel, Saveliev & van der Schaar (2022), How faithful is your synthetic data? Sample-level metrics for
    evaluating and auditing generative models, ICML.
    """

    kind: Literal["image_support"] = "image_support"
    neighbours: int = Field(NEIGHBOURS, ge=1, lt=FEWEST)

    title: ClassVar[str] = "Realistic images, and all kinds of them"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "image_precision": (
            "Precision of images",
            "Whether synthetic images lie where real ones do, as often among the common as among the unusual: "
            "1 is as real images do, 0 is nowhere near.",
        ),
        "image_recall": (
            "Recall of images",
            "Whether every kind of real image has a synthetic counterpart: other real images score about 0.5, images "
            "that leave kinds out score less.",
        ),
    }
    aspect: ClassVar[Aspect] = "fidelity"
    matter: ClassVar[Matter] = "images"
    unit: ClassVar[str] = "score"
    direction: ClassVar[str] = "the reference is best"
    source: ClassVar[str] = "α-precision and β-recall, integrated (Alaa et al. 2022), on radiomic figures"
    bars: ClassVar[dict[str, str]] = {"image_precision": ">= reference - 0.30", "image_recall": ">= reference - 0.30"}

    def run(self, evidence: Evidence) -> Finding:
        """Place synthetic and held-out images among the training images."""
        sides = Sides.of(evidence)
        if isinstance(sides, str):
            return Finding({}, sides)
        scores = Scores.of(sides)
        if not scores.names:
            return Finding({}, ALIKE)
        schema = Schema(columns=tuple(Column(name=name, kind="continuous", dtype="float64") for name in scores.names))
        holdout = _table(scores.holdout, schema) if len(scores.holdout) else None
        rows = Evidence(_table(scores.train, schema), holdout, _table(scores.synthetic, schema), schema, evidence.seed)
        precision = AlphaPrecision(neighbours=self.neighbours).run(rows)
        recall = BetaRecall(neighbours=self.neighbours).run(rows)
        estimates = {
            "image_precision": precision.estimates["alpha_precision"],
            "image_recall": recall.estimates["beta_recall"],
        }
        detail = {"precision": precision.detail, "recall": recall.detail}
        return Finding(estimates, _reason(detail), detail)


def _table(scores: Floats, schema: Schema) -> pd.DataFrame:
    return pd.DataFrame(scores, columns=list(schema.names))


def _reason(detail: dict[str, Any]) -> str:
    precision, met = detail["precision"], detail["recall"]["met"]
    reason = (
        f"Where {EDGE} % of the real images are, there are {precision['synthetic'][EDGE]:.1%} of the synthetic ones"
    )
    if precision["holdout"] is not None:
        reason += f" and {precision['holdout'][EDGE]:.1%} of the held-out ones"
    reason += (
        f"; {met['synthetic']:.1%} of the training images have a synthetic one nearer than the nearest other subject"
    )
    if met["holdout"] is not None:
        reason += f" (held-out images: {met['holdout']:.1%})"
    return f"{reason}; half would have, were the synthetic images those of other people."
