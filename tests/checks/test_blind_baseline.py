"""The blind baseline is at chance for random splits and sees splits that are none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from worlds import clinic, clinic_schema

from synthdiff.checks.check import Evidence, Finding
from synthdiff.checks.privacy.blind_baseline import BlindBaseline
from synthdiff.checks.privacy.control import members_and_others
from synthdiff.schema import Column, Schema

SCHEMA = clinic_schema()


def blind(train: pd.DataFrame, holdout: pd.DataFrame | None, seed: int = 0, schema: Schema = SCHEMA) -> Finding:
    return BlindBaseline().run(Evidence(train, holdout, clinic(30, 99), schema, seed))


def test_a_random_split_is_at_chance() -> None:
    found = blind(clinic(300, 1), clinic(100, 2))
    low, high = found.estimates["blind_auc"].interval
    assert low < 0.5 < high
    assert found.estimates["blind_auc"].n == 200
    assert len(found.detail["roc"]["fpr"]) == len(found.detail["roc"]["tpr"])


@pytest.mark.slow
@pytest.mark.parametrize("n", [60, 250])
def test_a_random_split_passes_at_least_95_times_in_100(n: int) -> None:
    found = [blind(clinic(n, 2 * s), clinic(n, 2 * s + 1), s).estimates["blind_auc"].interval for s in range(100)]
    assert np.mean([low <= 0.5 <= high for low, high in found]) >= 0.95


def test_a_split_by_age_is_seen() -> None:
    people = clinic(600, 1).sort_values("age")
    low, _ = blind(people.iloc[:400], people.iloc[400:]).estimates["blind_auc"].interval
    assert low > 0.9


def test_a_slight_shift_is_seen_with_enough_people() -> None:
    later = clinic(600, 2)
    low, _ = blind(clinic(600, 1), later.assign(sodium=later["sodium"] + 3)).estimates["blind_auc"].interval
    assert low > 0.55


def test_recognising_a_person_is_not_recognising_the_training_data() -> None:
    schema = Schema(columns=(Column(name="person", kind="integer", roles=("group",)), *SCHEMA))
    train = pd.concat([clinic(60, 1).assign(person=range(60))] * 5)
    holdout = pd.concat([clinic(60, 2).assign(person=range(60, 120))] * 5)
    estimate = blind(train, holdout, schema=schema).estimates["blind_auc"]
    assert estimate.n == 120
    assert estimate.interval[0] < 0.5 < estimate.interval[1]


def test_columns_that_are_not_learnt_are_not_looked_at() -> None:
    schema = Schema(columns=(Column(name="file", kind="text"), *SCHEMA))
    low, _ = (
        blind(clinic(100, 1).assign(file="a"), clinic(100, 2).assign(file="b"), schema=schema)
        .estimates["blind_auc"]
        .interval
    )
    assert low < 0.5


def test_the_same_seed_gives_the_same_answer() -> None:
    assert blind(clinic(60, 1), clinic(60, 2), 3) == blind(clinic(60, 1), clinic(60, 2), 3)


@pytest.mark.parametrize("holdout", [None, clinic(10, 2)])
def test_without_enough_held_out_people_there_is_no_answer(holdout: pd.DataFrame | None) -> None:
    found = blind(clinic(100, 1), holdout)
    assert not found.estimates
    assert "Hold out more records" in found.reason


def test_the_first_persons_are_a_sample_of_all_however_many_records_each_has() -> None:
    often = np.random.default_rng(0).random(4000) < 0.2
    person = np.repeat(np.arange(4000), np.where(often, 10, 1))
    frame = pd.DataFrame({"person": person, "visits": np.where(often, 10, 1)[person]})
    schema = Schema.infer(frame, {"person": {"role": "group"}})
    members, _ = members_and_others(Evidence(frame, frame, frame, schema, 0))
    assert members["person"].is_unique and len(members) == 4000
    assert abs((members["visits"].iloc[:1000] == 10).mean() - often.mean()) < 0.04
