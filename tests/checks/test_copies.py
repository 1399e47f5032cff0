"""Copies: counted wherever they stand, and told apart from what chance repeats."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from worlds import between_neighbours, changed, clinic, clinic_schema, shuffled

from synthdiff.checks.check import Evidence, Finding
from synthdiff.checks.intervals import wilson
from synthdiff.checks.privacy.copies import Copies, difference, keys
from synthdiff.schema import Column, Schema

SCHEMA = clinic_schema()
TRAIN, HOLDOUT = clinic(400, 1), clinic(200, 2)


def copies(synthetic: pd.DataFrame, train: pd.DataFrame = TRAIN, holdout: pd.DataFrame | None = HOLDOUT) -> Finding:
    return Copies().run(Evidence(train, holdout, synthetic, SCHEMA, 0))


def test_fresh_records_are_no_copies() -> None:
    found = copies(clinic(1000, 3))
    assert found.estimates["copy_rate"].value == 0
    assert found.estimates["excess_copy_rate"].interval[1] < 0.005


@pytest.mark.parametrize("synthetic", [TRAIN, shuffled(TRAIN)], ids=["row by row", "shuffled"])
def test_a_verbatim_copy_is_found_in_any_order(synthetic: pd.DataFrame) -> None:
    found = copies(synthetic)
    assert found.estimates["copy_rate"].value == 1
    assert found.estimates["excess_copy_rate"].interval[0] > 0.97
    assert found.detail["count"] == 400


def test_whether_copies_stand_in_place_is_told() -> None:
    assert copies(TRAIN).detail["aligned_rate"] == 1
    assert copies(shuffled(TRAIN)).detail["aligned_rate"] < 0.05


def test_copies_amid_fresh_records_are_counted() -> None:
    synthetic = pd.concat([clinic(390, 4), TRAIN.iloc[:10]])
    assert copies(synthetic).detail["count"] == 10


def test_records_with_changed_cells_are_copies_as_far_as_nothing_was_changed() -> None:
    untouched = (changed(TRAIN) == TRAIN) | (changed(TRAIN).isna() & TRAIN.isna())
    assert copies(changed(TRAIN)).detail["count"] == pytest.approx(untouched.all(axis=1).sum(), abs=2)
    assert copies(between_neighbours(TRAIN)).estimates["copy_rate"].value < 0.1


def test_what_a_file_format_does_to_a_number_hides_no_copy() -> None:
    stored = TRAIN.assign(sodium=TRAIN["sodium"].astype("float32"), age=TRAIN["age"].astype(float))
    assert copies(stored).estimates["copy_rate"].value == 1


def test_a_missing_cell_is_a_copy_of_a_missing_cell_only() -> None:
    gaps = TRAIN[TRAIN["creatinine"].isna()]
    assert copies(gaps).estimates["copy_rate"].value == 1
    assert copies(gaps.assign(creatinine=1.0)).estimates["copy_rate"].value < 0.1


def test_in_a_table_of_few_columns_common_records_are_no_copies() -> None:
    schema = Schema(columns=(SCHEMA["site"], SCHEMA["died"]))
    for synthetic in (clinic(1000, 3), TRAIN):
        found = Copies().run(Evidence(TRAIN, HOLDOUT, synthetic[list(schema.names)], schema, 0))
        assert found.estimates["excess_copy_rate"].interval[1] < 0.02
        assert found.detail["common_rate"] > 0.95


def test_columns_that_are_not_learnt_do_not_make_records_differ() -> None:
    schema = Schema(columns=(Column(name="id", kind="identifier"), *SCHEMA))
    train = TRAIN.assign(id=[f"p{i}" for i in range(400)])
    found = Copies().run(Evidence(train, None, TRAIN, schema, 0))
    assert found.estimates["copy_rate"].value == 1


def test_visits_of_one_person_count_once() -> None:
    person = Column(name="person", kind="integer", roles=("group",))
    schema = Schema(columns=(person, *SCHEMA))
    visits = pd.concat([TRAIN.assign(person=range(400))] * 6)
    assert Copies().run(Evidence(visits, None, TRAIN, schema, 0)).estimates["copy_rate"].value == 1
    strangers = visits.assign(person=range(2400))
    assert Copies().run(Evidence(strangers, None, TRAIN, schema, 0)).estimates["copy_rate"].value == 0


def test_without_held_out_records_there_is_no_excess() -> None:
    found = copies(TRAIN, holdout=None)
    assert list(found.estimates) == ["copy_rate"]
    assert "held-out" in found.reason


def test_keys_know_negative_zero_and_order() -> None:
    schema = Schema(columns=(Column(name="a", kind="continuous"), Column(name="b", kind="continuous")))
    frame = pd.DataFrame({"a": [0.0, -0.0, 1.0, np.nan], "b": [1.0, 1.0, 0.0, 1.0]})
    found = keys(frame, schema)
    assert found[0] == found[1]
    assert len(set(found)) == 3


def test_newcombe_s_own_examples() -> None:
    # Newcombe (1998), table II, method 10: 56/70 - 48/80, 9/10 - 3/10 and 10/10 - 0/20.
    for (a, m, b, n), wanted in {
        (56, 70, 48, 80): (0.0524, 0.3339),
        (9, 10, 3, 10): (0.1705, 0.8090),
        (10, 10, 0, 20): (0.6791, 1.0000),
    }.items():
        assert difference(wilson(a, m), wilson(b, n)) == pytest.approx(wanted, abs=2e-4)
