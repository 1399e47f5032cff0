"""Utility of images: does a net that learnt from synthetic images do as well on real ones as if taught by real?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

from synthdiff.checks.check import Aspect, Check, Estimate, Evidence, Finding, Matter, Reference
from synthdiff.checks.imaging.lessons import Lesson, lesson
from synthdiff.checks.imaging.segmenter import Canvas
from synthdiff.checks.imaging.sides import Sides
from synthdiff.checks.intervals import Floats, Z, mean_error, normal_interval
from synthdiff.checks.records import FEWEST
from synthdiff.seeds import derive

ARMS: dict[str, tuple[str, ...]] = {"real": ("train",), "synthetic": ("synthetic",), "both": ("train", "synthetic")}
"""What each net learns from."""


class ImageUtility(Check):
    """Nets that learnt from synthetic, from real, and from both images are tested on held-out real patients.

    Where images have label maps, a small U-Net learns to draw them, and is tested by Dice's coefficient: the mean over
    the labels that an image has, then over patients. Where they have none but findings, a small classifier learns to
    tell these apart, and is tested by the area under the ROC curve (AUC) of each against all others, the mean over
    findings; only what is beyond 0.5, which a coin gives, counts as learnt. The nets learn from equally many synthetic
    and real images (from both: all of these), for the same number of steps from the same first weights, and are tested
    on one image of each held-out patient. What teaches is the synthetic *pair*: an image that does not match its label
    map or its finding is of no use, however fine it is.

    All is repeated with other first weights and another order. The intervals join who is held out (the same patients
    for all nets, so that differences are paired) with how the repetitions differ. They do not hold what other training
    patients would have taught.

    ``detail``: ``n_train``, ``n_test``, ``steps``, ``repeats``, ``canvas`` (voxels by axis); ``measure``, ``dice``
    or ``auc``; ``learnt_from`` and ``by_label`` or ``by_finding``: that measure of each net over all labels or findings
    and for each (of two findings one says it all), with its interval.

    Attributes
    ----------
    steps : int
        That each net learns.
    repeats : int
        Nets taught alike but for their first weights and the order of images.
    most : int
        Images of a side to learn from, and to test on, at most.

    References
    ----------
    Esteban, Hyland & Rätsch (2017): train on synthetic, test on real. Dice (1945), Ecology 26. DeLong, DeLong &
    Clarke-Pearson (1988), Biometrics 44. The nets: Çiçek et al. (2016), 3D U-Net, MICCAI, and its contracting half with
    a linear layer, as MONAI has them, with residual units.
    """

    kind: Literal["image_utility"] = "image_utility"
    steps: int = Field(160, ge=1)
    repeats: int = Field(3, ge=2)
    most: int = Field(400, ge=FEWEST)

    title: ClassVar[str] = "Learn from synthetic images, test on real"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "dice_ratio": (
            "Usefulness to segment, relative",
            "How well structures are drawn in real images after learning from synthetic ones, as a share of what "
            "learning from real ones gives: 1 is as well.",
        ),
        "dice_synthetic": (
            "Usefulness to segment",
            "Overlap of the structures drawn with the true ones (Dice) after learning from synthetic images: 1 is "
            "perfect.",
        ),
        "dice_drop": (
            "Overlap lost",
            "By how much the overlap is smaller after learning from synthetic instead of real images: 0 is no loss.",
        ),
        "dice_gain": (
            "Overlap gained by adding",
            "By how much the overlap is larger after learning from real and synthetic images than from the real ones.",
        ),
        "auc_ratio": (
            "Usefulness to tell findings, relative",
            "How well findings are told apart in real images after learning from synthetic ones, as a share of what "
            "learning from real ones gives, each beyond chance: 1 is as well, 0 is guessing.",
        ),
        "auc_synthetic": (
            "Usefulness to tell findings",
            "How well findings are told apart (AUC) after learning from synthetic images: 1 is perfect, 0.5 is "
            "guessing.",
        ),
        "auc_drop": (
            "AUC lost",
            "By how much the AUC is smaller after learning from synthetic instead of real images: 0 is no loss.",
        ),
        "auc_gain": (
            "AUC gained by adding",
            "By how much the AUC is larger after learning from real and synthetic images than from the real ones.",
        ),
    }
    aspect: ClassVar[Aspect] = "utility"
    matter: ClassVar[Matter] = "images"
    unit: ClassVar[str] = "share of what real images teach"
    direction: ClassVar[str] = "higher is better"
    source: ClassVar[str] = "Train on synthetic, test on real (Esteban et al. 2017), with a U-Net or a classifier"
    needs_holdout: ClassVar[bool] = True
    bars: ClassVar[dict[str, str]] = {
        "dice_ratio": ">= 0.90",
        "dice_gain": ">= -0.05",
        "auc_ratio": ">= 0.90",
        "auc_gain": ">= -0.05",
    }

    def run(self, evidence: Evidence) -> Finding:
        """Teach nets by each set of images and test them on the same patients."""
        sides = Sides.of(evidence)
        taught = sides if isinstance(sides, str) else lesson(sides)
        if isinstance(taught, str):
            return Finding({}, taught)
        sides = taught.sides
        n = min(len(sides.train), len(sides.synthetic), self.most)
        canvas = Canvas.of(sides.train)
        known = {"train": sides.train[:n], "synthetic": sides.synthetic[:n]}
        placed = {name: taught.place(canvas, volumes) for name, volumes in known.items()}
        asked = taught.place(canvas, sides.holdout[: self.most])
        found: dict[str, Floats] = {}
        for arm, of in ARMS.items():
            images, truth = (torch.cat([placed[name][part] for name in of]) for part in (0, 1))
            runs = []
            for repeat in range(self.repeats):
                seed = derive(evidence.seed, "image utility", repeat)
                runs.append(taught.score(taught.teach(images, truth, steps=self.steps, seed=seed), *asked))
            found[arm] = np.stack(runs)
        facts = {"steps": self.steps, "repeats": self.repeats, "canvas": list(canvas.shape)}
        facts = {"measure": taught.measure, "n_train": n, "n_test": found["real"].shape[1], **facts}
        return _answer(taught, found, taught.least_error(asked[1]), facts)


def _answer(taught: Lesson, found: Mapping[str, Floats], least: float, facts: dict[str, Any]) -> Finding:
    """The estimates of figures of shape (repeats, patients, parts), by what was learnt from."""
    tested = ~np.isnan(found["real"][0]).all(axis=1)
    over = {arm: np.nanmean(each[:, tested], axis=2) for arm, each in found.items()}
    real, made = over["real"], over["synthetic"]
    of_real = _estimate(real, least, 0.0, 1.0)
    facts["learnt_from"] = [
        {"learnt_from": arm, **_plain(_estimate(each, least, 0.0, 1.0))} for arm, each in over.items()
    ]
    facts |= _by_part(taught, found, least)
    if not of_real.interval[0] > taught.chance:
        low, high = of_real.interval
        reason = f"{taught.done} of {of_real.value:.3f} ({low:.3f} to {high:.3f}) after learning from real images"
        return Finding({}, f"There is nothing to compare with: {reason}, which may be chance.", facts)
    level = of_real.value - taught.chance
    ratio = (float(made.mean()) - taught.chance) / level
    # What one real set scores beside another: both repeat, so the noise of repeating enters twice.
    chance = float(np.sqrt(2)) * Z * _of_repeating(real)
    none, whole = Reference(0.0, (-chance, chance)), Reference(1.0, (1 - chance / level, 1 + chance / level))
    # The ratio's error is that of its linear part.
    linear = ratio + (made - taught.chance - ratio * (real - taught.chance)) / level
    estimates = {
        "ratio": _estimate(linear, least / level, 0.0, reference=whole),
        "synthetic": _estimate(made, least, 0.0, 1.0, Reference(of_real.value, of_real.interval)),
        "drop": _estimate(real - made, least, -1.0, 1.0, none),
        "gain": _estimate(over["both"] - real, least, -1.0, 1.0, none),
    }
    shown = estimates["ratio"]
    of_what = "it" if taught.chance == 0 else "what is beyond chance"
    reason = (
        f"On {shown.n:,} held-out patients, {taught.done} of {made.mean():.3f} after learning from "
        f"{facts['n_train']:,} synthetic images and {real.mean():.3f} after learning from as many real ones: "
        f"{shown.value:.1%} of {of_what} ({shown.interval[0]:.1%} to {shown.interval[1]:.1%}). "
        f"Learning from both gives {over['both'].mean():.3f}."
    )
    named = {f"{taught.measure}_{name}": estimate for name, estimate in estimates.items()}
    return Finding(named, reason, facts, moot=frozenset(ImageUtility.terms) - set(named))


def _by_part(taught: Lesson, found: Mapping[str, Floats], least: float) -> dict[str, list[dict[str, Any]]]:
    """The figures of each label or finding."""
    listed = []
    for index, name in enumerate(taught.shown()):
        has = ~np.isnan(found["real"][0, :, index])
        for arm, each in found.items():
            scored = _plain(_estimate(each[:, has, index], least, 0.0, 1.0))
            listed.append({taught.part: name, "learnt_from": arm, **scored})
    return {f"by_{taught.part}": listed}


def _estimate(
    figures: Floats, least: float, low: float = -np.inf, high: float = np.inf, reference: Reference | None = None
) -> Estimate:
    """The mean of figures of shape (repeats, patients), with both sources of error; ``least`` is that of patients."""
    value = float(figures.mean())
    error = float(np.hypot(max(mean_error(figures.mean(axis=0)), least), _of_repeating(figures)))
    return Estimate(value, normal_interval(value, error, low, high), figures.shape[1], reference)


def _of_repeating(figures: Floats) -> float:
    """The standard error that comes from first weights and order, enlarged to Student's t for so few repeats."""
    from scipy.stats import t

    repeats = len(figures)
    spread = figures.mean(axis=1).std(ddof=1) / np.sqrt(repeats)
    return float(spread * t.ppf(0.975, repeats - 1) / Z)


def _plain(estimate: Estimate) -> dict[str, Any]:
    interval = [round(end, 4) for end in estimate.interval]
    return {"value": round(estimate.value, 4), "interval": interval, "n": estimate.n}
