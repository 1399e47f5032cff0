"""Three-way: by hand, what pairs do not show, which cells may be named, and known figures."""

import json

import numpy as np
import pandas as pd
import pytest
from clinics import clinic, schema_of, shuffled
from numpy.testing import assert_allclose

from synthdiff.checks.check import Evidence
from synthdiff.checks.fidelity.three_way import ThreeWay, _cut
from synthdiff.checks.fidelity.trend import Trend
from synthdiff.schema import Column


def run(train, synthetic, holdout=None, **settings):
    return ThreeWay(**settings).run(Evidence(train, holdout, synthetic, schema_of(train, synthetic), 3))


def error(train, synthetic, **settings):
    return run(train, synthetic, **settings).estimates["three_way_error"]


def parity(n, odd):
    """Three coins of which two are free and the third is decided by them: any two are independent."""
    rng = np.random.default_rng(n + odd)
    a, b = rng.integers(0, 2, (2, n))
    return pd.DataFrame({"a": a, "b": b, "c": (a + b + odd) % 2}).map(["no", "yes"].__getitem__)


def numeric(values, **settings):
    return _cut(Column(name="x", kind="continuous", **settings), np.asarray(values, dtype=float), None)


def test_what_only_three_columns_show():
    even, odd = parity(2000, 0), parity(2000, 1)
    assert error(even, odd).value == 1.0
    assert Trend().run(Evidence(even, None, odd, schema_of(even, odd), 3)).estimates["trend_error"].value < 0.03


def test_it_is_half_the_sum_of_the_differences_of_the_cells():
    frame = pd.DataFrame({"a": ["p", "p", "q", "q"], "b": ["u"] * 4, "c": ["x", "y", None, "x"]})
    train = pd.concat([frame] * 5, ignore_index=True)
    # Of (p,u,x), (p,u,y), (q,u,missing), (q,u,x), a quarter each, the first becomes the second.
    assert error(train, train.assign(c=train["c"].where(train["a"] == "q", "y"))).value == 0.25
    assert error(train, train.assign(c=train["c"].fillna("y"))).value == 0.25


def test_numbers_are_cut_at_the_deciles_of_the_training_table():
    cut = numeric(np.arange(1000.0))
    assert np.bincount(cut.cells(np.arange(1000.0))).tolist() == [100] * 10
    assert cut.cells(np.array([-1e9, 1e9, np.nan])).tolist() == [0, 9, 10]
    assert cut.labels[0] == "below 99.9" and cut.labels[-2:] == ["899.1 and above", "missing"]
    assert "999" not in cut.labels


def test_a_value_that_many_share_has_a_bin_of_its_own():
    gains = numeric([0.0] * 920 + list(np.arange(1.0, 81.0)))
    assert gains.labels == ["below 0", "0", "above 0", "missing"]
    assert gains.cells(np.array([-1.0, 0.0, 0.5])).tolist() == [0, 1, 2]
    years = _cut(Column(name="y", kind="integer"), np.repeat([0.0, 1.0, 2.0, 3.0], [50, 30, 15, 5]), None)
    assert years.labels == ["below 0", "0", "1", "2", "3 and above", "missing"]


def test_dates_are_cut_and_called_by_their_day():
    days = pd.date_range("2020-01-01", periods=100, freq="D").astype("datetime64[us]")
    column = Column(name="day", kind="datetime", dtype="datetime64[us]")
    cut = _cut(column, column.numbers(pd.Series(days)), None)
    assert cut.labels[0] == "below 2020-01-10"


def test_frequent_levels_stand_alone_and_rare_ones_are_pooled():
    frame = pd.DataFrame({"ward": np.repeat([f"w{i:02d}" for i in range(14)], [50] * 12 + [4, 5])})
    column = schema_of(frame)["ward"]
    cut = _cut(column, column.codes(frame["ward"]).astype(float), None)
    assert cut.labels == [*(f"'w{i:02d}'" for i in range(10)), "another level", "missing"]
    assert cut.cells(np.array([0.0, 11.0, 12.0, -2.0, np.nan])).tolist() == [0, 10, 10, 10, 11]


def test_fresh_records_are_as_far_as_held_out_ones_and_shuffled_ones_further(fresh, broken):
    found = ThreeWay().run(fresh).estimates["three_way_error"]
    assert found.interval[0] < found.reference.value < found.interval[1]
    assert ThreeWay().run(broken).estimates["three_way_error"].interval[0] > found.interval[1]


def test_the_broken_triples_come_first_with_the_cell_that_differs(broken):
    finding = ThreeWay().run(broken)
    first = finding.detail["worst"][0]
    assert {"tested", "marker"} < set(first["columns"])
    assert "tested 'not done'" in first["cell"] and "marker missing" in first["cell"]
    assert first["real"] > 2 * first["synthetic"]
    assert first["thin"]["synthetic"] > first["thin"]["real"]
    assert first["cell"] in finding.reason
    assert {one["column"] for one in finding.detail["columns"][:2]} == {"tested", "marker"}
    triples = [set(triple["columns"]) for triple in finding.detail["worst"]]
    assert all(len(a & b) < 2 for i, a in enumerate(triples) for b in triples[:i])


def test_a_copy_is_said_to_be_closer_than_other_people(fresh):
    copy = Evidence(fresh.train, fresh.holdout, fresh.train.sample(frac=1, random_state=1), fresh.schema, 7)
    finding = ThreeWay().run(copy)
    found = finding.estimates["three_way_error"]
    assert found.value == 0.0 and found.interval[1] < found.reference.interval[0]
    assert "closer to the training records than other real people" in finding.reason
    assert "Furthest" not in finding.reason


def visits(person, **columns):
    """A table of visits, and its schema."""
    table = pd.DataFrame({"person": person, **columns})
    return table, schema_of(table, person={"kind": "identifier", "roles": ("group",)})


def test_a_level_of_fewer_than_five_people_is_pooled_however_often_they_came():
    person = np.repeat(np.arange(100), 4)
    train, schema = visits(person, a=np.where(person < 4, "few", np.where(person < 9, "some", "usual")))
    column = schema["a"]
    assert _cut(column, column.codes(train["a"]).astype(float), person).labels[:-2] == ["'usual'", "'some'"]


def test_a_cell_of_fewer_than_five_people_is_not_named_however_often_they_came():
    person, rng = np.repeat(np.arange(100), 4), np.random.default_rng(0)
    half = person < 50
    train, schema = visits(
        person,
        # The first three people alone are in both.
        a=np.where(half & (person > 2), "x", "p"),
        b=np.where(half | (person < 3), "y", "q"),
        c=rng.choice(["u", "v"], 400),
    )
    finding = ThreeWay().run(Evidence(train, None, train.assign(a="p", b="y"), schema, 1))
    first = finding.detail["worst"][0]
    assert "a 'p', b 'y'" not in json.dumps(finding.detail) + finding.reason
    assert first["cell"].startswith(("a 'x', b 'y'", "a 'p', b 'q'")) and first["synthetic"] == 0.0
    assert first["thin"] == {"real": 0.03, "synthetic": 1.0}


def test_a_person_counts_once():
    visits = clinic(200, 1)
    schema = schema_of(visits)
    once = ThreeWay().run(Evidence(visits, None, clinic(200, 2), schema, 1)).estimates["three_way_error"]
    tables = [
        frame.loc[frame.index.repeat(4)].assign(person=np.repeat(np.arange(200), 4))
        for frame in (visits, clinic(200, 2))
    ]
    schema = schema_of(*tables, person={"kind": "identifier", "roles": ("group",)})
    often = ThreeWay().run(Evidence(tables[0], None, tables[1], schema, 1)).estimates["three_way_error"]
    assert_allclose(often.value, once.value, atol=0.02)
    assert_allclose(np.ptp(often.interval), np.ptp(once.interval), rtol=0.1)


def test_the_order_of_rows_does_not_matter(broken):
    turned = Evidence(broken.train.iloc[::-1], broken.holdout.iloc[::-1], broken.synthetic.iloc[::-1], broken.schema, 7)
    one, other = ThreeWay().run(broken), ThreeWay().run(turned)
    assert one.reason == other.reason and one.detail == other.detail


def test_many_triples_are_drawn_and_the_interval_allows_for_it():
    rng = np.random.default_rng(0)
    names = [f"lab {i}" for i in range(20)]
    together = rng.normal(size=(1000, 1)) * (np.arange(20) < 8)
    frames = [
        pd.DataFrame(np.rint(rng.normal(size=(1000, 20)) / 2 + common), columns=names) for common in (together, 0)
    ]
    every, some = run(*frames, triples=2000), run(*frames, triples=50)
    assert every.detail["triples"] == {"compared": 1140, "of": 1140}
    assert some.detail["triples"] == {"compared": 50, "of": 1140}
    low, high = some.estimates["three_way_error"].interval
    assert low < every.estimates["three_way_error"].value < high
    assert high - low > 1.5 * np.ptp(every.estimates["three_way_error"].interval)
    assert "50 of 1,140 triples" in some.reason


def test_a_long_table_is_drawn_from_and_the_reason_says_so(fresh):
    assert "At most 100 records" in ThreeWay(most=100).run(fresh).reason
    assert ThreeWay(most=100).run(fresh) == ThreeWay(most=100).run(fresh)


def test_two_columns_have_no_triple():
    assert not run(pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 2.0]}), pd.DataFrame({"a": [1.0], "b": [1.0]})).estimates


def coverage(made, rounds=200):
    schema = schema_of(clinic(5000, 0))
    found = [
        ThreeWay().run(Evidence(clinic(240, 2 * i), None, made(i), schema, i)).estimates["three_way_error"]
        for i in range(rounds)
    ]
    truth = np.mean([one.value for one in found])
    return np.mean([one.interval[0] <= truth <= one.interval[1] for one in found])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fresh", "shifted", "shuffled"])
def test_the_interval_covers(name):
    made = {
        "fresh": lambda i: clinic(400, 2 * i + 1),
        "shifted": lambda i: clinic(400, 2 * i + 1, shift=1.0),
        "shuffled": lambda i: shuffled(clinic(400, 2 * i + 1), i),
    }
    assert coverage(made[name]) >= 0.94


@pytest.mark.slow
def test_adult_gives_the_known_figures(adult):
    real = ThreeWay().run(adult(None)).estimates["three_way_error"]
    assert_allclose(real.value, 0.0351, atol=0.0005)
    scrambled = ThreeWay().run(adult(shuffled(adult(None).train, 1)))
    assert_allclose(scrambled.estimates["three_way_error"].value, 0.1677, atol=0.002)
    assert scrambled.detail["triples"] == {"compared": 455, "of": 455}
    assert {"education", "education-num"} < set(scrambled.detail["worst"][0]["columns"])
