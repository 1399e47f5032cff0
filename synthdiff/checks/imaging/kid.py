"""KID: do real and synthetic images' radiomic figures come from one distribution, whatever its form?"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from synthdiff.checks.check import Aspect, Check, Estimate, Evidence, Finding, Matter, Reference
from synthdiff.checks.fidelity.distances import Distance
from synthdiff.checks.imaging.sides import ALIKE, Scores, Sides
from synthdiff.checks.intervals import Floats, Interval, normal_interval


class Kid(Check):
    """The kernel distance between the radiomic figures of real and of synthetic images.

    The squared maximum mean discrepancy with the kernel (x·y / d + 1)³ over d figures, standardised on the training
    images: it compares means, covariances and skewness at once. The estimate is unbiased, so it is comparable between
    sets of any size, and real images score 0 on average; it can be negative. No covariance is inverted, so all figures
    count, however few the images.

    Intervals come from each image's mean kernel with either side (the first term of Hoeffding's decomposition of a
    U-statistic) and from what it does to the scale. Where the sides are alike that term vanishes and what is found in
    its place counts double what the figure varies by, so that intervals are too wide there. Far from real images the
    figure grows with the sixth power of how far they are off: then it says that they are, and little else.

    ``detail``: ``compared`` (images behind each figure), ``figures`` (d).

    Attributes
    ----------
    most : int
        Images of a side that are looked at.

    References
    ----------
    Bińkowski, Sutherland, Arbel & Gretton (2018), Demystifying MMD GANs, ICLR: on features of a network, where here
    radiomic ones stand. U-statistics: Gretton et al. (2012), A kernel two-sample test, JMLR 13.
    """

    kind: Literal["kid"] = "kid"
    most: int = Field(2000, ge=100)

    title: ClassVar[str] = "Kernel distance of the images (KID)"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "kid": (
            "Kernel distance",
            "How far the synthetic images' figures are from those of real images in mean, spread and form: 0 is as "
            "good as real images, whatever the number of images.",
        ),
    }
    aspect: ClassVar[Aspect] = "fidelity"
    matter: ClassVar[Matter] = "images"
    unit: ClassVar[str] = "squared discrepancy"
    direction: ClassVar[str] = "lower is better, 0 is best"
    source: ClassVar[str] = "KID (Bińkowski et al. 2018) on radiomic figures"
    bars: ClassVar[dict[str, str]] = {"kid": "<= reference + 0.50"}

    def run(self, evidence: Evidence) -> Finding:
        """Compare the images' figures."""
        sides = Sides.of(evidence)
        if isinstance(sides, str):
            return Finding({}, sides)
        scores = Scores.of(sides)
        if not scores.names:
            return Finding({}, ALIKE)
        train, synthetic, holdout = (side[: self.most] for side in (scores.train, scores.synthetic, scores.holdout))
        found = discrepancy(train, synthetic)
        reference = None
        reason = f"The kernel distance of the synthetic from the training images is {found.value:.3f}"
        if len(holdout):
            real = discrepancy(train, holdout)
            reference = Reference(real.value, _interval(real))
            reason += f", that of held-out images {real.value:.3f}"
        estimate = Estimate(found.value, _interval(found), len(synthetic), reference)
        compared = {"train": len(train), "synthetic": len(synthetic), "holdout": len(holdout)}
        detail = {"compared": compared, "figures": len(scores.names)}
        return Finding({"kid": estimate}, f"{reason}; real images score 0 on average.", detail)


def discrepancy(real: Floats, other: Floats) -> Distance:
    """The unbiased squared maximum mean discrepancy of two samples of shapes (n, d) and (m, d).

    ``real`` is standardised; that its records also set the scale and the zero is part of their influence.
    """
    within_real, within_other, between = _kernel(real, real), _kernel(other, other), _kernel(real, other)
    of_real, of_other = _others(within_real), _others(within_other)
    zero, scale = (
        a + b - 2 * c
        for a, b, c in zip(
            _pulls(real, real, True), _pulls(other, other, True), _pulls(real, other, False), strict=True
        )
    )
    return Distance(
        float(of_real.mean() + of_other.mean() - 2 * between.mean()),
        2 * (of_real - between.mean(axis=1)) - real @ zero - real**2 @ scale,
        2 * (of_other - between.mean(axis=0)),
    )


def _interval(found: Distance) -> Interval:
    """Symmetric on the scale of asinh: as usual near 0, and by ratio far from it, where the figure is a power."""
    low, high = normal_interval(np.arcsinh(found.value), found.error() / np.hypot(1, found.value))
    return float(np.sinh(low)), float(np.sinh(high))


def _kernel(one: Floats, other: Floats, power: int = 3) -> Floats:
    return np.asarray((one @ other.T / one.shape[1] + 1) ** power)


def _others(kernel: Floats) -> Floats:
    """Each record's mean kernel with the others of its sample."""
    return np.asarray((kernel.sum(axis=1) - np.diag(kernel)) / (len(kernel) - 1))


def _pulls(one: Floats, other: Floats, same: bool) -> tuple[Floats, Floats]:
    """What the mean kernel of two samples loses when each figure's zero, or the logarithm of its scale, rises by 1."""
    slope = _kernel(one, other, 2) * 3 / one.shape[1]
    if same:
        np.fill_diagonal(slope, 0.0)
    slope /= len(one) * (len(other) - same)
    return slope.sum(axis=1) @ one + slope.sum(axis=0) @ other, (slope @ other * one).sum(axis=0)
