"""Images the whole way: a recipe in, a release or a refusal out; and folders of images judged."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from synthdiff.auditing import audit_images
from synthdiff.cli import main
from synthdiff.data import read_volumes
from synthdiff.errors import AuditError
from synthdiff.release import open_release

ROOT = Path(__file__).resolve().parents[1]
PHANTOMS = ROOT / "recipes/data/phantoms"
QUICK = ["intensity", "structures", "spectrum"]


def call(*arguments):
    return CliRunner().invoke(main, [str(part) for part in arguments])


@pytest.fixture(scope="module")
def phantoms():
    return read_volumes(PHANTOMS / "images", labels=PHANTOMS / "labels", modality="MR")


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A run that is hardly trained and asks for hardly anything."""
    folder = tmp_path_factory.mktemp("images")
    lenient = folder / "lenient.yaml"
    lenient.write_text(
        "name: lenient\npurpose: A test.\nsummary: Hardly a copy.\nrequire: {memorised_rate: '<= 0.5'}\n",
        encoding="utf-8",
    )
    shutil.copytree(ROOT / "recipes", folder / "recipes")
    sets = ["generator.budget={steps: 3}", "sample.rows=24", f"gate.policy={lenient}", "gate.purpose="]
    recipe = folder / "recipes/phantoms.yaml"
    overrides = [part for one in sets for part in ("--set", one)]
    out = folder / "releases"
    return call("run", recipe, "--out", out, "--no-track", *overrides), out


@pytest.mark.slow
def test_a_release_of_images(ran, phantoms):
    result, out = ran
    assert result.exit_code == 0, result.output
    release = open_release(out / "phantoms" / "1")
    assert release.verify() == []
    names = set(release.files)
    assert {f"data/images/{number:06d}.nii.gz" for number in range(1, 25)} <= names
    assert sum(name.startswith("data/series/SYNTH-000001/1/") for name in names) == 16
    drawn = read_volumes(release.path / "data/images", labels=release.path / "data/labels", modality="MR")
    assert drawn[0].array.shape == (20, 24, 16)
    dicom = read_volumes(release.path / "data/series/SYNTH-000001/1")
    assert np.array_equal(np.sort(dicom[0].array.ravel()), np.sort(drawn[0].array.ravel()))
    answer = json.loads((release.path / "report.json").read_text(encoding="utf-8"))
    assert answer["data"]["images"]["shape"] == [20, 24, 16]
    assert answer["checks"]["memorisation"]["estimates"]["planted_recall"]["value"] > 0.9
    # No name of a real scan leaves.
    for name in names:
        if name.endswith((".json", ".html", ".md", ".yaml")):
            text = (release.path / name).read_text(encoding="utf-8")
            assert not any(volume.subject in text for volume in phantoms), name


@pytest.mark.slow
def test_folders_are_judged(tmp_path, phantoms):
    """Other real scans in the place of synthetic ones are no copies; the training scans are."""
    parts = {"train": range(60), "held": range(60, 95), "fresh": range(95, 130), "copies": range(35)}
    files = sorted((PHANTOMS / "images").iterdir())
    for name, part in parts.items():
        for number in part:
            for kind in ("images", "labels"):
                target = tmp_path / name / kind / (f"s{number}.nii.gz" if name == "copies" else files[number].name)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(PHANTOMS / kind / files[number].name, target)
    verdicts = {}
    for name in ("fresh", "copies"):
        result = call(
            "audit",
            "--real",
            tmp_path / "train",
            "--synthetic",
            tmp_path / name,
            "--holdout",
            tmp_path / "held",
            "--json",
        )
        answer = json.loads(result.stdout)
        verdicts[name] = answer["checks"]["memorisation"]["bars"]["memorised_rate"]["verdict"]
    assert verdicts["copies"] == "fail"
    assert verdicts["fresh"] != "fail"


def test_images_are_judged_from_python(phantoms, tmp_path):
    report = audit_images(phantoms[:60], phantoms[95:], phantoms[60:95], checks=QUICK)
    assert report["spectrum"].bars["spectrum_error"].verdict == "pass"
    assert set(report.answers) == set(QUICK)
    assert report.save(tmp_path / "report.html").stat().st_size > 50_000


@pytest.mark.parametrize(
    ("holdout", "said"),
    [(slice(0, 30), "30 subjects are among the training images"), (slice(60, 65), "5 images, at least 20")],
)
def test_images_that_do_not_go_together_are_refused(phantoms, holdout, said):
    with pytest.raises(AuditError, match=said):
        audit_images(phantoms[:60], phantoms[95:], phantoms[holdout], checks=QUICK)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("data.images.path=nowhere", "nowhere"),
        ("data.images.labels=nowhere", "nowhere"),
        ("data.images.modality=XX", "modality"),
        ("data.images.shape=[20, 24]", "the grid (20, 24) does not fit images of 3 axes"),
        ("data.holdout=0.1", "13"),
        ("sample.rows=5", "too few to be audited"),
        ("gate.require={shape_eror: '<= 1'}", "shape_eror"),
        ("release.formats=[csv]", "expected some of nifti, dicom"),
    ],
)
def test_what_cannot_be_run_is_refused_in_words(override, said, tmp_path):
    result = call("run", ROOT / "recipes/phantoms.yaml", "--out", tmp_path / "out", "--no-track", "--set", override)
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()
