"""Findings: each check of an audit's answer with everything that a reader needs to judge it, ready to be shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from markupsafe import Markup

from synthdiff.report import figures, words
from synthdiff.report.blocks import Block
from synthdiff.report.exhibits import exhibits
from synthdiff.report.figures import Limit
from synthdiff.report.reading import Json, ends, finite, items, mapping
from synthdiff.report.words import Term, Verdict, clean, count, derived, number, single, span, with_interval


def slug(text: str) -> str:
    """The text as a part of an identifier."""
    return re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")


def demand(bar: Json) -> str:
    """A bar in words, with its number where it is relative to what real data score."""
    if not bar.get("bar"):
        return words.NONE
    said = words.bar(bar["bar"])
    relative = "reference" in str(bar["bar"]) and finite(bar.get("limit")) is not None
    return f"{said} = {number(bar['limit'])}" if relative else said


def noun(audit: Json) -> str:
    """What one of the data is called: ``"image"`` where there are no tables beside the images, else ``"record"``."""
    data = mapping(audit.get("data"))
    return "image" if mapping(data.get("images")) and not data.get("columns") else "record"


@dataclass(frozen=True)
class Figure:
    """One estimate of a check, with its bar."""

    label: str
    meaning: str
    estimate: Json
    bar: Json
    best: str = ""
    """``"lower"`` or ``"higher"`` where a figure beyond what real data score is a warning."""

    @property
    def value(self) -> str:
        """The value with three significant digits."""
        return number(self.estimate.get("value"))

    @property
    def interval(self) -> str:
        """The 95 % interval in words."""
        return span(self.estimate.get("interval"))

    @property
    def said(self) -> str:
        """The value with its interval."""
        return with_interval(self.estimate.get("value"), self.estimate.get("interval"))

    @property
    def n(self) -> str:
        """The number of records behind it."""
        return count(self.estimate.get("n"))

    @property
    def reference(self) -> str:
        """What real data score."""
        reference = mapping(self.estimate.get("reference"))
        return with_interval(reference.get("value"), reference.get("interval"))

    @property
    def suspicious(self) -> bool:
        """Whether the figure is surely better than what real data score: it may come from copying."""
        found, real = ends(self.estimate.get("interval")), ends(mapping(self.estimate.get("reference")).get("interval"))
        if found is None or real is None:
            return False
        return (self.best == "lower" and found[1] < real[0]) or (self.best == "higher" and found[0] > real[1])

    @property
    def demand(self) -> str:
        """The bar in words."""
        return demand(self.bar)

    @property
    def verdict(self) -> Verdict:
        """Whether the bar is met."""
        return single(self.bar.get("verdict"))

    @property
    def gating(self) -> bool:
        """Whether the policy requires the bar."""
        return bool(self.bar.get("gating"))

    def strip(self, key: str) -> Markup:
        """Draw the figure beside its bar and what real data score."""
        reference = mapping(self.estimate.get("reference"))
        said = [f"{self.label} {self.said}"]
        said += [f"real data score {self.reference}"] if finite(reference.get("value")) is not None else []
        said += [f"bar: {self.demand}"] if self.bar.get("bar") else []
        drawn = figures.strip(
            float(self.estimate["value"]),
            ends(self.estimate.get("interval")),
            key=key,
            alt="; ".join(said) + ".",
            reference=finite(reference.get("value")),
            reference_interval=ends(reference.get("interval")),
            limit=_limit(self.bar),
        )
        return Markup(drawn)


def _limit(bar: Json) -> Limit | None:
    text = words.clean(bar.get("bar") or "")
    value = finite(bar.get("limit"))
    if value is None and (written := re.fullmatch(r"(?:[<>]=?|includes)\s*(-?\d*\.?\d+(?:e-?\d+)?)", text)):
        value = float(written[1])
    if value is None:
        return None
    return Limit(value, "below" if text.startswith("<") else "above" if text.startswith(">") else "at")


@dataclass(frozen=True)
class Answer:
    """One check's answer."""

    name: str
    anchor: str
    title: str
    aspect: str
    verdict: Verdict
    gating: bool
    reason: str
    source: str
    direction: str
    figures: tuple[Figure, ...]
    check: Json

    @cached_property
    def blocks(self) -> list[Block]:
        """What the page shows below the check; drawn when it is asked for."""
        return exhibits(self.name, self.check, self.anchor)

    @property
    def answered(self) -> bool:
        """Whether the check could say anything."""
        return bool(self.figures)


def answers(audit: Json) -> list[Answer]:
    """The checks of an audit's answer, in order."""
    return [_answer(anchor, name, check) for anchor, name, check in _checks(audit)]


def _checks(audit: Json) -> Iterator[tuple[str, str, Json]]:
    for index, (name, check) in enumerate(mapping(audit.get("checks")).items()):
        yield f"c{index}-{slug(str(name))}", str(name), mapping(check)


def _answer(anchor: str, name: str, check: Json) -> Answer:
    title = clean(check.get("title") or derived(name))
    shown = tuple(_figures(check, title))
    return Answer(
        name=name,
        anchor=anchor,
        title=title,
        aspect=str(check.get("aspect") or "other"),
        # What is measured and held against no bar is reported; what could not be measured has a verdict without a bar.
        verdict=single(check.get("verdict") if mapping(check.get("bars")) or not shown else None),
        gating=bool(check.get("gating")),
        reason=words.clean(check.get("reason") or ""),
        source=words.clean(check.get("source") or ""),
        direction=words.clean(check.get("direction") or ""),
        figures=shown,
        check=check,
    )


def _figures(check: Json, title: str) -> Iterator[Figure]:
    """Every estimate of a check; a check that lists none is shown by its headline figure."""
    estimates = mapping(check.get("estimates")) or {str(check.get("estimate") or title): check}
    bars = mapping(check.get("bars"))
    for index, (name, estimate) in enumerate(estimates.items()):
        if finite(mapping(estimate).get("value")) is not None:
            term = _term(check, str(name))
            yield Figure(term.label, term.meaning, estimate, mapping(bars.get(name)), "" if index else _best(check))


def _term(check: Json, name: str) -> Term:
    """The check's own words for an estimate; where it brings none, words made from the name."""
    known = mapping(mapping(check.get("terms")).get(name))
    label = known.get("label") or mapping(mapping(check.get("bars")).get(name)).get("label") or derived(name)
    return Term(clean(label), clean(known.get("meaning") or check.get("direction") or ""))


def _best(check: Json) -> str:
    """Which way a check's headline figure is better: ``"lower"``, ``"higher"`` or ``""`` where that says nothing."""
    if check.get("aspect") == "privacy":
        return ""  # no attack can be weaker than guessing; one below it is chance, or a reversed sign
    direction = str(check.get("direction") or "")
    return next((side for side in ("lower", "higher") if direction.startswith(f"{side} is better")), "")


@dataclass(frozen=True)
class Requirement:
    """One bar that the policy requires; ``anchor`` is empty where no check measured it."""

    anchor: str
    label: str
    bar: str
    found: str
    verdict: Verdict
    needed: str


URGENCY = {words.FAIL: 0, words.UNSURE: 1, words.REPORTED: 2, words.PASS: 3}
"""What a reader must see first."""


def requirements(audit: Json) -> list[Requirement]:
    """The required bars, those that are not met first."""
    return sorted(_requirements(audit), key=lambda one: (URGENCY[one.verdict.key], one.label))


def _found(bar: Json) -> str:
    return (
        with_interval(bar.get("value"), bar.get("interval")) if finite(bar.get("value")) is not None else "not measured"
    )


def _requirements(audit: Json) -> Iterator[Requirement]:
    judged = set()
    for anchor, _, check in _checks(audit):
        spared = dict.fromkeys(map(str, items(check.get("spared"))))
        for name, bar in {**spared, **mapping(check.get("bars"))}.items():
            judged |= {f"{name}{end}" for end in ("", "_upper", "_lower")}
            if not mapping(bar).get("gating"):
                continue
            needed = finite(bar.get("n_needed"))
            yield Requirement(
                anchor=anchor,
                label=_term(check, str(name)).label,
                bar=demand(bar),
                found=_found(bar),
                verdict=single(bar.get("verdict")),
                needed=f"about {count(needed)} {noun(audit)}s would do" if needed else "",
            )
    for name, text in mapping(mapping(audit.get("policy")).get("require")).items():
        if name not in judged:
            yield Requirement(
                "", words.requirement(str(name)), words.bar(text), "not measured", single(words.UNSURE), ""
            )
