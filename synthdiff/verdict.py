"""Verdict: findings held against bars, what each check's answer comes to, and the sentence over the whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from synthdiff.checks.check import Check, Concern, Estimate, Finding, Reference
from synthdiff.policy import Bar, End, Judgement, Policy, Verdict
from synthdiff.report.words import bar as in_words, listed, with_interval

VOID = "blind_auc"
"""The estimate whose bar decides whether the attacks mean anything."""


@dataclass(frozen=True)
class Judged:
    """One bar with what was measured for it.

    Attributes
    ----------
    label : str
        What a reader calls the estimate.
    bar : str
        As the policy or the check writes it.
    limit : float or None
        The number that it comes to.
    value, interval, n, reference
        The estimate; None, None, 0 and None when the check has no answer.
    verdict : Verdict
        How the estimate stands to the bar.
    gating : bool
        Whether the policy requires it; other bars are the check's own and decide nothing.
    n_needed : int or None
        When inconclusive: about how many records would decide it.
    """

    label: str
    bar: str
    limit: float | None
    value: float | None
    interval: tuple[float, float] | None
    n: int
    reference: Reference | None
    verdict: Verdict
    gating: bool
    n_needed: int | None


@dataclass(frozen=True)
class Answer:
    """A check's answer, judged.

    Attributes
    ----------
    check : Check
        The question.
    estimates : mapping of str to Estimate
        By name; the first is the headline. Empty when there is no answer.
    bars : mapping of str to Judged
        By the estimate's name.
    reason : str
        What was found and how it stands to the bars.
    detail : mapping
        Plain data for the report's figures.
    concerns : tuple of Concern
        For the custodian alone; not in :meth:`to_dict`.
    spared : frozenset of str
        Estimates that no bar is held against, as the data leave nothing to ask by them.
    """

    check: Check
    estimates: Mapping[str, Estimate]
    bars: Mapping[str, Judged]
    reason: str
    detail: Mapping[str, Any]
    concerns: tuple[Concern, ...] = ()
    spared: frozenset[str] = frozenset()

    @property
    def estimate(self) -> str | None:
        """The headline estimate's name."""
        return next(iter(self.estimates), None)

    @property
    def value(self) -> float | None:
        """The headline estimate's value."""
        return self.estimates[self.estimate].value if self.estimate else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The headline estimate's 95 % interval."""
        return self.estimates[self.estimate].interval if self.estimate else None

    @property
    def n(self) -> int:
        """The records behind the headline estimate."""
        return self.estimates[self.estimate].n if self.estimate else 0

    @property
    def reference(self) -> Reference | None:
        """What real data score."""
        return self.estimates[self.estimate].reference if self.estimate else None

    @property
    def gating(self) -> bool:
        """Whether the policy requires a bar of this check."""
        return any(bar.gating for bar in self.bars.values())

    @property
    def verdict(self) -> Verdict:
        """That of the bars which the policy requires; where it requires none, that of the check's own."""
        deciding = [bar.verdict for bar in self.bars.values() if bar.gating == self.gating]
        return together(deciding) if self.estimates else "inconclusive"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "value": self.value,
            "interval": self.interval,
            "n": self.n,
            "estimate": self.estimate,
            "unit": self.check.unit,
            "direction": self.check.direction,
            "settings": self.check.model_dump(mode="json", exclude={"kind"}),
            "aspect": self.check.aspect,
            "source": self.check.source,
            "title": self.check.title,
            "reference": asdict(self.reference) if self.reference else None,
            "verdict": self.verdict,
            "gating": self.gating,
            "reason": self.reason,
            "bars": {name: asdict(bar) for name, bar in self.bars.items()},
            "estimates": {name: asdict(estimate) for name, estimate in self.estimates.items()},
            "spared": sorted(self.spared),
            "terms": {
                name: {"label": label, "meaning": meaning} for name, (label, meaning) in self.check.terms.items()
            },
            "detail": self.detail,
        }


def judge(check: Check, finding: Finding, policy: Policy) -> Answer:
    """Hold a finding against the policy's bars, and against the check's own where the policy has none."""
    required = policy.bars
    own: dict[str, tuple[Bar, End]] = {
        name: (Bar.parse(text, where=f"check {kind(check)!r}"), "bad") for name, text in check.bars.items()
    }
    # What a policy requires is spared only if it requires something else of the same check that was measured.
    spared = finding.moot if required.keys() & finding.estimates.keys() else finding.moot - required.keys()
    bars = {}
    for name, (bar, end) in (own | {name: found for name, found in required.items() if name in own}).items():
        if name in spared:
            continue
        estimate, gating = finding.estimates.get(name), name in required
        judgement = Judgement("inconclusive", None)
        if estimate is not None:
            judgement = bar.judge(estimate, end, len(required) if gating else 1)
        bars[name] = Judged(
            label=check.terms[name][0],
            bar=bar.text,
            limit=judgement.limit,
            value=estimate.value if estimate else None,
            interval=estimate.interval if estimate else None,
            n=estimate.n if estimate else 0,
            reference=estimate.reference if estimate else None,
            verdict=judgement.verdict,
            gating=gating,
            n_needed=judgement.n_needed,
        )
    said = [finding.reason, *(_against(bar) for bar in bars.values() if bar.gating)]
    return Answer(check, finding.estimates, bars, " ".join(said), finding.detail, finding.concerns, spared)


def _against(bar: Judged) -> str:
    """How one required bar stands, as a sentence."""
    label, demand = bar.label, in_words(bar.bar)
    if bar.value is None:
        return f"{label}: required {demand}, not measured."
    found = with_interval(bar.value, bar.interval)
    if bar.verdict == "inconclusive":
        more = "real data could not be scored in its place" if bar.limit is None else "too few records to tell"
        needed = f"; about {bar.n_needed:,} instead of {bar.n:,} would" if bar.n_needed else ""
        return f"{label}: required {demand}, found {found}: {more}{needed}."
    return f"{label}: required {demand}, found {found}: {'met' if bar.verdict == 'pass' else 'not met'}."


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """One verdict of several: the worst."""
    several = set(verdicts)
    return "fail" if "fail" in several else "inconclusive" if "inconclusive" in several or not several else "pass"


def conclude(policy: Policy, answers: Mapping[str, Answer]) -> tuple[Verdict, str]:
    """The verdict over all required bars, and the sentence that says why."""
    judged = {name: bar for answer in answers.values() for name, bar in answer.bars.items() if bar.gating}
    spared = {name for answer in answers.values() for name in answer.spared}
    unasked = [name for name in policy.bars if name not in judged and name not in spared]
    verdicts = [bar.verdict for bar in judged.values()]
    verdict = together(verdicts if not unasked else [*verdicts, "inconclusive"])
    failed = [_short(bar) for bar in judged.values() if bar.verdict == "fail"]
    if verdict == "fail":
        if judged.get(VOID) is not None and judged[VOID].verdict == "fail":
            return verdict, (
                "Void: the training and the held-out people differ by themselves, so the attacks show nothing: "
                f"{'; '.join(failed)}. Split the data at random, by person, and audit again."
            )
        return verdict, f"Failed: {'; '.join(failed)}."
    if verdict == "pass":
        return verdict, f"Passed: all {len(judged)} bars of the policy {policy.name} are met."
    undecided = [bar for bar in judged.values() if bar.verdict == "inconclusive"]
    few = [_short(bar) for bar in undecided if bar.value is not None]
    silent = [bar.label for bar in undecided if bar.value is None] + [name.replace("_", " ") for name in unasked]
    said = [f"too few records to tell for {'; '.join(few)}"] if few else []
    said += [f"not measured: {listed(silent)}"] if silent else []
    return verdict, f"Undecided: {'; '.join(said)}."


def _short(bar: Judged) -> str:
    needed = f", about {bar.n_needed:,} records would do" if bar.n_needed else ""
    return f"{bar.label} {with_interval(bar.value, bar.interval)}, required {in_words(bar.bar)}{needed}"


def kind(check: Check) -> str:
    """The name of a check."""
    return str(check.model_dump()["kind"])
