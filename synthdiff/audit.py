"""Audit: evidence to each check, findings back, a policy's bars held against them, one verdict.

The checks measure and this module judges, so that every check, whoever wrote it, is held to what the policy says and
to nothing else. A check joins an audit by being imported in its folder's ``__init__.py``.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from synthdiff.checks.check import Check, Estimate, Evidence, Finding, Reference
from synthdiff.errors import AuditError
from synthdiff.evidence import gather
from synthdiff.policy import Bar, End, Judgement, Policy, Verdict, nearest
from synthdiff.progress import SILENT, Progress
from synthdiff.report.words import bar as in_words, estimate_label, listed, with_interval
from synthdiff.schema import Schema

FORMAT = "synthdiff-audit/1"

ALIASES: Mapping[str, str] = {"membership_inference": "membership"}
"""Other names by which people ask a report for a check."""

VOID = "blind_auc"
"""The estimate whose bar decides whether the attacks mean anything."""


@dataclass(frozen=True)
class Judged:
    """One bar with what was measured for it.

    Attributes
    ----------
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
    """

    check: Check
    estimates: Mapping[str, Estimate]
    bars: Mapping[str, Judged]
    reason: str
    detail: Mapping[str, Any]

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
            "aspect": self.check.aspect,
            "source": self.check.source,
            "title": title(self.check),
            "reference": asdict(self.reference) if self.reference else None,
            "verdict": self.verdict,
            "gating": self.gating,
            "reason": self.reason,
            "bars": {name: asdict(bar) for name, bar in self.bars.items()},
            "estimates": {name: asdict(estimate) for name, estimate in self.estimates.items()},
            "detail": self.detail,
        }


@dataclass(frozen=True)
class AuditReport:
    """What an audit found, and the verdict.

    ``report["membership"]`` is one check's :class:`Answer`.

    Attributes
    ----------
    verdict : Verdict
        ``"fail"`` when a required bar is missed, else ``"inconclusive"`` when one cannot be decided, else ``"pass"``.
    headline : str
        The verdict and why, in plain words.
    policy : Policy
        What was required.
    answers : mapping of str to Answer
        By the check's name.
    data : mapping
        Rows, columns and kinds; no record.
    seed : int
        The audit's randomness.
    name : str or None
        What was audited.
    """

    verdict: Verdict
    headline: str
    policy: Policy
    answers: Mapping[str, Answer]
    data: Mapping[str, Any]
    seed: int
    name: str | None = None

    def __getitem__(self, name: str) -> Answer:
        known = ALIASES.get(name, name)
        if known not in self.answers:
            raise AuditError(
                f"the audit holds no check {name!r}{nearest(name, self.answers)}",
                mend=f"it holds {', '.join(self.answers)}",
            )
        return self.answers[known]

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON, in the form that ``report.json`` has."""
        policy = self.policy
        plain: dict[str, Any] = json.loads(
            json.dumps(
                {
                    "format": FORMAT,
                    "name": self.name,
                    "verdict": self.verdict,
                    "headline": self.headline,
                    "policy": {
                        "name": policy.name,
                        "sha256": policy.sha256,
                        "require": policy.require,
                        "purpose": policy.purpose,
                    },
                    "data": self.data,
                    "environment": {
                        "synthdiff": metadata.version("synthdiff"),
                        "python": ".".join(platform.python_version_tuple()[:2]),
                    },
                    "seed": self.seed,
                    "checks": {name: answer.to_dict() for name, answer in self.answers.items()},
                },
                allow_nan=False,
            )
        )
        return plain

    def save(self, path: str | Path) -> Path:
        """Write the report as ``.html``, one page that opens offline, or as ``.json``.

        Raises
        ------
        AuditError
            If the file's ending is neither.
        """
        file = Path(path)
        if file.suffix == ".json":
            file.write_text(json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        elif file.suffix == ".html":
            from synthdiff.report.page import render

            file.write_text(render(self.to_dict()), encoding="utf-8")
        else:
            raise AuditError(
                f"a report cannot be written as {file.suffix or 'a file without an ending'}",
                where=str(path),
                mend="end the name in .html or .json",
            )
        return file


def audit(
    real: pd.DataFrame,
    synthetic: pd.DataFrame,
    holdout: pd.DataFrame | None = None,
    *,
    schema: Schema | None = None,
    policy: str | Path | Policy = "share-under-agreement",
    checks: Sequence[str | Mapping[str, Any] | Check] | None = None,
    random_state: int = 0,
    name: str | None = None,
    progress: Progress = SILENT,
) -> AuditReport:
    """Judge synthetic records, whoever made them.

    Parameters
    ----------
    real : DataFrame
        The records that the generator was fitted on.
    synthetic : DataFrame
        The records under audit.
    holdout : DataFrame, optional
        Real records, of other people, that the generator never saw. Without them no attack has a control, and what
        needs one is not answered.
    schema : Schema, optional
        What the columns are; by default inferred from ``real``.
    policy : str, Path or Policy
        What the evidence must show: the name of a policy that comes with synthdiff, a YAML file, or the policy itself.
    checks : sequence, optional
        Which checks to run, by name, by mapping with ``kind``, or themselves; by default all there are.
    random_state : int
        Same seed, same report.
    name : str, optional
        What the report calls the data.
    progress : Progress
        Where to report.

    Returns
    -------
    AuditReport

    Raises
    ------
    AuditError
        If the tables do not go together, or the policy or a check is not known.
    """
    asked = questions(checks)
    rules = policy if isinstance(policy, Policy) else Policy.load(policy)
    rules.must_know(known_estimates())
    evidence = gather(real, synthetic, holdout, schema, random_state)
    findings: dict[str, Finding] = {}
    with progress.phase("audit", len(asked)) as phase:
        for check in asked:
            findings[kind(check)] = check.run(evidence)
            phase.advance()
    answers = {kind(check): judge(check, findings[kind(check)], rules) for check in asked}
    verdict, headline = conclude(rules, answers)
    return AuditReport(verdict, headline, rules, answers, _facts(evidence), random_state, name)


def questions(checks: Sequence[str | Mapping[str, Any] | Check] | None) -> list[Check]:
    """The checks that were asked for, all that are known by default."""
    if checks is None:
        return [member() for member in Check.members.values()]
    built = []
    for spec in checks:
        if isinstance(spec, Check):
            built.append(spec)
            continue
        settings = {"kind": spec} if isinstance(spec, str) else dict(spec)
        wanted = str(settings.get("kind"))
        settings["kind"] = ALIASES.get(wanted, wanted)
        if settings["kind"] not in Check.members:
            raise AuditError(
                f"no check is called {wanted!r}{nearest(wanted, Check.members)}",
                mend=f"known: {', '.join(Check.members)}",
            )
        built.append(Check.build(settings))
    return built


def known_estimates() -> list[str]:
    """The names of all estimates that a policy may have a bar for: those for which a check has one of its own."""
    return list(dict.fromkeys(name for member in Check.members.values() for name in member.bars))


def kind(check: Check) -> str:
    """The name of a check."""
    return str(check.model_dump()["kind"])


def title(check: Check) -> str:
    """The name of a check for a reader."""
    return kind(check).replace("_", " ").capitalize()


def judge(check: Check, finding: Finding, policy: Policy) -> Answer:
    """Hold a finding against the policy's bars, and against the check's own where the policy has none."""
    required = policy.bars
    own: dict[str, tuple[Bar, End]] = {
        name: (Bar.parse(text, where=f"check {kind(check)!r}"), "bad") for name, text in check.bars.items()
    }
    bars = {}
    for name, (bar, end) in (own | {name: found for name, found in required.items() if name in own}).items():
        estimate = finding.estimates.get(name)
        judgement = Judgement("inconclusive", None) if estimate is None else bar.judge(estimate, end)
        bars[name] = Judged(
            bar=bar.text,
            limit=judgement.limit,
            value=estimate.value if estimate else None,
            interval=estimate.interval if estimate else None,
            n=estimate.n if estimate else 0,
            reference=estimate.reference if estimate else None,
            verdict=judgement.verdict,
            gating=name in required,
            n_needed=judgement.n_needed,
        )
    said = [finding.reason, *(_against(name, bar) for name, bar in bars.items() if bar.gating)]
    return Answer(check, finding.estimates, bars, " ".join(said), finding.detail)


def _against(name: str, bar: Judged) -> str:
    """How one required bar stands, as a sentence."""
    label, demand = estimate_label(name), in_words(bar.bar)
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
    unasked = [name for name in policy.bars if name not in judged]
    verdicts = [bar.verdict for bar in judged.values()]
    verdict = together(verdicts if not unasked else [*verdicts, "inconclusive"])
    failed = [_short(name, bar) for name, bar in judged.items() if bar.verdict == "fail"]
    if verdict == "fail":
        if judged.get(VOID) is not None and judged[VOID].verdict == "fail":
            return verdict, (
                "Void: the training and the held-out people differ by themselves, so the attacks show nothing: "
                f"{'; '.join(failed)}. Split the data at random, by person, and audit again."
            )
        return verdict, f"Failed: {'; '.join(failed)}."
    if verdict == "pass":
        return verdict, f"Passed: all {len(judged)} bars of the policy {policy.name} are met."
    open_bars = {name: bar for name, bar in judged.items() if bar.verdict == "inconclusive"}
    few = [_short(name, bar) for name, bar in open_bars.items() if bar.value is not None]
    silent = [name for name, bar in open_bars.items() if bar.value is None] + unasked
    said = [f"too few records to tell for {'; '.join(few)}"] if few else []
    said += [f"not measured: {listed(estimate_label(name) for name in silent)}"] if silent else []
    return verdict, f"Undecided: {'; '.join(said)}."


def _short(name: str, bar: Judged) -> str:
    needed = f", about {bar.n_needed:,} records would do" if bar.n_needed else ""
    return f"{estimate_label(name)} {with_interval(bar.value, bar.interval)}, required {in_words(bar.bar)}{needed}"


def _facts(evidence: Evidence) -> dict[str, Any]:
    target = evidence.schema.target
    return {
        "train_rows": len(evidence.train),
        "holdout_rows": 0 if evidence.holdout is None else len(evidence.holdout),
        "synthetic_rows": len(evidence.synthetic),
        "columns": len(evidence.schema.columns),
        "target": target.name if target else None,
        "kinds": {column.name: column.kind for column in evidence.schema},
    }
