"""Grey values on a scale that two images share, seen the same way up.

What a voxel's number means depends on the scanner: Hounsfield units are absolute, an MR scan's are not and differ
between scans by factors of thousands. Every measure of this room but those of labels sees images through here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from synthdiff.checks.intervals import Floats
from synthdiff.voxels import Volume

Measured = TypeVar("Measured")

DARK, BRIGHT = 0.01, 0.99
"""Quantiles of an image's voxels that become 0 and 1 where its unit is arbitrary."""

REACH = (-1.0, 2.0)
"""Where values on that scale are cut, so that one hot voxel does not decide about an image."""

AIR, RANGE = -1000.0, 1000.0
"""Hounsfield units of air, which is 0, and how many of them make 1: water is 1, and bone is up to 2 or 3."""

HOUNSFIELD = (-1024.0, 3071.0)
"""The values of 12 bits that scanners reconstruct; metal and padding beyond them are cut."""


@dataclass(frozen=True)
class Grey:
    """An image as the measures see it.

    Attributes
    ----------
    values : float64 array of shape (x, y, z) or (x, y)
        By the image's unit (:func:`grey`).
    contrast : float64 array of the same shape
        0 and 1 at the image's own 1 % and 99 % quantiles and cut there, whatever its unit: what texture is read from.
    labels : unsigned integer array of the same shape, or None
    spacing : tuple of float
        Millimetres, by axis.
    """

    values: Floats
    contrast: Floats
    labels: NDArray[Any] | None
    spacing: tuple[float, ...]


def grey(volume: Volume) -> Grey:
    """An image on a scale that others share.

    Values in Hounsfield units are kept, air as 0 and water as 1. In arbitrary units the image's own 1 % and 99 %
    quantiles become 0 and 1, so that a change of scale or offset, which means nothing there, changes nothing. The axes
    of a 3-D image are put in the order and direction of RAS that is nearest, so that two ways of storing one image are
    one image; a 2-D image is looked at as it is stored.
    """
    array, labels, spacing = _upright(volume)
    values = array.astype(np.float64)
    low, high = np.quantile(values, [DARK, BRIGHT])
    if not high > low:
        low, high = values.min(), values.max()
    own = (values - low) / (high - low) if high > low else np.zeros_like(values)
    values = (np.clip(values, *HOUNSFIELD) - AIR) / RANGE if volume.units == "HU" else np.clip(own, *REACH)
    return Grey(values, np.clip(own, 0.0, 1.0), labels, spacing)


def _upright(volume: Volume) -> tuple[NDArray[Any], NDArray[Any] | None, tuple[float, ...]]:
    array, labels, spacing = volume.array, volume.labels, volume.spacing
    if array.ndim == 2:
        return array, labels, spacing
    from scipy.optimize import linear_sum_assignment

    along = volume.affine[:3, :3] / np.array(spacing)
    order = linear_sum_assignment(-np.abs(along))[1]
    turned = tuple(axis for axis in range(3) if along[axis, order[axis]] < 0)
    array = np.flip(array.transpose(order), turned)
    labels = None if labels is None else np.flip(labels.transpose(order), turned)
    return array, labels, tuple(spacing[axis] for axis in order)


def once(measure: Callable[[Volume], Measured]) -> Callable[[Volume], Measured]:
    """Let a measure remember what it said of each image for as long as the image is alive.

    Several checks ask for the same figures of the same images. They are kept beside the image and not in the check,
    which is a plain description, nor by content, which would have to be hashed; and weakly, so that they go with it.
    An image's voxels must not be changed once it has been measured.
    """
    known: WeakKeyDictionary[Volume, Measured] = WeakKeyDictionary()

    @wraps(measure)
    def remembered(volume: Volume) -> Measured:
        if volume not in known:
            known[volume] = measure(volume)
        return known[volume]

    return remembered
