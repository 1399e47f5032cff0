"""The volume codec: what goes in comes out, on one grid and one scale."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from synthdiff.codec.volume import VolumeCodec
from synthdiff.errors import DataError
from synthdiff.voxels import Volume


def ball(seed, shape=(16, 18, 12), spacing=(1.0, 1.0, 1.0), brighter=1.0, labelled=True, **kinds):
    """A bright ball, not quite in the middle, in noise."""
    draw = np.random.default_rng(seed)
    centre = (np.array(shape) - 1) / 2 + draw.uniform(-1, 1, len(shape))
    grid = np.stack(np.meshgrid(*[np.arange(side) for side in shape], indexing="ij"), -1)
    far = np.linalg.norm((grid - centre) * spacing, axis=-1)
    inside = far < 4
    image = brighter * (100 + 80 * inside + draw.normal(0, 10, shape))
    labels = (inside * 1 + (inside & (grid[..., 0] > centre[0])) * 1).astype(np.uint8)
    affine = np.eye(4)
    affine[: len(shape), : len(shape)] *= spacing
    return Volume(image, affine, "MR", "arbitrary", labels if labelled else None, f"p{seed}", f"{seed}.nii", **kinds)


BALLS = [ball(seed) for seed in range(12)]
CODEC = VolumeCodec.fit(BALLS)


def test_images_come_back():
    back = CODEC.decode(CODEC.encode(BALLS))
    for was, now in zip(BALLS, back, strict=True):
        assert np.corrcoef(was.array.ravel(), now.array.ravel())[0, 1] > 0.999
        assert np.mean(was.labels != now.labels) < 0.002
        assert now.array.dtype == np.float32
        assert now.labels.dtype == np.uint8


def test_whole_numbers_come_back_as_such():
    whole = [replace(one, array=one.array.round().astype(np.int16)) for one in BALLS]
    assert VolumeCodec.fit(whole).decode(CODEC.encode(whole[:1]))[0].array.dtype == np.int16


def test_an_encoded_image_is_normal():
    image = CODEC.encode(BALLS)[:, 0]
    assert abs(float(image.mean())) < 0.05
    assert float(image.std()) == pytest.approx(1, abs=0.05)


def test_scans_of_other_brightness_are_the_same():
    """MR has no unit: a scan and its hundredfold are one image."""
    mixed = [ball(seed, brighter=10.0 ** (seed % 5)) for seed in range(12)]
    codec = VolumeCodec.fit(mixed)
    assert codec.scale == "own"
    assert torch.allclose(codec.encode(mixed[:1]), codec.encode([ball(0, brighter=100.0)]), atol=1e-4)


def test_a_common_scale_is_kept():
    scans = [ball(seed, brighter=1.0) for seed in range(12)]
    codec = VolumeCodec.fit(scans)
    assert codec.scale == "shared"
    assert np.median(codec.decode(codec.encode(scans[:1]))[0].array) == pytest.approx(np.median(scans[0].array), abs=2)


def test_nothing_beyond_the_outermost_knots_comes_out():
    codec = VolumeCodec.fit(BALLS)
    wild = codec.decode(50 * torch.randn(2, codec.channels, *codec.shape))
    everything = np.concatenate([volume.array.ravel() for volume in BALLS])
    for volume in wild:
        assert volume.array.min() > everything.min()
        assert volume.array.max() < everything.max()


@pytest.mark.parametrize("shape", [(12, 18, 12), (20, 24, 14), (16, 17, 13)])
def test_other_sizes_are_cropped_or_padded_about_the_centre(shape):
    odd = ball(3, shape)
    conformed = CODEC.conform(odd)
    assert conformed.array.shape == conformed.labels.shape == CODEC.shape
    assert conformed.labels.astype(bool).sum() == odd.labels.astype(bool).sum()
    middle = [np.mean(np.nonzero(one.labels), axis=1) - (np.array(one.array.shape) - 1) / 2 for one in (odd, conformed)]
    assert np.abs(middle[0] - middle[1]).max() <= 0.5


def test_another_spacing_is_resampled():
    coarse = ball(4, (8, 9, 6), (2.0, 2.0, 2.0))
    fine = CODEC.conform(coarse)
    assert fine.spacing == CODEC.spacing == (1.0, 1.0, 1.0)
    assert fine.labels.astype(bool).sum() == pytest.approx(8 * coarse.labels.astype(bool).sum(), rel=0.2)


def test_other_axes_are_turned():
    one = ball(4, (9, 12, 7), (1.0, 1.5, 2.0))
    codec = VolumeCodec.fit([one, *[ball(seed, (9, 12, 7), (1.0, 1.5, 2.0)) for seed in range(3)]])
    # The same scan, stored from left to right as slices, each upside down.
    affine = one.affine[:, [2, 0, 1, 3]].copy()
    affine[:3, 2] *= -1
    affine[:3, 3] -= affine[:3, 2] * (one.array.shape[1] - 1)
    turned = replace(
        one,
        array=one.array.transpose(2, 0, 1)[:, :, ::-1],
        labels=one.labels.transpose(2, 0, 1)[:, :, ::-1],
        affine=affine,
    )
    expected, found = codec.conform(one), codec.conform(turned)
    np.testing.assert_array_equal(found.array, expected.array)
    np.testing.assert_array_equal(found.labels, expected.labels)
    mixed = VolumeCodec.fit([one, turned, turned])
    assert mixed.shape == one.array.shape
    assert mixed.spacing == one.spacing


def test_a_coarser_grid_has_no_false_detail():
    rng = np.random.default_rng(0)
    fine = replace(ball(0, (48, 48, 48)), array=rng.normal(size=(48, 48, 48)).astype(np.float32))
    coarse = VolumeCodec.fit([fine] * 2, spacing=(4.0, 4.0, 4.0)).conform(fine)
    assert coarse.array.shape == (12, 12, 12)
    assert coarse.spacing == (4.0, 4.0, 4.0)
    assert coarse.array.std() < 0.3  # one voxel in 64 would have 1
    with pytest.raises(DataError, match="does not fit images of 3 axes"):
        VolumeCodec.fit([fine] * 2, spacing=(4.0, 4.0))


def test_distances_are_in_millimetres():
    flat = [ball(seed, (16, 18, 6), (1.0, 1.0, 2.0)) for seed in range(12)]
    whole = [replace(one, labels=np.minimum(one.labels, 1)) for one in flat]
    codec = VolumeCodec.fit(whole)
    depth = codec.encode(whole[:1])[0, 1].numpy()
    assert codec.spacing == (1.0, 1.0, 2.0)
    deepest = tuple(np.unravel_index(depth.argmax(), depth.shape))
    # Out along x and along z: a step along z is as long as two along x.
    along_x, along_z = (np.add(deepest, step) for step in ((4, 0, 0), (0, 0, 2)))
    assert depth[tuple(along_x)] == pytest.approx(depth[tuple(along_z)], abs=0.3)
    assert depth[deepest] > 0.6


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_labels_survive_within_a_voxel_of_their_surface(seed):
    one = ball(seed)
    back = CODEC.decode(CODEC.encode([one]))[0]
    assert np.mean(one.labels != back.labels) < 0.005


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (ball(5, labelled=False), "label map"),
        (ball(5, (16, 18), (1.0, 1.0)), "axes"),
        (Volume(np.full((8, 8, 8), 3.0), np.eye(4), "MR", "arbitrary", np.zeros((8, 8, 8), np.uint8)), "one value"),
    ],
)
def test_images_of_another_kind_are_refused(other, said):
    with pytest.raises(DataError, match=said):
        VolumeCodec.fit([*BALLS, other])


def test_an_unknown_label_is_refused():
    strange = ball(6)
    strange.labels[0, 0, 0] = 9
    with pytest.raises(DataError, match=r"6\.nii.*\[9\]"):
        CODEC.encode([strange])


def test_it_is_plain_data():
    assert VolumeCodec.model_validate_json(CODEC.model_dump_json()) == CODEC
