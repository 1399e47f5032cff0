"""Tables as numbers, and the booster that reads them."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from synthdiff.checks.features import UNKNOWN, at_most, booster, coordinates, matrices, matrix, persons
from synthdiff.schema import Column, Schema

SCHEMA = Schema(
    columns=(
        Column(name="who", kind="identifier"),
        Column(name="age", kind="integer", nullable=True),
        Column(name="site", kind="categorical", levels=("a", "b"), nullable=True),
    )
)


def test_numbers_stay_and_levels_become_codes():
    frame = pd.DataFrame({"who": ["x", "y", "z"], "age": [1.0, None, 3.0], "site": ["b", None, "c"]})
    features = matrix(frame, SCHEMA)
    assert features.names == ("age", "site")
    assert_array_equal(features.categorical, [False, True])
    assert_array_equal(features.values, [[1, 1], [np.nan, np.nan], [3, UNKNOWN]])


def test_columns_can_be_chosen_and_an_absent_one_is_missing():
    features = matrix(pd.DataFrame({"age": [1, 2]}), SCHEMA, ["site", "age"])
    assert_array_equal(features.values, [[np.nan, 1], [np.nan, 2]])


def test_coordinates_tell_missing_from_unknown():
    frame = pd.DataFrame({"site": ["b", None, "c"]})
    assert_array_equal(coordinates(frame, SCHEMA["site"]), [1, np.nan, -2])


def test_many_levels_are_pooled_alike_in_all_frames():
    levels = tuple(f"icd{i}" for i in range(300))
    schema = Schema(columns=(Column(name="icd", kind="categorical", levels=levels),))
    common = pd.DataFrame({"icd": [level for level in levels[60:] for _ in range(2)]})
    rare = pd.DataFrame({"icd": list(levels[:60])})
    one, other = matrices([common, rare], schema)
    codes, rare_codes = np.ravel(one.values), np.ravel(other.values)
    assert codes.max() < UNKNOWN
    assert len(set(codes) - {253.0}) == 240
    # 240 frequent levels and the 13 first of the rare ones have codes of their own, 47 share one.
    assert_array_equal(np.flatnonzero(rare_codes == 253), np.arange(13, 60))
    booster(one, 2, 0).fit(one.values, np.arange(len(one)) % 2)


def test_rows_and_concatenation():
    features = matrix(pd.DataFrame({"age": [1, 2, 3], "site": list("aba")}), SCHEMA)
    assert_array_equal(features.rows(np.array([True, False, True])).values, [[1, 0], [3, 0]])
    assert len(features.followed_by(features)) == 6


def test_persons_are_numbered_and_the_unnamed_stand_alone():
    schema = Schema(
        columns=(Column(name="patient", kind="identifier", roles=("group",)), Column(name="x", kind="integer"))
    )
    found = persons(pd.DataFrame({"patient": ["a", None, "a", None, "b"]}), schema)
    assert found[0] == found[2]
    assert len(set(found)) == 4
    assert persons(pd.DataFrame({"x": [1]}), schema) is None
    assert persons(pd.DataFrame({"x": [1]}), SCHEMA) is None


def test_at_most_draws_without_replacement_and_leaves_small_tables_alone():
    frame = pd.DataFrame({"x": np.arange(100)})
    drawn = at_most(frame, 30, np.random.default_rng(0))
    assert len(set(drawn["x"])) == 30
    assert drawn["x"].is_monotonic_increasing
    assert at_most(frame, 100, np.random.default_rng(0)) is frame


@pytest.mark.parametrize("n", [60, 2000])
def test_booster_learns_levels_and_numbers_reproducibly(n):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.integers(0, 90, n), "site": rng.choice(["a", "b"], n)})
    truth = ((frame["age"] > 45) ^ (frame["site"] == "a")).to_numpy().astype(int)
    features = matrix(frame, SCHEMA)
    first, second = (booster(features, 2, 3).fit(features.values, truth) for _ in range(2))
    assert (first.predict(features.values) == truth).mean() > 0.95
    assert_array_equal(first.decision_function(features.values), second.decision_function(features.values))


def test_booster_without_classes_predicts_a_number():
    frame = pd.DataFrame({"age": np.arange(200), "site": ["a", "b"] * 100})
    features = matrix(frame, SCHEMA)
    predicted = booster(features, None, 0).fit(features.values, 2.0 * np.arange(200)).predict(features.values)
    assert np.corrcoef(predicted, np.arange(200))[0, 1] > 0.99


def test_booster_bears_a_column_without_a_value():
    frame = pd.DataFrame({"age": [None] * 100, "site": ["a", "b"] * 50})
    features = matrix(frame, SCHEMA)
    model = booster(features, 2, 0).fit(features.values, np.arange(100) % 2)
    assert (model.predict(features.values) == np.arange(100) % 2).all()
