"""White-box membership: finds what is planted, and nothing where there is nothing."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from synthdiff.auditing import questions
from synthdiff.checks.check import Evidence, Losses
from synthdiff.checks.privacy.white_box import WhiteBoxMembership
from synthdiff.schema import Schema

EMPTY = pd.DataFrame(index=range(400))


def evidence(shift, n=400, m=200):
    draw = np.random.default_rng(1)
    losses = Losses(draw.normal(-shift, 1, n), draw.normal(0, 1, m))
    return Evidence(EMPTY, EMPTY, EMPTY, Schema(columns=()), 0, losses=losses)


def test_a_model_that_knows_its_records_is_found():
    found = WhiteBoxMembership().run(evidence(1.0)).estimates["white_box_auc"]
    # Two normals a standard deviation apart: Phi(1 / sqrt 2).
    assert found.interval[0] < 0.760 < found.interval[1]
    assert found.interval[0] > 0.6
    assert found.reference.interval[0] < 0.5 < found.reference.interval[1]


def test_a_model_that_knows_all_alike_is_not():
    finding = WhiteBoxMembership().run(evidence(0.0))
    for name, chance in (("white_box_auc", 0.5), ("white_box_tpr_at_fpr_0.10", 0.1)):
        estimate = finding.estimates[name]
        assert estimate.interval[0] < chance < estimate.interval[1]


@pytest.mark.parametrize("without", [None, Losses(np.zeros(400), np.zeros(3))])
def test_without_a_model_or_a_control_nothing_is_claimed(without):
    finding = WhiteBoxMembership().run(replace(evidence(1.0), losses=without))
    assert not finding.estimates
    assert finding.reason


@pytest.mark.parametrize("matter", ["table", "images"])
def test_it_is_asked_where_there_is_a_model(matter):
    def asked(model):
        return any(isinstance(check, WhiteBoxMembership) for check in questions(None, matter, model=model))

    assert asked(True)
    assert not asked(False)
