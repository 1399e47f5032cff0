"""Categories: common levels come back, rare ones are learnt as one and never emitted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from synthdiff.codec.category import CategoryCodec
from synthdiff.errors import DataError
from synthdiff.seeds import numpy_generator


@given(st.lists(st.integers(-1, 30), min_size=200, max_size=400))
def test_common_levels_come_back(cells: list[int]) -> None:
    values = np.array(cells)
    codec = CategoryCodec.fit(values, rare=5, name="x")
    codes, detail = codec.encode(values, numpy_generator(0))
    back = codec.decode(codes, detail)
    common = np.isin(values, [level for level in range(31) if (values == level).sum() >= 5]) | (values == -1)
    assert (back[common] == values[common]).all()
    assert np.isin(codes[~common], codec.forbidden).all()


def test_nothing_to_emit_is_an_error() -> None:
    with pytest.raises(DataError, match=r"(?s)'town'.*identifier or text"):
        CategoryCodec.fit(np.arange(50), rare=5, name="town")


def test_levels_that_were_not_there_when_fitted() -> None:
    codec = CategoryCodec.fit(np.repeat([0, 2], 50), rare=5, name="x")
    codes, _ = codec.encode(np.array([0, 1, 2, 7]), numpy_generator(0))
    assert codes.tolist() == [1, 0, 2, 0]


def test_all_missing() -> None:
    codec = CategoryCodec.fit(np.full(20, -1), rare=5, name="x")
    assert codec.states == 1 and codec.encode(np.full(3, -1), numpy_generator(0))[0].tolist() == [0, 0, 0]
