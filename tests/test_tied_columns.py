"""Tied columns: what repeats another column or keeps close to it does so in synthetic rows, under conditions too."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from worlds import stays

from synthdiff import TableDiffusion


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return stays(1_500)


@pytest.fixture(scope="module")
def model(frame: pd.DataFrame) -> TableDiffusion:
    return TableDiffusion(budget_steps=500, random_state=0).fit(frame)


def test_they_repeat_each_other_and_keep_their_order(model: TableDiffusion, frame: pd.DataFrame) -> None:
    made = model.sample(3000)
    gap, real = ((data["discharged"] - data["admitted"]).dt.days for data in (made, frame))
    assert (gap >= 0).mean() > 0.999 and (made["followed"] >= made["stay"]).mean() > 0.999
    # Between dates ten years apart a stay of weeks is told to within days.
    assert abs(gap.median() - real.median()) < 5 and gap.quantile(0.9) < 1.5 * real.quantile(0.9)
    repeats = (made["followed"] == made["stay"]).groupby(made["died"]).mean()
    assert repeats["yes"] > 0.98 and repeats["no"] < 0.02
    assert abs((made["died"] == "yes").mean() - 0.3) < 0.06


def test_conditions_on_them_hold(model: TableDiffusion) -> None:
    made = model.sample(500, given={"stay": (30, 40), "followed": (35, 45)})
    assert made["stay"].between(30, 40).all() and made["followed"].between(35, 45).all()
    assert (made["followed"] >= made["stay"]).all() and (made["followed"] == made["stay"]).any()
    made = model.sample(500, given={"stay": 33})
    assert (made["stay"] == 33).all() and (made["followed"] == 33).any() and (made["followed"] >= 33).all()
    assert (model.sample(300, given={"stay": 33, "died": "yes"})["followed"] == 33).mean() > 0.98


def test_what_contradicts_the_order_is_drawn_because_it_was_asked_for(model: TableDiffusion) -> None:
    made = model.sample(20, given={"stay": 60, "followed": (None, 30)})
    assert (made["stay"] == 60).all() and (made["followed"] <= 30).all()


def test_imputing_one_from_the_other(model: TableDiffusion, frame: pd.DataFrame) -> None:
    hidden = frame.assign(followed=pd.array([pd.NA] * len(frame), dtype="Int64"))
    (filled,) = model.impute(hidden)
    died = frame["died"] == "yes"
    assert (filled["followed"] >= frame["stay"]).mean() > 0.999
    assert (filled["followed"] == frame["stay"])[died].mean() > 0.98


def test_a_repeated_value_is_more_likely_than_one_nearby(model: TableDiffusion, frame: pd.DataFrame) -> None:
    died = frame[frame["died"] == "yes"]
    likely, unlikely = (model.log_likelihood(data) for data in (died, died.assign(followed=died["followed"] + 1)))
    assert np.isfinite(likely).all() and np.median(likely - unlikely) > 3


def test_a_saved_model_knows_its_ties(model: TableDiffusion, tmp_path: object) -> None:
    model.save(str(tmp_path))
    pd.testing.assert_frame_equal(TableDiffusion.load(str(tmp_path)).sample(50), model.sample(50))
