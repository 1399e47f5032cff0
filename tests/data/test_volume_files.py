"""NIfTI, pictures and arrays become volumes and come back; labels stay with their images, subjects on one side."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from synthdiff.data import read_volumes, split_subjects, write_nifti
from synthdiff.errors import DataError
from synthdiff.voxels import Volume

AFFINE = np.array([[0.0, -1.5, 0, 12.25], [0.75, 0, 0, -3.5], [0, 0, 2.0, 40], [0, 0, 0, 1]])
KINDS = ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "?"]


@settings(deadline=None, max_examples=60)
@given(data=st.data(), kind=st.sampled_from(KINDS), ndim=st.sampled_from([2, 3]), packed=st.booleans())
def test_what_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, kind: str, ndim: int, packed: bool
) -> None:
    shape = data.draw(arrays.array_shapes(min_dims=ndim, max_dims=ndim, min_side=1, max_side=4))
    finite = {"allow_nan": False, "allow_infinity": False} if kind.startswith("f") else {}
    elements = arrays.from_dtype(np.dtype(kind), **finite)  # type: ignore[arg-type]
    array = data.draw(arrays.arrays(kind, shape, elements=elements))
    labels = data.draw(arrays.arrays(np.uint16, shape))
    offset = data.draw(st.tuples(*[st.floats(-500, 500, width=32)] * 3))
    affine = AFFINE.copy()
    affine[:3, 3] = offset
    path = tmp_path_factory.mktemp("scans") / ("knee.nii.gz" if packed else "knee.nii")
    (path.parent / "labels").mkdir()
    write_nifti(Volume(array, affine, labels=labels), path, path.parent / "labels" / path.name)
    (volume,) = read_volumes(path.parent, labels=path.parent / "labels")
    np.testing.assert_array_equal(volume.array, array)
    np.testing.assert_array_equal(volume.affine, affine)
    np.testing.assert_array_equal(volume.labels, labels)
    assert volume.array.dtype == (np.uint8 if kind == "?" else np.dtype(kind))
    assert (volume.subject, volume.name) == ("knee", path.name)


def test_the_same_volume_gives_the_same_bytes(tmp_path: Path) -> None:
    volume = Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4), AFFINE, subject="a person", name="a place")
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write_nifti(volume, tmp_path / folder / "x.nii.gz")
    data = (tmp_path / "a/x.nii.gz").read_bytes()
    assert data == (tmp_path / "b/x.nii.gz").read_bytes()
    image = nibabel.load(tmp_path / "a/x.nii.gz")
    assert (int(image.header["sform_code"]), int(image.header["qform_code"])) == (1, 1)
    np.testing.assert_allclose(image.get_qform(), AFFINE, atol=1e-5)
    assert b"person" not in image.to_bytes()


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    volume = Volume(np.zeros((2, 3, 4)), AFFINE)
    with pytest.raises(DataError, match="no labels to write"):
        write_nifti(volume, tmp_path / "x.nii", tmp_path / "y.nii")
    with pytest.raises(DataError, match=r"end it in \.nii or \.nii\.gz"):
        write_nifti(volume, tmp_path / "x.mha")


def test_the_header_scales_values_and_places(tmp_path: Path) -> None:
    stored = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    image = nibabel.Nifti1Image(stored[..., None], np.diag([0.001, 0.001, 0.002, 1]))
    image.header.set_slope_inter(0.5, -10)
    image.header.set_xyzt_units("meter")
    data = bytearray(image.to_bytes())
    data[112:120] = np.array([0.5, -10], "<f4").tobytes()
    data[352:] = stored.tobytes(order="F")
    (tmp_path / "x.nii").write_bytes(data)
    (volume,) = read_volumes(tmp_path / "x.nii", modality="CT")
    np.testing.assert_array_equal(volume.array, stored * 0.5 - 10)
    np.testing.assert_allclose(volume.spacing, (1, 1, 2), rtol=1e-6)
    assert (volume.modality, volume.units) == ("CT", "HU")


def test_a_qform_says_where_there_is_no_sform(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.zeros((2, 3, 4), np.float32), None)
    image.set_qform(AFFINE, code=1)
    image.set_sform(None, code=0)
    nibabel.save(image, tmp_path / "x.nii")
    (volume,) = read_volumes(tmp_path / "x.nii")
    np.testing.assert_allclose(volume.affine, AFFINE, atol=1e-5)


def test_hidden_files_and_notes_are_not_images(tmp_path: Path) -> None:
    write_nifti(Volume(np.zeros((2, 3, 4)), AFFINE), tmp_path / "b.nii")
    write_nifti(Volume(np.zeros((2, 3, 4)), AFFINE), tmp_path / "a.nii.gz")
    (tmp_path / "._a.nii.gz").write_bytes(b"left by a file manager")
    (tmp_path / "a.json").write_text("{}")
    assert [volume.subject for volume in read_volumes(tmp_path)] == ["a", "b"]


def test_the_hippocampus_is_read_with_its_labels(shared_data: Path) -> None:
    folder = shared_data / "images/msd_hippocampus"
    volumes = read_volumes(folder / "images", labels=folder / "labels", modality="MR")
    assert len(volumes) == len({volume.subject for volume in volumes}) == 260
    for volume in volumes[::40]:
        path = folder / "images" / volume.name
        np.testing.assert_array_equal(volume.array, nibabel.load(path).get_fdata())
        assert volume.labels is not None
        assert (volume.labels.dtype, volume.labels.max(), volume.units) == (np.uint8, 2, "arbitrary")


# Pictures and arrays


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_picture_lies_as_it_is_looked_at(tmp_path: Path, kind: type[np.generic]) -> None:
    rows = np.arange(48).reshape(6, 8).astype(kind) * 5
    Image.fromarray(rows).save(tmp_path / "film.png")
    (volume,) = read_volumes(tmp_path, modality="DX")
    np.testing.assert_array_equal(volume.array, rows.T)
    assert volume.array.dtype == kind
    np.testing.assert_array_equal(volume.affine @ [3, 2, 0, 1], [-3, -2, 0, 1])
    assert (volume.subject, volume.modality) == ("film", "DX")


def test_grey_saved_as_colours_is_grey(tmp_path: Path) -> None:
    rows = np.arange(48, dtype=np.uint8).reshape(6, 8)
    Image.fromarray(np.dstack([rows] * 3)).save(tmp_path / "film.png")
    (volume,) = read_volumes(tmp_path / "film.png")
    np.testing.assert_array_equal(volume.array, rows.T)


def test_white_on_a_mask_is_one(tmp_path: Path) -> None:
    mask = (np.arange(48).reshape(6, 8) % 3 == 0) * np.uint8(255)
    for folder, content in (("images", mask // 2), ("masks", mask), ("classes", mask // 100)):
        (tmp_path / folder).mkdir()
        Image.fromarray(content).save(tmp_path / folder / "film.png")
    (volume,) = read_volumes(tmp_path / "images", labels=tmp_path / "masks")
    np.testing.assert_array_equal(volume.labels, mask.T // 255)
    (volume,) = read_volumes(tmp_path / "images", labels=tmp_path / "classes" / "film.png")
    np.testing.assert_array_equal(volume.labels, mask.T // 100)


def test_real_ultrasound_is_read_and_images_without_a_mask_are_told(shared_data: Path) -> None:
    folder = shared_data / "images/breast_us"
    volumes = read_volumes(folder / "images", modality="US")
    assert len(volumes) == 256
    assert all(max(volume.array.shape) == 256 for volume in volumes)
    with pytest.raises(DataError, match=r"4 of 256 images have no label map.*case045\.png"):
        read_volumes(folder / "images", labels=folder / "masks")


def test_arrays_of_images(tmp_path: Path) -> None:
    images = np.arange(240).reshape(5, 6, 8)
    np.savez_compressed(tmp_path / "a.npz", train_images=images, test_images=images[::-1])
    volumes = read_volumes(tmp_path / "a.npz", array="test_images")
    np.testing.assert_array_equal(volumes[0].array, images[-1].T)
    assert [volume.subject for volume in volumes[:2]] == ["test_images-0", "test_images-1"]
    np.savez(tmp_path / "b.npz", images=np.asfortranarray(np.arange(480).reshape(2, 5, 6, 8)))
    (first, _) = read_volumes(tmp_path / "b.npz")
    np.testing.assert_array_equal(first.array, np.arange(240).reshape(5, 6, 8).T)


def test_all_images_of_a_subject_stay_on_one_side() -> None:
    volumes = [Volume(np.full((2, 2), n), np.eye(4), subject=f"P{n % 20}", name=str(n)) for n in range(60)]
    train, held = split_subjects(volumes, 0.2, 7)
    assert len({volume.subject for volume in held}) == 4
    assert not {volume.subject for volume in held} & {volume.subject for volume in train}
    assert sorted(int(volume.name) for volume in train + held) == list(range(60))
    assert [volume.name for volume in split_subjects(volumes, 0.2, 7)[1]] == [volume.name for volume in held]
    with pytest.raises(DataError, match="not known whose they are"):
        split_subjects([*volumes, Volume(np.zeros((2, 2)), np.eye(4))], 0.2, 7)
