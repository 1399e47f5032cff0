"""Planes: upright whatever way an image is stored, square pixels, its own window, plain JSON."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from synthdiff.planes import SIDE, gallery, pair
from synthdiff.voxels import Volume

# In RAS: a mark in the patient's right, anterior, superior corner of each middle plane.
SHAPE, SPACING = (12, 16, 10), (2.0, 1.0, 3.0)


def scan() -> Volume:
    """A body with bright corners that lie to the right, in front and above, and a label above the middle."""
    array = np.zeros(SHAPE)
    array[8:, 12:, :] = 100
    array[8:, :, 7:] = 100
    array[:, 12:, 7:] = 100
    labels = np.zeros(SHAPE, np.uint16)
    labels[5:7, 7:9, 7:] = 300
    return Volume(array, np.diag([*SPACING, 1.0]), labels=labels)


def stored(volume: Volume, order: tuple[int, ...], turned: tuple[bool, ...]) -> Volume:
    """The same image with its axes in another order and direction."""
    affine, at = volume.affine.copy(), volume.affine[:3, 3].copy()
    for axis, turn in enumerate(turned):
        if turn:
            at += (volume.array.shape[axis] - 1) * affine[:3, axis]
            affine[:3, axis] *= -1
    flips = tuple(axis for axis, turn in enumerate(turned) if turn)
    affine[:3, :3], affine[:3, 3] = affine[:3, list(order)], at
    assert volume.labels is not None
    parts = (np.flip(part, flips).transpose(order) for part in (volume.array, volume.labels))
    return replace(volume, **dict(zip(("array", "labels"), parts, strict=True)), affine=affine)


def pixels(plane: dict[str, Any], what: str = "grey") -> NDArray[np.uint8]:
    """Rows of a plane, the uppermost first."""
    return np.frombuffer(base64.b64decode(plane[what]), np.uint8).reshape(plane["height"], plane["width"])


def test_planes_lie_as_a_radiologist_expects() -> None:
    planes = {plane["axis"]: plane for plane in gallery([scan()])[0]["planes"]}
    assert list(planes) == ["axial", "coronal", "sagittal"]
    # The patient's right and front; his right and head; his front and head: always the viewer's upper left.
    for plane in planes.values():
        seen = pixels(plane)
        assert seen[0, 0] == 255 and seen[-1, 0] == seen[0, -1] == seen[-1, -1] == 0
    assert pixels(planes["coronal"], "labels")[0].any() and not pixels(planes["coronal"], "labels")[-1].any()


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_how_an_image_is_stored_changes_nothing(order: tuple[int, ...]) -> None:
    # An odd number of voxels has one middle from either end.
    odd = replace(scan(), array=scan().array[1:, 1:, 1:], labels=np.asarray(scan().labels)[1:, 1:, 1:])
    for turned in product((False, True), repeat=3):
        assert gallery([stored(odd, order, turned)]) == gallery([odd])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.tuples(*[st.integers(1, 40)] * 3), st.tuples(*[st.floats(0.1, 9)] * 3)), min_size=1, max_size=3
    )
)
def test_pixels_are_square_and_of_one_size(several: list[tuple[tuple[int, ...], tuple[float, ...]]]) -> None:
    volumes = [Volume(np.ones(shape), np.diag([*spacing, 1.0])) for shape, spacing in several]
    made = gallery(volumes)
    assert json.loads(json.dumps(made)) == made
    longest = max(n * step for shape, spacing in several for n, step in zip(shape, spacing, strict=True))
    pixel = max(longest / SIDE, min(min(spacing) for _, spacing in several))
    for (shape, spacing), one in zip(several, made, strict=True):
        x, y, z = (n * step / pixel for n, step in zip(shape, spacing, strict=True))
        for plane, sides in zip(one["planes"], ((x, y), (x, z), (y, z)), strict=True):
            assert max(plane["width"], plane["height"]) <= SIDE
            assert plane["width"] == max(1, round(sides[0])) and plane["height"] == max(1, round(sides[1]))
            assert len(base64.b64decode(plane["grey"])) == plane["width"] * plane["height"]


def test_an_images_own_quantiles_are_black_and_white() -> None:
    grey = gallery([scan(), replace(scan(), array=scan().array * -7.5 + 1e6)])
    first, second = (pixels(one["planes"][0]).astype(int) for one in grey)
    assert np.array_equal(first, 255 - second)
    array = scan().array + np.linspace(0, 1, np.prod(SHAPE)).reshape(SHAPE)
    hot = array.copy()
    hot[0, 0, 5] = 1e9
    plain, metal = (pixels(gallery([replace(scan(), array=one)])[0]["planes"][0]).astype(int) for one in (array, hot))
    assert np.abs(plain - metal)[:-1].max() < 8, "one hot voxel leaves the others visible"
    assert not pixels(gallery([Volume(np.full((4, 4), -3.0), np.eye(4))])[0]["planes"][0]).any()
    mask = Volume(np.arange(16).reshape(4, 4) > 7, np.eye(4))
    assert set(pixels(gallery([mask])[0]["planes"][0]).ravel()) == {0, 255}


def test_coarse_voxels_stay_visible_and_large_images_are_averaged() -> None:
    coarse = Volume(np.arange(6.0).reshape(2, 3), np.diag([-1.0, -4.0, 1.0, 1.0]))
    seen = pixels(gallery([coarse])[0]["planes"][0])
    assert seen.shape == (12, 2) and all(len(set(seen[4 * i : 4 * i + 4, 0])) == 1 for i in range(3))
    stripes = np.indices((960, 960)).sum(axis=0) % 2
    large = pixels(gallery([Volume(stripes, np.eye(4))])[0]["planes"][0])
    assert large.shape == (SIDE, SIDE) and set(large.ravel()) <= {127, 128}


def test_a_picture_is_shown_as_it_is_looked_at() -> None:
    # As pictures are read: columns lead to the patient's left, rows down.
    array = np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]).T
    picture = Volume(array, np.diag([-1.0, -1.0, 1.0, 1.0]), labels=(array > 3).astype(np.uint8))
    (plane,) = gallery([picture])[0]["planes"]
    assert plane["axis"] == "image" and (plane["width"], plane["height"]) == (3, 2)
    assert np.all(np.diff(pixels(plane).ravel().astype(int)) > 0)
    assert pixels(plane, "labels").tolist() == [[0, 0, 0], [0, 1, 1]]


def test_labels_keep_their_codes_as_long_as_a_byte_holds_them() -> None:
    assert set(pixels(gallery([scan()])[0]["planes"][1], "labels").ravel()) == {0, 300 - 255}
    assert gallery([replace(scan(), labels=None)])[0]["planes"][0]["labels"] is None


def test_the_first_images_are_shown_and_a_pair_at_one_scale() -> None:
    assert len(gallery([scan()] * 12)) == 8 and len(gallery([scan()] * 12, 3)) == 3 and gallery([]) == []
    assert [one["finding"] for one in gallery([scan(), replace(scan(), finding="torn")])] == ["", "torn"]
    large = Volume(np.ones((24, 32, 20)), np.diag([*SPACING, 1.0]), name="a scan")
    both = pair(large, scan())
    assert both["names"] == {"real": "a scan", "synthetic": ""}
    for real, synthetic in zip(both["real"], both["synthetic"], strict=True):
        assert real["width"] == pytest.approx(2 * synthetic["width"], abs=1)
