"""What ``init`` writes after a look at images: a recipe that loads, and says what a person should look at."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from synthdiff.data.segmentation import write_segmentation
from synthdiff.data.series import write_series
from synthdiff.draft import draft, draft_image_recipe, look_at_images
from synthdiff.errors import DataError
from synthdiff.recipe import Recipe, load_recipe
from tests.data import scans, syntheses
from tests.phantoms import write_phantoms

Drafted = tuple[str, Recipe]


def drafted(data: Path, recipe: Path) -> Drafted:
    text, _ = draft(data, recipe)
    recipe.write_text(text, encoding="utf-8")
    return text, load_recipe(recipe)


def line_of(text: str, key: str) -> str:
    """The line of a key, commented out or not."""
    return next(line for line in text.splitlines() if re.match(rf"\s*(# )?{key}:", line))


def test_a_folder_with_label_maps_is_a_recipe(tmp_path: Path) -> None:
    text, recipe = drafted(write_phantoms(tmp_path / "Knees (2)", range(50)), tmp_path / "recipe.yaml")
    images = recipe.data.images
    assert images is not None
    assert (images.path, images.labels) == ("Knees (2)/images", "Knees (2)/labels")
    assert (recipe.name, recipe.generator.model, recipe.gate.purpose) == ("knees-2", "volume", "share")
    assert recipe.release.formats == ("nifti",)
    assert (images.modality, images.shape) == (None, None)
    assert "50 images of 50 subjects" in text and "they hold 1, 2" in line_of(text, "labels")
    assert "LOOK: 50 NIfTI files do not say" in text and "LOOK" in line_of(text, "# modality")
    # 20 images must be held out, and 30 % of 50 are fewer.
    assert recipe.data.holdout == 0.4 and "about 20 of 50" in line_of(text, "holdout")
    assert "LOOK: fewer than 75 synthetic images" in text


def test_every_comment_can_be_uncommented(tmp_path: Path) -> None:
    text, _ = drafted(write_phantoms(tmp_path / "knees", range(50)), tmp_path / "recipe.yaml")
    open_, opened = re.subn(r"(?m)^(\s*)# ([a-z_]+: [^ ].*)$", r"\1\2", text.split("\n\n", 1)[1])
    (tmp_path / "recipe.yaml").write_text(open_, encoding="utf-8")
    recipe = load_recipe(tmp_path / "recipe.yaml")
    assert opened == 5 and recipe.data.images is not None
    images = recipe.data.images
    assert (images.modality, images.shape, images.spacing) == ("MR", (8, 10, 6), (1.0, 1.2, 2.0))
    assert images.label_names == ("label 1", "label 2") and recipe.sample.rows == 75


def test_label_maps_that_stand_beside_are_suggested(tmp_path: Path) -> None:
    text, recipe = drafted(write_phantoms(tmp_path / "knees", range(21)) / "images", tmp_path / "recipe.yaml")
    assert recipe.data.images is not None and recipe.data.images.labels is None
    assert line_of(text, "labels").strip().startswith("# labels: knees/labels") and "LOOK" in line_of(text, "labels")
    assert recipe.name == "knees"
    assert "LOOK: a run needs 20 images to learn from and 20 held out; here are 21" in text


def test_dicom_of_one_modality_is_taken_and_the_rest_is_told(tmp_path: Path) -> None:
    for number in range(3):
        scans.series(tmp_path / "pacs" / f"p{number}", series=f"{scans.SERIES}.{number}", PatientID=f"P{number}")
    scans.save(scans.header("SR", SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11"), tmp_path / "pacs" / "report.dcm")
    text, recipe = drafted(tmp_path / "pacs", tmp_path / "recipe.yaml")
    assert recipe.data.images is not None
    assert (recipe.data.images.modality, recipe.release.formats, recipe.name) == ("CT", ("dicom",), "pacs")
    assert "files of others are left out: 1 SR" in line_of(text, "modality")
    assert "3 images of 3 subjects, from DICOM files" in text
    assert "hold a PatientID (0010,0020)" in text
    assert "P1" not in text


def test_segmentations_among_the_images_are_their_label_maps(tmp_path: Path) -> None:
    for number in range(2):
        volume = syntheses.scan("MR", 0, 900, np.int16, (8, 9, 5))
        who = {"release": "r/1", "patient": f"SYNTH-{number:06d}"}
        files = write_series(volume, tmp_path / "pacs" / str(number) / "1", **who)
        write_segmentation(volume, files, tmp_path / "pacs" / str(number) / "2" / "seg.dcm", names=["a", "b"])
    text, recipe = drafted(tmp_path / "pacs", tmp_path / "recipe.yaml")
    assert recipe.data.images is not None
    assert (recipe.data.images.labels, recipe.data.images.modality) == ("pacs", "MR")
    assert "they hold 1, 2" in text


def test_uneven_slices_are_resampled_and_why_is_told(tmp_path: Path) -> None:
    scans.series(tmp_path / "tilted", step=(0, 0.3, 2))
    text, recipe = drafted(tmp_path / "tilted", tmp_path / "recipe.yaml")
    assert recipe.data.images is not None and recipe.data.images.uneven == "resample"
    assert "LOOK: the slices are tilted" in line_of(text, "uneven")


def test_pictures_and_their_masks(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(3):
        for name, high in (("images", 256), ("masks", 2)):
            (tmp_path / "films" / name).mkdir(parents=True, exist_ok=True)
            array = rng.integers(0, high, (8, 12)).astype(np.uint8) * (255 if high == 2 else 1)
            Image.fromarray(array).save(tmp_path / "films" / name / f"{number}.png")
    text, recipe = drafted(tmp_path / "films", tmp_path / "recipe.yaml")
    assert recipe.data.images is not None and recipe.data.images.labels == "films/masks"
    assert "[12, 8]" in line_of(text, "# shape") and "they hold 1" in text


def test_of_several_arrays_those_for_training_are_taken(tmp_path: Path) -> None:
    arrays = {"test_images": np.arange(96).reshape(3, 4, 8), "train_images": np.arange(192).reshape(6, 4, 8)}
    np.savez(tmp_path / "films.npz", **arrays, train_labels=np.arange(6) % 2)
    text, recipe = drafted(tmp_path / "films.npz", tmp_path / "recipe.yaml")
    assert recipe.data.images is not None and recipe.data.images.array == "train_images"
    assert "left out: test_images" in line_of(text, "array")
    assert "findings: train_labels" in text


def test_findings_beside_the_images_are_named(tmp_path: Path) -> None:
    folder = write_phantoms(tmp_path / "knees", range(4))
    rows = [f"scan-{number:03d}.nii.gz,{'torn' if number % 2 else 'whole'}" for number in range(4)]
    (folder / "findings.csv").write_text("\n".join(["file,finding", *rows]) + "\n", encoding="utf-8")
    _, recipe = drafted(folder, tmp_path / "recipe.yaml")
    assert recipe.data.images is not None and recipe.data.images.findings == "knees/findings.csv"


def test_images_of_two_kinds_are_refused(tmp_path: Path) -> None:
    folder = write_phantoms(tmp_path / "knees", range(3))
    scans.scan(folder / "images" / "flat.nii.gz", np.zeros((8, 10), np.int16))
    scans.scan(folder / "labels" / "flat.nii.gz", np.zeros((8, 10), np.uint8))
    with pytest.raises(DataError, match="axes: found"):
        draft_image_recipe(look_at_images(folder), tmp_path / "recipe.yaml")


@pytest.mark.parametrize("name", ["empty", "nowhere"])
def test_where_there_is_nothing_nothing_is_drafted(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=name):
        draft(tmp_path / name, tmp_path / "recipe.yaml")
