"""The distance to the closest record: reported as others report it, and deciding nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from worlds import clinic, clinic_schema, columnwise, shuffled

from synthdiff.auditing import known_estimates
from synthdiff.checks.check import Evidence, Finding
from synthdiff.checks.privacy.dcr import Dcr, ratio
from synthdiff.schema import Schema

SCHEMA = clinic_schema()
TRAIN, HOLDOUT = clinic(1000, 1), clinic(1000, 2)


def dcr(synthetic: pd.DataFrame, holdout: pd.DataFrame | None = HOLDOUT, schema: Schema = SCHEMA) -> Finding:
    return Dcr().run(Evidence(TRAIN, holdout, synthetic, schema, 0))


def test_no_policy_can_require_it() -> None:
    assert not Dcr.bars
    assert not set(Dcr.terms) & set(known_estimates())


def test_it_says_that_it_is_no_evidence_wherever_it_is_shown() -> None:
    assert "comparison only" in Dcr.title
    for label, meaning in Dcr.terms.values():
        assert "comparison only" in label and "Not evidence" in meaning
    for found in (dcr(clinic(500, 3)), dcr(clinic(500, 3), None)):
        assert "for comparison" in found.reason.lower()
    assert "Yao et al. 2025" in dcr(clinic(500, 3)).reason


def test_other_real_people_are_as_near_to_either_side() -> None:
    for seed in range(20):
        tables = (clinic(n, 60 * seed + n) for n in (500, 400, 450))
        found = Dcr().run(Evidence(*tables, SCHEMA, seed)).estimates
        assert found["dcr_share"].value == pytest.approx(0.5, abs=0.1)
        for name in ("dcr_ratio", "nndr_ratio"):
            assert found[name].interval[0] < 1 < found[name].interval[1]


def test_a_copy_is_nearer_to_the_training_records() -> None:
    found = dcr(shuffled(TRAIN)).estimates
    assert found["dcr_share"].value == 1
    assert found["dcr_ratio"].value == found["nndr_ratio"].value == 0
    assert found["dcr_share"].reference is not None
    assert found["dcr_share"].reference.interval[0] < 0.5 < found["dcr_share"].reference.interval[1]


def test_one_in_ten_copied_goes_unnoticed_which_is_why_it_decides_nothing() -> None:
    found = dcr(pd.concat([clinic(900, 3), TRAIN.iloc[:100]])).estimates["dcr_share"]
    assert found.value < 0.57


def test_unreal_records_are_far_from_everybody() -> None:
    found = dcr(columnwise(TRAIN)).estimates
    assert found["dcr_share"].interval[0] < 0.5 < found["dcr_share"].interval[1]
    assert found["dcr_ratio"].value > 1.1


def test_both_sides_are_of_one_size() -> None:
    assert dcr(clinic(300, 3), clinic(250, 2)).detail["compared"] == {"synthetic": 300, "train": 250, "holdout": 250}


@pytest.mark.parametrize("holdout", [None, clinic(39, 2)])
def test_without_enough_held_out_records_there_is_nothing_to_compare_with(holdout: pd.DataFrame | None) -> None:
    found = dcr(clinic(300, 3), holdout)
    assert not found.estimates
    assert "40 people on both sides" in found.reason


def test_percentiles_of_few_records_are_not_told() -> None:
    assert list(dcr(clinic(150, 3)).estimates) == ["dcr_share"]


def test_where_records_repeat_the_ratio_is_left_out() -> None:
    schema = Schema(columns=(SCHEMA["site"], SCHEMA["died"]))
    found = dcr(clinic(500, 3), schema=schema).estimates
    assert "dcr_ratio" not in found
    assert found["dcr_share"].value == pytest.approx(0.5, abs=0.02)


def test_the_ratio_of_percentiles() -> None:
    draw = np.random.default_rng(0)
    one, other = draw.uniform(size=(2, 5000)).astype(np.float32)
    value, (low, high) = ratio(2 * one, other) or (0, (0, 0))
    assert value == pytest.approx(2, rel=0.15)
    assert low < 2 < high and high - low < 1.2
    assert ratio(one[:150], other) is None
    assert ratio(one, 0 * other) is None


def test_neither_the_order_of_rows_nor_their_index_matters() -> None:
    tables = clinic(300, 1), clinic(200, 2), clinic(250, 3)
    other = (shuffled(table, seed).set_index(np.arange(len(table)) * 7) for seed, table in enumerate(tables))
    assert Dcr(most=200).run(Evidence(*tables, SCHEMA, 4)) == Dcr(most=200).run(Evidence(*other, SCHEMA, 4))
