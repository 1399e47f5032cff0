"""Tracker and attempt: one experiment a recipe, one run an attempt, one model version a release."""

from __future__ import annotations

import json
import math
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from synthdiff.errors import TrackingError
from synthdiff.tracking import model as models
from synthdiff.tracking.client import Client, connect, error_code, pages, prepare
from synthdiff.tracking.records import Figure, ReleaseRecord, Verdict, holds

CANDIDATE = "candidate"
"""The alias of a name's latest accepted model version."""

_SQLITE = "sqlite:///"
_NAME = "synthdiff.name"
_NUMBER = "synthdiff.number"
_VERDICT = "synthdiff.verdict"
_REASONS = "synthdiff.reasons"
_DATASET = "synthdiff.dataset_sha256"
_ROWS = "synthdiff.rows"


class Attempt:
    """One attempt at a release: an MLflow run.

    Every method may be called again with the same content after a kill; nothing is then counted twice.
    """

    def __init__(self, client: Client, run: Any) -> None:
        self._client = client
        self._experiment_id: str = run.info.experiment_id
        self._began: int = run.info.start_time
        self.run_id: str = run.info.run_id
        self.name: str = run.data.tags[_NAME]

    def private_input(self, role: str, *, sha256: str, rows: int, columns: int) -> None:
        """Log that a private table was used: its digest and size, no row, no level, no path."""
        self._input(role, "private", sha256, rows, columns)

    def dataset(self, *, sha256: str, rows: int, columns: int) -> None:
        """Log the synthetic data: full SHA-256 and size. Needed before :meth:`accept`."""
        self._input("synthetic", "synthetic", sha256, rows, columns)
        self._tag({_DATASET: sha256, _ROWS: str(rows)})

    def metrics(self, answer: Mapping[str, Any]) -> None:
        """Log an audit's answer: each estimate's value, both ends of its interval and its reference."""
        figures: dict[str, float | None] = {}
        for check in answer["checks"].values():
            for name, estimate in check.get("estimates", {}).items():
                low, high = estimate["interval"] or (None, None)
                reference = (estimate.get("reference") or {}).get("value")
                figures |= {name: estimate["value"], f"{name}_lower": low, f"{name}_upper": high}
                figures[f"{name}_reference"] = reference
        self._log([(name, value, 0) for name, value in figures.items()])
        self._tag({"synthdiff.audit": answer["verdict"], "mlflow.note.content": str(answer.get("headline", ""))})

    def losses(self, history: Sequence[tuple[int, float, float | None]], net: int = 1) -> None:
        """Log how a net learnt: (step, training loss, validation loss or None) each; nets count from 1."""
        which = "" if net == 1 else f"_net_{net}"
        self._log([(f"loss_train{which}", train, step) for step, train, _ in history])
        self._log([(f"loss_valid{which}", valid, step) for step, _, valid in history])

    def artifacts(self, folder: Path, under: str | None = None) -> None:
        """Copy a folder's content into the run's artifacts, or into the folder ``under`` there."""
        self._client.log_artifacts(self.run_id, str(folder), under)

    def reject(self, reasons: Sequence[str]) -> None:
        """End the attempt without a release: a finished run with its reasons, and no model version."""
        self._end("FINISHED", "rejected", reasons)

    def fail(self, error: BaseException) -> None:
        """End the attempt by an error, of which only the kind is logged: its text may quote a cell or a path."""
        # The error under way says more than a store that cannot be reached either.
        with suppress(TrackingError):
            self._end("FAILED", "failed", [type(error).__name__])

    def accept(self, model: Path, releases: Path) -> int:
        """Log the model, register it, and so obtain the release's number.

        Parameters
        ----------
        model : Path
            The folder that the generator was saved to.
        releases : Path
            The folder in which the releases of this name stand as folders ``1``, ``2``, … A number that is taken there
            (by an untracked release) is passed over.

        Returns
        -------
        int
            After a resumed kill the number that the run has already. If ``releases / str(number)`` exists then, it is
            this attempt's own release, published before the kill.
        """
        version = self._version()
        dataset_sha256 = self._client.get_run(self.run_id).data.tags[_DATASET]
        if version is not None and holds(releases / str(version), dataset_sha256):
            return version
        while version is None or os.path.lexists(releases / str(version)):
            if version is not None:
                self._client.delete_model_version(self.name, str(version))
            logged = self._model(model)
            self._register()
            # The location and not "models:/…": a database store would look that up at the process's default store.
            made = self._client.create_model_version(
                self.name, logged.artifact_location, self.run_id, model_id=logged.model_id
            )
            version = int(made.version)
        return version

    def published(self, release: Path) -> None:
        """End the attempt after its release was published: artifacts, alias ``candidate``, verdict, end of the run."""
        self.artifacts(release, "release")
        number = str(self._version())
        self._client.set_registered_model_alias(self.name, CANDIDATE, number)
        self._end("FINISHED", "accepted", [], {_NUMBER: number})

    def _model(self, folder: Path) -> Any:
        """The run's logged model; made once, without pickle and without a path of this machine."""
        for known in self._client.search_logged_models(
            [self._experiment_id], filter_string=f"source_run_id = '{self.run_id}'"
        ):
            if str(known.status) == "READY":
                return known
            self._client.delete_logged_model(known.model_id)
        made = self._client.create_logged_model(self._experiment_id, name=self.name, source_run_id=self.run_id)
        with tempfile.TemporaryDirectory() as temporary:
            saved = Path(temporary) / "saved"
            models.write(folder, saved, run_id=self.run_id, model_id=made.model_id)
            self._client.log_model_artifacts(made.model_id, str(saved))
        return self._client.finalize_logged_model(made.model_id, "READY")

    def _register(self) -> None:
        try:
            self._client.get_registered_model(self.name)
        except TrackingError as error:
            if error_code(error) != "RESOURCE_DOES_NOT_EXIST":
                raise
            self._client.create_registered_model(self.name)

    def _version(self) -> int | None:
        versions = self._client.search_model_versions(f"run_id = '{self.run_id}'")
        return int(versions[0].version) if versions else None

    def _input(self, role: str, kind: str, sha256: str, rows: int, columns: int) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        size = json.dumps({"num_rows": rows, "num_columns": columns})
        table = Dataset(f"{self.name}/{role}", sha256[:36], kind, json.dumps({"sha256": sha256}), profile=size)
        self._client.log_inputs(self.run_id, [DatasetInput(table, [InputTag("mlflow.data.context", role)])])

    def _log(self, points: Sequence[tuple[str, float | None, int]]) -> None:
        from mlflow.entities import Metric

        # All at one moment: a point that a resumed attempt logs again is then the same point, and kept once.
        known = [(name, value, step) for name, value, step in points if value is not None and math.isfinite(value)]
        metrics = [Metric(name, value, self._began, step) for name, value, step in known]
        for start in range(0, len(metrics), 1000):
            self._client.log_batch(self.run_id, metrics=metrics[start : start + 1000])

    def _tag(self, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        self._client.log_batch(self.run_id, tags=[RunTag(key, value[:8000]) for key, value in tags.items()])

    def _end(self, status: str, verdict: Verdict, reasons: Sequence[str], more: Mapping[str, str] = {}) -> None:
        self._tag({_VERDICT: verdict, _REASONS: _listed(reasons), **more})
        self._client.set_terminated(self.run_id, status)


class Tracker:
    """A store of attempts and releases: a local SQLite database or any MLflow tracking server."""

    def __init__(self, client: Client, artifacts: Path | None) -> None:
        self._client = client
        self._artifacts = artifacts

    @classmethod
    def open(cls, root: Path = Path("mlruns"), uri: str | None = None) -> Tracker:
        """Open a store, made on first use.

        Parameters
        ----------
        root : Path
            The folder of the default store: ``mlflow.db``, with ``artifacts`` beside it.
        uri : str or None
            An MLflow tracking URI instead; without it that of ``MLFLOW_TRACKING_URI``, if set.

        Raises
        ------
        TrackingError
            When it cannot be reached, read or made: at once, not after the work.
        """
        uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or f"{_SQLITE}{root.absolute() / 'mlflow.db'}"
        if not uri.startswith(_SQLITE):
            return cls(connect(uri), None)
        database = Path(uri.removeprefix(_SQLITE)).resolve()
        prepare(database)
        return cls(connect(f"{_SQLITE}{database}"), database.parent / "artifacts")

    def begin(
        self, name: str, *, policy_sha256: str, recipe_sha256: str, params: Mapping[str, Any] | None = None
    ) -> Attempt:
        """Begin an attempt, before any synthetic record exists: what it will be judged by is logged first.

        Parameters
        ----------
        name : str
            The recipe's name; that of the experiment and of the registered model.
        policy_sha256, recipe_sha256 : str
            Of the policy and of the recipe.
        params : mapping, optional
            Settings to show, nested or flat. They must hold no absolute path and no value from the data.
        """
        from mlflow.entities import Param

        if not name.strip() or set(name) & set("/:"):
            raise TrackingError(
                "a name must not be empty or hold '/' or ':'", where=repr(name), mend="rename the recipe"
            )
        tags = {_NAME: name, "synthdiff.policy_sha256": policy_sha256, "synthdiff.recipe_sha256": recipe_sha256}
        run = self._client.create_run(self._experiment(name), run_name=name, tags={**tags, _VERDICT: "unfinished"})
        settings = [Param(key, value) for key, value in _flat(params or {}).items()]
        for start in range(0, len(settings), 100):
            self._client.log_batch(run.info.run_id, params=settings[start : start + 100])
        return Attempt(self._client, run)

    def resume(self, run_id: str | None) -> Attempt:
        """Go on with an attempt that was interrupted; without a name (it was not tracked) there is none."""
        run = self._run(run_id or "")
        if run.info.status != "RUNNING" and run.data.tags[_VERDICT] in ("failed", "unfinished"):
            self._client.update_run(run.info.run_id, status="RUNNING")
        return Attempt(self._client, run)

    def releases(self, name: str | None = None) -> list[ReleaseRecord]:
        """All attempts, or those of one name, the oldest first."""
        if name is None:
            experiments = pages(self._client.search_experiments, filter_string="tags.synthdiff = 'releases'")
            ids = [experiment.experiment_id for experiment in experiments]
        else:
            experiment = self._client.get_experiment_by_name(name)
            ids = [experiment.experiment_id] if experiment else []
        runs = pages(self._client.search_runs, ids) if ids else ()
        return sorted((_record(run) for run in runs if _NAME in run.data.tags), key=lambda record: record.date)

    def release(self, name: str, number: int) -> ReleaseRecord:
        """One accepted release."""
        records = {record.number: record for record in self.releases(name) if record.number is not None}
        if number not in records:
            known = ", ".join(map(str, sorted(records))) or "none"
            mend = f"known releases of this name: {known}; `synthdiff releases list` shows all"
            raise TrackingError(f"the store knows no release {number}", where=name, mend=mend)
        return records[number]

    def _experiment(self, name: str) -> str:
        known = self._client.get_experiment_by_name(name)
        if known is None:
            place = str(self._artifacts) if self._artifacts else None
            return str(self._client.create_experiment(name, place, tags={"synthdiff": "releases"}))
        if self._artifacts and "synthdiff" in known.tags and known.artifact_location != str(self._artifacts):
            raise TrackingError(
                f"this store was made at {Path(known.artifact_location).parent} and would go on writing there",
                where=str(self._artifacts.parent),
                mend="move it back, or rename its mlflow.db, upon which a new store begins",
            )
        return str(known.experiment_id)

    def _run(self, run_id: str) -> Any:
        try:
            run = self._client.get_run(run_id)
        except TrackingError as error:
            if error_code(error) not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            run = None
        if run is None or _NAME not in run.data.tags:
            raise TrackingError(
                "the store knows no such attempt", where=run_id or "untracked", mend="run again without --resume"
            )
        return run


def _flat(settings: Mapping[str, Any]) -> dict[str, str]:
    """Settings as MLflow's parameters: nested ones by dotted names, what it cannot name or hold as one cut text."""
    flat: dict[str, str] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) and value and all(re.fullmatch(r"[\w\- ]+", str(inner)) for inner in value):
            flat |= {f"{key}.{inner}": text for inner, text in _flat(value).items()}
        else:
            flat[key] = (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))[:6000]
    return flat


def _listed(reasons: Sequence[str]) -> str:
    """Reasons as a JSON list that fits into a tag, the last ones left out where there are too many."""
    kept = [reason[:500] for reason in reasons]
    while len(text := json.dumps(kept, ensure_ascii=False)) > 8000:
        kept = kept[:-1]
    return text


def _record(run: Any) -> ReleaseRecord:
    tags, metrics = run.data.tags, run.data.metrics
    ends = {name: (metrics.get(f"{name}_lower"), metrics.get(f"{name}_upper")) for name in metrics}
    return ReleaseRecord(
        name=tags[_NAME],
        number=int(tags[_NUMBER]) if _NUMBER in tags else None,
        verdict=tags[_VERDICT],
        date=datetime.fromtimestamp(run.info.start_time / 1000, UTC),
        rows=int(tags[_ROWS]) if _ROWS in tags else None,
        dataset_sha256=tags.get(_DATASET),
        figures={n: Figure(metrics[n], (low, high)) for n, (low, high) in ends.items() if None not in (low, high)},
        run_id=run.info.run_id,
        reasons=tuple(json.loads(tags.get(_REASONS, "[]"))),
    )
