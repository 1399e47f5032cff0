"""The audit: right verdicts in worlds whose answer is known, refusals that name what is wrong, one plain form."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
import pytest
from worlds import DECLARED, between_neighbours, changed, clinic, clinic_schema, columnwise, shuffled

from synthdiff.auditing import FORMAT, AuditReport, audit, known_estimates, questions
from synthdiff.checks.check import Aspect, Check, Estimate, Evidence, Finding, Reference
from synthdiff.checks.privacy.copies import Copies
from synthdiff.errors import AuditError
from synthdiff.policy import Policy
from synthdiff.progress import LineProgress
from synthdiff.schema import Column, Schema
from synthdiff.verdict import conclude, judge

SCHEMA = clinic_schema()
TRAIN, HOLDOUT = clinic(1500, 1), clinic(1500, 2)
PRIVACY = ["copies", "membership", "blind_baseline"]
CRITERIA = ["singling_out", "linkability", "attribute_inference"]

LENIENT = Policy(
    name="privacy-only",
    purpose="To test the attacks.",
    require={"membership_advantage": "<= 0.10", "excess_copy_rate": "<= 0.005", "blind_auc": "includes 0.5"},
)


def privacy_of(synthetic: pd.DataFrame, **settings: object) -> AuditReport:
    options = {"schema": SCHEMA, "policy": LENIENT, "checks": PRIVACY} | settings
    return audit(TRAIN, synthetic, HOLDOUT, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def fresh() -> AuditReport:
    return audit(TRAIN, clinic(1500, 3), HOLDOUT, schema=SCHEMA, policy="share-under-agreement", name="clinic")


def test_fresh_real_records_pass(fresh: AuditReport) -> None:
    assert fresh.verdict == "pass", fresh.headline
    assert fresh.headline.startswith("Passed")


@pytest.mark.parametrize(
    ("leak", "missed"),
    [
        (lambda train: train, {"membership", "copies"}),
        (shuffled, {"membership", "copies"}),
        (changed, {"membership"}),
        (between_neighbours, {"membership"}),
    ],
)
def test_what_was_made_from_the_training_records_fails(
    leak: Callable[[pd.DataFrame], pd.DataFrame], missed: set[str]
) -> None:
    report = privacy_of(leak(TRAIN))
    assert report.verdict == "fail"
    assert report.headline.startswith("Failed")
    assert missed <= {name for name, answer in report.answers.items() if answer.verdict == "fail"}


def test_columns_shuffled_one_by_one_fail_what_asks_for_relations() -> None:
    report = audit(TRAIN, columnwise(TRAIN), HOLDOUT, schema=SCHEMA, policy="augment")
    assert report.verdict == "fail"
    assert report["utility"].bars["utility_drop"].verdict == "fail"
    assert report["shape"].verdict == "pass"
    assert report["membership"].gating is False


@pytest.mark.parametrize("purpose", ["augment", "test-data"])
def test_the_other_purposes_can_be_met(purpose: str) -> None:
    report = audit(TRAIN, clinic(1500, 3), HOLDOUT, schema=SCHEMA, policy=purpose)
    assert report.verdict == "pass", report.headline


def test_publication_can_be_met_with_enough_records() -> None:
    report = audit(clinic(6000, 1), clinic(6000, 3), clinic(6000, 2), schema=SCHEMA, policy="share-publicly",
                   checks=["schema", "shape", *PRIVACY, *CRITERIA])  # fmt: skip
    assert report.verdict == "pass", report.headline


def test_noise_fails_every_purpose() -> None:
    draw = np.random.default_rng(0)
    noise = clinic(1500, 3).assign(
        age=draw.integers(18, 99, 1500), sodium=draw.uniform(0, 300, 1500).round(1), stage="I", site="north"
    )
    for purpose in ("share-publicly", "share-under-agreement", "augment", "test-data"):
        report = audit(TRAIN, noise, HOLDOUT, schema=SCHEMA, policy=purpose, checks=["schema", "shape"])
        assert report.verdict == "fail", purpose


def test_a_split_that_is_not_random_voids_the_audit() -> None:
    people = clinic(1000, 1).sort_values("age")
    report = audit(people.iloc[:500], clinic(500, 3), people.iloc[500:], schema=SCHEMA, policy=LENIENT, checks=PRIVACY)
    assert report.verdict == "fail"
    assert report.headline.startswith("Void")


def test_too_few_records_are_inconclusive_and_say_how_many_would_do() -> None:
    report = audit(
        clinic(100, 1), clinic(100, 3), clinic(40, 2), schema=SCHEMA, policy=LENIENT, checks=["membership", "copies"]
    )
    bar = report["membership"].bars["membership_advantage"]
    assert (report.verdict, bar.verdict) == ("inconclusive", "inconclusive")
    assert bar.n_needed is not None and bar.n_needed > 80
    assert f"{bar.n_needed:,}" in report["membership"].reason
    assert "records would do" in report.headline


def test_without_held_out_records_nothing_passes() -> None:
    report = audit(TRAIN, clinic(1500, 3), schema=SCHEMA, policy=LENIENT, checks=PRIVACY)
    assert report.verdict == "inconclusive"
    assert "not measured" in report.headline
    answer = report["membership"]
    assert (answer.value, answer.interval, answer.n, answer.verdict) == (None, None, 0, "inconclusive")
    assert answer.bars["membership_advantage"].verdict == "inconclusive"
    assert report["copies"].value == 0


def test_a_required_bar_whose_check_was_not_asked_is_not_passed() -> None:
    report = privacy_of(clinic(1500, 3), checks=["copies"])
    assert report.verdict == "inconclusive"
    assert "not measured" in report.headline


def test_the_answer_of_a_check(fresh: AuditReport) -> None:
    answer = fresh["membership"]
    first = answer.estimates["membership_auc"]
    assert (answer.value, answer.interval, answer.n) == (first.value, first.interval, first.n)
    assert answer.reference == first.reference
    assert fresh["membership_inference"] is answer
    assert answer.bars["tpr_at_fpr_0.01"].gating and not answer.bars["tpr_at_fpr_0.10"].gating
    assert "required at most 0.05" in answer.reason
    with pytest.raises(AuditError, match="did you mean 'membership'"):
        fresh["membershp"]


def test_the_plain_form(fresh: AuditReport) -> None:
    plain = fresh.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert set(plain) == {
        "format", "name", "verdict", "headline", "policy", "data", "environment", "seed", "checks", "claims",
    }  # fmt: skip
    assert (plain["format"], plain["name"], plain["verdict"]) == (FORMAT, "clinic", "pass")
    assert plain["policy"]["sha256"] == Policy.load("share-under-agreement").sha256
    assert plain["data"] | {"kinds": None} == {
        "train_rows": 1500, "holdout_rows": 1500, "synthetic_rows": 1500, "columns": 7, "target": "died", "kinds": None,
    }  # fmt: skip
    assert list(plain["checks"]) == [name for name, member in Check.members.items() if member.matter == "table"]
    for name, check in plain["checks"].items():
        assert set(check) == {
            "value", "interval", "n", "estimate", "unit", "direction", "aspect", "source", "title", "reference",
            "verdict", "gating", "reason", "bars", "estimates", "detail", "terms",
            "settings", "spared",
        }, name  # fmt: skip
        if check["estimate"] is not None:  # else the schema names no survival time and no protected group
            assert check["value"] == check["estimates"][check["estimate"]]["value"]
            assert set(check["bars"]) <= set(check["estimates"])
        assert not set(check["detail"]) & {"records", "rows"}


def test_the_report_is_written_as_json_and_as_a_page(fresh: AuditReport, tmp_path: Path) -> None:
    assert json.loads(fresh.save(tmp_path / "report.json").read_text(encoding="utf-8")) == fresh.to_dict()
    assert "<html" in fresh.save(str(tmp_path / "report.html")).read_text(encoding="utf-8")
    with pytest.raises(AuditError, match="cannot be written as"):
        fresh.save(tmp_path / "report.pdf")


def test_one_seed_one_report() -> None:
    made = clinic(300, 3)
    first, again, other = (privacy_of(made, random_state=seed, checks=["membership"]).to_dict() for seed in (1, 1, 2))
    assert first == again
    assert first["checks"] != other["checks"]


def test_the_order_of_columns_and_the_index_are_nothing() -> None:
    made = clinic(300, 3)
    turned = made[made.columns[::-1]].set_index(np.arange(300, 600))
    checks = ["membership", "copies"]
    assert privacy_of(made, checks=checks).to_dict() == privacy_of(turned, checks=checks).to_dict()


def test_a_synthetic_table_may_lack_what_is_not_learnt() -> None:
    schema = Schema(columns=(Column(name="id", kind="identifier"), *SCHEMA))
    real, held_out = (frame.assign(id=range(len(frame))) for frame in (clinic(100, 1), clinic(100, 2)))
    assert audit(real, clinic(100, 3), held_out, schema=schema, policy=LENIENT)["membership"].n == 200


def test_progress_is_reported() -> None:
    stream = io.StringIO()
    privacy_of(clinic(100, 3), checks=["copies"], progress=LineProgress(stream))
    assert "audit" in stream.getvalue()


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"synthetic": clinic(50, 3).drop(columns=["age", "site"])}, "'age', 'site'"),
        ({"synthetic": clinic(50, 3).assign(height=1)}, "does not know: 'height'"),
        ({"holdout": clinic(50, 3).rename(columns={"age": "Age"})}, "held-out table: columns that the schema has"),
        ({"synthetic": clinic(50, 3).iloc[:0]}, "synthetic table: 0 records"),
        ({"real": clinic(19, 3)}, "training table: 19 records"),
        ({"synthetic": pd.concat([clinic(50, 3), clinic(50, 3)[["age"]]], axis=1)}, "twice: 'age'"),
        ({"synthetic": clinic(50, 3).assign(age="old")}, "synthetic table, column 'age'"),
        ({"holdout": TRAIN.iloc[:100]}, "100 of 100 records stand in the training table"),
        ({"holdout": pd.concat([clinic(100, 5), TRAIN.iloc[:40]])}, "40 of 140 records"),
    ],
)
def test_tables_that_do_not_go_together_are_refused(tables: dict[str, pd.DataFrame], said: str) -> None:
    given = {"real": TRAIN, "synthetic": clinic(50, 3), "holdout": HOLDOUT} | tables
    with pytest.raises(AuditError) as caught:
        audit(**given, schema=SCHEMA)  # type: ignore[arg-type]
    assert said in str(caught.value)
    assert caught.value.mend or "problems" in caught.value.what


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(AuditError) as caught:
        audit(TRAIN, clinic(50, 3).drop(columns="age").assign(height=1), HOLDOUT.drop(columns="ward"), schema=SCHEMA)
    assert all(f"'{name}'" in str(caught.value) for name in ("age", "height", "ward"))


def test_a_person_on_both_sides_is_refused() -> None:
    schema = Schema(columns=(Column(name="person", kind="integer", roles=("group",)), *SCHEMA))
    train, holdout = TRAIN.assign(person=range(1500)), HOLDOUT.assign(person=range(1490, 2990))
    with pytest.raises(AuditError, match=r"10 people are in the training table, too, by the column 'person'"):
        audit(train, clinic(50, 3), holdout, schema=schema)


def test_a_table_whose_records_repeat_by_nature_is_no_overlap() -> None:
    schema = Schema(columns=(SCHEMA["site"], SCHEMA["died"]))
    tables = [clinic(100, seed)[["site", "died"]] for seed in (1, 2, 3)]
    report = audit(tables[0], tables[1], tables[2], schema=schema, policy=LENIENT, checks=["copies"])
    assert report["copies"].bars["excess_copy_rate"].value == 0


def test_the_schema_is_inferred_when_none_is_given() -> None:
    report = audit(TRAIN, clinic(300, 3), HOLDOUT, policy=LENIENT, checks=["copies"])
    assert report.data["kinds"]["age"] == "integer"
    assert Schema.infer(TRAIN, DECLARED).target is not None


def test_unknown_checks_and_estimates_name_the_nearest() -> None:
    with pytest.raises(AuditError, match="did you mean 'membership'"):
        privacy_of(clinic(50, 3), checks=["membrship"])
    with pytest.raises(AuditError, match="did you mean 'shape_error'"):
        privacy_of(clinic(50, 3), policy=LENIENT.with_requirements({"shape_eror": "<= 0.1"}))


def test_checks_are_asked_for_by_name_by_settings_or_themselves() -> None:
    asked = questions(["membership_inference", {"kind": "membership", "neighbours": 3}, Copies()])
    assert [type(check).__name__ for check in asked] == ["Membership", "Membership", "Copies"]
    for matter in ("table", "images"):
        members = [member for member in Check.members.values() if member.matter == matter]
        assert [type(check) for check in questions(None, matter)] == members


def test_every_estimate_that_guards_people_has_a_bar(fresh: AuditReport) -> None:
    for name in (*PRIVACY, "utility"):
        assert set(fresh[name].estimates) == set(fresh[name].bars), name


def test_a_newcomer_s_check_is_one_class() -> None:
    class Rows(Check):
        """Counts the synthetic records."""

        kind: Literal["rows"] = "rows"
        aspect: ClassVar[Aspect] = "utility"
        unit: ClassVar[str] = "records"
        direction: ClassVar[str] = "more is better"
        source: ClassVar[str] = "this test"
        bars: ClassVar[dict[str, str]] = {"rows": ">= 10"}
        title: ClassVar[str] = "Rows"
        terms: ClassVar[dict[str, tuple[str, str]]] = {"rows": ("Rows", "How many there are.")}

        def run(self, evidence: Evidence) -> Finding:
            n = len(evidence.synthetic)
            return Finding({"rows": Estimate(n, (n, n), n)}, f"{n} records.")

    try:
        assert "rows" in known_estimates()
        ours = Policy(name="ours", purpose="To count.", require={"rows": ">= 60"})
        report = audit(TRAIN, clinic(50, 3), schema=SCHEMA, policy=ours, checks=["rows"])
        assert report.verdict == "fail"
        assert report["rows"].to_dict()["title"] == "Rows"
    finally:
        del Check.members["rows"]


def test_a_check_is_not_lenient_on_its_own_account() -> None:
    finding = Finding({"excess_copy_rate": Estimate(0.004, (0.003, 0.0045), 1000, Reference(0, (0, 0)))}, "Some.")
    strict = Policy(name="strict", purpose="To test.", require={"excess_copy_rate": "<= 0.001"})
    answer = judge(Copies(), finding, strict)
    assert answer.bars["excess_copy_rate"].verdict == "fail"
    assert conclude(strict, {"copies": answer})[0] == "fail"
    unjudged = judge(
        Copies(), finding, LENIENT.with_requirements({}).model_copy(update={"require": {"blind_auc": "includes 0.5"}})
    )
    assert unjudged.bars["excess_copy_rate"].verdict == "pass" and not unjudged.gating
