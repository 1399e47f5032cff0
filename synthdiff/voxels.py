"""Volume: voxels, and where in the patient they lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from synthdiff.errors import DataError

Modality = Literal["CT", "MR", "PT", "US", "CR", "DX", "MG", "OT"]
"""What took the image, by the terms of DICOM (PS3.3, C.7.3.1.1.1); ``OT`` for what is not known."""

Affine = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Volume:
    """A 3-D image, or a 2-D one, of one subject.

    Attributes
    ----------
    array : real array of shape (x, y, z) or (x, y)
        In the units of ``units``, finite. The first axis counts columns and the second rows of a slice.
    affine : float64 array of shape (4, 4)
        From indices to millimetres in RAS (right, anterior, superior), as NIfTI has it. A 2-D image uses the first two
        columns and lies at its offset.
    modality : str
    units : str
        ``"HU"`` or ``"arbitrary"``: values of an MR scan mean nothing beside those of another one.
    labels : unsigned integer array of the shape of ``array``, optional
        What each voxel is; 0 is background.
    subject : str
        Whose image it is. All of one subject's stay on one side of a split; it leaves in no release.
    name : str
        What messages call it: a file's or folder's name. It leaves in no release.
    finding : str
        What the image shows as a whole, such as ``"pneumonia"``; empty where nobody says it.

    Raises
    ------
    DataError
        When the parts do not go together.
    """

    array: NDArray[Any]
    affine: Affine
    modality: Modality = "OT"
    units: str = "arbitrary"
    labels: NDArray[Any] | None = None
    subject: str = ""
    name: str = ""
    finding: str = ""

    def __post_init__(self) -> None:
        if problem := self._problem():
            what, mend = problem
            raise DataError(what, where=self.name, mend=mend)

    def _problem(self) -> tuple[str, str] | None:
        array, labels = self.array, self.labels
        if array.ndim not in (2, 3) or 0 in array.shape:
            return (
                f"the image has the shape {array.shape}, expected two or three axes",
                "give one image a file: take a series in time apart, and make colours grey",
            )
        if not (np.issubdtype(array.dtype, np.number) or array.dtype == bool) or np.iscomplexobj(array):
            return f"the voxels are of type {array.dtype}, expected real numbers", "export real numbers"
        if not np.isfinite(array).all():
            bad = tuple(int(place) for place in np.argwhere(~np.isfinite(array))[0])
            count = int((~np.isfinite(array)).sum())
            return (
                f"{count:,} of {array.size:,} voxels are not finite, the first at {bad}",
                "replace them by the value of air",
            )
        if self.affine.shape != (4, 4) or not np.isfinite(self.affine).all():
            return f"the affine is not a finite 4 x 4 matrix: {self.affine.tolist()}", "write the geometry anew"
        if min(self.spacing) <= 0 or abs(np.linalg.det(self.affine[:3, :3])) < 1e-12:
            return f"the spacing of the voxels is {self.spacing} mm, expected more than 0", "write the geometry anew"
        if not self.finding.isprintable():
            return f"the finding is {self.finding!r}, expected a text of one line", "write a word, such as normal"
        if labels is not None and (labels.shape != array.shape or not np.issubdtype(labels.dtype, np.unsignedinteger)):
            return (
                f"the label map has the shape {labels.shape} and type {labels.dtype}, the image {array.shape}",
                "give a label map of whole numbers on the grid of its image",
            )
        return None

    @property
    def spacing(self) -> tuple[float, ...]:
        """Millimetres from voxel to voxel, by axis of the array."""
        return tuple(float(length) for length in np.linalg.norm(self.affine[:3, : self.array.ndim], axis=0))
