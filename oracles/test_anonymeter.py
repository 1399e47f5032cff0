"""Our three criteria against Anonymeter's, where Anonymeter is right; and where it is not, that it is not.

With a control of equal size its risks are right, up to its choice of distance, its lots among equally near records, and
intervals that take all guesses for independent. Its defects, shown in the second test: with a control smaller than the
training data, its correction finds leaks in fresh samples; the naive baseline of the inference attack holds guesses
against other rows' indices, most of which do not match; a negative guess at a number is always right.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from oracles.environment import ask
from synthdiff.checks.check import Evidence, Finding
from synthdiff.checks.privacy.attribute_inference import AttributeInference
from synthdiff.checks.privacy.linkability import Linkability
from synthdiff.checks.privacy.singling_out import SinglingOut
from synthdiff.schema import Schema

SECRETS = ["income", "education", "marital_status"]
COLUMNS = 5
WORLDS = {"good": "syn_mostly", "changed": "syn_flip30", "copy": "trn"}

World = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


@pytest.fixture(scope="module", params=list(WORLDS))
def world(request: pytest.FixtureRequest, shared_data: Path) -> World:
    """Training, held-out and synthetic records of a census, 2,000 each."""
    folder = shared_data / "audit/mostlyai-qa/examples/quick-start"
    train, holdout, synthetic = (
        pd.read_csv(folder / f"census2k-{part}.csv.gz") for part in ("trn", "hol", WORLDS[request.param])
    )
    return train, holdout, synthetic


def test_our_risks_agree_with_anonymeters(world: World) -> None:
    train, holdout, synthetic = world
    schema = Schema.infer(pd.concat(world))
    singled = SinglingOut(columns=COLUMNS).run(Evidence(train, holdout, synthetic, schema, 0))
    linked = Linkability(splits=1).run(Evidence(train, holdout, synthetic, schema, 0))
    task = {
        "seed": 0,
        "guesses": 500,
        "columns": COLUMNS,
        "attacks": 2000,
        "halves": linked.detail["splits"][0]["halves"],
        "secrets": SECRETS,
    }
    theirs = ask("anonymeter", task, train=train, control=holdout, synthetic=synthetic)
    ours = {mode: singled.detail[mode] for mode in ("univariate", "multivariate")}
    ours["linkability"] = linked.detail["by_lot"]
    ours |= {secret: inferred(world, secret).detail["nearest"] for secret in SECRETS}
    apart = {name: (ours[name], theirs[name]) for name in theirs if not overlap(ours[name], theirs[name])}
    assert not apart


def test_what_anonymeter_gets_wrong_is_still_wrong_there(shared_data: Path) -> None:
    adult = pd.concat([pd.read_csv(shared_data / f"tables/adult/{part}.csv") for part in ("train", "test")])
    shuffled = adult.sample(frac=1, random_state=1).reset_index(drop=True)
    # All of one population: the right answer is that nothing leaks.
    train, synthetic, control = shuffled[:4000], shuffled[4000:8000], shuffled[8000:9000]
    found = ask("anonymeter", {"defects": True, "seed": 0}, train=train, control=control, synthetic=synthetic)
    assert found["negative_guess_is_right"]
    assert found["small_control"]["interval"][0] > 0
    # To say what somebody else earns is right in 63 of 100 cases: .76² + .24².
    frequent = train["income"].value_counts(normalize=True)
    assert (frequent**2).sum() == pytest.approx(0.63, abs=0.02)
    assert found["naive_baseline"] < 0.4

    evidence = Evidence(train, control, synthetic, Schema.infer(adult), 0)
    low, high = SinglingOut(columns=4).run(evidence).estimates["singling_out_multivariate_risk"].interval
    assert low < 0 < high
    naive = inferred((train, control, synthetic), "income").detail["columns"][0]["naive"]
    assert naive == pytest.approx(frequent.max(), abs=0.03)


def inferred(world: World, secret: str) -> Finding:
    """The inference of one column from all others."""
    train, holdout, synthetic = world
    schema = Schema.infer(pd.concat(world), {secret: {"role": "sensitive"}})
    return AttributeInference().run(Evidence(train, holdout, synthetic, schema, 0))


def overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two intervals, which both cover the risk, have a value in common."""
    return bool(max(one["interval"][0], other["interval"][0]) <= min(one["interval"][1], other["interval"][1]))
