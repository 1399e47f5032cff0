"""Volume codec: images and label maps of one kind as tensors on one grid, and back.

A tensor's first channel is the image on a common scale, as normal scores: what is drawn has the intensities of real
images even where a net has learnt little but a Gaussian. Each label has a channel, too: the distance to its surface,
positive inside, cut at some millimetres, because a surface that moves a little is a small change of distances and a
large one of zeros and ones (Leventon et al. 2000, "Statistical shape influence in geodesic active contours").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from synthdiff.errors import DataError
from synthdiff.voxels import Modality, Volume

REACH = 4.0
"""Voxels beyond which a label's distance says nothing more."""

LOW, HIGH = 0.01, 0.99
"""Quantiles of an image that become -1 and 1."""

TOP = 1000
"""What stands for the upper quantile in a decoded image whose units mean nothing; the lower one is 0."""

ALIKE = 2.0
"""Images are on one scale when nine in ten of their upper quantiles lie within this factor."""

KNOTS = 512
"""Of the quantile function of intensities. The outermost are a thousandth of the voxels from either end, and nothing
beyond them is released."""


class VolumeCodec(BaseModel):
    """How volumes become tensors; fitted by :meth:`fit`, then plain data.

    Attributes
    ----------
    shape : tuple of int
        Of every volume, cropped or padded about its centre.
    spacing : tuple of float
        Millimetres from voxel to voxel, by axis.
    directions : tuple of tuples of float
        Unit vectors of the axes, RAS, of the first training volume's orientation rounded to the nearest axes.
    modality, units : str
    labels : tuple of int
        What the label maps hold beside 0.
    scale : {"own", "shared"}
        Whether -1 and 1 stand for each image's own quantiles or for those of all images.
    low, high : float
        The quantiles that -1 and 1 stand for when the scale is shared; else what they are decoded to.
    knots, scores : tuple of float
        Intensities on that scale, and the normal score of each among the voxels of all images. The outermost are cuts.
    whole : bool
        Whether decoded values are whole numbers.
    """

    model_config = ConfigDict(frozen=True)

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    directions: tuple[tuple[float, ...], ...]
    modality: Modality
    units: str
    labels: tuple[int, ...]
    scale: Literal["own", "shared"]
    low: float
    high: float
    knots: tuple[float, ...]
    scores: tuple[float, ...]
    whole: bool

    @classmethod
    def fit(
        cls, volumes: Sequence[Volume], shape: Sequence[int] | None = None, spacing: Sequence[float] | None = None
    ) -> VolumeCodec:
        """Find the grid, the labels and the scale of volumes.

        Parameters
        ----------
        volumes : sequence of Volume
            Of one kind: as many axes, one modality, all with label maps or none.
        shape : sequence of int, optional
            The grid; by default the median size of the volumes.
        spacing : sequence of float, optional
            Millimetres from voxel to voxel of the grid; by default the median one.

        Raises
        ------
        DataError
            When they are not of one kind, or the grid does not fit them.
        """
        first = volumes[0]
        for volume in volumes[1:]:
            for what, one, other in (
                ("axes", volume.array.ndim, first.array.ndim),
                ("modality", volume.modality, first.modality),
                ("units", volume.units, first.units),
                ("a label map", volume.labels is not None, first.labels is not None),
            ):
                if one != other:
                    raise DataError(
                        f"{what}: found {one}, where {first.name or 'the first image'} has {other}",
                        where=volume.name,
                        mend="learn images of one kind at a time, all with label maps or all without",
                    )
        directions = _directions(first)
        volumes = [_turned(volume, directions) for volume in volumes]
        if spacing is not None and (len(spacing) != first.array.ndim or min(spacing) <= 0):
            raise DataError(
                f"the spacing {tuple(spacing)} does not fit images of {first.array.ndim} axes",
                mend=f"give {first.array.ndim} lengths in millimetres",
            )
        apart = np.array(spacing or np.median([volume.spacing for volume in volumes], axis=0))
        sizes = [np.multiply(volume.array.shape, volume.spacing) / apart for volume in volumes]
        chosen = tuple(shape) if shape is not None else tuple(int(n) for n in np.round(np.median(sizes, axis=0)))
        if len(chosen) != first.array.ndim or min(chosen) < 4:
            raise DataError(
                f"the grid {chosen} does not fit images of {first.array.ndim} axes",
                mend=f"give {first.array.ndim} sides of at least 4 voxels",
            )
        quantiles = np.array([np.quantile(volume.array, [LOW, HIGH]) for volume in volumes])
        flat = [volume.name for volume, (low, high) in zip(volumes, quantiles, strict=True) if not high > low]
        if flat:
            raise DataError(
                f"{len(flat)} images are of one value nearly everywhere", where=flat[0], mend="leave them out"
            )
        tops = np.quantile(np.abs(quantiles).max(axis=1), [0.05, 0.95])
        shared = first.units != "arbitrary" or tops[1] <= ALIKE * tops[0]
        low, high = np.quantile(quantiles, 0.5, axis=0) if shared else (0.0, float(TOP))
        held = sorted(
            {int(level) for volume in volumes if volume.labels is not None for level in np.unique(volume.labels)}
        )
        made = cls(
            shape=chosen,
            spacing=tuple(float(side) for side in apart),
            directions=tuple(tuple(row) for row in directions.tolist()),
            modality=first.modality,
            units=first.units,
            labels=tuple(level for level in held if level),
            scale="shared" if shared else "own",
            low=float(low),
            high=float(high),
            knots=(),
            scores=(),
            whole=True if not shared else all(np.issubdtype(volume.array.dtype, np.integer) for volume in volumes),
        )
        knots, scores = made._normal_scores(volumes)
        return made.model_copy(update={"knots": knots, "scores": scores})

    @property
    def channels(self) -> int:
        """Of a tensor: the image and one for each label."""
        return 1 + len(self.labels)

    def conform(self, volume: Volume) -> Volume:
        """The volume on the codec's grid: its axes turned to the codec's, resampled where its spacing differs, cropped
        or padded about its centre. Whole numbers, such as Hounsfield units, stay whole.

        What is asked of synthetic volumes is asked on this grid, so that real ones must be brought to it, too.
        """
        volume = _turned(volume, np.array(self.directions))
        array, labels = volume.array, volume.labels
        factors = np.divide(volume.spacing, self.spacing)
        if np.abs(factors - 1).max() > 0.01:
            from scipy import ndimage

            kind = array.dtype if np.issubdtype(array.dtype, np.floating) else np.float32
            # Detail finer than the new voxels would come back as false coarse detail.
            blur = np.maximum(1 / factors - 1, 0) / 2
            array = ndimage.gaussian_filter(array.astype(kind), blur, mode="nearest") if blur.any() else array
            array = ndimage.zoom(array.astype(kind), factors, order=1, grid_mode=True, mode="nearest")
            array = array if kind == volume.array.dtype else np.rint(array).astype(volume.array.dtype)
            labels = None if labels is None else ndimage.zoom(labels, factors, order=0, grid_mode=True, mode="nearest")
        return replace(
            volume,
            array=_about_the_centre(array, self.shape, "edge"),
            labels=None if labels is None else _about_the_centre(labels, self.shape, "constant"),
            affine=self.affine,
        )

    @property
    def affine(self) -> NDArray[np.float64]:
        """Of every conformed or decoded volume: its centre lies at the origin, as where a patient lay is no news."""
        affine = np.eye(4)
        axes = len(self.shape)
        affine[:3, :3] = np.array(self.directions)
        affine[:3, :axes] *= self.spacing
        affine[:3, 3] = -affine[:3, :axes] @ ((np.array(self.shape) - 1) / 2)
        return affine

    def encode(self, volumes: Sequence[Volume]) -> Tensor:
        """Volumes as a float32 tensor of shape ``(n, channels, *shape)``.

        Raises
        ------
        DataError
            When a label map holds what those of the training volumes did not.
        """
        return torch.stack([self._encoded(self.conform(volume)) for volume in volumes])

    def decode(self, tensor: Tensor) -> list[Volume]:
        """Tensors as volumes: of each voxel the label whose surface it is deepest under, or background."""
        return [self._decoded(record) for record in tensor.cpu().double().numpy()]

    def _scaled(self, volume: Volume) -> NDArray[np.float64]:
        array = volume.array.astype(float)
        low, high = (self.low, self.high) if self.scale == "shared" else np.quantile(array, [LOW, HIGH])
        scaled: NDArray[np.float64] = 2 * (array - low) / (high - low) - 1
        return scaled

    def _normal_scores(self, volumes: Sequence[Volume]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Intensities that cut the voxels of all images into equal parts, and their normal scores."""
        from scipy.special import ndtri

        shares = (np.arange(KNOTS) + 0.5) / KNOTS
        # The quantiles of the mixture, of each image's quantiles, so that a large image counts as much as a small one.
        every = np.sort(np.concatenate([np.quantile(self._scaled(volume), shares) for volume in volumes]))
        pooled = np.quantile(every, shares)
        knots, which, counts = np.unique(pooled, return_inverse=True, return_counts=True)
        scores = np.bincount(which, weights=ndtri(shares)) / counts
        return tuple(knots.tolist()), tuple(scores.tolist())

    def _encoded(self, volume: Volume) -> Tensor:
        channels = [np.interp(self._scaled(volume), self.knots, self.scores)]
        if volume.labels is not None:
            unknown = sorted({int(level) for level in pd.unique(volume.labels.ravel())} - {0, *self.labels})
            if unknown:
                raise DataError(
                    f"the label map holds {unknown}, the training images only {list(self.labels)}",
                    where=volume.name,
                    mend="use the same labels everywhere",
                )
            channels += [self._depth(volume.labels == level) for level in self.labels]
        return torch.from_numpy(np.stack(channels).astype(np.float32))

    def _depth(self, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The distance to the surface in voxels of the finest axis, positive inside, cut and divided by the reach."""
        from scipy import ndimage

        if not inside.any():
            return np.full(inside.shape, -1.0)
        finest = min(self.spacing)
        steps = [side / finest for side in self.spacing]
        within, outside = (ndimage.distance_transform_edt(part, sampling=steps) for part in (inside, ~inside))
        # A surface runs between voxels, half a step from either.
        signed = np.where(inside, within - 0.5, 0.5 - outside)
        depth: NDArray[np.float64] = np.clip(signed / REACH, -1, 1)
        return depth

    def _decoded(self, record: NDArray[np.float64]) -> Volume:
        image = (np.interp(record[0], self.scores, self.knots) + 1) / 2 * (self.high - self.low) + self.low
        array: NDArray[Any] = np.round(image).astype(np.int16) if self.whole else image.astype(np.float32)
        labels = None
        if self.labels:
            deepest = record[1:].argmax(0)
            levels = np.array(self.labels, dtype=np.uint16 if max(self.labels) > 255 else np.uint8)
            labels = np.where(record[1:].max(0) > 0, levels[deepest], levels.dtype.type(0))
        return Volume(array, self.affine, self.modality, self.units, labels)


def _directions(volume: Volume) -> NDArray[np.float64]:
    """The signed axis that each axis of the array runs along most nearly, as columns."""
    columns = volume.affine[:3, :3] / np.linalg.norm(volume.affine[:3, :3], axis=0)
    directions = np.zeros((3, 3))
    free = np.ones(3, dtype=bool)
    for axis in range(3):
        along = int(np.argmax(np.where(free, np.abs(columns[:, axis]), -1)))
        free[along] = False
        directions[along, axis] = 1.0 if columns[along, axis] >= 0 else -1.0
    return directions


def _turned(volume: Volume, directions: NDArray[np.float64]) -> Volume:
    """The same volume with its axes in another order or sense; an image of two axes stays in its plane."""
    found = _directions(volume)
    if volume.array.ndim < 3 or np.array_equal(found, directions):
        return volume
    # Which of the old axes each new one is, and 1 or -1 for its sense.
    change = found.T @ directions
    order, flipped = np.abs(change).argmax(0), change.sum(0) < 0
    ends = np.where(flipped, np.array(volume.array.shape)[order] - 1, 0)
    affine = volume.affine.copy()
    affine[:3, :3] = volume.affine[:3, order] * np.where(flipped, -1, 1)
    affine[:3, 3] += volume.affine[:3, order] @ ends

    def turned(array: NDArray[Any]) -> NDArray[Any]:
        return np.flip(array.transpose(order), tuple(np.flatnonzero(flipped)))

    labels = None if volume.labels is None else turned(volume.labels)
    return replace(volume, array=turned(volume.array), labels=labels, affine=affine)


def _about_the_centre(array: NDArray[Any], shape: tuple[int, ...], mode: Literal["edge", "constant"]) -> NDArray[Any]:
    """Crop or pad each axis to a length, about its centre."""
    margins = [
        (max(side - have, 0) // 2, -(-max(side - have, 0) // 2)) for side, have in zip(shape, array.shape, strict=True)
    ]
    starts = [max(have - side, 0) // 2 for side, have in zip(shape, array.shape, strict=True)]
    cut = array[tuple(slice(start, start + side) for start, side in zip(starts, shape, strict=True))]
    padded: NDArray[Any] = np.pad(cut, margins, mode=mode)
    return padded
