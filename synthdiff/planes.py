"""Planes: the middle of an image as plain JSON, so that a report can show what images look like.

A plane lies as a radiologist expects it: superior or anterior is up, the patient's right is on the viewer's left, and
in a sagittal plane the patient looks to the left. Its pixels are square.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdiff.voxels import Volume

SIDE = 96
"""Pixels along a plane's longer side at most."""

WINDOW = (0.01, 0.99)
"""Quantiles of an image's voxels that are shown as black and as white."""

AXES = ("sagittal", "coronal", "axial")
"""What a plane across an axis of RAS is called."""


def gallery(volumes: Sequence[Volume], count: int = 8) -> list[dict[str, Any]]:
    """Show the middle of the first images, all at one scale.

    A synthetic image that may be a copy of a real one is as good as the real one. Leave out what the checks named to
    the custodian before anybody else sees this.

    Parameters
    ----------
    volumes : sequence of Volume
    count : int
        Images that are shown, at most.

    Returns
    -------
    list of dict
        For each image ``finding``, what it shows if that is said, and ``planes``: an axial, a coronal and a sagittal
        one, or the only one of a 2-D image. Each has ``axis`` (``"axial"``, ``"coronal"``, ``"sagittal"``; ``"image"``
        in two dimensions, where files rarely say), ``width`` and ``height`` in pixels, ``grey``, base64 of as many
        bytes row by row, 0 at the image's own 1 % and 255 at its 99 % quantile, and ``labels``, likewise, or None.
        Labels above 255 begin again at 1.
    """
    shown = list(volumes[:count])
    pixel = _pixel(shown) if shown else 1.0
    return [{"finding": volume.finding, "planes": list(_planes(volume, pixel))} for volume in shown]


def pair(real: Volume, synthetic: Volume) -> dict[str, Any]:
    """Show the middle of two images at one scale, for the custodian of the real one.

    Returns
    -------
    dict
        Under ``real`` and ``synthetic`` the planes of each, as in :func:`gallery`; under ``names`` what they are
        called, by the same two.
    """
    first, second = gallery([real, synthetic])
    names = {"real": real.name, "synthetic": synthetic.name}
    return {"real": first["planes"], "synthetic": second["planes"], "names": names}


def _pixel(volumes: Sequence[Volume]) -> float:
    """Millimetres of a pixel: the finest spacing, or what brings the longest image to :data:`SIDE` pixels."""
    longest = max(n * step for volume in volumes for n, step in zip(volume.array.shape, volume.spacing, strict=True))
    return float(max(longest / SIDE, min(step for volume in volumes for step in volume.spacing)))


def _planes(volume: Volume, pixel: float) -> Iterator[dict[str, Any]]:
    array, labels, spacing = _upright(volume)
    voxels = array.astype(np.uint8) if array.dtype == bool else array
    low, high = (float(end) for end in np.quantile(voxels, WINDOW))
    if not high > low:
        low, high = float(voxels.min()), float(voxels.max())
    for across in range(2, -1, -1) if array.ndim == 3 else (None,):
        steps = tuple(step for axis, step in enumerate(spacing) if axis != across)
        grey = _averaged(_middle(voxels, across).astype(np.float64), steps, pixel)
        share = np.clip((grey - low) / (high - low), 0, 1) if high > low else np.zeros_like(grey)
        codes = None if labels is None else _nearest(_middle(labels, across).astype(np.int64), grey.shape)
        yield {
            "axis": "image" if across is None else AXES[across],
            "width": grey.shape[0],
            "height": grey.shape[1],
            "grey": _text(np.round(255 * share)),
            "labels": None if codes is None else _text(np.where(codes > 0, (codes - 1) % 255 + 1, 0)),
        }


def _upright(volume: Volume) -> tuple[NDArray[Any], NDArray[Any] | None, tuple[float, ...]]:
    """Voxels whose axes lead to the patient's left, to posterior and to inferior, and their spacing by axis.

    An oblique image is shown along its own axes, named by the nearest ones of the patient. A 2-D image has two of the
    three.
    """
    array, labels, spacing = volume.array, volume.labels, volume.spacing
    along = volume.affine[:3, : array.ndim] / np.array(spacing)
    leads = max(
        permutations(range(3), array.ndim),
        key=lambda to: sum(abs(along[world, axis]) for axis, world in enumerate(to)),
    )
    order = np.argsort(leads)
    turned = tuple(place for place, axis in enumerate(order) if along[leads[axis], axis] > 0)
    upright = np.flip(array.transpose(order), turned)
    mapped = None if labels is None else np.flip(labels.transpose(order), turned)
    return upright, mapped, tuple(spacing[axis] for axis in order)


def _middle(array: NDArray[Any], across: int | None) -> NDArray[Any]:
    return array if across is None else array.take(array.shape[across] // 2, axis=across)


def _averaged(plane: NDArray[np.float64], spacing: tuple[float, ...], pixel: float) -> NDArray[np.float64]:
    """The means of a plane within square pixels: coarse voxels stay visible as such."""
    for axis, step in enumerate(spacing):
        n = plane.shape[axis]
        edges = np.linspace(0, n, max(1, round(n * step / pixel)) + 1)
        voxel = np.arange(n)
        shared = np.minimum(edges[1:, None], voxel + 1) - np.maximum(edges[:-1, None], voxel)
        weights = np.clip(shared, 0, None) / np.diff(edges)[:, None]
        plane = np.moveaxis(np.tensordot(weights, plane, (1, axis)), 0, axis)
    return plane


def _nearest(codes: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """The labels at the middle of each pixel."""
    at = [((np.arange(m) + 0.5) * n / m).astype(int) for n, m in zip(codes.shape, shape, strict=True)]
    return codes[np.ix_(*at)]


def _text(plane: NDArray[Any]) -> str:
    """Bytes of a plane whose first axis counts columns, row by row."""
    return base64.b64encode(plane.astype(np.uint8).T.tobytes()).decode("ascii")
