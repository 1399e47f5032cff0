"""Shape: SDMetrics' figure, its reference, its interval, and the worlds it must tell apart."""

import json

import numpy as np
import pandas as pd
import pytest
from clinics import clinic, schema_of, shuffled
from numpy.testing import assert_allclose

from synthdiff.checks.check import Evidence
from synthdiff.checks.fidelity.shape import Shape


def figure(evidence):
    return Shape().run(evidence).estimates["shape_error"]


def test_it_is_the_mean_of_the_columns_distances():
    train = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "s": ["a", "a", "b", None]})
    synthetic = pd.DataFrame({"x": [3.0, 4.0, None, 4.0], "s": ["a", "b", "b", "b"]})
    found = Shape().run(Evidence(train, None, synthetic, schema_of(train, synthetic), 0))
    # Half of x lies below the lowest synthetic value; of "a" there are 2/3 against 1/4.
    assert_allclose(found.estimates["shape_error"].value, (0.5 + (2 / 3 - 1 / 4)) / 2)
    assert found.estimates["shape_error"].n == 4
    assert found.estimates["shape_error"].reference is None


def test_fresh_records_are_as_far_as_held_out_ones(fresh):
    found = figure(fresh)
    assert found.interval[0] < found.reference.value < found.interval[1]
    assert found.value < 0.06


def test_shifted_margins_are_seen(fresh):
    shifted = Evidence(fresh.train, fresh.holdout, clinic(400, 5, shift=0.7), fresh.schema, 7)
    assert figure(shifted).interval[0] > figure(fresh).reference.interval[1]


def test_shuffled_columns_are_not_seen(broken):
    assert figure(broken).value == 0.0


def test_a_lost_column_counts_fully_and_an_unknown_level_as_well(fresh):
    lost = fresh.synthetic.drop(columns="age")
    without = Shape().run(Evidence(fresh.train, None, lost, fresh.schema, 7)).detail["columns"]["age"]
    assert without["error"] == 1.0
    strange = fresh.synthetic.assign(site="elsewhere")
    assert Shape().run(Evidence(fresh.train, None, strange, fresh.schema, 7)).detail["columns"]["site"]["error"] == 1.0


def test_the_detail_is_plain_json_of_every_column(fresh):
    detail = Shape().run(fresh).detail
    assert set(json.loads(json.dumps(detail))["columns"]) == set(fresh.schema.names)
    for column in detail["columns"].values():
        assert len(column["labels"]) == len(column["real"]) == len(column["synthetic"])
        assert column["interval"][0] <= column["error"] <= column["interval"][1]
        assert 0 <= column["reference"] <= 1


def test_the_same_evidence_gives_the_same_answer(fresh):
    assert Shape(most=150).run(fresh) == Shape(most=150).run(fresh)


def test_the_interval_counts_persons():
    visits = pd.concat([clinic(100, 1)] * 4, ignore_index=True).assign(person=np.tile(np.arange(100), 4))
    schema = schema_of(visits, person={"kind": "identifier", "roles": ("group",)})
    blind = schema_of(visits.drop(columns="person"))
    synthetic = clinic(400, 2)
    known = figure(Evidence(visits, None, synthetic, schema, 0))
    unknown = figure(Evidence(visits.drop(columns="person"), None, synthetic, blind, 0))
    assert known.value == unknown.value
    assert np.ptp(known.interval) > 1.3 * np.ptp(unknown.interval)


def coverage(shift):
    """How often the interval holds the mean figure."""
    schema = schema_of(clinic(5000, 0), clinic(5000, 1, shift))
    found = [figure(Evidence(clinic(240, 2 * i), None, clinic(1000, 2 * i + 1, shift), schema, i)) for i in range(500)]
    truth = np.mean([one.value for one in found])
    return np.mean([one.interval[0] <= truth <= one.interval[1] for one in found])


@pytest.mark.slow
def test_the_interval_covers():
    assert 0.92 <= coverage(0.3) <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_the_interval_errs_towards_caution_for_nearly_fresh_records(shift):
    assert coverage(shift) >= 0.95


@pytest.mark.slow
def test_adult_gives_the_known_figures(adult):
    real = figure(adult(None))
    assert_allclose(real.value, 0.0063, atol=0.0005)
    assert figure(adult(shuffled(adult(None).train, 1))).value < 1e-12
