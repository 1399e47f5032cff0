"""Several rows a person: as many as real persons have, under one new identifier; what is theirs does not change."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthdiff import Schema, TableDiffusion
from synthdiff.codec.persons import Persons


def visits(persons: int, seed: int = 0) -> pd.DataFrame:
    """One to four visits of each person; sex and blood group are the person's, the ward is the visit's."""
    draw = np.random.default_rng(seed)
    times = draw.choice([1, 2, 4], persons, p=[0.5, 0.3, 0.2])
    person = np.repeat(np.arange(persons), times)
    sex = draw.choice(["f", "m"], persons)[person]
    return pd.DataFrame(
        {
            "person": [f"H{number:05d}" for number in person],
            "sex": sex,
            "blood": draw.choice(["0", "A", "B"], persons, p=[0.4, 0.4, 0.2])[person],
            "height": (165 + 12 * (sex == "m") + draw.normal(0, 7, persons)[person]).round(1),
            "ward": draw.choice(["north", "south"], len(person)),
            "pulse": draw.normal(75, 10, len(person)).round(),
        }
    )


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return visits(400)


@pytest.fixture(scope="module")
def model(frame: pd.DataFrame) -> TableDiffusion:
    schema = Schema.infer(frame, {"person": {"role": "group"}})
    return TableDiffusion(budget_steps=200, random_state=0).fit(frame, schema=schema)


def test_a_person_has_as_many_rows_as_real_ones_and_stays_the_same(model: TableDiffusion, frame: pd.DataFrame) -> None:
    made = model.sample(2_000)
    counts = made["person"].value_counts()
    real = frame["person"].value_counts()
    # At the end of a block of rows a person may be cut short.
    assert abs((counts == 1).mean() - (real == 1).mean()) < 0.08 and counts.max() == 4
    assert not set(made["person"]) & set(frame["person"])
    within = made.groupby("person").nunique(dropna=False)
    assert (within[["sex", "blood", "height"]] == 1).all().all()
    several = counts.index[counts > 1]
    assert (within.loc[several, "pulse"] > 1).mean() > 0.9
    assert (made.groupby("sex")["height"].mean().diff().iloc[-1]) > 6


def test_conditions_and_batches(model: TableDiffusion) -> None:
    made = model.sample(600, given={"sex": "f", "ward": {"north": 0.5, "south": 0.5}})
    assert (made["sex"] == "f").all() and abs((made["ward"] == "north").sum() - 300) <= 2
    whole = model.sample(600)
    pd.testing.assert_frame_equal(pd.concat(model.sample_batches(600, batch_size=77), ignore_index=True), whole)


def test_constraints_hold_in_all_rows_of_a_person(frame: pd.DataFrame) -> None:
    declared = [{"kind": "implication", "when": {"sex": "m"}, "then": {"height": [150, None]}}]
    tall = frame.assign(height=frame["height"].where(frame["sex"] == "f", frame["height"].clip(150)))
    schema = Schema.infer(tall, {"person": {"role": "group"}}).constrained(declared, tall)
    made = TableDiffusion(budget_steps=60).fit(tall, schema=schema).sample(800)
    assert (made["height"][made["sex"] == "m"] >= 150).all()
    assert len(made[["person", "height"]].drop_duplicates()) == made["person"].nunique()


def test_rare_numbers_of_rows_are_not_released() -> None:
    keys = pd.Series(np.repeat(np.arange(60), [1] * 50 + [2] * 9 + [17]))
    persons = Persons.fit(keys, {"a": np.zeros(len(keys))}, rare=5)
    assert persons.sizes == (1, 2) and persons.shares == pytest.approx((50 / 60, 10 / 60))
    assert persons.constant == ()
    with_gaps = Persons.fit(pd.Series([None] * 20 + ["x"] * 2), {"a": np.zeros(22)}, rare=5)
    assert with_gaps.sizes == (1,)


def test_layout_is_of_whole_persons() -> None:
    persons = Persons(sizes=(1, 3), shares=(0.5, 0.5), constant=())
    first = persons.lay(1_000, np.random.default_rng(0))
    assert (np.diff(first) >= 0).all() and (first <= np.arange(1_000)).all()
    counts = np.unique(first, return_counts=True)[1]
    assert set(counts[:-1].tolist()) == {1, 3}
