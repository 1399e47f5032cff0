"""Lessons: what images can teach a net, be it to draw their label maps or to tell their findings apart."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from synthdiff.checks.check import RARE
from synthdiff.checks.imaging import classifier, segmenter
from synthdiff.checks.imaging.segmenter import Canvas
from synthdiff.checks.imaging.sides import Sides
from synthdiff.checks.intervals import Floats
from synthdiff.checks.records import FEWEST
from synthdiff.voxels import Volume


@dataclass(frozen=True)
class Lesson(ABC):
    """What nets are to learn, and from which images.

    Attributes
    ----------
    sides : Sides
    parts : list of str
        The labels or the findings.
    """

    sides: Sides
    parts: list[str]

    part: ClassVar[str]
    """What one of the parts is called."""
    measure: ClassVar[str]
    """What estimates are called by: dice or auc."""
    chance: ClassVar[float]
    """What a net scores that has learnt nothing."""
    done: ClassVar[str]
    """What a net can do that has learnt it, for a sentence."""

    def shown(self) -> list[str]:
        """The parts of which figures are given one by one."""
        return self.parts

    @abstractmethod
    def place(self, canvas: Canvas, volumes: Sequence[Volume]) -> tuple[Tensor, Tensor]:
        """Images on a canvas, and what is to be learnt of them."""

    @abstractmethod
    def teach(self, images: Tensor, truth: Tensor, *, steps: int, seed: int) -> nn.Module:
        """A net that has learnt it."""

    @abstractmethod
    def score(self, net: nn.Module, images: Tensor, truth: Tensor) -> Floats:
        """By image and part how well a net does, or NaN where an image lacks the part: of shape (n, parts)."""

    @abstractmethod
    def least_error(self, truth: Tensor) -> float:
        """A standard error below which none is believed, however much alike the figures of few images are."""


class Segmenting(Lesson):
    """To draw label maps, measured by Dice's coefficient."""

    part = "label"
    measure = "dice"
    chance = 0.0
    done = "structures are drawn with a Dice"

    @classmethod
    def of(cls, sides: Sides) -> Lesson | str:
        """The labels that enough training and enough held-out patients have."""
        for name, volumes in _named(sides):
            if bare := sum(volume.labels is None for volume in volumes):
                return f"{bare:,} of {len(volumes):,} {name} images have no label map, so no segmenter can be compared."
        codes = sorted(_common_labels(sides.train) & _common_labels(sides.holdout))
        if not codes:
            return f"No label stands in the images of {RARE} training and {RARE} held-out patients."
        return cls(sides, [str(code) for code in codes])

    def place(self, canvas: Canvas, volumes: Sequence[Volume]) -> tuple[Tensor, Tensor]:
        """Images and label maps."""
        return canvas.place(volumes, [int(part) for part in self.parts])

    def teach(self, images: Tensor, truth: Tensor, *, steps: int, seed: int) -> nn.Module:
        """A segmenter."""
        return segmenter.learn(images, truth, len(self.parts) + 1, steps=steps, seed=seed)

    def score(self, net: nn.Module, images: Tensor, truth: Tensor) -> Floats:
        """Dice's coefficients."""
        return segmenter.dice(net, images, truth, len(self.parts) + 1)

    def least_error(self, truth: Tensor) -> float:
        """None: coefficients of two images are hardly ever the same."""
        return 0.0


class Classifying(Lesson):
    """To tell findings apart, measured by the area under the ROC curve of each against all others."""

    part = "finding"
    measure = "auc"
    chance = 0.5
    done = "findings are told apart with an AUC"

    @classmethod
    def of(cls, sides: Sides) -> Lesson | str:
        """The findings that enough training and enough held-out patients have; images of others are left out."""
        for name, volumes in _named(sides):
            if bare := sum(not volume.finding for volume in volumes):
                return f"{bare:,} of {len(volumes):,} {name} images have no finding, so no classifier can be compared."
        common = {name: _common_findings(volumes) for name, volumes in _named(sides)}
        findings = sorted(common["training"] & common["held-out"])
        if len(findings) < 2:
            return f"No two findings stand with {RARE} training and {RARE} held-out patients each."
        if missing := [finding for finding in findings if finding not in common["synthetic"]]:
            said = ", ".join(missing)
            return f"Fewer than {RARE} synthetic images show {said}, so a classifier cannot learn it from them."
        chosen = (
            [volume for volume in volumes if volume.finding in findings]
            for volumes in (sides.train, sides.synthetic, sides.holdout)
        )
        return cls(Sides(*chosen), findings)

    def shown(self) -> list[str]:
        """None of two findings: what is told of one is told of the other."""
        return self.parts if len(self.parts) > 2 else []

    def place(self, canvas: Canvas, volumes: Sequence[Volume]) -> tuple[Tensor, Tensor]:
        """Images and the places of their findings."""
        classes = [self.parts.index(volume.finding) for volume in volumes]
        return canvas.place(volumes, ())[0], torch.tensor(classes, dtype=torch.int64)

    def teach(self, images: Tensor, truth: Tensor, *, steps: int, seed: int) -> nn.Module:
        """A classifier."""
        return classifier.learn(images, truth, len(self.parts), steps=steps, seed=seed)

    def score(self, net: nn.Module, images: Tensor, truth: Tensor) -> Floats:
        """What each image adds to the areas under the curves."""
        return classifier.standing(net, images, truth, len(self.parts))

    def least_error(self, truth: Tensor) -> float:
        """What one more patient of the rarest finding, told by chance, would change of an area of 1."""
        return 0.5 / int(torch.bincount(truth).min())


def lesson(sides: Sides) -> Lesson | str:
    """What the images can teach, label maps before findings; or why nothing can be compared."""
    if not sides.holdout:
        return f"Models are tested on held-out patients, and there are fewer than {FEWEST}."
    if any(volume.labels is not None for volume in sides.train):
        return Segmenting.of(sides)
    if any(volume.finding for volume in sides.train):
        return Classifying.of(sides)
    return (
        "The training images have neither label maps nor findings, so there is nothing for a model to learn from them."
    )


def _named(sides: Sides) -> tuple[tuple[str, list[Volume]], ...]:
    return ("training", sides.train), ("held-out", sides.holdout), ("synthetic", sides.synthetic)


def _common_labels(volumes: Sequence[Volume]) -> set[int]:
    present = [np.unique(volume.labels) for volume in volumes if volume.labels is not None]
    codes, counts = np.unique(np.concatenate(present), return_counts=True)
    return {int(code) for code in codes[(counts >= RARE) & (codes > 0)]}


def _common_findings(volumes: Sequence[Volume]) -> set[str]:
    return {finding for finding, n in Counter(volume.finding for volume in volumes).items() if n >= RARE}
