"""Survival: real persons in the place of synthetic ones pass, and what gives the wrong persons long lives does not."""

import json

import numpy as np
import pandas as pd
import pytest
from worlds import stays

from synthdiff.checks.check import Evidence
from synthdiff.checks.fidelity.survival import Survival
from synthdiff.policy import Bar
from synthdiff.schema import Schema

ROLES = {"followed": {"role": "time"}, "died": {"role": "event"}, "ward": {"role": "protected"}}


def admissions(n, seed):
    """Stays in two wards, of which the one has the sicker patients."""
    made = stays(n, seed)
    return made.assign(ward=np.where((made["died"] == "yes") ^ (np.arange(n) % 5 == 0), "acute", "other"))


SCHEMA = Schema.infer(admissions(3000, 0), ROLES)
TRAIN, HOLDOUT, FRESH = admissions(1000, 1), admissions(800, 2), admissions(1000, 3)


def survival(synthetic, schema=SCHEMA, holdout=HOLDOUT, train=TRAIN):
    return Survival().run(Evidence(train, holdout, synthetic, schema, 0))


def verdicts(finding):
    return {name: verdict(finding, name) for name in Survival.bars}


def verdict(finding, name):
    return Bar.parse(Survival.bars[name]).judge(finding.estimates[name]).verdict


@pytest.fixture(scope="module")
def fresh():
    return survival(FRESH)


def within_event(frame, time, event, seed=0):
    """The times dealt anew among those with the event and among those without."""
    draw = np.random.default_rng(seed)
    made = frame.copy()
    for value in frame[event].unique():
        rows = (frame[event] == value).to_numpy()
        made.loc[rows, time] = draw.permutation(frame.loc[rows, time].to_numpy())
    return made


def test_fresh_persons_are_as_far_as_held_out_ones(fresh):
    assert verdicts(fresh)["survival_gap"] == verdicts(fresh)["follow_up_gap"] == "pass"
    gap, longer = fresh.estimates["survival_gap"], fresh.estimates["restricted_mean_difference"]
    assert gap.interval[0] <= gap.reference.value <= gap.interval[1]
    assert longer.interval[0] <= 0 <= longer.interval[1]
    assert fresh.estimates["worst_survival_excess"].interval[0] <= 0
    assert gap.n == 1000


def test_when_nobody_is_censored_the_curve_falls():
    found = survival(FRESH.assign(died="yes"))
    assert verdicts(found)["survival_gap"] == verdicts(found)["follow_up_gap"] == "fail"
    assert found.estimates["restricted_mean_difference"].interval[1] < -0.1
    assert "less" in found.reason


def test_dropping_the_censored_fails():
    assert verdicts(survival(FRESH[FRESH["died"] == "yes"]))["survival_gap"] == "fail"


def test_shuffled_times_fail():
    train, holdout, made = (admissions(4000, seed) for seed in (1, 2, 3))
    times = np.random.default_rng(0).permutation(made["followed"].to_numpy())
    assert verdicts(survival(made.assign(followed=times), holdout=holdout, train=train))["survival_gap"] == "fail"


def test_persons_who_are_lost_early_are_seen_by_their_follow_up_alone():
    def lives(n, seed, longest):
        draw = np.random.default_rng(seed)
        death, end = draw.exponential(100, n), draw.uniform(20, longest, n)
        return pd.DataFrame({"days": np.minimum(death, end), "died": np.where(death <= end, "yes", "no")})

    schema = Schema.infer(lives(500, 0, 200), {"days": {"role": "time"}, "died": {"role": "event"}})
    found = survival(lives(2000, 3, 130), schema, lives(2000, 2, 200), lives(2000, 1, 200))
    assert found.estimates["survival_gap"].value < 0.03
    assert verdict(found, "follow_up_gap") == "fail"


def test_long_lives_for_the_wrong_persons_are_seen_by_group_alone():
    wards = np.random.default_rng(0).permutation(FRESH["ward"].to_numpy())
    found = survival(FRESH.assign(ward=wards))
    assert verdicts(found)["survival_gap"] == "pass"
    assert verdicts(found)["worst_survival_excess"] == "fail"
    assert found.detail["groups"][0]["column"] == "ward"
    assert {group["group"] for group in found.detail["protected"]} == {"ward = acute", "ward = other"}
    assert "'ward = " in found.reason


def test_without_held_out_persons_there_is_no_reference():
    found = survival(FRESH, holdout=None)
    assert list(found.estimates) == ["survival_gap", "follow_up_gap", "restricted_mean_difference"]
    assert all(estimate.reference is None for estimate in found.estimates.values())
    assert found.detail["curves"]["holdout"] is None


def test_a_person_with_many_visits_counts_once(fresh):
    visits = pd.concat([admissions(1000, 1), admissions(1000, 1).assign(followed=0, died="no")], ignore_index=True)
    schema = Schema.infer(visits.assign(person=np.tile(np.arange(1000), 2)), {**ROLES, "person": {"role": "group"}})
    numbered = visits.assign(person=np.tile(np.arange(1000), 2))
    again = survival(FRESH, schema=schema, train=numbered, holdout=HOLDOUT.assign(person=np.arange(5000, 5800)))
    assert again.estimates["survival_gap"].value == pytest.approx(fresh.estimates["survival_gap"].value)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({}, "role 'time'"),
        ({"followed": {"role": "time"}}, "role 'event'"),
        ({"admitted": {"role": "time"}, "died": {"role": "event"}}, "must be a number"),
        ({"followed": {"role": "time"}, "ward": {"role": "event"}}, "mean yes"),
    ],
)
def test_without_roles_that_fit_it_says_what_to_declare(declared, said):
    found = survival(FRESH, Schema.infer(admissions(3000, 0), declared))
    assert not found.estimates
    assert said in found.reason


def test_too_few_persons_are_refused():
    found = survival(FRESH.iloc[:10])
    assert not found.estimates
    assert "10 in the synthetic" in found.reason


def test_an_event_of_nought_and_one_is_understood(fresh):
    frames = [frame.assign(died=(frame["died"] == "yes").astype(int)) for frame in (TRAIN, HOLDOUT, FRESH)]
    schema = Schema.infer(frames[0], ROLES)
    found = Survival().run(Evidence(frames[0], frames[1], frames[2], schema, 0))
    assert found.estimates["survival_gap"].value == pytest.approx(fresh.estimates["survival_gap"].value)


def test_the_detail_is_plain_json_and_names_no_single_time(fresh):
    detail = fresh.detail
    assert json.loads(json.dumps(detail)) == detail
    curves = detail["curves"]
    assert len(curves["grid"]) == 50
    for name in ("real", "synthetic", "holdout"):
        curve = curves[name]
        assert len(curve["survival"]) == len(curve["low"]) == len(curve["high"]) == 50
        assert all(
            low <= mid <= high for low, mid, high in zip(curve["low"], curve["survival"], curve["high"], strict=True)
        )
        assert all(count is None or count >= 5 for count in curve["at_risk"])
    assert curves["grid"] == pytest.approx(np.linspace(0, detail["horizon"], 50).tolist(), rel=1e-3, abs=1e-9)


def test_where_few_are_left_their_number_is_not_told():
    detail = survival(FRESH.iloc[:25], train=TRAIN.iloc[:25], holdout=HOLDOUT.iloc[:25]).detail
    left = [count for name in ("real", "synthetic", "holdout") for count in detail["curves"][name]["at_risk"]]
    assert None in left
    assert all(count is None or count >= 5 for count in left)


def test_the_order_of_records_does_not_matter(fresh):
    turned = survival(FRESH.iloc[::-1].reset_index(drop=True), train=TRAIN.sample(frac=1, random_state=1))
    for name in ("survival_gap", "follow_up_gap", "restricted_mean_difference"):
        assert turned.estimates[name].value == pytest.approx(fresh.estimates[name].value)
        assert turned.estimates[name].interval == pytest.approx(fresh.estimates[name].interval)


def test_the_same_evidence_gives_the_same_answer(fresh):
    assert survival(FRESH) == fresh


@pytest.mark.slow
def test_support2(shared_data):
    """ICU patients: real ones pass, the three ways to spoil their times fail."""
    patients = pd.read_csv(shared_data / "tables" / "support2" / "support2.csv")
    patients = patients.iloc[np.random.default_rng(2).permutation(len(patients))].reset_index(drop=True)
    schema = Schema.infer(patients, {"d.time": {"role": "time"}, "death": {"role": "event"}})
    train, holdout, other = (patients.iloc[i * 3000 : (i + 1) * 3000] for i in range(3))

    def judged(synthetic):
        return verdicts(Survival().run(Evidence(train, holdout, synthetic, schema, 0)))

    assert judged(other)["survival_gap"] == judged(other)["follow_up_gap"] == "pass"
    assert "fail" not in judged(other).values()
    assert judged(within_event(other, "d.time", "death"))["worst_survival_excess"] == "fail"
    assert judged(other.assign(death=1))["survival_gap"] == "fail"
    assert judged(other[other["death"] == 1])["survival_gap"] == "fail"


@pytest.mark.slow
def test_heart_failure(shared_data):
    """A hundred patients each: nothing is held against real ones, and events without censoring are still seen."""
    patients = pd.read_csv(shared_data / "tables" / "heart_failure" / "heart_failure.csv")
    schema = Schema.infer(patients, {"time": {"role": "time"}, "DEATH_EVENT": {"role": ["target", "event"]}})
    for seed in range(10):
        mixed = patients.iloc[np.random.default_rng(seed).permutation(len(patients))]
        train, holdout, other = (mixed.iloc[i * 99 : (i + 1) * 99] for i in range(3))
        fresh = Survival().run(Evidence(train, holdout, other, schema, seed))
        shown = {name: found.interval[0] - found.reference.value for name, found in fresh.estimates.items()}
        assert max(shown["survival_gap"], shown["follow_up_gap"]) < 0.05
        spoilt = Survival().run(Evidence(train, holdout, other.assign(DEATH_EVENT=1), schema, seed))
        assert spoilt.estimates["follow_up_gap"].interval[0] > spoilt.estimates["follow_up_gap"].reference.value


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(209, 90, 1000), (1000, 500, 1000)])
def test_fresh_persons_pass_in_nearly_all_seeds(sizes):
    failed = 0
    for seed in range(100):
        train, holdout, synthetic = (admissions(n, 10 + 3 * seed + i) for i, n in enumerate(sizes))
        judged = verdicts(Survival().run(Evidence(train, holdout, synthetic, SCHEMA, seed)))
        failed += "fail" in judged.values()
    assert failed <= 5
