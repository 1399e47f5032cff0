"""Claim: one figure of somebody's quality report, and what recomputing it on the data shows.

Whether a figure is right and whether its measure means what its reader takes it to mean are two questions; each claim
is answered on both.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from synthdiff.checks.check import Evidence
from synthdiff.claims.defects import Defect
from synthdiff.parts import Part

FINE = 1e-4
"""Bounds that lie nearer together are not told."""

Outcome = Literal["holds", "does not hold", "cannot be recomputed"]

NOISE = 1e-9
"""What two correct computations of the same figure differ by at most, where nothing else is stated."""


@dataclass(frozen=True)
class Claim:
    """One figure of a report.

    Attributes
    ----------
    source : str
        The kind of the report: a member of :class:`Source`.
    where : str
        The keys that lead to the figure in the file.
    measure : str
        The source's own name for the measure.
    title : str
        What is claimed, for a reader.
    value : float
        The figure.
    decimals : int
        Digits behind the point that the report's figures carry; half a unit of the last one is rounding.
    subject : tuple of str
        The columns or estimates that it is about.
    context : mapping
        What else the report says that recomputing needs.
    """

    source: str
    where: str
    measure: str
    title: str
    value: float
    decimals: int
    subject: tuple[str, ...] = ()
    context: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def rounding(self) -> float:
        """How far the figure may be from the truth because it was rounded."""
        return 0.5 * 10.0**-self.decimals + NOISE


@dataclass(frozen=True)
class Recomputed:
    """What the data say about a claim.

    Attributes
    ----------
    value : float or None
        The figure itself; None where only bounds, or nothing, can be computed.
    low, high : float
        What a true claim may be: the value give or take what the measure leaves to chance, or bounds.
    reason : str
        By which definition and on what, or why there is no value.
    """

    value: float | None
    low: float
    high: float
    reason: str = ""

    @classmethod
    def exactly(cls, value: float, slack: float = 0.0, reason: str = "") -> Recomputed:
        """A figure, give or take ``slack``."""
        return cls(float(value), float(value) - slack, float(value) + slack, reason)

    @classmethod
    def between(cls, low: float, high: float, reason: str) -> Recomputed:
        """Bounds; a figure where they meet."""
        return cls(float(low) if low == high else None, float(low), float(high), reason)

    @classmethod
    def score(cls, reason: str) -> Recomputed:
        """A share or a score, from 0 to 1, of which no more can be said, and why."""
        return cls(None, 0.0, 1.0, reason)

    @classmethod
    def unknown(cls, reason: str) -> Recomputed:
        """Nothing, and why; an average leaves it out."""
        return cls(None, -math.inf, math.inf, reason)


def mean(several: Sequence[Recomputed], reason: str = "") -> Recomputed:
    """The mean of figures of which some may only be known within bounds."""
    if not several:
        return Recomputed.unknown(reason or "there is nothing to average")
    low, high = (sum(getattr(one, end) for one in several) / len(several) for end in ("low", "high"))
    values = [one.value for one in several if one.value is not None]
    value = sum(values) / len(several) if len(values) == len(several) else None
    return Recomputed(value, low, high, reason)


def nearest(stated: float, candidates: Iterable[Recomputed]) -> Recomputed:
    """Of several readings of what a report did not write down, the one that comes nearest to what it says."""
    return min(
        candidates, key=lambda one: math.inf if one.value is None else max(one.low - stated, stated - one.high, 0.0)
    )


@dataclass(frozen=True)
class Examined:
    """A claim with its answer.

    Attributes
    ----------
    claim : Claim
        What was claimed.
    outcome : Outcome
        Whether the figure is right.
    recomputed : float or None
        The figure as the data have it.
    bounds : tuple of float or None
        Within which a true figure lies, where chance or what is not known leaves room and the bounds say anything.
    reason : str
        Why, in plain words.
    defects : tuple of Defect
        Why the measure does not mean what it seems to, whether or not the figure is right.
    """

    claim: Claim
    outcome: Outcome
    recomputed: float | None
    bounds: tuple[float, float] | None
    reason: str
    defects: tuple[Defect, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "source": self.claim.source,
            "where": self.claim.where,
            "measure": self.claim.measure,
            "title": self.claim.title,
            "subject": list(self.claim.subject),
            "claimed": self.claim.value,
            "recomputed": self.recomputed,
            "bounds": list(self.bounds) if self.bounds else None,
            "outcome": self.outcome,
            "reason": self.reason,
            "defects": [defect.to_dict() for defect in self.defects],
        }


def answer(claim: Claim, found: Recomputed, defects: tuple[Defect, ...]) -> Examined:
    """Hold a claim against what was recomputed."""
    told = FINE < found.high - found.low < math.inf and (found.low, found.high) != (0.0, 1.0)
    bounds = (found.low, found.high) if told else None
    wrong = not found.low - claim.rounding <= claim.value <= found.high + claim.rounding
    outcome: Outcome = "does not hold" if wrong else "holds" if found.value is not None else "cannot be recomputed"
    said = {
        "holds": "",
        "does not hold": f"The report says {figure(claim.value)}; {_truth(found)}.",
        "cannot be recomputed": "" if bounds is None else f"It must lie {_range(found)}, and it does.",
    }[outcome]
    reason = " ".join(sentence for sentence in (said, found.reason) if sentence)
    return Examined(claim, outcome, found.value, bounds, reason, defects)


def _truth(found: Recomputed) -> str:
    if found.value is None:
        return f"it must lie {_range(found)}"
    spread = (found.high - found.low) / 2
    give_or_take = f", give or take {figure(spread)}" if 2 * spread > FINE else ""
    return f"recomputed from the data it is {figure(found.value)}{give_or_take}"


def _range(found: Recomputed) -> str:
    return f"between {figure(found.low)} and {figure(found.high)}"


def figure(value: float) -> str:
    """A figure as a sentence has it."""
    return f"{value:.5g}"


class Source(Part):
    """The family of reports whose claims can be examined."""

    def recognises(self, document: Any) -> bool:
        """Whether a file's content is such a report."""
        raise NotImplementedError

    def claims(self, document: Any, where: str) -> list[Claim]:
        """The claims of a report.

        Parameters
        ----------
        document : plain data
            The file's content.
        where : str
            The file, for errors.

        Raises
        ------
        AuditError
            With every key that is missing, unknown or holds what it must not.
        """
        raise NotImplementedError

    def recompute(self, claims: Sequence[Claim], evidence: Evidence) -> Iterator[Recomputed]:
        """What the data say about each claim, in order."""
        raise NotImplementedError

    def defects(self, claim: Claim) -> tuple[Defect, ...]:
        """What is known to be wrong with the claim's measure."""
        raise NotImplementedError


def decimals_of(values: Iterable[float]) -> int:
    """The digits behind the point that a report's figures carry.

    That is what the longest of them carries, and at least 2: in a report rounded to two decimals, 0.9 is 0.90.
    """
    longest = 2
    for value in values:
        text = f"{value:.15f}".rstrip("0")
        longest = max(longest, len(text.partition(".")[2]))
    return longest
