"""Intensity: are the grey values of synthetic images distributed as those of real ones?"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from synthdiff.checks.check import Aspect, Check, Evidence, Finding, Matter
from synthdiff.checks.imaging.grey import AIR, RANGE, grey, once
from synthdiff.checks.imaging.profiles import Profiles
from synthdiff.checks.imaging.sides import Sides
from synthdiff.checks.intervals import Floats
from synthdiff.voxels import Volume

LEVELS = np.arange(5, 96, 5) / 100
"""The quantiles of an image's voxels that describe it."""


class Intensity(Check):
    """Each image's grey values are described by their quantiles, and each quantile's distribution is compared.

    Values in Hounsfield units are compared as they are. Where the unit is arbitrary, each image's own 1 % and 99 %
    quantiles are 0 and 1 first, so what is compared is the form of its histogram: how much of it is dark.

    ``detail``: ``levels`` (quantiles of an image's voxels), ``unit``, ``train``, ``synthetic`` and ``holdout`` (for
    each quantile the value that 10, 50 and 90 % of the images lie below), ``error`` (each quantile's distance).

    References
    ----------
    SDMetrics, Column Shapes (KSComplement), on the quantiles of images.
    """

    kind: Literal["intensity"] = "intensity"

    title: ClassVar[str] = "Grey values"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "intensity_error": (
            "Error of grey values",
            "Mean distance between the real and the synthetic images' distribution of a quantile of their grey values: "
            "0 is no difference, 1 is no overlap.",
        ),
    }
    aspect: ClassVar[Aspect] = "fidelity"
    matter: ClassVar[Matter] = "images"
    unit: ClassVar[str] = "mean distance, 0 to 1"
    direction: ClassVar[str] = "lower is better, as low as held-out images is best"
    source: ClassVar[str] = "Kolmogorov-Smirnov distance of the quantiles of images"
    bars: ClassVar[dict[str, str]] = {"intensity_error": "<= reference + 0.15"}

    def run(self, evidence: Evidence) -> Finding:
        """Compare quantile by quantile."""
        sides = Sides.of(evidence)
        if isinstance(sides, str):
            return Finding({}, sides)
        profiles = Profiles.of(sides, _quantiles)
        estimate = profiles.error(evidence, "intensity")
        assert estimate is not None
        apart = [found.value for found in profiles.distances() if found]
        hounsfield = sides.train[0].units == "HU"
        worst = int(np.argmax(apart))
        detail: dict[str, Any] = {
            "levels": LEVELS.tolist(),
            "unit": "HU" if hounsfield else "share of the range of the image",
            **profiles.bands(_in_hounsfield if hounsfield else lambda values: values),
            "error": [round(value, 4) for value in apart],
        }
        reason = f"On average, a quantile of the images' grey values is {estimate.value:.1%} away from the real ones"
        if estimate.reference:
            reason += f"; that of as many held-out images would be {estimate.reference.value:.1%} away"
        reason += (
            f". Furthest is the value below which {LEVELS[worst]:.0%} of an image's voxels lie ({apart[worst]:.1%})."
        )
        return Finding({"intensity_error": estimate}, reason, detail)


@once
def _quantiles(volume: Volume) -> Floats:
    return np.asarray(np.quantile(grey(volume).values, LEVELS))


def _in_hounsfield(values: Floats) -> Floats:
    return values * RANGE + AIR
