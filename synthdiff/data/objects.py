"""What all DICOM objects written here share: how they say that they are synthetic, and how they become files."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthdiff.data.uids import uid
from synthdiff.errors import ReleaseError

if TYPE_CHECKING:
    from pydicom import Dataset

MAKER = "synthdiff"

NO_DATE, NO_TIME = "19000101", "000000"
"""When a study was made that never was: a PACS loses studies without a date, and nobody takes this one for real."""


def dataset(elements: dict[str, Any]) -> Dataset:
    """Make a dataset of elements by keyword; None is an element without a value."""
    from pydicom import Dataset

    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def markers() -> dict[str, Any]:
    """What every object says of itself: that it is synthetic, what made it, and that it shows nobody."""
    equipment = {"Manufacturer": MAKER, "ManufacturerModelName": MAKER, "SoftwareVersions": metadata.version(MAKER)}
    purpose = {
        "CodeValue": "109100",
        "CodingSchemeDesignator": "DCM",
        "CodeMeaning": "Synthesizing Equipment",
    }
    contribution = equipment | {
        "ContributionDescription": "Drawn from a generative model",
        "PurposeOfReferenceCodeSequence": [dataset(purpose)],
    }
    return equipment | {
        "SyntheticData": "YES",
        "ContributingEquipmentSequence": [dataset(contribution)],
        "PatientIdentityRemoved": "YES",
        "DeidentificationMethod": "Drawn from a generative model; no real header was copied",
    }


def save(what: Dataset, file: Path) -> None:
    """Write a dataset as a DICOM file whose bytes depend on nothing else than the dataset and this software."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    what.file_meta = FileMetaDataset()
    what.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    what.file_meta.ImplementationClassUID = UID(uid(MAKER, "implementation"))
    what.file_meta.ImplementationVersionName = f"{MAKER} {metadata.version(MAKER)}"[:16]
    what.save_as(file, enforce_file_format=True)


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Lend a name beside a file or folder that is to be written, and give it the right one when all went well."""
    if os.path.lexists(target):
        raise ReleaseError("there is something already", where=str(target), mend="name what does not exist")
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = target.parent / f".{target.name}-{secrets.token_hex(8)}"
    try:
        yield staging
        staging.rename(target)
    finally:
        if staging.is_dir():
            shutil.rmtree(staging)
        staging.unlink(missing_ok=True)


def check_text(text: str, what: str) -> None:
    """Refuse what cannot stand in a long string of DICOM (PS3.5, 6.2)."""
    if not 1 <= len(text) <= 64 or text != text.strip() or not text.isprintable() or "\\" in text:
        found = f"{text!r} cannot name {what}, expected 1 to 64 characters on one line, without backslash"
        raise ReleaseError(found, mend="choose another name")
