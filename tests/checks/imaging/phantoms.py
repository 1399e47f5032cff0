"""Phantoms: images of a body that nobody has, made from a formula; and the ways in which synthetic images go wrong.

A phantom is a tilted ellipsoid of two labelled halves in a textured, unevenly lit surrounding. Subjects differ in size,
place, tilt, texture, grid and grey scale, as scans do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from synthdiff.checks.check import Evidence, Images
from synthdiff.schema import Schema
from synthdiff.voxels import Volume

SPACING = (1.0, 1.0, 1.5)


def phantom(
    generator: np.random.Generator, subject: str, dimensions: int = 3, units: Literal["HU", "arbitrary"] = "arbitrary"
) -> Volume:
    """One subject's image with its label map."""
    spacing = np.array(SPACING[:dimensions])
    shape = tuple(int(n) for n in generator.integers([20, 24, 14][:dimensions], [25, 29, 18][:dimensions]))
    places = np.stack(np.indices(shape), axis=-1) * spacing
    places -= places.mean(axis=tuple(range(dimensions))) + generator.normal([0, 1, 0][:dimensions], 0.7)
    tilt = generator.normal(0.3, 0.1)
    along = np.cos(tilt) * places[..., 1] - np.sin(tilt) * places[..., 0]
    across = np.sin(tilt) * places[..., 1] + np.cos(tilt) * places[..., 0]
    radii = generator.normal([8, 5, 5], [0.6, 0.4, 0.4])
    beyond = (along / radii[0]) ** 2 + (across / radii[1]) ** 2
    if dimensions == 3:
        beyond += (places[..., 2] / radii[2]) ** 2
    body = 1 / (1 + np.exp(6 * (beyond - 1)))
    extent = np.abs(places).max()
    values = 0.4 * body * generator.normal(1, 0.1) + 0.1 * places[..., 0] / extent + 0.2 * places[..., -1] / extent
    texture = gaussian_filter(generator.normal(size=shape), 0.8 / spacing)
    values += 0.1 * generator.normal(1, 0.1) * texture / texture.std()
    values += generator.normal(0.04, 0.004) * generator.normal(size=shape)
    labels = np.where(beyond < 1, np.where(along > 0, 1, 2), 0).astype(np.uint8)
    scaled = 400 * values - 100 if units == "HU" else np.exp(generator.normal(5, 2)) * (values + generator.normal(2, 1))
    affine = np.diag([*SPACING, 1.0])
    return Volume(scaled, affine, "CT" if units == "HU" else "MR", units, labels, subject)


def phantoms(n: int, seed: int, dimensions: int = 3, units: Literal["HU", "arbitrary"] = "arbitrary") -> list[Volume]:
    """Images of ``n`` subjects."""
    generator = np.random.default_rng(seed)
    return [phantom(generator, f"{seed}-{i}", dimensions, units) for i in range(n)]


def images(
    train: Sequence[Volume], holdout: Sequence[Volume] | None, synthetic: Sequence[Volume], seed: int = 0
) -> Evidence:
    """Evidence of images alone."""
    return Evidence(
        pd.DataFrame(), None, pd.DataFrame(), Schema(columns=()), seed, images=Images(train, holdout, synthetic)
    )


Spoil = Callable[[NDArray[Any], NDArray[Any], np.random.Generator], tuple[NDArray[Any], NDArray[Any]]]


def spoilt(volumes: Sequence[Volume], how: str, seed: int = 0) -> list[Volume]:
    """The images, each made wrong in one way of :data:`SPOILS`."""
    generator = np.random.default_rng(seed)
    found = []
    for volume in volumes:
        assert volume.labels is not None
        array, labels = SPOILS[how](volume.array.astype(float), volume.labels, generator)
        found.append(replace(volume, array=array, labels=labels))
    return found


def copies_of_the_mean(volumes: Sequence[Volume]) -> list[Volume]:
    """As many copies of one image, the mean of all on the grid that they share, each on the same grey scale."""
    shape = np.min([volume.array.shape for volume in volumes], axis=0)
    inner = [
        volume.array[
            tuple(slice((n - m) // 2, (n - m) // 2 + m) for n, m in zip(volume.array.shape, shape, strict=True))
        ]
        for volume in volumes
    ]
    mean = np.mean([(array - array.mean()) / array.std() for array in inner], axis=0)
    labels = (mean > 1).astype(np.uint8) + (mean > 1.5)
    first = volumes[0]
    return [Volume(mean, first.affine, first.modality, first.units, labels, f"mean {i}") for i in range(len(volumes))]


def _noisy(array: NDArray[Any], labels: NDArray[Any], generator: np.random.Generator) -> tuple[Any, Any]:
    return array + 0.15 * np.ptp(array) * generator.normal(size=array.shape), labels


def _specks(array: NDArray[Any], labels: NDArray[Any], generator: np.random.Generator) -> tuple[Any, Any]:
    spread = labels.copy()
    spread[tuple(generator.integers(0, labels.shape, (4, labels.ndim)).T)] = 1
    return array, spread


def _brighter_middle(array: NDArray[Any], labels: NDArray[Any], _: np.random.Generator) -> tuple[Any, Any]:
    low, high = array.min(), array.max()
    return low + (high - low) * ((array - low) / (high - low)) ** 0.6, labels


SPOILS: dict[str, Spoil] = {
    "blurred": lambda array, labels, _: (gaussian_filter(array, 0.8), labels),
    "noisy": _noisy,
    "another curve of grey": _brighter_middle,
    "shuffled voxels": lambda array, labels, generator: (
        generator.permutation(array.ravel()).reshape(array.shape),
        labels,
    ),
    "left for right": lambda array, labels, _: (np.flip(array, 0), np.flip(labels, 0)),
    "front for back": lambda array, labels, _: (np.flip(array, 1), np.flip(labels, 1)),
    "specks": _specks,
    "halves exchanged": lambda array, labels, _: (array, np.array([0, 2, 1], np.uint8)[labels]),
    "another unit": lambda array, labels, _: (array * 7.5 - 300, labels),
    "shifted": lambda array, labels, _: (array + 60, labels),
}
