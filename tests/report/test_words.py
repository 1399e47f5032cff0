"""Numbers, bars and names are written one way."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, strategies as st

from synthdiff.report import words


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.5034, "0.503"), (0.5, "0.500"), (0, "0"), (1, "1.00"), (-0.012, "−0.0120"), (0.0009996, "0.00100"),
        (0.99961, "1.00"), (12345.6, "12\u202f300"), (0.0000123, "1.23 × 10⁻⁵"), (-4e-9, "−4.00 × 10⁻⁹"),
        (None, "–"), (float("nan"), "–"), (float("inf"), "–"), ("0.5", "–"), (True, "–"),
    ],
)  # fmt: skip
def test_numbers_have_three_significant_digits(value: object, said: str) -> None:
    assert words.number(value) == said


@given(st.floats(1e-3, 1e6))
def test_a_number_is_within_half_a_unit_of_its_third_digit(value: float) -> None:
    said = float(words.number(value).replace(words.THIN, ""))
    assert abs(said - value) <= 0.00501 * value


@given(st.integers(0, 10**12))
def test_counts_read_back(n: int) -> None:
    assert int(words.count(n).replace(words.THIN, "")) == n


@pytest.mark.parametrize(
    ("bar", "said"),
    [
        ("<= 0.10", "at most 0.10"), (">= 0.9", "at least 0.9"), ("< 1", "below 1"), ("> 0", "above 0"),
        ("<= reference + 0.05", "at most real data score + 0.05"), ("includes 0.5", "interval includes 0.5"),
        ("<= 2 * reference", "at most 2 × real data score"), ("something new", "something new"),
    ],
)  # fmt: skip
def test_bars_in_words(bar: str, said: str) -> None:
    assert words.bar(bar) == said


def test_percentages_and_intervals() -> None:
    assert words.percent(0.0744) == "7.4\u202f%"
    assert words.span([0.49, 0.516]) == "0.490 to 0.516"
    assert words.with_interval(0.503, [0.49, None]) == "0.503"


def test_what_brings_no_words_gets_them_from_its_name() -> None:
    assert words.derived("quite_new") == "Quite new"
    assert words.requirement("utility_synthetic_lower") == "Utility synthetic, lower end"
    assert words.requirement("epsilon_lower_bound") == "Epsilon lower bound"


@given(st.text(max_size=300))
def test_cleaned_text_is_one_line_that_disturbs_nothing(text: str) -> None:
    shown = words.short(text, 50)
    assert 0 < len(shown) <= 50
    assert shown.encode() and not any(unicodedata.category(mark) in ("Cc", "Cs", "Zl", "Zp") for mark in shown)
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert words.clean(words.clean(text)) == words.clean(text)


def test_every_notion_and_verdict_has_plain_words() -> None:
    for term in words.GLOSSARY:
        assert term.label and term.meaning.endswith("."), term
    labels = [term.label for term in words.GLOSSARY]
    assert len(set(labels)) == len(labels) and labels == sorted(labels, key=str.casefold)
    assert [words.overall(v).word for v in ("pass", "fail", "inconclusive", None)] == [
        "Pass",
        "Refused",
        "Cannot tell",
        "No verdict",
    ]
