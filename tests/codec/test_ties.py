"""Ties: found where columns repeat each other beyond chance, are declared, or are dates in order; and nowhere else."""

from __future__ import annotations

import numpy as np
import pandas as pd
from worlds import stays

from synthdiff.codec.row import DIFFERENT, SAME, RowCodec
from synthdiff.schema import Schema


def ties(frame: pd.DataFrame, schema: Schema | None = None) -> dict[tuple[str, str], int]:
    """The order of each tie by source and target."""
    codec = RowCodec.fit(frame, schema or Schema.infer(frame), rare=5)
    names = list(codec.codecs)
    return {(names[tie.source], names[tie.target]): tie.order for tie in codec.ties}


def test_repeated_values_and_dates_in_order_are_ties() -> None:
    assert ties(stays(1_500)) == {
        ("stay", "followed"): 1,
        ("followed", "stay"): -1,
        ("admitted", "discharged"): 1,
        ("discharged", "admitted"): -1,
    }


def test_values_that_agree_by_chance_are_not() -> None:
    draw = np.random.default_rng(1)
    frame = pd.DataFrame({"a": draw.poisson(300, 1_500) // 3 + 0.5, "b": draw.poisson(300, 1_500) // 3 + 0.5})
    assert (frame["a"] == frame["b"]).mean() > 0.02 and ties(frame) == {}


def test_a_declared_order_is_a_tie_without_repeats() -> None:
    draw = np.random.default_rng(2)
    low = draw.normal(70, 10, 1_500)
    frame = pd.DataFrame({"diastolic": low, "systolic": low + 20 + draw.exponential(20, 1_500)})
    assert ties(frame) == {}
    declared = [{"kind": "inequality", "low": "diastolic", "high": "systolic"}]
    found = ties(frame, Schema.infer(frame).constrained(declared, frame))
    assert found == {("diastolic", "systolic"): 1, ("systolic", "diastolic"): -1}


def test_one_row_the_other_way_round_undoes_an_order() -> None:
    frame = stays(1_500)
    frame.loc[7, "discharged"] = frame.loc[7, "admitted"] - pd.Timedelta(days=1)
    assert ("admitted", "discharged") not in ties(frame)
    frame.loc[8, "followed"] = 1
    assert ties(frame) == {("stay", "followed"): 0, ("followed", "stay"): 0}


def test_agreement_and_anchors() -> None:
    frame = stays(1_500)
    frame["followed"] = frame["followed"].astype("Int64")
    frame.loc[:9, "followed"] = pd.NA
    codec = RowCodec.fit(frame, Schema.infer(frame), rare=5)
    rows = codec.encode(frame, np.random.default_rng(0))
    names = list(codec.codecs)
    place = [(names[tie.source], names[tie.target]) for tie in codec.ties].index(("stay", "followed"))
    agreement = codec.agreement(rows.exact, len(frame))[:, place]
    assert (agreement[:10] == 0).all()
    died = (frame["died"] == "yes").to_numpy()[10:]
    assert (agreement[10:][died] == SAME).all() and (agreement[10:][~died] == DIFFERENT).all()
    # An anchor is the code's detail that the target would have if it repeated the source.
    target = codec.detailed.index(names.index("followed"))
    body = rows.codes[:, names.index("followed")] == codec.states[names.index("followed")] - 1
    repeated = body & (codec.agreement(rows.exact, len(frame))[:, place] == SAME)
    apart = np.abs(codec.anchors(rows.exact)[repeated, place] - rows.detail[repeated, target])
    assert np.median(apart) < 0.05
