"""Claims of somebody else's report: counted, the wrong ones first, with what is wrong with a measure."""

from __future__ import annotations

from typing import Any

import pytest
from answers import HOSTILE, answer
from reader import Reader, assert_closed, assert_sound

from synthdiff.report.claims import claims, counted
from synthdiff.report.page import render

DEFECT = {
    "name": "own bins", "reason": "Each table is cut at its own extremes.", "source": "definition", "instead": "trend",
}  # fmt: skip


def claim(outcome: str, **changes: Any) -> dict[str, Any]:
    return {
        "source": "sdmetrics", "where": "score.columns", "measure": "Shapes", "title": "Column Shapes", "subject": [],
        "claimed": 0.9123, "recomputed": 0.9125, "bounds": None, "outcome": outcome, "reason": "The two agree.",
        "defects": [], **changes,
    }  # fmt: skip


SEVERAL = [
    claim("holds"),
    claim("holds", title="Column Pair Trends", defects=[DEFECT]),
    claim("does not hold", title="Overfitting protection", recomputed=0.66, bounds=[0.6, 0.7], reason="A copy does."),
    claim("cannot be recomputed", title="Privacy", recomputed=None, reason="It names no measure."),
]


def test_claims_that_do_not_hold_come_first_and_all_are_counted() -> None:
    made = answer() | {"claims": SEVERAL}
    text = Reader(render(made)).text()
    counts = "4 claims: 2 hold, 1 does not hold and 1 cannot be recomputed. 1 of them rests on a measure with a known"
    assert counts in text
    places = [text.index(said) for said in ("✕ Does not hold", "? Cannot be recomputed", "✓ Holds")]
    assert places == sorted(places)
    assert "0.912 0.660 true: 0.600 to 0.700 ✕ Does not hold A copy does." in text
    assert "0.912 – ? Cannot be recomputed It names no measure." in text
    assert "The two agree. Known defect: own bins" in text
    title = made["checks"]["trend"]["title"]
    assert f"Own bins 1 claim Each table is cut at its own extremes. Look at {title} instead. definition" in text


def test_a_defect_is_told_once() -> None:
    text = Reader(render({"claims": [claim("holds", defects=[DEFECT])] * 40})).text()
    assert text.count("Each table is cut") == 1 and "Own bins 40 claims" in text and "Look at" not in text


def test_without_checks_the_claims_are_the_page() -> None:
    html = render({"claims": SEVERAL, "name": "their report"})
    page = Reader(html)
    assert_closed(page), assert_sound(page)
    assert "No verdict" not in page.text() and "Not measured" not in page.text()
    assert "What the other report claims" in page.text()


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (["holds"], "1 claim: 1 holds."),
        (["holds"] * 3, "3 claims: 3 hold."),
        (["does not hold"] * 2, "2 claims: 2 do not hold."),
        (["something new"], "1 claim."),
    ],
)
def test_counts_in_words(verdicts: list[str], said: str) -> None:
    assert counted(claims({"claims": [claim(verdict) for verdict in verdicts]})) == said


def test_hostile_and_damaged_claims_are_shown() -> None:
    several = [
        claim("holds", title=text, where=text, reason=text, claimed=text, defects=[dict.fromkeys(DEFECT, text)])
        for text in HOSTILE
    ]
    page = Reader(render({"claims": [*several, {}, None, {"claimed": float("nan"), "defects": [None, {}]}]}))
    assert_closed(page), assert_sound(page)
    assert "<script>alert('1')</script>" in page.text()
