"""What holds for all fidelity checks."""

import pandas as pd
import pytest
from clinics import clinic, schema_of

from synthdiff.checks.check import Check, Evidence

NAMES = ("schema", "shape", "trend", "three_way", "missingness", "rare_values", "detection")


@pytest.mark.parametrize("name", NAMES)
def test_it_describes_itself_and_bounds_an_estimate_of_its_own(name, fresh):
    check = Check.build(name)
    assert check.aspect == "fidelity"
    assert check.unit and check.direction and check.source and check.summary().endswith(".")
    finding = check.run(fresh)
    assert set(check.bars) <= set(finding.estimates)
    for estimate in finding.estimates.values():
        assert estimate.interval[0] <= estimate.value <= estimate.interval[1]
        assert estimate.n > 0
        assert estimate.reference.interval[0] <= estimate.reference.value <= estimate.reference.interval[1]
    assert finding.reason[-1] == "."


@pytest.mark.parametrize("name", NAMES)
def test_without_held_out_records_there_is_no_reference(name, fresh):
    finding = Check.build(name).run(Evidence(fresh.train, None, fresh.synthetic, fresh.schema, 7))
    assert finding.estimates
    assert all(estimate.reference is None for estimate in finding.estimates.values())


@pytest.mark.parametrize("name", NAMES)
def test_odd_tables_are_no_trouble(name):
    odd = clinic(60, 1).assign(**{"a column . ü": "always", "empty": pd.Series([None] * 60, dtype=float)})
    finding = Check.build(name).run(Evidence(odd, odd.iloc[:30], odd.iloc[::-1], schema_of(odd), 7))
    assert finding.estimates
