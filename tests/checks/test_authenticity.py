"""Authenticity: nought for copies, as held-out people for fresh records, and indexed on the right table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from worlds import between_neighbours, changed, clinic, clinic_schema, columnwise, shuffled

from synthdiff.checks.check import Evidence, Finding
from synthdiff.checks.intervals import wilson
from synthdiff.checks.privacy.authenticity import Authenticity, Neighbourhood
from synthdiff.policy import Bar
from synthdiff.schema import Column, Schema

SCHEMA = clinic_schema()
TRAIN, HOLDOUT = clinic(1000, 1), clinic(800, 2)


def authenticity(
    synthetic: pd.DataFrame,
    train: pd.DataFrame = TRAIN,
    holdout: pd.DataFrame | None = HOLDOUT,
    schema: Schema = SCHEMA,
) -> Finding:
    return Authenticity().run(Evidence(train, holdout, synthetic, schema, 0))


def verdict(found: Finding) -> str:
    return Bar.parse(Authenticity.bars["authenticity"]).judge(found.estimates["authenticity"]).verdict


@pytest.mark.parametrize("copy", [TRAIN, shuffled(TRAIN)], ids=["row by row", "shuffled"])
def test_a_verbatim_copy_has_none(copy: pd.DataFrame) -> None:
    found = authenticity(copy)
    assert found.estimates["authenticity"].value == 0
    assert verdict(found) == "fail"


def test_records_between_neighbours_and_changed_copies_have_less_than_other_people() -> None:
    assert verdict(authenticity(between_neighbours(TRAIN))) == "fail"
    found = authenticity(changed(TRAIN)).estimates["authenticity"]
    assert found.reference is not None
    assert found.interval[1] < found.reference.interval[0]


def test_other_real_people_pass() -> None:
    for seed in range(20):
        train, holdout, synthetic = (clinic(n, 50 * seed + n) for n in (1000, 700, 900))
        found = Authenticity().run(Evidence(train, holdout, synthetic, SCHEMA, seed))
        assert verdict(found) == "pass", seed


def test_unreal_records_have_more_which_is_no_merit() -> None:
    found = authenticity(columnwise(TRAIN)).estimates["authenticity"]
    assert found.reference is not None
    assert found.value > found.reference.value


def test_the_distance_that_counts_is_that_of_the_training_record_which_was_found() -> None:
    numbers = Column(name="x", kind="continuous")
    schema = Schema(columns=(Column(name="a", kind="categorical", levels=("u", "v", "w")), numbers))
    # The ranks of x are an eighth, three, five and seven eighths.
    train = pd.DataFrame({"a": ["u", "u", "u", "v"], "x": [0.0, 1.0, 4.0, 9.0]})
    near = Neighbourhood.of(train, schema)
    # (w, 0) finds (u, 0), a level away, whose next is a quarter away: authentic. (v, 4) finds (v, 9), a quarter away,
    # whose next is a level and a quarter away: not. Indexed by the query, the answers would be the other way round.
    queries = pd.DataFrame({"a": ["w", "v"], "x": [0.0, 4.0]})
    assert near.authentic(queries.iloc[:1])[0] == 1
    assert near.authentic(queries.iloc[1:])[0] == 0
    assert near.authentic(queries)[0] == near.authentic(queries.iloc[::-1])[0] == 0.5


def test_plain_search_gives_the_same() -> None:
    train, made = clinic(120, 1), clinic(80, 2)
    near = Neighbourhood.of(train, SCHEMA)
    to_train = near.space.distances(near.space.place(made), near.points).numpy()
    among = near.space.distances(near.points, near.points).numpy()
    np.fill_diagonal(among, np.inf)
    expected = np.mean(to_train.min(axis=1) > among.min(axis=1)[to_train.argmin(axis=1)])
    assert near.authentic(made)[0] == pytest.approx(expected, abs=1e-9)


def test_ties_count_half() -> None:
    schema = Schema(columns=(SCHEMA["site"], SCHEMA["died"]))
    found = authenticity(clinic(500, 3), schema=schema).estimates["authenticity"]
    assert found.value == pytest.approx(0.5, abs=0.02)


def test_neither_the_order_of_rows_nor_their_index_matters() -> None:
    schema = Schema(columns=tuple(SCHEMA[name] for name in ("stage", "site", "died", "ward", "age")))
    for check in (Authenticity(), Authenticity(most=100)):
        tables = clinic(300, 1), clinic(200, 2), clinic(250, 3)
        other = (shuffled(table, seed).set_index(np.arange(len(table)) * 7) for seed, table in enumerate(tables))
        assert check.run(Evidence(*tables, schema, 4)) == check.run(Evidence(*other, schema, 4))


def test_other_visits_of_a_person_are_not_the_next_person() -> None:
    schema = Schema(columns=(Column(name="person", kind="integer", roles=("group",)), *SCHEMA))
    visits = pd.concat([TRAIN.assign(person=range(1000))] * 3)
    assert authenticity(TRAIN, visits, schema=schema).estimates["authenticity"].value == 0
    # Each visit is looked for, not one a person: a copy of any of them is found.
    later = TRAIN.assign(age=TRAIN["age"] + 40, person=range(1000))
    both = pd.concat([TRAIN.assign(person=range(1000)), later])
    for copied in (TRAIN, later.drop(columns="person")):
        assert authenticity(copied, both, schema=schema).estimates["authenticity"].value == 0


def test_without_held_out_records_there_is_no_reference() -> None:
    found = authenticity(clinic(300, 3), holdout=None)
    assert found.estimates["authenticity"].reference is None
    assert found.detail["holdout_rate"] is None
    assert "no telling" in found.reason


def test_too_few_people_are_not_answered() -> None:
    schema = Schema(columns=(Column(name="person", kind="integer", roles=("group",)), *SCHEMA))
    found = authenticity(clinic(300, 3), TRAIN.assign(person=np.arange(1000) % 10), schema=schema)
    assert not found.estimates
    assert "10 in the training" in found.reason


def test_the_interval_holds_for_these_training_records() -> None:
    train = clinic(400, 1)
    near = Neighbourhood.of(train, SCHEMA)
    truth = near.authentic(clinic(20_000, 99))[0]
    found = [near.authentic(clinic(300, seed))[1] for seed in range(100, 200)]
    assert np.mean([low <= truth <= high for low, high in found]) > 0.9
    assert wilson(150, 300)[1][1] - wilson(150, 300)[1][0] == pytest.approx(found[0][1] - found[0][0], rel=0.1)
