"""Exhibits of privacy: attacks, copies, distances."""

from __future__ import annotations

from functools import partial

from markupsafe import Markup

from synthdiff.report import figures, words
from synthdiff.report.blocks import Block, Gallery, Note, Picture, Table
from synthdiff.report.exhibits.pieces import forest, headline, point, roc, sheet, tables
from synthdiff.report.figures import Mark
from synthdiff.report.reading import Json, ends, finite, items, mapping, mappings
from synthdiff.report.words import NONE, count, derived, listed, number, percent

ATTACK_AXES = ("false alarms: outsiders accused", "members found")
"""What a false and a correct alarm is to an attacker."""


def membership(detail: Json, check: Json, key: str) -> list[Block]:
    """Draw the attack's ROC curve, its corner of few false alarms, and whom the attack finds."""
    blocks: list[Block] = []
    figures_by_name = {**mapping(check.get("estimates")), **detail}
    rates = [(fpr, mapping(figures_by_name.get(f"tpr_at_fpr_{fpr:.2f}"))) for fpr in (0.01, 0.10)]
    answered = [
        (fpr, value, ends(rate.get("interval")))
        for fpr, rate in rates
        if (value := finite(rate.get("value"))) is not None
    ]
    curve = roc(detail.get("roc"))
    if curve:
        alt = f"ROC curve of the membership attack. {headline(check)}; 0.5 is guessing."
        reference = roc(detail.get("reference_roc"))
        draw = partial(figures.roc, curve, subject="attack", axes_words=ATTACK_AXES, reference=reference)
        svg, pictures = draw(key=f"{key}-r", alt=alt), []
        pictures.append(Picture(Markup(svg), "Finding the training records"))
        if answered:
            near = "Share of members found at few false alarms: " + listed(
                f"{number(value)} at {fpr:.0%}" for fpr, value, _ in answered
            )
            svg = draw(key=f"{key}-z", alt=f"{near}.", marks=[Mark(*one) for one in answered], window=0.12)
            pictures.append(Picture(Markup(svg), "The corner that matters: few false alarms"))
        blocks.append(Gallery(tuple(pictures)))
    groups = {"all records": check, "most unusual records": mapping(detail.get("outliers"))}
    groups |= {str(name): mapping(one) for name, one in mapping(detail.get("subgroups")).items()}
    known = [found for name, one in groups.items() if (found := point(name, one))]
    if len(known) > 1:
        unit = "AUC; the broken line is guessing"
        blocks.append(Gallery((forest("Whom the attack finds", known, key, unit=unit, line=0.5),), legend="figures"))
    if finite(detail.get("attacked")) is not None:
        sizes = f"{count(detail['attacked'])} training records and {count(detail.get('control'))} records outside it"
        blocks.append(Note(f"Attacked: {sizes}."))
    return blocks


def blind(detail: Json, check: Json, key: str) -> list[Block]:
    """Draw the ROC curve of the attack that never sees the synthetic data."""
    curve = roc(detail.get("roc"))
    if not curve:
        return []
    alt = f"ROC curve of the blind attack. {headline(check)}; 0.5 is guessing."
    svg = figures.roc(curve, key=f"{key}-r", alt=alt, subject="blind attack", axes_words=ATTACK_AXES)
    return [Gallery((Picture(Markup(svg), "The attack without the synthetic data"),), width="third")]


def copies(detail: Json, check: Json, key: str) -> list[Block]:
    """Draw how near synthetic records lie to a single training record, and count the copies."""
    blocks: list[Block] = []
    near = mapping(detail.get("near"))
    if curve := roc(near.get("roc")):
        axes_words = ("held-out records as near", "synthetic records as near")
        alt = "How many synthetic records lie as near to a single training record as a share of the held-out ones."
        draw = partial(figures.roc, curve, subject="synthetic data", axes_words=axes_words, chance="as real data")
        pictures = (
            Picture(Markup(draw(key=f"{key}-n", alt=alt)), "Records near a single training record"),
            Picture(Markup(draw(key=f"{key}-z", alt=f"{alt} The nearest.", window=0.12)), "The nearest of them"),
        )
        blocks.append(Gallery(pictures))
    aligned = mapping(detail.get("aligned"))
    counts = [
        ("Synthetic records compared", count(detail.get("rows_compared"))),
        ("Exact copies among them", count(detail.get("count"))),
        ("Synthetic records that equal one which many people share", percent(detail.get("common_rate"))),
        ("Exact copies in the row of the training record", percent(detail.get("aligned_rate"))),
        ("Equal cells in the same row", percent(aligned.get("agreement"))),
        ("Equal cells in the rows beside it", percent(aligned.get("beside"))),
    ]
    rows = tuple((label, said) for label, said in counts if said != NONE)
    return blocks + ([Table("Counts of copies", ("What", "Figure"), rows, frozenset({1}))] if rows else [])


def criterion(detail: Json, check: Json, key: str) -> list[Block]:
    """One of the three criteria: the risk by attack and by what is guessed, 0 where held-out people fare as badly."""
    blocks: list[Block] = []
    attacks: list[Json] = [{"name": derived(name), **one} for name, one in detail.items() if point(name, mapping(one))]
    columns = mappings(detail.get("columns"))
    halves = [
        {"name": f"halves {place}", **one, "columns": _halves(one)}
        for place, one in enumerate(mappings(detail.get("splits")), start=1)
    ]
    rows = [*attacks, *columns, *halves]
    known = [found for one in rows if (found := point(one.get("name"), one))]
    if known:
        picture = forest("Risk beyond that of held-out people", known, key, unit="risk", line=0.0)
        blocks.append(Gallery((picture,)))
    heads = {
        "name": "Attack",
        "by": "By",
        "guesses": "Guesses",
        "attack": "Right about training people",
        "control": "Right about held-out people",
        "naive": "Right without the attack",
        "value": "Risk (95 % interval)",
        "columns": "Columns",
    }
    blocks += tables(sheet("What was guessed, and how often rightly", rows, heads))
    if items(detail.get("known")):
        blocks.append(Note(f"The attacker knows {listed(words.name(column) for column in detail['known'])}."))
    return blocks


def _halves(one: Json) -> str:
    """The two sets of columns that an attacker links."""
    return " | ".join(listed(words.name(column) for column in items(half)) for half in items(one.get("halves")))
