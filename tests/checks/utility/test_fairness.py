"""Fairness: real records widen no gap, one group's outcomes turned round do, and every kind of target has its gaps."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from wards import evidence, flipped_in
from worlds import clinic

from synthdiff.checks.check import Evidence, Finding
from synthdiff.checks.utility.fairness import OF_LEVELS, OF_NUMBERS, Fairness, Gap
from synthdiff.checks.utility.groups import THIRDS, Group
from synthdiff.checks.utility.learners import LEARNERS
from synthdiff.policy import Bar

BAR = Bar.parse(Fairness.bars["fairness_gap_increase"], where="here")


def fairness(found: Evidence) -> Finding:
    return Fairness(refits=3, resamples=100).run(found)


@pytest.fixture(scope="module")
def flipped() -> Finding:
    return fairness(evidence(flipped_in(clinic(1000, 3)), train=clinic(1000, 1), holdout=clinic(800, 2)))


def test_one_group_turned_round_fails_and_is_named(flipped: Finding) -> None:
    increase = flipped.estimates["fairness_gap_increase"]
    assert BAR.judge(increase).verdict == "fail"
    worst = flipped.detail["gaps"][0]
    assert worst["column"] == "site" and "south" in (worst["lowest"], worst["highest"])
    assert "site" in flipped.reason and "south" in flipped.reason


def test_the_detail_is_plain_and_complete(flipped: Finding) -> None:
    detail = json.loads(json.dumps(flipped.detail, allow_nan=False))
    assert len(detail["gaps"]) == len(OF_LEVELS) * len(LEARNERS)
    increases = [gap["increase"] for gap in detail["gaps"]]
    assert increases == sorted(increases, reverse=True)
    assert increases[0] == pytest.approx(flipped.estimates["fairness_gap_increase"].value, abs=1e-4)
    for gap in detail["gaps"]:
        assert gap["interval"][0] <= gap["increase"] <= gap["interval"][1]
        assert gap["level"] == "yes"
    assert flipped.estimates["fairness_gap_increase"].interval[1] == pytest.approx(
        max(gap["interval"][1] for gap in detail["gaps"]), abs=1e-4
    )
    for one in detail["groups"]:
        (same,) = (
            gap for gap in detail["gaps"] if (gap["measure"], gap["learner"]) == (one["measure"], detail["learner"])
        )
        for side in ("real", "synthetic"):
            figures = [group[side] for group in one["groups"]]
            assert max(figures) - min(figures) == pytest.approx(same[side], abs=2e-4)


def test_the_gaps_by_hand() -> None:
    truth = np.array([1, 1, 0, 0, 1, 1, 0, 0.0])
    guess = np.array([0.9, 0.8, 0.7, 0.1, 0.6, 0.2, 0.3, 0.4])
    first = np.arange(8) < 4
    sides = [Group("side", "a", first), Group("side", "b", ~first)]
    once, both = np.ones((1, 8)), np.stack([1 - guess, guess], axis=1)
    wanted = {
        "cases found": (1.0, 0.5),
        "people chosen": (0.75, 0.25),
        "cases ranked": (1.0, 0.5),
        "cases expected": (0.125, -0.125),
    }
    for measure, figures in wanted.items():
        found = Gap("side", measure, 1, sides)
        np.testing.assert_allclose(found.figures(truth, both, once), [figures])
        np.testing.assert_allclose(found.width(truth, both, once), figures[0] - figures[1])
    for measure, figures in {"mean error": (0.25, -0.25), "root mean squared error": (0.55**0.5, 1.05**0.5)}.items():
        found = Gap("side", measure, None, sides)
        np.testing.assert_allclose(found.figures(truth, guess[:, None], once), [figures])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"protected": ()}, "role 'protected'"),
        ({"protected": ("died",)}, "role 'protected'"),
        ({"target": None}, "names no target"),
    ],
)
def test_what_cannot_be_answered_says_why(given: dict[str, object], said: str) -> None:
    found = fairness(evidence(**given))  # type: ignore[arg-type]
    assert not found.estimates
    assert said in found.reason


@pytest.mark.slow
def test_small_groups_are_left_out_and_named() -> None:
    holdout = clinic(300, 2)
    few = pd.concat([holdout[holdout["site"] != "east"], holdout[holdout["site"] == "east"].iloc[:12]])
    found = fairness(evidence(holdout=few))
    assert found.detail["small_groups"] == ["site east"]
    assert "Too small to be measured: site east." in found.reason
    assert all(len(one["groups"]) == 2 for one in found.detail["groups"])
    alone = fairness(evidence(holdout=holdout.assign(site="north")))
    assert not alone.estimates and "two groups" in alone.reason


@pytest.mark.slow
def test_numbers_may_be_protected_and_predicted() -> None:
    found = fairness(evidence(target="sodium", protected=("age",)))
    assert {gap["measure"] for gap in found.detail["gaps"]} == set(OF_NUMBERS)
    assert [group["group"] for group in found.detail["groups"][0]["groups"]] == list(THIRDS)
    assert found.detail["gaps"][0]["level"] is None


@pytest.mark.slow
def test_every_level_of_a_target_with_more_than_two_is_looked_at() -> None:
    found = fairness(evidence(target="stage"))
    assert {one["level"] for one in found.detail["groups"]} == {"I", "II", "III", "IV"}


@pytest.mark.slow
def test_fresh_real_records_never_fail_and_the_interval_holds_nought() -> None:
    held, seeds = 0, range(20)
    for seed in seeds:
        train, holdout, other = (clinic(400, 1000 * k + seed) for k in (1, 2, 3))
        found = fairness(evidence(other, train=train, holdout=holdout, protected=("site", "age"), seed=seed))
        increase = found.estimates["fairness_gap_increase"]
        held += increase.interval[0] <= 0 <= increase.interval[1]
        assert BAR.judge(increase).verdict != "fail"
        assert increase.reference is not None and increase.reference.value > 0
    assert held >= 0.9 * len(seeds)
