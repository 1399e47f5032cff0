"""The three checks on real tables: one part of the people in the place of synthetic records, and parts that mislead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from wards import target_shuffled

from synthdiff.checks.check import Check, Evidence, Finding
from synthdiff.checks.utility.augmentation import Augmentation
from synthdiff.checks.utility.fairness import Fairness
from synthdiff.checks.utility.utility import Utility
from synthdiff.policy import Bar, Verdict
from synthdiff.schema import Schema

pytestmark = pytest.mark.slow

RECIPES = Path(__file__).resolve().parents[3] / "recipes" / "data"
CHECKS: tuple[Check, ...] = (Utility(), Augmentation(), Fairness())


def parted(frame: pd.DataFrame, declared: dict[str, Any], parts: tuple[int, int], seed: int = 0) -> Evidence:
    """Real people dealt to training, held-out and, all the others, "synthetic" records."""
    order = np.random.default_rng(seed).permutation(len(frame))
    train, holdout, other = (frame.iloc[rows] for rows in np.split(order, np.cumsum(parts)))
    return Evidence(train, holdout, other, Schema.infer(frame, declared), seed)


def verdicts(check: Check, found: Finding) -> dict[str, Verdict]:
    """How each estimate stands to the check's own bar."""
    return {name: Bar.parse(check.bars[name], where="here").judge(one).verdict for name, one in found.estimates.items()}


def test_heart_failure_is_too_small_to_tell_but_nothing_fails() -> None:
    frame = pd.read_csv(RECIPES / "heart_failure.csv")
    declared = {"DEATH_EVENT": {"role": "target"}, "sex": {"role": "protected"}, "age": {"role": "protected"}}
    evidence = parted(frame, declared, (120, 90))
    for check in CHECKS:
        found = check.run(evidence)
        assert found.estimates
        assert "fail" not in verdicts(check, found).values()


def test_cervical_cancer_has_a_scarce_class(shared_data: Path) -> None:
    frame = pd.read_csv(shared_data / "tables" / "cervical_cancer" / "cervical_cancer.csv", na_values="?")
    evidence = parted(frame, {"Biopsy": {"role": "target"}}, (350, 258))
    found = Augmentation().run(evidence)
    assert found.detail["rare"]["level"] == "1" and found.detail["rare"]["n_train"] < 35
    assert "fail" not in verdicts(Augmentation(), found).values()


@pytest.fixture(scope="module")
def adult(shared_data: Path) -> Evidence:
    train, test = (pd.read_csv(shared_data / "tables" / "adult" / f"{part}.csv") for part in ("train", "test"))
    declared = {"income": {"role": "target"}, "sex": {"role": "protected"}}
    schema = Schema.infer(train, declared)
    return Evidence(train.iloc[:16_000], test, train.iloc[16_000:], schema, 0)


def test_adult_is_large_enough_to_pass(adult: Evidence) -> None:
    for check in CHECKS:
        found = check.run(adult)
        assert set(verdicts(check, found).values()) == {"pass"}, found.reason


def test_adult_that_misleads_fails(adult: Evidence) -> None:
    shuffled = Evidence(
        adult.train, adult.holdout, target_shuffled(adult.synthetic, "income"), adult.schema, adult.seed
    )
    women = adult.synthetic["sex"] == "Female"
    richer = adult.synthetic["income"].where(~women, "<=50K")
    unfair = Evidence(adult.train, adult.holdout, adult.synthetic.assign(income=richer), adult.schema, adult.seed)
    assert set(verdicts(Utility(), Utility().run(shuffled)).values()) == {"fail"}
    # Ten thousand real records are not much disturbed by as many that teach nothing, but it shows.
    assert Augmentation().run(shuffled).estimates["augmentation_gain"].interval[1] < 0
    assert set(verdicts(Fairness(), Fairness().run(unfair)).values()) == {"fail"}
