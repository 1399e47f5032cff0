"""VolumeDiffusion: what a user may rely on, on made-up scans and hardly trained nets."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from recipes.data.phantoms.make import phantom
from synthdiff.errors import DataError, ModelError
from synthdiff.generator import load
from synthdiff.nets import scale
from synthdiff.nets.space import Cascade, Latent, Voxels
from synthdiff.nets.unet import UNet
from synthdiff.volume import VolumeDiffusion
from synthdiff.voxels import Volume

SMALL = {
    "space": Cascade(coarsest=1024),
    "first": UNet(channels=(8, 16)),
    "detail": UNet(channels=(8, 8, 16)),
    "budget_steps": 4,
    "steps": 4,
}
SCANS = [phantom(number) for number in range(24)]


def pictures(n):
    """2-D images without label maps, dark or bright."""
    draw = np.random.default_rng(0)
    bright = np.arange(n) % 2
    arrays = (draw.uniform(0, 60, (n, 20, 20)) + 150 * bright[:, None, None]).astype(np.uint8)
    volumes = [Volume(array, np.eye(4), "DX", "arbitrary", None, f"p{i}", f"{i}.png") for i, array in enumerate(arrays)]
    return volumes, pd.DataFrame({"bright": np.where(bright, "yes", "no"), "age": draw.uniform(20, 80, n)})


def same(one, other):
    return all(
        np.array_equal(a.array, b.array) and (a.labels is None or np.array_equal(a.labels, b.labels))
        for a, b in zip(one, other, strict=True)
    )


@pytest.fixture(scope="module")
def fitted():
    return VolumeDiffusion(**SMALL).fit(SCANS)


@pytest.fixture(scope="module")
def told():
    volumes, conditions = pictures(40)
    return VolumeDiffusion(**SMALL).fit(volumes, conditions=conditions)


def test_what_comes_out_is_of_the_kind_that_went_in(fitted):
    drawn = fitted.sample(3)
    assert len(drawn) == 3
    for volume in drawn:
        assert volume.array.shape == volume.labels.shape == fitted.codec_.shape == (20, 24, 16)
        assert volume.array.dtype == np.int16
        assert set(np.unique(volume.labels)) <= {0, 1, 2}
        assert (volume.modality, volume.units, volume.subject, volume.name) == ("MR", "arbitrary", "", "")


def test_the_first_of_a_longer_draw_are_those_of_a_shorter_one(fitted):
    assert same(fitted.sample(2), fitted.sample(10)[:2])
    assert not same(fitted.sample(2), fitted.sample(2, random_state=1))


def test_the_same_seed_gives_the_same_model(fitted):
    assert same(VolumeDiffusion(**SMALL).fit(SCANS).sample(2), fitted.sample(2))


def test_it_is_the_same_after_saving(fitted, tmp_path):
    fitted.save(tmp_path)
    again = load(tmp_path)
    assert isinstance(again, VolumeDiffusion)
    assert same(again.sample(2), fitted.sample(2))
    assert {file.name for file in tmp_path.iterdir()} == {"model.json", "model.safetensors"}


def test_training_goes_on_where_it_was_interrupted(tmp_path):
    VolumeDiffusion(**SMALL | {"budget_steps": 2}).fit(SCANS, checkpoint=tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"volume-0.safetensors", "volume-1.safetensors"}
    (tmp_path / "volume-1.safetensors").unlink()
    with pytest.raises(ModelError, match="other data or other settings"):
        VolumeDiffusion(**SMALL).fit(SCANS, checkpoint=tmp_path)
    again = VolumeDiffusion(**SMALL | {"budget_steps": 2}).fit(SCANS, checkpoint=tmp_path)
    assert [history.best_step for history in again.histories_] == [2, 2]


def test_large_volumes_have_several_scales():
    draw = np.random.default_rng(0)
    large = [
        Volume(draw.normal(size=(40, 40, 20)), np.diag([1, 1, 2.0, 1]), "CT", "HU", None, f"p{i}") for i in range(20)
    ]
    model = VolumeDiffusion(**SMALL).fit(large)
    assert len(model.histories_) == 3
    assert model.evaluations == 12
    volume = model.sample(1)[0]
    assert volume.array.shape == (40, 40, 20)
    assert volume.spacing == (1.0, 1.0, 2.0)
    assert volume.units == "HU"


@pytest.mark.parametrize(
    ("space", "stages"),
    [("voxels", 1), ("haar", 1), (Cascade(coarsest=200), 3), (Latent(channels=(8, 16), codes=4), 1)],
)
def test_any_space_will_do(space, stages, tmp_path):
    model = VolumeDiffusion(**SMALL | {"space": space}).fit(SCANS)
    assert model.evaluations == 4 * stages
    drawn = model.sample(2)
    assert drawn[0].array.shape == drawn[0].labels.shape == model.codec_.shape
    model.save(tmp_path)
    again = load(tmp_path)
    assert same(drawn, again.sample(2))
    assert again.parameters == model.parameters


def test_losses_are_of_each_volume_alone(fitted):
    all_of_them = fitted.losses(SCANS[:9])
    np.testing.assert_allclose(fitted.losses(SCANS[4:6]), all_of_them[4:6], rtol=1e-3)
    assert np.isfinite(all_of_them).all()
    noise = np.random.default_rng(0).permuted(SCANS[0].array.ravel()).reshape(SCANS[0].array.shape)
    assert fitted.losses([replace(SCANS[0], array=noise)])[0] > all_of_them.max()


def test_an_image_is_painted_for_each_label_map(fitted):
    painted = fitted.paint(SCANS[:3])
    for volume, scan in zip(painted, SCANS[:3], strict=True):
        assert np.array_equal(volume.labels, fitted.codec_.conform(scan).labels)
        assert volume.subject == ""
    assert same(painted[:1], fitted.paint(SCANS[:1]))
    other = fitted.paint([SCANS[1]])[0]
    assert not np.array_equal(other.array, painted[0].array)


def test_what_cannot_be_painted_is_refused(fitted, told):
    with pytest.raises(ModelError, match="no label map was given"):
        fitted.paint([])
    with pytest.raises(ModelError, match="1 of 1 have no label map"):
        fitted.paint([replace(SCANS[0], labels=None)])
    with pytest.raises(ModelError, match="cannot paint"):
        told.paint(SCANS[:1])


def test_pictures_under_conditions(told):
    assert told.conditions_.width == 4
    drawn = told.sample(2, {"bright": "yes", "age": 50.0})
    assert drawn[0].array.shape == (20, 20) and drawn[0].labels is None
    assert not same(drawn, told.sample(2, {"bright": "no", "age": 50.0}))
    assert not same(drawn, told.sample(2, {"bright": "yes", "age": 50.0}, guidance=3.0))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"colour": "red"}, "no condition 'colour'"),
        ({"bright": "so so"}, "not a level"),
        ({"age": "old"}, "not a number"),
    ],
)
def test_conditions_that_cannot_be_met_are_refused(told, given, said):
    with pytest.raises(ModelError, match=said):
        told.sample(1, given)


def test_what_cannot_be_learnt_is_refused():
    with pytest.raises(DataError, match="19 images"):
        VolumeDiffusion(**SMALL).fit(SCANS[:19])
    with pytest.raises(DataError, match="24 images and 3 rows"):
        VolumeDiffusion(**SMALL).fit(SCANS, conditions=pd.DataFrame({"a": [1, 2, 3]}))
    with pytest.raises(ModelError, match="not fitted"):
        VolumeDiffusion().sample(1)


@pytest.mark.slow
def test_it_learns_what_phantoms_look_like():
    """A bright organ of two parts, one piece each, about as large as the real ones."""
    from scipy import ndimage

    scans = [phantom(number) for number in range(100)]
    model = VolumeDiffusion(budget_steps=300).fit(scans)
    drawn = model.sample(24)
    for level in (1, 2):
        sizes = [[int((volume.labels == level).sum()) for volume in several] for several in (scans, drawn)]
        assert np.mean(sizes[1]) == pytest.approx(np.mean(sizes[0]), rel=0.2)
        pieces = [ndimage.label(volume.labels == level)[1] for volume in drawn]
        assert np.mean(pieces) < 1.5
    for volume in drawn:
        inside, around = (volume.array[volume.labels.astype(bool) == part].mean() for part in (True, False))
        assert inside > around
    mapped = [phantom(number) for number in range(100, 124)]
    for volume, scan in zip(model.paint(mapped), mapped, strict=True):
        within, beside = volume.labels.astype(bool), ndimage.binary_dilation(volume.labels > 0, iterations=4)
        assert volume.array[within].mean() > volume.array[beside & ~within].mean()
        assert np.array_equal(volume.labels, model.codec_.conform(scan).labels)


def test_volumes_larger_than_a_window_are_drawn_window_by_window(fitted, monkeypatch):
    """Windows of 8 voxels on a grid of 12: seams do not show, and a volume does not depend on the others."""
    whole = fitted.sample(3)
    monkeypatch.setattr(scale, "WINDOW", 8**3)
    assert scale.window((10, 12, 8)) == (8, 8, 8) and scale.window((5, 6, 4)) == (5, 6, 4)
    windowed = fitted.sample(3)
    assert not same(windowed, whole) and same(fitted.sample(2), windowed[:2])
    for one, other in zip(windowed, whole, strict=True):
        assert np.corrcoef(one.array.ravel(), other.array.ravel())[0, 1] > 0.9
        assert (one.labels == other.labels).mean() > 0.9


def test_volumes_larger_than_a_window_are_learnt(monkeypatch):
    monkeypatch.setattr(scale, "WINDOW", 8**3)
    model = VolumeDiffusion(**SMALL | {"space": Voxels()}).fit(SCANS)
    (drawn,) = model.sample(1)
    assert drawn.array.shape == (20, 24, 16) and np.isfinite(model.losses(SCANS[:2])).all()
