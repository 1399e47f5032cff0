"""Summary: what the first pages show of an audit, before any evidence: what stands against the data, and the worst."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from synthdiff.report import findings, words
from synthdiff.report.blocks import Table
from synthdiff.report.exhibits.fidelity import worst_columns
from synthdiff.report.exhibits.pieces import sheet
from synthdiff.report.findings import Answer, Requirement
from synthdiff.report.reading import Json, finite, mapping, mappings
from synthdiff.report.words import Verdict, count

WORST = 10
"""Columns, pairs and subgroups on the first pages."""


@dataclass(frozen=True)
class Reason:
    """One thing that stands against handing the data out."""

    verdict: Verdict
    anchor: str
    title: str
    text: str
    required: bool


def reasons(answers: list[Answer], required: list[Requirement], noun: str) -> list[Reason]:
    """What stands against the data, made of ``noun``s: required checks first, then what is only worth knowing."""
    against = [one for one in required if one.verdict.key != words.PASS]
    anchors = {one.anchor for one in against}
    blocking = [
        _reason(one, True)
        for one in answers
        if one.anchor in anchors or (one.gating and one.verdict.key in (words.FAIL, words.UNSURE))
    ]
    blocking.sort(key=lambda one: findings.URGENCY[one.verdict.key])
    unmeasured = [one.label for one in against if not one.anchor]
    if unmeasured:
        text = f"{words.listed(unmeasured)}."
        blocking.append(Reason(words.single(words.UNSURE), "", "Required, but measured by no check", text, True))
    shown = {one.anchor for one in blocking}
    rest = [one for one in answers if one.anchor not in shown and one.verdict.key == words.FAIL]
    return blocking + [_reason(one, False) for one in rest] + list(_too_good(answers, noun))


def _reason(answer: Answer, required: bool) -> Reason:
    """What was found in one sentence; where nothing was found, all of why and what would do."""
    text = re.split(r"(?<=[.!?])\s+(?=[A-Z])", answer.reason)[0] if answer.answered else answer.reason
    return Reason(answer.verdict, answer.anchor, answer.title, text, required)


def _too_good(answers: list[Answer], noun: str) -> Iterator[Reason]:
    for one in answers:
        if one.figures and one.figures[0].suspicious:
            figure = one.figures[0]
            text = (
                f"{figure.label} {figure.said} is better than what real data score, {figure.reference}. "
                f"{noun.capitalize()}s that were copied do that, fresh ones do not: look at the privacy figures."
            )
            yield Reason(words.single(None), one.anchor, f"{one.title}: too good", text, False)


def worst(audit: Json) -> list[Table]:
    """The worst columns, pairs of columns and subgroups, each list with the worst first."""
    checks = mapping(audit.get("checks"))
    detail = {name: mapping(mapping(check).get("detail")) for name, check in checks.items()}
    found = [
        _columns(mapping(checks.get("shape"))),
        _pairs(detail.get("trend", {})),
        _groups(detail.get("subgroups", {})),
    ]
    return [table for table in found if table is not None]


def _caption(what: str, shown: int, of: int) -> str:
    return f"The {shown} worst of {count(of)} {what}" if shown < of else f"All {count(of)} {what}, the worst first"


def _columns(check: Json) -> Table | None:
    columns = worst_columns(check)
    rows = tuple((one.name, one.said, one.against, one.gap) for one in columns[:WORST])
    head = ("Column", "Error (95 % interval)", "Real data score", "Largest gap")
    return Table(_caption("columns", len(rows), len(columns)), head, rows, frozenset({1, 2})) if rows else None


def _pairs(detail: Json) -> Table | None:
    pairs = mappings(detail.get("worst"))[:WORST]
    rows = [{**pair, "pair": words.listed(words.name(pair.get(side)) for side in ("a", "b"))} for pair in pairs]
    heads = {
        "pair": "Columns",
        "error": "Error",
        "reference": "Real data score",
        "real": "Association, real",
        "synthetic": "Association, synthetic",
    }
    return sheet(f"The {len(pairs)} worst pairs of columns", rows, heads) if pairs else None


def _groups(detail: Json) -> Table | None:
    groups = mappings(detail.get("subgroups"))[:WORST]
    rows = [
        {**one, "far": words.listed(words.name(column.get("column")) for column in mappings(one.get("columns")))}
        for one in groups
    ]
    heads = {
        "group": "Subgroup",
        "n": "Synthetic records",
        "error": "Error",
        "reference": "Real data score",
        "excess": "Beyond real data (95 % interval)",
        "far": "Columns furthest apart",
    }
    judged = finite(detail.get("judged"))
    return sheet(_caption("subgroups", len(rows), int(judged or len(rows))), rows, heads)
