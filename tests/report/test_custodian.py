"""The custodian's page: it warns first, shows records side by side, and holds what the audit's page must not."""

from __future__ import annotations

from typing import Any

import pytest
from answers import HOSTILE, answer
from reader import Reader, assert_closed, assert_sound

from synthdiff.report.custodian import Records, render_custodian
from synthdiff.report.page import render

CONCERNS: dict[str, list[dict[str, Any]]] = {
    "copies": [
        {"synthetic": 12, "real": 55, "why": "equals a training record in every column"},
        {"synthetic": 13, "real": 56, "why": "differs in one column"},
    ],
    "membership": [{"synthetic": 12, "real": 55, "why": "far nearer than its surroundings explain"}],
    "rare_values": [{"synthetic": 7, "real": None, "why": "has a level that few people share"}],
    "trend": [],
}
RECORDS: Records = {
    ("synthetic", 12): {"age": "63", "sex": "F"},
    ("real", 55): {"age": "63", "sex": "F"},
    ("synthetic", 13): {"age": "63", "sex": "F"},
    ("real", 56): {"age": "63", "sex": "M"},
    ("synthetic", 7): {"age": "41", "sex": "X"},
}


def page(records: Records | None = None) -> Reader:
    return Reader(render_custodian(answer(), CONCERNS, records))


@pytest.mark.parametrize("records", [None, RECORDS])
def test_the_warning_comes_first_in_words(records: Records | None) -> None:
    made = page(records)
    assert_closed(made), assert_sound(made)
    text = made.text()
    assert text.split()[:5] == ["✕", "Do", "not", "pass", "on"]
    assert "names records of real people" in text and "never part of a release" in text
    assert text.index("stays with the custodian") < text.index("Records of concern")
    title = "".join(part for inside, part in made.texts if inside == "title")
    assert title.startswith("Stays with the custodian")


def test_positions_alone_without_records() -> None:
    text = page().text()
    assert "12 55 equals a training record in every column" in text
    assert "7 – has a level that few people share" in text
    assert "4 records or pairs" in text and "Pairs of columns" not in text


def test_records_stand_side_by_side_and_differing_cells_are_marked() -> None:
    text = page(RECORDS).text()
    assert "1. Synthetic record 12 and training record 55" in text and "2 of 2 cells are equal." in text
    assert "sex synthetic F ≠ real M age 63" in text and "1 of 2 cells are equal." in text
    assert "1. Synthetic record 7 has a level that few people share age 41 sex X" in text
    assert text.count("≠") == 2, "one in the explanation, one in the only cell that differs"


def test_records_that_several_checks_name_are_listed() -> None:
    text = page().text()
    copies, membership = (answer()["checks"][name]["title"] for name in ("copies", "membership"))
    assert f"Look at these first Training record Named by 55 {copies}, {membership}" in text


def test_the_audits_own_page_has_no_word_of_it() -> None:
    text = Reader(render(answer() | {"concerns": CONCERNS})).text()
    assert "far nearer than its surroundings" not in text and "custodian" not in text


def test_hostile_and_missing_cells_do_nothing() -> None:
    records = {("synthetic", 1): {name: name for name in HOSTILE}, ("real", 2): {"age": "", HOSTILE[0]: "other"}}
    concerns = {
        "</style><script>": [{"synthetic": 1, "real": 2, "why": HOSTILE[0]}],
        "odd": [{}, {"synthetic": None, "real": 9}, {"synthetic": True, "real": "5"}],
    }
    made = Reader(render_custodian({}, concerns, records))
    assert_closed(made), assert_sound(made)
    assert "<script>alert('1')</script>" in made.text() and "age synthetic (nothing) ≠" not in made.text()


def test_no_concern_is_said() -> None:
    made = Reader(render_custodian(answer(), {}))
    assert "No check named a record." in made.text()
