"""Structural zeros: what chance explains is not barred, what it cannot is, and what a constraint rules out always."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthdiff.codec.row import RowCodec
from synthdiff.codec.zeros import EXPECTED, Zeros
from synthdiff.schema import Schema

RNG = np.random.default_rng(0)


def barred(
    frame: pd.DataFrame, schema: Schema | None = None, rare: int = 5
) -> dict[tuple[str, str], set[tuple[object, object]]]:
    """By two columns, the pairs of decoded values that are barred; a body is told as "…"."""
    codec = RowCodec.fit(frame, schema or Schema.infer(frame), rare=rare)
    names = list(codec.codecs)
    found = {}
    for zeros in codec.zeros:
        pair = names[zeros.first], names[zeros.second]
        table = zeros.table(codec.states)
        assert table.shape == (codec.states[zeros.first], codec.states[zeros.second])
        found[pair] = {
            (_told(codec, pair[0], int(first)), _told(codec, pair[1], int(second)))
            for first, second in zip(*np.nonzero(table == 0), strict=True)
        }
    return found


def _told(codec: RowCodec, name: str, code: int) -> object:
    part, column = codec.codecs[name], codec.table[name]
    if part.detailed and code == part.states - 1:
        return "…"
    cell = column.restore(part.decode(np.array([code]), np.zeros(1, np.float32)))[0]
    return None if pd.isna(cell) else cell


def test_a_value_that_is_there_only_where_it_was_measured() -> None:
    n = 2_000
    measured = RNG.random(n) < 0.5
    frame = pd.DataFrame(
        {"measured": np.where(measured, "t", "f"), "value": np.where(measured, RNG.normal(size=n), np.nan)}
    )
    assert barred(frame) == {("measured", "value"): {("f", "…"), ("t", None)}}


def test_a_value_is_barred_as_a_whole_where_each_of_its_levels_is_too_rare_to_tell() -> None:
    n = 2_000
    measured = np.arange(n) % 20 == 0
    levels = np.arange(n) // 20 % 5
    frame = pd.DataFrame({"measured": np.where(measured, "t", "f"), "value": np.where(measured, levels, np.nan)})
    assert (~measured).mean() * measured.sum() / 5 < EXPECTED
    assert barred(frame)["measured", "value"] == {("f", level) for level in range(5)} | {("t", None)}


def test_independent_columns_and_small_tables_bar_nothing() -> None:
    frame = pd.DataFrame({"a": RNG.integers(0, 30, 4_000).astype(str), "b": RNG.integers(0, 30, 4_000).astype(str)})
    assert barred(frame) == {}
    few = pd.DataFrame({"a": ["x"] * 50 + ["y"] * 10, "b": ["u"] * 50 + ["v"] * 10})
    assert EXPECTED > 60 * (50 / 60) * (10 / 60) and barred(few) == {}


def test_one_record_with_a_pair_is_enough_to_admit_it() -> None:
    frame = pd.DataFrame({"sex": ["f"] * 500 + ["m"] * 500, "pregnant": ["yes"] * 250 + ["no"] * 750})
    assert barred(frame) == {("sex", "pregnant"): {("m", "yes")}}
    frame.loc[999, "pregnant"] = "yes"
    assert barred(frame) == {}


def test_what_a_constraint_rules_out_is_barred_however_rare() -> None:
    frame = pd.DataFrame(
        {
            "a": ["x"] * 60 + ["y"] * 40,
            "b": ["u"] * 60 + ["v"] * 40,
            "c": ["k"] * 30 + ["l"] * 70,
            "up": [1] * 30 + [0] * 70,
            "down": [0] * 30 + [1] * 70,
        }
    )
    declared = Schema.infer(frame).constrained(
        [
            {"kind": "implication", "when": {"a": "x"}, "then": {"b": "u"}},
            {"kind": "combinations", "columns": ["a", "c"]},
            {"kind": "one_hot", "columns": ["up", "down"]},
        ],
        frame,
    )
    found = barred(frame, declared)
    assert found["a", "b"] == {("x", "v")}
    assert found["a", "c"] == {("y", "k")}
    assert found["up", "down"] == {(1, 1), (0, 0)}


def test_the_table_of_a_pair() -> None:
    table = Zeros(first=0, second=1, cells=(1, 5)).table((2, 3))
    assert table.tolist() == [[1, 0, 1], [1, 1, 0]]
