"""Figures: well-formed, themed, with identifiers of their own, and true to the numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from answers import HOSTILE
from numpy.typing import NDArray

from synthdiff.report import drawing, figures
from synthdiff.report.figures import Curve, Limit, Line, Mark, Point

NAMES = list(HOSTILE)
SHARES = [(i + 1) / 105 for i in range(14)]
MATRIX = [[(i - j) / 14 for i in range(14)] for j in range(14)]
CURVE = Curve([0, 0.005, 0.5, 1], [0, 0.2, 0.8, 1])

AXES = ("x", "y")
POINTS = [Point(name, 0.8, (0.7, 0.9), 0.75, (0.7, 0.8)) for name in NAMES] + [Point("b", 0.7)]
LINES = [
    Line("a", [0, 1, 2], [1, 0.5, 0.2], [0.9, 0.4, 0.1], [1, 0.6, 0.3], side)
    for side in ("real", "synthetic", "reference", "quiet")
]
WITHIN = [(share / 2, share * 2) for share in SHARES]
BAND: Any = {"reference": 0.04, "reference_interval": (0.0, 0.1)}

DRAWN: dict[str, Callable[..., str]] = {
    "histogram": partial(figures.histogram, NAMES, SHARES, SHARES[::-1]),
    "histogram with band": partial(figures.histogram, NAMES, SHARES, SHARES[::-1], band=WITHIN),
    "levels": partial(figures.levels, NAMES, SHARES, SHARES[::-1]),
    "levels with band": partial(figures.levels, NAMES, SHARES, SHARES[::-1], band=WITHIN),
    "missingness": partial(figures.missingness, NAMES, SHARES, SHARES[::-1]),
    "roc": partial(
        figures.roc, CURVE, subject="s", axes_words=AXES, reference=CURVE, marks=[Mark(0.01, 0.2, (0.1, 0.3))]
    ),
    "corner": partial(figures.roc, CURVE, subject="s", axes_words=AXES, window=0.12),
    "matrix": partial(figures.matrix, NAMES, MATRIX, limit=0.5),
    "lines": partial(figures.lines, LINES, axes_words=AXES),
    "survival": partial(figures.lines, LINES, axes_words=AXES, shares=True, steps=True),
    "forest": partial(figures.forest, POINTS, unit="AUC", line=0.5),
    "ranking": partial(figures.ranking, NAMES, SHARES, unit="AUC"),
    "strip": partial(figures.strip, 0.1, (0.05, 0.2), limit=Limit(0.15, "below"), **BAND),
}


def drawn(kind: str, key: str = "k1") -> str:
    """One of the figures above."""
    return DRAWN[kind](key=key, alt="a <b>")


@pytest.mark.parametrize("kind", DRAWN)
def test_a_figure_fits_into_a_page(kind: str) -> None:
    svg = drawn(kind, "k1")
    root = ElementTree.fromstring(svg)
    assert root.tag == "svg" and root.get("aria-label") == "a <b>" and root.get("role") == "img"
    assert "http" not in svg.replace("https://example", "") and "<style" not in svg and "xmlns" not in svg
    identifiers = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(identifiers) == len(set(identifiers)) and all(str(name).startswith("k1-") for name in identifiers)
    for target in re.findall(r'(?:href="|url\()#([^")]+)', svg):
        assert target in identifiers
    assert set(re.findall(r"(?:fill|stroke): *([^;\"]+)", svg)) <= {f"var(--{name})" for name in drawing.TONES} | {
        "none"
    }
    assert svg == drawn(kind, "k1")
    assert svg.replace("k1-", "k2-") == drawn(kind, "k2")


@pytest.mark.parametrize("kind", ["histogram", "levels", "missingness", "matrix", "ranking", "forest"])
def test_names_from_the_data_stay_text(kind: str) -> None:
    texts = [element.text or "" for element in ElementTree.fromstring(drawn(kind, "k")).iter("text")]
    assert any(text.startswith("<script>") for text in texts)
    assert kind == "histogram" or "$\\frac{x}{y}$" in texts
    assert max(map(len, texts)) <= 40


def test_the_users_own_settings_neither_reach_a_figure_nor_change() -> None:
    plain = drawn("histogram", "k")
    with matplotlib.rc_context({"axes.grid": True, "font.size": 30, "svg.fonttype": "path", "lines.linewidth": 9}):
        assert drawn("histogram", "k") == plain
        assert matplotlib.rcParams["font.size"] == 30


def _boxes(svg: str, tone: str) -> list[tuple[float, float]]:
    """Width and height of the rectangles filled with a tone."""
    boxes = []
    for path in re.findall(rf'<path d="([^"]*)"[^>]*fill: var\(--{tone}\)', svg):
        numbers = [float(number) for number in re.findall(r"-?\d+\.?\d*", path)]
        boxes.append((max(numbers[::2]) - min(numbers[::2]), max(numbers[1::2]) - min(numbers[1::2])))
    return boxes


def test_bars_are_as_long_as_the_shares() -> None:
    svg = figures.levels(["a", "b"], [0.25, 0.75], [0.5, 0.5], key="k", alt="a")
    real, synthetic = (sorted(width for width, _ in _boxes(svg, tone)) for tone in ("real-soft", "synthetic-soft"))
    assert real[1] / real[0] == pytest.approx(3, rel=0.01)
    assert synthetic[0] / real[0] == pytest.approx(2, rel=0.01)
    heights = [
        height
        for _, height in _boxes(
            figures.histogram("abc", [0.2, 0.3, 0.5], [0.1, 0.1, 0.8], key="k", alt="a"), "real-soft"
        )
    ]
    assert heights[2] / heights[0] == pytest.approx(2.5, rel=0.01)


def test_levels_beyond_the_eighth_are_drawn_as_one() -> None:
    shares = [0.5 / 699] * 699 + [0.5]
    svg = figures.levels([f"L{i}" for i in range(700)], shares, shares, key="k", alt="a")
    assert "(693 others)" in svg and "L699" in svg and len(_boxes(svg, "real-soft")) == 8
    assert len(svg) < 20_000


def test_a_matrix_of_forty_columns_is_small_and_shows_sign_and_gaps() -> None:
    n = 40
    values: list[list[float | None]] = [[(i * j) / n**2 for i in range(n)] for j in range(n)]
    svg = figures.matrix([f"column {i}" for i in range(n)], values, limit=1.0, key="k", alt="a")
    assert len(svg) < 150_000
    small = figures.matrix(["a", "b"], [[1.0, -1.0], [None, 0.0]], limit=1.0, key="k", alt="a")
    fills = re.findall(r'<path d="([^"]*)"[^>]*fill: var\(--step-(\d)\)', small)
    cells = sorted(step for path, step in fills if path.count("M") and "k" not in path)
    # Three cells and the nine colours of the scale; the missing cell is not drawn.
    assert cells == sorted([*"012345678", "0", "4", "8"])


def test_a_strip_shades_what_lies_beyond_the_bar() -> None:
    def shaded(limit: Limit | None) -> tuple[float, float] | None:
        svg = figures.strip(0.5, (0.4, 0.6), key="k", alt="a", limit=limit)
        found = re.findall(r'<path d="([^"]*)"[^>]*fill: var\(--outside\)', svg)
        numbers = [float(number) for number in re.findall(r"-?\d+\.?\d*", found[0])] if found else []
        return (min(numbers[::2]), max(numbers[::2])) if found else None

    assert shaded(None) is None and shaded(Limit(0.5, "at")) is None
    below, above = shaded(Limit(0.5, "below")), shaded(Limit(0.5, "above"))
    assert below and above and below[0] == pytest.approx(above[1], abs=0.1)
    assert below[1] > 300 and above[0] < 40


@pytest.mark.parametrize("interval", [None, (0.0, 0.0)])
def test_a_strip_of_nothing_but_zero(interval: tuple[float, float] | None) -> None:
    ElementTree.fromstring(figures.strip(0.0, interval, key="k", alt="a", limit=Limit(0.0, "below")))


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _tones(scheme: str) -> dict[str, str]:
    style = (Path(drawing.__file__).parent / "templates" / "style.css").read_text()
    rules = re.findall(r":root \{(.*?)\}", style, flags=re.S)[["light", "dark"].index(scheme)]
    return dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", rules))


# Machado, Oliveira & Fernandes (2009), severity 1.0: what linear RGB becomes to those who lack one kind of cone.
SIGHT = {
    "all cones": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


def _lab(colour: str, sight: str) -> NDArray[np.float64]:
    """CIE L*a*b* of a colour as somebody sees it."""
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(SIGHT[sight]) @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(to_xyz @ seen / [0.9505, 1.0, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_that_must_be_told_apart_can_be_whoever_looks(scheme: str, sight: str) -> None:
    tones = _tones(scheme)
    # A difference of 2 is just seen side by side; 20 is another colour. Verdicts have a symbol and a word besides.
    for one, other, least in (
        ("real", "synthetic", 30), ("real-soft", "synthetic-soft", 20), ("good", "bad", 10), ("step-0", "step-8", 30),
        ("step-3", "step-5", 15),
    ):  # fmt: skip
        apart = float(np.linalg.norm(_lab(tones[one], sight) - _lab(tones[other], sight)))
        assert apart >= least, (one, other, apart)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_palette_has_every_tone_and_enough_contrast(scheme: str) -> None:
    tones = _tones(scheme)
    assert set(drawing.TONES) <= set(tones)
    for ground in ("page", "paper"):
        for text in ("ink", "quiet", "link", "good", "bad", "unsure"):
            assert _contrast(tones[text], tones[ground]) >= 4.5, (text, ground)
        for shape in ("real", "synthetic", "reference"):
            assert _contrast(tones[shape], tones[ground]) >= 3, (shape, ground)
    for verdict in ("good", "bad", "unsure"):
        assert _contrast(tones[verdict], tones[f"{verdict}-soft"]) >= 4.5
        assert _contrast(tones["ink"], tones[f"{verdict}-soft"]) >= 7
        assert _contrast(tones["link"], tones[f"{verdict}-soft"]) >= 4.5
        assert _contrast(tones["quiet"], tones[f"{verdict}-soft"]) >= 4.5
    assert _contrast(tones["real"], tones["real-soft"]) >= 2.5 and _contrast(tones["synthetic"], tones["outside"]) >= 3
    lightness = [_luminance(tones[f"step-{i}"]) for i in range(drawing.STEPS)]
    towards_middle = lightness[:5] if scheme == "light" else lightness[4::-1] and [-v for v in lightness[:5]]
    assert towards_middle == sorted(towards_middle), "the scale runs evenly from its end to its middle"
