"""Pictures: planes on one sheet, in their places, with outlines that anybody can tell apart."""

from __future__ import annotations

import base64
import io
import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray
from test_figures import SIGHT, _lab

from synthdiff.report.figures import Plane, contact_sheet
from synthdiff.report.figures.pictures import OUTLINES

WHITE, BLACK = Plane(20, 10, bytes([255] * 200)), Plane(10, 10, bytes(100))
HALVES = Plane(20, 10, bytes([128] * 200), bytes(([0] * 4 + [1] * 6 + [2] * 6 + [0] * 4) * 10))


def drawn(*rows: tuple[str, list[Plane | None]], **more: Any) -> str:
    columns = [str(place) for place in range(len(rows[0][1]))]
    return contact_sheet(rows, columns, **{"names": {}, "alt": "images", **more})


def pixels(svg: str) -> NDArray[np.uint8]:
    """The sheet's red, green, blue and opacity."""
    from PIL import Image

    (text,) = re.findall(r'href="data:image/png;base64,([^"]+)"', svg)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGBA"))


def test_a_sheet_is_a_sound_drawing_that_says_what_it_shows() -> None:
    svg = drawn(("<b>", [WHITE, BLACK]), alt='a "<b>"', names={1: "x" * 99, 2: "<i>"})
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img" and root.get("aria-label") == 'a "<b>"'
    texts = [element.text or "" for element in root.iter("text")]
    assert texts[:3] == ["0", "1", "<b>"] and texts[-1] == "<i>" and max(map(len, texts)) <= 24
    assert "http" not in svg and svg == drawn(("<b>", [WHITE, BLACK]), alt='a "<b>"', names={1: "x" * 99, 2: "<i>"})


def test_planes_lie_in_their_places_and_nothing_between_them() -> None:
    sheet = pixels(drawn(("", [WHITE, None]), ("", [BLACK, WHITE])))
    opaque = sheet[..., 3] > 0
    high, wide = (n // 4 for n in opaque.shape)
    assert opaque[high, wide] and not opaque[high, 3 * wide] and opaque[3 * high, 3 * wide]
    assert (sheet[high, wide, :3] == 255).all() and (sheet[3 * high, wide, :3] == 0).all()
    # Half as wide as the widest, so with nothing to either side of it.
    assert opaque[3 * high].sum() == pytest.approx(1.5 * opaque[high].sum(), rel=0.05)
    assert not opaque[len(opaque) // 2].any() and not opaque[:, opaque.shape[1] // 2].any()


def test_labels_are_outlined_each_in_its_colour_and_left_clear_inside() -> None:
    sheet = pixels(drawn(("", [HALVES])))[..., :3]
    for place, colour in enumerate(OUTLINES[:2]):
        left = int(sheet.shape[1] * (0.2 + 0.3 * place))
        here = (sheet == [int(colour[i : i + 2], 16) for i in (1, 3, 5)]).all(axis=2)
        rows, columns = np.nonzero(here)
        assert columns.min() == left and rows.min() == 0 and rows.max() == len(sheet) - 1
        middle = left + int(0.15 * sheet.shape[1])
        assert (sheet[len(sheet) // 2, middle] == 127).all() and 0.02 < here.mean() < 0.15
    assert (pixels(drawn(("", [Plane(20, 10, HALVES.grey)])))[..., :3] == 127).all()


def test_a_long_row_of_labels_begins_again_with_the_colours() -> None:
    eighth = Plane(20, 10, bytes(200), bytes([8] * 200))
    found = {tuple(colour) for colour in pixels(drawn(("", [eighth])))[..., :3].reshape(-1, 3).tolist()}
    assert found == {(0, 0, 0), tuple(int(OUTLINES[0][i : i + 2], 16) for i in (1, 3, 5))}


@pytest.mark.parametrize("sight", SIGHT)
def test_outlines_can_be_told_from_any_grey_and_the_first_ones_from_each_other(sight: str) -> None:
    seen = [_lab(colour, sight) for colour in OUTLINES]
    for grey in range(0, 256, 15):
        ground = _lab(f"#{grey:02x}{grey:02x}{grey:02x}", sight)
        # A difference of 2 is just seen.
        assert min(float(np.linalg.norm(one - ground)) for one in seen) > 12, grey
    # Most images have one or two labels, few more than four; the key has their names besides.
    assert min(float(np.linalg.norm(a - b)) for i, a in enumerate(seen[:4]) for b in seen[:i]) > 20
