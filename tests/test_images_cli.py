"""The commands on images: sample, fit, run --dry-run, audit, verify, list; as on tables."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from synthdiff.cli import main
from synthdiff.console import ACCEPTED, BAD_INPUT, REFUSED
from synthdiff.data import read_volumes, split_subjects
from synthdiff.data.folders import read_folder, write_volumes
from synthdiff.data.segmentation import write_segmentation
from synthdiff.data.series import write_series
from synthdiff.errors import DataError
from synthdiff.material import Pictures
from synthdiff.progress import SILENT
from synthdiff.recipe import load_recipe
from tests.data.syntheses import scan
from tests.phantoms import SIDES, write_phantoms

STEPS = ("--set", "generator.effort=", "--set", "generator.budget.steps=2")
RECIPE = """\
name: knees
data:
  images: {path: house/images, labels: house/labels, modality: MR}
  holdout: 0.4
generator: {model: volume, seed: 7}
gate: {policy: lenient.yaml}
release: {formats: [nifti]}
"""
LENIENT = "name: lenient\npurpose: A test.\nsummary: Nothing.\nrequire: {memorised_rate: '<= 2'}\n"


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def called(*arguments: object, status: int = ACCEPTED) -> str:
    result = call(*arguments)
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output
    return result.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 52 scans, a recipe and a model."""
    folder = tmp_path_factory.mktemp("house")
    write_phantoms(folder / "house", range(52))
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    (folder / "lenient.yaml").write_text(LENIENT, encoding="utf-8")
    called("fit", folder / "recipe.yaml", *STEPS, "-o", folder / "model")
    return folder


@pytest.fixture
def house(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, with the working directory in another one."""
    monkeypatch.chdir(tmp_path)
    return made


def test_images_can_be_drawn_from_a_saved_model(house: Path) -> None:
    result = call("sample", house / "model", "-n", 3, "-o", "drawn/deep", "--seed", 5)
    assert result.exit_code == ACCEPTED, result.output
    assert "3 images are in drawn/deep" in result.stderr and "not audited" in result.stderr
    drawn = read_volumes("drawn/deep/images", labels="drawn/deep/labels")
    assert [volume.array.shape for volume in drawn] == [SIDES] * 3
    assert [volume.name for volume in drawn] == ["000001.nii.gz", "000002.nii.gz", "000003.nii.gz"]
    assert np.allclose(drawn[0].spacing, (1, 1.2, 2))


def test_a_draw_of_images_follows_from_its_seed(house: Path) -> None:
    Path("again").mkdir()  # an empty folder will do
    for folder, seed, n in (("same", 1, 2), ("again", 1, 1), ("other", 2, 1)):
        called("sample", house / "model", "-n", n, "-o", folder, "--seed", seed)
    same, again, other = (Path(folder, "images/000001.nii.gz").read_bytes() for folder in ("same", "again", "other"))
    assert same == again != other


def test_a_draw_has_the_finding_that_is_asked_for(house: Path, tmp_path: Path) -> None:
    shutil.copytree(house / "house", "house")
    rows = [f"scan-{number:03d}.nii.gz,{'torn' if number % 2 else 'whole'}" for number in range(52)]
    Path("house/findings.csv").write_text("\n".join(["file,finding", *rows]) + "\n", encoding="utf-8")
    Path("recipe.yaml").write_text(RECIPE.replace("gate: {policy: lenient.yaml}", "gate: {purpose: share}"))
    called("fit", "recipe.yaml", *STEPS, "--set", "data.images.findings=house/findings.csv", "-o", "model")
    for finding in ("torn", "whole"):
        called("sample", "model", "-n", 1, "-o", finding, "--given", f"finding={finding}")
    torn, whole = (Path(finding, "images/000001.nii.gz").read_bytes() for finding in ("torn", "whole"))
    assert torn != whole
    assert [volume.finding for name in ("torn", "whole") for volume in read_folder(Path(name))] == ["torn", "whole"]
    said = call("sample", "model", "-n", 1, "-o", "none", "--given", "finding=burnt")
    assert said.exit_code == BAD_INPUT and "'burnt' is not a level" in said.stderr and "'torn'" in said.stderr
    assert not Path("none").exists()


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("drawn.csv", ".csv is the ending of a file"),
        ("drawn.nii.gz", "is the ending of a file"),
        ("full", "the folder is not empty"),
        ("file", "there is a file of this name"),
        ("dangling", "something of this name"),
    ],
)
def test_images_are_written_into_a_new_folder_only(house: Path, output: str, said: str) -> None:
    Path("full").mkdir()
    Path("full/notes.txt").write_text("mine")
    Path("file").write_text("mine")
    Path("dangling").symlink_to("nowhere")
    before = sorted(path.as_posix() for path in Path().rglob("*"))
    result = call("sample", house / "model", "-n", 1, "-o", output)
    assert result.exit_code == BAD_INPUT and said in result.stderr
    assert (output in result.stderr and "name a folder" in result.stderr) or "choose another" in result.stderr
    assert sorted(path.as_posix() for path in Path().rglob("*")) == before


def test_conditions_that_were_not_learnt_are_refused(house: Path) -> None:
    result = call("sample", house / "model", "-n", 1, "-o", "drawn", "--given", "sex=F")
    assert result.exit_code == BAD_INPUT and "there is no condition 'sex'" in result.stderr
    assert not Path("drawn").exists()


def test_an_image_that_cannot_be_written_leaves_no_folder(tmp_path: Path) -> None:
    whole = scan("MR", 0, 900, np.int16, (4, 5, 6))
    bare = type(whole)(whole.array, whole.affine)
    with pytest.raises(Exception):  # noqa: B017 - whatever it is
        write_volumes([bare, "no volume"], tmp_path / "drawn")  # type: ignore[list-item]
    assert list(tmp_path.iterdir()) == []


def test_a_drafted_recipe_of_images_can_be_run(house: Path) -> None:
    shutil.copytree(house / "house", "knees")
    result = call("init", "knees", "-o", "recipe.yaml")
    assert result.exit_code == ACCEPTED and "52 images of 52 subjects, from NIfTI files" in result.stderr
    dry = call("run", "recipe.yaml", "--dry-run", "--json")
    cost = json.loads(dry.stdout)
    assert (cost["training_images"], cost["held_out_images"], cost["synthetic_images"]) == (32, 20, 32)
    assert cost["voxels"] == np.prod(SIDES) and cost["parameters"] > 1000
    assert cost["minutes_at_most"] > 0 and cost["peak_memory_mib"] > 50
    assert "52 NIfTI files do not say" in dry.stderr and "deface" in dry.stderr
    assert sorted(path.name for path in Path().iterdir()) == ["knees", "recipe.schema.json", "recipe.yaml"]


@pytest.fixture(scope="module")
def released(made: Path) -> dict[str, Path]:
    """A release of NIfTI, and one of DICOM alone."""
    folders = {}
    for name, formats in (("nifti", "[nifti, dicom]"), ("dicom", "[dicom]")):
        sets = ("--set", f"name={name}", "--set", f"release.formats={formats}")
        out = made / "releases"
        said = json.loads(called("run", made / "recipe.yaml", *STEPS, *sets, "--no-track", "--out", out, "--json"))
        folders[name] = Path(said["folder"])
    return folders


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nifti", "dicom"])
def test_every_figure_of_a_release_of_images_can_be_computed_again(
    house: Path, released: dict[str, Path], name: str
) -> None:
    result = call("verify", released[name], "--real", house / "house")
    assert result.exit_code == ACCEPTED, result.output
    assert "figures hold" in result.stdout and "do not" not in result.stdout
    assert "figures are about the model" in result.stderr
    result = call("verify", released[name], "--real", house / "house", "--model", house / "model")
    assert result.exit_code == ACCEPTED, result.output
    assert "figures hold" in result.stdout and "about the model" not in result.stderr


@pytest.mark.slow
def test_held_out_images_may_lie_in_a_folder_of_their_own(house: Path, released: dict[str, Path]) -> None:
    """Where they are the ones that the run held out, every figure holds; with others, figures do not."""
    scans = read_volumes(house / "house/images", labels=house / "house/labels", modality="MR")
    parts = dict(zip(("learnt", "held"), split_subjects(scans, 0.4, seed=7), strict=True))
    for part, volumes in parts.items():
        for kind in ("images", "labels"):
            Path(part, kind).mkdir(parents=True)
            for volume in volumes:
                shutil.copy(house / "house" / kind / volume.name, Path(part, kind))
    result = call("verify", released["nifti"], "--real", "learnt", "--holdout", "held")
    assert result.exit_code == ACCEPTED, result.output
    assert "figures hold" in result.stdout and "do not" not in result.stdout
    for kind in ("images", "labels"):
        Path("held", kind, parts["held"][0].name).unlink()
    result = call("verify", released["nifti"], "--real", "learnt", "--holdout", "held")
    assert result.exit_code == REFUSED and "does not hold" in result.stdout


def planted(release: Path, target: Path, change: Any) -> Path:
    """A copy of a release with a changed report, of which the manifest says that it was so from the first."""
    shutil.copytree(release, target)
    report = json.loads((target / "report.json").read_text())
    change(report)
    text = json.dumps(report)
    (target / "report.json").write_text(text)
    manifest = json.loads((target / "manifest.json").read_text())
    manifest["files"]["report.json"] = {"bytes": len(text), "sha256": hashlib.sha256(text.encode()).hexdigest()}
    (target / "manifest.json").write_text(json.dumps(manifest))
    return target


@pytest.mark.slow
def test_a_changed_figure_of_images_is_found(house: Path, released: dict[str, Path]) -> None:
    def change(report: Any) -> None:
        report["checks"]["intensity"]["estimates"]["intensity_error"]["value"] += 0.01

    result = call("verify", planted(released["nifti"], Path("1"), change), "--real", house / "house")
    assert result.exit_code == REFUSED
    assert "does not hold" in result.stdout and "1 of its" in result.stderr


def test_real_images_without_their_label_maps_are_told(house: Path) -> None:
    """The recipe's label maps are asked for by name before anything is computed."""
    Path("1").mkdir()
    Path("1/recipe.yaml").write_text(RECIPE.replace("house/", "").replace("{policy: lenient.yaml}", "{purpose: share}"))
    Path("1/report.json").write_text("{}")
    Path("1/data/images").mkdir(parents=True)
    shutil.copy(house / "house/images/scan-000.nii.gz", "1/data/images")
    files = {
        path.relative_to("1").as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in Path("1").rglob("*")
        if path.is_file()
    }
    listed = "".join(f"{said['sha256']}  {name}\n" for name, said in sorted(files.items()) if name.startswith("data/"))
    manifest = {"format": "synthdiff-release/1", "name": "knees", "number": 1, "recipe_sha256": "", "files": files}
    manifest["dataset_sha256"] = hashlib.sha256(listed.encode()).hexdigest()
    Path("1/manifest.json").write_text(json.dumps(manifest))
    shutil.copytree(house / "house/images", "alone")
    result = call("verify", "1", "--real", "alone")
    assert result.exit_code == BAD_INPUT
    assert "alone: the release's recipe names labels, and it is not beside" in result.stderr
    result = call("verify", "1", "--real", "nowhere")
    assert result.exit_code == BAD_INPUT and "nowhere: there is no such" in result.stderr


@pytest.mark.slow
def test_folders_of_images_are_judged_with_a_page_for_the_custodian(house: Path) -> None:
    """Copies in the place of synthetic images are named to the custodian, and to nobody else."""
    write_phantoms(Path("copies"), range(24), prefix="made")
    write_phantoms(Path("others"), range(100, 130), prefix="other")
    asked = ("--real", house / "house", "--synthetic", "copies", "--holdout", "others")
    result = call("audit", *asked, "--custodian", "page.html", "-o", "judged", "--json")
    assert result.exit_code == REFUSED, result.output
    assert "page.html shows real images" in result.stderr
    page = Path("page.html").read_text(encoding="utf-8")
    assert "scan-003" in page and Path("page.html").stat().st_mode & 0o077 == 0
    assert "scan-0" not in Path("judged/report.html").read_text(encoding="utf-8")
    assert json.loads(result.stdout)["data"]["synthetic_rows"] == 24


@pytest.mark.parametrize("option", ["--recipe", "--target", "--claims"])
def test_what_is_of_tables_is_not_taken_with_images(house: Path, option: str) -> None:
    result = call("audit", "--real", house / "house", "--synthetic", house / "house", option, "x")
    assert result.exit_code == BAD_INPUT and "are of tables" in result.stderr


def test_a_release_of_dicom_alone_is_read_back(tmp_path: Path) -> None:
    """With its label maps; where one image has no labelled voxel and so no segmentation, that is its label map."""
    volumes = [scan("MR", 0, 900, np.int16, (8, 9, 5)) for _ in range(3)]
    for number, volume in enumerate(volumes, 1):
        who = {"release": "r/1", "patient": f"SYNTH-{number:06d}"}
        place = tmp_path / "series" / f"SYNTH-{number:06d}"
        files = write_series(volume, place / "1", **who)
        if number != 2:
            write_segmentation(volume, files, place / "2" / "segmentation.dcm", names=["a", "b"])
    read = read_folder(tmp_path)
    assert [volume.subject for volume in read] == ["SYNTH-000001", "SYNTH-000002", "SYNTH-000003"]
    sums = [int(volume.labels.sum()) for volume in read if volume.labels is not None]
    assert sums[1] == 0 and sums[0] == sums[2] == int(np.asarray(volumes[0].labels).sum())


def test_dicom_alone_is_audited_as_nifti_would_be(tmp_path: Path) -> None:
    """A reader of DICOM puts slices of left-handed axes in reverse order; the figures must not notice."""
    write_phantoms(tmp_path / "house", range(24), affine=np.diag([1.0, 1.2, -2.0, 1.0]))
    text = RECIPE.replace("{policy: lenient.yaml}", "{purpose: share}").replace("holdout: 0.4", "holdout: 0.5")
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
    material = Pictures.load(load_recipe(tmp_path / "recipe.yaml"), SILENT)
    made = material.train[:3]
    write_volumes(made, tmp_path / "nifti")
    for number, volume in enumerate(made, 1):
        place = tmp_path / "dicom" / "series" / f"SYNTH-{number:06d}"
        files = write_series(volume, place / "1", release="r/1", patient=place.name)
        write_segmentation(volume, files, place / "2" / "segmentation.dcm", names=["a", "b"])
    one, other = (material.read_back(tmp_path / name) for name in ("nifti", "dicom"))
    for a, b in zip(one, other, strict=True):
        assert np.array_equal(a.array, b.array) and a.array.dtype == b.array.dtype
        assert np.array_equal(np.asarray(a.labels), np.asarray(b.labels)) and np.allclose(a.affine, b.affine)
    halves = [replace(volume, array=volume.array + np.float32(0.5)) for volume in material.train]
    with pytest.raises(DataError, match="rounded to 16 bits"):
        Pictures(material.recipe, halves, material.holdout).read_back(tmp_path / "dicom")


def test_checks_are_listed_with_what_they_are_about() -> None:
    entries = json.loads(called("list", "checks", "--json"))
    matters = {entry["kind"]: entry["more"]["matter"] for entry in entries}
    assert matters["memorisation"] == matters["kid"] == "images" and matters["membership"] == "table"
    assert re.search(r"(?m)^radiomic_distance .*\n +matter: images$", called("list", "checks"))


def test_recipes_are_listed_where_they_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert called("list", "recipes") == ""
    Path("recipes").mkdir()
    Path("recipes/knees.yaml").write_text(RECIPE, encoding="utf-8")
    Path("compose.yml").write_text("services: {db: {image: postgres}}\n", encoding="utf-8")
    Path("broken.yaml").write_text("name: x\ndata: {tabel: y.csv}\n", encoding="utf-8")
    entries = {entry["kind"]: entry for entry in json.loads(called("list", "recipes", "--json"))}
    assert set(entries) == {"recipes/knees.yaml", "broken.yaml"}
    assert entries["recipes/knees.yaml"]["summary"] == "knees: volume generator, gate lenient.yaml"
    assert entries["recipes/knees.yaml"]["more"] == {"data": "house/images", "formats": "nifti"}
    assert entries["broken.yaml"]["summary"].startswith("cannot be read: ")
