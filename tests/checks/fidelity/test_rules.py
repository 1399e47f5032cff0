"""Rules: declared and found ones, what breaks them, and the rate that other real records would have."""

import json

import numpy as np
import pandas as pd
import pytest
from clinics import schema_of
from test_discovery import wards
from worlds import changed, columnwise, shuffled

from synthdiff.checks.check import Evidence
from synthdiff.checks.fidelity.rules import Rules
from synthdiff.policy import Bar
from synthdiff.schema import Schema

TRAIN, HOLDOUT, FRESH = wards(1000, 1), wards(600, 2), wards(1000, 3)
SCHEMA = schema_of(TRAIN)
DECLARED = Schema.infer(
    TRAIN,
    {"age": {"min": 18, "max": 110}},
    [
        {"kind": "inequality", "low": "admitted", "high": "discharged"},
        {"kind": "implication", "when": {"pregnant": "yes"}, "then": {"sex": "F"}},
        {"kind": "combinations", "columns": ["sex", "tested"]},
    ],
)


def rules(synthetic, schema=SCHEMA, holdout=HOLDOUT, train=TRAIN):
    return Rules().run(Evidence(train, holdout, synthetic, schema, 0))


def rate(finding):
    return finding.estimates["rule_violation_rate"]


def verdict(finding):
    return Bar.parse(Rules.bars["rule_violation_rate"]).judge(rate(finding)).verdict


@pytest.fixture(scope="module")
def fresh():
    return rules(FRESH)


def test_fresh_records_keep_what_held_out_ones_keep(fresh):
    assert verdict(fresh) == "pass"
    assert rate(fresh).value <= 0.01
    assert rate(fresh).n == 1000
    assert fresh.detail["rules"]["derived"] == 4


@pytest.mark.parametrize("spoil", [changed, columnwise])
def test_records_that_are_mixed_up_break_them(spoil):
    found = rules(spoil(TRAIN))
    assert verdict(found) == "fail"
    assert rate(found).value > 0.5


def test_a_copy_breaks_none():
    assert rate(rules(shuffled(TRAIN))).value == 0


def test_the_rule_that_is_broken_most_is_named_with_both_rates():
    wrong = FRESH.assign(pregnant=np.where(np.arange(1000) < 100, "yes", FRESH["pregnant"]))
    found = rules(wrong)
    worst = {rule["rule"]: rule for rule in found.detail["worst"]}
    men = ((wrong["pregnant"] == "yes") & (wrong["sex"] == "M")).mean()
    assert worst["if pregnant = yes then sex = F"]["rate"] == pytest.approx(men)
    assert worst["if pregnant = yes then sex = F"]["real"] == 0.0
    assert "if pregnant = yes" in found.reason
    assert len(found.detail["worst"]) <= 10


def test_declared_rules_count_and_their_records_go_to_the_custodian():
    wrong = FRESH.copy()
    wrong.loc[5, "age"] = 150
    wrong.loc[[5, 8], "discharged"] = wrong.loc[[5, 8], "admitted"] - pd.Timedelta(days=3)
    found = rules(wrong, DECLARED)
    assert found.detail["rules"]["declared"] == 5
    assert found.detail["declared"]["rate"] == 0.002
    assert [(concern.synthetic, concern.real) for concern in found.concerns] == [(5, None), (8, None)]
    assert found.concerns[0].why == "breaks admitted <= discharged, age ≤ 110"
    assert found.detail["kinds"]["inequality"]["rules"] == 1
    # A declared order is not found again.
    assert "admitted ≤ discharged" not in {rule["rule"] for rule in found.detail["worst"]}


def test_known_combinations_are_those_of_all_training_records():
    none = FRESH.assign(tested=FRESH["tested"].where(FRESH.index > 20, "not done"))
    train = TRAIN[(TRAIN["sex"] == "F") | (TRAIN["tested"] == "done")]
    found = rules(none, DECLARED, train=train)
    assert {"combinations of sex, tested"} <= {rule["rule"] for rule in found.detail["worst"]}


def test_a_rule_that_held_out_records_surely_break_is_dropped():
    lucky = TRAIN.assign(site=np.where(TRAIN["sex"] == "F", "north", "south"))
    later = HOLDOUT.assign(site=np.where(np.arange(600) % 2, "north", "south"))
    now = FRESH.assign(site=np.where(np.arange(1000) % 2, "north", "south"))
    found = rules(now, schema_of(lucky), later, lucky)
    assert found.detail["rules"]["dropped"] >= 2
    assert verdict(found) == "pass"


def test_the_reference_of_a_few_held_out_records_allows_for_their_number():
    few, many = rules(FRESH, holdout=HOLDOUT.iloc[:90]), rules(FRESH, holdout=HOLDOUT)
    assert rate(few).reference.value == pytest.approx(1 / 92)
    assert rate(few).reference.interval[0] == 0.0
    assert rate(many).reference.value < rate(few).reference.value


def test_without_held_out_records_there_is_no_reference():
    found = rules(FRESH, holdout=None)
    assert rate(found).reference is None
    assert all(rule["real"] is None for rule in found.detail["worst"])


def test_where_there_is_no_rule_it_says_what_to_declare():
    plain = pd.DataFrame({"x": np.random.default_rng(0).normal(size=100)})
    found = rules(plain, schema_of(plain), plain, plain)
    assert not found.estimates
    assert "constraints" in found.reason


def test_a_lost_column_breaks_only_rules_on_its_absence():
    found = rules(FRESH.drop(columns="marker"))
    assert {rule["rule"] for rule in found.detail["worst"]} == {"if tested = done then marker is known"}


def test_records_of_one_person_count_once():
    wrong = FRESH.assign(pregnant=np.where(np.arange(1000) < 100, "yes", FRESH["pregnant"]))
    schema = schema_of(TRAIN.assign(person=0), person={"kind": "identifier", "roles": ("group",)})
    numbered = wrong.assign(person=np.arange(1000) // 10)
    known = rules(numbered, schema, HOLDOUT.assign(person=np.arange(600)), TRAIN.assign(person=np.arange(1000)))
    assert rate(known).value == pytest.approx(rate(rules(wrong)).value)
    assert np.ptp(rate(known).interval) > 2 * np.ptp(rate(rules(wrong)).interval)


def test_the_detail_is_plain_json(fresh):
    detail = rules(columnwise(TRAIN)).detail
    assert json.loads(json.dumps(detail)) == detail
    assert all(rule["interval"][0] <= rule["rate"] <= rule["interval"][1] for rule in detail["worst"])
    assert json.loads(json.dumps(fresh.detail)) == fresh.detail


def test_larger_tables_are_looked_at_in_part_and_it_is_said():
    found = Rules(most=500).run(Evidence(TRAIN, HOLDOUT, columnwise(TRAIN), DECLARED, 0))
    assert rate(found).n == 500
    assert "at most 500 records" in found.reason
    assert max(concern.synthetic for concern in found.concerns) > 500


def test_the_same_evidence_gives_the_same_answer_whatever_the_order(fresh):
    assert rules(FRESH) == fresh
    turned = rules(FRESH.iloc[::-1].reset_index(drop=True), train=TRAIN.sample(frac=1, random_state=1))
    assert rate(turned) == rate(fresh)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(209, 90, 1000), (1500, 500, 1500)])
def test_fresh_patients_pass_in_nearly_all_seeds(shared_data, sizes):
    patients = pd.read_csv(shared_data / "tables" / "support2" / "support2.csv")
    schema = Schema.infer(patients)
    failed = 0
    for seed in range(60):
        mixed = patients.iloc[np.random.default_rng(seed).permutation(len(patients))].reset_index(drop=True)
        ends = np.cumsum(sizes)
        train, holdout, other = mixed[: ends[0]], mixed[ends[0] : ends[1]], mixed[ends[1] : ends[2]]
        failed += verdict(Rules().run(Evidence(train, holdout, other, schema, seed))) == "fail"
    assert failed <= 3


@pytest.mark.slow
@pytest.mark.parametrize("table", ["support2", "thyroid", "adult", "heart_disease_uci"])
def test_real_tables_pass_and_mixed_up_ones_fail(shared_data, table):
    folder = shared_data / "tables" / table
    patients = pd.read_csv(folder / ("train.csv" if table == "adult" else f"{table}.csv"))
    patients = patients.dropna(axis="columns", how="all")
    schema = Schema.infer(patients)
    cut = np.random.default_rng(0).permutation(len(patients))
    train, holdout, other = (patients.iloc[rows].reset_index(drop=True) for rows in np.array_split(cut, 3))
    assert verdict(rules(other, schema, holdout, train)) != "fail"
    assert verdict(rules(changed(train), schema, holdout, train)) == "fail"
