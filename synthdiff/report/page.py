"""The page: an audit's answer as one HTML file that opens anywhere, needs no script and asks nothing of the network.

The first screen answers the person who must answer for the data: may they be handed out, why, what was required and
whether it was met. Everything after it is the evidence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from synthdiff.report import findings, words
from synthdiff.report.exhibits import worst_columns
from synthdiff.report.findings import Answer, Figure, Requirement
from synthdiff.report.reading import Json, finite, mapping
from synthdiff.report.words import Verdict, count, short

ASPECTS = {
    "fidelity": ("Fidelity", "Do the synthetic data look like the real ones?"),
    "utility": ("Utility", "Can the synthetic data do the real data's work?"),
    "privacy": ("Privacy", "What do the synthetic data give away about persons?"),
}
"""What a check may be about: the section's title and the question it answers."""

_HEADLINERS = {
    "fidelity": ("detection", "shape", "trend"),
    "utility": ("utility",),
    "privacy": ("membership", "copies"),
}


@dataclass(frozen=True)
class Section:
    """The checks of one aspect: ``verdict`` is the worst of the required ones, ``figure`` the headline, if any."""

    anchor: str
    title: str
    question: str
    answers: tuple[Answer, ...]
    verdict: Verdict
    required: bool
    headliner: Answer | None
    figure: Figure | None


@dataclass(frozen=True)
class Reason:
    """One thing that stands against handing the data out."""

    verdict: Verdict
    anchor: str
    title: str
    text: str
    required: bool


def render(answer: Json, *, title: str | None = None) -> str:
    """Render an audit's answer as one self-contained HTML page.

    Parameters
    ----------
    answer : mapping
        What ``AuditReport.to_dict()`` gives. Parts that are missing are left out, and checks that the report does not
        know are shown by their figures.
    title : str or None
        The page's heading; made from the answer's name by default.

    Returns
    -------
    str
        HTML, the same bytes for the same answer; text from the data is escaped everywhere.
    """
    answers = findings.answers(answer)
    required = findings.requirements(answer)
    columns = worst_columns(mapping(mapping(answer.get("checks")).get("shape")))
    name = words.clean(answer.get("name") or "")
    used = {figure.label for one in answers for figure in one.figures}
    policy = mapping(answer.get("policy"))
    template = _templates().get_template("page.html")
    return template.render(
        title=words.clean(title or "")
        or (f"Audit of the synthetic data “{short(name, 80)}”" if name else "Audit of synthetic data"),
        verdict=words.overall(answer.get("verdict")),
        headline=words.clean(answer.get("headline") or ""),
        policy={key: words.clean(policy.get(key) or "") for key in ("name", "sha256", "purpose")},
        requirements=required,
        met=sum(one.verdict.key == words.PASS for one in required),
        reasons=_reasons(answers, required),
        aspects=[_section(aspect, answers) for aspect in ASPECTS],
        others=[_section(aspect, answers) for aspect in sorted({one.aspect for one in answers} - set(ASPECTS))],
        columns=columns,
        answers=answers,
        terms=sorted((term for term in words.ESTIMATES.values() if term.label in used), key=lambda term: term.label),
        glossary=words.GLOSSARY,
        data=_data(mapping(answer.get("data"))),
        environment=_environment(answer),
    )


@lru_cache(maxsize=1)
def _templates() -> Environment:
    folder = FileSystemLoader(Path(__file__).parent / "templates")
    return Environment(loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _section(aspect: str, answers: list[Answer]) -> Section:
    title, question = ASPECTS.get(aspect, (short(aspect.replace("_", " ").capitalize(), 40), ""))
    asked = tuple(one for one in answers if one.aspect == aspect)
    favourites = _HEADLINERS.get(aspect, ())
    ranked = sorted(asked, key=lambda one: (not one.answered, one.name not in favourites, _rank(one.name, favourites)))
    first = ranked[0] if ranked else None
    figure = first.figures[0] if first and first.answered else None
    anchor = aspect if aspect in ASPECTS else f"other-{findings.slug(aspect)}"
    required = any(one.gating for one in asked)
    judged = [one.verdict for one in asked if one.gating or not required] or [words.single(None)]
    verdict = min(judged, key=lambda verdict: findings.URGENCY[verdict.key])
    return Section(anchor, title, question, asked, verdict, required, first, figure)


def _rank(name: str, favourites: tuple[str, ...]) -> int:
    return favourites.index(name) if name in favourites else len(favourites)


def _reasons(answers: list[Answer], required: list[Requirement]) -> list[Reason]:
    """What stands against the data: required checks first, then what is only worth knowing."""
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
    return blocking + [
        _reason(one, False) for one in answers if one.anchor not in shown and one.verdict.key == words.FAIL
    ]


def _reason(answer: Answer, required: bool) -> Reason:
    """What was found in one sentence; where nothing was found, all of why and what would do."""
    text = re.split(r"(?<=[.!?])\s+(?=[A-Z])", answer.reason)[0] if answer.answered else answer.reason
    return Reason(answer.verdict, answer.anchor, answer.title, text, required)


def _data(data: Json) -> list[tuple[str, str]]:
    sizes = (
        ("train_rows", "Real records for training"),
        ("holdout_rows", "Real records held out"),
        ("synthetic_rows", "Synthetic records"),
        ("columns", "Columns"),
    )
    rows = [(label, count(data[key]) if data[key] else "none") for key, label in sizes if key in data]
    kinds = [words.clean(kind) for kind in mapping(data.get("kinds")).values()]
    if kinds:
        rows.append(("Kinds of columns", ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds)))))
    if data.get("target"):
        rows.append(("Column to predict", short(data["target"], 80)))
    return rows


def _environment(answer: Json) -> list[tuple[str, str]]:
    rows = [(words.clean(name), words.clean(version)) for name, version in mapping(answer.get("environment")).items()]
    if finite(answer.get("seed")) is not None:
        rows.append(("seed", words.clean(answer["seed"])))
    if answer.get("format"):
        rows.append(("form of the answer", words.clean(answer["format"])))
    return rows
