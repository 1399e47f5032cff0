"""Exhibits of images: what they look like, and what the checks of images found."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from synthdiff.report import figures, words
from synthdiff.report.blocks import Block, Gallery, Note, Picture, Table
from synthdiff.report.exhibits.pieces import drawn_lines, forest, points, sheet, side, tables
from synthdiff.report.figures import Line, Plane, Point
from synthdiff.report.reading import Json, finite, floats, items, mapping, mappings
from synthdiff.report.words import clean, count, derived, listed, percent, short

LARGEST = 512
"""Pixels along a plane's side at most: what is larger was not made for a page."""

SETS: Mapping[str, str] = {"train": "training", "holdout": "held-out", "synthetic": "synthetic"}
"""What a set of images is called."""

ALL_LABELS, ALL_FINDINGS = "all labels", "all findings"


# --- what images look like --------------------------------------------------------------------------------------------


def gallery(shown: Any, names: Mapping[int, str]) -> list[Block]:
    """Synthetic images side by side, each a column of its planes; ``names`` are those of labels by their numbers."""
    known = [(one, found) for one in mappings(shown) if (found := planes(one.get("planes")))]
    if not known:
        return []
    images = [found for _, found in known]
    findings = [clean(one.get("finding") or "") for one, _ in known]
    axes = list(dict.fromkeys(axis for image in images for axis in image))
    rows = [(axis, [image.get(axis) for image in images]) for axis in axes]
    flat = axes == ["image"]
    said = "" if flat else f" in {listed(axes)} middle planes"
    alt = f"{count(len(images))} synthetic images{said}{_outlined(rows, names)}."
    svg = figures.contact_sheet(
        [("" if flat else axis, planes) for axis, planes in rows],
        [f"{place} {short(finding, 16) if finding else ''}".rstrip() for place, finding in enumerate(findings, 1)],
        names=_present(rows, names),
        alt=alt,
    )
    note = (
        "Synthetic images, a column each, all at one scale. Black is what 1 % of an image's voxels lie below, white "
        "what 1 % lie above."
    )
    if not flat:
        note += " The patient's right is on the left, head or front is up; a sagittal plane has the front on the left."
    return [Note(note), Gallery((Picture(Markup(svg)),), width="whole")]


def beside(synthetic: Any, real: Any) -> Picture | None:
    """A synthetic image above a real one, plane by plane; None where neither can be shown."""
    both = [("synthetic", planes(synthetic)), ("real", planes(real))]
    axes = list(dict.fromkeys(axis for _, image in both for axis in image))
    rows = [(said, [image.get(axis) for axis in axes]) for said, image in both if image]
    if not rows:
        return None
    said = listed(f"the {name} image" for name, _ in rows)
    columns = ["" if axis == "image" else axis for axis in axes]
    svg = figures.contact_sheet(rows, columns, names={}, alt=f"Above each other: {said}.")
    return Picture(Markup(svg))


def planes(value: Any) -> dict[str, Plane]:
    """Planes by axis; those that are damaged are left out."""
    known = ((clean(one.get("axis") or ""), _plane(one)) for one in mappings(value))
    return {axis: plane for axis, plane in known if plane}


def _plane(one: Json) -> Plane | None:
    width, height = one.get("width"), one.get("height")
    if not (isinstance(width, int) and isinstance(height, int) and 0 < width <= LARGEST and 0 < height <= LARGEST):
        return None
    grey, labels = _bytes(one.get("grey")), _bytes(one.get("labels"))
    if len(grey) != width * height:
        return None
    return Plane(width, height, grey, labels if len(labels) == len(grey) else b"")


def _bytes(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        return b""


Rows = Sequence[tuple[str, Sequence[Plane | None]]]


def _present(rows: Rows, names: Mapping[int, str]) -> dict[int, str]:
    """The labels that can be seen, with their names."""
    found = {label for _, planes in rows for plane in planes if plane for label in plane.labels} - {0}
    return {label: names.get(label, f"label {label}") for label in sorted(found)}


def _outlined(rows: Rows, names: Mapping[int, str]) -> str:
    present = _present(rows, names)
    return f", with outlines of {listed(present.values())}" if present else ""


# --- fidelity ---------------------------------------------------------------------------------------------------------


def radiomic_distance(detail: Json, check: Json, key: str) -> list[Block]:
    """Draw the figures that moved most, and list them with their spread."""
    moved = mappings(detail.get("figures"))
    pictures = []
    for what, title, unit, real in (
        ("shift", "Figures that moved most", "shift, in standard deviations of real images", 0.0),
        ("spread", "How far they spread", "spread, as a multiple of that of real images", 1.0),
    ):
        drawn = [
            Point(words.name(one.get("name")), value, None, finite(one.get(f"holdout_{what}")))
            for one in moved
            if (value := finite(one.get(what))) is not None
        ]
        if drawn:
            note = "diamond: synthetic images; line: held-out ones"
            pictures.append(forest(title, drawn, f"{key}-{what}", unit=unit, line=real, note=note))
    blocks: list[Block] = [Gallery(tuple(pictures))] if pictures else []
    heads = {
        "name": "Figure",
        "shift": "Shift",
        "holdout_shift": "Held-out images",
        "spread": "Spread (1 is as real)",
        "holdout_spread": "Held-out images",
    }
    blocks += tables(sheet("Figures that moved most, in standard deviations of the training images", moved, heads))
    components = mapping(detail.get("components"))
    if finite(components.get("count")) is not None:
        said = f"{count(components['count'])} principal components of {count(components.get('figures'))} figures hold"
        blocks.append(Note(f"{said} {percent(components.get('share'))} of what training images differ by."))
    return blocks + _compared(detail)


def kid(detail: Json, check: Json, key: str) -> list[Block]:
    """Say what was compared."""
    return _compared(detail)


def image_support(detail: Json, check: Json, key: str) -> list[Block]:
    """Draw where synthetic images lie among the real ones, and how many real ones are met."""
    asked = (
        ("precision", "alpha", "Images inside", ("share of the real images in a region", "images inside it")),
        ("recall", "beta", "Real images met", ("synthetic images, the most typical first", "real images met")),
    )
    pictures = []
    for part, across, title, axes_words in asked:
        one = mapping(detail.get(part))
        grid = floats(one.get(across))
        curves = [
            Line(f"{SETS[name]} images", grid, y, side=side(name))
            for name in ("holdout", "synthetic")
            if grid and len(y := floats(one.get(name))) == len(grid)
        ]
        if curves:
            ideal = Line("as many", (0.0, 1.0), (0.0, 1.0))
            pictures.append(drawn_lines(title, [ideal, *curves], f"{key}-{part}", axes_words=axes_words))
    return [Gallery(tuple(pictures))] if pictures else []


def spectrum(detail: Json, check: Json, key: str) -> list[Block]:
    """Draw the power by spatial frequency, and how far the two sides are apart at each."""
    grid = floats(detail.get("frequency"))
    across = "cycles per millimetre"
    curves = _bands(detail, grid)
    return _profile("Power by spatial frequency", curves, detail, grid, key, (across, "power density, logarithm"), True)


def intensity(detail: Json, check: Json, key: str) -> list[Block]:
    """Draw the grey values of images by quantile, and how far the two sides are apart at each."""
    grid = floats(detail.get("levels"))
    axes_words = ("share of an image's voxels below", clean(detail.get("unit") or "grey value"))
    return _profile("Grey values by quantile", _bands(detail, grid), detail, grid, key, axes_words, False)


def _bands(detail: Json, grid: Sequence[float]) -> list[Line]:
    """The middle image of each set over a grid, in the range of four in five of them; bare where these are held out."""
    curves = []
    for name, said in SETS.items():
        levels = [items(mapping(detail.get(name)).get(level)) for level in ("10", "50", "90")]
        if not grid or any(len(level) != len(grid) for level in levels):
            continue
        known = [row for row in zip(grid, *levels, strict=True) if all(finite(value) is not None for value in row)]
        if len(known) > 1:
            x, low, middle, high = ([float(value) for value in column] for column in zip(*known, strict=True))
            band: Any = {} if name == "holdout" else {"low": low, "high": high}
            curves.append(Line(f"{said} images", x, middle, side=side(name), **band))
    return curves


def _profile(
    title: str, curves: list[Line], detail: Json, grid: list[float], key: str, axes_words: tuple[str, str], log: bool
) -> list[Block]:
    if not curves:
        return []
    note = "the middle image of each set, in the range of 80 % of them"
    pictures = [drawn_lines(title, curves, key, axes_words=axes_words, logarithmic=log, note=note)]
    error = floats(detail.get("error"))
    if len(error) == len(grid) > 1:
        line = Line("synthetic from training images", grid, error, side="synthetic")
        words_ = (axes_words[0], "distance of the distributions")
        pictures.append(drawn_lines("How far apart", [line], f"{key}-e", axes_words=words_, logarithmic=log))
    return [Gallery(tuple(pictures))]


def structures(detail: Json, check: Json, key: str) -> list[Block]:
    """Draw the volumes of labelled structures beside the real ones', and list them."""
    labels = {f"label {clean(name)}": mapping(one) for name, one in mapping(detail.get("labels")).items()}
    drawn = [point for name, one in labels.items() if (point := _relative_volume(name, mapping(one.get("volume"))))]
    blocks: list[Block] = []
    if drawn:
        unit = "volume; 1 is the middle training image's"
        note = "diamond and bar: the middle synthetic image and the range of 80 % of them; band: of training images"
        blocks.append(Gallery((forest("Volumes of structures", drawn, key, unit=unit, line=1.0, note=note),)))
    rows = [{"label": name, **_structure(one)} for name, one in labels.items()]
    heads = {"label": "Structure"}
    heads |= {f"{name} volume": f"Volume, {said} (80 % of images)" for name, said in SETS.items()}
    heads |= {f"{name} whole": f"In one piece, {said}" for name, said in SETS.items()}
    heads |= {"volume": "Distance of volumes", "pieces": "Distance of pieces"}
    shares = {f"{name} whole" for name in SETS}
    caption = (
        "Structures: volumes in mm³ (areas in mm² of images of two dimensions), and images where they are one piece"
    )
    return blocks + tables(sheet(caption, rows, heads, shares=shares))


def _relative_volume(name: str, volume: Json) -> Point | None:
    """A structure's volumes in synthetic images as multiples of the middle training image's."""
    found, real = (_range(mapping(volume.get(of))) for of in ("synthetic", "train"))
    if found is None or real is None or not real[1] > 0:
        return None
    low, middle, high = (value / real[1] for value in found)
    return Point(name, middle, (low, high), 1.0, (real[0] / real[1], real[2] / real[1]))


def _range(levels: Json) -> tuple[float, float, float] | None:
    known = floats([levels.get(level) for level in ("10", "50", "90")])
    return (known[0], known[1], known[2]) if len(known) == 3 else None


def _structure(one: Json) -> dict[str, Any]:
    """A structure as a row of the table."""
    row: dict[str, Any] = {}
    for name in SETS:
        if found := _range(mapping(mapping(one.get("volume")).get(name))):
            row[f"{name} volume"] = {"value": found[1], "interval": [found[0], found[2]]}
        row[f"{name} whole"] = mapping(one.get("in_one_piece")).get(name)
    return row | dict(mapping(one.get("error")))


def diversity(detail: Json, check: Json, key: str) -> list[Block]:
    """Draw how many pairs of images are how alike."""
    share = mapping(detail.get("share"))
    grid = floats(share.get("ms_ssim"))
    real = f"pairs of {clean(detail.get('against') or 'real')} images"
    curves = [
        Line(said, grid, y, side=name)
        for name, said in (("real", real), ("synthetic", "pairs of synthetic images"))
        if grid and len(y := floats(share.get(name))) == len(grid)
    ]
    if not curves:
        return []
    n = f"{count(detail['images'])} images of each" if finite(detail.get("images")) is not None else ""
    axes_words = ("MS-SSIM: 1 is the same image", "pairs at least so alike")
    return [Gallery((drawn_lines("How alike pairs of images are", curves, key, axes_words=axes_words, note=n),))]


def _compared(detail: Json) -> list[Block]:
    """How many images of each set were compared."""
    compared = mapping(detail.get("compared"))
    known = [f"{count(compared[name])} {said}" for name, said in SETS.items() if finite(compared.get(name)) is not None]
    if not known:
        return []
    size = f", {count(compared['size'])} at a time" if finite(compared.get("size")) is not None else ""
    return [Note(f"Images compared: {listed(known)}{size}.")]


# --- privacy and utility ----------------------------------------------------------------------------------------------


def memorisation(detail: Json, check: Json, key: str) -> list[Block]:
    """List which planted copies were found, and draw how far images point to a single training image."""
    blocks: list[Block] = []
    pointing = mapping(detail.get("pointing"))
    grid = floats(pointing.get("multiple_of_threshold"))
    sets = {"planted": "planted copies", "held_out": "held-out images", "synthetic": "synthetic images"}
    curves = [
        Line(said, grid, y, side=side(name))
        for name, said in sets.items()
        if grid and len(y := floats(pointing.get(name))) == len(grid)
    ]
    if curves:
        axes_words = ("pointing to one training image; 1 makes a copy", "images that reach it")
        blocks.append(
            Gallery((drawn_lines("How far images point to one training image", curves, key, axes_words=axes_words),))
        )
    heads = {"change": "Planted copies", "n": "Planted", "value": "Found (95 % interval)"}
    alarms, flagged = mapping(detail.get("false_alarms")), mapping(detail.get("flagged"))
    counts = [
        *((f"Synthetic images taken for copies, by {derived(by).lower()}", count(n)) for by, n in flagged.items()),
        ("Subjects held out whose image is taken for a copy", percent(alarms.get("held_out"))),
        ("False alarms that the detector is set to", percent(alarms.get("set_to"))),
    ]
    told = tuple((said, figure) for said, figure in counts if figure != words.NONE)
    blocks += tables(sheet("Planted copies found, by the way of copying", mappings(detail.get("recall")), heads))
    if told:
        blocks.append(Table("Images taken for copies", ("What", "Figure"), told, frozenset({1})))
    return blocks + _compared(detail)


def image_utility(detail: Json, check: Json, key: str) -> list[Block]:
    """Draw what nets do on held-out patients after learning from synthetic images, and from both, beside real ones."""
    findings = detail.get("measure") == "auc"
    part, measure, heading = ("finding", "AUC", "Finding") if findings else ("label", "Dice", "Structure")
    overall = [{"part": ALL_FINDINGS if findings else ALL_LABELS, **one} for one in mappings(detail.get("learnt_from"))]
    single = [
        {**one, "part": clean(one.get(part)) if findings else f"label {clean(one.get(part))}"}
        for one in mappings(detail.get(f"by_{part}"))
    ]
    by: dict[str, dict[str, Json]] = {}
    for one in [*overall, *single]:
        by.setdefault(one["part"], {})[clean(one.get("learnt_from"))] = one
    pictures = []
    for arm, title in (
        ("synthetic", "Learnt from synthetic images"),
        ("both", "Learnt from real and synthetic images"),
    ):
        known = points({name: {**one[arm], "reference": one.get("real")} for name, one in by.items() if arm in one})
        if known:
            note = "band: learnt from real images"
            pictures.append(forest(title, known, f"{key}-{arm}", unit=f"{measure} on held-out patients", note=note))
    blocks: list[Block] = [Gallery(tuple(pictures), legend="figures")] if pictures else []
    heads = {"part": heading, "n": "Patients", "real": "Real", "synthetic": "Synthetic", "both": "Both"}
    rows = [{"part": name, "n": next(iter(one.values())).get("n"), **one} for name, one in by.items()]
    blocks += tables(sheet(f"{measure} on held-out patients, by what was learnt from", rows, heads))
    sizes = (("n_train", "images to learn from"), ("n_test", "patients to test on"), ("steps", "steps"))
    told = [f"{count(detail[part])} {said}" for part, said in sizes if finite(detail.get(part)) is not None]
    return blocks + ([Note(f"For each model: {listed(told)}.")] if told else [])
