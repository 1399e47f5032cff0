"""Images: volumes of one kind, brought to one grid before they are compared with anything."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import copytree
from typing import Any, Self

import numpy as np
import pandas as pd

from synthdiff.attempt import Attempt
from synthdiff.auditing import AuditReport, audit_images
from synthdiff.checks.check import RARE
from synthdiff.codec.volume import VolumeCodec
from synthdiff.data import header_concerns, read_volumes, split_subjects
from synthdiff.data.findings import findings_table
from synthdiff.data.folders import FINDINGS, SERIES, read_folder, write_volumes
from synthdiff.data.segmentation import write_segmentation
from synthdiff.data.series import write_series
from synthdiff.effort import volume_plan
from synthdiff.errors import DataError, RecipeError, about
from synthdiff.generator import Generator
from synthdiff.material.material import Material
from synthdiff.progress import SILENT, Progress
from synthdiff.recipe import Images, Recipe
from synthdiff.release import Staging
from synthdiff.seeds import derive
from synthdiff.volume import VolumeDiffusion
from synthdiff.voxels import Volume

Volumes = Sequence[Volume]

NIFTI = "nifti"
"""The folder of an attempt in which synthetic volumes are kept."""


class Pictures(Material[Volumes]):
    """Volumes with their label maps, if there are any.

    What is compared is what the generator was asked to learn: real volumes are brought to its grid, too.
    """

    word = "image"

    @classmethod
    def load(cls, recipe: Recipe, progress: Progress) -> Self:
        """Read the recipe's images and split them by subject; what their headers give away is noted first."""
        images = cls.named(recipe)
        volumes = cls.read(recipe)
        for concern in header_concerns(recipe.resolve(images.path)):
            progress.note(concern)
        with about(images.path):
            train, holdout = split_subjects(volumes, recipe.data.holdout, recipe.generator.seed)
            return cls.conformed(recipe, train, holdout)

    @classmethod
    def read(cls, recipe: Recipe) -> list[Volume]:
        """All images that a recipe names, as their files have them."""
        images = cls.named(recipe)
        return read_volumes(
            recipe.resolve(images.path),
            labels=None if images.labels is None else recipe.resolve(images.labels),
            modality=images.modality,
            uneven=images.uneven,
            array=images.array,
            findings=_findings(recipe),
        )

    @classmethod
    def conformed(cls, recipe: Recipe, train: Volumes, holdout: Volumes) -> Self:
        """Both parts on the grid of the first."""
        images = cls.named(recipe)
        if images.findings is not None:
            _check_findings(train, Path(images.findings).name)
        codec = VolumeCodec.fit(train, images.shape, images.spacing)
        return cls(recipe, [codec.conform(one) for one in train], [codec.conform(one) for one in holdout])

    @staticmethod
    def named(recipe: Recipe) -> Images:
        """The recipe's images."""
        assert recipe.data.images is not None
        return recipe.data.images

    @property
    def place(self) -> str:
        """The folder or file of the images."""
        return Path(self.named(self.recipe).path).name

    @property
    def folders(self) -> list[Path]:
        """The images' folder and the recipe's."""
        return [self.recipe.resolve(self.named(self.recipe).path), self.recipe.resolve(".")]

    def rehearse(self) -> None:
        """Refuse findings that cannot be drawn, and what could not be audited."""
        self.asked()
        super().rehearse()

    def asked(self) -> list[str]:
        """The finding of each image that is to be drawn, in order: by ``sample.given``, or in the training shares.

        Raises
        ------
        RecipeError
            When ``sample.given`` has a finding that there is not.
        """
        known = Counter(volume.finding for volume in self.train)
        given = self.recipe.sample.given.get("finding", list(known))
        if isinstance(given, dict):
            shares = {str(level): float(share) for level, share in given.items()}
        else:
            levels = map(str, given if isinstance(given, list | tuple) else [given])
            shares = {level: float(known[level]) for level in levels}
        if strange := [level for level in shares if level not in known]:
            raise RecipeError(
                f"no image shows {', '.join(map(repr, strange))}",
                where="sample.given.finding",
                mend=f"known: {', '.join(sorted(known))}",
            )
        return dealt(shares, self.count)

    def size(self, records: Volumes) -> tuple[int, int]:
        """Images; they have no columns."""
        return len(records), 0

    def digest(self, records: Volumes) -> str:
        """The SHA-256 of all voxels and where they lie."""
        digest = hashlib.sha256()
        for volume in records:
            parts = [volume.array, volume.affine] + ([] if volume.labels is None else [volume.labels])
            digest.update(
                json.dumps([volume.subject, volume.finding, *[[part.dtype.str, part.shape] for part in parts]]).encode()
            )
            for part in parts:
                digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()

    def fit(self, checkpoints: Path | None = None, progress: Progress = SILENT) -> VolumeDiffusion:
        """Learn the training part."""
        with about(self.place):
            return self._generator().fit(
                self.train, conditions=self._conditions(), checkpoint=checkpoints, progress=progress
            )

    def trial(self, steps: int) -> dict[str, float]:
        """Voxels, parameters and minutes."""
        model = self._generator()
        trial = self._generator().set_params(budget_steps=steps, budget_seconds=None)
        trial.fit(self.train, conditions=self._conditions())
        plan = volume_plan(len(self.train), 1, model.effort, model.budget_steps, model.budget_seconds)
        a_step = sum(history.seconds for history in trial.histories_) / steps
        return {
            "voxels": int(np.prod(trial.codec_.shape)),
            "parameters": trial.parameters,
            "minutes_at_most": round((plan.seconds or plan.steps * a_step) / 60, 2),
        }

    def draw(self, model: Generator, attempt: Attempt, progress: Progress) -> Volumes:
        """The synthetic volumes, kept as NIfTI."""
        assert isinstance(model, VolumeDiffusion)

        return self.read_back(attempt.keep(NIFTI, lambda folder: write_volumes(self._drawn(model, progress), folder)))

    def read_back(self, folder: Path) -> Volumes:
        """Synthetic volumes as they are audited, from an attempt's folder or the folder ``data`` of a release.

        Raises
        ------
        DataError
            When there is DICOM alone, and values were rounded when it was written.
        """
        first = self.train[0]
        drawn = read_folder(folder, first.modality)
        if not (folder / "images").is_dir():
            # A reader of DICOM puts slices in an order of its own.
            grid = VolumeCodec.fit(self.train, first.array.shape, first.spacing)
            if not grid.whole:
                raise DataError(
                    "there are DICOM series alone, in which values were rounded to 16 bits: what was measured before "
                    "cannot be measured again",
                    where=f"{folder.name}/{SERIES}",
                    mend="release nifti, too (release.formats)",
                )
            drawn = [replace(volume, array=volume.array.astype(np.int16)) for volume in map(grid.conform, drawn)]
        # Whom nobody is has no name that could be confused with a real one's.
        return [replace(one, units=first.units, subject=f"synthetic {one.subject}") for one in drawn]

    def judge(self, synthetic: Volumes, **how: Any) -> AuditReport:
        """The audit of the three sets of images."""
        return audit_images(self.train, synthetic, self.holdout, **how)

    def write(self, staging: Staging, synthetic: Volumes, attempt: Attempt) -> None:
        """``data/images`` and ``data/labels`` of NIfTI files, ``data/series/<patient>/<series>`` of DICOM objects, and
        what they show in ``data/findings.csv``.
        """
        for kind in self.recipe.release.formats:
            if kind == "nifti":
                for folder in sorted(path for path in (attempt.folder / NIFTI).iterdir() if path.is_dir()):
                    staging.write(f"data/{folder.name}", partial(copytree, folder))
            else:
                made = attempt.keep(SERIES, lambda folder: self._write_series(synthetic, folder))
                staging.write(f"data/{SERIES}", partial(copytree, made))
        if any(volume.finding for volume in synthetic):
            staging.add(f"data/{FINDINGS}", findings_table(synthetic, **self._names(synthetic)))

    def described(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """What the images are."""
        return {"schema": [], "images": answer["data"]["images"]}

    def forbidden(self) -> set[str]:
        """The subjects and the names of files."""
        return {name for volume in (*self.train, *self.holdout) for name in (volume.subject, volume.name) if name}

    def _write_series(self, synthetic: Volumes, folder: Path) -> None:
        images = self.named(self.recipe)
        release = f"{self.recipe.name[:40]}-{self.recipe.sha256[:16]}"
        for number, volume in enumerate(synthetic, 1):
            patient = _patient(number)
            place = folder / patient
            files = write_series(
                volume, place / "1", release=release, patient=patient, body_part=images.body_part or ""
            )
            if volume.labels is not None and volume.labels.any():
                names = images.label_names or [f"label {level}" for level in range(1, int(volume.labels.max()) + 1)]
                write_segmentation(volume, files, place / "2" / "segmentation.dcm", names=names)

    def _generator(self) -> VolumeDiffusion:
        """The generator that the recipe asks for, not yet fitted."""
        return VolumeDiffusion(shape=list(self.train[0].array.shape), **self.training)

    def _conditions(self) -> pd.DataFrame | None:
        """What the generator is told of each training image."""
        findings = [volume.finding for volume in self.train]
        return pd.DataFrame({"finding": findings}) if any(findings) else None

    def _drawn(self, model: VolumeDiffusion, progress: Progress) -> Volumes:
        """Synthetic volumes, each of the finding that was asked for; other findings are other noise."""
        asked = self.asked()
        if not any(asked):
            return model.sample(self.count, progress=progress)
        drawn = {
            finding: iter(
                model.sample(n, {"finding": finding}, derive(model.random_state, "finding", finding), progress=progress)
            )
            for finding, n in Counter(asked).items()
        }
        return [next(drawn[finding]) for finding in asked]

    def _names(self, synthetic: Volumes) -> dict[str, list[str]]:
        """What the released files call each image, by the columns that :func:`read_volumes` finds it by."""
        formats = self.recipe.release.formats
        names = {"file": [volume.name for volume in synthetic]} if "nifti" in formats else {}
        if "dicom" in formats:
            names["subject"] = [_patient(number) for number in range(1, len(synthetic) + 1)]
        return names


def dealt(shares: Mapping[str, float], n: int) -> list[str]:
    """Which of some levels each of ``n`` records gets, so that any first of them have the shares as nearly as can be.

    Each gets the level that is farthest behind its share, the first of those that tie.
    """
    levels, whole = list(shares), sum(shares.values())
    wanted = np.array([shares[level] / whole for level in levels])
    had = np.zeros(len(levels))
    chosen = []
    for number in range(1, n + 1):
        place = int(np.argmax(np.round(wanted * number - had, 9)))
        had[place] += 1
        chosen.append(levels[place])
    return chosen


def _findings(recipe: Recipe) -> str | Path | None:
    """Where the findings are: an array's name beside the images, or a file."""
    images = Pictures.named(recipe)
    if images.findings is None or Path(images.path).suffix.lower() == ".npz":
        return images.findings
    return recipe.resolve(images.findings)


def _check_findings(train: Volumes, where: str) -> None:
    """Refuse findings of which there is but one, or that could tell who somebody is."""
    subjects: dict[str, set[str]] = {}
    for volume in train:
        subjects.setdefault(volume.finding, set()).add(volume.subject)
    if len(subjects) < 2:
        what = f"all {len(train)} training images show {train[0].finding!r}, expected two findings or more"
        raise DataError(what, where=where, mend="leave the findings away, as they tell nothing apart")
    few = {finding: len(some) for finding, some in subjects.items() if len(some) < RARE}
    if few:
        found = ", ".join(f"{finding!r} ({count})" for finding, count in sorted(few.items()))
        what = f"findings that too few subjects of the training part share: {found}, expected {RARE} or more"
        raise DataError(what, where=where, mend="call them by one name with others, or leave their images out")


def _patient(number: int) -> str:
    return f"SYNTH-{number:06d}"
