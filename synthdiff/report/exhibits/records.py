"""Exhibits of fidelity: whole records and the people behind them: classifiers, regions, survival curves, subgroups."""

from __future__ import annotations

from markupsafe import Markup

from synthdiff.report import figures, words
from synthdiff.report.blocks import Block, Gallery, Note, Picture, Table
from synthdiff.report.exhibits.pieces import drawn_lines, forest, headline, roc, sheet, side, tables
from synthdiff.report.figures import Line, Point
from synthdiff.report.reading import Json, ends, finite, floats, items, mapping, mappings
from synthdiff.report.words import clean, count, listed, quoted


def detection(detail: Json, check: Json, key: str) -> list[Block]:
    """Draw the classifier's ROC curve and the columns, and list the pairs, that give the data away."""
    pictures = []
    curve = roc(detail.get("roc"))
    if curve:
        axes_words = ("real records taken for synthetic", "synthetic records recognised")
        alt = f"ROC curve of the classifier. {headline(check)}; 0.5 is guessing."
        reference = roc(detail.get("reference_roc"))
        svg = figures.roc(
            curve, key=f"{key}-r", alt=alt, subject="synthetic data", axes_words=axes_words, reference=reference
        )
        pictures.append(Picture(Markup(svg), "Telling synthetic from real"))
    drops = {words.name(one.get("column")): finite(one.get("auc_drop")) for one in mappings(detail.get("importance"))}
    known = {name: drop for name, drop in drops.items() if drop is not None and drop > 0}
    if known:
        alt = f"Columns that give the data away, most telling first: {listed(quoted(name) for name in known)}."
        svg = figures.ranking(list(known), list(known.values()), unit="loss of AUC", key=f"{key}-i", alt=alt)
        note = "how much of its AUC the classifier owes to each"
        pictures.append(Picture(Markup(svg), "Columns that give the data away", note))
    blocks: list[Block] = [Gallery(tuple(pictures))] if pictures else []
    pairs = [
        {**one, "pair": listed(words.name(one.get(end)) for end in ("a", "b"))}
        for one in mappings(detail.get("pairs"))
        if (finite(one.get("beyond")) or 0) > 0
    ]
    heads = {"pair": "Columns", "auc": "AUC of the two", "alone": "Of the better one alone", "beyond": "Beyond it"}
    blocks += tables(
        sheet("Pairs of columns that give the data away together", pairs, heads),
        sheet(
            "Columns whose numbers have other decimals than the real ones",
            mappings(detail.get("decimals")),
            {"column": "Column", "auc": "AUC of the number of decimals"},
        ),
    )
    if drops and not known:
        blocks.append(
            Note("No single column gives the data away: without any one of them the classifier does as well.")
        )
    return blocks


def alpha_precision(detail: Json, check: Json, key: str) -> list[Block]:
    """Draw how many synthetic records lie in regions that hold a share of the real ones."""
    return _coverage(detail, key, "alpha", ("share of the real records in a region", "records inside it"))


def beta_recall(detail: Json, check: Json, key: str) -> list[Block]:
    """Draw how many real records are met by a share of the synthetic ones."""
    return _coverage(detail, key, "beta", ("synthetic records, the most typical first", "real records met"))


def _coverage(detail: Json, key: str, across: str, axes_words: tuple[str, str]) -> list[Block]:
    grid = floats(detail.get(across))
    named = {"holdout": "held-out real records", "synthetic": "synthetic records"}
    curves = [
        Line(said, grid, y, side=side(name))
        for name, said in named.items()
        if len(y := floats(detail.get(name))) == len(grid)
    ]
    if not (grid and curves):
        return []
    ideal = Line("as many", (0.0, 1.0), (0.0, 1.0))
    return [Gallery((drawn_lines(axes_words[1].capitalize(), [ideal, *curves], key, axes_words=axes_words),))]


def survival(detail: Json, check: Json, key: str) -> list[Block]:
    """Draw the Kaplan-Meier curves with their bands, and the groups whose curves are furthest apart."""
    curves = mapping(detail.get("curves"))
    grid = floats(curves.get("grid"))
    sides = {"real": "training", "holdout": "held-out", "synthetic": "synthetic"}
    shown = [
        Line(f"{said} persons", grid, y, floats(one.get("low")), floats(one.get("high")), side(name))
        for name, said in sides.items()
        if (one := mapping(curves.get(name))) and len(y := floats(one.get("survival"))) == len(grid)
    ]
    if not shown:
        return []
    time, event = clean(detail.get("time") or "time"), clean(detail.get("event") or "event")
    title = f"Share of persons without {quoted(event, 40)}"
    pictures = [drawn_lines(title, shown, key, axes_words=(time, "persons without the event"), steps=True)]
    groups = _excesses(mappings(detail.get("groups")))
    if groups:
        pictures.append(forest("Groups whose curves are furthest apart", groups, key, unit="gap between curves"))
    at_risk = [
        (said, *(count(n) if finite(n) is not None else f"fewer than {FEW}" for n in items(one.get("at_risk"))))
        for name, said in sides.items()
        if (one := mapping(curves.get(name))) and items(one.get("at_risk"))
    ]
    blocks: list[Block] = [Gallery(tuple(pictures), legend="figures")]
    if at_risk and len({len(row) for row in at_risk}) == 1:
        n = len(at_risk[0]) - 1
        head = ("Persons", *(f"{time} {grid[i]:.3g}" for i in range(0, len(grid), max(1, len(grid) // n))))[: n + 1]
        blocks.append(Table("Persons still followed", head, tuple(at_risk), frozenset(range(1, n + 1))))
    return blocks + tables(sheet("The same within protected groups", mappings(detail.get("protected")), _GROUPS))


FEW = 5
"""Below it a number of persons is not told."""

_GROUPS = {
    "group": "Group",
    "n": "Synthetic persons",
    "gap": "Gap",
    "reference": "Real data score",
    "excess": "Beyond it (95 % interval)",
}


def _excesses(groups: list[Json]) -> list[Point]:
    """By how much each group is worse than held-out records of the group."""
    return [
        Point(words.name(one.get("group")), excess, ends(one.get("interval")))
        for one in groups
        if (excess := finite(one.get("excess"))) is not None
    ]


def subgroups(detail: Json, check: Json, key: str) -> list[Block]:
    """Draw by how much subgroups are worse than held-out records, and list those that are lost."""
    blocks: list[Block] = []
    known = _excesses(mappings(detail.get("subgroups")))
    if known:
        unit = "error beyond that of real data"
        blocks.append(Gallery((forest("Subgroups, the surest to be worse first", known, key, unit=unit, line=0.0),)))
    heads = {"group": "Subgroup", "real": "Real", "synthetic": "Synthetic"}
    caption = "Subgroups that the synthetic data have too few of"
    blocks += tables(sheet(caption, mappings(detail.get("lost")), heads, shares=("real", "synthetic")))
    if finite(detail.get("judged")) is not None:
        small = count(detail.get("too_small") or 0)
        blocks.append(Note(f"{count(detail['judged'])} subgroups were judged; {small} have too few real records."))
    return blocks
