"""Constraints: what is refused, what holds, and that repair makes rows hold by the least change."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings, strategies as st
from pydantic import TypeAdapter, ValidationError

from synthdiff.errors import DataError, SchemaError
from synthdiff.schema import AnyRule, Column, Constraint, Implication, Inequality, Schema, broken, mend
from synthdiff.schema.grid import absent, on_grid
from synthdiff.schema.rule import ImplicationRule, InequalityRule, SumRule

LAW = settings(deadline=None, max_examples=40)
ANY_RULE: TypeAdapter[Any] = TypeAdapter(AnyRule)

GRADES = ("low", "mid", "high", "top")
NUMBERS = [
    Column(name="whole", kind="integer", dtype="int64", nullable=True),
    Column(name="small", kind="integer", dtype="Int16", nullable=True),
    Column(name="tenths", kind="continuous", dtype="float64", decimals=1, nullable=True),
    Column(name="single", kind="continuous", dtype="float32", decimals=2, nullable=True),
    Column(name="free", kind="continuous", dtype="float64", nullable=True),
    Column(name="free32", kind="continuous", dtype="float32", nullable=True),
]
MOMENTS = [
    Column(name="day", kind="datetime", dtype="datetime64[us]", step=86_400, nullable=True),
    Column(name="date", kind="datetime", dtype="date", step=86_400, nullable=True),
    Column(name="berlin", kind="datetime", dtype="datetime64[us, Europe/Berlin]", step=86_400, nullable=True),
    Column(name="minute", kind="datetime", dtype="datetime64[s, America/New_York]", step=60, nullable=True),
    Column(name="milli", kind="datetime", dtype="datetime64[ms]", nullable=True),
    Column(name="micro", kind="datetime", dtype="datetime64[us]", nullable=True),
]
ORDERED = [
    Column(name="before", kind="ordinal", dtype="str", levels=GRADES, nullable=True),
    Column(name="after", kind="ordinal", dtype="str", levels=GRADES, nullable=True),
]
PAIRS = [(low, high) for sort in (NUMBERS, MOMENTS, ORDERED) for low in sort for high in sort if low is not high]


def cells(draw: st.DrawFn, column: Column, n: int, scale: float = 100.0) -> np.ndarray:
    """Coordinates that the column can have, some of them missing."""
    gone = np.array(draw(st.lists(st.sampled_from([False] * 5 + [True]), min_size=n, max_size=n)))
    if column.discrete:
        places = draw(st.lists(st.integers(0, len(column.levels or ()) - 1), min_size=n, max_size=n))
        return np.where(gone, -1, places).astype(np.int64)
    start, width = (1.6e9, 1e7) if column.kind == "datetime" else (0.0, scale)
    points = draw(st.lists(st.floats(-1, 1), min_size=n, max_size=n))
    return np.where(gone, np.nan, on_grid(column, start + width * np.array(points)))


@st.composite
def rows(draw: st.DrawFn, *columns: Column) -> dict[str, np.ndarray]:
    n = draw(st.integers(1, 12))
    return {column.name: cells(draw, column, n) for column in columns}


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray], where: Any = slice(None)) -> bool:
    return all(
        np.array_equal(one[name][where], other[name][where], equal_nan=one[name].dtype.kind == "f") for name in one
    )


def stands_on_its_grid(column: Column, values: np.ndarray) -> bool:
    there = values[~absent(values)]
    return column.discrete or np.array_equal(on_grid(column, there), there)


def ordering(low: Column, high: Column, strict: bool = False) -> InequalityRule:
    return InequalityRule(name="order", low=low, high=high, strict=strict)


# --- inequality --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("low", "high"), PAIRS, ids=lambda column: column.name)
@settings(deadline=None, max_examples=8)
@given(data=st.data(), strict=st.booleans())
def test_repair_puts_what_is_higher_at_least_as_high(low: Column, high: Column, data: Any, strict: bool) -> None:
    values = data.draw(rows(low, high))
    before = {name: cells.copy() for name, cells in values.items()}
    rule = ordering(low, high, strict)
    held = rule.holds(values)
    mended = rule.repair(values)
    # The highest level has none above it, and the lowest none below.
    stuck = low.discrete and strict and (values[low.name] == 3) & (values[high.name] == 0)
    assert np.array_equal(rule.holds(mended), ~np.broadcast_to(stuck, held.shape)) and same(before, values)
    assert same(values, mended, held) and all(stands_on_its_grid(column, mended[column.name]) for column in (low, high))
    assert same(mended, rule.repair(mended))
    if not low.discrete:
        assert same({low.name: values[low.name]}, mended)


@LAW
@given(data=st.data(), strict=st.booleans())
def test_no_smaller_change_would_do(data: Any, strict: bool) -> None:
    low, high = NUMBERS[2], NUMBERS[0]
    values = data.draw(rows(low, high))
    rule = ordering(low, high, strict)
    mended = rule.repair(values)
    changed = ~rule.holds(values)
    less = mended | {high.name: np.where(changed, mended[high.name] - 1, mended[high.name])}
    assert not rule.holds(less)[changed].any()


def test_where_the_higher_cannot_be_raised_the_lower_is_lowered() -> None:
    low = Column(name="low", kind="integer", dtype="int64", minimum=2)
    high = Column(name="high", kind="integer", dtype="int64", maximum=5)
    values = {"low": np.array([9.0, 3.0, 8.0]), "high": np.array([5.0, 1.0, 1.0])}
    rule = ordering(low, high, strict=True)
    mended = rule.repair(values)
    assert (mended["low"].tolist(), mended["high"].tolist()) == ([4.0, 3.0, 8.0], [5.0, 4.0, 1.0])
    assert rule.holds(mended).tolist() == [True, True, False]
    kept = {"high": np.array([True, True, True])}
    assert rule.repair(values, kept)["high"] is values["high"]
    assert rule.holds(rule.repair(values, kept)).tolist() == [True, False, False]
    assert same(values, rule.repair(values, kept | {"low": np.array([True, True, True])}))


def test_a_missing_cell_breaks_no_inequality() -> None:
    for low, high, gone in ((*ORDERED, -1), (*NUMBERS[:2], np.nan)):
        values = {low.name: np.array([2, gone, gone, 2]), high.name: np.array([gone, 1, gone, 1])}
        assert ordering(low, high).holds(values).tolist() == [True, True, True, False]


# --- sum ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("total", NUMBERS[:1] + NUMBERS[2:], ids=lambda column: column.name)
@LAW
@given(data=st.data())
def test_repair_computes_the_total_anew(total: Column, data: Any) -> None:
    flag = Column(name="flag", kind="boolean", dtype="bool", levels=(False, True), nullable=True)
    points = Column(name="points", kind="ordinal", dtype="int64", levels=(1, 2, 4), nullable=True)
    parts = (*(column for column in NUMBERS if column is not total), flag, points)
    values = data.draw(rows(total, *parts))
    rule = SumRule(name="sum", total=total, parts=parts)
    mended = rule.repair(values)
    assert rule.holds(mended).all() and same(values, mended, rule.holds(values))
    assert same({part.name: values[part.name] for part in parts}, mended)
    assert same(mended, rule.repair(mended)) and stands_on_its_grid(total, mended[total.name])
    whole = {name: cells for name, cells in mended.items() if name != total.name}
    known = ~np.any([absent(cells) for cells in mended.values()], axis=0)
    number = sum(whole[part.name] for part in parts[:-2])
    number = number + whole["flag"] + np.take([1.0, 2.0, 4.0], whole["points"])
    slack = {"integer": 0.5, "continuous": 0.5 * 10.0 ** -(total.decimals or 6)}[total.kind]
    assert (np.abs(mended[total.name] - number)[known] <= slack * 1.001 + 1e-5 * np.abs(number[known])).all()


def test_a_sum_of_whole_numbers_is_exact_and_one_of_decimals_is_rounded() -> None:
    whole = SumRule(name="s", total=NUMBERS[0], parts=(NUMBERS[1], NUMBERS[2]))
    large = {"whole": np.array([1e9, 1e9 + 1, 3.0, np.nan]), "small": np.array([1e9, 1e9, 2.0, 5.0])}
    assert whole.holds(large | {"tenths": np.array([0.0, 0.0, 0.6, 0.0])}).tolist() == [True, False, True, True]
    tenths = SumRule(name="s", total=NUMBERS[2], parts=(NUMBERS[4], NUMBERS[5]))
    values = {"tenths": np.array([0.3, 0.3, 0.3]), "free": np.array([0.1, 0.12, 0.2]), "free32": np.full(3, 0.22)}
    assert tenths.holds(values).tolist() == [True, True, False]
    assert tenths.repair(values)["tenths"].tolist() == [0.3, 0.3, 0.4]
    assert tenths.repair(values, {"tenths": np.full(3, True)})["tenths"] is values["tenths"]


# --- a ward whose rows obey --------------------------------------------------------------------------------------


def ward(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """A table in which every kind of constraint holds, with missing cells."""
    draw = np.random.default_rng(seed)
    sex = draw.choice(["female", "male"], n)
    city = draw.choice(["Aachen", "Bonn", "Celle"], n, p=[0.5, 0.45, 0.05])
    measured = draw.choice(["f", "t"], n)
    stay, more = draw.integers(1, 20, n), draw.integers(0, 60, n)
    eye, verbal = draw.integers(1, 5, n), draw.integers(1, 6, n)
    admitted = pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 300, n), unit="D")
    frame = pd.DataFrame(
        {
            "slos": stay,
            "d.time": pd.array(stay + more, dtype="Int64"),
            "admitted": admitted,
            "seen": admitted + pd.to_timedelta(stay, unit="D"),
            "eye": eye,
            "verbal": verbal,
            "gcs": eye + verbal,
            "sex": sex,
            "pregnant": np.where(sex == "male", "no", draw.choice(["no", "yes"], n)),
            "tsh_measured": measured,
            "tsh": np.where(measured == "t", draw.gamma(2, 1, n).round(2), np.nan),
            "stage": draw.choice(["I", "II", "III", "IV"], n),
            "city": city,
            "state": pd.Series(city).map({"Aachen": "NRW", "Bonn": "NRW", "Celle": "NDS"}),
            **{f"in_{name}": (city == name).astype(int) for name in ("Aachen", "Bonn", "Celle")},
            "patient_id": [f"P{row:04}" for row in range(n)],
        }
    )
    frame.loc[draw.random(n) < 0.1, "d.time"] = pd.NA
    frame.loc[draw.random(n) < 0.1, "pregnant"] = None
    frame.loc[draw.random(n) < 0.1, "state"] = None
    return frame


WARD = ward()
DECLARED = {"stage": {"kind": "ordinal", "levels": ["I", "II", "III", "IV"]}}
ORDER = {"kind": "inequality", "low": "slos", "high": "d.time"}
DATES = {"kind": "inequality", "low": "admitted", "high": "seen", "strict": True}
SUM = {"kind": "sum", "total": "gcs", "parts": ["eye", "verbal"]}
MALES = {"kind": "implication", "when": {"sex": "male"}, "then": {"pregnant": "no"}}
UNMEASURED = {"kind": "implication", "when": {"tsh_measured": "f"}, "then": {"tsh": {"missing": True}}}
PLACES = {"kind": "combinations", "columns": ["city", "state"]}
FLAGS = {"kind": "one_hot", "columns": ["in_Aachen", "in_Bonn", "in_Celle"]}
ALL = [ORDER, DATES, SUM, MALES, UNMEASURED, PLACES, FLAGS]
NAMES = [
    "slos <= d.time",
    "admitted < seen",
    "gcs = eye + verbal",
    "if sex = male then pregnant = no",
    "if tsh_measured = f then tsh is missing",
    "combinations of city, state",
    "exactly one of in_Aachen, in_Bonn, in_Celle",
]


def schema_of(*constraints: Any, frame: pd.DataFrame = WARD, **columns: Any) -> Schema:
    return Schema.infer(frame, DECLARED | columns, constraints)


def values_of(frame: pd.DataFrame, schema: Schema) -> dict[str, np.ndarray]:
    columns = {column.name: column for column in schema if column.learnt}
    return {name: column.coordinates(frame[name]) for name, column in columns.items()}


def test_the_table_that_was_fitted_on_obeys() -> None:
    schema = schema_of(*ALL)
    assert [rule.name for rule in schema.rules()] == [constraint.name for constraint in schema.constraints] == NAMES
    values = values_of(WARD, schema)
    for rule in schema.rules(WARD):
        assert rule.holds(values).all() and same(values, rule.repair(values)), rule.name
    assert {name: flags.any() for name, flags in broken(WARD, schema, WARD).items()} == dict.fromkeys(NAMES, False)


def test_a_schema_and_its_rules_survive_json() -> None:
    schema = schema_of(*ALL)
    assert Schema.model_validate_json(schema.model_dump_json()) == schema
    for rule in (*schema.rules(WARD, 5), *schema.rules()):
        assert ANY_RULE.validate_json(rule.model_dump_json()) == rule
    assert schema_of(*schema.constraints) == schema
    assert {constraint.kind for constraint in schema.constraints} == set(Constraint.members)


def test_rows_that_break_a_constraint_are_found() -> None:
    schema = schema_of(*ALL)
    made = WARD.copy()
    made.loc[0, "d.time"] = 0
    made.loc[1, "seen"] = made.loc[1, "admitted"]
    made.loc[2, "gcs"] += 1
    made.loc[3, ["sex", "pregnant"]] = ["male", "yes"]
    made.loc[4, ["tsh_measured", "tsh"]] = ["f", 1.0]
    made.loc[5, ["city", "state"]] = ["Celle", "NRW"]
    made.loc[6, "in_Aachen"] = 1 - made.loc[6, "in_Aachen"]
    found = broken(made, schema, WARD)
    assert {name: np.flatnonzero(flags).tolist() for name, flags in found.items()} == {
        name: [row] for row, name in enumerate(NAMES)
    }
    assert not broken(made, schema)[NAMES[5]].any()


@pytest.mark.parametrize("seed", range(5))
def test_mending_makes_rows_obey_or_leaves_them_as_they_are(seed: int) -> None:
    schema = schema_of(*ALL)
    rules = schema.rules(WARD, 5)
    draw = np.random.default_rng(seed)
    values = {name: draw.permutation(cells) for name, cells in values_of(WARD, schema).items()}
    before = {name: cells.copy() for name, cells in values.items()}
    mended = mend(values, rules)
    assert same(before, values)
    held = np.logical_and.reduce([rule.holds(mended.cells) for rule in rules])
    assert np.array_equal(mended.holds, held) and 0 < held.sum() < len(held) and mended.changed.any()
    assert same(values, mended.cells, ~mended.changed) and not (mended.changed & ~mended.holds).any()
    again = mend(mended.cells, rules)
    assert same(mended.cells, again.cells) and not again.changed.any()
    # No computation chooses among combinations and flags: nothing but these two is left to be drawn again.
    assert mend(values, rules[:5]).holds.all()
    restored = pd.DataFrame({name: schema[name].restore(cells) for name, cells in mended.cells.items()})
    restored.insert(0, "patient_id", "")
    assert not any(flags.any() for flags in broken(restored[mended.holds], schema, WARD).values())


def test_a_chain_of_inequalities_is_mended_in_any_order() -> None:
    columns = [Column(name=name, kind="integer", dtype="int64") for name in "abcd"]
    chain = [ordering(low, high, strict=True) for low, high in itertools.pairwise(columns)][::-1]
    values = {name: np.array([start, 1.0]) for name, start in zip("abcd", (9.0, 5.0, 5.0, 1.0), strict=True)}
    mended = mend(values, chain)
    assert [cells.tolist() for cells in mended.cells.values()] == [[9, 1], [10, 2], [11, 3], [12, 4]]
    assert mended.changed.all()
    fixed = mend(values, chain, {"d": np.array([True, False])})
    assert fixed.holds.tolist() == [False, True] == fixed.changed.tolist()
    assert [cells[0] for cells in fixed.cells.values()] == [9, 5, 5, 1]


def test_without_rules_every_row_holds() -> None:
    mended = mend({"a": np.array([1.0, np.nan])}, ())
    assert mended.holds.tolist() == [True, True] and not mended.changed.any()


# --- implication -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "column", "met", "nearest"),
    [
        ("II", "stage", [0, 1, 0, 0, None], [1, 1, 1, 1, None]),
        (["II", "IV"], "stage", [0, 1, 1, 1, None], None),  # of an ordinal column two are a range
        (["II", None], "stage", [0, 1, 1, 1, None], None),
        (["I", "II", "IV"], "stage", [1, 1, 0, 1, None], None),
        (["Aachen", "Celle"], "city", [1, 0, 1, None], None),
        ({"missing": True}, "pregnant", [0, 0, 1], [-1, -1, -1]),
        (None, "pregnant", [0, 0, 1], [-1, -1, -1]),
        ({"missing": False}, "pregnant", [1, 1, 0], None),
        ([2, 3], "slos", [0, 0, 1, 1, 0, None], [2, 2, 2, 3, 3, None]),
        ([1.5, 3.7], "slos", [0, 0, 1, 1, 0, None], [2, 2, 2, 3, 3, None]),
        ([None, 2], "slos", [1, 1, 1, 0, 0, None], [0, 1, 2, 2, 2, None]),
        (2, "slos", [0, 0, 1, 0, 0, None], [2, 2, 2, 2, 2, None]),
    ],
)
def test_conditions_mean_what_they_say(condition: Any, column: str, met: list[Any], nearest: list[Any] | None) -> None:
    frame = WARD.assign(
        slos=WARD["slos"].astype("Int64").where(WARD["slos"] > 1), city=WARD["city"].where(WARD.index > 9)
    )
    frame["stage"] = frame["stage"].where(frame.index > 9)
    schema = schema_of(frame=frame)
    discrete = schema[column].discrete
    places = [*range(len(met) - 1), None]
    values = {
        "sex": np.ones(len(met), dtype=np.int64),
        column: np.array([(-1 if discrete else np.nan) if place is None else place for place in places]),
    }
    values[column] = values[column].astype(np.int64 if discrete else np.float64)
    columns = {it.name: it for it in schema}
    then = Implication(when={"sex": "male"}, then={column: condition}).bind(columns)
    assert then.holds(values).tolist() == [known is None or bool(known) for known in met]
    when = Implication(when={column: condition}, then={"sex": "female"}).bind(columns)
    assert when.holds(values).tolist() == [known is None or not known for known in met]
    repaired = then.repair(values)[column]
    if nearest is None:
        assert repaired is values[column]
    else:
        gone = -1 if discrete else np.nan
        assert np.array_equal(repaired, [gone if place is None else place for place in nearest], equal_nan=not discrete)
        assert then.holds(then.repair(values)).all()
    fixed = {column: np.ones(len(met), dtype=np.bool_)}
    assert then.repair(values, fixed)[column] is values[column]


def test_an_implication_asks_for_all_and_is_repaired_wholly_or_not_at_all() -> None:
    schema = schema_of()
    columns = {column.name: column for column in schema}
    rule = Implication(
        when={"sex": "male", "slos": [5, None]}, then={"pregnant": "no", "city": ["Aachen", "Bonn"]}
    ).bind(columns)
    assert isinstance(rule, ImplicationRule) and rule.columns == ("sex", "slos", "pregnant", "city")
    values = {
        "sex": np.array([1, 1, 1, 0, 1]),
        "slos": np.array([7.0, 7.0, 4.0, 7.0, np.nan]),
        "pregnant": np.array([1, 1, 1, 1, 1]),
        "city": np.array([0, 2, 2, 2, 2]),
    }
    assert rule.holds(values).tolist() == [False, False, True, True, True]
    assert rule.repair(values)["pregnant"].tolist() == [0, 1, 1, 1, 1]


def test_dates_and_rounded_numbers_are_met() -> None:
    frame = pd.DataFrame(
        {
            "day": pd.date_range("2024-03-01", periods=40).tz_localize("Europe/Berlin"),
            "dose": np.array([0.1, 0.2, 0.3, 0.7] * 10, dtype="float32"),
        }
    )
    spring = {"kind": "implication", "when": {"day": ["2024-03-15", None]}, "then": {"dose": [0.1, 0.7]}}
    schema = Schema.infer(frame, constraints=[spring])
    assert schema.constraints[0].name == "if day in [2024-03-15, null] then dose in [0.1, 0.7]"
    (rule,) = schema.rules()
    late = {name: cells.copy() for name, cells in values_of(frame, schema).items()}
    late["dose"][:] = schema["dose"].numbers(pd.Series([0.8]))
    assert rule.holds(late).tolist() == [True] * 14 + [False] * 26
    assert np.allclose(rule.repair(late)["dose"][14:], 0.7) and rule.holds(rule.repair(late)).all()
    exact = Implication(when={"day": pd.Timestamp("2024-03-01")}, then={"dose": 0.1})
    assert exact.bind({column.name: column for column in schema}).holds(values_of(frame, schema)).all()


# --- combinations and flags --------------------------------------------------------------------------------------


def test_combinations_that_few_records_share_are_not_known() -> None:
    frame = pd.DataFrame(
        {"a": ["x"] * 6 + ["y"] * 5 + ["x", "y", "y", None], "b": ["u"] * 6 + ["v"] * 6 + [None, None, "u"]}
    )
    schema = Schema.infer(frame, constraints=[{"kind": "combinations", "columns": ["a", "b"]}])
    values = {"a": np.array([0, 1, 0, 1, -1, 0, -1, 1]), "b": np.array([0, 1, 1, 0, 0, -1, -1, -1])}
    (all_of_them,), (shared,) = schema.rules(frame), schema.rules(frame, 5)
    assert all_of_them.holds(values).tolist() == [True, True, True, False, True, True, True, True]
    assert shared.holds(values).tolist() == [True, True, False, False, True, True, True, True]
    assert shared.model_dump()["known"] == ((0, 0), (1, 1))
    assert same(values, shared.repair(values)) and not schema.rules()[0].model_dump()["known"]
    with pytest.raises(DataError, match=r"combinations of a, b.*each of 5 combinations is shared by fewer than 7"):
        schema.rules(frame, 7)


def test_a_combination_with_a_missing_cell_is_known_by_the_cells_that_are_there() -> None:
    frame = pd.DataFrame({"a": ["x", "y", "z"] * 9, "b": ["u", "v", None] * 9, "c": ["k", "k", "l"] * 9})
    schema = Schema.infer(frame, constraints=[{"kind": "combinations", "columns": ["a", "b", "c"]}])
    (rule,) = schema.rules(frame, 5)
    values = {"a": np.array([0, 0, 2, 2, -1]), "b": np.array([-1, -1, -1, 0, 1]), "c": np.array([0, 1, 1, -1, 1])}
    assert rule.holds(values).tolist() == [True, False, True, False, False]


@LAW
@given(data=st.data())
def test_what_was_fitted_on_is_known(data: Any) -> None:
    values = data.draw(rows(*ORDERED))
    rule = schema_of({"kind": "combinations", "columns": ["city", "state"]}).rules()[0]
    rule = rule.model_copy(update={"among": ("before", "after")}).fit(values, 1)
    assert rule.holds(values).all()


@pytest.mark.parametrize(
    "levels", [(0, 1), (0.0, 1.0), (False, True), ("no", "yes"), ("f", "t"), ("present", "absent"), ("Y", "N")]
)
def test_exactly_one_flag_is_up(levels: tuple[Any, Any]) -> None:
    low, up = sorted(levels, key=lambda level: str(level) in ("1", "1.0", "True", "yes", "t", "present", "Y"))
    frame = pd.DataFrame(
        {name: [up if row % 3 == place else low for row in range(30)] for place, name in enumerate("abc")}
    )
    schema = Schema.infer(
        frame, {name: {"kind": "boolean"} for name in "abc"}, [{"kind": "one_hot", "columns": ["a", "b", "c"]}]
    )
    lows, ups = ({name: (schema[name].levels or ()).index(level) for name in "abc"} for level in (low, up))
    table = [("a",), (), ("a", "b"), ("a", "b", "c")]
    values = {name: np.array([ups[name] if name in row else lows[name] for row in table]) for name in "abc"}
    (rule,) = schema.rules()
    assert rule.holds(values).tolist() == [True, False, False, False]
    values["c"][:] = -1
    assert rule.holds(values).tolist() == [True, True, False, False]


# --- what is refused ---------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[list[dict[str, Any]], list[str]]] = {
    "unknown column": ([ORDER | {"low": "sloss"}], ["'sloss <= d.time'", "no column 'sloss'", "'slos'?"]),
    "not learnt": ([ORDER | {"low": "patient_id"}], ["'patient_id' is identifier, which is not learnt"]),
    "unordered": ([ORDER | {"high": "sex"}], ["'slos' is integer and 'sex' is categorical", "of dates"]),
    "two sorts": ([ORDER | {"high": "seen"}], ["'slos' is integer and 'seen' is datetime"]),
    "itself": ([ORDER | {"high": "slos"}], ["constraints[0]: low and high are both 'slos'"]),
    "circle": (
        [
            ORDER,
            {"kind": "inequality", "low": "d.time", "high": "gcs"},
            {"kind": "inequality", "low": "gcs", "high": "slos"},
        ],
        ["in a circle: slos <= d.time <= gcs <= slos"],
    ),
    "contradiction": ([DATES, {"kind": "inequality", "low": "seen", "high": "admitted"}], ["in a circle: admitted <="]),
    "twice": ([SUM, SUM], ["'gcs = eye + verbal': is declared twice"]),
    "sum of words": ([SUM | {"parts": ["eye", "sex"]}], ["column 'sex' is categorical", "levels that are numbers"]),
    "sum of dates": ([SUM | {"total": "seen"}], ["column 'seen' is datetime, expected numbers"]),
    "one part": ([SUM | {"parts": ["eye"]}], ["constraints[0].parts: found one column, expected at least two"]),
    "part twice": ([SUM | {"parts": ["eye", "eye"]}], ["a column is there twice"]),
    "own part": ([SUM | {"parts": ["eye", "gcs"]}], ["the total 'gcs' is one of its own parts"]),
    "unknown level": ([MALES | {"when": {"sex": "mal"}}], ["column 'sex' has no level 'mal'", "did you mean 'male'?"]),
    "far level": ([MALES | {"when": {"sex": "x"}}], ["has no level 'x'", "known: female, male"]),
    "level in a list": ([MALES | {"then": {"city": ["Bonn", "Bern"]}}], ["column 'city' has no level 'Bern'"]),
    "open levels": ([MALES | {"then": {"city": ["Bonn", None]}}], ["has no order"]),
    "ordinal range crossed": ([MALES | {"then": {"stage": ["IV", "II"]}}], ["'IV' comes after 'II' in the order"]),
    "not missing": ([MALES | {"then": {"sex": None}, "when": {"slos": 1}}], ["column 'sex' is never missing"]),
    "word for a number": (
        [MALES | {"then": {"slos": "long"}}],
        ["'long' is no value of column 'slos'", "write a number"],
    ),
    "word for a date": ([MALES | {"then": {"seen": "soon"}}], ["'soon' is no value", "ISO form"]),
    "levels of numbers": ([MALES | {"then": {"slos": [1, 2, 3]}}], ["'slos' is integer, which has no levels"]),
    "range crossed": ([MALES | {"then": {"slos": [5, 2]}}], ["no value of column 'slos' lies in [5, 2]"]),
    "between the grid": ([MALES | {"then": {"slos": 2.5}}], ["no value of column 'slos' is 2.5", "whole numbers"]),
    "beyond bounds": (
        [MALES | {"then": {"eye": [9, None]}}],
        ["no value of column 'eye' lies in [9, …]", "1.0 to 4.0"],
    ),
    "no condition": ([MALES | {"when": {}}], ["constraints[0].when: found no condition", "{missing: true}"]),
    "both": ([MALES | {"then": {"sex": "male"}}], ["column 'sex' is in both when and then"]),
    "empty list": ([MALES | {"then": {"sex": []}}], ["found an empty list"]),
    "odd condition": ([MALES | {"then": {"sex": {"min": 1}}}], ["expected {missing: true}"]),
    "combination of numbers": (
        [PLACES | {"columns": ["city", "tsh"]}],
        ["column 'tsh' is continuous, expected one of"],
    ),
    "flags of words": (
        [FLAGS | {"columns": ["city", "in_Bonn"]}],
        ["'city' is categorical, and no level of it means yes"],
    ),
    "unknown kind": ([{"kind": "inequalty", "low": "slos"}], ["no constraint is called 'inequalty'", "'inequality'?"]),
    "no kind": ([{"low": "slos"}], ["constraints[0]: no constraint is called 'None'", "known: combinations, "]),
    "unknown key": ([ORDER | {"hihg": "a"}], ["constraints[0].hihg: unknown key; did you mean high?"]),
    "several": ([ORDER | {"low": "x"}, SUM | {"parts": ["eye", "y"]}], ["2 problems", "'x <= d.time'", "column 'y'"]),
    "and columns": ([ORDER | {"low": "x"}], ["no column 'x'"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_in_words(name: str) -> None:
    constraints, words = REFUSED[name]
    with pytest.raises(SchemaError) as caught:
        schema_of(*constraints, eye={"min": 1, "max": 4})
    assert [word for word in words if word not in str(caught.value)] == []
    assert "problems" in caught.value.what or caught.value.mend


@pytest.mark.parametrize(
    ("constraint", "change", "words"),
    [
        (ORDER, {"d.time": 0}, ["'slos <= d.time', row 8: 3 of 400 rows break it", "and d.time 0; so do rows 21, 31"]),
        (SUM, {"gcs": 40}, ["row 8: 3 of 400", "gcs is 40 and the sum of its parts "]),
        (DATES, {"seen": pd.Timestamp("2023-12-31")}, ["and seen 2023-12-31"]),
        (MALES, {"sex": "male", "pregnant": "yes"}, ["pregnant is 'yes'"]),
        (UNMEASURED, {"tsh_measured": "f", "tsh": 1.25}, ["tsh is 1.25"]),
        (FLAGS, {"in_Aachen": 1, "in_Bonn": 1}, ["none or several of them are up"]),
    ],
    ids=lambda case: str(case.get("kind", "")) if isinstance(case, dict) else "",
)
def test_rows_that_break_a_constraint_are_named(
    constraint: dict[str, Any], change: dict[str, Any], words: list[str]
) -> None:
    frame = WARD.copy()
    for name, value in change.items():
        frame.loc[[7, 20, 30], name] = value
    with pytest.raises(SchemaError) as caught:
        schema_of(constraint, frame=frame)
    assert [word for word in words if word not in str(caught.value)] == []
    assert caught.value.mend == "correct the rows, or drop the constraint"


def test_problems_of_columns_and_constraints_are_told_together() -> None:
    with pytest.raises(SchemaError) as caught:
        schema_of(ORDER, SUM | {"total": "gsc"}, slos={"kind": "datetime"})
    told = str(caught.value)
    assert "2 problems" in told and "is declared datetime" in told and "did you mean 'gcs'?" in told


def test_a_schema_never_holds_constraints_that_do_not_fit() -> None:
    schema = schema_of(ORDER)
    without = tuple(column for column in schema if column.name != "slos")
    with pytest.raises(ValidationError, match="no column 'slos'"):
        Schema(columns=without, constraints=schema.constraints)
    assert schema.constrained([], WARD).constraints == ()
    assert schema_of().constrained([ORDER], WARD) == schema


@given(low=st.text(min_size=1), high=st.text(min_size=1), strict=st.booleans())
def test_a_constraint_comes_back_from_its_own_words(low: str, high: str, strict: bool) -> None:
    assume(low != high)
    constraint = Inequality(low=low, high=high, strict=strict)
    assert Constraint.build(constraint.model_dump()) == constraint
