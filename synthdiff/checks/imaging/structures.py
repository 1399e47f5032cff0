"""Structures: are labelled structures as large as real ones, and each of one piece as real ones are?"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np

from synthdiff.checks.check import Aspect, Check, Evidence, Finding, Matter
from synthdiff.checks.imaging.grey import once
from synthdiff.checks.imaging.profiles import Profiles
from synthdiff.checks.imaging.sides import Sides
from synthdiff.checks.intervals import Floats
from synthdiff.voxels import Volume


class Structures(Check):
    """Each label's volume and its number of separate pieces are compared with those of real label maps.

    The volume (in two dimensions the area) is in millimetres; pieces are those that do not touch, not even by a
    corner. Where a label is absent, both are 0. Labels that fewer than five training and fewer than five synthetic
    subjects have are left out.

    ``detail``: ``labels``: for each label, ``volume`` (what 10, 50 and 90 % of the images lie below, by side),
    ``in_one_piece`` (the share of images where it is, by side) and ``error`` (the two distances).

    References
    ----------
    SDMetrics, Column Shapes (KSComplement), on the volumes and pieces of labels.
    """

    kind: Literal["structures"] = "structures"

    title: ClassVar[str] = "Labelled structures"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "structure_error": (
            "Error of labelled structures",
            "Mean distance between the real and the synthetic distribution of a structure's volume and of its number "
            "of pieces: 0 is no difference, 1 is no overlap.",
        ),
    }
    aspect: ClassVar[Aspect] = "fidelity"
    matter: ClassVar[Matter] = "images"
    unit: ClassVar[str] = "mean distance, 0 to 1"
    direction: ClassVar[str] = "lower is better, as low as held-out images is best"
    source: ClassVar[str] = "Kolmogorov-Smirnov distance of volumes and numbers of pieces"
    bars: ClassVar[dict[str, str]] = {"structure_error": "<= reference + 0.15"}

    def run(self, evidence: Evidence) -> Finding:
        """Compare label by label."""
        sides = Sides.of(evidence)
        if isinstance(sides, str):
            return Finding({}, sides)
        labels = sides.labels()
        if not labels:
            return Finding({}, "Not all images have a label map that labels something, so no structure was compared.")
        profiles = Profiles.of(sides, _described(labels))
        estimate = profiles.error(evidence, "structures")
        assert estimate is not None
        apart = [found.value for found in profiles.distances() if found]
        bands = profiles.bands()
        detail = {
            str(label): {
                "volume": {
                    side: band and {level: values[2 * i] for level, values in band.items()}
                    for side, band in bands.items()
                },
                "in_one_piece": {
                    side: round(float((figures[:, 2 * i + 1] == 1).mean()), 3) if len(figures) else None
                    for side, figures in (
                        ("train", profiles.train),
                        ("synthetic", profiles.synthetic),
                        ("holdout", profiles.holdout),
                    )
                },
                "error": {"volume": round(apart[2 * i], 4), "pieces": round(apart[2 * i + 1], 4)},
            }
            for i, label in enumerate(labels)
        }
        worst = int(np.argmax(apart))
        reason = f"On average, a structure's volume or number of pieces is {estimate.value:.1%} away from the real one"
        if estimate.reference:
            reason += f"; that of as many held-out images would be {estimate.reference.value:.1%} away"
        what = "number of pieces" if worst % 2 else "volume"
        reason += f". Furthest is the {what} of label {labels[worst // 2]} ({apart[worst]:.1%})."
        return Finding({"structure_error": estimate}, reason, {"labels": detail})


def _described(labels: tuple[int, ...]) -> Callable[[Volume], Floats]:
    """Volume and pieces of each label in turn: float64 of shape (2 * labels,)."""
    return lambda volume: np.array([figure for label in labels for figure in _pieces(volume).get(label, (0.0, 0.0))])


@once
def _pieces(volume: Volume) -> dict[int, tuple[float, float]]:
    """Each label's volume, and the number of its pieces."""
    from scipy.ndimage import find_objects, label as connected

    assert volume.labels is not None
    voxel = float(np.prod(volume.spacing))
    touching = np.ones((3,) * volume.labels.ndim)
    found = {}
    for label, box in enumerate(find_objects(volume.labels.astype(np.int64)), 1):
        if box is not None:
            inside = volume.labels[box] == label
            found[label] = int(np.count_nonzero(inside)) * voxel, float(connected(inside, touching)[1])
    return found
