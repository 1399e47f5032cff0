"""Schema: every way in which a cell, a column or a table can break it."""

import json

import numpy as np
import pandas as pd
import pytest

from synthdiff.checks.check import Evidence
from synthdiff.checks.fidelity.schema_check import SchemaCheck
from synthdiff.schema import Column, Schema

SCHEMA = Schema(
    columns=(
        Column(name="id", kind="identifier"),
        Column(name="age", kind="integer", minimum=0, maximum=120),
        Column(name="lab", kind="continuous", decimals=1, nullable=True),
        Column(name="site", kind="categorical", levels=("a", "b")),
        Column(name="day", kind="datetime", dtype="datetime64[us]", minimum="2020-01-01"),
        Column(name="note", kind="text", nullable=True),
    )
)


def table(**changed):
    columns = {
        "id": [f"p{i}" for i in range(10)],
        "age": np.arange(10.0),
        "lab": [0.1 * i for i in range(9)] + [None],
        "site": ["a", "b"] * 5,
        "day": pd.date_range("2020-01-01", periods=10, unit="us"),
        "note": ["free text"] * 10,
    }
    return pd.DataFrame(columns | changed)


def found(frame, holdout=None):
    return SchemaCheck().run(Evidence(table(), holdout, frame, SCHEMA, 0))


def test_records_that_obey_pass():
    finding = found(table(), table())
    estimate = finding.estimates["schema_violation_rate"]
    assert (estimate.value, estimate.n, estimate.reference.value) == (0.0, 10, 0.0)
    assert finding.detail == {"violations": [], "columns": 6}


def but(name, position, value):
    cells = table()[name].astype(object).tolist()
    cells[position] = value
    return {name: cells}


@pytest.mark.parametrize(
    ("changed", "column", "rule"),
    [
        (but("site", 3, "c"), "site", "not a level"),
        (but("site", 3, None), "site", "missing"),
        (but("age", 3, -1.0), "age", "below the minimum"),
        (but("age", 3, 121.0), "age", "above the maximum"),
        (but("age", 3, 3.5), "age", "not a whole number"),
        (but("age", 3, np.inf), "age", "not a number"),
        (but("age", 3, None), "age", "missing"),
        (but("lab", 3, 0.123), "lab", "too many decimals"),
        (but("id", 3, "p0"), "id", "repeated"),
        ({"day": pd.to_datetime(["2019-12-31", *["2020-06-01"] * 9])}, "day", "below the minimum"),
    ],
)
def test_a_broken_cell_is_one_record(changed, column, rule):
    finding = found(table(**changed))
    assert finding.estimates["schema_violation_rate"].value == 0.1
    assert finding.detail["violations"] == [{"column": column, "rule": rule, "rate": 0.1}]
    assert rule in finding.reason
    assert json.loads(json.dumps(finding.detail)) == finding.detail


@pytest.mark.parametrize(
    ("changed", "column", "rule"),
    [
        ({"age": ["old"] * 10}, "age", "not a number"),
        ({"day": ["yesterday"] * 10}, "day", "not a moment"),
        ({"name": ["A. Person"] * 10}, "name", "not in the schema"),
    ],
)
def test_a_broken_column_is_every_record(changed, column, rule):
    finding = found(table(**changed))
    assert finding.estimates["schema_violation_rate"].value == 1.0
    assert {"column": column, "rule": rule, "rate": 1.0} in finding.detail["violations"]


def test_an_absent_column_breaks_every_record_unless_it_is_not_learnt():
    assert found(table().drop(columns="age")).estimates["schema_violation_rate"].value == 1.0
    assert found(table().drop(columns=["note", "id"])).estimates["schema_violation_rate"].value == 0.0


def test_a_record_counts_once():
    frame = table(**but("site", 3, "c"), **but("age", 3, -1.5))
    assert found(frame).estimates["schema_violation_rate"].value == 0.1


def test_visits_repeat_the_person():
    schema = Schema(columns=(Column(name="person", kind="identifier", roles=("group",)),))
    visits = pd.DataFrame({"person": ["a", "a", "b"]})
    assert SchemaCheck().run(Evidence(visits, None, visits, schema, 0)).estimates["schema_violation_rate"].value == 0.0


def test_no_record_no_answer():
    assert not found(table().iloc[:0]).estimates
