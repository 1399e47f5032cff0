"""Memorisation: is any synthetic image a training image, as it was or mirrored, moved, resized or repainted?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from synthdiff.checks.check import (
    CONCERNS,
    Aspect,
    Check,
    Concern,
    Estimate,
    Evidence,
    Finding,
    Images,
    Matter,
    Reference,
)
from synthdiff.checks.imaging.planted import changes
from synthdiff.checks.imaging.resemblance import (
    Looks,
    Picture,
    Positions,
    Raster,
    of_people,
    pointing,
    resemblance,
    subjects,
    threshold,
)
from synthdiff.checks.intervals import Floats, Interval, Z, auc, wilson
from synthdiff.checks.records import FEWEST
from synthdiff.seeds import numpy_generator

ALARMS = 0.001
"""The share of other people's images that are taken for copies by mistake, by grey values and by label maps each."""

NEAREST = 12
"""Pairs that the custodian is shown although chance explains them: the most alike ones."""


class Memorisation(Check):
    """No synthetic image may be a copy of a training image, however it was changed.

    An image is taken for a copy when it points to one training image, that is, when it is more like that one than like
    the fifth most alike person's, farther than another person's image would with a probability of 1 in 1,000. How far
    others go is learnt from the held-out images. The bar does not depend on how many of these are flagged: where some
    are, a patient stands on both sides of the split, and that must not excuse a generator.

    Likeness does not change when an image is mirrored, moved by a tenth of its length, cut, resized, or made brighter
    or darker. Label maps, where all images have them, are looked at likewise: a copied outline makes a copy.

    Whether the detector sees is measured in the same audit: training images, changed in every way of copying, are put
    to it, and grey values alone must tell them. What it does not look for are images pieced together from several
    people's, and copies that are turned by more than some degrees or bent.

    ``detail``: ``recall``, a list of ``change``, ``value``, ``interval``, ``n``; ``false_alarms``, the rate that the
    threshold is set to and what ``held_out`` images show; ``flagged``, synthetic images by ``grey_values`` and by
    ``label_maps``; ``compared``, images by set; ``pointing``, by the score as a multiple of the threshold, the shares
    of ``synthetic``, ``held_out`` and ``planted`` images that reach it.

    Attributes
    ----------
    most : int
        Synthetic, and held-out, images that are looked at, at most. All training images are there to be found.
    planted : int
        Training images that are planted in every way of copying, at most. 73 must all be found to show a recall of
        0.95.

    References
    ----------
    Carlini et al. (2023), Extracting training data from diffusion models, USENIX Security: nearness to one training
    image relative to nearness to others. Dar et al. (2023), Investigating data memorization in 3D latent diffusion
    models for medical image synthesis: copies are mirrored and changed in contrast.
    """

    kind: Literal["memorisation"] = "memorisation"
    most: int = Field(1_000, ge=FEWEST)
    planted: int = Field(120, ge=FEWEST)

    title: ClassVar[str] = "Memorised images"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "memorised_rate": (
            "Memorised images",
            "Share of synthetic images that are a copy of one training image, as it was or mirrored, moved, cut, "
            "resized, noisy or of another brightness.",
        ),
        "planted_recall": (
            "Planted copies found",
            "Share of copies, planted among the synthetic images in this audit, that the detector finds: the smallest "
            "over all ways of copying.",
        ),
        "image_membership_auc": (
            "Membership by resemblance",
            "How well training images are told from held-out ones by how much a synthetic image resembles them: 0.5 "
            "is guessing.",
        ),
    }
    aspect: ClassVar[Aspect] = "privacy"
    matter: ClassVar[Matter] = "images"
    unit: ClassVar[str] = "share of images"
    direction: ClassVar[str] = "no more than among held-out images"
    source: ClassVar[str] = "Nearest training image against held-out images, with planted copies (Carlini et al. 2023)"
    needs_holdout: ClassVar[bool] = True
    bars: ClassVar[dict[str, str]] = {"memorised_rate": "<= 0.03", "planted_recall": ">= 0.95"}

    def run(self, evidence: Evidence) -> Finding:
        """Look for copies among synthetic, held-out and planted images."""
        images = evidence.images
        if images is None:
            return Finding({}, "There are no images to look at.")
        if refusal := _refusal(images):
            return Finding({}, refusal)
        sets = _Sets.of(images, self.most, evidence.seed)
        made, others = sets.judged("synthetic"), sets.judged("holdout")
        if not others.limits["grey_values"] > 0:
            return Finding({}, "The held-out images are all alike, so there is no telling what a copy is.")
        recall, planted = _recall(sets, others, self.planted, evidence.seed)
        estimates = {
            "memorised_rate": Estimate(*made.rate(others.limits), Reference(*others.rate(others.limits)[:2])),
            "planted_recall": min(recall.values(), key=lambda one: one.value),
            "image_membership_auc": _membership(made, others, sets),
        }
        detail = _detail(recall, planted, made, others, sets)
        return Finding(estimates, _reason(estimates, recall, made, others), detail, _concerns(made, others.limits))


def _refusal(images: Images) -> str | None:
    if not images.holdout:
        return "How alike the images of different people are is learnt from held-out ones, and there are none."
    sets = {"training": images.train, "held-out": images.holdout, "synthetic": images.synthetic}
    if len({volume.array.ndim for volumes in sets.values() for volume in volumes}) > 1:
        return "Some images have two dimensions and some three; they cannot be compared."
    people = {name: len(np.unique(subjects(volumes))) for name, volumes in sets.items()}
    if min(people.values()) < FEWEST:
        found = ", ".join(f"{n} {name}" for name, n in people.items())
        return f"Images of at least {FEWEST} subjects of each set are needed; there are those of {found} ones."
    return None


@dataclass(frozen=True)
class _Seen:
    """Images by what they were found to be alike.

    Attributes
    ----------
    alike : float64 array of shape (n, m)
        Their resemblance to the training images.
    people, positions : int64 arrays of shape (n,)
        Whose they are, and where in their set they stand.
    scores : mapping of str to float64 array of shape (n,)
        How far they point to one training image, by ``grey_values`` and, where there are any, by ``label_maps``.
    nearest : mapping of str to int64 array of shape (n,)
        To which.
    """

    alike: Floats
    people: Positions
    positions: Positions
    scores: dict[str, Floats]
    nearest: dict[str, Positions]

    @property
    def limits(self) -> dict[str, float]:
        """The scores from which on an image is a copy, if these are held-out images."""
        return {by: threshold(scores, ALARMS) for by, scores in self.scores.items()}

    def relative(self, limits: dict[str, float]) -> Floats:
        """The scores as multiples of what makes a copy: by grey values or label maps, whichever is larger."""
        return np.asarray(
            np.max([scores / limits[by] for by, scores in self.scores.items() if limits.get(by, 0) > 0], axis=0)
        )

    def rate(self, limits: dict[str, float]) -> tuple[float, Interval, int]:
        """The share of subjects any of whose images is a copy, its interval, and their number."""
        flagged = of_people(self.relative(limits), self.people) > 1
        return *wilson(int(flagged.sum()), len(flagged)), len(flagged)


@dataclass(frozen=True)
class _Sets:
    """The images of an audit, on one raster."""

    pictures: dict[str, list[Picture]]
    people: dict[str, Positions]
    positions: dict[str, Positions]
    raster: Raster
    train: Looks
    train_labels: Looks | None

    @classmethod
    def of(cls, images: Images, most: int, seed: int) -> _Sets:
        given = {"train": images.train, "holdout": images.holdout or (), "synthetic": images.synthetic}
        positions = {name: np.arange(len(volumes)) for name, volumes in given.items()}
        for name in ("holdout", "synthetic"):
            if len(given[name]) > most:
                chosen = numpy_generator(seed, "memorisation", name).choice(len(given[name]), most, replace=False)
                positions[name] = np.sort(chosen)
        pictures = {name: [Picture.of(given[name][int(place)]) for place in at] for name, at in positions.items()}
        people = {name: subjects(volumes)[positions[name]] for name, volumes in given.items()}
        raster = Raster.of(pictures["train"])
        labelled = all(picture.labels is not None for several in pictures.values() for picture in several)
        train = pictures["train"]
        return cls(
            pictures, people, positions, raster, raster.place(train), raster.place_labels(train) if labelled else None
        )

    def judged(self, name: str) -> _Seen:
        """How the images of a set point to training images."""
        pictures = self.pictures[name]
        alike = resemblance(self.raster.place(pictures), self.train)
        found = {"grey_values": pointing(alike, self.people["train"])}
        if self.train_labels is not None:
            outlines = resemblance(self.raster.place_labels(pictures), self.train_labels)
            found["label_maps"] = pointing(outlines, self.people["train"])
        scores = {by: score for by, (score, _) in found.items()}
        nearest = {by: place for by, (_, place) in found.items()}
        return _Seen(alike, self.people[name], self.positions[name], scores, nearest)


def _recall(sets: _Sets, others: _Seen, most: int, seed: int) -> tuple[dict[str, Estimate], Floats]:
    """The share of planted copies that grey values tell, by the way of copying, and all their relative scores.

    One image of each subject is planted; the copy of an image counts as found wherever it points to, as it is the
    alarm that matters.
    """
    generator = numpy_generator(seed, "memorisation", "planted")
    order = generator.permutation(len(sets.pictures["train"]))
    first = np.unique(sets.people["train"][order], return_index=True)[1]
    chosen = order[np.sort(first)[:most]]
    limit = others.limits["grey_values"]
    estimates, scores = {}, []
    for name, change in changes(sets.pictures["train"][0].values.ndim).items():
        copies = [change(sets.pictures["train"][place], generator) for place in chosen]
        relative = pointing(resemblance(sets.raster.place(copies), sets.train), sets.people["train"])[0] / limit
        estimates[name] = Estimate(*wilson(int((relative > 1).sum()), len(relative)), len(relative))
        scores.append(relative)
    return estimates, np.concatenate(scores)


def _membership(made: _Seen, others: _Seen, sets: _Sets) -> Estimate:
    """How well the resemblance to the most alike synthetic image tells training from held-out images."""
    held_out = resemblance(sets.raster.place(sets.pictures["synthetic"]), sets.raster.place(sets.pictures["holdout"]))
    inside = of_people(made.alike.max(axis=0), sets.people["train"])
    outside = of_people(held_out.max(axis=0), others.people)
    chance = float(Z * np.sqrt((len(inside) + len(outside) + 1) / (12 * len(inside) * len(outside))))
    value, interval = auc(inside, outside)
    return Estimate(value, interval, len(inside) + len(outside), Reference(0.5, (0.5 - chance, 0.5 + chance)))


def _reason(estimates: dict[str, Estimate], recall: dict[str, Estimate], made: _Seen, others: _Seen) -> str:
    rate, power = estimates["memorised_rate"], estimates["planted_recall"]
    assert rate.reference is not None
    flagged = round(rate.value * rate.n)
    held_out = others.rate(others.limits)
    weakest = " or ".join(name for name, one in recall.items() if one.value == power.value)
    hardest = "" if power.value == max(one.value for one in recall.values()) else f" The hardest to find are {weakest}."
    found = f"{power.value:.1%} ({power.interval[0]:.1%} to {power.interval[1]:.1%}) of {power.n:,}"
    return (
        f"{flagged:,} of {rate.n:,} synthetic images point to a single training image as a copy does; "
        f"{round(held_out[0] * held_out[2]):,} of {held_out[2]:,} held-out ones do. The detector found {found} "
        f"planted copies of every kind, or more.{hardest} It is set to {ALARMS:.1%} false alarms."
    )


def _detail(recall: dict[str, Estimate], planted: Floats, made: _Seen, others: _Seen, sets: _Sets) -> dict[str, Any]:
    limits = others.limits
    grid = np.linspace(0, 4, 41)

    def reached(scores: Floats) -> list[float]:
        return [round(float((scores >= at).mean()), 4) for at in grid]

    return {
        "recall": [
            {"change": name, "value": round(one.value, 4), "interval": _rounded(one.interval), "n": one.n}
            for name, one in recall.items()
        ],
        "false_alarms": {"set_to": ALARMS, "held_out": round(others.rate(limits)[0], 4)},
        "flagged": {by: int((scores > limits[by]).sum()) for by, scores in made.scores.items() if limits[by] > 0},
        "compared": {name: len(pictures) for name, pictures in sets.pictures.items()},
        "pointing": {
            "multiple_of_threshold": np.round(grid, 1).tolist(),
            "synthetic": reached(made.relative(limits)),
            "held_out": reached(others.relative(limits)),
            "planted": reached(planted),
        },
    }


def _rounded(interval: Interval) -> list[float]:
    return [round(end, 4) for end in interval]


def _concerns(made: _Seen, limits: dict[str, float]) -> tuple[Concern, ...]:
    """The copies, the plainest first, and after them the pairs that are most alike though chance explains them."""
    by = [name for name in made.scores if limits[name] > 0]
    relative = np.stack([made.scores[name] / limits[name] for name in by])
    foremost, plain = relative.argmax(axis=0), relative.max(axis=0)
    copies = np.flatnonzero(plain > 1)
    copies = copies[np.argsort(-plain[copies], kind="stable")][:CONCERNS]
    rest = np.flatnonzero(plain <= 1)
    rest = rest[np.argsort(-made.alike[rest].max(axis=1), kind="stable")][: min(NEAREST, CONCERNS - len(copies))]
    pairs = [
        (at, made.nearest[by[foremost[at]]][at], "is a copy of this training image, or of its label map")
        for at in copies
    ]
    pairs += [
        (at, made.nearest["grey_values"][at], "is most alike this training image, as chance explains") for at in rest
    ]
    return tuple(Concern(int(made.positions[at]), int(real), why) for at, real, why in pairs)
