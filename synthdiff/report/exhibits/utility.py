"""Exhibits of utility: what learns from synthetic records, against what learns from real ones."""

from __future__ import annotations

from typing import Any

from synthdiff.report.blocks import Block, Gallery
from synthdiff.report.exhibits.pieces import forest, sheet, tables
from synthdiff.report.figures import Point
from synthdiff.report.reading import Json, ends, finite, mapping, mappings
from synthdiff.report.words import clean, count, listed, name, quoted


def utility(detail: Json, check: Json, key: str) -> list[Block]:
    """Draw what each learner, and each subgroup, gets from synthetic and from real records."""
    blocks: list[Block] = []
    learners = mappings(detail.get("learners")) or [{**detail, "learner": detail.get("learner") or "learner"}]
    pictures = []
    if drawn := _beside([(name(one.get("learner")), one) for one in learners], "synthetic", "real"):
        pictures.append(forest(f"Predicting {_target(detail)}", drawn, key, unit=_unit(detail), note=_sizes(detail)))
    named = [{**one, "group": _group(one)} for one in mappings(detail.get("subgroups"))]
    if drawn := _beside([(one["group"], one) for one in named], "synthetic", "real"):
        pictures.append(forest("In subgroups, the worst first", drawn, f"{key}-g", unit=_unit(detail)))
    if pictures:
        blocks.append(Gallery(tuple(pictures), legend="figures"))
    heads = {"group": "Subgroup", "n": "Real records", "real": "Real", "synthetic": "Synthetic", "drop": "Loss"}
    return blocks + tables(sheet("Subgroups: learnt from real and from synthetic records", named, heads))


def augmentation(detail: Json, check: Json, key: str) -> list[Block]:
    """Draw what each learner gains from synthetic records, and list what it reaches."""
    blocks: list[Block] = []
    learners = mappings(detail.get("learners"))
    if drawn := _beside([(name(one.get("learner")), one) for one in learners], "gain", "gain_reweighted"):
        title = f"Gain in predicting {_target(detail)}"
        unit = f"gain in {clean(detail.get('metric') or 'score')}"
        note = "; ".join(text for text in ("band: real records alone, classes weighted alike", _sizes(detail)) if text)
        blocks.append(Gallery((forest(title, drawn, key, unit=unit, line=0.0, note=note),)))
    blocks += tables(sheet("What each learner reaches", learners, {"learner": "Learner", **_ARMS}))
    rare = mapping(detail.get("rare"))
    rows: list[Json] = [
        {"measure": said, **mapping(rare[part])}
        for part, said in (("average_precision", "average precision"), ("recall", "recall"))
        if rare.get(part)
    ]
    n = finite(rare.get("n_test"))
    caption = f"The scarcest class, {quoted(rare.get('level'), 40)}" + (f": {count(n)} to test on" if n else "")
    return blocks + tables(sheet(caption, rows, {"measure": "Measure", **_ARMS}))


def fairness(detail: Json, check: Json, key: str) -> list[Block]:
    """List the gaps between protected groups, and what each group gets."""
    heads = {
        "column": "Column",
        "measure": "Gap in",
        "level": "Cases",
        "learner": "Learner",
        "real": "Gap, real",
        "synthetic": "Gap, synthetic",
        "increase": "Increase (95 % interval)",
        "lowest": "Lowest",
        "highest": "Highest",
    }
    gaps = sheet("Gaps between protected groups, those that grow most first", mappings(detail.get("gaps")), heads)
    heads = {"column": "Column", "measure": "Measure", "level": "Cases", "group": "Group", "n": "Real records"}
    each = [{**one, **group} for one in mappings(detail.get("groups")) for group in mappings(one.get("groups"))]
    groups = sheet(
        "What the groups get",
        each,
        {**heads, "real": "Learnt from real", "synthetic": "Learnt from synthetic"},
    )
    return tables(gaps, groups)


_ARMS = {
    "real": "Real alone",
    "augmented": "Real and synthetic",
    "gain": "Gain",
    "reweighted": "Real, classes weighted alike",
    "gain_reweighted": "Its gain",
}


def _beside(rows: list[tuple[str, Json]], found: str, other: str) -> list[Point]:
    """Each row's figure over what the honest alternative reaches."""
    pairs = ((called, mapping(row.get(found)), mapping(row.get(other))) for called, row in rows)
    return [
        Point(called, value, ends(one.get("interval")), finite(two.get("value")), ends(two.get("interval")))
        for called, one, two in pairs
        if (value := finite(one.get("value"))) is not None
    ]


def _group(one: Json) -> str:
    return " = ".join(clean(one[part]) for part in ("column", "group") if one.get(part) is not None) or "(no name)"


def _target(detail: Json) -> str:
    return quoted(detail.get("target") or "the target", 40)


def _unit(detail: Json) -> str:
    return f"{clean(detail.get('metric') or 'score')} on held-out real records"


def _sizes(detail: Json) -> str:
    sizes = (("n_train", "real"), ("n_synthetic", "synthetic"), ("n_test", "to test on"))
    known: list[Any] = [f"{count(detail[part])} {said}" for part, said in sizes if finite(detail.get(part)) is not None]
    return f"records: {listed(known)}" if known else ""
