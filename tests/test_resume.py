"""A run that is killed, however often and whenever, and then resumed, ends as if nothing had happened."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from synthdiff.release import open_release
from synthdiff.tracking import Tracker

RECIPE = Path(__file__).resolve().parents[1] / "recipes" / "heart-failure.yaml"
SURELY = ["detection_auc", "utility_drop", "shape_error", "excess_copy_rate", "schema_violation_rate"]
COMMAND = [sys.executable, "-m", "synthdiff", "run", str(RECIPE), "--set", "generator.effort="]
COMMAND += ["--set", 'gate.require.blind_auc=">= -1"', *(f"--set=gate.require.{name}=<= 9" for name in SURELY)]
RESUME = "--resume"


@dataclass(frozen=True)
class Whole:
    """An uninterrupted run: what it released, and how long it took."""

    data: dict[str, bytes]
    seconds: float


def start(folder: Path, steps: int, *more: str) -> subprocess.Popen[bytes]:
    command = [*COMMAND, "--set", f"generator.budget.steps={steps}", *more]
    log = (folder / "log.txt").open("ab")
    return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)


def data(folder: Path, number: int = 1) -> dict[str, bytes]:
    release = folder / "releases" / "heart-failure" / str(number)
    return {path.name: path.read_bytes() for path in sorted((release / "data").iterdir())}


def visible(folder: Path) -> list[Path]:
    """The releases that anybody would take for such."""
    return [entry for entry in folder.glob("releases/heart-failure/*") if entry.name.isdecimal()]


def uninterrupted(folder: Path, steps: int) -> Whole:
    began = time.monotonic()
    assert start(folder, steps).wait() == 0, (folder / "log.txt").read_text()
    return Whole(data(folder), time.monotonic() - began)


def killed_and_resumed(folder: Path, steps: int, moments: list[float]) -> int:
    """Kill at each of the moments, in seconds from the start of a process, then let it end; the kills that hit."""
    hits = 0
    for attempt, moment in enumerate(moments):
        process = start(folder, steps, *([RESUME] if attempt else []))
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            hits += process.wait() == -signal.SIGKILL
        for release in visible(folder):
            assert open_release(release).verify() == []
    assert start(folder, steps, RESUME).wait() == 0, (folder / "log.txt").read_text()
    return hits


def assert_the_same(folder: Path, whole: Whole) -> None:
    log = (folder / "log.txt").read_text()
    assert [release.name for release in visible(folder)] == ["1"], log
    assert open_release(visible(folder)[0]).verify() == []
    assert data(folder) == whole.data, log
    assert [entry.name for entry in folder.glob("releases/heart-failure/.*")] == [".attempt"]
    assert [entry.name for entry in folder.glob("releases/heart-failure/.attempt/*")] == ["state.json"]
    tracker = Tracker.open(folder / "mlruns")
    records = tracker.releases("heart-failure")
    assert [record.number for record in records if record.verdict == "accepted"] == [1], records
    assert {record.verdict for record in records} <= {"accepted", "unfinished"}
    versions = tracker._client.search_model_versions("name = 'heart-failure'")
    assert [version.version for version in versions] == [1]
    assert "Traceback" not in log and "unexpected" not in log, log


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store of each folder, and a machine that is not fought over."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def test_two_kills_and_one_release(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    whole = uninterrupted(tmp_path / "whole", 100)
    # By then the first has begun to write, and the second has a model or more.
    hits = killed_and_resumed(tmp_path / "killed", 100, [0.6 * whole.seconds, 0.8 * whole.seconds])
    assert hits >= 1
    assert_the_same(tmp_path / "killed", whole)
    # A resumption that comes too late finds nothing to do.
    assert start(tmp_path / "killed", 100, RESUME, "--json").wait() == 0
    assert_the_same(tmp_path / "killed", whole)


@pytest.mark.slow
def test_kills_spread_over_the_whole_run(tmp_path: Path) -> None:
    """Ten runs: each is killed in its own tenth, and what resumes it at any moment."""
    (tmp_path / "whole").mkdir()
    whole = uninterrupted(tmp_path / "whole", 300)
    draw = random.Random(1)
    hits = 0
    for tenth in range(10):
        folder = tmp_path / f"killed-{tenth}"
        folder.mkdir()
        moments = [(tenth + draw.random()) / 10 * whole.seconds, draw.random() * whole.seconds]
        hits += killed_and_resumed(folder, 300, moments)
        assert_the_same(folder, whole)
    assert hits >= 10


def test_a_resumption_with_another_recipe_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "releases" / "heart-failure" / ".attempt" / "state.json"
    state.parent.mkdir(parents=True)
    state.write_text(json.dumps({"identity": {"recipe": "another"}, "run_id": None}))
    assert start(tmp_path, 100, RESUME).wait() == 2
    said = (tmp_path / "log.txt").read_text()
    assert "the recipe" in said and "without --resume" in said
    assert state.exists()
