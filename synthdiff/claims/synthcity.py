"""synthcity: the scores of its benchmarks, a frame as ``DataFrame.to_json`` writes it.

Its figures rest on encoders, draws and models of the package's own, so none is recomputed; what is known to be wrong
with them is said.

References
----------
synthcity 0.2: Benchmarks.evaluate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from synthdiff.checks.check import Evidence
from synthdiff.claims import defects
from synthdiff.claims.claim import Claim, Recomputed, Source, decimals_of
from synthdiff.claims.defects import Defect
from synthdiff.claims.reading import Reader

FAMILIES = ("sanity.", "stats.", "performance.", "detection.", "privacy.", "attack.")

_DEFECTS: Mapping[str, tuple[Defect, ...]] = {
    "authenticity": (defects.AUTHENTICITY,),
    "privacy.k-anonymization": (defects.CLUSTERED_ANONYMITY,),
    "privacy.k-map": (defects.CLUSTERED_ANONYMITY,),
    "privacy.distinct l-diversity": (defects.CLUSTERED_ANONYMITY,),
    "nearest_syn_neighbor_distance": (defects.DCR,),
    "detection_linear": (defects.LOGISTIC,),
}
"""By a part of a measure's name."""


class Synthcity(Source):
    """synthcity's scores as DataFrame.to_json() writes them."""

    kind: Literal["synthcity"] = "synthcity"

    def recognises(self, document: Any) -> bool:
        """By the names of its measures."""
        means = _means(document)
        return bool(means) and all(str(name).startswith(FAMILIES) for name in means)

    def claims(self, document: Any, where: str) -> list[Claim]:
        """The mean of each measure."""
        reader = Reader(where)
        found = [(name, reader.number(value, f"{name}.mean")) for name, value in _means(document).items()]
        reader.finish()
        known = [(name, value) for name, value in found if value is not None]
        decimals = decimals_of(value for _, value in known)
        return [Claim("synthcity", f"{name}.mean", name, name, value, decimals) for name, value in known]

    def recompute(self, claims: Sequence[Claim], evidence: Evidence) -> Iterator[Recomputed]:
        """Nothing: why."""
        for _ in claims:
            yield Recomputed.unknown("It rests on encoders, draws or models of synthcity's own.")

    def defects(self, claim: Claim) -> tuple[Defect, ...]:
        """By the measure's name."""
        return tuple(defect for part, several in _DEFECTS.items() if part in claim.measure for defect in several)


def _means(document: Any) -> dict[str, Any]:
    """The means by measure, whether the frame was written by columns or by rows."""
    if not isinstance(document, Mapping):
        return {}
    if isinstance(document.get("mean"), Mapping):
        return dict(document["mean"])
    return {name: row["mean"] for name, row in document.items() if isinstance(row, Mapping) and "mean" in row}
