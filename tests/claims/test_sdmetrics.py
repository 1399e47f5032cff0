"""SDMetrics' reports: true ones hold in every figure, a wrong figure is found wherever it stands."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from given import REPORTS, document, planted

from synthdiff.checks.check import Evidence
from synthdiff.claims import Examined, examine, read
from synthdiff.claims.sdmetrics import SDMetrics
from synthdiff.claims.similarity import Cells, contingency_similarity, numbers, table_structure, tv_complement
from synthdiff.errors import AuditError

Census = Callable[..., Evidence]


def answers(report: Any, evidence: Evidence) -> dict[str, Examined]:
    return {found.claim.where: found for found in examine(SDMetrics().claims(report, "report.json"), evidence)}


@pytest.mark.parametrize(
    "name", ["sdmetrics-census-quality", "sdmetrics-census-quality-0.24", "sdmetrics-census-diagnostic"]
)
def test_a_true_report_holds_in_every_figure(name: str, census: Census) -> None:
    outcomes = Counter(found.outcome for found in examine(read(REPORTS / f"{name}.json"), census("good")))
    assert set(outcomes) == {"holds"}
    assert sum(outcomes.values()) >= 20


@pytest.mark.parametrize("name", ["sdmetrics-placements-quality", "sdmetrics-placements-quality-unified"])
def test_dates_missing_cells_and_a_table_name_do_not_matter(name: str, placements: Evidence) -> None:
    outcomes = Counter(found.outcome for found in examine(read(REPORTS / f"{name}.json"), placements))
    assert set(outcomes) == {"holds"}
    assert sum(outcomes.values()) >= 25


def test_formats_cannot_be_recomputed_and_what_rests_on_them_must_agree_with_the_report(
    placements: Evidence,
) -> None:
    found = answers(document("sdmetrics-placements-diagnostic"), placements)
    open_ = {where for where, one in found.items() if one.outcome == "cannot be recomputed"}
    metrics = {found[where].claim.measure for where in open_}
    assert metrics == {"DatetimeFormatAdherence", "RegexFormatAdherence", "Data Validity", "score"}
    assert not [one for one in found.values() if one.outcome == "does not hold"]
    assert "3 of its 20 parts are as the report states them" in found["properties[0].Score"].reason
    assert (
        answers(planted(document("sdmetrics-placements-diagnostic"), "properties[0].Score", 1.0), placements)[
            "properties[0].Score"
        ].outcome
        == "does not hold"
    )


def test_every_figure_that_is_changed_is_found(census: Census) -> None:
    report = document("sdmetrics-census-quality")
    evidence = census("good")
    rows = report["details"]["Column Pair Trends"]
    for claim in SDMetrics().claims(report, "report.json"):
        if not claim.where.endswith("Threshold?"):
            report = planted(report, claim.where, claim.value + (0.03 if claim.value < 0.9 else -0.03))
    flags = {f"details.Column Pair Trends[{i}].Meets Threshold?": row for i, row in enumerate(rows)}
    for where, row in flags.items():
        # No pair of numbers counts by default, and that all do is what a user may have asked for.
        if row["Metric"] == "ContingencySimilarity":
            report = planted(report, where, not row["Meets Threshold?"])
    outcomes = {where: found.outcome for where, found in answers(report, evidence).items()}
    held = {where for where, outcome in outcomes.items() if outcome != "does not hold"}
    assert held == {where for where, row in flags.items() if row["Metric"] == "CorrelationSimilarity"}


@pytest.mark.parametrize(
    "where",
    [
        "score",
        "properties[0].Score",
        "properties[1].Score",
        "details.Column Shapes[0].Score",
        "details.Column Shapes[1].Score",
        "details.Column Pair Trends[1].Real Correlation",
        "details.Column Pair Trends[0].Real Association",
        "info.num_rows_real_data",
        "info.num_rows_synthetic_data",
    ],
)
def test_one_changed_figure_is_the_only_one_that_does_not_hold(where: str, census: Census) -> None:
    report = document("sdmetrics-census-quality")
    known = {claim.where: claim.value for claim in SDMetrics().claims(report, "")}
    found = answers(planted(report, where, known[where] + 0.001), census("good"))
    assert [place for place, one in found.items() if one.outcome != "holds"] == [where]
    assert found[where].recomputed == pytest.approx(known[where], abs=2e-6)
    assert "The report says" in found[where].reason


def test_a_weak_pair_that_is_left_out_shows_in_its_flag_and_not_in_the_average(census: Census) -> None:
    report = document("sdmetrics-census-quality")
    rows = report["details"]["Column Pair Trends"]
    counted = [i for i, row in enumerate(rows) if row["Meets Threshold?"]]
    strength = {i: rows[i]["Real Association"] or abs(rows[i]["Real Correlation"]) for i in counted}
    strongest = max(counted, key=lambda i: strength[i])
    found = answers(planted(report, f"details.Column Pair Trends[{strongest}].Meets Threshold?", False), census("good"))
    wrong = [place for place, one in found.items() if one.outcome == "does not hold"]
    assert wrong == [f"details.Column Pair Trends[{strongest}].Meets Threshold?"]


def test_thresholds_of_the_reports_own_cannot_be_judged(census: Census) -> None:
    report = document("sdmetrics-census-quality")
    for row in report["details"]["Column Pair Trends"]:
        strength = row["Real Association"] or abs(row["Real Correlation"])
        row["Meets Threshold?"] = bool(strength > 0.4)
    flags = [one for place, one in answers(report, census("good")).items() if place.endswith("Threshold?")]
    assert "cannot be recomputed" in {one.outcome for one in flags}
    assert "does not hold" not in {one.outcome for one in flags}


def test_columns_that_a_report_leaves_out_are_named(census: Census) -> None:
    report = document("sdmetrics-census-quality")
    rows = report["details"]["Column Shapes"]
    kept = [row for row in rows if row["Column"] != "workclass"]
    report["details"]["Column Shapes"] = kept
    report["properties"][0]["Score"] = float(np.mean([row["Score"] for row in kept]))
    found = answers(report, census("good"))["properties[0].Score"]
    assert found.outcome == "holds"
    assert "leaves out 'workclass'" in found.reason


@pytest.mark.parametrize("version", ["0.32.0", None])
def test_without_details_the_columns_are_assumed_and_said_so(version: str | None, census: Census) -> None:
    report = document("sdmetrics-census-quality")
    del report["details"]
    report["info"]["sdmetrics_version"] = version
    report["metadata"] = {
        "columns": {
            column.name: {"sdtype": "categorical" if column.dtype == "str" else "numerical"}
            for column in census("good").schema
        }
    }
    found = answers(report, census("good"))
    assert {one.outcome for one in found.values()} == {"holds"}
    assert "does not list its columns" in found["properties[0].Score"].reason


@pytest.mark.parametrize("digits", [2, 4])
def test_rounding_the_whole_report_is_no_lie(digits: int, census: Census) -> None:
    def rounded(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: rounded(content) for key, content in value.items()}
        if isinstance(value, list):
            return [rounded(content) for content in value]
        return round(value, digits) if isinstance(value, float) else value

    found = answers(rounded(document("sdmetrics-census-quality")), census("good"))
    assert {one.outcome for one in found.values()} == {"holds"}


def test_metrics_by_themselves_and_their_breakdowns(census: Census) -> None:
    report = document("sdmetrics-census600-metrics")
    found = answers(report, census("changed", 600))
    held = {one.claim.measure for one in found.values() if one.outcome == "holds"}
    assert held == {"NewRowSynthesis", "DCROverfittingProtection"}
    assert {one.claim.measure for one in found.values() if one.outcome != "holds"} == {"DCRBaselineProtection"}
    for claim in SDMetrics().claims(report, ""):
        if claim.measure in held:
            doctored = answers(planted(report, claim.where, claim.value + 0.2), census("changed", 600))
            assert doctored[claim.where].outcome == "does not hold"
    without = answers(report, census("changed", 600, holdout=False))
    assert without["metrics.DCROverfittingProtection.score"].outcome == "cannot be recomputed"


def test_known_defects_stand_beside_the_figures(census: Census) -> None:
    report = document("sdmetrics-census-quality")
    report["metrics"] = {"LogisticDetection": 1.0, "DCROverfittingProtection": 0.66}
    names = {
        place: [defect.name for defect in one.defects] for place, one in answers(report, census("good", 100)).items()
    }
    assert "invented relations go unseen" in names["properties[1].Score"]
    assert names["metrics.LogisticDetection"] == ["blind classifier"]
    assert "subsampling hides copies" in names["metrics.DCROverfittingProtection"]


def test_frames_in_every_form_that_pandas_writes(tmp_path: Path, census: Census) -> None:
    report = document("sdmetrics-census-diagnostic")
    said = {claim.where: claim.value for claim in SDMetrics().claims(report, "")}
    for orient in ("columns", "split", "list"):
        other = copy.deepcopy(report)
        frames = [(other, "properties"), *((other["details"], name) for name in other["details"])]
        for holder, key in frames:
            frame = pd.DataFrame(holder[key])
            plain = frame.to_dict("list") if orient == "list" else json.loads(frame.to_json(orient=orient))
            holder[key] = plain
        (tmp_path / "report.json").write_text(json.dumps(other), encoding="utf-8")
        assert {claim.where: claim.value for claim in read(tmp_path / "report.json")} == said


@pytest.mark.parametrize(
    ("where", "value", "told"),
    [
        ("score", 1.2, "score: found the number 1.2, allowed: a number from 0 to 1"),
        ("score", "good", "score: found the text 'good'"),
        (
            "properties[0].Property",
            "Column Shape",
            "properties[0].Property: found the text 'Column Shape', allowed: Colu",
        ),
        ("details.Column Shapes[2].Metric", 7, "details.Column Shapes[2].Metric: found the number 7"),
        ("details.Column Shapes[2].Column", 7, "details.Column Shapes[2].Column: found the number 7"),
        ("details.Column Shapes", "none", "details.Column Shapes: found the text 'none', allowed: a table"),
        ("info", [1], "info: found a list, allowed: a mapping of keys"),
    ],
)
def test_mistakes_are_told_with_file_key_found_and_allowed(where: str, value: Any, told: str) -> None:
    with pytest.raises(AuditError) as error:
        SDMetrics().claims(planted(document("sdmetrics-census-quality"), where, value), "given.json")
    assert f"given.json, {told}" in str(error.value)


def test_all_mistakes_are_told_at_once() -> None:
    report = document("sdmetrics-census-quality") | {"score": 2, "Score": 1}
    report["info"]["num_tables"] = 3
    with pytest.raises(AuditError, match="3 problems"):
        SDMetrics().claims(report, "given.json")


def test_a_large_contingency_table_is_drawn_and_given_the_slack_for_it() -> None:
    draw = np.random.default_rng(1)
    column = Cells(draw.integers(0, 5, 90_000), draw.integers(0, 5, 70_000), 5)
    other = Cells(draw.integers(0, 7, 90_000), draw.integers(0, 7, 70_000), 7)
    found = contingency_similarity(column, other, draw).score
    assert 0.0 < found.high - found.low < 0.02
    again = [contingency_similarity(column, other, np.random.default_rng(seed)).score for seed in range(20)]
    assert all(found.low <= (one.value or 0) <= found.high for one in again)


def test_missing_cells_may_have_been_read_as_a_level() -> None:
    real = pd.Series(["a", "b", None, None], dtype="str")
    synthetic = pd.Series(["a", "b", "b", None], dtype="str")
    assert tv_complement(real, synthetic).value == pytest.approx(1 - 1 / 6)
    assert tv_complement(real, synthetic, 0.75).value == pytest.approx(0.75)
    assert "taken for a level" in tv_complement(real, synthetic, 0.75).reason
    assert tv_complement(real, synthetic, 0.5).value == pytest.approx(0.75)


def test_dtypes_are_those_that_pandas_reads() -> None:
    real = pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": pd.array([1, None], dtype="Int64")})
    synthetic = pd.DataFrame({"a": [1.0, 3.0], "b": ["x", "z"], "c": [1, 2]})
    assert table_structure(real, synthetic).value == pytest.approx(1 / 5)
    assert numbers(real["b"]) is None


def test_tables_that_lack_a_column_leave_the_question_open(census: Census) -> None:
    evidence = census("good")
    lacking = replace(evidence, synthetic=evidence.synthetic.drop(columns="age"))
    found = answers(document("sdmetrics-census-quality"), lacking)
    assert found["details.Column Shapes[0].Score"].outcome == "cannot be recomputed"
    assert "'age'" in found["details.Column Shapes[0].Score"].reason
    assert found["properties[0].Score"].outcome == "cannot be recomputed"
    assert "1 of its 15 parts" in found["properties[0].Score"].reason
