"""Detection: chance for fresh records, certainty for scrambled ones, and what gives them away."""

import json

import numpy as np
import pytest
from clinics import clinic, schema_of, shuffled

from synthdiff.checks.check import Evidence
from synthdiff.checks.fidelity.detection import Detection, _tell_apart


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
    copy = Evidence(fresh.train, fresh.holdout, fresh.train.sample(frac=1, random_state=1), fresh.schema, 7)
    found = Detection().run(copy)
    assert found.estimates["detection_auc"].interval[1] < 0.5
    assert "resemble training records more than" in found.reason


def test_the_column_that_gives_the_records_away_comes_first(fresh):
    marked = Evidence(
        fresh.train, fresh.holdout, fresh.synthetic.assign(age=fresh.synthetic["age"] + 60), fresh.schema, 7
    )
    found = Detection().run(marked)
    assert found.estimates["detection_auc"].value > 0.9
    assert found.detail["importance"][0]["column"] == "age"
    assert found.detail["importance"][0]["auc_drop"] > 0.2


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
    assert Detection(most=150).run(broken) == Detection(most=150).run(broken)


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
    scrambled = Detection().run(adult(shuffled(fresh.train, 1))).estimates["detection_auc"]
    assert scrambled.value >= 0.98


def test_an_absent_column_gives_every_record_away(fresh):
    lost = Evidence(fresh.train, None, fresh.synthetic.drop(columns="age"), fresh.schema, 7)
    found = Detection().run(lost)
    assert found.estimates["detection_auc"].value > 0.99
