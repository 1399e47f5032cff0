"""Synthetic scans of nobody, made by formula, and what dciodvfy says of files."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from synthdiff.voxels import Affine, Volume

RELEASE, PATIENT = "hippocampus/3", "SYNTH-000001"
WHO = {"release": RELEASE, "patient": PATIENT}

SHAPE = (35, 51, 35)

EXPECTED = {
    # The element of 2023 is not known to dicom3tools of 2022, which says so three times and draws a conclusion.
    "(0x0008,0x001c)  ?  - Warning - Unrecognized tag - assuming explicit value representation OK",
    "Error - Attribute with an even group number is not a recognized standard attribute - (0x0008,0x001c)  ?",
    "Warning - Attribute is not present in standard DICOM IOD - (0x0008,0x001c)  ?",
    "Warning - Dicom dataset contains attributes not present in standard DICOM IOD - this is a Standard Extended SOP "
    "Class",
}


def oblique(spacing: Iterable[float] = (0.9, 1.1, 2.5), turned: Iterable[float] = (10, 20, -15)) -> Affine:
    """An affine turned by degrees about three axes."""
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", list(turned), degrees=True).as_matrix() @ np.diag(list(spacing))
    affine[:3, 3] = [-20.5, 13.25, 7.125]
    return affine


def scan(modality: Any, low: float, high: float, dtype: Any, shape: tuple[int, ...] = SHAPE, **more: Any) -> Volume:
    """An ellipsoid with two parts in noise, between two values, with the parts as labels."""
    grid = np.meshgrid(*(np.linspace(-1, 1, side) for side in shape), indexing="ij")
    inside = sum(axis**2 for axis in grid) < 0.4
    labels = np.where(inside, np.where(grid[1] < 0, 1, 2), 0).astype(np.uint8)
    noise = np.random.default_rng(0).uniform(size=shape)
    values = low + (high - low) * (0.5 * noise + 0.25 * labels)
    whole = np.issubdtype(dtype, np.integer)
    array = (np.rint(values) if whole else values).astype(dtype)
    return Volume(array, more.pop("affine", oblique()), modality, labels=labels, **more)


def program(name: str) -> str:
    """Where a program is; the test is skipped without it."""
    found = shutil.which(name, path="/usr/bin:/usr/sbin:/usr/local/bin")
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


def complaints(file: Path) -> set[str]:
    """What dciodvfy has against a file, beside what is expected of every file written here."""
    done = subprocess.run([program("dciodvfy"), str(file)], capture_output=True, text=True, check=False)
    lines = {line.strip() for line in (done.stdout + done.stderr).splitlines()}
    assert lines >= EXPECTED, f"dciodvfy did not get as far as to complain of the synthetic mark: {lines}"
    return {line for line in lines - EXPECTED if "Error" in line or "Warning" in line}
