"""The Haar wavelet: a volume as half as many voxels along every axis, and as many times more channels.

An orthonormal change of coordinates, so that noise stays noise and nothing is lost: a net that works on the bands sees
the same volume on an eighth of the positions (Phung et al. 2023, "Wavelet diffusion models"; Friedrich et al. 2024,
"WDM: 3D wavelet diffusion models"). The first channels hold the means of neighbours, the volume at half the resolution.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from synthdiff.errors import ModelError


def bands(x: Tensor) -> Tensor:
    """Split volumes into their Haar bands.

    Parameters
    ----------
    x : Tensor, shape (n, channels, *sides)
        Every side even.

    Returns
    -------
    Tensor, shape (n, 2 ** axes * channels, *sides / 2)
        The first ``channels`` are the coarse volume times ``2 ** (axes / 2)``; all others are details.

    Raises
    ------
    ModelError
        If a side is odd.
    """
    if any(side % 2 for side in x.shape[2:]):
        raise ModelError(
            f"the sides of a volume must be even to be halved, got {tuple(x.shape[2:])}",
            mend="give a shape whose sides are multiples of the deepest level",
        )
    for axis in range(2, x.ndim):
        pairs = x.reshape(*x.shape[:axis], x.shape[axis] // 2, 2, *x.shape[axis + 1 :])
        first, second = pairs.unbind(axis + 1)
        x = torch.cat([first + second, first - second], 1) / math.sqrt(2)
    return x


def volumes(x: Tensor) -> Tensor:
    """Join Haar bands: the inverse of :func:`bands`.

    Parameters
    ----------
    x : Tensor, shape (n, 2 ** axes * channels, *sides)

    Returns
    -------
    Tensor, shape (n, channels, *2 sides)
    """
    for axis in reversed(range(2, x.ndim)):
        total, difference = x.chunk(2, 1)
        pair = torch.stack([total + difference, total - difference], axis + 1)
        x = pair.flatten(axis, axis + 1) / math.sqrt(2)
    return x
