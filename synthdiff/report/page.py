"""The page: an audit's answer as one HTML file that opens anywhere, needs no script and asks nothing of the network.

The first pages answer the person who must answer for the data: may they be handed out, why, what was required and
whether it was met, and what is worst. Everything after them is the evidence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from synthdiff.report import findings, words
from synthdiff.report.blocks import Block, Note
from synthdiff.report.claims import claims, counted, defects
from synthdiff.report.exhibits import images
from synthdiff.report.findings import Answer, Figure
from synthdiff.report.layout import fill
from synthdiff.report.reading import Json, finite, floats, items, mapping
from synthdiff.report.summary import reasons, worst
from synthdiff.report.words import Term, Verdict, count, listed, number, short

ASPECTS = {
    "fidelity": ("Fidelity", "Do the synthetic data look like the real ones?"),
    "utility": ("Utility", "Can the synthetic data do the real data's work?"),
    "privacy": ("Privacy", "What do the synthetic data give away about persons?"),
}
"""What a check may be about: the section's title and the question it answers."""

_HEADLINERS = {
    "fidelity": ("detection", "shape", "trend", "radiomic_distance", "spectrum"),
    "utility": ("utility", "image_utility"),
    "privacy": ("membership", "copies", "memorisation"),
}


_WITHHELD = (
    "No image is shown: the search for copies of real images found too many, or was not made, and a copy would show a "
    "patient to whoever reads this page."
)


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

    @property
    def shown(self) -> tuple[Answer, ...]:
        """The checks that have something to show."""
        return tuple(one for one in self.answers if one.answered or one.blocks)

    @property
    def silent(self) -> tuple[Answer, ...]:
        """The checks that could not answer."""
        return tuple(one for one in self.answers if not one.answered)


def render(answer: Json, *, title: str | None = None) -> str:
    """Render an audit's answer as one self-contained HTML page.

    Parameters
    ----------
    answer : mapping
        What ``AuditReport.to_dict()`` gives. Parts that are missing are left out, and checks that the report does not
        know are shown by their figures. With ``claims``, the claims of somebody's quality report and whether they hold
        (see :mod:`synthdiff.report.claims`), these are listed, too, or alone where there are no checks.
    title : str or None
        The page's heading; made from the answer's name by default.

    Returns
    -------
    str
        HTML, the same bytes for the same answer; text from the data is escaped everywhere.
    """
    answers = findings.answers(answer)
    required = findings.requirements(answer)
    claimed = claims(answer)
    name = words.clean(answer.get("name") or "")
    policy, data, noun = mapping(answer.get("policy")), mapping(answer.get("data")), findings.noun(answer)
    return fill(
        "page.html",
        title=words.clean(title or "")
        or (f"Audit of the synthetic data “{short(name, 80)}”" if name else "Audit of synthetic data"),
        verdict=words.overall(answer.get("verdict")),
        headline=words.clean(answer.get("headline") or ""),
        policy={key: words.clean(policy.get(key) or "") for key in ("name", "sha256", "purpose", "multiplicity")},
        comparisons=finite(policy.get("comparisons")),
        requirements=required,
        met=sum(one.verdict.key == words.PASS for one in required),
        reasons=reasons(answers, required, noun),
        measured=bool(answers) or not claimed,
        aspects=[_section(aspect, answers) for aspect in ASPECTS],
        others=[_section(aspect, answers) for aspect in sorted({one.aspect for one in answers} - set(ASPECTS))],
        worst=worst(answer),
        pictures=_pictures(data, answers),
        claims=claimed,
        counted=counted(claimed),
        defects=defects(answer, answers),
        answers=answers,
        terms=_terms(answers),
        glossary=words.glossary(tables=noun == "record", images=bool(mapping(data.get("images")))),
        noun=noun,
        data=[*_data(data, noun), *_images(mapping(data.get("images")))],
        environment=_environment(answer),
    )


def _section(aspect: str, answers: list[Answer]) -> Section:
    title, question = ASPECTS.get(aspect, (words.derived(aspect), ""))
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


def _terms(answers: list[Answer]) -> list[Term]:
    """What the figures of this report mean, each once."""
    told = {figure.label: figure.meaning for one in answers for figure in one.figures if figure.meaning}
    return [Term(label, told[label]) for label in sorted(told, key=str.casefold)]


def _pictures(data: Json, answers: list[Answer]) -> list[Block]:
    """Synthetic images, unless they may be real ones: a copy of a patient's image must not be on this page."""
    shown = images.gallery(data.get("gallery"), _label_names(mapping(data.get("images"))))
    copies = next((one for one in answers if one.name == "memorisation"), None)
    if shown and (copies is None or not copies.answered or copies.verdict.key == words.FAIL):
        return [Note(_WITHHELD)]
    return shown


def _label_names(facts: Json) -> dict[int, str]:
    """What labels are called; by their numbers where they have no names."""
    labels = facts.get("labels")
    named = mapping(labels) or {str(one): f"label {one}" for one in items(labels)}
    return {int(label): short(name) for label, name in named.items() if re.fullmatch(r"[0-9]{1,9}", label)}


def _data(data: Json, noun: str) -> list[tuple[str, str]]:
    sizes = [
        ("train_rows", f"Real {noun}s for training"),
        ("holdout_rows", f"Real {noun}s held out"),
        ("synthetic_rows", f"Synthetic {noun}s"),
    ]
    sizes += [("columns", "Columns")] if noun == "record" else []
    rows = [(label, count(data[key]) if data[key] else "none") for key, label in sizes if key in data]
    kinds = [words.clean(kind) for kind in mapping(data.get("kinds")).values()]
    if kinds:
        rows.append(("Kinds of columns", ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds)))))
    if data.get("target"):
        rows.append(("Column to predict", short(data["target"], 80)))
    return rows


def _images(facts: Json) -> list[tuple[str, str]]:
    """What the images are, in words; nothing where there are none."""
    units = {"HU": "Hounsfield units", "arbitrary": "arbitrary units"}
    shape, spacing = floats(facts.get("shape")), floats(facts.get("spacing"))
    size = f"{' × '.join(map(count, shape))} voxels" if shape else ""
    size += f" of {' × '.join(map(number, spacing))} mm" if size and spacing else ""
    labels = [name for label, name in sorted(_label_names(facts).items()) if label]
    rows = (
        ("Modality", words.clean(facts.get("modality") or "")),
        ("Grey values", units.get(str(facts.get("units")), words.clean(facts.get("units") or ""))),
        ("Size of an image", size),
        ("Labelled structures", listed(labels)),
    )
    return [(label, said) for label, said in rows if said]


def _environment(answer: Json) -> list[tuple[str, str]]:
    rows = [(words.clean(name), words.clean(version)) for name, version in mapping(answer.get("environment")).items()]
    if finite(answer.get("seed")) is not None:
        rows.append(("seed", words.clean(answer["seed"])))
    if answer.get("format"):
        rows.append(("form of the answer", words.clean(answer["format"])))
    return rows
