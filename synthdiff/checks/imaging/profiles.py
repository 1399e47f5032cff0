"""Profiles: a few figures of each image, each compared as the column of a table is.

What a profile says of an image (grey values, sizes of structures, power by frequency) has a distribution over subjects.
The error of a profile is the mean Kolmogorov-Smirnov distance over its figures: it needs no scale and no form, lies
between 0 and 1, and has the interval and the reference that single columns of a table have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthdiff.checks.check import Estimate, Evidence
from synthdiff.checks.fidelity.distances import Distance, average, kolmogorov_smirnov
from synthdiff.checks.fidelity.reference import Table, reference
from synthdiff.checks.imaging.sides import Sides
from synthdiff.checks.intervals import Floats, normal_interval
from synthdiff.seeds import numpy_generator
from synthdiff.voxels import Volume

BAND = (0.1, 0.5, 0.9)
"""Quantiles over subjects that are shown: none of them is an extreme of twenty."""


@dataclass(frozen=True)
class Profiles:
    """The figures of each image, by side.

    Attributes
    ----------
    train, synthetic, holdout : float64 arrays of shape (n, c)
        NaN where an image has no such figure. The last has no rows without held-out images.
    """

    train: Floats
    synthetic: Floats
    holdout: Floats

    @classmethod
    def of(cls, sides: Sides, measure: Callable[[Volume], Floats]) -> Profiles:
        """Measure every image; figures that less than half of the training images have are NaN throughout."""
        train, synthetic = (np.stack([measure(volume) for volume in side]) for side in (sides.train, sides.synthetic))
        holdout = np.stack([measure(volume) for volume in sides.holdout]) if sides.holdout else train[:0]
        usual = np.isfinite(train).mean(axis=0) >= 0.5
        return cls(*(np.where(usual, side, np.nan) for side in (train, synthetic, holdout)))

    def distances(self) -> list[Distance | None]:
        """How far synthetic images are from the training images, figure by figure; None where there is none."""
        return _distances(list(self.train.T), list(self.synthetic.T))

    def error(self, evidence: Evidence, name: str) -> Estimate | None:
        """The mean distance with its interval and what as many held-out images score; None where there is no figure."""
        found = average(self.distances())
        if found is None:
            return None
        size, real = len(self.synthetic), None
        if len(self.holdout):
            real = reference(
                list(self.train.T),
                list(self.holdout.T),
                size,
                _score,
                (None, None),
                numpy_generator(evidence.seed, name),
            )
        return Estimate(found.value, normal_interval(found.value, found.error(), 0.0, 1.0), size, real)

    def bands(self, shown: Callable[[Floats], Floats] = lambda values: values) -> dict[str, Any]:
        """Quantiles over subjects of each figure, by side, for the report; null where a side has none."""
        return {
            name: None
            if not len(side)
            else {
                f"{level:.0%}".replace("%", ""): _plain(shown(row))
                for level, row in zip(BAND, _quantiles(side), strict=True)
            }
            for name, side in (("train", self.train), ("synthetic", self.synthetic), ("holdout", self.holdout))
        }


def _quantiles(side: Floats) -> Floats:
    columns = [
        np.quantile(known, BAND) if len(known := c[np.isfinite(c)]) else np.full(len(BAND), np.nan) for c in side.T
    ]
    return np.stack(columns, axis=1)


def _plain(values: Floats) -> list[float | None]:
    return [float(f"{value:.4g}") if np.isfinite(value) else None for value in values]


def _distances(real: Table, other: Table) -> list[Distance | None]:
    return [kolmogorov_smirnov(r, o) for r, o in zip(real, other, strict=True)]


def _score(real: Table, other: Table) -> Distance | None:
    return average(_distances(real, other))
