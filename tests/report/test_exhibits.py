"""Exhibits: every known check shows what it found, and an unknown one by what its detail looks like."""

from __future__ import annotations

from typing import Any

import pytest
from answers import answer
from hypothesis import given, settings, strategies as st
from reader import Reader, assert_closed, assert_sound

from synthdiff.report.blocks import Block, Gallery, Note, Table
from synthdiff.report.exhibits import KNOWN, exhibits
from synthdiff.report.page import render


def estimate(value: float, half: float = 0.05) -> dict[str, Any]:
    return {"value": value, "interval": [value - half, value + half]}


ROC = {"fpr": [0, 0.05, 0.5, 1], "tpr": [0, 0.2, 0.8, 1]}
ARMS = {name: estimate(0.8) for name in ("real", "synthetic", "drop", "augmented", "reweighted", "gain")}
GRID = [step / 10 for step in range(11)]
CURVE = {"survival": [1 - x / 2 for x in GRID], "low": [0.9 - x / 2 for x in GRID], "high": [1.0 for _ in GRID]}

GROUP = {"group": "sex = F", "n": 30, "gap": 0.1, "reference": 0.05, "excess": 0.05, "interval": [0.0, 0.2]}

DETAILS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "three_way": (
        {
            "columns": [{"column": "age", "error": 0.1, "reference": 0.05}],
            "worst": [
                {
                    "columns": ["age", "sex", "stage"], "error": 0.2, "interval": [0.1, 0.3], "reference": 0.1,
                    "cell": "age 30 to 40, sex 'F'", "real": 0.031, "synthetic": 0.01, "thin": {"real": 0.1},
                }
            ],
        },
        ["age, sex and stage | 0.200 (0.100 to 0.300) | 0.100 | age 30 to 40, sex 'F' | 3.1 % | 1.0 %", "0.0500"],
    ),
    "rules": (
        {
            "rules": {"declared": 2, "implication": 5, "dropped": 0},
            "declared": {"rate": 0.1, "interval": [0.05, 0.2], "reference": 0.0}, "found": None,
            "kinds": {"implication": {"rate": 0.02, "interval": [0.01, 0.03], "reference": 0.01}},
            "worst": [
                {
                    "rule": "admitted ≤ discharged", "kind": "order", "declared": True, "rate": 0.1,
                    "interval": [0.05, 0.2], "real": 0.0, "real_interval": [0.0, 0.01],
                }
            ],
        },
        ["admitted ≤ discharged | order | yes | 0.100 (0.0500 to 0.200) | 0 (0 to 0.0100)", "Implication"],
    ),
    "rare_values": (
        {
            "tested": 40, "off": 3, "levels": 10, "covered": 9,
            "unshared": {"levels": 4, "released": 1, "columns": ["ward"]},
            "worst": [
                {
                    "column": "age", "value": "above 90", "kind": "tail", "real": 0.01, "real_interval": [0.005, 0.02],
                    "synthetic": 0.0, "synthetic_interval": [0.0, 0.001], "ratio": 0.0, "ratio_interval": [0, 0.2],
                    "off": True,
                }
            ],
        },
        ["above 90 | 0.0100 (0.00500 to 0.0200) | 0 (0 to 0.00100) | 0 (0 to 0.200) | yes", "3 of 40", "1, in ward"],
    ),
    "alpha_precision": ({"alpha": GRID, "synthetic": GRID, "holdout": GRID}, ["held-out real records", "as many"]),
    "beta_recall": ({"beta": GRID, "synthetic": GRID, "holdout": None}, ["synthetic records"]),
    "survival": (
        {
            "time": "days", "event": "died", "curves": {
                "grid": GRID, "real": CURVE | {"at_risk": [90, 50]}, "synthetic": CURVE | {"at_risk": [80, None]},
                "holdout": None,
            },
            "groups": [GROUP], "protected": [GROUP],
        },
        ["training persons", "sex = F | 30 | 0.100 | 0.0500 | 0.0500 (0 to 0.200)", "synthetic | 80 | fewer than 5"],
    ),
    "subgroups": (
        {
            "subgroups": [{"group": "sex = F", "n": 50, "error": 0.2, "excess": 0.1, "interval": [0.0, 0.2]}],
            "lost": [{"group": "sex = X", "real": 0.05, "synthetic": 0.0}], "judged": 9, "too_small": 2,
        },
        ["sex = F", "sex = X | 5.0 % | 0.0 %", "9 subgroups were judged; 2 have too few"],
    ),
    "utility": (
        {
            "target": "died", "metric": "ROC AUC", "learners": [{"learner": "boosting", **ARMS}], "n_train": 1200,
            "subgroups": [{"column": "sex", "group": "F", "n": 30, **ARMS}],
        },
        ["boosting", "sex = F | 30 | 0.800 (0.750 to 0.850)", "records: 1 200 real"],
    ),
    "augmentation": (
        {
            "target": "died", "learners": [{"learner": "boosting", **ARMS}],
            "rare": {"level": "yes", "n_test": 12, "average_precision": ARMS, "recall": ARMS},
        },
        ["boosting | 0.800 (0.750 to 0.850)", "average precision | 0.800", "The scarcest class"],
    ),
    "fairness": (
        {
            "gaps": [
                {
                    "column": "sex", "measure": "cases found", "learner": "boosting", "level": "yes", "real": 0.1,
                    "synthetic": 0.2, "increase": 0.1, "interval": [0.0, 0.2], "lowest": "F", "highest": "M",
                }
            ],
            "groups": [{"column": "sex", "measure": "chosen", "groups": [{"group": "F", "n": 9, "real": 0.1}]}],
        },
        ["chosen | F | 9 | 0.100", "sex | cases found | yes | boosting | 0.100 | 0.200 | 0.100 (0 to 0.200) | F | M"],
    ),
    "membership": (
        {"roc": ROC, "reference_roc": ROC, "outliers": estimate(0.6), "subgroups": {"sex = F": estimate(0.7)}},
        ["most unusual records", "sex = F", "The corner that matters"],
    ),
    "copies": (
        {"near": {"roc": ROC, "compared": 900}, "count": 3, "rows_compared": 900, "aligned": {"agreement": 0.5}},
        ["The nearest of them", "Exact copies among them | 3", "Equal cells in the same row | 50.0 %"],
    ),
    "singling_out": (
        {
            "univariate": estimate(0.1) | {"guesses": 500, "attack": 0.2, "control": 0.1}, "multivariate": None,
            "columns": [{"name": "age", "guesses": 90, "attack": 0.1, "control": 0.1, **estimate(0.05)}],
        },
        ["Univariate | 500 | 0.200 | 0.100 | 0.100 (0.0500 to 0.150)", "age | 90"],
    ),
}  # fmt: skip


def told(blocks: list[Block]) -> str:
    """What the blocks say: cells, captions, alternative texts and the words in the drawings."""
    said = []
    for block in blocks:
        if isinstance(block, Table):
            said += [block.caption, " | ".join(block.head), *(" | ".join(row) for row in block.rows)]
        elif isinstance(block, Gallery):
            said += [text for one in block.pictures for text in (one.title, one.note, str(one.svg))]
        elif isinstance(block, Note):
            said.append(block.text)
    return "\n".join(said).replace("\u202f", " ")


@pytest.mark.parametrize("name", DETAILS)
def test_a_known_check_shows_what_it_found(name: str) -> None:
    detail, expected = DETAILS[name]
    said = told(exhibits(name, {"detail": detail, "estimates": {"tpr_at_fpr_0.01": estimate(0.1)}}, "k"))
    for text in expected:
        assert text in said


@pytest.mark.parametrize("name", KNOWN)
def test_an_empty_detail_shows_nothing_and_breaks_nothing(name: str) -> None:
    assert exhibits(name, {"detail": {}}, "k") == exhibits(name, {}, "k") == []


def test_an_unknown_check_is_shown_by_the_form_of_its_detail() -> None:
    detail = {
        "roc": ROC,
        "risks": {"age": estimate(0.1) | {"reference": estimate(0.05), "n": 60}, "sex": estimate(0.2)},
        "curve": {"share": GRID, "synthetic": GRID, "synthetic_low": GRID, "synthetic_high": GRID},
        "worst": [{"group": "sex = F", "n": 20, "auc": 0.6, "interval": [0.5, 0.7], "reference": 0.5}],
        "by_kind": {"order": {"rules": 3, "rate": 0.25}},
        "guesses": 2000,
        "names": ["a", "b"],
        "nothing": None,
        "deep": {"deeper": {"deepest": [{"column": "age", "error": 0.5}]}},
    }
    said = told(exhibits("riddle", {"detail": detail}, "k"))
    for text in (
        "ROC curve", "“\u2068age\u2069” 0.100 (0.0500 to 0.150)", "Curve: curves of “\u2068Synthetic\u2069”",
        "sex = F | 20 | 0.600 (0.500 to 0.700) | 0.500", "order | 3 | 0.250", "guesses | 2 000", "names | a and b",
        "age | 0.500",
    ):  # fmt: skip
        assert text in said, text
    assert "nothing" not in said


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-2, 2) | st.text(max_size=9),
    lambda part: (
        st.lists(part, max_size=4)
        | st.dictionaries(
            st.sampled_from(["value", "interval", "a", "b_low", "n", "<b>", "reference"]), part, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.text(max_size=5), JSON, max_size=5))
def test_whatever_a_check_says_is_a_sound_page(detail: dict[str, Any]) -> None:
    check = {"aspect": "privacy", "detail": detail, "estimates": {"risk": {"value": 0.1}}}
    page = Reader(render({"checks": {"riddle": check}}))
    assert_closed(page), assert_sound(page)


@settings(max_examples=15, deadline=None)
@given(st.data(), st.sampled_from(sorted(DETAILS)))
def test_a_known_check_with_odd_parts_is_a_sound_page(data: st.DataObject, name: str) -> None:
    detail, _ = DETAILS[name]
    odd = {key: data.draw(st.just(part) | JSON, label=key) for key, part in detail.items()}
    check = answer(kinds={"age": "integer"})["checks"]["shape"] | {"detail": odd}
    page = Reader(render({"checks": {name: check}}))
    assert_closed(page), assert_sound(page)
