"""mostlyai-qa's metrics: what rests on the data holds or does not, what rests on embedded words is said to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from given import REPORTS, document, planted

from synthdiff.checks.check import Evidence
from synthdiff.claims import Examined, examine, read
from synthdiff.claims.accuracy import Accuracies, _edges, _placed
from synthdiff.claims.mostlyai import MostlyAI
from synthdiff.errors import AuditError
from synthdiff.schema import Schema

Census = Callable[..., Evidence]


def answers(report: Any, evidence: Evidence) -> dict[str, Examined]:
    return {found.claim.where: found for found in examine(MostlyAI().claims(report, "report.json"), evidence)}


@pytest.mark.parametrize("which", ["good", "changed", "copy"])
def test_true_accuracies_hold(which: str, census: Census) -> None:
    found = answers(document(f"mostlyai-census-{which}"), census(which))
    accuracies = {one.outcome for place, one in found.items() if place.startswith("accuracy")}
    assert accuracies == {"holds"}
    others = Counter(one.outcome for place, one in found.items() if not place.startswith("accuracy"))
    assert "does not hold" not in others
    assert "embedding" in found["distances.dcr_share"].reason


def test_a_report_without_holdout_is_cut_on_the_training_records(census: Census) -> None:
    found = answers(document("mostlyai-census-no-holdout"), census("good"))
    assert {one.outcome for place, one in found.items() if place.startswith("accuracy")} == {"holds"}
    assert not [one for one in found.values() if one.outcome == "does not hold"]


def test_a_report_with_holdout_needs_it(census: Census) -> None:
    found = answers(document("mostlyai-census-good"), census("good", holdout=False))
    assert {one.outcome for one in found.values()} == {"cannot be recomputed"}
    assert "held-out records" in found["accuracy.overall"].reason


@pytest.mark.parametrize("which", ["good", "changed"])
def test_tables_without_words_have_every_distance_recomputed(which: str, census: Census) -> None:
    found = answers(document(f"mostlyai-numbers-{which}"), census(which, numbers=True))
    open_ = {place for place, one in found.items() if one.outcome != "holds"}
    assert open_ == {f"similarity.discriminator_auc_training_{other}" for other in ("synthetic", "holdout")}
    assert len(found) == 22


def test_every_changed_figure_is_found(census: Census) -> None:
    report = document("mostlyai-numbers-changed")
    for claim in MostlyAI().claims(report, ""):
        report = planted(report, claim.where, claim.value + (0.03 if claim.value < 0.9 else -0.03))
    found = answers(report, census("changed", numbers=True))
    held = {place for place, one in found.items() if one.outcome != "does not hold"}
    assert held == {f"similarity.discriminator_auc_training_{other}" for other in ("synthetic", "holdout")}


def test_identical_records_that_a_report_hides_are_found_beside_words(census: Census) -> None:
    report = planted(document("mostlyai-census-changed"), "distances.ims_training", 0.01)
    found = answers(report, census("changed"))["distances.ims_training"]
    assert found.outcome == "does not hold"
    assert found.recomputed is None
    assert found.bounds is not None and found.bounds[0] == pytest.approx(0.0495)


def test_known_defects_stand_beside_the_figures(census: Census) -> None:
    found = answers(document("mostlyai-census-good"), census("good", 200))
    share = [defect.name for defect in found["distances.dcr_share"].defects]
    assert "distance is not privacy" in share and "not reproducible" in share
    assert [defect.name for defect in found["accuracy.overall_max"].defects] == ["not a measured maximum"]


def test_names_by_alias_and_mistakes() -> None:
    by_alias = {claim.measure for claim in MostlyAI().claims(document("mostlyai-census-no-holdout"), "")}
    assert {"similarity.discriminator_auc_training_synthetic", "accuracy.univariate_max"} <= by_alias
    with pytest.raises(
        AuditError, match=r"given.json, accuracy.univariat: found the number 1.0, allowed: the keys overall"
    ):
        MostlyAI().claims({"accuracy": {"univariat": 1.0}}, "given.json")
    with pytest.raises(AuditError, match=r"accuracy.overall: found the number 1.5, allowed: a number from 0 to 1"):
        MostlyAI().claims({"accuracy": {"overall": 1.5}}, "given.json")


def test_sequences_cannot_be_recomputed(census: Census) -> None:
    report = document("mostlyai-census-good")
    report["accuracy"]["coherence"] = 0.9
    assert {one.outcome for one in answers(report, census("good")).values()} == {"cannot be recomputed"}


def test_a_few_values_have_a_bin_each_and_many_are_cut_at_quantiles() -> None:
    few = np.array([3.0, 1.0, 1.0, np.nan, 2.0])
    assert _placed(few, _edges(few, moments=False)).tolist() == [2, 0, 0, 11, 1]
    many = np.arange(1000.0)
    placed = _placed(many, _edges(many, moments=False))
    assert np.bincount(placed).tolist() == pytest.approx([100] * 10, abs=1)
    assert _placed(np.array([-5.0, 5000.0]), _edges(many, moments=False)).tolist() == [0, 9]


def test_rare_levels_are_pooled() -> None:
    real, synthetic = (pd.DataFrame({"site": ["a"] * 50 + ["b"] * 40 + [rare] * 4}) for rare in ("c", "d"))
    schema = Schema.infer(real, {"site": {"kind": "categorical", "levels": ["a", "b", "c", "d"]}})
    assert Accuracies(Evidence(real, None, synthetic, schema, 0)).recompute("univariate").value == pytest.approx(1.0)


def test_text_and_ties_leave_room() -> None:
    rows = 100
    words = pd.DataFrame(
        {
            "note": [f"patient {i} was well" for i in range(rows)],
            "ward": [f"w{i % 20:02d}" for i in range(rows)],
            "age": np.arange(rows),
        }
    )
    schema = Schema.infer(words)
    evidence = Evidence(words, None, words.iloc[::-1].reset_index(drop=True), schema, 0)
    whole = Accuracies(evidence).recompute("univariate")
    assert whole.value is None and "text" in whole.reason
    tied = Accuracies(Evidence(words[["ward", "age"]], None, words[["ward", "age"]], schema, 0)).recompute("univariate")
    assert tied.value == pytest.approx(1.0)
    assert tied.high - tied.low == pytest.approx(2 * (0.05 + 0.05) / 2, rel=1e-3)


def test_the_file_is_read_as_it_is() -> None:
    claims = read(REPORTS / "mostlyai-census-good.json")
    assert len(claims) == 22
    assert {claim.source for claim in claims} == {"mostlyai"}
