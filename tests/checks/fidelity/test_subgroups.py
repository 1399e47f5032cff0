"""Subgroups: one that is worse served is named, one that is lost is missed, and looking at many accuses none."""

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from worlds import clinic, clinic_schema, columnwise

from synthdiff.checks.check import Evidence
from synthdiff.checks.fidelity.bygroup import Coded, compare, fewest
from synthdiff.checks.fidelity.distances import average, kolmogorov_smirnov, total_variation
from synthdiff.checks.fidelity.groups import Partition, cuts
from synthdiff.checks.fidelity.reference import Tables
from synthdiff.checks.fidelity.subgroups import Subgroups
from synthdiff.checks.fidelity.worst import by_person, worst
from synthdiff.policy import Bar
from synthdiff.schema import Column, Schema

SCHEMA = clinic_schema()
TRAIN, HOLDOUT, FRESH = clinic(2000, 1), clinic(1500, 2), clinic(2000, 3)


def subgroups(synthetic, schema=SCHEMA, holdout=HOLDOUT, train=TRAIN):
    return Subgroups().run(Evidence(train, holdout, synthetic, schema, 0))


def verdict(finding, name="worst_subgroup_excess"):
    return Bar.parse(Subgroups.bars[name]).judge(finding.estimates[name]).verdict


def with_roles(**roles):
    return Schema(columns=tuple(column.model_copy(update={"roles": roles.get(column.name, ())}) for column in SCHEMA))


def wronged(frame, where, columns=("sodium", "age", "creatinine", "stage")):
    """Some records with the values of people of low sodium."""
    made = frame.copy()
    chosen = made[where].index
    draw = np.random.default_rng(0)
    for name in columns:
        made.loc[chosen, name] = draw.permutation(frame.sort_values("sodium")[name].to_numpy()[: len(chosen)])
    return made


@pytest.fixture(scope="module")
def fresh():
    return subgroups(FRESH)


def test_fresh_records_are_as_good_for_each_group_as_held_out_ones(fresh):
    excess, error = fresh.estimates["worst_subgroup_excess"], fresh.estimates["subgroup_error"]
    assert excess.interval[0] <= 0
    assert verdict(fresh, "subgroup_error") == "pass"
    assert error.interval[0] <= error.reference.value <= error.interval[1]
    assert "Of none" in fresh.reason


def test_the_group_that_is_worse_served_is_named():
    found = subgroups(wronged(FRESH, FRESH["site"] == "east"))
    assert found.detail["subgroups"][0]["group"] == "site = east"
    assert verdict(found) == "fail"
    assert "'site = east'" in found.reason
    # All records together hide it: a fifth of them is wrong.
    assert found.detail["overall"]["error"] < 0.5 * found.detail["subgroups"][0]["error"]


def test_records_whose_columns_have_nothing_to_do_with_each_other_fail():
    found = subgroups(columnwise(TRAIN))
    assert (
        found.estimates["worst_subgroup_excess"].interval[0] > found.estimates["worst_subgroup_excess"].reference.value
    )
    assert found.estimates["subgroup_error"].interval[0] > found.estimates["subgroup_error"].reference.value + 0.02


def test_a_group_that_has_no_synthetic_records_is_not_passed_over():
    found = subgroups(FRESH[FRESH["site"] != "east"])
    assert found.detail["lost"] == [{"group": "site = east", "real": 0.1995, "synthetic": 0.0}]
    assert found.estimates["worst_subgroup_excess"].value == 1.0
    assert verdict(found) == "fail"


def test_protected_columns_form_the_groups_and_their_pairs():
    schema = with_roles(site=("protected",), stage=("protected",), died=("target",))
    listed = subgroups(FRESH, schema).detail
    named = {group["group"].split(" = ")[0] for group in listed["subgroups"]}
    assert named <= {"site", "stage", "died"}
    # Three sites, four stages, two ends and the twelve pairs, of which some are small.
    assert listed["judged"] + listed["too_small"] == 3 + 4 + 2 + 12
    wrong = (FRESH["site"] == "south") & (FRESH["stage"] == "I")
    found = subgroups(wronged(FRESH, wrong, ("sodium", "age", "creatinine", "died")), schema)
    assert found.detail["subgroups"][0]["group"] == "stage = I and site = south"


def test_without_held_out_records_there_is_the_error_alone():
    found = subgroups(FRESH, holdout=None)
    assert list(found.estimates) == ["subgroup_error"]
    assert found.estimates["subgroup_error"].reference is None
    assert "Without held-out records" in found.reason


def test_tables_without_large_enough_groups_are_refused():
    found = subgroups(FRESH.iloc[:25], train=TRAIN.iloc[:25], holdout=None)
    assert not found.estimates
    assert "30 records" in found.reason


def test_the_error_of_a_group_is_the_mean_distance_of_its_other_columns():
    train = pd.DataFrame({"sex": ["F"] * 60 + ["M"] * 60, "pulse": np.arange(120) % 40.0, "ward": ["a", "b", "b"] * 40})
    other = pd.DataFrame({"sex": ["F"] * 60 + ["M"] * 60, "pulse": np.arange(120) % 30.0, "ward": ["a", "b"] * 60})
    schema = Schema(
        columns=(
            Column(name="sex", kind="categorical", levels=("F", "M"), roles=("protected",)),
            Column(name="pulse", kind="continuous"),
            Column(name="ward", kind="categorical", levels=("a", "b")),
        )
    )
    found = subgroups(other, schema, None, train)
    for group in found.detail["subgroups"]:
        rows = (train["sex"] == group["group"][-1]).to_numpy()
        apart = kolmogorov_smirnov(train["pulse"].to_numpy()[rows], other["pulse"].to_numpy()[rows]).value
        codes = [(frame["ward"] == "b").to_numpy().astype(int)[rows] for frame in (train, other)]
        assert group["error"] == pytest.approx((apart + total_variation(*codes, 2).value) / 2, abs=1e-4)


def test_influences_of_a_group_are_those_of_its_columns_together():
    """Columns of levels and of numbers that hang together, against the distances that are computed one by one."""
    draw = np.random.default_rng(0)
    sides = []
    for n, shift in ((300, 0.0), (200, 0.4)):
        pulse = np.rint(10 + 4 * (draw.normal(size=n) + shift))
        sides.append([pulse, (pulse > 11).astype(float), np.where(draw.random(n) < 0.5, 0.0, 1.0)])
    columns = [Column(name="pulse", kind="integer")]
    columns += [Column(name=name, kind="categorical", levels=("no", "yes")) for name in ("fast", "other")]
    tables = Tables(columns, sides[0], sides[1], None, (None, None, None))
    groups = [np.where(np.arange(n) % 3, 1, 0) for n in (300, 200)]
    found = compare(groups, 2, (), Coded.of(tables, draw))
    for group in (0, 1):
        real, other = ([cells[codes == group] for cells in side] for side, codes in zip(sides, groups, strict=True))
        levels = [total_variation(a.astype(int), b.astype(int), 2) for a, b in zip(real[1:], other[1:], strict=True)]
        mean = average([kolmogorov_smirnov(real[0], other[0]), *levels])
        assert_allclose(found.distances[0][group].mean(), mean.value)
        squares = [(side[codes == group] ** 2).sum() for side, codes in zip(found.influences[0], groups, strict=True)]
        assert_allclose(np.sqrt(sum(squares)), mean.error(), rtol=0.02)


def test_many_synthetic_records_are_held_against_equally_many():
    """Their error would be smaller than that of the few held-out ones only because they are many."""
    few, many = clinic(400, 8), clinic(6000, 9)
    error = subgroups(many, holdout=few).estimates["subgroup_error"]
    assert_allclose(error.value, error.reference.value, rtol=0.08)


def test_a_person_with_many_records_counts_once():
    visits, later = (pd.concat([frame] * 4, ignore_index=True) for frame in (TRAIN.iloc[:600], HOLDOUT.iloc[:600]))
    schema = Schema(columns=(Column(name="person", kind="integer", roles=("group",)), *SCHEMA))
    numbered = [frame.assign(person=np.tile(np.arange(600), 4) + place) for place, frame in ((0, visits), (600, later))]
    known = subgroups(FRESH, schema, numbered[1], numbered[0]).estimates["subgroup_error"]
    blind = subgroups(FRESH, SCHEMA, later, visits).estimates["subgroup_error"]
    assert np.ptp(known.interval) > 1.2 * np.ptp(blind.interval)


def test_the_detail_is_plain_json_of_the_ten_surest(fresh):
    assert json.loads(json.dumps(fresh.detail)) == fresh.detail
    listed = fresh.detail["subgroups"]
    assert len(listed) == 10
    low = [group["interval"][0] for group in listed]
    assert low == sorted(low, reverse=True)
    assert all(group["interval"][0] <= group["excess"] <= group["interval"][1] for group in listed)
    assert all(len(group["columns"]) == 3 for group in listed)


def test_the_same_evidence_gives_the_same_answer(fresh):
    assert subgroups(FRESH) == fresh


def test_groups_are_cut_at_values_that_several_records_share_or_that_are_rounded():
    whole, real = Column(name="age", kind="integer"), Column(name="dose", kind="continuous")
    draw = np.random.default_rng(0)
    assert cuts(whole, np.repeat(np.arange(1.0, 5), 25), 4).tolist() == [1.0, 2.0, 3.0]
    spread = np.exp(draw.normal(size=1000))
    assert all(round(edge, 2) == edge for edge in cuts(real, spread, 10))
    assert cuts(real, np.zeros(50), 4).tolist() == []
    zeros = np.where(draw.random(1000) < 0.8, 0.0, spread)
    assert cuts(real, zeros, 4).tolist() == [0.0]
    assert cuts(real, np.full(9, np.nan), 4).tolist() == []


def test_every_record_is_in_the_group_that_its_label_says():
    age, sex = Column(name="age", kind="integer"), Column(name="sex", kind="categorical", levels=("F", "M"))
    values = {"age": np.array([20.0, 50, 51, 90, np.nan, 20]), "sex": np.array([0.0, 1, 1, 0, 0, -2])}
    both = Partition((age,), (np.array([50.0]),)).crossed(Partition((sex,), (np.empty(0),)))
    labels = [both.labels[place] if place >= 0 else None for place in both.place(values)]
    young, old = "age ≤ 50 and sex = ", "age > 50 and sex = "
    assert labels == [young + "F", young + "M", old + "M", old + "F", None, None]


def test_simultaneous_intervals_are_wider_than_single_ones_and_those_of_one_group_are_not():
    one = np.random.default_rng(0).normal(size=(1, 400)).astype(np.float32) / 400
    alone = worst(np.array([0.1]), [one], np.random.default_rng(0))
    assert_allclose(np.ptp(alone.interval), 2 * 1.96 * np.sqrt((one**2).sum()), rtol=0.03)
    assert abs(alone.reference.value) < 0.01
    many = np.random.default_rng(1).normal(size=(50, 400)).astype(np.float32) / 400
    among = worst(np.zeros(50), [many], np.random.default_rng(0))
    # Of 50 independent ones: the 1 - (1 - 0.05)^(1/50) point of the normal distribution, two-sided.
    assert_allclose((among.high - among.low)[0] / 2 / np.sqrt((many[0] ** 2).sum()), 3.28, rtol=0.03)
    copies = worst(np.zeros(50), [np.repeat(one, 50, axis=0)], np.random.default_rng(0))
    assert_allclose(copies.high[0], np.ptp(alone.interval) / 2, rtol=0.03)


def test_influences_of_persons_are_the_sums_of_their_records():
    rows = np.arange(8, dtype=np.float32).reshape(2, 4)
    assert by_person(rows, np.array([1, 0, 1, 2])).tolist() == [[1, 2, 3], [5, 10, 7]]
    assert by_person(rows, None) is rows


def test_small_tables_make_do_with_smaller_groups():
    assert [fewest([n, 10_000]) for n in (50, 300, 5000)] == [30, 60, 100]


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(400, 200, 400), (2000, 500, 3000)])
def test_no_group_is_accused_among_fresh_records(sizes):
    accused = failed = 0
    for seed in range(100):
        train, holdout, synthetic = (clinic(n, 10 + 3 * seed + i) for i, n in enumerate(sizes))
        found = Subgroups().run(Evidence(train, holdout, synthetic, SCHEMA, seed))
        accused += found.estimates["worst_subgroup_excess"].interval[0] > 0
        failed += any(verdict(found, name) == "fail" for name in Subgroups.bars)
    assert accused <= 5
    assert failed <= 5


@pytest.mark.slow
def test_adult(adult):
    fresh = Subgroups().run(adult(None))
    assert fresh.detail["judged"] > 50
    shuffled = Subgroups().run(adult(columnwise(adult(None).train)))
    assert verdict(shuffled) == "fail"
    assert shuffled.estimates["worst_subgroup_excess"].value > 0.2
