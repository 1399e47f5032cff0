"""Our own report.json: every estimate computed again, with the report's seed.

The settings of checks are their defaults where the report does not state them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from pydantic import ValidationError

import synthdiff.checks  # noqa: F401  registers the checks that a report may hold
from synthdiff.checks.check import Check, Evidence, Finding
from synthdiff.claims import defects
from synthdiff.claims.claim import Claim, Recomputed, Source
from synthdiff.claims.defects import Defect
from synthdiff.claims.reading import Reader
from synthdiff.errors import SynthdiffError

FORMAT = "synthdiff-audit/1"

DIGITS = 15
"""To which figures are written."""

ROWS = {"train_rows": "Training rows", "holdout_rows": "Held-out rows", "synthetic_rows": "Synthetic rows"}

RELATIVE = 1e-6
"""What figures of the same data, seed and version differ by between machines, at most."""

_DEFECTS: Mapping[str, tuple[Defect, ...]] = {"dcr": (defects.DCR,)}


class Audit(Source):
    """synthdiff's own report.json."""

    kind: Literal["synthdiff"] = "synthdiff"

    def recognises(self, document: Any) -> bool:
        """By its format."""
        return isinstance(document, Mapping) and str(document.get("format", "")).startswith("synthdiff-audit/")

    def claims(self, document: Any, where: str) -> list[Claim]:
        """The rows, and each estimate's value, ends, count and reference."""
        reader = Reader(where)
        if document["format"] != FORMAT:
            reader.wrong("format", document["format"], FORMAT)
        # Not by way of a float, which cannot tell long seeds apart.
        seed = document.get("seed")
        if isinstance(seed, bool) or not isinstance(seed, int):
            reader.wrong("seed", seed, "the whole number that the audit was run with")
        checks = reader.mapping(document.get("checks"), "checks")
        data = reader.mapping(document.get("data", {}), "data")
        context = {
            "seed": seed,
            "kinds": reader.mapping(data.get("kinds", {}), "data.kinds"),
            "settings": {
                name: found.get("settings", {}) for name, found in checks.items() if isinstance(found, Mapping)
            },
        }
        claims = [
            Claim("synthdiff", f"data.{key}", key, title, value, DIGITS, (), context)
            for key, title in ROWS.items()
            if (value := reader.number(data.get(key), f"data.{key}", 0)) is not None
        ]
        for name, found in checks.items():
            for key, estimate, content in _estimates(reader, name, reader.mapping(found, f"checks.{name}")):
                for part, value in _figures(reader, content, key):
                    title = _title(name, estimate, part)
                    claims.append(
                        Claim("synthdiff", f"{key}.{part}", name, title, value, DIGITS, (estimate, part), context)
                    )
        reader.finish()
        return claims

    def recompute(self, claims: Sequence[Claim], evidence: Evidence) -> Iterator[Recomputed]:
        """Run each check once, as the report did."""
        tables = {"train_rows": evidence.train, "holdout_rows": evidence.holdout, "synthetic_rows": evidence.synthetic}
        findings: dict[str, Finding | str] = {}
        for claim in claims:
            if claim.measure in tables:
                table = tables[claim.measure]
                yield (
                    Recomputed.unknown("No held-out records are given.")
                    if table is None
                    else Recomputed.exactly(len(table))
                )
                continue
            if claim.measure not in findings:
                findings[claim.measure] = _run(claim, evidence)
            yield _found(findings[claim.measure], claim.subject)

    def defects(self, claim: Claim) -> tuple[Defect, ...]:
        """What we say of our own measures."""
        return _DEFECTS.get(claim.measure, ())


def _estimates(reader: Reader, name: str, answer: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Every place of an answer that states an estimate: its keys, the estimate's name and what is stated."""
    headline = answer.get("estimate")
    if isinstance(headline, str):
        yield f"checks.{name}", headline, answer
    for group in ("estimates", "bars"):
        for estimate, content in reader.mapping(answer.get(group, {}), f"checks.{name}.{group}").items():
            key = f"checks.{name}.{group}.{estimate}"
            yield key, estimate, reader.mapping(content, key)


PARTS = {
    "value": "",
    "n": ", records behind it",
    "interval[0]": ", lower end",
    "interval[1]": ", upper end",
    "reference.value": ", real data",
    "reference.interval[0]": ", real data, lower end",
    "reference.interval[1]": ", real data, upper end",
}
"""What a reader calls the figures of an estimate."""


def _title(name: str, estimate: str, part: str) -> str:
    member = Check.members.get(name)
    label = member.terms[estimate][0] if member is not None and estimate in member.terms else estimate
    return f"{member.title if member is not None else name}: {label}{PARTS[part]}"


def _figures(reader: Reader, content: Mapping[str, Any], key: str) -> Iterator[tuple[str, float]]:
    """The numbers of an estimate with the keys that lead to them."""
    reference = content.get("reference")
    nested = {"": content, "reference.": {} if reference is None else reader.mapping(reference, f"{key}.reference")}
    parts: dict[str, Any] = {}
    for prefix, place in nested.items():
        parts[f"{prefix}value"] = place.get("value")
        interval = place.get("interval", [None, None])
        if interval is not None and not (isinstance(interval, list) and len(interval) == 2):
            reader.wrong(f"{key}.{prefix}interval", interval, "two numbers")
        elif interval is not None:
            parts |= {f"{prefix}interval[{i}]": end for i, end in enumerate(interval)}
    # Where nothing was measured, that no record is behind it is no figure.
    parts["n"] = None if content.get("value") is None else content.get("n")
    for part, found in parts.items():
        value = reader.number(found, f"{key}.{part}")
        if value is not None:
            yield part, value


def _run(claim: Claim, evidence: Evidence) -> Finding | str:
    """The check's finding on the evidence, or why there is none."""
    name = claim.measure
    if name not in Check.members:
        return f"This version has no check {name!r}."
    differing = [
        column.name for column in evidence.schema if claim.context["kinds"].get(column.name, column.kind) != column.kind
    ]
    if differing:
        return f"The report takes {', '.join(map(repr, differing))} for columns of another kind; give its recipe."
    try:
        check = Check.members[name](**claim.context["settings"].get(name, {}))
        return check.run(replace(evidence, seed=claim.context["seed"]))
    except ValidationError:
        return f"The report's settings of {name!r} are not known to this version."
    except SynthdiffError as error:
        return f"The check cannot be run on the tables given: {error.what}"


def _found(finding: Finding | str, subject: tuple[str, ...]) -> Recomputed:
    """The part of a finding that a claim is about."""
    if isinstance(finding, str):
        return Recomputed.unknown(finding)
    name, part = subject
    estimate = finding.estimates.get(name)
    if estimate is None:
        return Recomputed.unknown(f"On the tables given there is no such estimate: {finding.reason}")
    holder: Any = estimate.reference if part.startswith("reference.") else estimate
    if holder is None:
        return Recomputed.unknown(
            "On the tables given there is no reference; the report may have had held-out records."
        )
    key, _, position = part.removeprefix("reference.").partition("[")
    value = float(getattr(holder, key)[int(position[0])] if position else getattr(holder, key))
    return Recomputed.exactly(value, RELATIVE * max(1e-3, abs(value)) if math.isfinite(value) else 0.0)
