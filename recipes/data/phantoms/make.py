"""Make the phantom scans beside this file: `python recipes/data/phantoms/make.py`.

Each is a procedurally made "organ" of two parts in a textured surrounding, as different from the next as people are, on
a scan of its own brightness. No real person's image enters them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy import ndimage

from synthdiff.data import write_nifti
from synthdiff.voxels import Volume

SCANS, SHAPE = 130, (20, 24, 16)


def phantom(number: int) -> Volume:
    """One scan: a bent ellipsoid with a front and a back part, beside a bright vessel."""
    draw = np.random.default_rng([2026, number])
    x, y, z = np.meshgrid(*[np.arange(side) - (side - 1) / 2 for side in SHAPE], indexing="ij")
    bend = draw.normal(0.03, 0.01)
    size = draw.normal(1, 0.1)
    radii = size * np.array([draw.normal(4, 0.4), draw.normal(8, 0.8), draw.normal(3.5, 0.4)])
    shift = draw.normal(0, 0.8, 3)
    far = np.sqrt(
        ((x - shift[0] - bend * (y - shift[1]) ** 2) / radii[0]) ** 2
        + ((y - shift[1]) / radii[1]) ** 2
        + ((z - shift[2]) / radii[2]) ** 2
    )
    inside = far < 1
    front = inside & (y > shift[1] + draw.normal(1, 0.8))
    vessel = np.exp(-(((x + 6 - shift[0]) / 1.5) ** 2) - ((z - 4 - shift[2]) / 1.5) ** 2)
    texture = ndimage.gaussian_filter(draw.normal(0, 1, SHAPE), 1.5)
    grain = ndimage.gaussian_filter(draw.normal(0, 1, SHAPE), 0.6)
    image = (
        100 + 45 / (1 + np.exp(8 * (far - 1))) + 12 * front + draw.normal(60, 10) * vessel + 60 * texture + 8 * grain
    )
    brightness = np.exp(draw.normal(0, 0.7))
    array = np.clip(np.round(brightness * image), 0, 32000).astype(np.int16)
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    return Volume(array, affine, "MR", "arbitrary", (inside.astype(np.uint8) + front).astype(np.uint8))


def main() -> int:
    """Write the scans and their label maps."""
    here = Path(__file__).parent
    for name in ("images", "labels"):
        (here / name).mkdir(exist_ok=True)
    for number in range(SCANS):
        file = f"phantom-{number:03d}.nii.gz"
        write_nifti(phantom(number), here / "images" / file, here / "labels" / file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
