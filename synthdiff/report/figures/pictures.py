"""Figures of images: planes side by side, with the outlines of what is labelled in them.

The planes are one PNG inside the drawing, so that they come with the page; what is written beside them stays text.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from markupsafe import escape

from synthdiff.report.words import short

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

OUTLINES = ("#ffb000", "#4cc3ff", "#ff6a3d", "#9a7bff", "#7be37b", "#e64bff", "#fff04d")
"""Colours of labels that differ from any grey, and the first four from one another, to those who lack a kind of cone.

An eighth label has the first one's again."""

GREYS = 248
"""Levels of grey that are left beside the outlines in a palette of 256 colours."""

NOTHING = 255
"""The colour of what lies between planes: none, so that the page shows through."""

_TILE, _GAP, _LEFT, _TOP, _LEGEND, _LINE = 124, 5, 66, 20, 26, 1.8
"""Pixels of the drawing: a plane, what is between two, what their names and the key need, and a line."""


@dataclass(frozen=True)
class Plane:
    """A plane of an image: bytes of grey, row by row from the upper left, and of labels; no bytes where it has none."""

    width: int
    height: int
    grey: bytes
    labels: bytes = b""


def contact_sheet(
    rows: Sequence[tuple[str, Sequence[Plane | None]]], columns: Sequence[str], *, names: Mapping[int, str], alt: str
) -> str:
    """Draw planes in rows and columns, all at one scale.

    Parameters
    ----------
    rows : sequence of (str, sequence of Plane or None)
        What is written beside each row, and a plane for each column.
    columns : sequence of str
        What is written above each column.
    names : mapping of int to str
        Labels that the key explains, by their number.
    """
    shown = [plane for _, planes in rows for plane in planes if plane]
    widest = max(plane.width for plane in shown)
    heights = [max((plane.height for plane in planes if plane), default=1) for _, planes in rows]
    finer = -(-_TILE // widest)
    png = base64.b64encode(_png([planes for _, planes in rows], widest, heights, finer)).decode("ascii")
    scale = _TILE / widest
    left, top = (_LEFT if any(said for said, _ in rows) else 0), _TOP if any(columns) else 0
    across = len(columns) * (_TILE + _GAP) - _GAP
    down = sum(heights) * scale + (len(rows) - 1) * _GAP
    parts = [
        _text(left + place * (_TILE + _GAP) + _TILE / 2, top - 7, said, "middle") for place, said in enumerate(columns)
    ]
    y = float(top)
    for (said, _), height in zip(rows, heights, strict=True):
        parts.append(_text(0, y + height * scale / 2 + 4, said, "start"))
        y += height * scale + _GAP
    parts.append(
        f'<image x="{left}" y="{top}" width="{across}" height="{down:.2f}" preserveAspectRatio="none" '
        f'href="data:image/png;base64,{png}"/>'
    )
    x = float(left)
    for label, name in names.items():
        said = short(name, 24)
        outline = OUTLINES[(label - 1) % len(OUTLINES)]
        parts.append(
            f'<rect x="{x + 2:.1f}" y="{top + down + 9:.1f}" width="12" height="12" '
            f'style="fill: #000000; stroke: {outline}; stroke-width: 2.5"/>'
        )
        parts.append(_text(x + 20, top + down + 19.5, said, "start"))
        x += 7.0 * len(said) + 36
    width, long = max(float(left + across), x), top + down + (_LEGEND if names else 0)
    # Below a width at which its words can be read, its box scrolls.
    style = f"min-width: {0.78 * width:.0f}px; max-width: {1.4 * width:.0f}px"
    return (
        f'<svg class="figure" viewBox="0 0 {width:.0f} {long:.0f}" role="img" aria-label="{escape(alt)}" '
        f'style="{style}">{"".join(parts)}</svg>'
    )


def _text(x: float, y: float, said: str, anchor: str) -> str:
    style = f"font-size: 11.5px; text-anchor: {anchor}; fill: var(--quiet)"
    return f'<text x="{x:.1f}" y="{y:.1f}" style="{style}">{escape(said)}</text>' if said else ""


def _png(rows: Sequence[Sequence[Plane | None]], widest: int, heights: Sequence[int], finer: int) -> bytes:
    """All planes on one sheet, each pixel drawn as ``finer`` × ``finer``, so that outlines are finer than pixels."""
    import numpy as np
    from PIL import Image

    # As wide as a line of the other figures, but not as wide as a pixel of the image.
    line = max(1, min(finer // 2, round(_LINE * widest * finer / _TILE)))
    gap = round(_GAP * widest * finer / _TILE)
    wide = widest * finer + gap
    tops = np.cumsum([0, *(height * finer + gap for height in heights)])
    sheet = np.full((tops[-1] - gap, len(rows[0]) * wide - gap), NOTHING, np.uint8)
    for planes, top, height in zip(rows, tops, heights, strict=False):
        for column, plane in enumerate(planes):
            if plane:
                tile = _tile(plane, finer, line)
                y = int(top) + (height - plane.height) * finer // 2
                x = column * wide + (widest - plane.width) * finer // 2
                sheet[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
    picture = Image.fromarray(sheet)
    picture.putpalette(_palette())
    written = io.BytesIO()
    picture.save(written, format="PNG", optimize=True, transparency=NOTHING)
    return written.getvalue()


def _palette() -> list[int]:
    greys = [round(255 * level / (GREYS - 1)) for level in range(GREYS)]
    outlines = [int(colour[i : i + 2], 16) for colour in OUTLINES for i in (1, 3, 5)]
    return [grey for grey in greys for _ in range(3)] + outlines + [0, 0, 0]


def _tile(plane: Plane, finer: int, line: int) -> Pixels:
    """A plane as indices of the palette, a line of ``line`` pixels inside the edge of what has one label."""
    import numpy as np

    def pixels(content: bytes) -> Any:
        return np.frombuffer(content, np.uint8).reshape(plane.height, plane.width).repeat(finer, 0).repeat(finer, 1)

    tile: Pixels = (pixels(plane.grey).astype(np.uint16) * (GREYS - 1) // 255).astype(np.uint8)
    if plane.labels:
        labels = pixels(plane.labels)
        around = np.pad(labels, line)
        inner = np.ones(labels.shape, bool)
        for y, x in product((0, line, 2 * line), repeat=2):
            inner &= around[y : y + labels.shape[0], x : x + labels.shape[1]] == labels
        edge = (labels > 0) & ~inner
        tile[edge] = GREYS + (labels[edge] - 1) % len(OUTLINES)
    return tile
