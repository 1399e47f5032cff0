"""Images that show something: learnt with their findings, drawn by shares, released with what they show."""

from __future__ import annotations

import io
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, strategies as st

from synthdiff.attempt import Attempt
from synthdiff.cli import main
from synthdiff.data.folders import read_folder
from synthdiff.errors import DataError
from synthdiff.material import load
from synthdiff.material.images import dealt
from synthdiff.progress import SILENT, Phase, Progress
from synthdiff.recipe import load_recipe
from synthdiff.release import Staging, open_release

ROOT = Path(__file__).resolve().parents[1]
RECIPE = """\
name: films
data:
  images: {path: films.npz, findings: shown, modality: DX}
  holdout: 0.4
generator: {model: volume, seed: 7, budget: {steps: 2}}
sample:
  rows: 30
  given: {finding: {normal: 1, fracture: 2}}
gate: {policy: lenient.yaml}
release: {formats: [nifti, dicom]}
"""
LENIENT = "name: lenient\npurpose: A test.\nsummary: Nothing.\nrequire: {memorised_rate: '<= 2'}\n"
SHOWN = np.array([*["normal"] * 60, *["fracture"] * 20])


def films() -> np.ndarray:
    """Films of nobody: smooth grey, and of a fracture a dark line across."""
    rng = np.random.default_rng(0)
    rows, columns = np.meshgrid(np.linspace(-1, 1, 12), np.linspace(-1, 1, 10), indexing="ij")
    made = []
    for finding in SHOWN:
        tilt, size = rng.normal(0, 0.3), rng.uniform(0.5, 0.8)
        film = 160 * np.exp(-((columns + tilt * rows) ** 2) / size) + rng.normal(20, 6, rows.shape)
        film[rng.integers(4, 8)] *= 1 if finding == "normal" else 0.3
        made.append(film)
    return np.clip(made, 0, 255).astype(np.uint8)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    (tmp_path / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    (tmp_path / "lenient.yaml").write_text(LENIENT, encoding="utf-8")
    np.savez_compressed(tmp_path / "films.npz", images=films(), shown=SHOWN)
    return tmp_path


def material(house: Path, *overrides: str) -> Any:
    return load(load_recipe(house / "recipe.yaml", overrides), SILENT)


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


class Interrupted(Progress):
    """Gives up in the middle of the second time that images are drawn: that of another finding."""

    def __init__(self) -> None:
        self.seen = 0

    @contextmanager
    def phase(self, name: str, total: float) -> Iterator[Phase]:
        self.seen += name == "sampling"
        if self.seen == 2:
            raise KeyboardInterrupt
        yield Phase()


@given(st.lists(st.integers(0, 9), min_size=1, max_size=4).filter(any), st.integers(1, 200))
def test_any_first_records_have_their_shares(weights: list[int], n: int) -> None:
    shares = {str(level): float(weight) for level, weight in enumerate(weights)}
    chosen = dealt(shares, n)
    assert len(chosen) == n and dealt(shares, n + 7)[:n] == chosen
    for level, weight in shares.items():
        assert abs(chosen.count(level) - n * weight / sum(weights)) <= 1.000001


def test_findings_are_learnt_and_asked_for_in_their_shares(house: Path) -> None:
    films = material(house)
    assert Counter(volume.finding for volume in films.train) == {"normal": 36, "fracture": 12}
    assert Counter(volume.finding for volume in films.holdout) == {"normal": 24, "fracture": 8}
    assert Counter(films.asked()) == {"normal": 10, "fracture": 20}
    assert Counter(material(house, "sample.given=").asked()) == {"normal": 23, "fracture": 7}
    assert Counter(material(house, "sample.given.finding=fracture").asked()) == {"fracture": 30}
    assert Counter(material(house, "data.images.findings=", "sample.given=").asked()) == {"": 30}
    model = films.fit()
    assert model.conditions_.columns == {"finding": ("fracture", "normal")}
    bare = material(house, "data.images.findings=", "sample.given=")
    assert bare.digest(bare.train) != films.digest(films.train)


def test_findings_may_stand_in_a_table_beside_the_recipe(house: Path) -> None:
    from PIL import Image

    (house / "films").mkdir()
    for number, film in enumerate(films()):
        Image.fromarray(film).save(house / "films" / f"film{number:02d}.png")
    table = pd.DataFrame({"subject": [f"film{number:02d}" for number in range(80)], "finding": SHOWN})
    table.sample(frac=1, random_state=0).to_csv(house / "said.csv", index=False)
    read = material(house, "data.images.path=films", "data.images.findings=said.csv")
    assert Counter(volume.finding for volume in read.train) == {"normal": 36, "fracture": 12}
    released = read.recipe.released().data.images
    assert (released.path, released.findings) == ("films", "said.csv")
    table.assign(finding=[*SHOWN[:-4], *["dislocation"] * 4]).to_csv(house / "said.csv", index=False)
    with pytest.raises(DataError, match=r"said\.csv: findings that too few .* share: 'dislocation' \([1-4]\), expect"):
        material(house, "data.images.path=films", "data.images.findings=said.csv")
    table.assign(finding="normal").to_csv(house / "said.csv", index=False)
    with pytest.raises(DataError, match="all 48 training images show 'normal', expected two findings or more"):
        material(house, "data.images.path=films", "data.images.findings=said.csv")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("sample.given.finding=sprain", "sample.given.finding: no image shows 'sprain'\n  known: fracture, normal"),
        ("sample.given.finding={normal: 1, sprain: 1}", "no image shows 'sprain'"),
        ("sample.given.sex=F", "sample.given has sex, expected only finding"),
        ("data.images.findings=", "sample.given has finding, expected none, as data.images.findings is not given"),
        ("data.images.findings=label", "there is no array 'label' in the file"),
        ("data.images.spacing=[1, 1, 1]", "the spacing (1.0, 1.0, 1.0) does not fit images of 2 axes"),
        ("data.images.spacing=[0, 1]", "data.images.spacing"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_anything_is_learnt(house: Path, override: str, said: str) -> None:
    result = call("run", house / "recipe.yaml", "--out", house / "out", "--no-track", "--set", override)
    assert result.exit_code == 2, result.output
    assert said in result.stderr and "Traceback" not in result.stderr
    assert not (house / "out").exists()


def test_a_spacing_is_that_of_the_learnt_and_of_the_drawn(house: Path) -> None:
    coarse = material(house, "data.images.spacing=[2, 2]")
    assert {volume.array.shape for volume in coarse.train + coarse.holdout} == {(5, 6)}
    assert coarse.fit().sample(1)[0].spacing == pytest.approx((2, 2))


def drawn(house: Path, model: Any, name: str, progress: Progress = SILENT, *, resume: bool = False) -> dict[str, bytes]:
    """What is released of a draw in a folder of its own, or in one where a draw was interrupted."""
    films = material(house)
    with Attempt(house / name, {"recipe": "one"}, resume, SILENT) as attempt, Staging(house / name) as staging:
        films.write(staging, films.draw(model, attempt, progress), attempt)
        staging.publish(1, name=name, recipe_sha256="")
    release = open_release(house / name / "1")
    return {file: (release.path / file).read_bytes() for file in release.files}


def test_an_interruption_between_two_findings_changes_no_byte(house: Path) -> None:
    model = material(house).fit()
    whole = drawn(house, model, "whole")
    with pytest.raises(KeyboardInterrupt):
        drawn(house, model, "again", Interrupted())
    assert not (house / "again/1").exists()
    assert drawn(house, model, "again", resume=True) == whole
    table = pd.read_csv(io.BytesIO(whole["data/findings.csv"]), dtype=str)
    assert list(table.columns) == ["file", "subject", "finding"]
    assert Counter(table["finding"]) == {"fracture": 20, "normal": 10}
    # Not the same noise twice: the first image of a finding is not the first of the other in other clothes.
    data = house / "whole/1/data"
    arrays = {volume.finding: volume.array for volume in reversed(read_folder(data))}
    assert abs(np.corrcoef(arrays["normal"].ravel(), arrays["fracture"].ravel())[0, 1]) < 0.95
    # What images show is found by the NIfTI files and by the DICOM series alike.
    assert [volume.finding for volume in read_folder(data)] == list(table["finding"])
    shutil.rmtree(data / "images")
    assert [volume.finding for volume in read_folder(data)] == list(table["finding"])


@pytest.mark.slow
def test_the_gate_may_ask_whether_findings_can_be_learnt(house: Path) -> None:
    out = house / "out"
    asked = ["--set", "gate.policy=", "--set", "gate.purpose=augment"]
    result = call("run", house / "recipe.yaml", "--out", out, "--no-track", "--json", *asked)
    answer = json.loads(next((out / "films").glob("*/**/report.json")).read_text(encoding="utf-8"))
    utility = answer["checks"]["image_utility"]
    assert result.exit_code == 3 and answer["verdict"] != "pass", "two steps of training teach no finding"
    assert utility["estimate"] == "auc_ratio" and utility["bars"]["auc_ratio"]["gating"]
    assert not any(name.startswith("dice") for name in utility["bars"])


def test_the_shipped_radiographs_and_their_recipe() -> None:
    recipe = load_recipe(ROOT / "recipes/pneumonia.yaml")
    films = load(recipe, SILENT)
    films.rehearse()
    assert Counter(volume.finding for volume in [*films.train, *films.holdout]) == {"normal": 155, "pneumonia": 445}
    shares = [np.mean([volume.finding == "normal" for volume in part]) for part in (films.train, films.holdout)]
    assert shares[0] == pytest.approx(shares[1], abs=0.01)
    assert (ROOT / "recipes/data/pneumonia/pneumonia.npz").stat().st_size < 500_000
