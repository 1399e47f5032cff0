"""Images: volumes of one kind, brought to one grid before they are compared with anything."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import copytree
from typing import Any, Self

import numpy as np

from synthdiff.attempt import Attempt
from synthdiff.auditing import AuditReport, audit_images
from synthdiff.codec.volume import VolumeCodec
from synthdiff.data import header_concerns, read_volumes, split_subjects, write_nifti
from synthdiff.data.segmentation import write_segmentation
from synthdiff.data.series import write_series
from synthdiff.effort import volume_plan
from synthdiff.errors import about
from synthdiff.generator import Generator
from synthdiff.material.material import Material
from synthdiff.progress import SILENT, Progress
from synthdiff.recipe import Images, Recipe
from synthdiff.release import Staging
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
        path = recipe.resolve(images.path)
        volumes = read_volumes(
            path,
            labels=None if images.labels is None else recipe.resolve(images.labels),
            modality=images.modality,
            uneven=images.uneven,
            array=images.array,
        )
        for concern in header_concerns(path):
            progress.note(concern)
        with about(images.path):
            train, holdout = split_subjects(volumes, recipe.data.holdout, recipe.generator.seed)
            codec = VolumeCodec.fit(train, images.shape)
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

    def size(self, records: Volumes) -> tuple[int, int]:
        """Images; they have no columns."""
        return len(records), 0

    def digest(self, records: Volumes) -> str:
        """The SHA-256 of all voxels and where they lie."""
        digest = hashlib.sha256()
        for volume in records:
            parts = [volume.array, volume.affine] + ([] if volume.labels is None else [volume.labels])
            digest.update(json.dumps([volume.subject, *[[part.dtype.str, part.shape] for part in parts]]).encode())
            for part in parts:
                digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()

    def fit(self, checkpoints: Path | None = None, progress: Progress = SILENT) -> VolumeDiffusion:
        """Learn the training part."""
        with about(self.place):
            return self._generator().fit(self.train, checkpoint=checkpoints, progress=progress)

    def trial(self, steps: int) -> dict[str, float]:
        """Voxels, parameters and minutes."""
        model = self._generator()
        trial = self._generator().set_params(budget_steps=steps, budget_seconds=None).fit(self.train)
        plan = volume_plan(len(self.train), 1, model.effort, model.budget_steps, model.budget_seconds)
        a_step = sum(history.seconds for history in trial.histories_) / steps
        return {
            "voxels": float(np.prod(trial.codec_.shape)),
            "parameters": trial.parameters,
            "minutes_at_most": round((plan.seconds or plan.steps * a_step) / 60, 2),
        }

    def draw(self, model: Generator, attempt: Attempt, progress: Progress) -> Volumes:
        """The synthetic volumes, kept as NIfTI."""
        assert isinstance(model, VolumeDiffusion)

        def make(folder: Path) -> None:
            _write_folder(model.sample(self.count, progress=progress), folder)

        folder = attempt.keep(NIFTI, make)
        labels = folder / "labels" if model.codec_.labels else None
        drawn = read_volumes(folder / "images", labels=labels, modality=model.codec_.modality)
        # Whom nobody is has no name that could be confused with a real one's.
        return [replace(one, units=model.codec_.units, subject=f"synthetic {one.subject}") for one in drawn]

    def judge(self, synthetic: Volumes, **how: Any) -> AuditReport:
        """The audit of the three sets of images."""
        return audit_images(self.train, synthetic, self.holdout, **how)

    def write(self, staging: Staging, synthetic: Volumes, attempt: Attempt) -> None:
        """``data/images`` and ``data/labels`` of NIfTI files; ``data/series/<patient>/<series>`` of DICOM objects."""
        for kind in self.recipe.release.formats:
            if kind == "nifti":
                for folder in sorted((attempt.folder / NIFTI).iterdir()):
                    staging.write(f"data/{folder.name}", partial(copytree, folder))
            else:
                made = attempt.keep("series", lambda folder: self._write_series(synthetic, folder))
                staging.write("data/series", partial(copytree, made))

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
            patient = f"SYNTH-{number:06d}"
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


def _write_folder(volumes: Volumes, folder: Path) -> None:
    """One NIfTI file an image, numbered; label maps of the same names beside them."""
    for name in ("images", "labels"):
        if name == "images" or volumes[0].labels is not None:
            (folder / name).mkdir(parents=True)
    for number, volume in enumerate(volumes, 1):
        name = f"{number:06d}.nii.gz"
        write_nifti(volume, folder / "images" / name, None if volume.labels is None else folder / "labels" / name)
