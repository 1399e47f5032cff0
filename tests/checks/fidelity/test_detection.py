"""Detection: chance for fresh records, certainty for scrambled ones, and what gives them away."""

import json

import numpy as np
import pytest
from clinics import clinic, schema_of, shuffled

from synthdiff.checks.check import Evidence
from synthdiff.checks.fidelity.detection import Detection, _decimals, _tell_apart


@pytest.fixture(scope="module")
def told(fresh):
    return Detection().run(fresh)


def test_fresh_records_are_told_apart_no_better_than_held_out_ones(told):
    found = told.estimates["detection_auc"]
    assert found.interval[0] < 0.5 < found.interval[1]
    assert found.reference.interval[0] < 0.5 < found.reference.interval[1]
    assert found.n == 800


def test_scrambled_records_are_told_apart_by_the_columns_that_belong_together(broken):
    found = Detection().run(broken)
    assert found.estimates["detection_auc"].interval[0] > 0.65
    assert {column["column"] for column in found.detail["importance"][:2]} == {"tested", "marker"}
    assert "tested" in found.reason


def test_a_copy_lies_closer_than_real_people_do(fresh):
    copy = Evidence(fresh.train, None, fresh.train.sample(frac=1, random_state=1), fresh.schema, 7)
    found = Detection().run(copy)
    assert found.estimates["detection_auc"].interval[1] < 0.5
    assert "resemble training records more than" in found.reason


def test_the_column_that_gives_the_records_away_comes_first(fresh):
    marked = Evidence(fresh.train, None, fresh.synthetic.assign(age=fresh.synthetic["age"] + 60), fresh.schema, 7)
    found = Detection().run(marked)
    assert found.estimates["detection_auc"].value > 0.9
    assert found.detail["importance"][0]["column"] == "age"
    assert found.detail["importance"][0]["auc_drop"] > 0.2


@pytest.fixture(scope="module")
def planted():
    """Two columns are decoupled, one of which is written with too many decimals; the classifier sees only the first."""
    train, made = clinic(800, 1), clinic(800, 2)
    made["pressure"] = made["pressure"].sample(frac=1, random_state=3).to_numpy()
    train["pressure"] = train["pressure"].round(1)
    return Detection().run(Evidence(train, None, made, schema_of(train, made), 7))


def test_two_columns_that_no_longer_belong_together_are_named(planted):
    first, *others = planted.detail["pairs"]
    assert {first["a"], first["b"]} == {"age", "pressure"}
    assert first["interval"][0] > 0.55 and first["beyond_interval"][0] > 0.03
    assert first["auc"] - first["alone"] == pytest.approx(first["beyond"], abs=2e-4)
    assert all(pair["beyond_interval"][0] < 0.02 for pair in others)
    assert "What does not go together: age with pressure." in planted.reason


def test_other_decimals_are_found_though_the_classifier_is_blind_to_them(planted, told):
    assert [one["column"] for one in planted.detail["decimals"]] == ["pressure"]
    assert "other decimals than the real ones: pressure." in planted.reason
    assert told.detail["decimals"] == []
    assert _decimals(np.array([3.0, -0.5, 2.25, 0.1 + 0.2, 1e9, 1 / 3, np.nan])).tolist() == [0, 1, 2, 1, 0, 6, -1]


def test_fresh_records_have_no_telling_pair(told):
    assert len(told.detail["pairs"]) == 10
    assert "go together" not in told.reason
    for pair in told.detail["pairs"]:
        assert pair["interval"][0] < pair["auc"] < pair["interval"][1]


def test_broken_derived_columns_and_impossible_combinations_are_found():
    def patients(seed):
        draw = np.random.default_rng(seed)
        made = clinic(1500, seed).drop(columns=["age", "pressure"])
        made = made.assign(height=draw.normal(170, 9, 1500).round(), weight=draw.normal(75, 12, 1500))
        return made.assign(bmi=made["weight"] / (made["height"] / 100) ** 2)

    train, made = patients(1), patients(2)
    schema = schema_of(train, made)
    noise = np.random.default_rng(0).normal(0, 3, 1500)
    assert _tell_apart(train, made.assign(bmi=made["bmi"] + noise), schema, 1500, 0).interval[0] > 0.6
    untested = made["tested"].sample(frac=1, random_state=1).to_numpy()
    assert _tell_apart(train, made.assign(tested=untested), schema, 1500, 0).interval[0] > 0.6


def test_few_people_have_no_pairs(fresh):
    few = Evidence(fresh.train.iloc[:40], None, fresh.synthetic.iloc[:40], fresh.schema, 7)
    found = Detection().run(few)
    assert found.estimates and found.detail["pairs"] == []


def test_sizes_are_equal_and_small_tables_are_refused(fresh):
    few = Evidence(fresh.train, fresh.holdout.iloc[:60], fresh.synthetic.iloc[:100], fresh.schema, 7)
    found = Detection().run(few)
    assert found.estimates["detection_auc"].n == 200
    assert found.detail["compared"] == {"synthetic": 100, "reference": 60}
    none = Detection().run(Evidence(fresh.train, fresh.holdout, fresh.synthetic.iloc[:10], fresh.schema, 7))
    assert not none.estimates
    assert "25" in none.reason


def test_a_few_persons_with_many_records_are_refused():
    visits = clinic(200, 1).assign(person=np.arange(200) % 4)
    schema = schema_of(visits, person={"kind": "identifier", "roles": ("group",)})
    found = Detection().run(Evidence(visits, None, visits, schema, 7))
    assert not found.estimates
    assert "4 in the training" in found.reason


def test_the_detail_is_plain_json(told):
    detail = told.detail
    assert json.loads(json.dumps(detail)) == detail
    assert len(detail["roc"]["fpr"]) == len(detail["reference_roc"]["tpr"]) == 101


def test_the_same_evidence_gives_the_same_answer(broken):
    once, again = (Detection(most=150).run(broken) for _ in range(2))
    assert once == again
    assert "150 records of each side" in once.reason


def test_a_persons_records_stay_in_one_fold():
    """Persons with many, nearly identical records are recognised again unless all of them are left out together."""

    def visits(seed):
        person = np.repeat(np.arange(40), 5)
        return clinic(40, seed).iloc[person].reset_index(drop=True).assign(person=person)

    frames = visits(1), visits(2)
    schema = schema_of(*frames, person={"kind": "identifier", "roles": ("group",)})
    apart = _tell_apart(*frames, schema, 200, 0)
    known = _tell_apart(*(frame.drop(columns="person") for frame in frames), schema, 200, 0)
    assert known.value > 0.95
    assert apart.interval[0] < 0.5 < apart.interval[1]


@pytest.mark.slow
@pytest.mark.parametrize("n", [60, 200])
def test_fresh_records_pass_in_nearly_all_seeds(n):
    schema = schema_of(clinic(2000, 0))
    told = [_tell_apart(clinic(n, 2 * i), clinic(n, 2 * i + 1), schema, n, i) for i in range(100)]
    assert np.mean([one.interval[0] <= 0.5 <= one.interval[1] for one in told]) >= 0.95
    assert abs(np.mean([one.value for one in told]) - 0.5) < 0.02


@pytest.mark.slow
def test_adult_gives_the_known_figures(adult):
    fresh = adult(None)
    found = Detection().run(fresh).estimates["detection_auc"]
    assert 0.49 < found.value < 0.515
    assert np.ptp(found.interval) < 0.025
    scrambled = Detection().run(adult(shuffled(fresh.train, 1)))
    assert scrambled.estimates["detection_auc"].interval[0] >= 0.98
    first = scrambled.detail["pairs"][0]
    assert {first["a"], first["b"]} == {"education", "education-num"} and first["interval"][0] > 0.9
    hours = fresh.holdout.groupby("income")["hours-per-week"].transform(
        lambda cells: cells.sample(frac=1, random_state=1).to_numpy()
    )
    planted = Detection().run(adult(fresh.holdout.assign(**{"hours-per-week": hours})))
    telling = [pair for pair in planted.detail["pairs"] if pair["beyond_interval"][0] > 0.01]
    assert len(telling) >= 4
    assert all("hours-per-week" in (pair["a"], pair["b"]) for pair in telling)


def test_an_absent_column_gives_every_record_away(fresh):
    lost = Evidence(fresh.train, None, fresh.synthetic.drop(columns="age"), fresh.schema, 7)
    found = Detection().run(lost)
    assert found.estimates["detection_auc"].value > 0.99
