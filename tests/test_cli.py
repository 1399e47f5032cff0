"""The command line as its users meet it: every command once, for real, in a folder of its own."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from synthdiff.cli import main
from synthdiff.console import ACCEPTED, BAD_INPUT, INTERRUPTED, REFUSED, UNEXPECTED

RECIPES = Path(__file__).resolve().parents[1] / "recipes"
RECIPE, TABLE = RECIPES / "heart-failure.yaml", RECIPES / "data" / "heart_failure.csv"
TINY = ("--set", "generator.effort=", "--set", "generator.budget.steps=60")
BARS = ("detection_auc", "utility_drop", "shape_error", "excess_copy_rate", "schema_violation_rate")
SURELY = ("--set", 'gate.require.blind_auc=">= -1"', *(f"--set=gate.require.{name}=<= 9" for name in BARS))
NEVER = ("--set", "gate.require.shape_error=<= 0")


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def called(*arguments: object, status: int = ACCEPTED) -> str:
    """What a command says on stdout."""
    result = call(*arguments)
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output
    return result.stdout


def answered(*arguments: object, status: int = ACCEPTED) -> Any:
    """What a command gives on stdout as JSON, and nothing else there."""
    return json.loads(called(*arguments, "--json", status=status))


def synthdiff_process(folder: Path, *arguments: object, **more: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "synthdiff", *map(str, arguments)]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
    # A shell that starts the tests in the background has its children ignore interruptions.
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    return subprocess.Popen(command, cwd=folder, text=True, preexec_fn=heeding, **streams)


@dataclass(frozen=True)
class House:
    """A folder with two releases, a refusal and a model."""

    folder: Path
    accepted: dict[str, Any]
    refused: dict[str, Any]

    @property
    def release(self) -> Path:
        return self.folder / self.accepted["folder"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> House:
    folder = tmp_path_factory.mktemp("house")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        accepted = answered("run", RECIPE, *TINY, *SURELY)
        answered("run", RECIPE, *TINY, *SURELY, "--set", "generator.seed=8", "--set", "sample.rows=200")
        refused = answered("run", RECIPE, *TINY, *SURELY, *NEVER, status=REFUSED)
        called("fit", RECIPE, *TINY, "-o", "model")
    return House(folder, accepted, refused)


@pytest.fixture
def house(made: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """The same, with the working directory in it."""
    monkeypatch.chdir(made.folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return made


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


def test_an_accepted_run_says_where_its_report_is(house: House) -> None:
    said = house.accepted
    assert (said["verdict"], said["number"], said["folder"]) == ("accepted", 1, "releases/heart-failure/1")
    assert said["answer"]["verdict"] == "pass"
    assert Path(said["report"]).is_file()
    assert json.loads((house.release / "report.json").read_text()) == said["answer"]
    assert sorted(path.name for path in (house.release / "data").iterdir()) == ["records.csv", "records.parquet"]


def test_a_refused_run_keeps_its_report_and_releases_nothing(house: House) -> None:
    said = house.refused
    assert (said["verdict"], said["number"]) == ("refused", None)
    assert said["answer"]["verdict"] == "fail"
    assert sorted(path.name for path in Path(said["folder"]).iterdir()) == ["report.html", "report.json"]
    folder = house.folder / "releases" / "heart-failure"
    assert sorted(entry.name for entry in folder.iterdir()) == [".attempt", "1", "2", "refused"]
    assert [entry.name for entry in (folder / ".attempt").iterdir()] == ["state.json"]


def test_a_run_says_why_it_was_refused(empty: Path) -> None:
    result = call("run", RECIPE, *TINY, *SURELY, *NEVER, "--no-track", "--out", "elsewhere")
    assert result.exit_code == REFUSED
    assert "refused: " in result.stderr and "  - shape: " in result.stderr
    assert result.stdout.startswith("report: elsewhere/heart-failure/refused/")
    assert [entry.name for entry in empty.iterdir()] == ["elsewhere"]


def test_a_drafted_recipe_can_be_run(empty: Path) -> None:
    shutil.copy(TABLE, empty)
    result = call("init", "heart_failure.csv", "-o", "recipe.yaml")
    assert result.exit_code == ACCEPTED
    assert "299 rows, 13 columns" in result.stderr and "synthdiff run recipe.yaml" in result.stderr
    assert json.loads(Path("recipe.schema.json").read_text()) == json.loads(called("schema"))
    cost = answered("run", "recipe.yaml", "--dry-run")
    assert (cost["training_rows"], cost["held_out_rows"], cost["columns"]) == (209, 90, 13)
    assert cost["parameters"] > 1000 and cost["minutes_at_most"] > 0 and cost["peak_memory_mib"] > 50
    assert "training rows         209\n" in called("run", "recipe.yaml", "--dry-run")
    assert sorted(path.name for path in empty.iterdir()) == ["heart_failure.csv", "recipe.schema.json", "recipe.yaml"]


def test_a_draft_leaves_what_stands_beside_it(empty: Path) -> None:
    Path("recipe.schema.json").write_text("{}")
    result = call("init", TABLE)
    assert result.exit_code == ACCEPTED
    assert "recipe.schema.json" in result.stderr and "stays as it is" in result.stderr
    assert Path("recipe.schema.json").read_text() == "{}"
    written = Path("recipe.yaml").read_text()
    assert "already" in call("init", TABLE).stderr
    assert Path("recipe.yaml").read_text() == written


def test_rows_can_be_drawn_under_conditions(house: House, tmp_path: Path) -> None:
    drawn = tmp_path / "drawn.parquet"
    result = call("sample", "model", "-n", 50, "-o", drawn, "--given", "DEATH_EVENT=1", "--given", "age=[60, 80]")
    assert result.exit_code == ACCEPTED and "50 rows" in result.stderr and "not audited" in result.stderr
    frame = pd.read_parquet(drawn)
    assert list(frame.columns) == list(pd.read_csv(TABLE).columns)
    assert len(frame) == 50 and (frame["DEATH_EVENT"] == 1).all() and frame["age"].between(60, 80).all()


def test_a_draw_follows_from_its_seed(house: House, tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.csv" for name in ("same", "again", "other")]
    for file, seed in zip(files, (1, 1, 2), strict=True):
        called("sample", "model", "-n", 20, "-o", file, "--seed", seed)
    same, again, other = (file.read_text() for file in files)
    assert same == again != other


def test_a_table_of_anybody_can_be_audited(house: House, tmp_path: Path) -> None:
    real = pd.read_csv(TABLE)
    real[:200].to_csv(tmp_path / "real.csv", index=False)
    real[200:].to_csv(tmp_path / "holdout.csv", index=False)
    tables = ("--real", tmp_path / "real.csv", "--synthetic", house.release / "data" / "records.csv")
    # Those who were followed up for longer stand at the end of the table, which is no fair holdout: fail or undecided.
    answer = answered("audit", *tables, "--holdout", tmp_path / "holdout.csv", "--recipe", RECIPE, status=REFUSED)
    assert answer["verdict"] in ("fail", "inconclusive")
    assert answer["data"]["holdout_rows"] == 99 and answer["data"]["target"] == "DEATH_EVENT"

    report = tmp_path / "new" / "report"
    result = call("audit", *tables, "--policy", "test-data", "--target", "DEATH_EVENT", "-o", report)
    assert result.exit_code in (ACCEPTED, REFUSED)
    assert f"report: {report / 'report.html'}" in result.stdout and "\nmembership" in result.stdout
    answer = json.loads((report / "report.json").read_text())
    assert answer["data"]["holdout_rows"] == 0 and answer["policy"]["name"] == "test-data"
    assert "test-data" in (report / "report.html").read_text()


def test_verification_notices_a_change(house: House, tmp_path: Path) -> None:
    assert "heart-failure 1: all" in called("verify", house.release)
    changed = tmp_path / "1"
    shutil.copytree(house.release, changed)
    with (changed / "data" / "records.csv").open("a") as file:
        file.write("80,1,582,0,20,1,265000,1.9,130,1,0,4,1\n")
    result = call("verify", changed)
    assert result.exit_code == REFUSED
    assert "data/records.csv: was changed" in result.stdout and "do not hold" in result.stderr


@pytest.mark.slow
def test_every_figure_of_a_release_can_be_computed_again(house: House, tmp_path: Path) -> None:
    said = called("verify", house.release, "--real", TABLE)
    assert "figures hold" in said and " do not " not in said
    changed = tmp_path / "1"
    shutil.copytree(house.release, changed)
    report = json.loads((changed / "report.json").read_text())
    report["checks"]["shape"]["estimates"]["shape_error"]["value"] /= 2
    text = json.dumps(report)
    (changed / "report.json").write_text(text)
    manifest = json.loads((changed / "manifest.json").read_text())
    manifest["files"]["report.json"] = {"bytes": len(text), "sha256": hashlib.sha256(text.encode()).hexdigest()}
    (changed / "manifest.json").write_text(json.dumps(manifest))
    result = call("verify", changed, "--real", TABLE)
    assert result.exit_code == REFUSED and "does not hold" in result.stdout


def test_the_store_is_read_back(house: House) -> None:
    listed = answered("releases", "list")
    assert [(record["number"], record["verdict"]) for record in listed] == [
        (1, "accepted"),
        (2, "accepted"),
        (None, "rejected"),
    ]
    lines = called("releases", "list", "heart-failure").splitlines()
    assert len(lines) == 3 and "accepted" in lines[0] and "1,000 rows" in lines[0] and "rejected" in lines[2]
    shown = answered("releases", "show", "heart-failure", 1)
    assert shown["rows"] == 1000 and shown["dataset_sha256"] in called("releases", "show", "heart-failure", 1)
    manifest = json.loads((house.release / "manifest.json").read_text())
    assert shown["dataset_sha256"] == manifest["dataset_sha256"]
    compared = answered("releases", "compare", "heart-failure", 1, 2)
    shape = next(row for row in compared if row["estimate"] == "shape_error")
    assert shape["a"] == shown["figures"]["shape_error"] != shape["b"]
    assert "heart-failure 2" in called("releases", "compare", "heart-failure", 1, 2)
    missing = call("releases", "show", "heart-failure", 7)
    assert missing.exit_code == BAD_INPUT and "known releases of this name: 1, 2" in missing.stderr


@pytest.mark.parametrize(
    ("family", "member"),
    [
        ("checks", "membership"),
        ("constraints", "inequality"),
        ("formats", "parquet"),
        ("nets", "mlp"),
        ("policies", "share-publicly"),
        ("samplers", "heun"),
        ("schedules", "log-normal"),
        ("sdes", "edm"),
    ],
)
def test_every_family_is_listed(family: str, member: str) -> None:
    entries = answered("list", family)
    assert member in [entry["kind"] for entry in entries]
    assert all(entry["summary"] for entry in entries)
    text = called("list", family)
    assert all(entry["kind"] in text and entry["summary"] in text for entry in entries)


def test_a_doctor_makes_nothing(empty: Path) -> None:
    said = called("doctor")
    assert "python" in said and "torch" in said and "the first run makes one" in said and "BAD" not in said
    assert list(empty.iterdir()) == []


def test_a_doctor_counts_what_is_tracked(house: House) -> None:
    assert "3 attempts tracked" in called("doctor")


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    asked = "import sys; from synthdiff.cli import main; main(['--help'], standalone_mode=False); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    assert "init" in loaded and "doctor" in loaded
    assert not {"torch", "pandas", "numpy", "mlflow", "sklearn", "pydantic"} & set(loaded.splitlines()[-1].split())


def test_a_failure_shows_its_traceback_on_demand_only(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("so it goes")

    monkeypatch.setattr(import_module("synthdiff.walk"), "run", broken)
    result = call("run", RECIPE)
    assert result.exit_code == UNEXPECTED
    assert "unexpected failure: ZeroDivisionError: so it goes" in result.stderr and "--debug" in result.stderr
    assert "Traceback" not in result.output
    result = call("--debug", "run", RECIPE)
    assert result.exit_code == UNEXPECTED and "Traceback" in result.stderr and "in broken" in result.stderr


def test_a_full_disk_is_told_as_such(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "releases/x")

    monkeypatch.setattr(import_module("synthdiff.walk"), "run", full)
    result = call("run", RECIPE)
    assert result.exit_code == BAD_INPUT
    assert result.stderr.startswith("error: releases/x: No space left on device\n") and "make room" in result.stderr


def test_an_interruption_is_no_failure_and_can_be_resumed(empty: Path) -> None:
    arguments = ("run", RECIPE, *TINY[:2], "--set", "generator.budget.minutes=5", "--no-track")
    process = synthdiff_process(empty, *arguments)
    held = empty / "releases" / "heart-failure" / ".attempt" / "checkpoints"
    while not held.exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGSTOP)  # Else a fast machine has learnt the small table before the second one looks.
    second = synthdiff_process(empty, *arguments)
    said = second.communicate()[1]
    assert second.returncode == BAD_INPUT and "another process is making a release of this name" in said
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate()
    assert (process.returncode, out) == (INTERRUPTED, "")
    assert "interrupted" in err and "--resume" in err and "Traceback" not in err
    assert held.exists()


def test_a_reader_that_has_had_enough_is_no_failure(tmp_path: Path) -> None:
    process = synthdiff_process(tmp_path, "schema")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == ACCEPTED
