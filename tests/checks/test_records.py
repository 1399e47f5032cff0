"""When records are equal, and who is drawn among them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from worlds import clinic, clinic_schema, shuffled

from synthdiff.checks.check import Evidence
from synthdiff.checks.records import MISSING, cells, keys, one_each, ordered, sampled, shared_by_few, too_few
from synthdiff.schema import Column, Schema

SCHEMA = clinic_schema()
VISITS = Schema(columns=(Column(name="person", kind="integer", roles=("group",)), *SCHEMA))


def test_keys_know_negative_zero_and_order() -> None:
    schema = Schema(columns=(Column(name="a", kind="continuous"), Column(name="b", kind="continuous")))
    frame = pd.DataFrame({"a": [0.0, -0.0, 1.0, np.nan], "b": [1.0, 1.0, 0.0, 1.0]})
    found = keys(frame, schema)
    assert found[0] == found[1]
    assert len(set(found)) == 3


def test_cells_are_equal_where_a_file_format_wrote_them_differently() -> None:
    frame = clinic(200, 1)
    stored = frame.assign(sodium=frame["sodium"].astype("float32"), age=frame["age"].astype(float))
    for one, other in zip(cells(frame, SCHEMA), cells(stored, SCHEMA), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (cells(frame, SCHEMA)[1][frame["creatinine"].isna()] == MISSING).all()


def test_a_record_of_five_people_is_shared_by_many() -> None:
    schema = Schema(columns=(Column(name="a", kind="integer"),))
    frame = pd.DataFrame({"a": [1] * 4 + [2] * 5})
    assert set(shared_by_few(keys(frame, schema), frame, schema)) == set(keys(frame.iloc[:1], schema))


def test_the_order_is_decided_by_the_records_alone() -> None:
    frame = clinic(300, 1)
    other = shuffled(frame)
    pd.testing.assert_frame_equal(
        *(table.iloc[ordered(table, SCHEMA)].reset_index(drop=True) for table in (frame, other))
    )
    drawn = [table.iloc[one_each(table, SCHEMA, np.random.default_rng(3))] for table in (frame, other)]
    pd.testing.assert_frame_equal(*(table.reset_index(drop=True) for table in drawn))
    assert not drawn[0].index.equals(frame.index)


def test_one_record_of_each_person_whatever_the_order_of_rows_and_each_as_likely() -> None:
    people = clinic(40, 1).assign(person=range(40))
    visits = pd.concat([people, people.assign(sodium=140.0), people.assign(sodium=150.0)], ignore_index=True)
    drawn = visits.iloc[one_each(visits, VISITS, np.random.default_rng(0))]
    assert sorted(drawn["person"]) == list(range(40))
    assert 5 < (drawn["sodium"] == 150).sum() < 25
    other = shuffled(visits)
    again = other.iloc[one_each(other, VISITS, np.random.default_rng(0))]
    pd.testing.assert_frame_equal(drawn.reset_index(drop=True), again.reset_index(drop=True))


def test_the_tables_of_an_audit_are_drawn_independently() -> None:
    frame = clinic(100, 1)
    train, synthetic, holdout = sampled(Evidence(frame, None, frame, SCHEMA, 0), "a check")
    assert len(train) == len(synthetic) == 100 and holdout.empty
    assert not train.index.equals(synthetic.index)


def test_too_few_people_are_said_to_be() -> None:
    assert too_few(clinic(20, 1), clinic(20, 2)) is None
    assert "19 in the training" in str(too_few(clinic(19, 1), clinic(20, 2)))


def test_a_table_of_which_nothing_is_learnt_has_equal_records() -> None:
    schema = Schema(columns=(Column(name="id", kind="identifier"),))
    assert keys(pd.DataFrame({"id": ["a", "b"]}), schema).tolist() == [0, 0]
