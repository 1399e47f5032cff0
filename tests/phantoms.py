"""Tiny scans of nobody, by formula, in folders as people keep them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

SIDES = (8, 10, 6)


def phantom(seed: int, sides: tuple[int, ...] = SIDES) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """A bright ball in noise, somewhere and of some size, with a brighter part, and which voxel is which."""
    rng = np.random.default_rng(seed)
    grid = np.meshgrid(*(np.linspace(-1, 1, side) for side in sides), indexing="ij")
    centre, radius = rng.uniform(-0.2, 0.2, len(sides)), rng.uniform(0.5, 0.8)
    inside = sum((axis - place) ** 2 for axis, place in zip(grid, centre, strict=True)) < radius**2
    labels = np.where(inside, np.where(grid[0] < centre[0], 1, 2), 0).astype(np.uint8)
    values = 100 + 300 * (labels > 0) + 200 * (labels == 2) + rng.normal(0, 40, sides)
    return values.round().astype(np.int16), labels


def write_phantoms(folder: Path, numbers: range, *, prefix: str = "scan", affine: Any = None) -> Path:
    """Write scans into ``images`` and their label maps into ``labels``."""
    affine = np.diag([1.0, 1.2, 2.0, 1.0]) if affine is None else affine
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number in numbers:
        for name, array in zip(("images", "labels"), phantom(number), strict=True):
            nibabel.save(nibabel.Nifti1Image(array, affine), folder / name / f"{prefix}-{number:03d}.nii.gz")
    return folder
