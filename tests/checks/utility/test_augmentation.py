"""Augmentation: more real people help, noise harms, and what weights do is no merit of the synthetic records."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from wards import evidence, target_shuffled
from worlds import clinic

from synthdiff.checks.check import Evidence, Finding
from synthdiff.checks.utility.augmentation import Augmentation
from synthdiff.checks.utility.learners import LEARNERS
from synthdiff.policy import Bar

BARS = {name: Bar.parse(text, where="here") for name, text in Augmentation.bars.items()}


def augmentation(found: Evidence) -> Finding:
    return Augmentation(refits=3, resamples=100).run(found)


def scarce(n: int, seed: int, share: float = 0.1) -> pd.DataFrame:
    """Visits among which few end in death."""
    frame = clinic(4 * n, seed)
    dead = frame["died"] == "yes"
    few = round(share * n)
    return pd.concat([frame[dead].iloc[:few], frame[~dead].iloc[: n - few]], ignore_index=True)


@pytest.fixture(scope="module")
def noise() -> Finding:
    made = target_shuffled(scarce(2000, 3, 0.5))
    return Augmentation(resamples=100).run(evidence(made, train=scarce(600, 1, 0.2), holdout=scarce(600, 2, 0.2)))


def test_noise_harms(noise: Finding) -> None:
    gain = noise.estimates["augmentation_gain"]
    assert gain.interval[1] < 0
    assert BARS["augmentation_gain"].judge(gain).verdict == "fail"
    assert "it harmed" in noise.reason
    assert gain.reference is not None and gain.reference.interval[0] < 0 < gain.reference.interval[1]


def test_the_detail_is_plain_and_complete(noise: Finding) -> None:
    detail = json.loads(json.dumps(noise.detail, allow_nan=False))
    assert (detail["n_train"], detail["n_synthetic"], detail["n_test"]) == (600, 2000, 600)
    assert [one["learner"] for one in detail["learners"]] == list(LEARNERS)
    (headline,) = (one for one in detail["learners"] if one["learner"] == detail["learner"])
    gain = noise.estimates["augmentation_gain"]
    assert headline["gain"]["value"] == pytest.approx(gain.value, abs=1e-4)
    assert headline["augmented"]["value"] - headline["real"]["value"] == pytest.approx(gain.value, abs=2e-4)
    rare = detail["rare"]
    assert (rare["level"], rare["n_train"], rare["n_synthetic"], rare["n_test"]) == ("yes", 120, 1000, 120)
    precision = noise.estimates["augmentation_gain_rare"]
    assert rare["average_precision"]["gain"]["value"] == pytest.approx(precision.value, abs=1e-4)
    assert set(rare["recall"]) == set(rare["average_precision"])


@pytest.mark.slow
def test_more_real_people_help() -> None:
    found = augmentation(evidence(clinic(3000, 3), train=clinic(100, 1), holdout=clinic(1500, 2)))
    gain = found.estimates["augmentation_gain"]
    assert gain.interval[0] > 0
    assert "it helped" in found.reason and "is more than that" in found.reason
    assert all(BARS[name].judge(one).verdict == "pass" for name, one in found.estimates.items())


@pytest.mark.slow
def test_few_records_cannot_tell_and_say_how_many_would() -> None:
    found = augmentation(evidence(scarce(100, 3), train=scarce(120, 1), holdout=scarce(100, 2)))
    assert "too few records to tell whether it helped" in found.reason
    gain = found.estimates["augmentation_gain"]
    assert gain.interval[0] < 0 < gain.interval[1]


@pytest.mark.slow
def test_a_class_too_scarce_to_judge_is_passed_over_and_counted() -> None:
    train = clinic(300, 1)
    holdout = clinic(300, 2)
    rarest = train["stage"] == "IV"
    train = pd.concat([train[~rarest], train[rarest].iloc[:6]])
    found = augmentation(evidence(clinic(300, 3), "stage", train=train, holdout=holdout))
    left = train[~train["stage"].eq("IV")]["stage"].value_counts()
    assert found.detail["rare"]["level"] == left.idxmin()
    assert "1 scarcer" in found.reason


@pytest.mark.slow
def test_a_number_has_a_gain_and_no_scarce_class() -> None:
    found = augmentation(evidence(target="sodium"))
    assert list(found.estimates) == ["augmentation_gain"]
    assert found.estimates["augmentation_gain"].reference is None
    assert found.detail["rare"] is None and found.detail["metric"] == "R²"


def test_what_cannot_be_answered_says_why() -> None:
    whole = evidence()
    for given, said in (
        (evidence(target=None), "names no target"),
        (Evidence(whole.train, None, whole.synthetic, whole.schema, 0), "no held-out records"),
    ):
        found = augmentation(given)
        assert not found.estimates and said in found.reason


@pytest.mark.slow
def test_fresh_real_records_are_never_said_to_harm() -> None:
    for seed in range(20):
        train, holdout, other = (scarce(200, 1000 * k + seed, 0.2) for k in (1, 2, 3))
        found = augmentation(evidence(other, train=train, holdout=holdout, seed=seed))
        assert all(BARS[name].judge(one).verdict != "fail" for name, one in found.estimates.items())


@pytest.mark.slow
def test_weights_alone_are_no_merit_of_duplicates() -> None:
    train = scarce(300, 1)
    dead = train[train["died"] == "yes"]
    found = augmentation(evidence(pd.concat([dead] * 8), train=train, holdout=scarce(900, 2)))
    assert "is more than that" not in found.reason
    assert np.isfinite(found.estimates["augmentation_gain_rare"].value)
