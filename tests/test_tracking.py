"""The store knows every attempt, gives each release its number, survives kills, and holds no private row or path."""

from __future__ import annotations

import inspect
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest

from synthdiff.errors import TrackingError
from synthdiff.release import Release, Staging
from synthdiff.tracking import Attempt, Figure, NoAttempt, NoTracking, Tracker, compare

POLICY, RECIPE, TRAIN = "aa" * 32, "bb" * 32, "cc" * 32
SECRET = "Quillfeather-4711"


def estimate(
    value: float | None, low: float | None, high: float | None, reference: float | None = None
) -> dict[str, Any]:
    interval = None if low is None else [low, high]
    held = None if reference is None else {"value": reference, "interval": [reference, reference]}
    return {"value": value, "interval": interval, "n": 100, "reference": held}


ANSWER: dict[str, Any] = {
    "verdict": "pass",
    "headline": "Every bar is met.",
    "checks": {
        "shape": {"estimates": {"shape_error": estimate(0.03, 0.02, 0.04, reference=0.015)}},
        "membership": {
            "estimates": {
                "membership_auc": estimate(0.503, 0.49, 0.516),
                "tpr_at_fpr_0.01": estimate(0.0, 0.0, 0.02),
                "odd": estimate(float("nan"), None, None),
            }
        },
        "utility": {"estimates": {}},
    },
}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store, made once, that tests copy."""
    root = tmp_path_factory.mktemp("template")
    Tracker.open(root)
    return root / "mlflow.db"


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def root(tmp_path: Path, template: Path) -> Path:
    root = tmp_path / "mlruns"
    root.mkdir()
    shutil.copyfile(template, root / "mlflow.db")
    return root


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A saved generator, as far as tracking looks at it: a folder of files."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(bytes(64))
    return folder


def begin(tracker: Tracker, name: str = "heart-failure", **params: Any) -> Attempt:
    return tracker.begin(name, policy_sha256=POLICY, recipe_sha256=RECIPE, params=params)


def publish(releases: Path, number: int, content: str = "a\n1\n") -> Release:
    with Staging(releases) as staging:
        staging.add("data/records.csv", content)
        staging.add("report.html", "<p>a report</p>")
        return staging.publish(number, name=releases.name, recipe_sha256=RECIPE)


def dataset_of(tmp_path: Path, content: str) -> str:
    with Staging(tmp_path / "measured") as staging:
        staging.add("data/records.csv", content)
        return staging.dataset_sha256()


def accepted(tracker: Tracker, model: Path, releases: Path, content: str = "a\n1\n") -> int:
    """The whole way of an accepted attempt."""
    attempt = begin(tracker, releases.name)
    attempt.private_input("train", sha256=TRAIN, rows=239, columns=13)
    attempt.dataset(sha256=dataset_of(releases.parent, content), rows=1000, columns=13)
    attempt.metrics(ANSWER)
    number = attempt.accept(model, releases)
    attempt.published(publish(releases, number, content).path)
    return number


def client_of(root: Path) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=f"sqlite:///{root / 'mlflow.db'}")


def test_importing_the_room_stays_cheap() -> None:
    seen = "import sys, synthdiff.tracking; print({'mlflow', 'sqlalchemy', 'torch', 'pandas'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"


def test_an_accepted_attempt_is_read_back(root: Path, model: Path, tmp_path: Path) -> None:
    tracker = Tracker.open(root)
    began = datetime.now(UTC)
    assert accepted(tracker, model, tmp_path / "heart-failure") == 1
    (record,) = tracker.releases()
    assert record == tracker.release("heart-failure", 1)
    assert (record.name, record.number, record.verdict, record.rows) == ("heart-failure", 1, "accepted", 1000)
    assert record.dataset_sha256 == dataset_of(tmp_path, "a\n1\n")
    assert abs(record.date - began) < timedelta(seconds=30)
    assert record.reasons == ()
    assert record.figures == {
        "shape_error": Figure(0.03, (0.02, 0.04)),
        "membership_auc": Figure(0.503, (0.49, 0.516)),
        "tpr_at_fpr_0.01": Figure(0.0, (0.0, 0.02)),
    }


def test_the_run_holds_what_a_colleague_looks_for(root: Path, model: Path, tmp_path: Path) -> None:
    tracker = Tracker.open(root)
    accepted(tracker, model, tmp_path / "heart-failure")
    client = client_of(root)
    run = client.get_run(tracker.releases()[0].run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["synthdiff.policy_sha256"] == POLICY
    assert run.data.tags["synthdiff.recipe_sha256"] == RECIPE
    assert run.data.metrics["shape_error_reference"] == 0.015
    assert [path.path for path in client.list_artifacts(run.info.run_id, "release")] == [
        "release/data",
        "release/manifest.json",
        "release/report.html",
    ]
    train = next(given.dataset for given in run.inputs.dataset_inputs if given.dataset.name == "heart-failure/train")
    assert (train.digest, json.loads(train.source)) == (TRAIN[:36], {"sha256": TRAIN})
    assert (json.loads(train.profile), train.schema) == ({"num_rows": 239, "num_columns": 13}, None)
    version = client.get_model_version_by_alias("heart-failure", "candidate")
    assert (int(version.version), version.run_id) == (1, run.info.run_id)


def test_what_judges_is_logged_before_there_are_data(root: Path) -> None:
    tracker = Tracker.open(root)
    begin(
        tracker, effort="quick", seed=7, columns={"age (years)": {"kind": "integer"}}, gate={"require": {"a": "<= 1"}}
    )
    (record,) = tracker.releases()
    assert (record.verdict, record.number, record.dataset_sha256, record.figures) == ("unfinished", None, None, {})
    run = client_of(root).get_run(record.run_id)
    assert run.data.tags["synthdiff.policy_sha256"] == POLICY
    assert run.data.params == {
        "effort": "quick",
        "seed": "7",
        "columns": '{"age (years)": {"kind": "integer"}}',
        "gate.require.a": "<= 1",
    }


def test_a_rejected_attempt_has_reasons_and_no_version(root: Path, tmp_path: Path) -> None:
    tracker = Tracker.open(root)
    attempt = begin(tracker)
    attempt.metrics({**ANSWER, "verdict": "fail"})
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "report.html").write_text("a report")
    attempt.artifacts(tmp_path / "kept")
    attempt.reject(["membership_advantage 0.31 is above 0.10", "a second reason"])
    (record,) = tracker.releases("heart-failure")
    assert (record.verdict, record.number) == ("rejected", None)
    assert record.reasons == ("membership_advantage 0.31 is above 0.10", "a second reason")
    client = client_of(root)
    assert client.get_run(record.run_id).info.status == "FINISHED"
    assert client.search_registered_models() == []
    assert [path.path for path in client.list_artifacts(record.run_id)] == ["report.html"]
    with pytest.raises(TrackingError, match="knows no release 1"):
        tracker.release("heart-failure", 1)


def test_reasons_of_any_length_fit(root: Path) -> None:
    tracker = Tracker.open(root)
    begin(tracker).reject([f"reason {number} " + "é" * 2000 for number in range(50)])
    (record,) = tracker.releases()
    assert record.reasons[0].startswith("reason 0 ")
    assert len(record.reasons) >= 10


def test_a_failed_attempt_tells_the_kind_of_error_only(root: Path) -> None:
    tracker = Tracker.open(root)
    begin(tracker).fail(ValueError(f"row 17 holds {SECRET}"))
    (record,) = tracker.releases()
    assert (record.verdict, record.reasons) == ("failed", ("ValueError",))
    assert client_of(root).get_run(record.run_id).info.status == "FAILED"


def test_numbers_count_up_and_pass_over_untracked_releases(root: Path, model: Path, tmp_path: Path) -> None:
    tracker = Tracker.open(root)
    releases = tmp_path / "heart-failure"
    assert accepted(tracker, model, releases) == 1
    publish(releases, 2, "untracked\n")
    publish(releases, 3, "untracked as well\n")
    begin(tracker).reject(["no"])
    assert accepted(tracker, model, releases) == 4
    assert accepted(tracker, model, tmp_path / "heart-disease") == 1
    assert [(record.name, record.number) for record in tracker.releases()] == [
        ("heart-failure", 1),
        ("heart-failure", None),
        ("heart-failure", 4),
        ("heart-disease", 1),
    ]
    client = client_of(root)
    assert [int(version.version) for version in client.search_model_versions("name = 'heart-failure'")] == [4, 1]
    assert client.get_model_version_by_alias("heart-failure", "candidate").version == 4


def test_a_resumed_attempt_keeps_its_number_and_counts_nothing_twice(root: Path, model: Path, tmp_path: Path) -> None:
    tracker = Tracker.open(root)
    releases = tmp_path / "heart-failure"
    sha256 = dataset_of(tmp_path, "a\n1\n")
    run_id = begin(tracker).run_id
    for _ in range(3):
        attempt = tracker.resume(run_id)
        attempt.private_input("train", sha256=TRAIN, rows=239, columns=13)
        attempt.losses([(step, 1.0 / (step + 1), None if step % 10 else 0.5) for step in range(1500)])
        attempt.dataset(sha256=sha256, rows=1000, columns=13)
        attempt.metrics(ANSWER)
        assert attempt.accept(model, releases) == 1
    release = publish(releases, 1)
    for _ in range(2):
        attempt = tracker.resume(run_id)
        assert attempt.accept(model, releases) == 1, "the folder is its own"
        attempt.published(release.path)
    assert [(record.number, record.verdict) for record in tracker.releases()] == [(1, "accepted")]
    client = client_of(root)
    run = client.get_run(run_id)
    assert len(run.inputs.dataset_inputs) == 2
    assert len(client.get_metric_history(run_id, "loss_train")) == 1500
    assert len(client.get_metric_history(run_id, "loss_valid")) == 150
    assert len(client.search_logged_models([run.info.experiment_id])) == 1
    assert len(client.search_model_versions()) == 1


def test_a_number_that_was_taken_during_a_kill_is_given_up(root: Path, model: Path, tmp_path: Path) -> None:
    tracker = Tracker.open(root)
    releases = tmp_path / "heart-failure"
    attempt = begin(tracker)
    attempt.dataset(sha256=dataset_of(tmp_path, "a\n1\n"), rows=1, columns=1)
    assert attempt.accept(model, releases) == 1
    publish(releases, 1, "another's\n")
    attempt = tracker.resume(attempt.run_id)
    assert attempt.accept(model, releases) == 2


def test_an_interrupted_model_is_replaced(root: Path, model: Path, tmp_path: Path) -> None:
    tracker = Tracker.open(root)
    attempt = begin(tracker)
    client = client_of(root)
    experiment = client.get_run(attempt.run_id).info.experiment_id
    half = client.create_logged_model(experiment, name="heart-failure", source_run_id=attempt.run_id)
    attempt.dataset(sha256=TRAIN, rows=1, columns=1)
    attempt.accept(model, tmp_path / "heart-failure")
    (logged,) = client.search_logged_models([experiment])
    assert logged.model_id != half.model_id


def test_a_failed_attempt_may_be_resumed(root: Path) -> None:
    tracker = Tracker.open(root)
    attempt = begin(tracker)
    attempt.fail(OSError())
    tracker.resume(attempt.run_id)
    assert client_of(root).get_run(attempt.run_id).info.status == "RUNNING"


@pytest.mark.parametrize("run_id", ["0" * 32, "no run at all", None])
def test_an_attempt_that_is_not_there_is_told(root: Path, run_id: str | None) -> None:
    with pytest.raises(TrackingError, match="no such attempt") as told:
        Tracker.open(root).resume(run_id)
    assert "--resume" in told.value.mend


def test_two_releases_stand_side_by_side(root: Path, model: Path, tmp_path: Path) -> None:
    tracker = Tracker.open(root)
    for answer in (ANSWER, {**ANSWER, "checks": {"shape": {"estimates": {"shape_error": estimate(0.05, 0.04, 0.06)}}}}):
        attempt = begin(tracker)
        attempt.metrics(answer)
        attempt.reject([])
    first, second = tracker.releases()
    rows = {row.estimate: (row.a, row.b) for row in compare(first, second)}
    assert list(rows) == ["membership_auc", "shape_error", "tpr_at_fpr_0.01"]
    assert rows["shape_error"] == (Figure(0.03, (0.02, 0.04)), Figure(0.05, (0.04, 0.06)))
    assert rows["membership_auc"] == (Figure(0.503, (0.49, 0.516)), None)


def test_nothing_private_enters_the_store(root: Path, model: Path, tmp_path: Path) -> None:
    private = tmp_path / "private-ward" / "patients.csv"
    private.parent.mkdir()
    frame = pd.DataFrame({"name": [SECRET, "x"], "age": [61, 62]})
    frame.to_csv(private)
    tracker = Tracker.open(root)
    attempt = begin(tracker)
    attempt.private_input("train", sha256=TRAIN, rows=len(frame), columns=frame.shape[1])
    attempt.dataset(sha256=TRAIN, rows=1, columns=2)
    attempt.accept(model, tmp_path / "heart-failure")
    attempt.fail(ValueError(f"{private}: {SECRET}"))
    files = [path for path in root.rglob("*") if path.is_file()]
    assert any(path.name == "MLmodel" for path in files)
    for path in files:
        content = path.read_bytes()
        assert SECRET.encode() not in content
        assert b"private-ward" not in content
        # The database has to name the place of its own artifacts; what lies there names no place at all.
        if path.name != "mlflow.db":
            assert str(tmp_path).encode() not in content, path
            assert str(Path.cwd()).encode() not in content, path
            assert str(Path.home()).encode() not in content, path
        assert path.suffix not in (".pkl", ".pickle", ".joblib", ".pt")
    with sqlite3.connect(root / "mlflow.db") as database:
        dump = "\n".join(database.iterdump())
    assert SECRET not in dump and "private-ward" not in dump
    assert str(model) not in dump


def test_the_logged_model_draws_records(root: Path, tmp_path: Path) -> None:
    import torch
    from mlflow import pyfunc

    from synthdiff.generator import Generator

    class Constant(Generator):
        """A generator that has learnt one number."""

        kind: ClassVar[str] = "constant"

        def fit(self, value: float) -> Constant:
            self.value_, self.histories_ = value, ()
            return self

        def sample(self, n: int, random_state: int = 0) -> pd.DataFrame:
            return pd.DataFrame({"value": [self.value_] * n, "seed": random_state})

        def _state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
            return {"value": torch.tensor([self.value_])}, {}

        def _restore(self, tensors: dict[str, torch.Tensor], facts: dict[str, Any]) -> None:
            self.fit(float(tensors["value"]))

    Constant().fit(2.5).save(tmp_path / "generator")
    tracker = Tracker.open(root)
    attempt = begin(tracker)
    attempt.dataset(sha256=TRAIN, rows=1, columns=1)
    attempt.accept(tmp_path / "generator", tmp_path / "heart-failure")
    version = client_of(root).get_model_version("heart-failure", "1")
    loaded = pyfunc.load_model(version.source)
    assert loaded.predict(pd.DataFrame({"n": [3]})).value_counts().to_dict() == {(2.5, 0): 3}
    several = loaded.predict(pd.DataFrame({"n": [1, 2], "random_state": [7, 8]}))
    assert several["seed"].tolist() == [7, 8, 8]


@pytest.mark.parametrize("name", ["", " ", "a/b", "a:b"])
def test_a_name_that_cannot_be_registered_is_refused_at_once(root: Path, name: str) -> None:
    with pytest.raises(TrackingError, match="a name must not"):
        begin(Tracker.open(root), name)


def quick(seconds: float) -> Any:
    class Timer:
        def __enter__(self) -> None:
            self.began = time.monotonic()

        def __exit__(self, *exception: object) -> None:
            assert time.monotonic() - self.began < seconds

    return Timer()


def test_a_file_that_is_no_database_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("something else entirely, and long enough to be read\n" * 20)
    with quick(20), pytest.raises(TrackingError, match="not an MLflow database") as told:
        Tracker.open(tmp_path)
    assert told.value.where == str(tmp_path / "mlflow.db")
    assert told.value.mend


def test_anothers_database_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("CREATE TABLE patients (id)")
    before = (tmp_path / "mlflow.db").read_bytes()
    with quick(20), pytest.raises(TrackingError, match="not an MLflow database"):
        Tracker.open(tmp_path)
    assert (tmp_path / "mlflow.db").read_bytes() == before


def test_a_locked_database_is_told(root: Path) -> None:
    holder = sqlite3.connect(root / "mlflow.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with quick(20), pytest.raises(TrackingError, match="another program holds the database"):
        Tracker.open(root)
    holder.close()
    assert Tracker.open(root).releases() == []


def test_a_newer_database_is_told(root: Path) -> None:
    with sqlite3.connect(root / "mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'fffffffffff1'")
    with pytest.raises(TrackingError, match="another version of MLflow"):
        Tracker.open(root)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "mlruns").touch()
    with pytest.raises(TrackingError) as told:
        Tracker.open(tmp_path / "mlruns")
    assert told.value.where.startswith(str(tmp_path)) and told.value.mend


@pytest.mark.parametrize("character", "?%")
def test_a_folder_that_mlflow_cannot_name_is_told(tmp_path: Path, character: str) -> None:
    with pytest.raises(TrackingError, match="in its name"):
        Tracker.open(tmp_path / f"odd{character}folder")


def test_a_store_that_was_moved_does_not_write_to_its_old_place(root: Path, tmp_path: Path) -> None:
    begin(Tracker.open(root)).reject([])
    root.rename(tmp_path / "moved")
    moved = Tracker.open(tmp_path / "moved")
    assert len(moved.releases()) == 1
    with pytest.raises(TrackingError, match=str(root)):
        begin(moved)
    assert not root.exists()


def test_a_server_that_is_not_there_is_told_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://someone:password@127.0.0.1:{port}")
    with quick(20), pytest.raises(TrackingError, match="does not answer") as told:
        Tracker.open()
    assert "password" not in str(told.value)
    assert str(port) in told.value.where


def test_a_uri_that_means_nothing_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for uri in ("ftp://somewhere", "./a-folder"):
        with pytest.raises(TrackingError, match="MLflow refuses") as told:
            Tracker.open(uri=uri)
        assert told.value.mend


def test_a_database_named_by_uri_keeps_its_artifacts_beside_it(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "store").mkdir()
    shutil.copyfile(template, tmp_path / "store" / "own.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///store/own.db")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "report.html").touch()
    begin(Tracker.open()).artifacts(tmp_path / "kept")
    assert len(list((tmp_path / "store" / "artifacts").rglob("report.html"))) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "store"], "nothing is written elsewhere"


WHOLE = """
import sys
from pathlib import Path
from synthdiff.tracking import Tracker
tracker = Tracker.open(Path("mlruns"))
attempt = tracker.begin("x", policy_sha256="0", recipe_sha256="1", params={"seed": 7})
attempt.dataset(sha256="2", rows=1, columns=1)
attempt.accept(Path("model"), Path("releases"))
attempt.published(Path("model"))
"""


def test_a_first_run_is_quiet_and_writes_only_the_store(tmp_path: Path, model: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    told = subprocess.run([sys.executable, "-c", WHOLE], capture_output=True, cwd=tmp_path, env=environment, check=True)
    assert (told.stdout, told.stderr) == (b"", b"")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mlruns", "model"]
    assert sorted(path.name for path in (tmp_path / "mlruns").iterdir()) == ["artifacts", "mlflow.db"]


@pytest.mark.slow
def test_a_kill_while_the_store_is_made_leaves_none_or_a_whole_one(tmp_path: Path) -> None:
    opens = "from pathlib import Path; from synthdiff.tracking import Tracker; import mlflow; print(1, flush=True); "
    for kill in range(6):
        root = tmp_path / str(kill)
        code = opens + f"Tracker.open(Path({str(root)!r}))"
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.3 + 0.25 * kill)
            process.kill()
        assert Tracker.open(root).releases() == []


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = tmp_path / "server"
    where.mkdir()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{where}/server.db", "--artifacts-destination", str(where / "kept")]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (where / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=where, start_new_session=True)
    try:
        for _ in range(240):
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, (where / "log").read_text()
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


@pytest.mark.slow
def test_a_tracking_server_serves_as_well(
    server: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    monkeypatch.chdir(tmp_path)
    tracker = Tracker.open()
    releases = tmp_path / "heart-failure"
    assert accepted(tracker, model, releases) == 1
    publish(releases, 2, "untracked\n")
    assert accepted(tracker, model, releases) == 3
    begin(tracker).reject(["no"])
    assert [(record.number, record.verdict) for record in tracker.releases()] == [
        (1, "accepted"),
        (3, "accepted"),
        (None, "rejected"),
    ]
    assert tracker.release("heart-failure", 1).figures["shape_error"] == Figure(0.03, (0.02, 0.04))
    with pytest.raises(TrackingError, match="no such attempt"):
        tracker.resume("0" * 32)
    assert not (tmp_path / "mlruns").exists()


def test_without_tracking_the_folder_gives_the_numbers(model: Path, tmp_path: Path) -> None:
    releases = tmp_path / "heart-failure"
    tracking = NoTracking()
    for expected in (1, 2):
        attempt = tracking.begin("heart-failure", policy_sha256=POLICY, recipe_sha256=RECIPE)
        attempt.dataset(sha256=dataset_of(tmp_path, f"{expected}\n"), rows=1, columns=1)
        assert attempt.accept(model, releases) == expected
        publish(releases, expected, f"{expected}\n")
    resumed = tracking.resume(None)
    resumed.dataset(sha256=dataset_of(tmp_path, "2\n"), rows=1, columns=1)
    assert resumed.accept(model, releases) == 2, "published before the kill"
    resumed.dataset(sha256=dataset_of(tmp_path, "3\n"), rows=1, columns=1)
    assert resumed.accept(model, releases) == 3
    assert tracking.releases() == []
    with pytest.raises(TrackingError, match="--no-track"):
        tracking.release("heart-failure", 1)


@pytest.mark.parametrize(("real", "null"), [(Tracker, NoTracking), (Attempt, NoAttempt)])
def test_what_does_not_track_is_used_in_the_same_way(real: type, null: type) -> None:
    def methods(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(method).parameters)
            for name, method in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert methods(real) == methods(null)
