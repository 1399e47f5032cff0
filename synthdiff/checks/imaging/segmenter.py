"""Segmenter: a small U-Net that learns to draw label maps, as a measuring instrument.

How it learns is in :mod:`synthdiff.checks.imaging.teaching`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from synthdiff.checks.imaging.grey import grey
from synthdiff.checks.imaging.resemblance import averaged
from synthdiff.checks.imaging.teaching import teach
from synthdiff.checks.intervals import Floats
from synthdiff.voxels import Volume

LARGEST = 64
"""Voxels of the canvas along an axis, at most; larger images are averaged to it."""

CHANNELS = (16, 32, 64)
"""Of the U-Net's levels, each of half the resolution of the one before."""

BATCH = {2: 16, 3: 4}
"""Images a step, by their dimensions."""

RATE = 5e-3
"""The learning rate."""


@dataclass(frozen=True)
class Canvas:
    """The grid on which all images of an audit are segmented, in millimetres about the centre of each.

    Attributes
    ----------
    shape : tuple of int
        Multiples of 8, so that the U-Net can halve it.
    spacing : tuple of float
        Millimetres from voxel to voxel, by axis.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]

    @classmethod
    def of(cls, volumes: Sequence[Volume]) -> Canvas:
        """The median size and spacing of a set of images, coarser where that is larger than :data:`LARGEST`."""
        seen = [grey(volume) for volume in volumes]
        spacing = np.median([image.spacing for image in seen], axis=0)
        extent = np.median([np.multiply(image.values.shape, image.spacing) for image in seen], axis=0)
        spacing = np.maximum(spacing, extent / LARGEST)
        shape = np.maximum(8, 8 * np.round(extent / spacing / 8).astype(int))
        return cls(tuple(shape.tolist()), tuple(spacing.tolist()))

    def place(self, volumes: Sequence[Volume], codes: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Images and label maps on the canvas.

        Parameters
        ----------
        volumes : sequence of Volume
        codes : sequence of int
            The labels that count; others are background.

        Returns
        -------
        float32 Tensor of shape (n, 1, *shape)
            0 and 1 at the image's own 1 % and 99 % quantiles; beyond the image its edge goes on.
        int64 Tensor of shape (n, *shape)
            0 for background, k + 1 for the k-th label; 0 everywhere in an image without a label map.
        """
        images, maps = zip(*(self._placed(volume, codes) for volume in volumes), strict=True)
        return torch.from_numpy(np.stack(images))[:, None], torch.from_numpy(np.stack(maps))

    def _placed(self, volume: Volume, codes: Sequence[int]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        seen = grey(volume)
        known = np.zeros(seen.contrast.shape, dtype=np.int64)
        for index, code in enumerate(codes):
            known[seen.labels == code] = index + 1
        edges: list[Floats] = []
        for axis, (n, count) in enumerate(zip(seen.contrast.shape, self.shape, strict=True)):
            step = self.spacing[axis] / seen.spacing[axis]
            # From one voxel's edge on: half a voxel aside, every voxel would be the mean of two.
            edge = np.round((n - count * step) / 2) + step * np.arange(count + 1)
            middle = np.floor((edge[1:] + edge[:-1]) / 2).astype(int)
            inside = np.expand_dims((middle >= 0) & (middle < n), tuple(i for i in range(known.ndim) if i != axis))
            known = known.take(np.clip(middle, 0, n - 1), axis=axis) * inside
            edges.append(edge)
        return averaged(seen.contrast, edges).astype(np.float32), known


def learn(images: Tensor, maps: Tensor, classes: int, *, steps: int, seed: int) -> nn.Module:
    """Teach a U-Net to draw the label maps of images.

    Parameters
    ----------
    images, maps : Tensor of shape (n, 1, *shape) and (n, *shape)
        From :meth:`Canvas.place`.
    classes : int
        Labels, the background among them.
    steps : int
    seed : int
        Of the first weights and of the order of images: the same for all that are to be compared.
    """
    from monai.networks.nets.unet import UNet

    axes = maps.ndim - 1

    def make() -> nn.Module:
        halved = (2,) * (len(CHANNELS) - 1)
        net: nn.Module = UNet(axes, 1, classes, CHANNELS, halved, num_res_units=1, norm="instance")
        return net

    return teach(make, _loss, images, maps, size=BATCH[axes], rate=RATE, steps=steps, seed=seed)


def _loss(logits: Tensor, maps: Tensor) -> Tensor:
    """Cross entropy, which every voxel has a say in, and soft Dice, which small structures have as well."""
    space = tuple(range(2, logits.ndim))
    truth = nn.functional.one_hot(maps, logits.shape[1]).movedim(-1, 1)[:, 1:].float()
    guess = logits.softmax(1)[:, 1:]
    both = 2 * (guess * truth).sum(space) + 1
    dice = both / (guess.sum(space) + truth.sum(space) + 1)
    return nn.functional.cross_entropy(logits, maps) + 1 - dice.mean()


@torch.no_grad()
def dice(net: nn.Module, images: Tensor, maps: Tensor, classes: int) -> Floats:
    """How well a net draws the label maps of images it never saw.

    Returns
    -------
    float64 array of shape (n, classes - 1)
        Dice's coefficient of each image and label; NaN where an image has no voxel of it.
    """
    drawn = torch.cat([net(part).argmax(1) for part in torch.split(images, 8)])
    found = []
    for label in range(1, classes):
        guess, truth = (drawn == label).flatten(1), (maps == label).flatten(1)
        shared = 2 * (guess & truth).sum(1).double() / (guess.sum(1) + truth.sum(1))
        found.append(torch.where(truth.any(1), shared, torch.nan))
    return np.asarray(torch.stack(found, dim=1).numpy())
