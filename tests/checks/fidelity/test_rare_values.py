"""Rare values: by hand, what is lost is found, nothing is said of what few people share, and copies are seen."""

import json

import numpy as np
import pandas as pd
import pytest
from clinics import clinic, schema_of
from numpy.testing import assert_allclose

from synthdiff.checks.check import Evidence
from synthdiff.checks.fidelity.rare_values import RareValues, _distance, _levels
from synthdiff.checks.fidelity.unshared import Unshared
from synthdiff.policy import Bar

WARDS = np.array([f"ward {i:02d}" for i in range(60)])
FREQUENT = 1 / np.arange(1, 61) ** 1.3


def hospital(n, seed):
    """A clinic with sixty wards of which most are rare."""
    ward = np.random.default_rng(10**6 + seed).choice(WARDS, n, p=FREQUENT / FREQUENT.sum())
    return clinic(n, seed).assign(ward=ward)


SCHEMA = schema_of(hospital(20_000, 0))


def run(train, synthetic, holdout=None, schema=None, **settings):
    return RareValues(**settings).run(Evidence(train, holdout, synthetic, schema or schema_of(train), 3))


@pytest.fixture(scope="module")
def tables():
    return hospital(2000, 1), hospital(2000, 2), hospital(2000, 3)


@pytest.fixture(scope="module")
def finding(tables):
    train, holdout, synthetic = tables
    return run(train, synthetic, holdout, SCHEMA)


def verdicts(finding):
    bars = {name: Bar.parse(text, where="test") for name, text in RareValues.bars.items()}
    return {name: bars[name].judge(found).verdict for name, found in finding.estimates.items()}


def test_the_error_is_the_weighted_mean_of_what_is_lost_or_exaggerated():
    train = pd.DataFrame({"a": np.repeat(["usual", "p", "q"], [950, 40, 10])})
    synthetic = pd.DataFrame({"a": np.repeat(["usual", "p", "q"], [1900, 80, 20])})
    assert run(train, synthetic).estimates["rare_value_error"].value == 0.0
    # p is lost, q is twice as frequent: (√.04 · 1 + √.01 · 1/2) / (√.04 + √.01).
    other = pd.DataFrame({"a": np.repeat(["usual", "q"], [980, 20])})
    found = run(train, other)
    assert_allclose(found.estimates["rare_value_error"].value, (0.2 + 0.1 / 2) / 0.3)
    assert found.estimates["rare_levels_covered"].value == 0.5
    worst = {one["value"]: one for one in found.detail["worst"]}
    assert worst["'p'"]["synthetic"] == 0.0 and worst["'p'"]["off"]
    assert worst["'q'"]["ratio"] == 2.0


def test_the_standard_error_agrees_with_leaving_out_every_record():
    rng = np.random.default_rng(4)
    column = schema_of(pd.DataFrame({"a": ["p", "q", "r", "usual"]}))["a"]
    real = rng.choice([0.0, 1.0, 2.0, 3.0, np.nan], 1500, p=[0.03, 0.02, 0.04, 0.81, 0.1])
    other = rng.choice([0.0, 1.0, 2.0, 3.0, np.nan], 900, p=[0.015, 0.045, 0.02, 0.72, 0.2])
    watches = [_levels(column, real, None)]
    assert watches[0].labels == ["'p'", "'q'", "'r'"]
    left_out = [
        np.array([_distance(watches, [np.delete(real, i)], [other]).value for i in range(len(real))]),
        np.array([_distance(watches, [real], [np.delete(other, i)]).value for i in range(len(other))]),
    ]
    jackknife = np.sqrt(sum((len(side) - 1) * side.var() for side in left_out))
    assert_allclose(_distance(watches, [real], [other]).error(), jackknife, rtol=0.03)


def test_missing_cells_do_not_dilute_a_share():
    train = pd.DataFrame({"a": np.repeat(["usual", "p"], [960, 40])})
    half = pd.DataFrame({"a": [*np.repeat(["usual", "p"], [480, 20]), *[None] * 500]})
    assert run(train, half).estimates["rare_value_error"].value == 0.0


def test_tails_lie_beyond_the_quantiles_of_the_training_table():
    train = pd.DataFrame({"x": np.arange(1000.0)})
    clipped = pd.DataFrame({"x": np.clip(np.arange(1000.0), 30, 995)})
    found = run(train, clipped)
    shares = {one["value"]: (one["real"], one["synthetic"]) for one in found.detail["worst"]}
    assert shares == {
        "below 9.99 (lowest 1 %)": (0.01, 0.0),
        "between 9.99 and 49.95 (lowest 5 %)": (0.04, 0.05),
        "between 949 and 989 (highest 5 %)": (0.04, 0.04),
        "above 989 (highest 1 %)": (0.01, 0.01),
    }
    assert "below 9.99" in found.reason


def test_a_column_with_few_values_has_the_tails_that_it_can_have():
    train = pd.DataFrame({"x": np.repeat([0.0, 1.0], [980, 20]), "always": 3.0})
    found = run(train, train.assign(x=0.0))
    assert [one["value"] for one in found.detail["worst"]] == ["above 0 (highest 5 %)"]
    assert found.detail["off"] == 1


def test_fresh_records_pass_every_bar_or_are_too_few(finding):
    assert set(finding.estimates) == set(RareValues.bars)
    assert "fail" not in verdicts(finding).values()
    assert finding.detail["off"] == 0
    found = finding.estimates["rare_value_error"]
    assert found.interval[0] < found.reference.value < found.interval[1]


def test_lost_wards_and_cut_tails_are_found_and_named(tables):
    train, holdout, synthetic = tables
    lossy = synthetic.assign(
        ward=synthetic["ward"].where(~synthetic["ward"].isin(WARDS[25:]), "ward 00"),
        age=synthetic["age"].clip(30, 80),
    )
    found = run(train, lossy, holdout, SCHEMA)
    assert verdicts(found)["rare_value_error"] == verdicts(found)["rare_levels_covered"] == "fail"
    assert found.detail["off"] >= 5
    assert {one["column"] for one in found.detail["worst"] if one["off"]} == {"ward", "age"}
    assert found.detail["covered"] < found.detail["levels"]


def test_exaggerated_levels_are_found(tables):
    train, holdout, synthetic = tables
    swollen = synthetic.assign(ward=np.where(np.arange(len(synthetic)) % 20 == 0, "ward 30", synthetic["ward"]))
    first = run(train, swollen, holdout, SCHEMA).detail["worst"][0]
    assert (first["column"], first["value"], first["off"]) == ("ward", "'ward 30'", True)
    assert first["ratio_interval"][0] > 2


def test_a_copy_releases_every_unshared_level_and_its_records_go_to_the_custodian():
    rng = np.random.default_rng(0)

    def codes(n):
        return pd.DataFrame({"code": [f"c{i:05d}" for i in np.minimum(rng.zipf(1.5, n), 50_000)]})

    train, holdout, fresh = codes(1000), codes(500), codes(1000)
    schema = schema_of(train, holdout, fresh)
    copied = run(train, train.iloc[::-1].reset_index(drop=True), holdout, schema)
    released = copied.estimates["unshared_levels_released"]
    assert released.value == 1.0 and released.interval[0] > released.reference.value + 0.3
    assert verdicts(copied)["unshared_levels_released"] == "fail"
    honest = run(train, fresh, holdout, schema)
    assert "fail" not in verdicts(honest).values()
    assert copied.detail["unshared"]["columns"] == ["code"]
    for concern in copied.concerns:
        code = train["code"].iloc[len(train) - 1 - concern.synthetic]
        assert (train["code"] == code).sum() < 5
        assert code not in concern.why
        assert concern.real is None or train["code"].iloc[concern.real] == code
    assert copied.concerns[0].real is not None
    assert len(copied.concerns) == 100


def test_a_table_without_unshared_levels_releases_none(tables):
    train, holdout, synthetic = tables
    counts = train["ward"].value_counts()
    kept = run(train, synthetic[synthetic["ward"].map(counts) >= 5], holdout, SCHEMA)
    assert kept.estimates["unshared_level_rate"].value == kept.estimates["unshared_levels_released"].value == 0.0
    assert kept.detail["unshared"]["columns"] == []


def test_no_level_of_fewer_than_five_people_is_named():
    train = pd.DataFrame({"person": np.repeat(np.arange(300), 4), "a": ["usual"] * 1200})
    train.loc[:15, "a"] = "four people"
    train.loc[16:35, "a"] = "five people"
    schema = schema_of(train, person={"kind": "identifier", "roles": ("group",)})
    found = run(train, train.assign(a="four people"), schema=schema)
    said = json.dumps(found.detail) + found.reason + "".join(concern.why for concern in found.concerns)
    assert "five people" in said.replace("fewer than five people", "")
    assert "four people" not in said
    assert found.estimates["unshared_level_rate"].value == 1.0
    assert {concern.real for concern in found.concerns} == {None}


def test_a_person_counts_once():
    train, synthetic = hospital(600, 1), hospital(600, 2)
    once = run(train, synthetic, schema=SCHEMA)
    often = [
        frame.loc[frame.index.repeat(3)].assign(person=np.repeat(np.arange(600), 3)) for frame in (train, synthetic)
    ]
    schema = schema_of(hospital(20_000, 0).assign(person=0), person={"kind": "identifier", "roles": ("group",)})
    found = run(*often, schema=schema)
    for name, estimate in once.estimates.items():
        assert_allclose(found.estimates[name].value, estimate.value, atol=0.02)
        assert_allclose(np.ptp(found.estimates[name].interval), np.ptp(estimate.interval), rtol=0.1)
    nameless = run(often[0], often[1].drop(columns="person"), schema=schema)
    assert nameless.estimates["rare_levels_covered"].value == found.estimates["rare_levels_covered"].value


def test_without_held_out_records_there_is_no_reference(tables):
    found = run(tables[0], tables[2], schema=SCHEMA)
    assert set(found.estimates) == set(RareValues.bars)
    assert all(one.reference is None for one in found.estimates.values())


def test_the_order_of_rows_does_not_matter(tables, finding):
    turned = run(tables[0].iloc[::-1], tables[2].iloc[::-1], tables[1].iloc[::-1], SCHEMA)
    assert turned.reason == finding.reason and turned.detail == finding.detail


def test_the_detail_is_plain_json_and_a_long_table_is_drawn_from(tables, finding):
    assert json.loads(json.dumps(finding.detail)) == finding.detail
    train, holdout, synthetic = tables
    drawn = run(train, synthetic, holdout, SCHEMA, most=500)
    assert "500 records of a table" in drawn.reason
    assert drawn.detail == finding.detail


def test_what_cannot_be_answered_is_said():
    numbers = pd.DataFrame({"x": np.arange(30.0)})
    assert "Nothing is rare" in run(numbers, numbers).reason
    assert not run(numbers, numbers.iloc[:0]).estimates


def test_chance_is_the_held_out_share_and_grows_with_more_people():
    control = Unshared(None, 0)
    control.holders, control.found = np.repeat([1, 2, 4], 10), np.tile([1, 0, 0, 2, 0, 0, 0, 0, 0, 0], 3)
    assert_allclose(control.chance(1.0), 0.2)
    assert (control.chance(0.5) < 0.2).all() and (control.chance(4.0) > 0.3).all()
    control.found += 1
    assert (control.chance(3.0) == 1.0).all()


def test_where_nothing_is_rare_nothing_is_lost_or_given_away():
    table = pd.DataFrame({"a": ["p", "q"] * 20})
    found = run(table, table, table)
    assert found.estimates["rare_levels_covered"].value == found.estimates["rare_levels_covered"].reference.value == 1.0
    assert found.estimates["unshared_level_rate"].value == found.estimates["unshared_levels_released"].value == 0.0
    assert "rare_value_error" not in found.estimates
    assert found.reason == "Nothing is rare and yet shared by at least 5 training people."


@pytest.mark.slow
def test_fresh_records_pass_in_nearly_all_seeds():
    failed, off = [], []
    for seed in range(100):
        found = run(hospital(400, 3 * seed), hospital(400, 3 * seed + 1), hospital(400, 3 * seed + 2), SCHEMA)
        failed.append("fail" in verdicts(found).values())
        off.append(found.detail["off"] > 0)
    assert np.mean(failed) <= 0.05
    assert np.mean(off) <= 0.05


@pytest.mark.slow
def test_the_interval_of_the_error_covers():
    def lossy(seed):
        made = hospital(1000, seed)
        return made.assign(ward=made["ward"].where(~made["ward"].isin(WARDS[25:]), "ward 00"))

    for make in (lambda seed: hospital(1000, seed), lossy):
        found = [
            run(hospital(1000, 2 * i), make(2 * i + 1), schema=SCHEMA).estimates["rare_value_error"] for i in range(150)
        ]
        truth = np.mean([one.value for one in found])
        assert np.mean([one.interval[0] <= truth <= one.interval[1] for one in found]) >= 0.93


@pytest.mark.slow
def test_adult_gives_the_known_figures(adult):
    evidence = adult(None)
    real = RareValues().run(evidence)
    assert_allclose(real.estimates["rare_value_error"].value, 0.067, atol=0.002)
    assert real.detail["off"] == 0 and real.detail["covered"] == real.detail["levels"]
    train = evidence.train
    usual = train["native-country"].map(train["native-country"].value_counts(normalize=True)) >= 0.003
    lossy = train.assign(
        age=train["age"].clip(upper=73), **{"native-country": train["native-country"].where(usual, "?")}
    )
    found = RareValues().run(adult(lossy))
    assert verdicts(found)["rare_levels_covered"] == "fail"
    assert found.detail["off"] >= 30
