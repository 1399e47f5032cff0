"""Utility: real records lose nothing, shuffled columns lose all, and every kind of target has its score."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score, roc_auc_score
from worlds import clinic, clinic_schema, columnwise

from synthdiff.checks.check import Evidence, Finding
from synthdiff.checks.utility import utility as module
from synthdiff.checks.utility.utility import Utility
from synthdiff.schema import Column, Schema

SCHEMA = clinic_schema()
TRAIN, HOLDOUT = clinic(400, 1), clinic(300, 2)


def aiming_at(target: str) -> Schema:
    """The clinic's schema with another target."""
    return Schema(
        columns=tuple(c.model_copy(update={"roles": ("target",) if c.name == target else ()}) for c in SCHEMA)
    )


def utility(
    synthetic: pd.DataFrame,
    schema: Schema = SCHEMA,
    holdout: pd.DataFrame | None = HOLDOUT,
    train: pd.DataFrame = TRAIN,
    seed: int = 0,
) -> Finding:
    return Utility(resamples=200).run(Evidence(train, holdout, synthetic, schema, seed))


@pytest.mark.parametrize(("target", "metric"), [("died", "ROC AUC"), ("stage", "macro AUC"), ("sodium", "R²")])
def test_fresh_real_records_lose_nothing_and_shuffled_columns_lose_all(target: str, metric: str) -> None:
    train = clinic(1000, 1)
    fresh, broken = (utility(made, aiming_at(target), train=train) for made in (clinic(1000, 3), columnwise(train)))
    assert fresh.detail["metric"] == broken.detail["metric"] == metric
    assert fresh.estimates["utility_drop"].interval[0] < 0.03
    assert fresh.estimates["utility_drop"].value < 0.1
    assert broken.estimates["utility_drop"].interval[0] > 0
    nothing = 0.0 if metric == "R²" else 0.5
    assert broken.estimates["utility_synthetic"].value < nothing + 0.06


def test_the_training_records_themselves_lose_little_and_are_the_reference() -> None:
    found = utility(TRAIN)
    drop, score = found.estimates["utility_drop"], found.estimates["utility_synthetic"]
    assert abs(drop.value) < 0.02
    assert score.reference is not None
    assert score.reference.value - score.value == pytest.approx(drop.value)
    assert found.detail["n_test"] == drop.n == 300


def test_both_models_learn_from_equally_many_records() -> None:
    small, large = utility(clinic(100, 3)), utility(clinic(1000, 3))
    assert "100 synthetic records" in small.reason
    assert "400 synthetic records" in large.reason
    assert small.detail["real"] != large.detail["real"]


def test_a_level_that_the_synthetic_records_lack_is_guessed_and_named() -> None:
    some = clinic(1000, 3)
    found = utility(some[~some["stage"].isin(["I", "IV"])], aiming_at("stage"))
    assert found.estimates["utility_drop"].interval[0] > 0.05
    assert "2 of the target's levels never occur" in found.reason


def test_a_synthetic_target_of_one_level_teaches_guessing() -> None:
    found = utility(clinic(300, 3).assign(died="no"))
    assert found.estimates["utility_synthetic"].value == 0.5
    assert found.estimates["utility_drop"].interval[0] > 0.1


def test_records_without_a_target_are_left_out() -> None:
    gaps = HOLDOUT.copy()
    gaps.loc[::3, "sodium"] = np.nan
    assert utility(clinic(400, 3), aiming_at("sodium"), gaps).detail["n_test"] == 200


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": aiming_at("nothing")}, "names no target"),
        ({"holdout": None}, "no held-out records"),
        ({"holdout": HOLDOUT.assign(died="no")}, "the same 'died'"),
        ({"holdout": HOLDOUT.iloc[:10]}, "10 held-out records do"),
        ({"schema": aiming_at("ward")}, "40 levels"),
        ({"schema": Schema(columns=(SCHEMA["died"],))}, "no column from which"),
    ],
)
def test_what_cannot_be_answered_says_why(change: dict[str, object], said: str) -> None:
    found = utility(clinic(100, 3), **change)  # type: ignore[arg-type]
    assert not found.estimates
    assert said in found.reason


def test_the_weighted_scores_are_those_of_scikit_learn() -> None:
    draw = np.random.default_rng(0)
    truth, guess = draw.integers(0, 2, 200), draw.normal(size=200).round(1)
    weights = draw.multinomial(200, np.full(200, 1 / 200), size=3).astype(float)
    wanted = [roc_auc_score(truth, guess, sample_weight=row) for row in weights]
    np.testing.assert_allclose(module._auc(truth == 1, guess, weights), wanted)
    wanted = [r2_score(truth, guess, sample_weight=row) for row in weights]
    np.testing.assert_allclose(module._r2(truth.astype(float), guess, weights), wanted)
    assert np.isnan(module._auc(np.ones(200, dtype=bool), guess, weights)).all()


def test_people_are_resampled_with_all_their_visits() -> None:
    schema = Schema(columns=(Column(name="person", kind="integer", roles=("group",)), *SCHEMA))
    alone = HOLDOUT.assign(person=range(300))
    often = pd.concat([alone] * 4)
    train, synthetic = TRAIN.assign(person=range(300, 700)), clinic(400, 3)
    widths = []
    for holdout in (alone, often):
        low, high = utility(synthetic, schema, holdout, train).estimates["utility_synthetic"].interval
        widths.append(high - low)
    assert widths[1] == pytest.approx(widths[0], rel=0.3)


def test_the_same_seed_gives_the_same_answer() -> None:
    assert utility(clinic(400, 3), seed=4) == utility(clinic(400, 3), seed=4)
