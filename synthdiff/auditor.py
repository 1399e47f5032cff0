"""The auditor's desk: tables, images, other people's reports and releases, read from files and judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import pandas as pd

from synthdiff import claims
from synthdiff.auditing import AuditReport, audit, audit_images, losses_of
from synthdiff.checks.check import Check, Evidence
from synthdiff.claims import Claim, Examined
from synthdiff.data import read_table, split
from synthdiff.data.folders import Layout, labels_beside, read_folder
from synthdiff.errors import AuditError, about
from synthdiff.evidence import gather, gather_images
from synthdiff.generator import Generator
from synthdiff.material import Pictures
from synthdiff.policy import Policy
from synthdiff.progress import SILENT, Progress
from synthdiff.recipe import Images, Recipe, load_recipe
from synthdiff.release import Release
from synthdiff.schema import Schema
from synthdiff.seeds import derive
from synthdiff.voxels import Modality, Volume


@dataclass(frozen=True)
class Case:
    """Tables that are to be judged together, and what their columns are."""

    word: ClassVar[str] = "row"

    train: pd.DataFrame
    synthetic: pd.DataFrame
    holdout: pd.DataFrame | None
    schema: Schema

    @classmethod
    def read(
        cls,
        real: Path,
        synthetic: Path,
        holdout: Path | None = None,
        declared: Mapping[str, Any] | None = None,
        constraints: Iterable[Any] = (),
    ) -> Case:
        """Read the tables; the real one says what the columns are, as far as nothing is declared."""
        with about(str(real)):
            train, schema = read_table(real, declared)
            schema = schema.constrained(constraints, train)
        judged, _ = read_table(synthetic, like=schema)
        return cls(train, judged, read_table(holdout, like=schema)[0] if holdout is not None else None, schema)


def audit_files(
    real: Path,
    synthetic: Path,
    holdout: Path | None = None,
    *,
    policy: str = "share-publicly",
    recipe: Path | None = None,
    target: str | None = None,
    report: Path | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> tuple[AuditReport, Case]:
    """Judge a synthetic table against the real ones, all read from files.

    Parameters
    ----------
    real, synthetic, holdout : Path
        Tables; the real one says what the columns are.
    policy : str
        A policy's name or file.
    recipe : Path, optional
        A recipe whose ``data.columns`` say what inference must not decide, and ``data.constraints`` what must hold.
    target : str, optional
        The column that the data are to predict, in place of the recipe's.
    report : Path, optional
        Somebody's quality report on the same data, whose claims are examined.
    """
    said = claims.read(report) if report is not None else ()
    rules = Policy.load(policy)
    data = load_recipe(recipe).data if recipe is not None else None
    declared = data.declared() if data is not None else {}
    if target is not None:
        declared[target] = {**declared.get(target, {}), "role": "target"}
    case = Case.read(real, synthetic, holdout, declared, data.constraints if data is not None else ())
    return (
        audit(
            case.train,
            case.synthetic,
            case.holdout,
            schema=case.schema,
            policy=rules,
            claims=said,
            random_state=seed,
            progress=progress,
        ),
        case,
    )


@dataclass(frozen=True)
class ImageCase:
    """Images that are to be judged together."""

    word: ClassVar[str] = "image"

    train: Sequence[Volume]
    synthetic: Sequence[Volume]
    holdout: Sequence[Volume] | None

    @classmethod
    def read(
        cls, real: Path, synthetic: Path, holdout: Path | None = None, modality: Modality | None = None
    ) -> ImageCase:
        """Read the folders."""
        train, control = read_folder(real, modality), None if holdout is None else read_folder(holdout, modality)
        # Synthetic images are of nobody, and files of two folders that share a name are not of one person.
        return cls(train, [replace(volume, subject="") for volume in read_folder(synthetic, modality)], control)


def audit_folders(
    real: Path,
    synthetic: Path,
    holdout: Path | None = None,
    *,
    policy: str = "share-images",
    modality: Modality | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> tuple[AuditReport, ImageCase]:
    """Judge a folder of synthetic images against folders of real ones; of a release, its folder ``data``.

    Parameters
    ----------
    real, synthetic, holdout : Path
        Folders of images, or folders that hold ``images`` and, with label maps of the same names, ``labels``.
    policy : str
        A policy's name or file.
    modality : Modality, optional
        Of DICOM, which images to take; of others, what took them.
    """
    rules = Policy.load(policy)
    case = ImageCase.read(real, synthetic, holdout, modality)
    return audit_images(
        case.train, case.synthetic, case.holdout, policy=rules, random_state=seed, progress=progress
    ), case


def verify_claims(
    release: Release,
    real: Path,
    holdout: Path | None = None,
    model: Generator | None = None,
    *,
    progress: Progress = SILENT,
) -> tuple[Examined, ...]:
    """Compute every figure of a release's report again.

    Parameters
    ----------
    release : Release
    real : Path
        The records that the generator was fitted on; without ``holdout``, all records, which are split as the
        release's recipe says. Of images, the folder that the recipe names, or the one in which it stands beside the
        folder of label maps.
    holdout : Path, optional
        The records that it never saw.
    model : Generator, optional
        The model that the release was drawn from; without it, figures that are about it are left out.
    progress : Progress

    Raises
    ------
    AuditError
        When the release holds no records, or what was learnt from is not there.
    """
    recipe = load_recipe(release.path / "recipe.yaml")
    gathered = _table_evidence if recipe.data.images is None else _image_evidence
    evidence = gathered(release, recipe, real, holdout)
    said = claims.read(release.path / "report.json")
    if model is None:
        known = tuple(claim for claim in said if not _about_model(claim))
        if len(known) < len(said):
            left = f"{len(said) - len(known)} figures are about the model, which stays in the house"
            progress.note(f"{left}; they are left out unless it is given, too")
        return claims.examine(known, evidence, progress)
    real_ones = evidence if evidence.images is None else evidence.images
    losses = losses_of(model, real_ones.train, real_ones.holdout, derive(recipe.generator.seed, "audit"))
    return claims.examine(said, replace(evidence, losses=losses), progress)


def _about_model(claim: Claim) -> bool:
    return claim.measure in Check.members and Check.members[claim.measure].needs_model


def _table_evidence(release: Release, recipe: Recipe, real: Path, holdout: Path | None) -> Evidence:
    records = next((release.path / name for name in release.files if name.startswith("data/records.")), None)
    if records is None:
        raise AuditError("the release holds no table", where=str(release.path), mend="give the release of a table")
    data, seed = recipe.data, recipe.generator.seed
    case = Case.read(real, records, holdout, data.declared(), data.constraints)
    train, control = case.train, case.holdout
    if control is None:
        train, control = split(train, case.schema, data.holdout, seed=seed)
    return gather(train, case.synthetic, control, case.schema, seed)


def _image_evidence(release: Release, recipe: Recipe, real: Path, holdout: Path | None) -> Evidence:
    """The images as the run had them: on one grid, and split as it did unless the held-out ones are given."""
    if not any(name.startswith(("data/images/", "data/series/")) for name in release.files):
        raise AuditError("the release holds no images", where=str(release.path), mend="ask for one that is whole")
    images = recipe.data.images
    assert images is not None
    if holdout is None:
        material = Pictures.load(_placed(recipe, images, real), SILENT)
    else:
        parts = [Pictures.read(_placed(recipe, images, folder)) for folder in (real, holdout)]
        material = Pictures.conformed(recipe, *parts)
    synthetic = material.read_back(release.path / "data")
    return gather_images(material.train, synthetic, material.holdout, recipe.generator.seed)


def _placed(recipe: Recipe, images: Images, real: Path) -> Recipe:
    """A released recipe, which has names of files alone, with the places of the real images."""
    if not real.exists():
        raise AuditError("there is no such file or folder", where=str(real), mend="check the path and the spelling")
    inner = real / images.path
    path = inner if inner.exists() else Layout.of(real).images
    places = {"path": path}
    if images.labels is not None:
        alike = path if images.labels == images.path else None
        places["labels"] = alike or _beside(path, images.labels) or labels_beside(path) or _missing(real, images.labels)
    if images.findings is not None and path.suffix.lower() != ".npz":
        places["findings"] = _beside(path, images.findings) or _missing(real, images.findings)
    named = images.model_copy(update={key: str(place.absolute()) for key, place in places.items()})
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"images": named})})


def _beside(path: Path, name: str) -> Path | None:
    """What has a name in the folder of images, or in the folder in which that stands."""
    return next((folder / name for folder in (path.parent, path) if (folder / name).exists()), None)


def _missing(real: Path, name: str) -> NoReturn:
    raise AuditError(
        f"the release's recipe names {name}, and it is not beside these images",
        where=str(real),
        mend="give the folder in which the images and it stand side by side, under the names of the recipe",
    )
