"""The whole battery: what the checks really say is what the report shows."""

from __future__ import annotations

from typing import Any

import pytest
from reader import Reader, assert_closed, assert_sound
from worlds import between_neighbours, clinic

from synthdiff import audit
from synthdiff.checks.check import Check
from synthdiff.report.custodian import render_custodian
from synthdiff.report.exhibits import KNOWN, exhibits
from synthdiff.report.page import render
from synthdiff.schema import Schema

QUICK: dict[str, dict[str, Any]] = {
    name: {"resamples": 100, "refits": 3} for name in ("utility", "augmentation", "fairness")
}
ROLES: dict[str, dict[str, Any]] = {
    "died": {"role": ["target", "event"]}, "age": {"role": "time"}, "site": {"role": "protected"},
    "stage": {"levels": ["I", "II", "III", "IV"]}, "ward": {"kind": "categorical"},
}  # fmt: skip


@pytest.mark.slow
def test_every_check_is_shown() -> None:
    train, holdout = clinic(300, 1), clinic(300, 2)
    schema = Schema.infer(clinic(3000, 0), ROLES)
    checks = [{"kind": name, **QUICK.get(name, {})} for name in Check.members]
    report = audit(train, between_neighbours(train), holdout, schema=schema, checks=checks)
    made = report.to_dict()
    page = Reader(render(made))
    assert_closed(page), assert_sound(page)
    text = page.text()
    for name, check in made["checks"].items():
        assert check["title"] in text
        for term in (check["terms"][estimate] for estimate in check["estimates"]):
            assert term["label"] in text and term["meaning"] in text
        if name in KNOWN and check["estimates"]:
            assert exhibits(name, check, "k"), f"nothing of what {name} found is drawn or listed"
    concerns = {name: [vars(one) for one in answer.concerns] for name, answer in report.answers.items()}
    assert any(concerns.values())
    named = Reader(render_custodian(made, concerns))
    assert_closed(named), assert_sound(named)
