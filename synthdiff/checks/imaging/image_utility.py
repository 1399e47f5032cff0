"""Utility of images: does a segmenter that learnt from synthetic images draw real ones as well as if taught by real?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

from synthdiff.checks.check import RARE, Aspect, Check, Estimate, Evidence, Finding, Matter, Reference
from synthdiff.checks.imaging.segmenter import Canvas, dice, learn
from synthdiff.checks.imaging.sides import Sides
from synthdiff.checks.intervals import Floats, Z, mean_error, normal_interval
from synthdiff.checks.records import FEWEST
from synthdiff.seeds import derive
from synthdiff.voxels import Volume

ARMS: dict[str, tuple[str, ...]] = {"real": ("train",), "synthetic": ("synthetic",), "both": ("train", "synthetic")}
"""What each segmenter learns from."""


class ImageUtility(Check):
    """Segmenters that learnt from synthetic, from real, and from both images are tested on held-out real patients.

    A small U-Net learns to draw the label maps, from equally many synthetic and real images (from both: all of these),
    for the same number of steps from the same first weights. It is tested on one image of each held-out patient, by
    Dice's coefficient: the mean over the labels that an image has, then over patients. What it is taught by are the
    synthetic *pairs*: images that do not match their label maps are of no use, however fine each is.

    All is repeated with other first weights and another order. The intervals join who is held out (the same patients
    for all segmenters, so that differences are paired) with how the repetitions differ. They do not hold what other
    training patients would have taught.

    ``detail``: ``n_train``, ``n_test``, ``steps``, ``repeats``, ``canvas`` (voxels by axis); ``learnt_from`` and
    ``by_label``: the Dice of each segmenter over all labels and for each, with its interval.

    Attributes
    ----------
    steps : int
        That each segmenter learns.
    repeats : int
        Segmenters taught alike but for their first weights and the order of images.
    most : int
        Images of a side to learn from, and to test on, at most.

    References
    ----------
    Esteban, Hyland & Rätsch (2017): train on synthetic, test on real. Dice (1945), Ecology 26. The net: Çiçek et al.
    (2016), 3D U-Net, MICCAI, as MONAI has it, with residual units.
    """

    kind: Literal["image_utility"] = "image_utility"
    steps: int = Field(160, ge=1)
    repeats: int = Field(3, ge=2)
    most: int = Field(400, ge=FEWEST)

    title: ClassVar[str] = "Learn to segment from synthetic images, test on real"
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
    }
    aspect: ClassVar[Aspect] = "utility"
    matter: ClassVar[Matter] = "images"
    unit: ClassVar[str] = "share of the real images' Dice"
    direction: ClassVar[str] = "higher is better"
    source: ClassVar[str] = "Train on synthetic, test on real (Esteban et al. 2017), with a U-Net"
    needs_holdout: ClassVar[bool] = True
    bars: ClassVar[dict[str, str]] = {"dice_ratio": ">= 0.90", "dice_gain": ">= -0.05"}

    def run(self, evidence: Evidence) -> Finding:
        """Teach segmenters by each set of images and test them on the same patients."""
        sides = Sides.of(evidence)
        if isinstance(sides, str):
            return Finding({}, sides)
        if refusal := _refusal(sides):
            return Finding({}, refusal)
        codes = _codes(sides)
        if not codes:
            return Finding({}, f"No label stands in the images of {RARE} training and {RARE} held-out patients.")
        n = min(len(sides.train), len(sides.synthetic), self.most)
        canvas = Canvas.of(sides.train)
        known = {"train": sides.train[:n], "synthetic": sides.synthetic[:n]}
        placed = {name: canvas.place(volumes, codes) for name, volumes in known.items()}
        asked = canvas.place(sides.holdout[: self.most], codes)
        found: dict[str, Floats] = {}
        for arm, of in ARMS.items():
            images, maps = (torch.cat([placed[name][part] for name in of]) for part in (0, 1))
            runs = []
            for repeat in range(self.repeats):
                seed = derive(evidence.seed, "image utility", repeat)
                net = learn(images, maps, len(codes) + 1, steps=self.steps, seed=seed)
                runs.append(dice(net, *asked, len(codes) + 1))
            found[arm] = np.stack(runs)
        facts = {"steps": self.steps, "repeats": self.repeats, "canvas": list(canvas.shape)}
        return _answer(found, codes, {"n_train": n, "n_test": found["real"].shape[1], **facts})


def _refusal(sides: Sides) -> str | None:
    if not sides.holdout:
        return f"Segmenters are tested on held-out patients, and there are fewer than {FEWEST}."
    for name, volumes in (("training", sides.train), ("held-out", sides.holdout), ("synthetic", sides.synthetic)):
        if bare := sum(volume.labels is None for volume in volumes):
            return f"{bare:,} of {len(volumes):,} {name} images have no label map, so no segmenter can be compared."
    return None


def _codes(sides: Sides) -> list[int]:
    """The labels that enough training and enough held-out patients have, to be learnt and tested."""
    return sorted(_common(sides.train) & _common(sides.holdout))


def _common(volumes: Sequence[Volume]) -> set[int]:
    present = [np.unique(volume.labels) for volume in volumes if volume.labels is not None]
    codes, counts = np.unique(np.concatenate(present), return_counts=True)
    return {int(code) for code in codes[(counts >= RARE) & (codes > 0)]}


def _answer(found: dict[str, Floats], codes: list[int], facts: dict[str, Any]) -> Finding:
    """The estimates of Dice coefficients of shape (repeats, patients, labels), by what was learnt from."""
    tested = ~np.isnan(found["real"][0]).all(axis=1)
    over = {arm: np.nanmean(each[:, tested], axis=2) for arm, each in found.items()}
    real, made = over["real"], over["synthetic"]
    level = max(float(real.mean()), 1e-6)
    ratio = float(made.mean()) / level
    of_real = _estimate(real, 0.0, 1.0)
    # What one real set scores beside another: both repeat, so the noise of repeating enters twice.
    chance = float(np.sqrt(2)) * Z * _of_repeating(real)
    none, whole = Reference(0.0, (-chance, chance)), Reference(1.0, (1 - chance / level, 1 + chance / level))
    estimates = {
        "dice_ratio": _estimate(ratio + (made - ratio * real) / level, 0.0, reference=whole),
        "dice_synthetic": _estimate(made, 0.0, 1.0, Reference(of_real.value, of_real.interval)),
        "dice_drop": _estimate(real - made, -1.0, 1.0, none),
        "dice_gain": _estimate(over["both"] - real, -1.0, 1.0, none),
    }
    shown = estimates["dice_ratio"]
    reason = (
        f"On {shown.n:,} held-out patients, structures are drawn with a Dice of {made.mean():.3f} after learning from "
        f"{facts['n_train']:,} synthetic images and {real.mean():.3f} after learning from as many real ones: "
        f"{shown.value:.1%} of it ({shown.interval[0]:.1%} to {shown.interval[1]:.1%}). Learning from both gives "
        f"{over['both'].mean():.3f}."
    )
    by_label = []
    for index, code in enumerate(codes):
        has = ~np.isnan(found["real"][0, :, index])
        for arm, each in found.items():
            scored = _plain(_estimate(each[:, has, index], 0.0, 1.0))
            by_label.append({"label": str(code), "learnt_from": arm, **scored})
    learnt_from = [{"learnt_from": arm, **_plain(_estimate(each, 0.0, 1.0))} for arm, each in over.items()]
    return Finding(estimates, reason, {**facts, "learnt_from": learnt_from, "by_label": by_label})


def _estimate(
    figures: Floats, low: float = -np.inf, high: float = np.inf, reference: Reference | None = None
) -> Estimate:
    """The mean of figures of shape (repeats, patients), with both sources of error."""
    value = float(figures.mean())
    error = float(np.hypot(mean_error(figures.mean(axis=0)), _of_repeating(figures)))
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
