"""Drawing: what every figure of the report shares, from the canvas to the ``<svg>`` element that a page may hold.

A figure is drawn by matplotlib's object-oriented interface and then made fit for a page that must open anywhere: text
stays text, colours become the page's CSS variables (so that one drawing serves light, dark and paper), every identifier
is prefixed by the figure's own key, and nothing refers to anything outside.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from synthdiff.report.words import MINUS, THIN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

STEPS = 9
"""Number of colours on the diverging scale; the middle one is nothing."""

_NAMES = ("ink", "quiet", "rule", "paper", "real", "real-soft", "synthetic", "synthetic-soft", "reference", "outside")
_SCALE = tuple(f"step-{index}" for index in range(STEPS))

TONES = {name: f"#0000{index:02x}" for index, name in enumerate((*_NAMES, *_SCALE), start=1)}
"""Stand-ins that matplotlib draws with; the page's style sheet gives each name its colour in light, dark and print."""

_VARIABLES = {stand_in: f"var(--{name})" for name, stand_in in TONES.items()}

_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "synthdiff",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 11.5,
    "axes.unicode_minus": True,
    "axes.edgecolor": TONES["rule"],
    "axes.labelcolor": TONES["quiet"],
    "axes.labelsize": 11.5,
    "axes.linewidth": 1.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": TONES["ink"],
    "xtick.color": TONES["rule"],
    "ytick.color": TONES["rule"],
    "xtick.labelcolor": TONES["quiet"],
    "ytick.labelcolor": TONES["quiet"],
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "hatch.linewidth": 1.0,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw with the report's settings, whatever the user's own are."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        # The browser's fonts draw the text; which of its letters DejaVu lacks does not matter here.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        yield


def canvas(width: float, height: float, left: float, right: float, bottom: float, top: float) -> tuple[Figure, Axes]:
    """A figure of ``width`` × ``height`` pixels with one pair of axes inside the margins."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / 72, height / 72))
    box = (left / width, bottom / height, (width - left - right) / width, (height - bottom - top) / height)
    axes = figure.add_axes(box)
    figure.patch.set_visible(False)
    axes.patch.set_visible(False)
    axes.tick_params(length=3, width=1, pad=3)
    return figure, axes


_SVG = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_LONG_FRACTION = re.compile(r"(\d+\.\d\d)\d+")
_FAMILY = re.compile(r"\s*font-family:[^;]*;?")
_TONE = re.compile("|".join(_VARIABLES))


def inline(figure: Figure, key: str, alt: str, least: float = 0.0) -> str:
    """Write a figure as an ``<svg>`` element that stands on its own inside an HTML page.

    It takes the width that it is given, up to 1.4 times its own; below ``least`` pixels its box scrolls.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    drawn = ElementTree.fromstring(buffer.getvalue())
    used = {target for element in drawn.iter() for target in _targets(element)}
    for child in list(drawn):
        # matplotlib's metadata name its web site, and its style sheet would reach the whole page.
        if child.tag == f"{_SVG}metadata" or child.find(f"{_SVG}style") is not None:
            drawn.remove(child)
    for element in drawn.iter():
        element.tag = element.tag.removeprefix(_SVG)
        element.tail = None
        if element.tag != "text":
            element.text = None
        element.attrib = dict(_attributes(element.attrib, used, key))
    width, height = (round(72 * inches) for inches in figure.get_size_inches())
    drawn.attrib = {"class": "figure", "viewBox": f"0 0 {width} {height}", "role": "img", "aria-label": alt}
    drawn.attrib["style"] = f"min-width: {least:.0f}px; max-width: {1.4 * width:.0f}px"
    return ElementTree.tostring(drawn, encoding="unicode")


def _targets(element: ElementTree.Element) -> Iterator[str]:
    for name, value in element.attrib.items():
        if name == _LINK:
            yield value.removeprefix("#")
        yield from _REFERENCE.findall(value)


def _attributes(attributes: dict[str, str], used: set[str], key: str) -> Iterator[tuple[str, str]]:
    for name, value in attributes.items():
        if name == "id":
            if value in used:
                yield name, f"{key}-{value}"
        elif name == _LINK:
            yield "href", f"#{key}-{value.removeprefix('#')}"
        elif name == "transform" and value.startswith("rotate(-0 "):
            continue
        else:
            value = _REFERENCE.sub(rf"url(#{key}-\1)", _FAMILY.sub("", value))
            value = _TONE.sub(lambda tone: _VARIABLES[tone.group()], value)
            yield name, " ".join(_LONG_FRACTION.sub(r"\1", value).split())


def room(texts: Sequence[str], most: float) -> float:
    """Pixels that labels beside an axis need."""
    return min(most, 7.0 * max(map(len, texts), default=0) + 10)


def ticks(axis: Axis, words: Callable[[float], str], most: int) -> None:
    """Put at most about ``most`` round ticks on an axis."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: words(value)))


def decades(axis: Axis, words: Callable[[float], str]) -> None:
    """Put ticks on a logarithmic axis: 1, 2 and 5 times powers of ten, or these alone where there are many."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    low, high = axis.get_data_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: words(value)))


def plain_tick(value: float) -> str:
    """A number on an axis."""
    return f"{value:.10g}".replace("-", MINUS)


def percent_tick(value: float) -> str:
    """A share on an axis, in per cent."""
    return f"{plain_tick(round(100 * value, 6))}{THIN}%"
