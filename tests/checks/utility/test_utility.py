"""Utility: real records lose nothing, shuffled ones lose all, and every kind of target has its score."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from wards import evidence, flipped_in, target_shuffled
from worlds import clinic, columnwise

from synthdiff.checks.check import Evidence, Finding
from synthdiff.checks.utility.learners import LEARNERS
from synthdiff.checks.utility.utility import Utility
from synthdiff.policy import Bar
from synthdiff.schema import Column, Schema

BAR = Bar.parse(Utility.bars["utility_drop"], where="here")


def utility(found: Evidence) -> Finding:
    return Utility(refits=3, resamples=100).run(found)


@pytest.fixture(scope="module")
def fresh() -> Finding:
    return utility(evidence())


@pytest.mark.parametrize(
    ("target", "metric"),
    [
        ("died", "ROC AUC"),
        pytest.param("stage", "macro AUC", marks=pytest.mark.slow),
        pytest.param("sodium", "R²", marks=pytest.mark.slow),
    ],
)
def test_a_shuffled_target_loses_all(target: str, metric: str) -> None:
    broken = utility(evidence(target_shuffled(clinic(300, 3), target), target))
    assert broken.detail["metric"] == metric
    assert broken.estimates["utility_drop"].interval[0] > 0
    assert broken.estimates["utility_synthetic"].value < (0.0 if metric == "R²" else 0.5) + 0.1
    reference = broken.estimates["utility_synthetic"].reference
    assert reference is not None and reference.value > (0.05 if metric == "R²" else 0.65)


def test_fresh_real_records_lose_nothing(fresh: Finding) -> None:
    drop, score = fresh.estimates["utility_drop"], fresh.estimates["utility_synthetic"]
    assert drop.interval[0] < 0 < drop.interval[1]
    assert drop.reference is not None and score.reference is not None
    assert score.reference.value - score.value == pytest.approx(drop.value)
    assert drop.reference.value == 0 and drop.reference.interval[0] < 0 < drop.reference.interval[1]
    assert BAR.judge(drop).verdict != "fail"


def test_the_detail_is_plain_and_complete(fresh: Finding) -> None:
    detail = json.loads(json.dumps(fresh.detail, allow_nan=False))
    assert (detail["target"], detail["n_train"], detail["n_test"]) == ("died", 300, 300)
    assert [one["learner"] for one in detail["learners"]] == list(LEARNERS)
    (headline,) = (one for one in detail["learners"] if one["learner"] == detail["learner"])
    assert headline["drop"] == detail["drop"]
    assert detail["drop"]["value"] == pytest.approx(fresh.estimates["utility_drop"].value, abs=1e-4)
    assert {one["column"] for one in detail["subgroups"]} == {"site"}
    assert sum(one["n"] for one in detail["subgroups"]) == 300
    drops = [one["drop"]["value"] for one in detail["subgroups"]]
    assert drops == sorted(drops, reverse=True)


@pytest.mark.slow
def test_the_subgroup_that_is_served_worst_is_named() -> None:
    train, holdout, other = (clinic(600, seed) for seed in (1, 2, 3))
    found = utility(evidence(flipped_in(other, "north"), train=train, holdout=holdout))
    assert found.detail["subgroups"][0]["group"] == "north"
    unprotected = evidence(protected=())
    assert {one["column"] for one in utility(unprotected).detail["subgroups"]} == {"stage", "site"}


def test_both_models_learn_from_equally_many_records_and_the_rest_is_left() -> None:
    small = utility(evidence(clinic(100, 3)))
    assert "100 synthetic records" in small.reason and small.detail["n_train"] == 100


@pytest.mark.slow
def test_of_a_large_table_so_many_records_are_drawn() -> None:
    capped = Utility(refits=3, resamples=100, most=80).run(evidence())
    assert (capped.detail["n_train"], capped.detail["n_test"]) == (80, 80)


@pytest.mark.slow
def test_levels_that_the_synthetic_records_lack_are_guessed_and_counted() -> None:
    some = clinic(600, 3)
    found = utility(evidence(some[~some["stage"].isin(["I", "IV"])], "stage"))
    assert found.estimates["utility_drop"].value > 0.05
    assert "2 of the target's levels never occur" in found.reason


@pytest.mark.slow
def test_a_synthetic_target_of_one_level_teaches_guessing() -> None:
    found = utility(evidence(clinic(300, 3).assign(died="no")))
    assert found.estimates["utility_synthetic"].value == 0.5
    assert found.estimates["utility_drop"].interval[0] > 0


@pytest.mark.slow
def test_where_real_records_teach_nothing_there_is_little_to_lose() -> None:
    found = utility(evidence(columnwise(clinic(150, 3)), train=columnwise(clinic(150, 1))))
    assert "little to lose" in found.reason


@pytest.mark.slow
def test_made_with_a_view_of_the_held_out_records_is_suspicious() -> None:
    holdout = clinic(300, 2)
    found = utility(evidence(pd.concat([holdout] * 2), holdout=holdout, train=clinic(600, 1)))
    assert found.estimates["utility_drop"].interval[1] < 0
    assert "should not teach more" in found.reason


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"target": None}, "names no target"),
        ({"holdout": clinic(300, 2).assign(died="no")}, "Only one level of 'died'"),
        ({"holdout": clinic(300, 2).assign(sodium=138.0), "target": "sodium"}, "the same 'sodium'"),
        ({"holdout": clinic(10, 2)}, "10 held-out persons do"),
        ({"target": "ward"}, "40 levels"),
    ],
)
def test_what_cannot_be_answered_says_why(given: dict[str, object], said: str) -> None:
    found = utility(evidence(**given))  # type: ignore[arg-type]
    assert not found.estimates
    assert said in found.reason


def test_without_holdout_or_other_columns_there_is_no_answer() -> None:
    whole = evidence()
    found = utility(Evidence(whole.train, None, whole.synthetic, whole.schema, 0))
    assert not found.estimates and "no held-out records" in found.reason
    alone = Schema(columns=(whole.schema["died"],))
    found = utility(Evidence(whole.train, whole.holdout, whole.synthetic, alone, 0))
    assert not found.estimates and "no column from which" in found.reason


@pytest.mark.slow
def test_records_without_a_target_are_left_out() -> None:
    gaps = clinic(300, 2)
    gaps.loc[::3, "sodium"] = np.nan
    assert utility(evidence(target="sodium", holdout=gaps)).detail["n_test"] == 200


@pytest.mark.slow
def test_people_are_drawn_with_all_their_visits() -> None:
    plain = evidence()
    schema = Schema(columns=(Column(name="person", kind="integer", roles=("group",)), *plain.schema))
    train, holdout = plain.train.assign(person=range(300)), clinic(300, 2).assign(person=range(300, 600))
    widths = []
    for test in (holdout, pd.concat([holdout] * 4)):
        low, high = utility(Evidence(train, test, plain.synthetic, schema, 0)).estimates["utility_synthetic"].interval
        widths.append(high - low)
    assert widths[1] == pytest.approx(widths[0], rel=0.3)
    few = utility(Evidence(train, holdout.assign(person=0), plain.synthetic, schema, 0))
    assert "1 held-out persons do" in few.reason


def test_the_same_seed_gives_the_same_answer(fresh: Finding) -> None:
    assert utility(evidence()) == fresh


@pytest.mark.slow
def test_fresh_real_records_never_fail_and_a_shuffled_target_always_does() -> None:
    covered, seeds = 0, range(20)
    for seed in seeds:
        train, holdout, other = (clinic(300, 1000 * k + seed) for k in (1, 2, 3))
        drop = utility(evidence(other, train=train, holdout=holdout, seed=seed)).estimates["utility_drop"]
        covered += drop.interval[0] <= 0 <= drop.interval[1]
        assert BAR.judge(drop).verdict != "fail"
    assert covered >= 0.9 * len(seeds)
    for seed in range(3):
        broken = target_shuffled(clinic(1000, 3000 + seed))
        train, holdout = clinic(1000, 1000 + seed), clinic(1000, 2000 + seed)
        found = Utility().run(evidence(broken, train=train, holdout=holdout, seed=seed))
        assert BAR.judge(found.estimates["utility_drop"]).verdict == "fail"
