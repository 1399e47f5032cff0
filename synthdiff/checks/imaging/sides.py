"""The images of an audit, one of each subject, in an order that the files do not decide."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthdiff.checks.check import RARE, Evidence
from synthdiff.checks.imaging.radiomics import matrix
from synthdiff.checks.intervals import Floats
from synthdiff.checks.records import FEWEST
from synthdiff.seeds import numpy_generator
from synthdiff.voxels import Volume

ALIKE = "All training images are alike in every figure, so there is no scale to compare on."


@dataclass(frozen=True)
class Sides:
    """What an image check looks at.

    A subject's images come and go together; counted singly they would feign precision. So one of each subject is drawn,
    the same ones for every check of an audit. An image without a subject is its own.

    Attributes
    ----------
    train, synthetic, holdout : list of Volume
        In a random order. The last is empty when fewer than :data:`FEWEST` subjects are held out.
    """

    train: list[Volume]
    synthetic: list[Volume]
    holdout: list[Volume]

    @classmethod
    def of(cls, evidence: Evidence) -> Sides | str:
        """The images, or why none can be looked at."""
        images = evidence.images
        if images is None:
            return "There are no images in these data, so nothing was measured."
        drawn = {
            name: _one_each(volumes, numpy_generator(evidence.seed, "images", name))
            for name, volumes in (
                ("train", images.train),
                ("synthetic", images.synthetic),
                ("holdout", images.holdout or ()),
            )
        }
        n, m = len(drawn["train"]), len(drawn["synthetic"])
        if min(n, m) < FEWEST:
            return (
                f"Images are compared among at least {FEWEST} subjects on each side; there are {n:,} in the training "
                f"and {m:,} in the synthetic data."
            )
        if len(drawn["holdout"]) < FEWEST:
            drawn["holdout"] = []
        everything = [volume for side in drawn.values() for volume in side]
        if len({volume.array.ndim for volume in everything}) > 1:
            return "Some images have two dimensions and some three, so they cannot be compared."
        if len({volume.units for volume in everything}) > 1:
            return "Some images are in Hounsfield units and some in arbitrary ones, so they cannot be compared."
        return cls(**drawn)

    def labels(self) -> tuple[int, ...]:
        """Those that at least :data:`RARE` training or synthetic subjects have; none if an image lacks a label map."""
        if any(volume.labels is None for side in (self.train, self.synthetic, self.holdout) for volume in side):
            return ()
        found: set[int] = set()
        for side in (self.train, self.synthetic):
            codes, counts = np.unique(
                np.concatenate([np.unique(volume.labels) for volume in side if volume.labels is not None]),
                return_counts=True,
            )
            found.update(int(code) for code in codes[(counts >= RARE) & (codes > 0)])
        return tuple(sorted(found))


def _one_each(volumes: Sequence[Volume], generator: np.random.Generator) -> list[Volume]:
    """One random image of each subject, in a random order that depends on the images' content alone."""
    of_subject: defaultdict[str, list[tuple[str, Volume]]] = defaultdict(list)
    for place, volume in enumerate(volumes):
        content = hashlib.blake2b(np.ascontiguousarray(volume.array).tobytes(), digest_size=8).hexdigest()
        of_subject[volume.subject or f"\0{place}"].append((content, volume))
    for several in of_subject.values():
        several.sort(key=lambda pair: pair[0])
    subjects = sorted(of_subject.values(), key=lambda several: [content for content, _ in several])
    return [subjects[i][int(generator.integers(len(subjects[i])))][1] for i in generator.permutation(len(subjects))]


@dataclass(frozen=True)
class Scores:
    """Radiomic figures in units of their spread among the training images.

    Attributes
    ----------
    names : tuple of str, of length d
    train, synthetic, holdout : float64 arrays of shape (n, d)
        Mean 0 and variance 1 in training. A figure that an image does not have counts as the training mean.
    """

    names: tuple[str, ...]
    train: Floats
    synthetic: Floats
    holdout: Floats

    @classmethod
    def of(cls, sides: Sides) -> Scores:
        """Figures that less than half of the training images have, or that are the same in all, are left out."""
        labels = sides.labels()
        found = matrix(sides.train, labels)
        others = [
            matrix(side, labels).values if side else found.values[:0] for side in (sides.synthetic, sides.holdout)
        ]
        known = np.isfinite(found.values)
        kept = known.mean(axis=0) >= 0.5
        mean = np.where(known, found.values, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        apart = np.where(known, found.values - mean, 0.0)
        spread = np.sqrt((apart**2).sum(axis=0) / np.maximum(known.sum(axis=0) - 1, 1))
        kept &= spread > 1e-9 * np.maximum(np.abs(mean), 1.0)
        tables = (
            np.nan_to_num((values[:, kept] - mean[kept]) / spread[kept], nan=0.0) for values in (found.values, *others)
        )
        return cls(tuple(np.array(found.names)[kept].tolist()), *tables)
