"""Diversity: do synthetic images differ from one another as much as real ones do?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from synthdiff.checks.check import Aspect, Check, Estimate, Evidence, Finding, Matter, Reference
from synthdiff.checks.imaging.grey import grey
from synthdiff.checks.imaging.resemblance import averaged
from synthdiff.checks.imaging.sides import Sides
from synthdiff.checks.intervals import Floats, Interval, normal_interval
from synthdiff.checks.records import FEWEST
from synthdiff.voxels import Volume

SIDE = {2: 64, 3: 32}
"""Voxels along an axis at which images are compared, by their dimensions."""

WEIGHTS = {2: (0.0448, 0.2856, 0.3001), 3: (0.0448, 0.2856)}
"""What each scale counts, the finest first: the first ones of Wang et al., as many as fit so small an image."""

WINDOW = 7
"""Voxels along an axis of the window in which means and variances are taken."""

STABLE = (0.01**2, 0.03**2)
"""The constants C1 and C2 for values between 0 and 1."""


class Diversity(Check):
    """Pairs of synthetic images must not be more alike than pairs of real ones.

    The figure is the multi-scale structural similarity (MS-SSIM) of two images: 1 for equal ones. A generator that has
    fallen into a few modes raises its mean over all pairs; one that makes twins among otherwise varied images raises
    the mean over images of the most alike other one. Both are compared with as many held-out images (training images
    where too few are held out), one of each subject. Smooth images are more alike than sharp ones, so that lost detail
    counts as lost diversity. A figure below the reference is no merit: noise has the least similarity, and the other
    checks of images see it.

    Images are averaged to 32 voxels along each axis (64 in two dimensions), with values between the image's own 1 % and
    99 % quantiles as 0 to 1. Two scales are taken (three in two dimensions), with even windows of seven voxels.

    ``detail``: ``images`` compared on each side, ``against``, and the ``share`` of pairs at or above each ``ms_ssim``,
    ``synthetic`` and ``real``.

    Attributes
    ----------
    most : int
        Images of each side whose pairs are compared, at most.

    References
    ----------
    Wang, Simoncelli & Bovik (2003), Multi-scale structural similarity for image quality assessment, Asilomar; as a
    measure of diversity: Odena, Olah & Shlens (2017), Conditional image synthesis with auxiliary classifier GANs, ICML.
    """

    kind: Literal["diversity"] = "diversity"
    most: int = Field(52, ge=FEWEST)

    title: ClassVar[str] = "Diversity of the images"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "ms_ssim": (
            "Similarity of pairs",
            "How alike two synthetic images are on average (MS-SSIM): 1 where all are the same image, about the "
            "reference where they differ as real ones do.",
        ),
        "nearest_ms_ssim": (
            "Similarity of twins",
            "How alike a synthetic image and the most similar other one are on average: above the reference where some "
            "images are repeated.",
        ),
    }
    aspect: ClassVar[Aspect] = "fidelity"
    matter: ClassVar[Matter] = "images"
    unit: ClassVar[str] = "MS-SSIM"
    direction: ClassVar[str] = "the reference is best; above it images are too alike"
    source: ClassVar[str] = "Multi-scale structural similarity (Wang et al. 2003; Odena et al. 2017)"
    bars: ClassVar[dict[str, str]] = {"ms_ssim": "<= reference + 0.10", "nearest_ms_ssim": "<= reference + 0.10"}

    def run(self, evidence: Evidence) -> Finding:
        """Compare all pairs within equally many synthetic and real images."""
        sides = Sides.of(evidence)
        if isinstance(sides, str):
            return Finding({}, sides)
        real, against = (sides.holdout, "held-out") if sides.holdout else (sides.train, "training")
        n = min(len(sides.synthetic), len(real), self.most)
        made, others = (pairwise(volumes[:n]) for volumes in (sides.synthetic, real))
        estimates = {
            name: Estimate(*measure(made), n, Reference(*measure(others)))
            for name, measure in (("ms_ssim", _of_pairs), ("nearest_ms_ssim", _of_twins))
        }
        mean, twins = estimates.values()
        assert mean.reference is not None and twins.reference is not None
        reason = (
            f"Two synthetic images have an MS-SSIM of {mean.value:.3f} on average, two {against} ones "
            f"{mean.reference.value:.3f}; an image and the most alike of {n - 1:,} others {twins.value:.3f} and "
            f"{twins.reference.value:.3f}."
        )
        return Finding(estimates, reason, {"images": n, "against": against, "share": _shares(made, others)})


def pairwise(volumes: Sequence[Volume]) -> Floats:
    """The MS-SSIM of each pair.

    Returns
    -------
    float64 array of shape (n, n)
        In [0, 1], the diagonal included.
    """
    scales = _scales(torch.stack([_small(volume) for volume in volumes]))
    found = torch.ones(len(volumes), len(volumes), dtype=torch.float64)
    weights = WEIGHTS[volumes[0].array.ndim]
    for place in range(len(volumes)):
        for level, (weight, images) in enumerate(zip(weights, scales, strict=True)):
            light, structure = _ssim(images[place : place + 1], images[place:])
            term = light * structure if level == len(weights) - 1 else structure
            found[place, place:] *= term.flatten(1).mean(1).clamp_min(0).double() ** (weight / sum(weights))
    upper = found.triu(1)
    return np.asarray((upper + upper.T + torch.eye(len(volumes))).numpy())


def _small(volume: Volume) -> Tensor:
    values = grey(volume).contrast
    cells = np.linspace(0, 1, SIDE[values.ndim] + 1)
    return torch.from_numpy(averaged(values, [cells * n for n in values.shape]).astype(np.float32))


def _scales(images: Tensor) -> list[Tensor]:
    """The images at each scale, halved from one to the next: float32 of shape (n, side, ...)."""
    scales = [images]
    for _ in WEIGHTS[images.ndim - 1][1:]:
        for axis in range(1, images.ndim):
            images = images.unfold(axis, 2, 2).mean(-1)
        scales.append(images)
    return scales


def _ssim(one: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """The comparison of light, and of contrast and structure, at each place of the window."""
    mean, means = _blurred(one), _blurred(others)
    variance, variances = _blurred(one * one) - mean**2, _blurred(others * others) - means**2
    shared = _blurred(one * others) - mean * means
    light = (2 * mean * means + STABLE[0]) / (mean**2 + means**2 + STABLE[0])
    return light, (2 * shared + STABLE[1]) / (variance + variances + STABLE[1])


def _blurred(images: Tensor) -> Tensor:
    """The means in a window that lies within the image."""
    for axis in range(1, images.ndim):
        total = torch.nn.functional.pad(images.movedim(axis, -1), (1, 0)).double().cumsum(-1)
        images = ((total[..., WINDOW:] - total[..., :-WINDOW]) / WINDOW).movedim(-1, axis)
    return images


def _of_pairs(alike: Floats) -> tuple[float, Interval]:
    """The mean over pairs, with the jackknife's interval: one image less at a time."""
    n = len(alike)
    sums = alike.sum(axis=1) - 1
    return _jackknifed(sums.sum() / (n * (n - 1)), (sums.sum() - 2 * sums) / ((n - 1) * (n - 2)))


def _of_twins(alike: Floats) -> tuple[float, Interval]:
    """The mean over images of the most alike other one, with the jackknife's interval."""
    n = len(alike)
    apart = np.where(np.eye(n, dtype=bool), -np.inf, alike)
    order = np.argsort(-apart, axis=1)[:, :2]
    first, second = np.take_along_axis(apart, order, axis=1).T
    lost = np.bincount(order[:, 0], weights=first - second, minlength=n)
    return _jackknifed(first.mean(), (first.sum() - first - lost) / (n - 1))


def _jackknifed(value: float, without: Floats) -> tuple[float, Interval]:
    n = len(without)
    error = float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))
    return float(value), normal_interval(float(value), error, 0.0, 1.0)


def _shares(made: Floats, others: Floats) -> dict[str, Any]:
    """Shares of pairs at or above each similarity."""
    grid = np.linspace(0, 1, 21)
    pairs = np.triu_indices(len(made), 1)

    def reached(alike: Floats) -> list[float]:
        return [round(float((alike[pairs] >= at).mean()), 4) for at in grid]

    return {"ms_ssim": np.round(grid, 2).tolist(), "synthetic": reached(made), "real": reached(others)}
