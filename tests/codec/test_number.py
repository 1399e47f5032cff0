"""Numbers: what is encoded comes back, and nothing rare or extreme comes out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from synthdiff.codec.number import NumberCodec
from synthdiff.seeds import numpy_generator


def rng() -> np.random.Generator:
    return numpy_generator(0, "test")


def fit(values: np.ndarray, **options: object) -> NumberCodec:
    return NumberCodec.fit(values, **({"rare": 5} | options))  # type: ignore[arg-type]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-1e6, 1e6) | st.just(0.0) | st.just(float("nan")), min_size=30, max_size=300))
def test_missing_stays_missing_and_atoms_stay_atoms(cells: list[float]) -> None:
    values = np.array(cells)
    codec = fit(values)
    codes, detail = codec.encode(values, rng())
    assert codes.min() >= 0 and codes.max() < codec.states
    back = codec.decode(codes, detail)
    if codec.states > 1:
        assert (np.isnan(back) == np.isnan(values)).all()
    atoms = np.isin(values, codec.atoms)
    assert (back[atoms] == values[atoms]).all()


def test_continuous_values_come_back() -> None:
    values = rng().normal(size=2000)
    codec = fit(values)
    back = codec.decode(*codec.encode(values, rng()))
    inner = (values > codec.knots[0]) & (values < codec.knots[-1])
    assert inner.mean() > 0.99
    np.testing.assert_allclose(back[inner], values[inner], atol=1e-4)


def test_whole_numbers_come_back_exactly() -> None:
    values = rng().integers(0, 10_000, 3000).astype(float)
    codec = fit(values)
    assert codec.step == 1
    back = codec.decode(*codec.encode(values, rng()))
    # A value that is spread over its interval may land across a knot, one step away.
    assert (np.abs(back - values) <= 1).mean() > 0.99 and (back == values).mean() > 0.95
    assert (back == np.round(back)).all()


def test_the_grid_is_found() -> None:
    values = 1000.0 * rng().integers(50, 900, 2000)
    assert fit(values).step == 1000
    decimals = np.round(rng().normal(5, 20, 2000), 2)
    codec = fit(decimals)
    assert codec.step == 0.01
    back = codec.decode(*codec.encode(decimals, rng()))
    assert {len(repr(value).partition(".")[2]) for value in back.tolist()} <= {1, 2}


def test_detail_is_standard_normal() -> None:
    values = rng().exponential(size=20_000)
    _, detail = fit(values).encode(values, rng())
    assert abs(detail.mean()) < 0.02 and abs(detail.std() - 1) < 0.02


def test_no_extreme_is_a_knot_and_none_comes_out() -> None:
    values = rng().lognormal(size=1000)
    codec = fit(values)
    assert values.max() not in codec.knots and values.min() not in codec.knots
    drawn = codec.decode(np.full(50_000, codec.body), rng().normal(size=50_000).astype(np.float32))
    assert not np.isin(drawn, values).any()
    assert drawn.max() < values.max()
    assert drawn.mean() == pytest.approx(values.mean(), rel=0.02)


def test_rare_values_have_no_code() -> None:
    values = np.repeat([1.0, 2.0, 3.0, 99.0], [50, 40, 30, 1])
    codec = fit(values)
    assert codec.atoms == (1.0, 2.0, 3.0)
    back = codec.decode(*codec.encode(values, rng()))
    assert 99.0 not in back


def test_non_negative_columns_stay_so_and_bounds_hold() -> None:
    values = np.abs(rng().normal(size=500)) ** 3
    draws = rng().normal(size=5000).astype(np.float32)
    codec = fit(values)
    assert codec.decode(np.full(5000, codec.body), draws).min() >= 0
    bounded = fit(values, floor=0.0, ceiling=1.0)
    assert bounded.decode(np.full(5000, bounded.body), draws).max() <= 1


def test_a_body_keeps_to_the_values_that_people_write() -> None:
    written = np.array([0.19998169, 0.29998779, 0.39996338, 0.5, 0.59997559, *np.arange(1, 60) / 7])
    values = np.append(rng().choice(written, 2000), [123.456, 0.123])
    codec = fit(values)
    assert set(codec.support) <= set(written.tolist()) and not codec.atoms
    drawn = codec.decode(np.full(5000, codec.body), rng().normal(size=5000).astype(np.float32))
    assert set(drawn.tolist()) <= set(written.tolist())


def test_spikes_are_atoms_and_modes_are_not() -> None:
    smooth = np.round(rng().normal(60, 12, 400))
    assert not fit(smooth).atoms
    assert fit(np.append(smooth, np.full(60, 41.0))).atoms == (41.0,)
    inflated = np.where(rng().random(2000) < 0.7, 0.0, rng().exponential(size=2000))
    assert fit(inflated).atoms == (0.0,)


def test_admitted_codes() -> None:
    codec = fit(np.concatenate([np.zeros(50), np.full(50, 3.0), rng().normal(10, 1, 300)]))
    codes, first, last = codec.admitted(np.array([-1.0, 3.0, 100.0]), np.array([4.0, 9.0, 200.0]))
    assert codes.tolist() == [[0, 1, 1, 0], [0, 0, 1, 1], [0, 0, 0, 0]]
    assert first[1] == -np.inf and last[1] < 0


@given(st.floats(-3, 3), st.floats(0, 3), st.sampled_from([None, 0.5, 0.1]))
def test_the_admitted_details_are_those_that_decode_into_the_range(
    low: float, width: float, step: float | None
) -> None:
    values = rng().normal(size=500)
    codec = fit(values if step is None else np.round(values / step) * step)
    if not codec.detailed:
        return
    codes, first, last = codec.admitted(np.array([low]), np.array([low + width]))
    tried = np.linspace(-4, 4, 2001).astype(np.float32)
    inside = (tried >= first[0]) & (tried <= last[0])
    decoded = codec.decode(np.full(tried.shape, codec.body), tried)
    np.testing.assert_array_equal(inside, (decoded >= low) & (decoded <= low + width))
    assert bool(codes[0, -1]) or not inside.any()


def test_all_missing_and_constant_columns() -> None:
    empty = fit(np.full(100, np.nan))
    assert empty.states == 1 and np.isnan(empty.decode(np.zeros(3, np.int64), np.zeros(3, np.float32))).all()
    constant = fit(np.full(100, 7.5))
    codes, detail = constant.encode(np.full(4, 7.5), rng())
    assert (constant.decode(codes, detail) == 7.5).all()
