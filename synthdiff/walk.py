"""The walk: a recipe goes in, a release comes out, or a refusal with its reasons.

Each stage leaves its product in the attempt's folder before the next begins, whole or not at all, so that an attempt
that was killed goes on with the first stage whose product is missing.
"""

from __future__ import annotations

import resource
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from synthdiff.attempt import Attempt
from synthdiff.auditing import known_estimates
from synthdiff.generator import Generator
from synthdiff.material import Material, load
from synthdiff.policy import Policy
from synthdiff.progress import SILENT, Progress
from synthdiff.recipe import Recipe, load_recipe
from synthdiff.release import Staging, environment_text
from synthdiff.report.card import dataset_card
from synthdiff.report.croissant import croissant
from synthdiff.report.page import render
from synthdiff.tracking import Attempt as TrackedAttempt, NoAttempt, NoTracking, Tracker

Tracked = TrackedAttempt | NoAttempt

TRIAL_STEPS = {"row": 200, "image": 5}
"""Steps of training that a cost estimate is measured on, by what a record is called."""


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
    material = load(recipe, progress)
    material.rehearse()
    parts = {"training": material.train, "holdout": material.holdout}
    inputs = {role: material.digest(part) for role, part in parts.items()}
    identity = {"recipe": recipe.sha256, "policy": policy.sha256}
    identity |= {f"{role} data": digest for role, digest in inputs.items()}
    with Attempt(Path(out) / recipe.name, identity, resume, progress) as attempt:
        if attempt.ending is not None:
            return Outcome(**attempt.ending)
        tracked = _track(tracker if tracker is not None else Tracker.open(), attempt, recipe, policy)
        try:
            for role, part in parts.items():
                rows, columns = material.size(part)
                tracked.private_input(role, sha256=inputs[role], rows=rows, columns=columns)
            model = attempt.model(lambda: material.fit(attempt.checkpoints, progress))
            for net, history in enumerate(model.histories_, 1):
                tracked.losses(list(zip_longest(history.steps, history.train, history.validation)), net)
            synthetic = material.draw(model, attempt, progress)
            answer = attempt.answer(lambda: material.audit(model, synthetic, policy, attempt.custodian, progress))
            tracked.metrics(answer)
            with Staging(attempt.releases) as staging:
                material.write(staging, synthetic, attempt)
                rows, columns = material.size(synthetic)
                tracked.dataset(sha256=staging.dataset_sha256(), rows=rows, columns=columns)
                outcome = _gate(material, attempt, tracked, staging, answer)
        except Exception as error:
            tracked.fail(error)
            raise
        attempt.finish(outcome.accepted, outcome.folder, outcome.number)
    return outcome


def _gate(
    material: Material[Any], attempt: Attempt, tracked: Tracked, staging: Staging, answer: Mapping[str, Any]
) -> Outcome:
    """Publish what was staged if the audit let it pass; otherwise keep the report and drop the rest."""
    if answer["verdict"] != "pass":
        folder = attempt.refuse(answer, render(answer))
        tracked.artifacts(folder, "refused")
        tracked.reject(reasons(answer))
        return Outcome(False, folder, None, answer)
    recipe = material.recipe
    number = tracked.accept(attempt.folder / "model", attempt.releases)
    folder = attempt.releases / str(number)
    # An attempt that was killed after publishing has its release already.
    if not folder.exists():
        _write_papers(staging, material, number, answer)
        staging.publish(
            number,
            name=recipe.name,
            recipe_sha256=recipe.sha256,
            folders=material.folders,
            forbidden=material.forbidden(),
        )
    tracked.published(folder)
    return Outcome(True, folder, number, answer)


def _write_papers(staging: Staging, material: Material[Any], number: int, answer: Mapping[str, Any]) -> None:
    """Add to the data what says how they were made and what they are worth."""
    recipe = material.recipe
    facts = {
        "name": recipe.name,
        "number": number,
        "rows": answer["data"]["synthetic_rows"],
        "files": {path: {"sha256": file.sha256, "bytes": file.bytes} for path, file in staging.files().items()},
        "answer": answer,
        "recipe_sha256": recipe.sha256,
        "synthdiff": answer["environment"]["synthdiff"],
        **material.described(answer),
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


def fit(recipe: Recipe, progress: Progress = SILENT) -> Generator:
    """Learn the training part of a recipe's data, without sampling, audit or release."""
    return load(recipe, progress).fit(progress=progress)


def estimate(recipe: Recipe, progress: Progress = SILENT) -> dict[str, float]:
    """What a run would cost, measured on a few steps of training: records, parameters, minutes, memory."""
    material = load(recipe, progress)
    material.rehearse()
    return {
        f"training_{material.word}s": material.size(material.train)[0],
        f"held_out_{material.word}s": material.size(material.holdout)[0],
        f"synthetic_{material.word}s": material.count,
        **material.trial(TRIAL_STEPS[material.word]),
        "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def policy_of(recipe: Recipe) -> Policy:
    """The policy that a recipe's gate asks for, with its own requirements."""
    gate = recipe.gate
    policy = Policy.load(recipe.resolve(gate.policy) if gate.policy is not None else recipe.policy_name or "")
    policy = policy.with_requirements(gate.require)
    policy.must_know(known_estimates())
    return policy


def reasons(answer: Mapping[str, Any]) -> list[str]:
    """Why a gate refused: the reasons of the gating checks that did not pass."""
    return [
        f"{name}: {check['reason']}"
        for name, check in answer["checks"].items()
        if check["gating"] and check["verdict"] != "pass"
    ]
