"""Our own report.json: the same data and seed give the same figures, a changed one is found."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from given import planted
from worlds import clinic, clinic_schema

from synthdiff import auditing
from synthdiff.checks.check import Evidence
from synthdiff.claims import Examined, audit, examine, read
from synthdiff.claims.audit import Audit
from synthdiff.errors import AuditError
from synthdiff.evidence import gather

CHECKS = ["schema", "copies", "shape", "trend", "missingness"]


@cache
def tables(holdout: bool = True) -> Evidence:
    return gather(clinic(300, 3), clinic(300, 1), clinic(250, 2) if holdout else None, clinic_schema(), 0)


@cache
def written() -> str:
    real, synthetic, held = tables().train, tables().synthetic, tables().holdout
    report = auditing.audit(real, synthetic, held, schema=tables().schema, checks=CHECKS, random_state=11)
    return json.dumps(report.to_dict())


def answers(report: Any, evidence: Evidence) -> dict[str, Examined]:
    return {found.claim.where: found for found in examine(Audit().claims(report, "report.json"), evidence)}


def test_the_format_is_the_one_that_is_written(tmp_path: Path) -> None:
    assert audit.FORMAT == auditing.FORMAT
    (tmp_path / "report.json").write_text(written(), encoding="utf-8")
    assert {claim.source for claim in read(tmp_path / "report.json")} == {"synthdiff"}


def test_a_true_report_holds_in_every_figure() -> None:
    found = answers(json.loads(written()), tables())
    assert {one.outcome for one in found.values()} == {"holds"}
    assert {one.claim.measure for one in found.values()} >= set(CHECKS)


def test_every_changed_figure_is_found() -> None:
    report = json.loads(written())
    claims = Audit().claims(report, "")
    for claim in claims:
        report = planted(report, claim.where, claim.value + 0.01)
    assert {one.outcome for one in answers(report, tables()).values()} == {"does not hold"}


def test_another_seed_does_not_reproduce_what_is_drawn() -> None:
    report = json.loads(written()) | {"seed": 12}
    outcomes = {one.claim.where: one.outcome for one in answers(report, tables()).values()}
    assert "does not hold" in outcomes.values()


def test_without_the_held_out_records_what_rests_on_them_stays_open() -> None:
    found = answers(json.loads(written()), tables(holdout=False))
    assert "does not hold" not in {one.outcome for one in found.values()}
    assert found["data.holdout_rows"].outcome == "cannot be recomputed"
    assert found["checks.shape.value"].outcome == "holds"
    assert found["checks.shape.reference.value"].outcome == "cannot be recomputed"


def test_columns_of_another_kind_are_named() -> None:
    report = json.loads(written())
    report["data"]["kinds"]["age"] = "categorical"
    found = answers(report, tables())["checks.shape.value"]
    assert (found.outcome, "'age'" in found.reason) == ("cannot be recomputed", True)


def test_settings_are_used_and_a_check_of_another_version_is_left_open() -> None:
    report = json.loads(written())
    report["checks"]["trend"]["settings"] = {"pairs": 10}
    report["checks"]["shape"]["settings"] = {"no such": 1}
    report["checks"]["horoscope"] = {"estimates": {"luck": {"value": 1.0, "interval": [0, 1], "n": 3}}}
    found = answers(report, tables())
    assert found["checks.trend.value"].outcome == "does not hold"
    assert "settings" in found["checks.shape.value"].reason
    assert "no check 'horoscope'" in found["checks.horoscope.estimates.luck.value"].reason


@pytest.mark.parametrize(
    ("where", "value", "told"),
    [
        ("seed", "yes", "report.json, seed: found the text 'yes'"),
        ("checks.shape.interval", 3, "report.json, checks.shape.interval: found the number 3, allowed: two numbers"),
        ("format", "synthdiff-audit/9", "report.json, format: found the text 'synthdiff-audit/9', allowed: the text"),
    ],
)
def test_mistakes_are_told(where: str, value: Any, told: str) -> None:
    with pytest.raises(AuditError) as error:
        Audit().claims(planted(json.loads(written()), where, value), "report.json")
    assert told.removesuffix(", allowed: the text") in str(error.value)
