"""Trend: SDMetrics' figure with own bins, the headline with common ones, and what each must see."""

import json

import numpy as np
import pandas as pd
import pytest
from clinics import clinic, schema_of, shuffled
from numpy.testing import assert_allclose

from synthdiff.checks.check import Evidence
from synthdiff.checks.fidelity.trend import Trend


def figures(evidence, **settings):
    return Trend(**settings).run(evidence).estimates


def two(train, synthetic):
    return Evidence(train, None, synthetic, schema_of(train, synthetic), 0)


def test_two_numbers_count_by_half_the_difference_of_correlations():
    train = pd.DataFrame({"x": [0.0, 1.0, 2.0], "y": [0.0, 2.0, 1.0]})
    synthetic = pd.DataFrame({"x": [0.0, 1.0, 2.0, None], "y": [2.0, 1.0, 0.0, 9.0]})
    found = figures(two(train, synthetic))
    assert_allclose(found["trend_error"].value, (0.5 - -1) / 2)
    assert_allclose(found["trend_error_own_bins"].value, 0.75)


def test_two_columns_of_levels_count_by_their_contingency_table_with_missing_as_a_level():
    train = pd.DataFrame({"a": ["p", "p", "q", None], "b": ["u", "v", "v", "v"]})
    synthetic = pd.DataFrame({"a": ["p", "p", "q", "q"], "b": ["u", "u", "v", "v"]})
    # (p,u) 1/4 against 1/2, (p,v) 1/4 against 0, (q,v) 1/4 against 1/2, (missing,v) 1/4 against 0.
    assert_allclose(figures(two(train, synthetic))["trend_error"].value, 0.5)


def test_own_bins_are_ruled_by_one_extreme_and_common_bins_are_not():
    train = pd.DataFrame({"x": np.arange(100.0), "s": ["a", "b"] * 50})
    synthetic = pd.concat([train, pd.DataFrame({"x": [1e6], "s": ["a"]})], ignore_index=True)
    found = figures(two(train, synthetic))
    assert found["trend_error"].value < 0.02
    assert found["trend_error_own_bins"].value > 0.8


def test_own_bins_put_the_maximum_and_missing_numbers_together():
    train = pd.DataFrame({"x": [0.0, 1.0, 1.0, 1.0], "s": ["a"] * 4})
    synthetic = pd.DataFrame({"x": [0.0, 1.0, None, None], "s": ["a"] * 4})
    found = figures(two(train, synthetic))
    assert found["trend_error_own_bins"].value == 0.0
    assert found["trend_error"].value == 0.5


def test_a_constant_number_is_left_out():
    train = pd.DataFrame({"x": [0.0, 1.0, 2.0], "y": [0.0, 1.0, 2.0], "c": [1.0, 1.0, 1.0]})
    detail = Trend().run(two(train, train)).detail
    assert detail["worst"] == [{"a": "x", "b": "y", "error": 0.0, "real": 1.0, "synthetic": 1.0}]
    assert detail["error"][0][2] is None


def test_fresh_records_are_as_far_as_held_out_ones(fresh):
    for found in figures(fresh).values():
        assert found.interval[0] < found.reference.value < found.interval[1]


def test_shuffled_columns_are_seen(fresh, broken):
    assert figures(broken)["trend_error"].interval[0] > figures(fresh)["trend_error"].interval[1]


def test_the_detail_is_plain_json_and_symmetric(broken):
    detail = json.loads(json.dumps(Trend().run(broken).detail))
    assert detail["columns"] == list(broken.schema.names)
    for matrix in ("real", "synthetic", "error"):
        assert detail[matrix] == [list(row) for row in zip(*detail[matrix], strict=True)]
    worst = next(pair for pair in detail["worst"] if {pair["a"], pair["b"]} == {"age", "pressure"})
    assert worst["real"] > 0.5 > abs(worst["synthetic"])
    assert [pair["error"] for pair in detail["worst"]] == sorted((p["error"] for p in detail["worst"]), reverse=True)
    assert detail["common_bins"]["value"] != detail["own_bins"]["value"]


def test_cramers_v_is_one_where_a_level_decides_and_nought_where_it_says_nothing():
    train = pd.DataFrame({"a": ["p", "q"] * 20, "same": ["u", "v"] * 20, "apart": ["x", "x", "y", "y"] * 10})
    real = Trend().run(two(train, train)).detail["real"]
    assert_allclose(real, [[1, 1, 0], [1, 1, 0], [0, 0, 1]], atol=1e-6)


def test_many_pairs_are_drawn_and_the_interval_allows_for_it():
    rng = np.random.default_rng(0)
    names = [f"lab {i}" for i in range(60)]
    together = rng.normal(size=(1000, 1)) * (np.arange(60) < 30)
    frames = [pd.DataFrame(rng.normal(size=(1000, 60)) + common, columns=names) for common in (together, 0)]
    evidence = Evidence(frames[0], None, frames[1], schema_of(*frames), 1)
    every = Trend(pairs=2000).run(evidence)
    some = Trend(pairs=100).run(evidence)
    assert some.detail["pairs"] == {"compared": 100, "of": 1770}
    low, high = some.estimates["trend_error"].interval
    assert low < every.estimates["trend_error"].value < high
    assert high - low > 3 * np.ptp(every.estimates["trend_error"].interval)
    assert len(some.detail["columns"]) == 40
    assert all(value is not None for row in some.detail["error"] for value in row)
    assert "100 of 1,770 pairs" in some.reason


def test_one_column_has_no_pairs():
    train = pd.DataFrame({"x": [1.0, 2.0]})
    assert not Trend().run(two(train, train)).estimates


def coverage(made):
    """How often the interval holds the mean figure; ``made(i)`` are the synthetic records of seed i."""
    schema = schema_of(clinic(5000, 0), made(1))
    found = [figures(Evidence(clinic(240, 2 * i), None, made(i), schema, i))["trend_error"] for i in range(300)]
    truth = np.mean([one.value for one in found])
    return np.mean([one.interval[0] <= truth <= one.interval[1] for one in found])


@pytest.mark.slow
def test_the_interval_covers():
    assert 0.92 <= coverage(lambda i: clinic(1000, 2 * i + 1, shift=1.5)) <= 0.98


@pytest.mark.slow
def test_the_interval_errs_towards_caution_where_few_pairs_differ():
    assert coverage(lambda i: shuffled(clinic(1000, 2 * i + 1), i)) >= 0.95


@pytest.mark.slow
def test_adult_gives_the_known_figures(adult):
    real = figures(adult(None))
    assert_allclose(real["trend_error_own_bins"].value, 0.0178, atol=0.0005)
    assert real["trend_error"].value < real["trend_error_own_bins"].value
    scrambled = figures(adult(shuffled(adult(None).train, 1)))
    assert scrambled["trend_error"].interval[0] > 3 * real["trend_error"].value
