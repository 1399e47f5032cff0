"""On the models of the MIDST challenge, whose members are known, the attack finds as many as it was found to find."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

midst = pytest.importorskip("benchmarks.midst", reason="run the tests as `python -m pytest`, from the checkout")


@pytest.mark.slow
def test_the_attack_without_labels_reaches_its_published_rate(shared_data: Path) -> None:
    known, labelled = midst.load(shared_data / "audit" / "midst")
    member, scores = [], []
    for release, others in midst.attacks(known, labelled):
        member.append(release.member)
        scores.append(midst.untrained(release, others))
    rates = {
        name: midst.true_positive_rate(np.concatenate(member), np.concatenate([own[name] for own in scores]))
        for name in scores[0]
    }
    assert len(np.concatenate(member)) == 2000
    assert rates["calibrated attack"] == pytest.approx(0.227, abs=0.007)
    assert rates["calibrated by other releases"] >= 0.22
    assert rates["distance to the closest record"] == pytest.approx(0.16, abs=0.01)


def test_the_rate_is_that_of_the_best_threshold_within_the_false_positives() -> None:
    member = np.repeat([True, False], 10)
    scores = np.concatenate([np.arange(10) + 0.5, np.arange(10.0)])
    assert midst.true_positive_rate(member, scores) == 0.2  # Above 8 are 8.5 and 9.5, and one of ten others.
    assert midst.true_positive_rate(member, np.zeros(20)) == 0.0
    assert midst.true_positive_rate(member, member.astype(float)) == 1.0


def test_no_candidate_is_its_own_surrounding(shared_data: Path) -> None:
    known, labelled = midst.load(shared_data / "audit" / "midst")
    release, others = next(midst.attacks(known, labelled))
    assert len(others) == 9
    assert not midst.real(others, release.candidates)["trans_id"].isin(release.candidates["trans_id"]).any()
    more = known[0].with_more(known[1:], 50, np.random.default_rng(0))
    assert (more.candidates["trans_id"].isin(known[0].train["trans_id"]) == more.member).all()
    assert not midst.real(known[1:], more.candidates)["trans_id"].isin(more.candidates["trans_id"]).any()
