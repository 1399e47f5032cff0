"""Classifier: a small convolutional net that learns to tell the findings of images apart, as a measuring instrument.

It learns as the segmenter does (:mod:`synthdiff.checks.imaging.teaching`).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from synthdiff.checks.imaging.teaching import teach
from synthdiff.checks.intervals import Floats

CHANNELS = (16, 32, 64)
"""Of the net's levels, each of half the resolution of the one before."""

GROUPS = 8
"""Of channels, each with a norm of its own, which an image of any size has."""

BATCH = {2: 32, 3: 8}
"""Images a step, by their dimensions."""

RATE = 3e-3
"""The learning rate."""


def learn(images: Tensor, classes: Tensor, count: int, *, steps: int, seed: int) -> nn.Module:
    """Teach a net to tell classes apart.

    Parameters
    ----------
    images : float32 Tensor of shape (n, 1, *shape)
        From :meth:`synthdiff.checks.imaging.segmenter.Canvas.place`.
    classes : int64 Tensor of shape (n,)
    count : int
        Of classes.
    steps : int
    seed : int
        Of the first weights and of the order of images: the same for all that are to be compared.
    """
    from monai.networks.nets.classifier import Classifier

    halved, norm = (2,) * len(CHANNELS), ("group", {"num_groups": GROUPS})

    def make() -> nn.Module:
        net: nn.Module = Classifier(images.shape[1:], count, CHANNELS, halved, num_res_units=1, norm=norm)
        return net

    size, loss = BATCH[images.ndim - 2], nn.functional.cross_entropy
    return teach(make, loss, images, classes, size=size, rate=RATE, steps=steps, seed=seed)


@torch.no_grad()
def standing(net: nn.Module, images: Tensor, classes: Tensor, count: int) -> Floats:
    """How well a net tells classes apart in images it never saw, by what each image adds to it.

    The area under the ROC curve of a class against all others is a mean over pairs. Written as a mean over images, each
    with its influence on the area, its error and that of a difference of two nets follow as those of any mean, and are
    DeLong's (DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44).

    Returns
    -------
    float64 array of shape (n, count)
        For each class figures whose mean is the area.
    """
    logits = torch.cat([net(part) for part in torch.split(images, 64)])
    chances = logits.double().softmax(1).numpy()
    truth = classes.numpy()
    return np.stack([_influence(chances[:, place], truth == place) for place in range(count)], axis=1)


def _influence(scores: Floats, inside: NDArray[np.bool_]) -> Floats:
    """Figures whose mean is the area under the curve, and whose spread is its error's."""
    pairs = np.sign(scores[inside][:, None] - scores[~inside]) / 2 + 0.5
    area = pairs.mean()
    share = inside.mean()
    figures = np.full(len(scores), area)
    figures[inside] += (pairs.mean(1) - area) / share
    figures[~inside] += (pairs.mean(0) - area) / (1 - share)
    return figures
