"""Resemblance: how alike two images are, wherever the one was moved, mirrored, cut, resized, or made brighter.

Images of one audit may differ in size, spacing and range of values. Each is brought onto one small raster, in two ways:
stretched to its edges, so that a resized copy falls into place, and in millimetres from its centre, so that a cut or
padded one does. What is compared is ranks of grey values, which no change of brightness or contrast alters, by their
correlation within the raster's inner part, the highest one over all mirrorings and over shifts of up to a cell or two
by half cells.

Smooth images correlate highly with everything, so a correlation alone says nothing. An image *points* to a training
image as far as it is more like that one than like those of other people (:func:`pointing`), and how far that goes by
chance is learnt from held-out images (:func:`threshold`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthdiff.checks.imaging.grey import grey
from synthdiff.checks.intervals import Floats
from synthdiff.voxels import Volume

LARGEST = 64
"""Voxels along an axis to which a larger image is averaged: more say nothing on so coarse a raster."""

CELLS = {2: 32, 3: 12}
"""Cells of the raster along an axis, by the dimensions of an image."""

REACH = {2: 4, 3: 2}
"""Half cells by which two images are shifted against each other, at most, by their dimensions."""

CROWD = 5
"""An image that this many people's images resemble alike points to none of them."""

ALIKE = 0.9999
"""The correlation from which on two images are equal: what it lacks of 1 is rounding."""

FLAT = 1e-3
"""The Euclidean norm of what an image has of contrast, in ranks from 0 to 1, below which it has none."""

BLOCK = 2**24
"""Correlations that are held at once."""

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Picture:
    """An image as far as resemblance is concerned.

    Attributes
    ----------
    values : float64 array of shape (x, y, z) or (x, y)
        Grey values, up to :data:`LARGEST` along an axis.
    labels : float64 array of the same shape, or None
        The label map, averaged alike.
    span : tuple of float
        Millimetres from edge to edge, by axis.
    """

    values: Floats
    labels: Floats | None
    span: tuple[float, ...]

    @classmethod
    def of(cls, volume: Volume) -> Picture:
        """That of a volume."""
        seen = grey(volume)
        edges = [np.linspace(0, n, min(n, LARGEST) + 1) for n in seen.values.shape]
        labels = None if seen.labels is None else averaged(seen.labels.astype(float), edges)
        span = tuple(n * apart for n, apart in zip(seen.values.shape, seen.spacing, strict=True))
        return cls(averaged(seen.values, edges), labels, span)


def averaged(values: Floats, edges: Sequence[Floats]) -> Floats:
    """The means of an array within the cells of a raster.

    Parameters
    ----------
    values : float64 array
        Voxel i reaches from i to i + 1; beyond the array its outermost voxels go on.
    edges : sequence of float64 arrays of shape (c + 1,)
        The edges of the cells in units of voxels, by axis.
    """
    for axis, along in enumerate(edges):
        voxel = np.arange(values.shape[axis], dtype=float)
        low, high = np.append(-np.inf, voxel[1:]), np.append(voxel[1:], np.inf)
        shared = np.minimum(along[1:, None], high) - np.maximum(along[:-1, None], low)
        weights = np.clip(shared, 0, None) / np.diff(along)[:, None]
        values = np.moveaxis(np.tensordot(weights, values, (1, axis)), 0, axis)
    return values


@dataclass(frozen=True)
class Looks:
    """Images as they are compared.

    Attributes
    ----------
    views : tuple of float32 Tensor of shape (n, c, c, c) or (n, c, c)
        On half cells of the raster: stretched to the images' edges and, where images differ in what they span, in
        millimetres.
    """

    views: tuple[Tensor, ...]

    def __len__(self) -> int:
        return len(self.views[0])


@dataclass(frozen=True)
class Raster:
    """The raster onto which all images of an audit are brought.

    Attributes
    ----------
    span : tuple of float
        What it spans in millimetres, by axis: the images' median.
    """

    span: tuple[float, ...]

    @classmethod
    def of(cls, pictures: Sequence[Picture]) -> Raster:
        """That of a set of images."""
        return cls(tuple(np.median([picture.span for picture in pictures], axis=0).tolist()))

    def place(self, pictures: Sequence[Picture]) -> Looks:
        """Bring the ranks of images' grey values onto the raster."""
        return self._views([(_ranks(picture.values), picture.span) for picture in pictures])

    def place_labels(self, pictures: Sequence[Picture]) -> Looks:
        """Bring images' label maps onto the raster; all must have one."""
        return self._views([(picture.labels, picture.span) for picture in pictures if picture.labels is not None])

    def _views(self, images: Sequence[tuple[Floats, tuple[float, ...]]]) -> Looks:
        whole, true = [], []
        for values, span in images:
            cells = np.linspace(-0.5, 0.5, 2 * CELLS[values.ndim] + 1)
            whole.append(averaged(values, [(0.5 + cells) * n for n in values.shape]))
            scales = np.divide(self.span, span)
            true.append(averaged(values, [(0.5 + cells * s) * n for s, n in zip(scales, values.shape, strict=True)]))
        return Looks(tuple(torch.from_numpy(np.stack(view).astype(np.float32)) for view in (whole, true)))


def _ranks(values: Floats) -> Floats:
    from scipy.stats import rankdata

    return np.asarray(rankdata(values).reshape(values.shape) / values.size)


def resemblance(asked: Looks, known: Looks) -> Floats:
    """The highest correlation of each image with each of others.

    Only one of the two is shifted, by up to :data:`REACH` half cells along each axis, so that what is compared lies
    within both; the correlation is exact, not circular.

    Parameters
    ----------
    asked, known : Looks
        Of n and m images.

    Returns
    -------
    float64 array of shape (n, m)
        In [-1, 1]; 0 for an image without contrast.
    """
    best = torch.full((len(asked), len(known)), -1.0)
    for seen, others in zip(asked.views, known.views, strict=True):
        dimensions = seen.ndim - 1
        middle = _windows(others)[:, (_shifts(dimensions) - 1) // 2]
        middle = middle - middle.mean(-1, keepdim=True)
        norm = middle.norm(dim=-1, keepdim=True)
        middle = middle * torch.where(norm > FLAT, 1 / norm, 0.0)
        inner = (CELLS[dimensions] - REACH[dimensions],) * dimensions
        mirrored = [
            middle.view(-1, *inner).flip(axes).reshape(len(middle), -1).T if axes else middle.T
            for axes in _mirrorings(dimensions)
        ]
        step = max(1, BLOCK // (_shifts(dimensions) * len(known)))
        for start in range(0, len(seen), step):
            windows = _windows(seen[start : start + step])
            # The other side has mean nought, so that this one need not be centred, only scaled.
            norm = windows.std(-1, correction=0).mul_(windows.shape[-1] ** 0.5)
            windows *= torch.where(norm > FLAT, 1 / norm, 0.0)[..., None]
            for template in mirrored:
                found = (windows.flatten(0, 1) @ template).view(*windows.shape[:2], -1).amax(1)
                torch.maximum(best[start : start + step], found, out=best[start : start + step])
    return best.clamp_(-1, 1).double().numpy()


def _shifts(dimensions: int) -> int:
    return int((2 * REACH[dimensions] + 1) ** dimensions)


def _windows(seen: Tensor) -> Tensor:
    """The inner part of each image at every shift: float32 of shape (n, shifts, cells)."""
    dimensions = seen.ndim - 1
    cells, reach = CELLS[dimensions], REACH[dimensions]
    for axis in range(1, dimensions + 1):
        # Two half cells make a cell, at every half cell; every second of them makes a raster.
        pairs = (seen.narrow(axis, 0, 2 * cells - 1) + seen.narrow(axis, 1, 2 * cells - 1)) / 2
        at = torch.arange(2 * reach + 1)[:, None] + 2 * torch.arange(cells - reach)
        seen = pairs.index_select(axis, at.flatten()).unfold(axis, cells - reach, cells - reach)
    return seen.flatten(dimensions + 1).flatten(1, dimensions)


def _mirrorings(dimensions: int) -> list[tuple[int, ...]]:
    """The sets of axes that an image may be mirrored along, none included."""
    axes = range(1, dimensions + 1)
    return list(chain.from_iterable(combinations(axes, count) for count in range(dimensions + 1)))


def pointing(alike: Floats, people: Positions) -> tuple[Floats, Positions]:
    """How far each image points to a single training image, and to which.

    With r_1 and r_5 the highest correlations with an image of the most and of the fifth most alike person, that is
    artanh r_1 - artanh r_5: Fisher's transform makes correlations near 1 comparable to others, and the difference
    cancels what an image has in common with everybody, such as its smoothness.

    Parameters
    ----------
    alike : float64 array of shape (n, m)
        Correlations with m training images.
    people : int64 array of shape (m,)
        Whose those are, of :data:`CROWD` people or more.

    Returns
    -------
    float64 array of shape (n,)
        From 0 on.
    int64 array of shape (n,)
        The position of the most alike training image.
    """
    per_person = of_people(np.arctanh(np.clip(alike, -ALIKE, ALIKE)), people)
    highest = -np.partition(-per_person, CROWD - 1, axis=1)[:, :CROWD]
    return highest.max(axis=1) - highest.min(axis=1), alike.argmax(axis=1)


def of_people(figures: Floats, people: Positions) -> Floats:
    """The highest figure of each person, of several for each image along the last axis."""
    order = np.argsort(people, kind="stable")
    starts = np.unique(people[order], return_index=True)[1]
    return np.asarray(np.maximum.reduceat(figures[..., order], starts, axis=-1))


def threshold(scores: Floats, alarms: float) -> float:
    """How far an image of somebody else points to a training image with a probability of ``alarms``.

    Of many values whose distribution has an exponential tail, the gaps between the highest ones are independent
    exponential variables of means 1/λ, 1/2λ, ... (Rényi 1953), and their sum, from the first to the fifth, is
    distributed as the largest of four exponential variables of mean 1/λ. So one figure, the median of the scores, tells
    λ and all the tail, where counting would need thousands of held-out images.

    Parameters
    ----------
    scores : float64 array of shape (n,)
        Of held-out images, by :func:`pointing`.
    alarms : float
        In (0, 1).

    References
    ----------
    Rényi (1953), On the theory of order statistics. Acta Mathematica Hungarica 4.
    """

    def quantile(share: float) -> float:
        return -float(np.log(1 - share ** (1 / (CROWD - 1))))

    return float(np.median(scores)) * quantile(1 - alarms) / quantile(0.5)


def subjects(volumes: Sequence[Volume]) -> Positions:
    """Whose image each is: a number for each subject; an image without a subject stands alone."""
    names = [volume.subject or (place,) for place, volume in enumerate(volumes)]
    known = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([known[name] for name in names], dtype=np.int64)
