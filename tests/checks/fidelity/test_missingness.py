"""Missingness: the joint pattern of missing cells, and the rules that it obeys."""

import json

import numpy as np
import pandas as pd
import pytest
from clinics import clinic, schema_of
from numpy.testing import assert_allclose

from synthdiff.checks.check import Evidence
from synthdiff.checks.fidelity.distances import average, total_variation
from synthdiff.checks.fidelity.missingness import Missingness, _distance


def holes(frame, share, seed):
    """Cells missing at random, column by column."""
    rng = np.random.default_rng(seed)
    return frame.assign(marker=np.where(rng.random(len(frame)) < share, np.nan, 1.0))


def test_one_column_counts_by_the_difference_of_its_shares():
    train = pd.DataFrame({"x": [1.0, None, None, 2.0]})
    synthetic = pd.DataFrame({"x": [1.0, 2.0, 3.0, None]})
    found = Missingness().run(Evidence(train, None, synthetic, schema_of(train), 0))
    assert found.estimates["missingness_error"].value == 0.25
    assert found.detail["columns"]["x"] == {"real": 0.5, "synthetic": 0.25, "error": 0.25}


def test_two_columns_count_by_their_joint_pattern():
    train = pd.DataFrame({"x": [1.0, None] * 2, "y": [1.0, None] * 2})
    synthetic = pd.DataFrame({"x": [1.0, None] * 2, "y": [1.0, 1.0, None, None]})
    found = Missingness().run(Evidence(train, None, synthetic, schema_of(train), 0))
    # Both 1/2, none 1/2 against a quarter for each of the four states.
    assert found.estimates["missingness_error"].value == 0.5
    assert found.detail["columns"]["x"]["error"] == 0.0


def test_the_matrix_form_is_the_mean_over_pairs():
    rng = np.random.default_rng(0)
    real, other = ((rng.random((5, n)) < 0.3).astype(float) for n in (200, 150))
    pairs = [(a, b) for a in range(5) for b in range(a + 1, 5)]
    each = [total_variation(*((2 * table[a] + table[b]).astype(int) for table in (real, other)), 4) for a, b in pairs]
    found, expected = _distance(*([np.where(c, np.nan, 0.0) for c in t] for t in (real, other))), average(each)
    assert_allclose(found.value, expected.value, atol=1e-6)
    assert_allclose(found.error(), expected.error(), rtol=1e-4)


def test_nothing_missing_is_no_error():
    train = pd.DataFrame({"x": [1.0, 2.0]})
    found = Missingness().run(Evidence(train, train, train, schema_of(train), 0)).estimates["missingness_error"]
    assert found.value == 0.0
    assert found.interval[1] > 0.5


def test_fresh_records_are_as_far_as_held_out_ones_and_break_no_rule(fresh):
    found = Missingness().run(fresh)
    estimate = found.estimates["missingness_error"]
    assert estimate.interval[0] <= estimate.reference.value <= estimate.interval[1]
    assert found.detail["detectable"]["rate"] == found.detail["detectable"]["reference"] == 0.0
    # "marker" is missing exactly when "tested" says so.
    assert found.detail["detectable"]["rules"] == 2


def test_the_right_share_in_the_wrong_places_breaks_the_rules(fresh):
    share = fresh.train["marker"].isna().mean()
    at_random = Evidence(fresh.train, fresh.holdout, holes(fresh.synthetic, share, 1), fresh.schema, 7)
    found = Missingness().run(at_random).detail["detectable"]
    assert found["interval"][0] > 0.3


def test_a_wrong_share_is_seen(fresh):
    too_many = Evidence(fresh.train, fresh.holdout, holes(fresh.synthetic, 0.8, 1), fresh.schema, 7)
    estimate = Missingness().run(too_many).estimates["missingness_error"]
    assert estimate.interval[0] > estimate.reference.interval[1]


def test_what_holds_by_chance_is_no_rule():
    frames = [pd.DataFrame({"x": np.where(np.arange(400) % 100, 1.0, np.nan), "s": ["a", "b"] * 200}) for _ in range(2)]
    found = Missingness().run(Evidence(frames[0], None, frames[1], schema_of(*frames), 0))
    assert found.detail["detectable"]["rules"] == 0


def test_the_detail_is_plain_json(fresh):
    assert json.loads(json.dumps(Missingness().run(fresh).detail)) == Missingness().run(fresh).detail


@pytest.mark.slow
def test_thyroids_structure_is_found_and_its_loss_seen(shared_data):
    thyroid = pd.read_csv(shared_data / "tables" / "thyroid" / "thyroid.csv").dropna(axis="columns", how="all")
    cut = np.random.default_rng(0).permutation(len(thyroid))
    train, holdout = thyroid.iloc[cut[:6000]], thyroid.iloc[cut[6000:]]
    schema = schema_of(thyroid)
    kept = Missingness().run(Evidence(train, holdout, holdout, schema, 0))
    assert kept.detail["detectable"]["rules"] > 10
    assert kept.detail["detectable"]["rate"] < 0.01
    rng = np.random.default_rng(1)
    lost = pd.DataFrame({name: train[name].to_numpy()[rng.permutation(len(train))] for name in train})
    assert Missingness().run(Evidence(train, holdout, lost, schema, 0)).detail["detectable"]["rate"] > 0.5


@pytest.mark.slow
def test_the_interval_covers():
    schema = schema_of(clinic(5000, 0))
    found = [
        Missingness().run(Evidence(clinic(240, i), None, holes(clinic(500, 900 + i), 0.5, i), schema, i))
        for i in range(400)
    ]
    estimates = [one.estimates["missingness_error"] for one in found]
    truth = np.mean([one.value for one in estimates])
    assert 0.92 <= np.mean([one.interval[0] <= truth <= one.interval[1] for one in estimates]) <= 0.98
