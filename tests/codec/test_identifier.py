"""Identifiers: same form, unique, and never a real one."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from hypothesis import given, strategies as st

from synthdiff.codec.identifier import IdentifierForm
from synthdiff.seeds import numpy_generator


@pytest.mark.parametrize(
    ("real", "form"),
    [
        ([f"PAT-{n:04d}" for n in range(50)], r"PAT-\d{5}"),
        ([f"{n % 7}/2021-{n:05d}" for n in range(50)], r"\d/\d{4}-\d{6}"),
        ([chr(65 + n % 26) + chr(70 + n % 15) + f"{n:03d}" for n in range(50)], r"[A-Z]{2}\d{4}"),
        (["anna", "berta", "clara"], r"[a-z]{4,5}-\d"),
    ],
)
def test_same_form(real: list[str], form: str) -> None:
    made = IdentifierForm.fit(pd.Series(real)).make(range(9), numpy_generator(1))
    assert all(re.fullmatch(form, str(identifier)) for identifier in made), made
    assert len(set(made)) == 9 and not set(made) & set(real)


@given(st.lists(st.integers(0, 10**9), min_size=2, unique=True))
def test_numbers_never_repeat_a_real_one(real: list[int]) -> None:
    form = IdentifierForm.fit(pd.Series(real))
    made = form.make(range(50), numpy_generator(0)) + form.make(range(50, 100), numpy_generator(0))
    assert len(set(made)) == 100 and not set(made) & set(real)


@given(st.lists(st.from_regex(r"[A-C]{2}-?[0-9]{1,4}x?", fullmatch=True), min_size=2, unique=True))
def test_texts_never_repeat_a_real_one(real: list[str]) -> None:
    made = IdentifierForm.fit(pd.Series(real)).make(range(40), numpy_generator(0))
    assert len(set(made)) == 40 and not set(made) & set(real)
