"""Claims: somebody's quality report, figure by figure, held against the data.

>>> for found in examine(read("report.json"), evidence):  # doctest: +SKIP
...     print(found.outcome, found.claim.title, found.reason)

Importing this package registers the reports that are understood; another is a file beside these and a line here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from synthdiff.checks.check import Evidence
from synthdiff.claims import audit, mostlyai, sdmetrics, synthcity, syntheval
from synthdiff.claims.claim import Claim, Examined, Recomputed, Source, answer
from synthdiff.claims.defects import Defect
from synthdiff.claims.reading import load
from synthdiff.errors import AuditError
from synthdiff.progress import SILENT, Progress

__all__ = ["Claim", "Defect", "Examined", "Recomputed", "Source", "examine", "read"]

_REPORTS = (audit, mostlyai, sdmetrics, synthcity, syntheval)


def read(path: str | Path) -> tuple[Claim, ...]:
    """The claims of a quality report.

    Parameters
    ----------
    path : str or Path
        A JSON file: what SDMetrics' ``get_score``, ``get_properties``, ``get_details`` and ``get_info`` return,
        mostlyai-qa's metrics, SynthEval's results, or a ``report.json`` of synthdiff.

    Returns
    -------
    tuple of Claim
        In the order of the file.

    Raises
    ------
    AuditError
        If the file is no such report, is a pickle, or holds what it must not; all mistakes together.
    """
    document = load(path)
    for member in Source.members.values():
        source = member()
        if source.recognises(document):
            return tuple(source.claims(document, str(path)))
    raise AuditError(
        "the file is no quality report that is known here",
        where=str(path),
        mend="known are " + "; ".join(member.summary().rstrip(".") for member in Source.members.values()),
    )


def examine(claims: Sequence[Claim], evidence: Evidence, progress: Progress = SILENT) -> tuple[Examined, ...]:
    """Recompute every claim from the data.

    Parameters
    ----------
    claims : sequence of Claim
        As :func:`read` returns them.
    evidence : Evidence
        The tables that the report is about; its seed is for draws of this examination's own.
    progress : Progress
        Where to report.

    Returns
    -------
    tuple of Examined
        One for each claim, in their order.
    """
    kinds = dict.fromkeys(claim.source for claim in claims)
    found: dict[int, Examined] = {}
    with progress.phase("claims", len(claims)) as phase:
        for kind in kinds:
            source = Source.build(kind)
            places = [place for place, claim in enumerate(claims) if claim.source == kind]
            answers = source.recompute([claims[place] for place in places], evidence)
            for place, recomputed in zip(places, answers, strict=True):
                found[place] = answer(claims[place], recomputed, source.defects(claims[place]))
                phase.advance()
    return tuple(found[place] for place in range(len(claims)))
