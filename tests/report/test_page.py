"""The page: self-contained, escaped, complete, the same bytes each time."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from answers import CASES, HOSTILE, answer
from hypothesis import given, settings, strategies as st
from reader import Reader, assert_closed, assert_sound

from synthdiff.report.page import render

Rendered = Callable[[str], str]

SMALL = {"age": "continuous", "sex": "categorical"}


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_fetched_and_nothing_runs(rendered: Rendered, case: str) -> None:
    assert_closed(Reader(rendered(case)))


@pytest.mark.parametrize("case", CASES)
def test_structure_is_sound(rendered: Rendered, case: str) -> None:
    html = rendered(case)
    assert_sound(Reader(html))
    assert len(html.encode()) < 2_000_000
    assert "var(--" in html and not re.search(r"#0000[0-9a-f]{2}\b", html), "a stand-in colour was left in a figure"


@pytest.mark.parametrize("case", CASES)
def test_words_that_a_report_must_not_use(rendered: Rendered, case: str) -> None:
    text = Reader(rendered(case)).text()
    for word in ("anonymous", "anonymis", "anonymiz", "gdpr", "compliant", "nan", "undefined"):
        assert not re.search(rf"\b{word}", text, flags=re.IGNORECASE), word
    assert not re.search(r"\b(None|True|False)\b", text)


@pytest.mark.parametrize("case", ["inconclusive", "one column", "700 levels"])
def test_the_same_answer_gives_the_same_bytes(rendered: Rendered, case: str) -> None:
    again = json.loads(json.dumps(CASES[case]()))
    assert render(again) == rendered(case)


def test_the_answer_is_left_as_it_was() -> None:
    made = answer(kinds=SMALL)
    before = copy.deepcopy(made)
    render(made)
    assert made == before


@pytest.mark.parametrize(("case", "word"), [("pass", "Pass"), ("fail", "Refused"), ("inconclusive", "Cannot tell")])
def test_the_verdict_comes_first_in_words(rendered: Rendered, case: str, word: str) -> None:
    html = rendered(case)
    text = Reader(html).text()
    assert html.index("<title>" + word) < html.index("<body>")
    first = [
        word,
        CASES[case]()["headline"],
        "The three headline figures",
        "What was required",
        "Where the synthetic data are worst",
    ]
    places = [
        text.index(" ".join(str(part).split()))
        for part in [*first, "Fidelity Utility Privacy All figures", "All figures"]
    ]
    assert places == sorted(places)


def test_reasons_name_what_failed_and_what_is_only_worth_knowing(rendered: Rendered) -> None:
    text = Reader(rendered("fail")).text()
    summary = text[: text.index("The three headline figures")]
    assert "2 of 7 required bars are met." in summary
    assert "✕ Not met Membership attack : An attacker tells" in summary
    assert "✕ Not met not required Telling synthetic from real" in summary
    assert summary.index(CASES["fail"]()["checks"]["copies"]["title"]) < summary.index("not required")
    assert "required bars" not in _between(Reader(rendered("pass")).text(), "Pass", "The three headline figures")


def test_headline_figures_carry_interval_and_reference(rendered: Rendered) -> None:
    text = _between(Reader(rendered("pass")).text(), "The three headline figures", "What was required")
    assert "Detectability ✓ Met not required 0.532 95 % interval 0.501 to 0.563" in text
    assert "Real data score 0.506 (0.475 to 0.537)" in text
    assert "Loss of usefulness ✓ Met not required 0.00800 95 % interval −0.0130 to 0.0290" in text
    assert "Membership attack • Reported 0.503 95 % interval 0.490 to 0.516" in text


def test_a_bar_that_nobody_measured_is_not_passed_over() -> None:
    made = answer(kinds=SMALL)
    made["policy"]["require"]["epsilon_lower_bound"] = "<= 1"
    del made["checks"]["copies"]
    text = Reader(render(made)).text()
    assert "Epsilon lower bound at most 1 not measured ? Cannot tell" in text
    assert "Excess copy rate at most 0.002 not measured ? Cannot tell" in text
    assert "Required, but measured by no check: Epsilon lower bound and Excess copy rate." in text


def test_how_many_bars_were_compared_is_said(rendered: Rendered) -> None:
    text = _between(Reader(rendered("pass")).text(), "What was required", "Where the synthetic data are worst")
    assert "7 bars were compared. A bar counts as missed only when an interval widened for their number" in text


def test_a_figure_better_than_real_data_is_a_warning() -> None:
    made = answer(kinds=SMALL)
    shape = made["checks"]["shape"]["estimates"]["shape_error"]
    shape |= {"value": 0.002, "interval": [0.001, 0.003], "reference": {"value": 0.02, "interval": [0.01, 0.03]}}
    text = Reader(render(made)).text()
    assert "Single columns: too good : Error of single columns 0.00200 (0.00100 to 0.00300) is better than" in text
    assert "real data score 0.0200 (0.0100 to 0.0300) better than real data: it may come from copying" in text
    shape["interval"] = [0.001, 0.012]
    assert "Single columns: too good" not in Reader(render(made)).text()


def test_what_is_held_against_no_bar_is_reported_and_what_was_not_measured_is_not() -> None:
    made = answer(kinds=SMALL)
    made["checks"]["detection"] |= {"bars": {}, "verdict": "inconclusive"}
    text = Reader(render(made)).text()
    assert "• Reported Telling synthetic from real" in text
    made["checks"]["detection"] |= {"estimates": {}, "value": None, "reason": "Too few."}
    text = Reader(render(made)).text()
    assert "not answered – – – – ? Cannot tell" in text and "1 of 9 questions could not be answered" in text


def test_what_was_not_tested_is_said_with_its_reason(rendered: Rendered) -> None:
    text = Reader(rendered("no holdout")).text()
    listed = text[text.index("What was not tested, and why") : text.index("Terms in plain words")]
    assert listed.count("Hold out 20 % of the table") == 5
    assert "Membership attack : There are no held-out records." in listed
    nothing = Reader(rendered("nothing answered")).text()
    assert nothing.count("Not answered") >= 3
    assert "about 1" not in nothing


def test_inconclusive_says_how_many_records_would_do(rendered: Rendered) -> None:
    assert "? Cannot tell about 1\u202f200 records would do" in Reader(rendered("inconclusive")).text()


def test_worst_columns_and_pairs(rendered: Rendered) -> None:
    made = answer("fail")
    text = Reader(rendered("fail")).text()
    errors = {name: column["error"] for name, column in made["checks"]["shape"]["detail"]["columns"].items()}
    worst = sorted(errors, key=lambda name: -errors[name])[:10]
    top = _between(text, "The 10 worst of 13 columns", "The 10 worst pairs of columns")
    assert sorted((name for name in errors if name in top), key=top.index) == worst
    pairs = _between(text, "The 10 worst pairs of columns", "Fidelity Utility Privacy All figures")
    named = [f"{one['a']} and {one['b']}" for one in made["checks"]["trend"]["detail"]["worst"]]
    assert len(named) == 10 and sorted(named, key=pairs.index) == named
    many = Reader(rendered("200 columns"))
    assert "The 24 worst of 200 columns are drawn" in many.text()
    assert sum("measurement number" in str(a.get("aria-label")) for _, a in many.all("svg")) < 40
    assert all(f"measurement number {i}" in many.text() for i in range(200))


def test_hostile_text_is_shown_and_does_nothing(rendered: Rendered) -> None:
    html = rendered("hostile")
    page = Reader(html)
    text = page.text()
    assert "<script>alert('1')</script>" in text and "<script>alert" not in html
    assert "$\\frac{x}{y}$" in text and "{{ 7 * 7 }}{% raw %}" in text and "49" not in _between(text, "{{", "raw")
    assert "&lt;img src=x&gt;" in text and "(no name)" in text
    assert "גיל המטופל" in text and "年齢（歳）🙂" in text
    assert "\u202e" not in html and "\x07" not in html
    assert "x" * 70 not in text, "a long name is cut"
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "img"})
    assert len([name for name in HOSTILE if name]) == 13


def _between(text: str, start: str, end: str) -> str:
    return text[text.index(start) : text.index(end, text.index(start))]


def test_verdicts_are_never_by_colour_alone(rendered: Rendered) -> None:
    html = rendered("fail")
    marks = re.findall(r'<span class="mark (\w+)">(.*?)</span>\s*([^<]*)</span>', html)
    assert len(marks) > 30
    for kind, inner, word in marks:
        symbol = inner[-1]
        expected = {
            "pass": ("✓", "Met"),
            "fail": ("✕", "Not met"),
            "inconclusive": ("?", "Cannot tell"),
            "reported": ("•", "Reported"),
        }
        assert (symbol, word) == expected[kind]


def test_a_check_that_the_report_does_not_know_is_shown() -> None:
    made = answer(kinds=SMALL)
    risk = {"value": 0.041, "interval": [0.012, 0.085], "n": 500, "reference": None}
    made["checks"]["riddle"] = {
        **risk, "estimate": "riddle_risk", "unit": "risk",
        "direction": "lower is better", "aspect": "privacy", "source": "Giomi et al. 2023", "title": "Riddle",
        "reference": None, "verdict": "pass", "gating": True, "reason": "4.1 % of the guesses single a person out.",
        "bars": {"riddle_risk": {**risk, "bar": "<= 0.09", "limit": 0.09, "verdict": "pass", "gating": True}},
        "estimates": {"riddle_risk": risk},
        "detail": {
            "roc": {"fpr": [0, 0.5, 1], "tpr": [0, 0.6, 1]}, "guesses": 2000, "control_rate": 0.02, "exact": True,
            "mode": "multivariate", "nested": {"a": [1, 2]}, "income": {"value": 0.2, "interval": [0.1, 0.3]},
        },
    }  # fmt: skip
    made["checks"]["weather"] = {"aspect": "meteorology", "value": 1.5}
    text = Reader(render(made)).text()
    assert "Riddle risk 0.0410 (0.0120 to 0.0850)" in text and "Giomi et al. 2023" in text
    for row in (
        "guesses 2\u202f000",
        "control rate 0.0200",
        "mode multivariate",
        "exact yes",
        "income 0.200 (0.100 to 0.300)",
    ):
        assert row in text
    assert "Meteorology" in text and "Weather" in text and "1.50" in text


def _damaged(value: Any, draw: Any) -> Any:
    """The value with some of its parts missing."""
    if isinstance(value, dict):
        kept = {name: part for name, part in value.items() if draw(st.integers(0, 9)) or name == "checks"}
        return {name: None if not draw(st.integers(0, 14)) else _damaged(part, draw) for name, part in kept.items()}
    return value


@settings(max_examples=5, deadline=None)
@given(st.data())
def test_missing_parts_do_not_break_it(data: st.DataObject) -> None:
    made = answer("fail", kinds=SMALL)
    Reader(render(_damaged(made, data.draw)))


@pytest.mark.parametrize(
    "made", [{}, {"checks": None}, {"checks": {"shape": None}}, {"verdict": "perhaps", "checks": {}}]
)
def test_almost_nothing_is_still_a_page(made: dict[str, Any]) -> None:
    text = Reader(render(made)).text()
    assert "No verdict" in text and "Not measured" in text


def test_figures_that_are_no_numbers_are_dashes() -> None:
    made = answer(kinds=SMALL)
    made["checks"]["shape"] |= {
        "value": float("nan"),
        "estimates": {"shape_error": {"value": float("nan"), "interval": [0, float("inf")]}},
    }
    made["checks"]["copies"]["estimates"]["copy_rate"]["interval"] = [float("-inf"), 0.1]
    text = Reader(render(made)).text()
    assert "nan" not in text and "inf " not in text


def test_a_title_can_be_given() -> None:
    html = render({"verdict": "pass"}, title="Ward <7>")
    assert "<title>Pass: Ward &lt;7&gt;</title>" in html and "<h1>Ward &lt;7&gt;</h1>" in html
