"""Audit: evidence to each check, findings back, a policy's bars held against them, one verdict.

The checks measure and this module judges, so that every check, whoever wrote it, is held to what the policy says and
to nothing else. A check joins an audit by being imported in its folder's ``__init__.py``.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthdiff.checks.check import Check, Evidence, Losses, Matter
from synthdiff.claims import Claim, Examined, examine
from synthdiff.errors import AuditError
from synthdiff.evidence import gather, gather_images
from synthdiff.generator import Generator
from synthdiff.planes import gallery, pair
from synthdiff.policy import Policy, Verdict, nearest
from synthdiff.progress import SILENT, Progress
from synthdiff.schema import Schema
from synthdiff.seeds import numpy_generator
from synthdiff.verdict import Answer, conclude, judge, kind
from synthdiff.voxels import Volume

FORMAT = "synthdiff-audit/1"

MULTIPLICITY = (
    "All bars must be met, each by the bad end of its 95 % interval, so passing needs no correction. A bar counts as "
    "missed only when an interval widened for the number of bars (Bonferroni) misses it, so that a gate of many bars "
    "refuses good data by chance in at most 5 of 100 audits; what lies in between is undecided."
)

ASKED = 1_000
"""Real records of either side, at most, that a model is asked how well it knows."""

ALIASES: Mapping[str, str] = {"membership_inference": "membership"}
"""Other names by which people ask a report for a check."""


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
    claims : tuple of Examined
        What somebody's quality report says, held against the data.
    """

    verdict: Verdict
    headline: str
    policy: Policy
    answers: Mapping[str, Answer]
    data: Mapping[str, Any]
    seed: int
    name: str | None = None
    claims: tuple[Examined, ...] = ()

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
                        "comparisons": len(policy.require),
                        "multiplicity": MULTIPLICITY,
                    },
                    "data": self.data,
                    "environment": {
                        "synthdiff": metadata.version("synthdiff"),
                        "python": ".".join(platform.python_version_tuple()[:2]),
                    },
                    "seed": self.seed,
                    "checks": {name: answer.to_dict() for name, answer in self.answers.items()},
                    "claims": [examined.to_dict() for examined in self.claims],
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

    def save_for_custodian(
        self, path: str | Path, real: pd.DataFrame | Sequence[Volume], synthetic: pd.DataFrame | Sequence[Volume]
    ) -> Path:
        """Write the page of the records that the checks are concerned about, which names people and must not leave.

        Parameters
        ----------
        path : str or Path
            An HTML file; only its owner may read it.
        real, synthetic : DataFrame or sequence of Volume
            The tables, or the images, that were audited.
        """
        from synthdiff.report.custodian import render_custodian

        concerns = {name: [asdict(one) for one in answer.concerns] for name, answer in self.answers.items()}
        records, pictures = {}, {}
        if isinstance(real, pd.DataFrame) and isinstance(synthetic, pd.DataFrame):
            records = {
                (side, place): {
                    str(name): str(cells.iloc[place]) for name, cells in frame.items() if pd.notna(cells.iloc[place])
                }
                for side, frame in (("real", real), ("synthetic", synthetic))
                for place in {one[side] for several in concerns.values() for one in several} - {None}
            }
        elif not isinstance(real, pd.DataFrame) and not isinstance(synthetic, pd.DataFrame):
            places = {(one["synthetic"], one["real"]) for several in concerns.values() for one in several}
            pictures = {place: pair(real[place[1]], synthetic[place[0]]) for place in places if None not in place}
        file = Path(path)
        file.touch(mode=0o600)
        file.chmod(0o600)
        file.write_text(render_custodian(self.to_dict(), concerns, records, pictures=pictures), encoding="utf-8")
        return file


def audit(
    real: pd.DataFrame,
    synthetic: pd.DataFrame,
    holdout: pd.DataFrame | None = None,
    *,
    schema: Schema | None = None,
    policy: str | Path | Policy = "share-under-agreement",
    checks: Sequence[str | Mapping[str, Any] | Check] | None = None,
    claims: Sequence[Claim] = (),
    model: Generator | None = None,
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
    claims : sequence of Claim
        What somebody's quality report says about these data (:func:`synthdiff.claims.read`), to be examined.
    model : Generator, optional
        What made the records, to be attacked, too.
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
    asked = questions(checks, model=model is not None)
    rules = _rules(policy)
    evidence = gather(real, synthetic, holdout, schema, random_state)
    evidence = replace(evidence, losses=losses_of(model, evidence.train, evidence.holdout, random_state))
    answers = _answers(asked, evidence, rules, progress)
    verdict, headline = conclude(rules, answers)
    examined = examine(claims, evidence, progress) if claims else ()
    return AuditReport(verdict, headline, rules, answers, _facts(evidence), random_state, name, examined)


def audit_images(
    real: Sequence[Volume],
    synthetic: Sequence[Volume],
    holdout: Sequence[Volume] | None = None,
    *,
    policy: str | Path | Policy = "share-images",
    checks: Sequence[str | Mapping[str, Any] | Check] | None = None,
    model: Generator | None = None,
    random_state: int = 0,
    name: str | None = None,
    progress: Progress = SILENT,
) -> AuditReport:
    """Judge synthetic images, whoever made them; the arguments are those of :func:`audit`.

    Raises
    ------
    AuditError
        If the images do not go together, or the policy or a check is not known.
    """
    asked = questions(checks, "images", model=model is not None)
    rules = _rules(policy)
    evidence = gather_images(real, synthetic, holdout, random_state)
    evidence = replace(evidence, losses=losses_of(model, real, holdout, random_state))
    answers = _answers(asked, evidence, rules, progress)
    verdict, headline = conclude(rules, answers)
    # A copy of a real image must not be looked at by whoever reads the report.
    searched = answers.get("memorisation")
    hidden = searched is None or not searched.estimates or searched.verdict == "fail"
    named = {concern.synthetic for concern in searched.concerns} if searched is not None else set()
    shown = [] if hidden else [volume for place, volume in enumerate(synthetic) if place not in named]
    first, maps = synthetic[0], [volume.labels for volume in synthetic if volume.labels is not None]
    facts = _facts(evidence) | {
        "images": {
            "modality": first.modality,
            "units": first.units,
            "shape": list(first.array.shape),
            "spacing": list(first.spacing),
            "labels": sorted({int(level) for labels in maps for level in np.unique(labels)} - {0}),
        },
        "gallery": gallery(shown),
    }
    return AuditReport(verdict, headline, rules, answers, facts, random_state, name)


def _rules(policy: str | Path | Policy) -> Policy:
    rules = policy if isinstance(policy, Policy) else Policy.load(policy)
    rules.must_know(known_estimates())
    return rules


def _answers(asked: Sequence[Check], evidence: Evidence, rules: Policy, progress: Progress) -> dict[str, Answer]:
    """Every check's finding, judged."""
    findings = {}
    with progress.phase("audit", len(asked)) as phase:
        for check in asked:
            findings[kind(check)] = check.run(evidence)
            phase.advance()
    return {kind(check): judge(check, findings[kind(check)], rules) for check in asked}


def losses_of(model: Generator | None, train: Any, holdout: Any, seed: int) -> Losses | None:
    """The model's losses of real records, of :data:`ASKED` of either side at most."""
    if model is None or holdout is None:
        return None
    draw = numpy_generator(seed, "losses")

    def some(records: Any) -> Any:
        chosen = np.sort(draw.permutation(len(records))[:ASKED])
        return records.iloc[chosen] if isinstance(records, pd.DataFrame) else [records[place] for place in chosen]

    return Losses(model.losses(some(train)), model.losses(some(holdout)))


def questions(
    checks: Sequence[str | Mapping[str, Any] | Check] | None, matter: Matter = "table", *, model: bool = False
) -> list[Check]:
    """The checks that were asked for; by default all that are known about tables, or about images.

    Those about the model are asked where there is one.
    """
    if checks is None:
        known = [member for member in Check.members.values() if member.matter in (matter, "any")]
        return [member() for member in known if model or not member.needs_model]
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
