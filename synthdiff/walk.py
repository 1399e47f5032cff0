"""The walk: a recipe goes in, a release comes out, or a refusal with its reasons.

Each stage leaves its product in the attempt's folder before the next begins, whole or not at all, so that an attempt
that was killed goes on with the first stage whose product is missing.
"""

from __future__ import annotations

import hashlib
import json
import resource
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path
from shutil import copyfile
from typing import Any

import pandas as pd

from synthdiff.attempt import Attempt
from synthdiff.auditing import audit, known_estimates
from synthdiff.data import read_table, split
from synthdiff.effort import table_plan
from synthdiff.errors import DataError, RecipeError, about
from synthdiff.evidence import FEWEST
from synthdiff.policy import Policy
from synthdiff.progress import SILENT, Progress
from synthdiff.recipe import Recipe, load_recipe
from synthdiff.release import Staging, environment_text
from synthdiff.report.card import croissant, dataset_card
from synthdiff.report.page import render
from synthdiff.schema import Schema
from synthdiff.seeds import derive
from synthdiff.table import TableDiffusion
from synthdiff.tracking import Attempt as TrackedAttempt, NoAttempt, NoTracking, Tracker

Tracked = TrackedAttempt | NoAttempt

TRIAL_STEPS = 200
"""Steps of training that a cost estimate is measured on."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes
    ----------
    accepted : bool
        Whether the gate let the release pass.
    folder : Path
        The release, or the folder with the report of the refusal.
    number : int or None
        The release's number; ``None`` when it was refused.
    answer : mapping
        The audit's answer, as in ``report.json``.
    """

    accepted: bool
    folder: Path
    number: int | None
    answer: Mapping[str, Any]

    @property
    def report(self) -> Path:
        """The report to open."""
        return self.folder / "report.html"


def run(
    recipe: str | Path | Recipe,
    *,
    out: str | Path = "releases",
    resume: bool = False,
    tracker: Tracker | NoTracking | None = None,
    progress: Progress = SILENT,
) -> Outcome:
    """Walk a recipe: load, split, fit, sample, audit, gate, release, track.

    Parameters
    ----------
    recipe : path or Recipe
    out : path
        The folder of all releases; this one's goes to ``<out>/<name>/<number>``.
    resume : bool
        Go on with an attempt that was interrupted; the release is the one that it would have made.
    tracker : Tracker or NoTracking, optional
        Where to track the attempt; by default the store in ``mlruns/``, or that of ``MLFLOW_TRACKING_URI``.
    progress : Progress

    Raises
    ------
    SynthdiffError
        When the recipe, the data or the stores cannot be used. Nothing is published then.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    policy = policy_of(recipe)
    train, holdout, schema = load_parts(recipe)
    _rehearse(recipe, train, holdout, schema)
    inputs = {"training": _digest(train), "holdout": _digest(holdout)}
    identity = {"recipe": recipe.sha256, "policy": policy.sha256}
    identity |= {f"{role} data": digest for role, digest in inputs.items()}
    with Attempt(Path(out) / recipe.name, identity, resume, progress) as attempt:
        if attempt.ending is not None:
            return Outcome(**attempt.ending)
        tracked = _track(tracker if tracker is not None else Tracker.open(), attempt, recipe, policy)
        try:
            for role, table in (("training", train), ("holdout", holdout)):
                tracked.private_input(role, sha256=inputs[role], rows=len(table), columns=len(table.columns))
            model = attempt.model(lambda: _fit(recipe, train, schema, attempt.checkpoints, progress))
            for net, history in enumerate(model.histories_, 1):
                tracked.losses(list(zip_longest(history.steps, history.train, history.validation)), net)
            rows = recipe.sample.rows or len(train)
            synthetic = attempt.synthetic(lambda: _draw(model, rows, recipe, progress), schema)
            evidence = (train, holdout, synthetic)
            answer = attempt.answer(lambda: _audit(recipe, policy, *evidence, schema, attempt.custodian, progress))
            tracked.metrics(answer)
            with Staging(attempt.releases) as staging:
                for kind in recipe.release.formats:
                    staging.write(f"data/records.{kind}", partial(copyfile, attempt.records(kind, synthetic, schema)))
                tracked.dataset(sha256=staging.dataset_sha256(), rows=len(synthetic), columns=len(synthetic.columns))
                outcome = _gate(recipe, attempt, tracked, staging, answer, schema, pd.concat([train, holdout]))
        except Exception as error:
            tracked.fail(error)
            raise
        attempt.finish(outcome.accepted, outcome.folder, outcome.number)
    return outcome


def _gate(
    recipe: Recipe,
    attempt: Attempt,
    tracked: Tracked,
    staging: Staging,
    answer: Mapping[str, Any],
    schema: Schema,
    frame: pd.DataFrame,
) -> Outcome:
    """Publish what was staged if the audit let it pass; otherwise keep the report and drop the rest."""
    if answer["verdict"] != "pass":
        folder = attempt.refuse(answer, render(answer))
        tracked.artifacts(folder, "refused")
        tracked.reject(reasons(answer))
        return Outcome(False, folder, None, answer)
    number = tracked.accept(attempt.folder / "model", attempt.releases)
    folder = attempt.releases / str(number)
    # An attempt that was killed after publishing has its release already.
    if not folder.exists():
        _write_papers(staging, recipe, number, answer, schema)
        staging.publish(
            number,
            name=recipe.name,
            recipe_sha256=recipe.sha256,
            folders=[recipe.resolve(recipe.data.table).parent, recipe.resolve(".")],
            forbidden=_identifiers(frame, schema),
        )
    tracked.published(folder)
    return Outcome(True, folder, number, answer)


def _write_papers(staging: Staging, recipe: Recipe, number: int, answer: Mapping[str, Any], schema: Schema) -> None:
    """Add to the data what says how they were made and what they are worth."""
    facts = {
        "name": recipe.name,
        "number": number,
        "rows": answer["data"]["synthetic_rows"],
        "schema": [column.model_dump(mode="json") for column in schema],
        "files": {path: {"sha256": file.sha256, "bytes": file.bytes} for path, file in staging.files().items()},
        "answer": answer,
        "recipe_sha256": recipe.sha256,
        "synthdiff": answer["environment"]["synthdiff"],
    }
    staging.add("report.html", render(answer))
    staging.add_json("report.json", answer)
    staging.add("README.md", dataset_card(facts))
    staging.add_json("croissant.json", croissant(facts))
    staging.add("recipe.yaml", recipe.released().to_yaml())
    staging.add("environment.txt", environment_text())


def _track(tracker: Tracker | NoTracking, attempt: Attempt, recipe: Recipe, policy: Policy) -> Tracked:
    """Begin a tracked run, with what it will be judged by, or go on with the interrupted attempt's."""
    if attempt.resumed and (attempt.run_id is not None or isinstance(tracker, NoTracking)):
        return tracker.resume(attempt.run_id)
    params = recipe.released().model_dump(mode="json", exclude_none=True)
    tracked = tracker.begin(recipe.name, policy_sha256=policy.sha256, recipe_sha256=recipe.sha256, params=params)
    attempt.remember(tracked.run_id)
    return tracked


def fit(recipe: Recipe, progress: Progress = SILENT) -> TableDiffusion:
    """Learn the training part of a recipe's table, without sampling, audit or release."""
    train, _, schema = load_parts(recipe)
    with about(recipe.data.table):
        return generator_of(recipe).fit(train, schema=schema, progress=progress)


def estimate(recipe: Recipe) -> dict[str, float]:
    """What a run would cost, measured on a few steps of training: rows, parameters, minutes, memory."""
    train, holdout, schema = load_parts(recipe)
    _rehearse(recipe, train, holdout, schema)
    model = generator_of(recipe)
    trial = generator_of(recipe).set_params(budget_steps=TRIAL_STEPS, budget_seconds=None).fit(train, schema=schema)
    kept = round(len(train) * (1 - model.validation))
    plan = table_plan(kept, len(trial.codec_.states), model.effort, model.budget_steps, model.budget_seconds)
    # A trial step is one of every net.
    a_step = sum(history.seconds for history in trial.histories_) / TRIAL_STEPS
    seconds = plan.seconds or plan.steps * a_step
    return {
        "training_rows": len(train),
        "held_out_rows": len(holdout),
        "synthetic_rows": recipe.sample.rows or len(train),
        "columns": len(schema.columns),
        "parameters": trial.parameters,
        "minutes_at_most": round(seconds / 60, 2),
        "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def policy_of(recipe: Recipe) -> Policy:
    """The policy that a recipe's gate asks for, with its own requirements."""
    gate = recipe.gate
    policy = Policy.load(recipe.resolve(gate.policy) if gate.policy is not None else gate.policy_name or "")
    policy = policy.with_requirements(gate.require)
    policy.must_know(known_estimates())
    return policy


def load_data(recipe: Recipe) -> tuple[pd.DataFrame, Schema]:
    """The table that a recipe names, and what its columns are."""
    with about(recipe.data.table):
        frame, schema = read_table(recipe.resolve(recipe.data.table), recipe.data.declared())
        return frame, schema.constrained(recipe.data.constraints, frame)


def load_parts(recipe: Recipe) -> tuple[pd.DataFrame, pd.DataFrame, Schema]:
    """The training part and the held-out part of the table that a recipe names, and what its columns are."""
    frame, schema = load_data(recipe)
    with about(recipe.data.table):
        train, holdout = split(frame, schema, recipe.data.holdout, seed=recipe.generator.seed)
    return train, holdout, schema


def generator_of(recipe: Recipe) -> TableDiffusion:
    """The generator that a recipe asks for, not yet fitted."""
    choice = recipe.generator
    budget = choice.budget
    return TableDiffusion(
        effort=choice.effort or "standard",
        budget_seconds=budget.in_seconds if budget else None,
        budget_steps=budget.steps if budget else None,
        random_state=derive(choice.seed, "generator"),
    )


def reasons(answer: Mapping[str, Any]) -> list[str]:
    """Why a gate refused: the reasons of the gating checks that did not pass."""
    return [
        f"{name}: {check['reason']}"
        for name, check in answer["checks"].items()
        if check["gating"] and check["verdict"] != "pass"
    ]


def _rehearse(recipe: Recipe, train: pd.DataFrame, holdout: pd.DataFrame, schema: Schema) -> None:
    """Refuse, before anything is written, what could not be learnt, drawn or audited."""
    with about(recipe.data.table):
        generator_of(recipe).rehearse(train, schema, recipe.sample.given)
        if len(holdout) < FEWEST:
            raise DataError(
                f"holding out {recipe.data.holdout:g} of {len(train) + len(holdout)} rows leaves {len(holdout)} to "
                f"compare with, at least {FEWEST} are needed",
                mend="hold out a larger share (data.holdout), or give more data",
            )
    if recipe.sample.rows is not None and recipe.sample.rows < FEWEST:
        raise RecipeError(
            f"{recipe.sample.rows} synthetic records are too few to be audited",
            where="sample.rows",
            mend=f"draw at least {FEWEST}, or leave the key away for as many as are learnt from",
        )


def _fit(recipe: Recipe, train: pd.DataFrame, schema: Schema, checkpoints: Path, progress: Progress) -> TableDiffusion:
    return generator_of(recipe).fit(train, schema=schema, checkpoint=checkpoints, progress=progress)


def _draw(model: TableDiffusion, rows: int, recipe: Recipe, progress: Progress) -> pd.DataFrame:
    """The synthetic records, without categories that none of them has: a rare one would name a real patient's."""
    drawn = model.sample(rows, recipe.sample.given, progress=progress)
    categories = drawn.select_dtypes("category")
    return drawn.assign(**{str(name): values.cat.remove_unused_categories() for name, values in categories.items()})


def _audit(
    recipe: Recipe,
    policy: Policy,
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    synthetic: pd.DataFrame,
    schema: Schema,
    custodian: Path,
    progress: Progress,
) -> dict[str, Any]:
    """The audit's answer; the records that it is concerned about go to the custodian's page alone."""
    seed = derive(recipe.generator.seed, "audit")
    report = audit(
        train, synthetic, holdout, schema=schema, policy=policy, random_state=seed, name=recipe.name, progress=progress
    )
    if any(answer.concerns for answer in report.answers.values()):
        report.save_for_custodian(custodian, train, synthetic)
    return report.to_dict()


def _identifiers(frame: pd.DataFrame, schema: Schema) -> set[str]:
    """The real identifiers and texts, none of which may be found in a release."""
    named = [column.name for column in schema if column.kind in ("identifier", "text") or "group" in column.roles]
    return {str(value) for name in named for value in frame[name].dropna().unique()}


def _digest(frame: pd.DataFrame) -> str:
    """The SHA-256 of a table's content and column names."""
    hashed = pd.util.hash_pandas_object(frame, index=False, categorize=True).to_numpy().tobytes()
    return hashlib.sha256(json.dumps(list(frame.columns)).encode() + hashed).hexdigest()
