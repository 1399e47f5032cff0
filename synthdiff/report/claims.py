"""Claims: what somebody's quality report says, recomputed from the data, and what is wrong with its measures.

Each claim of an audit's answer holds ``title``, ``where`` (the keys that lead to it), ``claimed``, ``recomputed`` or
None, ``bounds`` or None, ``outcome``, ``reason``, and ``defects``, each with ``name``, ``reason``, ``source`` and
``instead``, the check that answers the question properly.
"""

from __future__ import annotations

from dataclasses import dataclass

from synthdiff.report import words
from synthdiff.report.exhibits.pieces import cell
from synthdiff.report.findings import URGENCY, Answer
from synthdiff.report.reading import Json, mapping, mappings
from synthdiff.report.words import Verdict, clean, span

_OUTCOMES = {
    "holds": Verdict(words.PASS, "✓", "Holds"),
    "does not hold": Verdict(words.FAIL, "✕", "Does not hold"),
    "cannot be recomputed": Verdict(words.UNSURE, "?", "Cannot be recomputed"),
}
_PLURAL = {"holds": "hold", "does not hold": "do not hold"}


@dataclass(frozen=True)
class Claim:
    """One claim as a row of the page; ``within`` are the bounds of a true figure, ``defects`` names."""

    title: str
    where: str
    claimed: str
    recomputed: str
    within: str
    verdict: Verdict
    reason: str
    defects: tuple[str, ...]


@dataclass(frozen=True)
class Defect:
    """What is wrong with a measure, how many claims rest on it, and which check to look at instead."""

    name: str
    reason: str
    source: str
    claims: int
    instead: Answer | None


def claims(audit: Json) -> list[Claim]:
    """The claims of an answer, those that do not hold first."""
    return sorted((_claim(one) for one in mappings(audit.get("claims"))), key=lambda one: URGENCY[one.verdict.key])


def _claim(claim: Json) -> Claim:
    within = span(claim.get("bounds"))
    return Claim(
        title=clean(claim.get("title") or "(no name)"),
        where=clean(claim.get("where") or ""),
        claimed=cell(claim.get("claimed")) or words.NONE,
        recomputed=cell(claim.get("recomputed")) or words.NONE,
        within="" if within == words.NONE else within,
        verdict=_OUTCOMES.get(str(claim.get("outcome")), words.single(None)),
        reason=clean(claim.get("reason") or ""),
        defects=tuple(clean(one.get("name") or "") for one in mappings(claim.get("defects"))),
    )


def defects(audit: Json, answers: list[Answer]) -> list[Defect]:
    """The defects of the claims' measures, each once, those that most claims rest on first."""
    several = [mappings(one.get("defects")) for one in mappings(audit.get("claims"))]
    known = {clean(one.get("name") or ""): mapping(one) for some in several for one in some}
    checks = {one.name: one for one in answers}
    found = [
        Defect(
            name=name,
            reason=clean(one.get("reason") or ""),
            source=clean(one.get("source") or ""),
            claims=sum(any(clean(each.get("name") or "") == name for each in some) for some in several),
            instead=checks.get(str(one.get("instead") or "")),
        )
        for name, one in known.items()
    ]
    return sorted(found, key=lambda one: (-one.claims, one.name))


def counted(several: list[Claim]) -> str:
    """How many hold and how many rest on a measure that is known to mislead, in a sentence or two."""
    said = []
    for name, verdict in _OUTCOMES.items():
        if n := sum(one.verdict == verdict for one in several):
            said.append(f"{n} {name if n == 1 else _PLURAL.get(name, name)}")
    flawed = sum(bool(one.defects) for one in several)
    rest = f" {flawed} of them {'rests' if flawed == 1 else 'rest'} on a measure with a known defect." if flawed else ""
    total = f"{len(several)} claim{'' if len(several) == 1 else 's'}"
    return f"{total}: {words.listed(said)}.{rest}" if said else f"{total}.{rest}"
