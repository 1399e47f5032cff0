"""SynthEval's results: recomputed by its definitions, with what these do to copies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from given import REPORTS, document, planted

from synthdiff.checks.check import Evidence
from synthdiff.claims import Examined, examine, read
from synthdiff.claims.encoded import Encoded
from synthdiff.claims.syntheval import SynthEval
from synthdiff.errors import AuditError

Census = Callable[..., Evidence]

DRAWN = {"pca", "mia", "auroc_diff", "auroc", "att_discl", "att_discl_risk", "pca_eigval_diff", "pca_eigvec_ang"}
"""Metrics that rest on fitted models or on draws without a seed."""


def answers(report: Any, evidence: Evidence) -> dict[str, Examined]:
    return {found.claim.where: found for found in examine(SynthEval().claims(report, "report.json"), evidence)}


@pytest.mark.parametrize(
    ("name", "which"),
    [
        ("good", "good"),
        pytest.param("good-key", "good", marks=pytest.mark.slow),
        pytest.param("copy", "copy", marks=pytest.mark.slow),
        pytest.param("good-columns", "good", marks=pytest.mark.slow),
        pytest.param("shuffled", "shuffled", marks=pytest.mark.slow),
    ],
)
def test_true_results_hold(name: str, which: str, census: Census) -> None:
    found = examine(read(REPORTS / f"syntheval-census600-{name}.json"), census(which, 600))
    assert not [one.claim.where for one in found if one.outcome == "does not hold"]
    open_ = {one.claim.measure for one in found if one.outcome == "cannot be recomputed"}
    assert open_ <= DRAWN | {"ks_test"}
    assert sum(one.outcome == "holds" for one in found) >= 25


def test_every_changed_figure_is_found(census: Census) -> None:
    report = document("syntheval-census600-good")
    claims = [claim for claim in SynthEval().claims(report, "") if claim.measure not in DRAWN]
    for claim in claims:
        # A third of them are errors of some thousandths; the number of significant columns is known within bounds.
        wrong = 99 if "sigs" in claim.where else claim.value * 1.05 + 0.05
        report = planted(report, claim.where, wrong)
    found = answers(report, census("good", 600))
    drawn = ("ks_test.avg pval", "ks_test.pval err")
    missed = [c.where for c in claims if found[c.where].outcome != "does not hold" and c.where not in drawn]
    assert missed == []


def test_a_copy_in_order_scores_as_perfect_and_the_reason_stands_beside_it(census: Census) -> None:
    found = answers(document("syntheval-census600-copy"), census("copy", 600))
    assert (found["dcr.mDCR"].outcome, found["dcr.mDCR"].recomputed) == ("holds", 1.0)
    assert (found["eps_risk.eps_risk"].outcome, found["eps_risk.eps_risk"].recomputed) == ("holds", 0.0)
    assert "takes a copy for the best there is" in [defect.name for defect in found["dcr.mDCR"].defects]
    report = {"dcr": {"mDCR": 1.0}, "eps_risk": {"eps_risk": 0.0}}
    shuffled = answers(report, census("shuffled", 600))
    assert {one.outcome for one in shuffled.values()} == {"does not hold"}
    assert shuffled["dcr.mDCR"].recomputed == 0.0


def test_settings_may_stand_beside_the_results(census: Census) -> None:
    evidence = census("good", 200)
    levels = list(Encoded.of([evidence.train, evidence.synthetic], None).levels)
    wrapped = {"results": {"hit_rate": {"hit rate": 0.5}, "dcr": {"mDCR": 1.0}}, "nn_distance": "euclid"}
    found = answers(wrapped | {"cat_cols": levels, "config": {"hit_rate": {"thres_percent": 1.0}}}, evidence)
    assert found["results.hit_rate.hit rate"].outcome == "does not hold"
    assert found["results.dcr.mDCR"].outcome == "cannot be recomputed"
    assert "gower" in found["results.dcr.mDCR"].reason


def test_records_with_missing_cells_are_left_out() -> None:
    table = pd.DataFrame({"a": [1.5, None, 2.5, 3.5], "b": ["x", "y", "z", None]})
    encoded = Encoded.of([table, table.iloc[[0, 2]]], ["b"])
    assert (len(encoded.real), len(encoded.synthetic)) == (2, 2)
    assert encoded.real["a"].tolist() == [0.0, 1.0]
    assert encoded.real["b"].tolist() == [0.0, 1.0]


def test_what_is_not_known_is_told() -> None:
    with pytest.raises(AuditError, match=r"given.json, \[0\].val: found the text 'high', allowed: a number"):
        SynthEval().claims([{"metric": "nnaa", "val": "high"}], "given.json")
    with pytest.raises(AuditError, match=r"given.json, settings: found nothing, allowed: the keys results, config"):
        SynthEval().claims({"results": {"dcr": {"mDCR": 1}}, "settings": None}, "given.json")


def test_a_metric_of_a_later_version_is_claimed_and_left_open(census: Census) -> None:
    found = answers([{"metric": "new_metric", "val": 0.5, "err": 0.1}], census("good", 100))
    assert {one.outcome for one in found.values()} == {"cannot be recomputed"}
