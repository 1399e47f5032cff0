"""What a report shows of a column names nobody."""

import numpy as np
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_allclose

from synthdiff.checks.check import RARE
from synthdiff.checks.fidelity.histogram import MOST, histogram
from synthdiff.schema import Column

AGE = Column(name="age", kind="integer")
LAB = Column(name="lab", kind="continuous")
DAY = Column(name="day", kind="datetime", dtype="datetime64[us]")


def test_numbers_are_binned_in_round_steps_with_open_ends():
    labels, real, synthetic = histogram(AGE, np.arange(0.0, 100.0), np.array([-1000.0, 50.0, np.nan, 1000.0]))
    assert labels[0] == "< 5"
    assert labels[1] == "5 – 10"
    assert labels[-1] == "≥ 90"
    assert_allclose(real, [0.05] * 18 + [0.1])
    assert_allclose([synthetic[0], synthetic[10], synthetic[-1]], 1 / 3, atol=1e-4)


def test_whole_numbers_one_apart_are_named_alone():
    labels, real, _ = histogram(AGE, np.repeat([0.0, 1.0, 2.0, 3.0], 25), np.zeros(1))
    assert labels == ["< 1", "1", "2", "≥ 3"]
    assert_allclose(real, 0.25)


def test_moments_are_dates():
    days = 86_400.0 * np.arange(18_000, 19_000)
    labels, *_ = histogram(DAY, days, days)
    assert labels[0].startswith("< 20")
    assert len(labels[1]) == len("2020-01-01 – 2020-01-02")


@settings(deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)) | st.sampled_from([0.0, 1.0]), max_size=300), st.booleans()
)
def test_no_bin_holds_few_real_records_and_no_edge_is_an_extreme(values, whole):
    real = np.array(values, dtype=float)
    column, real = (AGE, np.rint(real)) if whole else (LAB, real)
    labels, shares, synthetic = histogram(column, real, real)
    assert len(labels) == len(shares) == len(synthetic) <= MOST
    assert shares == synthetic
    counts = np.rint(np.array(shares) * len(real))
    assert len(labels) == 1 or counts.min() >= RARE
    if len(real):
        assert_allclose(sum(shares), 1, atol=1e-3)


def test_rare_levels_are_pooled_and_unknown_values_named_so():
    column = Column(name="site", kind="categorical", levels=("a", "b", "c", "d"))
    real = np.repeat([0.0, 1.0, 2.0, 3.0], [10, 20, 4, 1])
    labels, of_real, of_synthetic = histogram(column, real, np.array([0.0, 3.0, -2.0, np.nan]))
    assert labels == ["b", "a", "(rare)", "(no level)"]
    assert_allclose(of_real, [20 / 35, 10 / 35, 5 / 35, 0], atol=1e-5)
    assert_allclose(of_synthetic, [0, 1 / 3, 1 / 3, 1 / 3], atol=1e-5)


def test_ordinal_levels_keep_their_order_and_many_levels_are_cut():
    ordered = Column(name="grade", kind="ordinal", levels=(1, 2, 3))
    assert histogram(ordered, np.repeat([0.0, 1.0, 2.0], [5, 9, 7]), np.zeros(1))[0] == ["1", "2", "3"]
    many = Column(name="icd", kind="categorical", levels=tuple(f"c{i}" for i in range(100)))
    labels, shares, _ = histogram(many, np.repeat(np.arange(100.0), 10), np.zeros(1))
    assert len(labels) <= MOST
    assert "(other)" in labels
    assert_allclose(sum(shares), 1, atol=1e-3)
