"""mostlyai-qa: the metrics of a model report, as ``ModelMetrics.model_dump_json()`` writes them.

References
----------
mostlyai-qa 1.10: Accuracy, Similarity and Distances.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from synthdiff.checks.check import Evidence
from synthdiff.checks.privacy.copies import keys
from synthdiff.claims import defects
from synthdiff.claims.accuracy import Accuracies
from synthdiff.claims.claim import Claim, Recomputed, Source, nearest
from synthdiff.claims.defects import Defect
from synthdiff.claims.reading import Reader
from synthdiff.claims.wordless import THINNED, WORDS, Wordless

FIELDS: Mapping[str, Mapping[str, str]] = {
    "accuracy": {
        "overall": "Accuracy overall",
        "univariate": "Accuracy of single columns",
        "bivariate": "Accuracy of pairs of columns",
        "trivariate": "Accuracy of three columns at a time",
        "coherence": "Accuracy within sequences",
        "overall_max": "Expected accuracy overall",
        "univariate_max": "Expected accuracy of single columns",
        "bivariate_max": "Expected accuracy of pairs of columns",
        "trivariate_max": "Expected accuracy of three columns at a time",
        "coherence_max": "Expected accuracy within sequences",
    },
    "similarity": {
        "cosine_similarity_training_synthetic": "Cosine similarity of synthetic to training records",
        "cosine_similarity_training_holdout": "Cosine similarity of held-out to training records",
        "discriminator_auc_training_synthetic": "AUC of a classifier of synthetic against training records",
        "discriminator_auc_training_holdout": "AUC of a classifier of held-out against training records",
    },
    "distances": {
        "ims_training": "Synthetic records identical to a training record",
        "ims_holdout": "Synthetic records identical to a held-out record",
        "ims_trn_hol": "Training records identical to a held-out record",
        "dcr_training": "Mean distance of synthetic to training records",
        "dcr_holdout": "Mean distance of synthetic to held-out records",
        "dcr_trn_hol": "Mean distance of held-out to training records",
        "dcr_share": "Synthetic records nearer to a training than to a held-out record",
        "nndr_training": "Ratio of the two nearest distances to training records",
        "nndr_holdout": "Ratio of the two nearest distances to held-out records",
        "nndr_trn_hol": "Ratio of the two nearest distances of held-out to training records",
    },
}

_DEFECTS: Mapping[str, tuple[Defect, ...]] = {
    "accuracy": (defects.TOP_TEN,),
    "max": (defects.EXPECTATION,),
    "similarity": (defects.EMBEDDED,),
    "ims": (defects.EXACT_MATCHES, defects.CHOSEN_COLUMNS),
    "dcr": (defects.DCR, defects.CHOSEN_COLUMNS, defects.EMBEDDED),
    "nndr": (defects.DCR, defects.CHOSEN_COLUMNS, defects.EMBEDDED),
}


class MostlyAI(Source):
    """mostlyai-qa's metrics, as ModelMetrics.model_dump_json() writes them."""

    kind: Literal["mostlyai"] = "mostlyai"

    def recognises(self, document: Any) -> bool:
        """By its groups."""
        return isinstance(document, Mapping) and bool(set(document) & set(FIELDS)) and set(document) <= set(FIELDS)

    def claims(self, document: Any, where: str) -> list[Claim]:
        """Every figure that is not null."""
        reader = Reader(where)
        claims = []
        for group, found in document.items():
            names = {_camel(name): name for name in FIELDS[group]} | {name: name for name in FIELDS[group]}
            figures = {} if found is None else reader.mapping(found, group)
            for key, content in figures.items():
                if key not in names:
                    reader.wrong(f"{group}.{key}", content, f"the keys {', '.join(FIELDS[group])}")
                    continue
                name = names[key]
                low = -1.0 if name.startswith("cosine") else 0.0
                high = np.inf if name.startswith("dcr") and name != "dcr_share" else 1.0
                value = reader.number(content, f"{group}.{key}", low, high)
                if value is not None:
                    measure = f"{group}.{name}"
                    claims.append(
                        Claim("mostlyai", f"{group}.{key}", measure, FIELDS[group][name], value, _decimals(measure))
                    )
        reader.finish()
        measures = {claim.measure for claim in claims}
        context = {
            "sequences": any(measure.startswith("accuracy.coherence") for measure in measures),
            "holdout": any("hol" in measure or measure.endswith("dcr_share") for measure in measures)
            if any(not measure.startswith("accuracy") for measure in measures)
            else None,
        }
        return [replace(claim, context=context) for claim in claims]

    def recompute(self, claims: Sequence[Claim], evidence: Evidence) -> Iterator[Recomputed]:
        """Accuracies by their definition; of similarities and distances what does not depend on embedded words."""
        without = replace(evidence, holdout=None)
        accuracies = {True: Accuracies(evidence), False: Accuracies(without)}
        distances = {True: Wordless(evidence), False: Wordless(without)}
        for claim in claims:
            group, _, name = claim.measure.partition(".")
            used = claim.context["holdout"]
            if claim.context["sequences"]:
                yield Recomputed.unknown(
                    "The report is about sequences, of which the measure draws rows without a seed."
                )
            elif used and evidence.holdout is None:
                yield Recomputed.unknown("The report rests on held-out records, too, which are not given.")
            elif group == "accuracy":
                yield nearest(
                    claim.value, [one.recompute(name) for with_, one in accuracies.items() if used in (with_, None)]
                )
            else:
                found = distances[used].recompute(name)
                beside_words = name.startswith("ims") and found.reason == WORDS
                yield _identical(evidence if used else without, name) if beside_words else found

    def defects(self, claim: Claim) -> tuple[Defect, ...]:
        """By the measure."""
        group, _, name = claim.measure.partition(".")
        kind = "max" if name.endswith("_max") else name.partition("_")[0] if group == "distances" else group
        return _DEFECTS[kind]


def _identical(evidence: Evidence, name: str) -> Recomputed:
    """Identical records: those in all columns; on the group of columns that is reported there may be more."""
    real, synthetic, holdout = evidence.train, evidence.synthetic, evidence.holdout
    queries, pool = {
        "ims_training": (synthetic, real),
        "ims_holdout": (synthetic, holdout),
        "ims_trn_hol": (holdout, real),
    }[name]
    assert queries is not None and pool is not None
    fewest = min(len(frame) for frame in (real, synthetic, holdout) if frame is not None)
    if max(len(queries), len(pool)) > fewest:
        return Recomputed.score(THINNED)
    share = float(np.isin(keys(queries, evidence.schema), keys(pool, evidence.schema)).mean())
    return Recomputed.between(
        share,
        1.0,
        "So many are identical in all columns; scaled to length 1, or in the columns that the package chose, there may "
        "be more.",
    )


def _decimals(measure: str) -> int:
    """The digits to which the package rounds."""
    if "nndr" in measure:
        return 12
    return 7 if measure.startswith("accuracy") or "cosine" in measure else 3


def _camel(name: str) -> str:
    """The name by alias: ``discriminatorAUCTrainingSynthetic``."""
    first, *rest = name.split("_")
    return first + "".join("AUC" if part == "auc" else part.capitalize() for part in rest)
