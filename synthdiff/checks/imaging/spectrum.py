"""Spectrum: have synthetic images as much detail as real ones, scale by scale?"""

from __future__ import annotations

from functools import reduce
from typing import Any, ClassVar, Literal

import numpy as np

from synthdiff.checks.check import Aspect, Check, Evidence, Finding, Matter
from synthdiff.checks.imaging.grey import grey, once
from synthdiff.checks.imaging.profiles import Profiles
from synthdiff.checks.imaging.sides import Sides
from synthdiff.checks.intervals import Floats
from synthdiff.voxels import Volume

EDGES = 2.0 ** (np.arange(-20, 13) / 2)
"""Half-octaves of frequency, per millimetre: from a metre to 16 micrometres."""

FAINT = 1e-9
"""Power below which there is none, so that its logarithm is finite."""


class Spectrum(Check):
    """The power of each image by spatial frequency, averaged over directions, is compared band by band.

    Frequencies are physical, in cycles per millimetre and bands of half an octave, so that images of different size and
    spacing are compared at the same scale. Each image is brought to a grey scale that others share, tapered by a Hann
    window so that opposite edges do not meet, and transformed; a band's figure is the logarithm of the mean power
    density. Images that are too smooth lack power at high frequencies, noisy ones have too much.

    ``detail``: ``frequency`` (the middle of each band), ``train``, ``synthetic`` and ``holdout`` (for each band the
    decimal logarithm of power that 10, 50 and 90 % of the images lie below), ``error`` (each band's distance).

    References
    ----------
    Durall, Keuper & Keuper (2020), Watch your up-convolution: CNN based generative deep neural networks are failing to
    reproduce spectral distributions, CVPR: the azimuthally averaged spectrum, here in physical units.
    """

    kind: Literal["spectrum"] = "spectrum"

    title: ClassVar[str] = "Detail and noise by scale"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "spectrum_error": (
            "Error of the spectrum",
            "Mean distance between the real and the synthetic images' distribution of power at one scale: 0 is no "
            "difference, 1 is no overlap.",
        ),
    }
    aspect: ClassVar[Aspect] = "fidelity"
    matter: ClassVar[Matter] = "images"
    unit: ClassVar[str] = "mean distance, 0 to 1"
    direction: ClassVar[str] = "lower is better, as low as held-out images is best"
    source: ClassVar[str] = "azimuthally averaged power spectrum (Durall et al. 2020), Kolmogorov-Smirnov distance"
    bars: ClassVar[dict[str, str]] = {"spectrum_error": "<= reference + 0.15"}

    def run(self, evidence: Evidence) -> Finding:
        """Compare band by band."""
        sides = Sides.of(evidence)
        if isinstance(sides, str):
            return Finding({}, sides)
        profiles = Profiles.of(sides, _spectrum)
        estimate = profiles.error(evidence, "spectrum")
        if estimate is None:
            return Finding({}, "The training images are of so different scale that they share no frequency.")
        found = profiles.distances()
        middle = np.sqrt(EDGES[1:] * EDGES[:-1])
        shown = [i for i, distance in enumerate(found) if distance]
        bands = profiles.bands()
        detail: dict[str, Any] = {
            "frequency": [float(f"{middle[i]:.4g}") for i in shown],
            **{
                side: band and {level: [values[i] for i in shown] for level, values in band.items()}
                for side, band in bands.items()
            },
            "error": [round(distance.value, 4) for distance in found if distance],
        }
        reason = f"On average, the images' power at one scale is {estimate.value:.1%} away from that of real images"
        if estimate.reference:
            reason += f"; that of as many held-out images would be {estimate.reference.value:.1%} away"
        return Finding({"spectrum_error": estimate}, f"{reason}. {_finest(profiles, middle)}", detail)


def _finest(profiles: Profiles, middle: Floats) -> str:
    """How much power the synthetic images have in the finest band that both sides have."""
    both = np.isfinite(profiles.train).any(axis=0) & np.isfinite(profiles.synthetic).any(axis=0)
    if not both.any():
        return "There is no scale that real and synthetic images share."
    band = int(np.flatnonzero(both)[-1])
    real, other = (np.nanmedian(side[:, band]) for side in (profiles.train, profiles.synthetic))
    return (
        f"At the finest scale that both have, {middle[band]:.2g} cycles per millimetre, the middle synthetic image has "
        f"{10 ** (other - real):.2g} times the power of the middle real one."
    )


@once
def _spectrum(volume: Volume) -> Floats:
    """The decimal logarithm of the power density in each band, NaN where the image has no such frequency."""
    from scipy.fft import fftfreq, rfftfreq, rfftn

    seen = grey(volume)
    sizes, last = seen.values.shape, seen.values.ndim - 1
    window = reduce(np.multiply.outer, [np.hanning(size + 2)[1:-1] for size in sizes])
    level = (seen.values * window).sum() / window.sum()
    power = np.abs(rfftn((seen.values - level) * window)) ** 2 * np.prod(seen.spacing) / (window**2).sum()
    along = [
        (rfftfreq if axis == last else fftfreq)(size, step)
        for axis, (size, step) in enumerate(zip(sizes, seen.spacing, strict=True))
    ]
    frequency = np.sqrt(reduce(np.add.outer, [f**2 for f in along]))
    band = np.searchsorted(EDGES, frequency.ravel(), "right")
    counts, sums = (np.bincount(band, weights, len(EDGES) + 1)[1:-1] for weights in (None, power.ravel()))
    with np.errstate(invalid="ignore"):
        return np.asarray(np.log10(sums / counts + FAINT))
