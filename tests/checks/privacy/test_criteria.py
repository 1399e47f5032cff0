"""What the three criteria share: rates, risks, and the worlds in which each must say yes or no."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from worlds import changed, clinic, clinic_schema, shuffled

from synthdiff.checks.check import CONCERNS, Check, Evidence, Finding
from synthdiff.checks.intervals import Z, wilson
from synthdiff.checks.privacy.attribute_inference import AttributeInference
from synthdiff.checks.privacy.criterion import Rate, Risk, surest
from synthdiff.checks.privacy.linkability import Linkability
from synthdiff.checks.privacy.singling_out import SinglingOut
from synthdiff.policy import Bar

SCHEMA = clinic_schema()
CRITERIA = [SinglingOut(guesses=1000), Linkability(), AttributeInference(trees=5)]


def run(
    check: Check, train: pd.DataFrame, holdout: pd.DataFrame | None, synthetic: pd.DataFrame, seed: int = 0
) -> Finding:
    return check.run(Evidence(train, holdout, synthetic, SCHEMA, seed))


def headline(found: Finding) -> tuple[float, tuple[float, float]]:
    estimate = next(iter(found.estimates.values()))
    return estimate.value, estimate.interval


@pytest.mark.parametrize("check", CRITERIA, ids=lambda check: check.kind)
@pytest.mark.parametrize("copy", [lambda train: train, shuffled], ids=["aligned", "shuffled"])
def test_a_verbatim_copy_fails(check: Check, copy: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    train = clinic(500, 1)
    found = run(check, train, clinic(500, 2), copy(train))
    value, (low, _) = headline(found)
    assert value > 0.9
    assert low > 0.8
    assert all(Bar.parse(text).judge(found.estimates[name]).verdict == "fail" for name, text in check.bars.items())


@pytest.mark.parametrize("check", CRITERIA[1:], ids=lambda check: check.kind)
def test_a_copy_with_three_cells_in_ten_changed_fails(check: Check) -> None:
    train = clinic(600, 1)
    assert headline(run(check, train, clinic(600, 2), changed(train)))[1][0] > 0.09


@pytest.mark.parametrize("check", CRITERIA, ids=lambda check: check.kind)
def test_independent_records_reveal_nothing(check: Check) -> None:
    found = run(check, clinic(500, 1), clinic(500, 2), clinic(500, 3))
    for estimate in found.estimates.values():
        low, high = estimate.interval
        assert low < 0.02
        assert high > 0
        assert estimate.reference is not None
        assert estimate.reference.interval[0] <= 0.02


@pytest.mark.parametrize("check", CRITERIA, ids=lambda check: check.kind)
def test_few_records_are_inconclusive_and_do_not_pass(check: Check) -> None:
    found = run(check, clinic(200, 1), clinic(20, 2), clinic(200, 3))
    name, estimate = next(iter(found.estimates.items()))
    assert Bar.parse(check.bars[name]).judge(estimate).verdict == "inconclusive"


@pytest.mark.parametrize("check", CRITERIA, ids=lambda check: check.kind)
def test_one_seed_one_answer_whatever_the_order_of_the_rows(check: Check) -> None:
    train, holdout, synthetic = clinic(120, 1), clinic(80, 2), clinic(150, 3)
    found = run(check, train, holdout, synthetic, 5)
    again = run(check, shuffled(train, 1), shuffled(holdout, 2), shuffled(synthetic, 3), 5)
    assert (found.estimates, found.reason, found.detail) == (again.estimates, again.reason, again.detail)
    assert found.estimates != run(check, train, holdout, synthetic, 6).estimates


@pytest.mark.parametrize("check", CRITERIA, ids=lambda check: check.kind)
def test_an_index_is_nothing(check: Check) -> None:
    train, holdout, synthetic = clinic(120, 1), clinic(80, 2), changed(clinic(120, 1))
    named = [frame.set_axis([f"row {i}" for i in range(len(frame))]) for frame in (train, holdout, synthetic)]
    assert run(check, *named) == run(check, train, holdout, synthetic)


@pytest.mark.parametrize("check", CRITERIA, ids=lambda check: check.kind)
@pytest.mark.parametrize("holdout", [None, clinic(19, 2)], ids=["none", "few"])
def test_without_a_control_there_is_no_answer(check: Check, holdout: pd.DataFrame | None) -> None:
    found = run(check, clinic(100, 1), holdout, clinic(100, 3))
    assert not found.estimates
    assert "Hold out more records" in found.reason


@pytest.mark.parametrize("check", CRITERIA, ids=lambda check: check.kind)
def test_what_is_released_is_plain_and_names_its_estimates(check: Check) -> None:
    train = clinic(150, 1)
    found = run(check, train, clinic(100, 2), changed(train))
    json.dumps(found.detail, allow_nan=False)
    assert list(found.estimates) == list(check.terms)
    assert next(iter(found.estimates)) == f"{check.kind}_risk"
    assert len(found.concerns) <= CONCERNS


@pytest.mark.parametrize("check", CRITERIA, ids=lambda check: check.kind)
def test_several_rows_of_a_person_are_one(check: Check) -> None:
    from synthdiff.schema import Column, Schema

    schema = Schema(columns=(Column(name="person", kind="integer", roles=("group",)), *SCHEMA))
    train = pd.concat([clinic(100, 1).assign(person=range(100))] * 3)
    holdout = pd.concat([clinic(60, 2).assign(person=range(100, 160))] * 3)
    found = check.run(Evidence(train, holdout, clinic(150, 3), schema, 0))
    assert found.detail["people"] == 60


@pytest.mark.parametrize("check", CRITERIA, ids=lambda check: check.kind)
def test_a_column_without_a_value_is_borne(check: Check) -> None:
    tables = [clinic(n, seed).assign(creatinine=np.nan) for seed, n in enumerate((80, 60, 70))]
    assert run(check, *tables).estimates


@given(st.integers(0, 50), st.integers(1, 50))
def test_a_rate_is_wilsons(successes: int, failures: int) -> None:
    n = successes + failures
    rate = Rate.of(np.repeat([1.0, 0.0], [successes, failures])[:, None])
    assert rate.interval(Z) == pytest.approx(wilson(successes, n)[1], abs=1e-9)


def test_attempts_at_one_person_stand_or_fall_together() -> None:
    once = np.repeat([1.0, 0.0], [30, 70])[:, None]
    draw = np.random.default_rng(0)
    apart = (draw.random((4000, 5)) < 0.3).astype(float)
    assert Rate.of(np.repeat(once, 5, axis=1)).n == pytest.approx(Rate.of(once).n)
    assert Rate.of(apart).n == pytest.approx(5 * 4000, rel=0.1)


rates = st.builds(Rate, st.floats(0, 0.999), st.floats(5, 5000))


@given(rates, rates, st.integers(1, 40))
def test_a_risk_lies_in_its_interval_which_widens_with_the_choices(attack: Rate, control: Rate, choices: int) -> None:
    one, several = Risk.of(attack, control), Risk.of(attack, control, choices)
    low, high = one.interval
    assert -1 <= several.interval[0] <= low <= one.value <= high <= several.interval[1] <= 1
    assert one.value == pytest.approx(max((attack.share - control.share) / (1 - control.share), -1))


def test_a_perfect_attack_has_risk_one_and_an_attack_that_always_succeeds_says_nothing() -> None:
    perfect = Risk.of(Rate(1.0, 500), Rate(0.3, 500))
    assert (perfect.value, perfect.interval[1]) == (1.0, 1.0)
    assert perfect.interval[0] > 0.98
    assert Risk.of(Rate(1.0, 500), Rate(1.0, 500)).interval == (-1.0, 1.0)


@pytest.mark.parametrize(("trained", "held_out"), [(0.3, 0.3), (0.05, 0.01), (0.9, 0.8), (0.6, 0.4)])
def test_the_interval_covers(trained: float, held_out: float) -> None:
    truth = (trained - held_out) / (1 - held_out)
    draw = np.random.default_rng(1)
    hits = [
        Risk.of(Rate(draw.binomial(400, trained) / 400, 400), Rate(draw.binomial(400, held_out) / 400, 400)).interval
        for _ in range(2000)
    ]
    assert 0.93 < np.mean([low <= truth <= high for low, high in hits]) < 0.985


def test_the_surest_risk_is_not_the_noisiest() -> None:
    noisy, sure = Risk.of(Rate(0.5, 10), Rate(0.2, 10)), Risk.of(Rate(0.3, 5000), Rate(0.2, 5000))
    assert noisy.value > sure.value
    assert surest({"noisy": noisy, "sure": sure}) == "sure"
