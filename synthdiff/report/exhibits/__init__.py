"""Exhibits: what the report shows below a check, made from the check's ``detail``.

A check that is not listed here is shown too, by what its detail looks like: :mod:`synthdiff.report.exhibits.unknown`.
"""

from collections.abc import Callable, Mapping

from synthdiff.report.blocks import Block
from synthdiff.report.exhibits import fidelity, images, privacy, records, utility
from synthdiff.report.exhibits.unknown import unknown
from synthdiff.report.reading import Json, mapping

Exhibit = Callable[[Json, Json, str], list[Block]]
"""Takes a check's detail, the whole check, and what the identifiers of its drawings begin with."""

KNOWN: Mapping[str, Exhibit] = {
    "schema": fidelity.schema,
    "shape": fidelity.shape,
    "trend": fidelity.trend,
    "three_way": fidelity.three_way,
    "missingness": fidelity.missingness,
    "rules": fidelity.rules,
    "rare_values": fidelity.rare_values,
    "detection": records.detection,
    "alpha_precision": records.alpha_precision,
    "beta_recall": records.beta_recall,
    "survival": records.survival,
    "subgroups": records.subgroups,
    "utility": utility.utility,
    "augmentation": utility.augmentation,
    "fairness": utility.fairness,
    "membership": privacy.membership,
    "blind_baseline": privacy.blind,
    "copies": privacy.copies,
    "singling_out": privacy.criterion,
    "linkability": privacy.criterion,
    "attribute_inference": privacy.criterion,
    "radiomic_distance": images.radiomic_distance,
    "kid": images.kid,
    "image_support": images.image_support,
    "spectrum": images.spectrum,
    "intensity": images.intensity,
    "structures": images.structures,
    "diversity": images.diversity,
    "memorisation": images.memorisation,
    "image_utility": images.image_utility,
}


def exhibits(name: str, check: Json, key: str) -> list[Block]:
    """Make the exhibits of a check; ``key`` begins the identifiers of its drawings."""
    return KNOWN.get(name, unknown)(mapping(check.get("detail")), check, key)
