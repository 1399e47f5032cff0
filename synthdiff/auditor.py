"""The auditor's desk: tables, images, other people's reports and releases, read from files and judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from synthdiff import claims
from synthdiff.auditing import AuditReport, audit, audit_images
from synthdiff.claims import Examined
from synthdiff.data import read_table, read_volumes, split
from synthdiff.errors import AuditError, about
from synthdiff.evidence import gather
from synthdiff.policy import Policy
from synthdiff.progress import SILENT, Progress
from synthdiff.recipe import load_recipe
from synthdiff.release import Release
from synthdiff.schema import Schema
from synthdiff.voxels import Modality, Volume


@dataclass(frozen=True)
class Case:
    """Tables that are to be judged together, and what their columns are."""

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


def audit_folders(
    real: Path,
    synthetic: Path,
    holdout: Path | None = None,
    *,
    policy: str = "share-images",
    modality: Modality | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> AuditReport:
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
    train, control = _images(real, modality), None if holdout is None else _images(holdout, modality)
    # Synthetic images are of nobody, and files of two folders that share a name are not of one person.
    nobody = [replace(volume, subject="") for volume in _images(synthetic, modality)]
    return audit_images(train, nobody, control, policy=rules, random_state=seed, progress=progress)


def _images(folder: Path, modality: Modality | None) -> list[Volume]:
    inner = folder / "images"
    if not inner.is_dir():
        return read_volumes(folder, modality=modality)
    labels = folder / "labels"
    return read_volumes(inner, labels=labels if labels.is_dir() else None, modality=modality)


def verify_claims(
    release: Release, real: Path, holdout: Path | None = None, *, progress: Progress = SILENT
) -> tuple[Examined, ...]:
    """Compute every figure of a release's report again.

    Parameters
    ----------
    release : Release
    real : Path
        The records that the generator was fitted on; without ``holdout``, the whole table, which is split as the
        release's recipe says.
    holdout : Path, optional
        The records that it never saw.
    progress : Progress

    Raises
    ------
    AuditError
        When the release holds no records.
    """
    data = load_recipe(release.path / "recipe.yaml")
    records = next((release.path / name for name in release.files if name.startswith("data/records.")), None)
    if records is None:
        raise AuditError("the release holds no table", where=str(release.path), mend="give the release of a table")
    case = Case.read(real, records, holdout, data.data.declared(), data.data.constraints)
    train, control = case.train, case.holdout
    if control is None:
        train, control = split(train, case.schema, data.data.holdout, seed=data.generator.seed)
    evidence = gather(train, case.synthetic, control, case.schema, data.generator.seed)
    return claims.examine(claims.read(release.path / "report.json"), evidence, progress)
