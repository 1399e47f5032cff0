"""Planted copies: real images changed as a copy may be, to see whether a detector of copies finds them.

A detector that finds nothing may be blind. The same detector, at the same threshold, is asked for copies that are known
to be there, in each way of copying that an eye would recognise; the smallest share that it finds is its power.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from synthdiff.checks.imaging.resemblance import Picture, averaged
from synthdiff.checks.intervals import Floats

Change = Callable[[Picture, np.random.Generator], Picture]

SHIFT = 0.06
"""How far a copy is shifted along each axis at most, as a share of its length: two or three voxels of 40."""

NOISE = 0.25
"""The standard deviation of the noise in a copy, as a share of the image's."""

RESIZED = (0.8, 1.25)
"""By how much a copy is resized, along all axes alike."""

CUT = 0.1
"""How much of its length a copy lacks along each axis, half of it at each end."""

TURNED = 4.0
"""Degrees by which a copy is turned."""


def changes(dimensions: int) -> dict[str, Change]:
    """The ways of copying an image of two or three dimensions, by what the report calls them."""
    mirrored = {f"mirrored along {name}": _mirrored(axis) for axis, name in enumerate("xyz"[:dimensions])}
    return {
        "unchanged": lambda picture, _: picture,
        "shifted": _shifted,
        **mirrored,
        "noisy": _noisy,
        "brighter or darker": _brightened,
        "resized": _resized,
        "cut": _cut,
        "turned": _turned,
    }


def _each(picture: Picture, change: Callable[[Floats], Floats]) -> Picture:
    """The same change to grey values and label map."""
    labels = None if picture.labels is None else change(picture.labels)
    return replace(picture, values=change(picture.values), labels=labels)


def _mirrored(axis: int) -> Change:
    return lambda picture, _: _each(picture, lambda values: np.flip(values, axis))


def _shifted(picture: Picture, generator: np.random.Generator) -> Picture:
    shape = np.array(picture.values.shape)
    by = np.round(generator.uniform(-SHIFT, SHIFT, len(shape)) * shape)
    edges = [np.arange(n + 1) + voxels for n, voxels in zip(shape, by, strict=True)]
    return _each(picture, lambda values: averaged(values, edges))


def _noisy(picture: Picture, generator: np.random.Generator) -> Picture:
    noise = generator.normal(0, NOISE * picture.values.std(), picture.values.shape)
    return replace(picture, values=picture.values + noise)


def _brightened(picture: Picture, generator: np.random.Generator) -> Picture:
    """Another contrast curve, gain and offset."""
    least, spread = picture.values.min(), np.ptp(picture.values) or 1.0
    curved = ((picture.values - least) / spread) ** float(np.exp(generator.uniform(-0.7, 0.7)))
    return replace(picture, values=curved * generator.uniform(0.5, 2) + generator.uniform(-1, 1))


def _resized(picture: Picture, generator: np.random.Generator) -> Picture:
    """Fewer or more voxels of the same size, as a generator of fixed shape would have them."""
    by = float(np.exp(generator.uniform(*np.log(RESIZED))))
    shape = [max(2, round(n * by)) for n in picture.values.shape]
    edges = [np.linspace(0, n, m + 1) for n, m in zip(picture.values.shape, shape, strict=True)]
    span = tuple(length * m / n for length, m, n in zip(picture.span, shape, picture.values.shape, strict=True))
    return replace(_each(picture, lambda values: averaged(values, edges)), span=span)


def _cut(picture: Picture, _: np.random.Generator) -> Picture:
    shape = picture.values.shape
    edge = [round(n * CUT / 2) for n in shape]
    inner = tuple(slice(cut, n - cut) for cut, n in zip(edge, shape, strict=True))
    span = tuple(s * (n - 2 * cut) / n for s, cut, n in zip(picture.span, edge, shape, strict=True))
    return replace(_each(picture, lambda values: values[inner]), span=span)


def _turned(picture: Picture, generator: np.random.Generator) -> Picture:
    from scipy.ndimage import rotate

    axes = tuple(generator.permutation(picture.values.ndim)[:2].tolist())
    angle = float(generator.choice([-TURNED, TURNED]))
    return _each(picture, lambda values: rotate(values, angle, axes, reshape=False, order=1, mode="nearest"))
