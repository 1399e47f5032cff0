"""Radiomic figures: published values, known shapes, and what must not change them."""

from __future__ import annotations

import gc
from dataclasses import replace
from weakref import ref

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from phantoms import phantoms

from synthdiff.checks.imaging.grey import grey, once
from synthdiff.checks.imaging.radiomics import cooccurrence, features, matrix
from synthdiff.voxels import Volume

SOLID, FLAT = phantoms(1, 5)[0], phantoms(1, 5, dimensions=2)[0]


def named(volume: Volume, labels: tuple[int, ...] = ()) -> dict[str, float]:
    found = features(volume, labels)
    return dict(zip(found.names, found.values.tolist(), strict=True))


def plain(array: np.ndarray, spacing: tuple[float, float, float] = (1, 1, 1), units: str = "HU") -> Volume:
    return Volume(array, np.diag([*map(float, spacing), 1.0]), "CT", units)


def test_cooccurrence_is_that_of_haralicks_own_example() -> None:
    image = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [0, 2, 2, 2], [2, 2, 3, 3]], dtype=np.intp)
    known = {  # Haralick et al. 1973, figure 3: neighbours below, beside, and on the two diagonals
        (1, 0): [[6, 0, 2, 0], [0, 4, 2, 0], [2, 2, 2, 2], [0, 0, 2, 0]],
        (0, 1): [[4, 2, 1, 0], [2, 4, 0, 0], [1, 0, 6, 1], [0, 0, 1, 2]],
        (1, 1): [[2, 1, 3, 0], [1, 2, 1, 0], [3, 1, 0, 2], [0, 0, 2, 0]],
        (1, -1): [[4, 1, 0, 0], [1, 2, 2, 0], [0, 2, 4, 1], [0, 0, 1, 0]],
    }
    matrices, steps = cooccurrence(image, 4)
    found = {tuple(step): one for step, one in zip(steps.tolist(), matrices, strict=True)}
    assert found.keys() == known.keys()
    for step, counts in known.items():
        np.testing.assert_allclose(found[step], np.array(counts) / np.sum(counts))


def test_texture_of_stripes_is_what_can_be_counted_by_hand() -> None:
    stripes = np.zeros((8, 8, 8))
    stripes[::2] = 1
    one = named(plain(stripes))
    assert cooccurrence(stripes.astype(np.intp), 2)[0].shape == (13, 2, 2)
    # Of 13 directions, the nine that step along the first axis see the other stripe each time.
    nearness = {1: 1.0, 2: 1 / np.sqrt(2), 3: 1 / np.sqrt(3)}
    across = nearness[1] + 4 * nearness[2] + 4 * nearness[3]
    share = across / (across + 2 * nearness[1] + 2 * nearness[2])
    assert one["texture_dissimilarity"] == pytest.approx(31 * share)
    assert one["texture_correlation"] == pytest.approx(1 - 2 * share, abs=0.05)
    assert named(plain(stripes.transpose(1, 0, 2)))["texture_dissimilarity"] == pytest.approx(31 * share)


def test_energy_of_all_wavelet_bands_is_that_of_the_image() -> None:
    values = np.random.default_rng(0).normal(size=(16, 16, 16))
    found = named(plain(1000 * values - 1000, units="HU"))
    seen = grey(plain(1000 * values - 1000)).values
    bands = {name: 10**value - 1e-6 for name, value in found.items() if name.startswith("wavelet_")}
    sums = {level: sum(v for name, v in bands.items() if name.startswith(f"wavelet_{level}")) for level in (1, 2, 3)}
    smooth = seen.reshape(2, 8, 2, 8, 2, 8).sum(axis=(1, 3, 5)) / np.sqrt(8**3)
    total = sum(sums[level] * 16**3 / 8**level for level in sums) + (smooth**2).sum()
    assert total == pytest.approx((seen**2).sum(), rel=1e-3)


def test_gradients_are_per_millimetre_and_coarse_axes_are_halved_later() -> None:
    array = 100 * np.random.default_rng(1).normal(size=(16, 16, 16))
    near, far, thick = (named(plain(array, spacing)) for spacing in ((1, 1, 1), (2, 2, 2), (1, 1, 4)))
    assert near["gradient_energy"] - far["gradient_energy"] == pytest.approx(np.log10(4), abs=1e-3)
    assert near["wavelet_1_LLH"] == far["wavelet_1_LLH"]
    assert all(np.isnan(thick[f"wavelet_{level}_LLH"]) for level in (1, 2))
    assert np.isfinite(thick["wavelet_3_LLH"])


def test_a_box_has_the_size_surface_form_and_place_of_a_box() -> None:
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[2:6, 4:12, 10:13] = 3
    volume = replace(plain(100.0 * labels, (1, 0.5, 2)), labels=labels)
    found = named(volume, (3, 7))
    assert found["label_3_size"] == pytest.approx((4 * 4 * 6) ** (1 / 3))
    assert found["label_3_surface"] == pytest.approx((2 * (16 + 24 + 24)) ** 0.5)
    assert found["label_3_elongation"] == pytest.approx(4 / 6) and found["label_3_flatness"] == pytest.approx(4 / 6)
    assert [found[f"label_3_place_{axis}"] for axis in range(3)] == pytest.approx([3.5 - 9.5, -1.0, 3.0])
    assert found["label_3_intensity"] == pytest.approx(1.3) and found["label_3_spread"] == pytest.approx(0)
    assert found["label_7_size"] == 0 and np.isnan(found["label_7_intensity"])


@settings(max_examples=15, deadline=None)
@given(st.floats(-8, 8), st.floats(-1e3, 1e3))
def test_scale_and_offset_mean_nothing_in_arbitrary_units(power: float, offset: float) -> None:
    scale = 10**power
    other = replace(SOLID, array=SOLID.array * scale + offset * scale)
    np.testing.assert_allclose(features(other, (1, 2)).values, features(SOLID, (1, 2)).values, rtol=1e-4, atol=1e-4)


def test_hounsfield_units_do_mean_something() -> None:
    body = phantoms(1, 5, units="HU")[0]
    shifted = named(replace(body, array=body.array + 50))
    assert shifted["intensity_mean"] - named(body)["intensity_mean"] == pytest.approx(0.05)
    assert shifted["texture_contrast"] == pytest.approx(named(body)["texture_contrast"])


def test_the_way_of_storing_an_image_changes_nothing() -> None:
    assert SOLID.labels is not None
    affine = SOLID.affine[:, [2, 0, 1, 3]].copy()
    affine[:, 1] *= -1
    stored = [np.flip(array.transpose(2, 0, 1), 1) for array in (SOLID.array, SOLID.labels)]
    other = replace(SOLID, array=stored[0], labels=stored[1], affine=affine)
    np.testing.assert_allclose(features(other, (1, 2)).values, features(SOLID, (1, 2)).values)
    mirrored = replace(SOLID, array=np.flip(SOLID.array, 0), labels=np.flip(SOLID.labels, 0))
    assert named(mirrored)["layout_slope_0"] == pytest.approx(-named(SOLID)["layout_slope_0"])
    assert named(mirrored)["texture_contrast"] == pytest.approx(named(SOLID)["texture_contrast"])


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 1, 7), (28, 28, 1), (3, 4), (1, 9)])
@pytest.mark.parametrize("made", ["constant", "one hot voxel", "mask", "unsigned"])
def test_odd_images_have_finite_figures(shape: tuple[int, ...], made: str) -> None:
    array = np.zeros(shape)
    if made != "constant":
        array.flat[0] = 1e30 if made == "one hot voxel" else 1
    array = array.astype({"mask": bool, "unsigned": np.uint8}.get(made, float))
    volume = Volume(array, np.eye(4), labels=(array > 0).astype(np.uint8))
    with np.errstate(all="raise", under="ignore"):
        found = named(volume, (1,))
    assert not any(np.isinf(value) for value in found.values())
    assert {name for name, value in found.items() if np.isnan(value)} <= {
        name for name in found if name.startswith(("wavelet", "label"))
    }


@pytest.mark.parametrize("volume", [SOLID, FLAT], ids=["3-D", "2-D"])
def test_figures_are_named_by_dimensions_and_labels_alone(volume: Volume) -> None:
    others = phantoms(3, 9, dimensions=volume.array.ndim)
    found = matrix(others, (1, 2))
    assert found.names == features(volume, (1, 2)).names and len(set(found.names)) == len(found.names)
    assert found.values.shape == (3, len(found.names))
    again = features(replace(volume), (1, 2))
    np.testing.assert_array_equal(again.values, features(volume, (1, 2)).values)


def test_an_image_is_measured_once_and_forgotten_with_it() -> None:
    asked = []

    @once
    def measure(volume: Volume) -> float:
        asked.append(1)
        return float(volume.array.max())

    volume = replace(SOLID)
    assert measure(volume) == measure(volume) and len(asked) == 1
    assert measure(replace(volume)) == measure(volume) and len(asked) == 2
    gone = ref(volume)
    del volume
    gc.collect()
    assert gone() is None
