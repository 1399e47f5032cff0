"""Radiomic distance: how far are the synthetic images' radiomic figures from the real ones', as a whole?"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from synthdiff.checks.check import Aspect, Check, Estimate, Evidence, Finding, Matter, Reference
from synthdiff.checks.fidelity.distances import Distance
from synthdiff.checks.imaging.sides import ALIKE, Scores, Sides
from synthdiff.checks.intervals import Floats, mean_error, normal_interval
from synthdiff.seeds import numpy_generator

FAINT = 1e-9
"""The part of the largest variance below which a direction has none."""


class RadiomicDistance(Check):
    """The Fréchet distance between the radiomic figures of real and of synthetic images, above what real ones score.

    Figures (:mod:`synthdiff.checks.imaging.radiomics`) are standardised on the training images, and a Gaussian is
    fitted to each side. The squared distance between the two, \\|μ - ν\\|² + tr(S + T - 2 (S T)^½), is the FRD before
    its logarithm; it is divided by the number of figures, so that 1 is as if every figure were off by a standard
    deviation of the real images.

    With fewer images than figures a covariance is mostly noise, and a distance between two of them means nothing. So
    means are compared in all figures, covariances along the training images' first principal components only, one for
    every ``per_component`` images of the smaller side: a lower bound of the distance in all figures. What is left still
    grows as samples shrink. So both sides are asked at the same size: synthetic images are drawn down to as many as are
    held out (or the other way round), and the mean over ``draws`` draws counts. ``radiomic_excess`` is the distance
    above that of the held-out images, the floor; two generators are compared by it.

    Intervals come from each subject's influence on the distance, for which there is a closed form: resampled Fréchet
    distances lie above the distance and would have to be corrected. The components count as given.

    ``detail``: ``compared`` (images behind each figure, and ``size``, at which they are compared), ``components`` and
    the share of the training variance that they hold, ``figures``: those that moved most, in standard deviations
    (``shift``) and as the ratio of their spreads (``spread``), with held-out images beside them.

    Attributes
    ----------
    per_component : int
        Images of the smaller side for each principal component.
    draws : int
        Draws of the larger side.

    References
    ----------
    Konz, Osuala et al. (2026), Fréchet radiomic distance (FRD), Medical Image Analysis (arXiv 2412.01496). Bias in
    small samples: Chong & Forsyth (2020), Effectively unbiased FID and Inception Score, CVPR. Derivative: that of the
    Bures-Wasserstein distance, by the transport map between Gaussians (Bhatia, Jain & Lim 2019).
    """

    kind: Literal["radiomic_distance"] = "radiomic_distance"
    per_component: int = Field(10, ge=2)
    draws: int = Field(50, ge=1)

    title: ClassVar[str] = "Radiomic distance of the images"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "radiomic_distance": (
            "Radiomic distance",
            "How far brightness, texture, sharpness and the shape of structures are from those of real images: 1 is as "
            "if each figure were off by a standard deviation.",
        ),
        "radiomic_excess": (
            "Radiomic distance beyond real images",
            "The same less what as many held-out real images score: 0 is as good as real images.",
        ),
    }
    aspect: ClassVar[Aspect] = "fidelity"
    matter: ClassVar[Matter] = "images"
    unit: ClassVar[str] = "variances a figure"
    direction: ClassVar[str] = "lower is better, as low as held-out images is best"
    source: ClassVar[str] = "FRD (Konz et al. 2026), squared and per figure, on principal components"
    bars: ClassVar[dict[str, str]] = {"radiomic_distance": "<= reference + 0.25", "radiomic_excess": "<= 0.25"}

    def run(self, evidence: Evidence) -> Finding:
        """Compare the images' figures."""
        sides = Sides.of(evidence)
        if isinstance(sides, str):
            return Finding({}, sides)
        scores = Scores.of(sides)
        if not scores.names:
            return Finding({}, ALIKE)
        size = min(len(side) for side in (scores.train, scores.synthetic, scores.holdout) if len(side))
        axes, share = components(scores.train, max(1, size // self.per_component))
        found, real = self._distances(scores, axes, size, evidence.seed)
        n = len(scores.synthetic)
        floor = Reference(real.value, normal_interval(real.value, real.error(), 0.0)) if real else None
        estimates = {
            "radiomic_distance": Estimate(found.value, normal_interval(found.value, found.error(), 0.0), n, floor)
        }
        reason = f"The images' figures are {found.value:.2f} variances each from those of the training images"
        if real:
            excess = found.value - real.value
            # The training images are the same in both, and what they do to both cancels.
            errors = mean_error(found.real - real.real), mean_error(found.other), mean_error(real.other)
            error = float(np.sqrt(np.square(errors).sum()))
            estimates["radiomic_excess"] = Estimate(
                excess, normal_interval(excess, error), n, Reference(0.0, (0.0, 0.0))
            )
            reason += f"; as many held-out images are {real.value:.2f} from them"
        moved = _moved(scores)
        reason += (
            f". Compared were {size:,} images on {len(axes):,} principal components, which hold "
            f"{share:.0%} of what training images differ by. Most has moved {moved[0]['name']}, by "
            f"{moved[0]['shift']:+.1f} standard deviations."
        )
        detail: dict[str, Any] = {
            "compared": {"train": len(scores.train), "synthetic": n, "holdout": len(scores.holdout), "size": size},
            "components": {"count": len(axes), "share": round(share, 4), "figures": len(scores.names)},
            "figures": moved,
        }
        return Finding(estimates, reason, detail)

    def _distances(self, scores: Scores, axes: Floats, size: int, seed: int) -> tuple[Distance, Distance | None]:
        """Of ``size`` synthetic and of ``size`` held-out images, each image's influence being that on all together."""

        def distance(side: Floats, name: str) -> Distance:
            whole = frechet(scores.train, side, axes)
            value = whole.value
            if len(side) > size:
                generator = numpy_generator(seed, "radiomic_distance", name)
                drawn = (side[generator.choice(len(side), size, replace=False)] for _ in range(self.draws))
                value = float(np.mean([frechet(scores.train, some, axes).value for some in drawn]))
            figures = len(scores.names)
            return Distance(value / figures, whole.real / figures, whole.other / figures)

        real = distance(scores.holdout, "holdout") if len(scores.holdout) else None
        return distance(scores.synthetic, "synthetic"), real


def components(train: Floats, most: int) -> tuple[Floats, float]:
    """The first principal components, at most so many, of those that have any variance.

    Returns
    -------
    float64 array of shape (k, d)
        Orthonormal, by falling variance.
    float
        The share of the variance that they hold.
    """
    _, lengths, axes = np.linalg.svd(train - train.mean(axis=0), full_matrices=False)
    variances = lengths**2
    kept = min(most, int((variances > FAINT * variances[0]).sum()))
    return axes[:kept], float(variances[:kept].sum() / variances.sum())


def frechet(real: Floats, other: Floats, axes: Floats) -> Distance:
    """The squared Fréchet distance between Gaussians fitted to two samples, their covariances along some axes only.

    Its derivative by the covariance of one side is I - M, where x -> M x carries that side's Gaussian to the other's
    along the shortest way; so a record x of it adds 2 (μ - ν)·(x - μ) + (x - μ)·(I - M)(x - μ), up to a constant. A
    real one also widens the scale on which all is measured. Where the two sides are alike this counts double what the
    distance varies by, so that intervals are too wide there.

    Parameters
    ----------
    real, other : float64 arrays of shape (n, d), (m, d)
        In units of the standard deviations of ``real``.
    axes : float64 array of shape (k, d)
        Orthonormal.
    """
    from_real, from_other = real - real.mean(axis=0), other - other.mean(axis=0)
    apart = real.mean(axis=0) - other.mean(axis=0)
    along_real, along_other = from_real @ axes.T, from_other @ axes.T
    root, back = _roots(along_real.T @ along_real / (len(real) - 1))
    covariance = along_other.T @ along_other / (len(other) - 1)
    shared, unshared = _roots(root @ covariance @ root)
    value = float(apart @ apart + np.trace(root @ root) + np.trace(covariance) - 2 * np.trace(shared))
    identity = np.eye(len(axes))
    # The way back is the inverse, where there is one: images that are all alike have no spread to be carried.
    by_real = along_real @ (identity - back @ shared @ back) @ axes
    by_other = along_other @ (identity - root @ unshared @ root) @ axes
    of_real, of_other = by_real * from_real, by_other * from_other
    shrinks = apart**2 + of_real.sum(axis=0) / (len(real) - 1) + of_other.sum(axis=0) / (len(other) - 1)
    return Distance(
        max(0.0, value),
        2 * from_real @ apart + of_real.sum(axis=1) - from_real**2 @ shrinks,
        -2 * from_other @ apart + of_other.sum(axis=1),
    )


def _roots(matrix: Floats) -> tuple[Floats, Floats]:
    """The square root of a covariance, and its inverse in the directions that have variance."""
    variances, axes = np.linalg.eigh(matrix)
    lengths = np.sqrt(np.maximum(variances, 0.0))
    known = variances > FAINT * max(variances[-1], FAINT)
    inverse = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=known)
    return (axes * lengths) @ axes.T, (axes * inverse) @ axes.T


SHOWN = 12
"""Figures that are shown, those first that moved most."""


def _moved(scores: Scores) -> list[dict[str, Any]]:
    """Each figure's mean and spread against the training images', where 0 and 1 are theirs."""

    def summary(side: Floats) -> tuple[Floats, Floats]:
        return side.mean(axis=0), side.std(axis=0, ddof=1)

    shift, spread = summary(scores.synthetic)
    real = summary(scores.holdout) if len(scores.holdout) else None
    order = np.argsort(-np.abs(shift), kind="stable")[:SHOWN]
    return [
        {
            "name": scores.names[i].replace("_", " "),
            "shift": round(float(shift[i]), 3),
            "spread": round(float(spread[i]), 3),
            "holdout_shift": round(float(real[0][i]), 3) if real else None,
            "holdout_spread": round(float(real[1][i]), 3) if real else None,
        }
        for i in order
    ]
