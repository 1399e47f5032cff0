"""A schema says what columns are, and numbers and codes lead back to the same cells in the same dtype."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st
from pydantic import ValidationError

from synthdiff.errors import DataError, SchemaError
from synthdiff.schema import Column, Schema

LAW = settings(deadline=None, max_examples=12)

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint64", "Int8", "Int64", "UInt16", "int32[pyarrow]"]
FLOATS = ["float32", "float64", "Float32", "Float64", "float[pyarrow]", "double[pyarrow]"]
WORDS = ["str", "string", "object", "string[pyarrow]"]
MOMENTS = [
    *(f"datetime64[{unit}]" for unit in ("s", "ms", "us", "ns")),
    *(f"datetime64[{unit}, {zone}]" for unit in ("s", "us", "ns") for zone in ("UTC", "Europe/Berlin", "UTC+05:30")),
    "timestamp[us][pyarrow]",
    "timestamp[ns, tz=America/New_York][pyarrow]",
]


def dtype_of(name: str) -> object:
    return pd.ArrowDtype(pa.string()) if name == "string[pyarrow]" else pd.api.types.pandas_dtype(name)


def column_of(values: pd.Series, **declared: object) -> Column:
    return Schema.infer(pd.DataFrame({"x": values}), {"x": declared})["x"]


def there_and_back(values: pd.Series, **declared: object) -> Column:
    column = column_of(values, **declared)
    encoded = column.codes(values) if column.discrete else column.numbers(values)
    assert encoded.dtype == ("int64" if column.discrete else "float64")
    restored = column.restore(encoded)
    pd.testing.assert_series_equal(restored, values.rename("x"))
    return column


@st.composite
def series(draw: st.DrawFn, cells: st.SearchStrategy[object], dtype: object, gaps: bool) -> pd.Series:
    values = draw(st.lists(cells, min_size=2, max_size=30))
    if gaps:
        values = [None if draw(st.booleans()) else value for value in values]
    return pd.Series(values, dtype=dtype)


def can_miss(dtype: str) -> bool:
    return not dtype.startswith(("int", "uint", "bool")) or dtype.endswith("[pyarrow]") or dtype == "boolean"


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("kind", [None, "integer", "continuous", "categorical", "ordinal"])
@LAW
@given(data=st.data())
def test_whole_numbers_come_back(dtype: str, kind: str | None, data: st.DataObject) -> None:
    limits = np.iinfo(np.dtype(dtype.removesuffix("[pyarrow]").lower()))
    low, high = max(int(limits.min), -(2**53)), min(int(limits.max), 2**53)
    values = data.draw(series(st.integers(low, high), dtype_of(dtype), can_miss(dtype)))
    there_and_back(values, **({} if kind is None else {"kind": kind}))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("decimals", [None, 0, 1, 3])
@LAW
@given(data=st.data())
def test_numbers_come_back(dtype: str, decimals: int | None, data: st.DataObject) -> None:
    width = 32 if dtype.lower().startswith("float32") or dtype == "float[pyarrow]" else 64
    cells = st.floats(allow_nan=False, allow_infinity=False, width=width)
    if decimals is not None:
        cells = st.integers(-(10**6), 10**6).map(lambda whole: whole / 10**decimals)
    column = there_and_back(data.draw(series(cells, dtype_of(dtype), gaps=True)))
    if decimals is not None and column.kind == "continuous":
        assert column.decimals is not None
        assert column.decimals <= decimals


@pytest.mark.parametrize("dtype", WORDS)
@pytest.mark.parametrize("kind", [None, "categorical"])
@LAW
@given(data=st.data())
def test_words_come_back(dtype: str, kind: str | None, data: st.DataObject) -> None:
    cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    values = data.draw(series(cells, dtype_of(dtype), gaps=True))
    if column_of(values, **({} if kind is None else {"kind": kind})).learnt:
        there_and_back(values, **({} if kind is None else {"kind": kind}))


@pytest.mark.parametrize("dtype", ["bool", "boolean", "bool[pyarrow]", "object"])
@LAW
@given(data=st.data())
def test_booleans_come_back(dtype: str, data: st.DataObject) -> None:
    values = data.draw(series(st.booleans(), dtype_of(dtype), can_miss(dtype)))
    column = there_and_back(values)
    assert column.levels == ((False, True) if values.notna().any() else ())


@pytest.mark.parametrize("dtype", MOMENTS)
@pytest.mark.parametrize("step", [None, 1, 60, 86_400])
@LAW
@given(data=st.data())
def test_moments_come_back(dtype: str, step: int | None, data: st.DataObject) -> None:
    whole = dtype.startswith("datetime64[s")
    early, late = datetime.datetime(1900, 1, 1), datetime.datetime(2105, 1, 1)
    moments = st.datetimes(early, late).map(lambda moment: moment.replace(microsecond=0) if whole else moment)
    if step is not None:
        moments = moments.map(lambda moment: moment.replace(hour=0, minute=0, second=0, microsecond=0)).flatmap(
            lambda day: st.integers(0, 86_400 // step - 1).map(lambda k: day + datetime.timedelta(seconds=k * step))
        )
    values = pd.Series(data.draw(st.lists(moments | st.none(), min_size=2, max_size=20)), dtype="datetime64[us]")
    wanted = dtype_of(dtype)
    zone = getattr(getattr(wanted, "pyarrow_dtype", wanted), "tz", None)
    if zone is not None:
        values = values.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    column = there_and_back(values.astype(wanted))
    if step is not None and column.kind == "datetime" and zone in (None, "UTC"):
        assert column.step is not None
        assert column.step >= step


@LAW
@given(values=st.lists(st.dates() | st.none(), min_size=2, max_size=20))
def test_date_objects_come_back(values: list[datetime.date | None]) -> None:
    column = there_and_back(pd.Series(values, dtype=object))
    if any(values):
        assert (column.dtype, column.step) == ("date", 86_400)


@LAW
@given(data=st.data())
@pytest.mark.parametrize("levels", [["b", "a", "ä c"], [3, 1, 2], [0.5, -1.0], [True, False]])
@pytest.mark.parametrize("ordered", [False, True])
def test_categories_come_back(levels: list[object], ordered: bool, data: st.DataObject) -> None:
    dtype = pd.CategoricalDtype(levels, ordered=ordered)
    values = data.draw(series(st.sampled_from(levels[:-1]), dtype, gaps=True))
    column = there_and_back(values)
    assert column.levels == tuple(levels)
    assert column.kind == ("ordinal" if ordered and values.notna().any() else "categorical")


@pytest.mark.parametrize("dtype", ["str", "float64", "Int64", "boolean", "object", "datetime64[us, UTC]", "string"])
def test_a_column_without_values_is_kept(dtype: str) -> None:
    column = there_and_back(pd.Series([None, None], dtype=dtype))
    assert (column.kind, column.levels, column.nullable) == ("categorical", (), True)


@pytest.mark.parametrize("missing", [np.nan, pd.NaT, pd.NA])
def test_missing_objects_of_any_sort_are_missing(missing: object) -> None:
    column = column_of(pd.Series([missing, missing], dtype=object))
    assert (column.kind, column.levels) == ("categorical", ())
    words = pd.Series(["a", missing, "b"], dtype=object)
    assert column_of(words).codes(words).tolist() == [0, -1, 1]


def test_the_hour_that_occurs_twice_comes_back() -> None:
    hours = pd.date_range("2023-10-28 22:00", periods=8, freq="h", tz="UTC").tz_convert("Europe/Berlin")
    assert there_and_back(pd.Series(hours)).step == 60
    midnights = pd.date_range("2023-10-26", periods=8, freq="D", tz="Europe/Berlin")
    assert there_and_back(pd.Series(midnights)).step == 86_400
    twice = pd.Series(pd.to_datetime(["2022-11-06 04:00", "2022-11-06 05:00"], utc=True)).dt.tz_convert(
        "America/Havana"
    )
    there_and_back(twice)
    # In Havana the clock went from 23:59 to 1:00, so that this day has no midnight.
    days = pd.Series(pd.to_datetime(["2022-03-12 05:00", "2022-03-13 05:00", "2022-03-14 04:00"], utc=True))
    assert there_and_back(days.dt.tz_convert("America/Havana")).step == 86_400


FRAME = pd.DataFrame(
    {
        "patient_id": range(100, 130),
        "MRN": [f"M{row:03}" for row in range(30)],
        "age": [20.5 + row for row in range(30)],
        "visits": [row % 7 for row in range(30)],
        "dead": [row % 2 for row in range(30)],
        "smoker": ["Y", "N", None] * 10,
        "sex": ["f", "m"] * 15,
        "stage": ["II", "I", "III"] * 10,
        "band": ["[10-20)", "[0-10)", ">100"] * 10,
        "seen": pd.date_range("2020-01-01", periods=30),
        "note": [f"came in on foot, day {row}" for row in range(30)],
        "site_code": ["007", "008"] * 15,
        "letter": ["x" * 600] * 30,
        "row": range(30),
        "admission_type_id": [1, 2, 3] * 10,
        "constant": [5] * 30,
    }
)


def test_kinds_and_reasons() -> None:
    schema = Schema.infer(FRAME)
    assert {column.name: column.kind for column in schema} == {
        "patient_id": "identifier",
        "MRN": "identifier",
        "age": "continuous",
        "visits": "integer",
        "dead": "boolean",
        "smoker": "boolean",
        "sex": "categorical",
        "stage": "categorical",
        "band": "ordinal",
        "seen": "datetime",
        "note": "text",
        "site_code": "categorical",
        "letter": "text",
        "row": "identifier",
        "admission_type_id": "categorical",
        "constant": "integer",
    }
    assert schema["smoker"].levels == ("N", "Y")
    assert schema["band"].levels == ("[0-10)", "[10-20)", ">100")
    assert schema["patient_id"].reason == "identifier: unique in every row and named like one"
    assert schema["smoker"].reason == "boolean: two levels, N and Y"
    assert schema["seen"].reason == "datetime: dates"
    assert all(column.reason.startswith(f"{column.kind}: ") for column in schema)
    assert {column.name for column in schema if column.nullable} == {"smoker"}


def test_neither_extremes_nor_order_of_the_data_are_told() -> None:
    schema = Schema.infer(FRAME)
    assert all(column.minimum is None and column.maximum is None for column in schema)
    told = schema["age"].model_dump_json() + schema["visits"].model_dump_json() + schema["seen"].model_dump_json()
    assert not [value for value in ("20.5", "49.5", "2020-01") if value in told]
    assert Schema.infer(FRAME.iloc[::-1])["stage"].levels == schema["stage"].levels


def test_a_schema_survives_json() -> None:
    frame = FRAME.assign(flag=[0.0, 1.0] * 15, truth=[True, False] * 15)
    schema = Schema.infer(frame, {"age": {"min": 18, "unit": "years"}, "seen": {"max": "2020-12-31"}})
    again = Schema.model_validate_json(schema.model_dump_json())
    assert again == schema
    for name in ("flag", "truth", "dead"):
        assert [type(level) for level in again[name].levels or ()] == [
            type(level) for level in schema[name].levels or ()
        ]


def test_declarations_decide() -> None:
    schema = Schema.infer(
        FRAME,
        {
            "age": {"role": ["quasi-identifier"], "min": 18, "unit": "years"},
            "dead": {"role": "target"},
            "patient_id": {"role": "group"},
            "stage": {"kind": "ordinal", "levels": ["I", "II", "III", "IV"]},
            "visits": {"kind": "categorical"},
            "seen": {"min": datetime.date(2019, 1, 1)},
        },
    )
    assert schema.target == schema["dead"]
    assert schema.group == schema["patient_id"]
    assert not schema["patient_id"].learnt
    assert schema["stage"].levels == ("I", "II", "III", "IV")
    assert schema["visits"].levels == tuple(range(7))
    assert schema["visits"].reason == "declared"
    assert schema["age"].bounds == (18.0, np.inf)
    assert schema["seen"].bounds[0] == datetime.datetime(2019, 1, 1, tzinfo=datetime.UTC).timestamp()


def test_restored_values_obey_the_schema() -> None:
    years = column_of(pd.Series([20, 30], dtype="int8"), min=18.5, max=90)
    assert years.restore(np.array([-4.0, 18.6, 25.4, 400.0])).tolist() == [19, 19, 25, 90]
    dose = column_of(pd.Series([0.25, 0.5]))
    assert dose.restore(np.array([0.123, 7.0])).tolist() == [0.12, 7.0]
    day = column_of(pd.Series(pd.to_datetime(["2020-01-01", "2020-01-03"])), max="2020-01-31")
    days = day.restore(np.array([1577836800.0 + 50_000, 1e12]))
    assert days.tolist() == [pd.Timestamp("2020-01-02"), pd.Timestamp("2020-01-31")]
    small = column_of(pd.Series([1, 2, 3], dtype="int8"))
    assert small.restore(np.array([1e9])).tolist() == [127]


def test_what_is_no_cell_of_the_column_is_told() -> None:
    column = column_of(pd.Series(["a", "b", "a"]))
    assert column.codes(pd.Series(["b", None, "c", "a"])).tolist() == [1, -1, -2, 0]
    assert column_of(pd.Series([0, 1])).codes(pd.Series([1.0, 0.0, 0.5])).tolist() == [1, 0, -2]
    with pytest.raises(SchemaError, match="may not be missing"):
        column.restore(np.array([0, -1]))
    with pytest.raises(SchemaError, match="outside"):
        column.restore(np.array([0, 2]))
    with pytest.raises(SchemaError, match=r"'x'.*numbers.*such as 'a'"):
        column_of(pd.Series([1.5, 2.5])).numbers(pd.Series(["a", "b"]))
    with pytest.raises(SchemaError, match="dates"):
        column_of(pd.Series(pd.to_datetime(["2020-01-01"] * 2))).numbers(pd.Series([1.0, 2.0]))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"agee": {}}, "no column 'agee'\n  did you mean 'age'"),
        ({"age": {"knd": "integer"}}, "column 'age': a column has no setting 'knd'\n  did you mean 'kind'"),
        ({"age": {"kind": "number"}}, "'kind' cannot be 'number'"),
        ({"age": {"role": "outcome"}}, "'role' cannot be 'outcome'"),
        ({"age": {"kind": "integer"}}, "column 'age', row 1: is declared integer, but 20.5 is no whole number"),
        ({"age": {"min": 25}}, "column 'age', row 1: 20.5 is below the declared bound 25.0, and so are 4 more"),
        ({"age": {"max": 49}}, "column 'age', row 30: 49.5 is above"),
        ({"age": {"min": 9, "max": 8}}, "min 9.0 is above max 8.0"),
        ({"age": {"min": "old"}}, "'old' is no bound"),
        ({"visits": {"min": "2020-01-01"}}, "'2020-01-01' is no bound for a column of kind integer"),
        ({"age": {"levels": [1]}}, "column 'age', row 1: 20.5 is not among the declared levels"),
        ({"age": {"kind": "continuous", "levels": [1]}}, "column 'age': is continuous, which has no levels"),
        ({"sex": {"min": 1}}, "column 'sex': is categorical, which has no bounds"),
        ({"sex": {"kind": "integer"}}, "column 'sex', row 1: is declared integer, but its cells are str, such as 'f'"),
        ({"sex": {"kind": "datetime"}}, "column 'sex', row 1: is declared datetime"),
        ({"seen": {"kind": "categorical"}}, "column 'seen': holds dates, which cannot be categorical"),
        ({"stage": {"kind": "boolean"}}, "column 'stage', row 3: is declared boolean, but 'III' is a third value"),
        ({"stage": {"kind": "ordinal"}}, "column 'stage': is ordinal, but the order of its words is not known"),
        ({"stage": {"levels": ["I", "II"]}}, "column 'stage', row 3: 'III' is not among the declared levels 'I', 'II'"),
        ({"smoker": {"levels": [False, True]}}, "column 'smoker', row 1: 'Y'.*\n.*YAML"),
        ({"stage": {"missing": ["II"]}}, "column 'stage', row 1: 'II' is declared missing but still stands"),
        ({"sex": {"kind": "integer"}, "nix": {}, "age": {"min": 25}}, "3 problems"),
    ],
)
def test_contradictions_are_named(columns: dict[str, dict[str, object]], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        Schema.infer(FRAME, columns)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame(), "no columns"),
        (pd.DataFrame({"a": []}), "no rows"),
        (pd.DataFrame({"a": [1]}), "a single row"),
        (pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]), "several columns are called 'a'"),
        (pd.DataFrame([[1, 2], [3, 4]]), "a column is named 0"),
        (
            pd.DataFrame({"a": [1, "x"]}, dtype=object),
            "column 'a', row 2: cells of several types: int in row 1, str here",
        ),
        (pd.DataFrame({"a": [[1], [2]]}), "column 'a', row 1: cells of type list are not supported"),
        (pd.DataFrame({"a": pd.to_timedelta([1, 2], unit="D")}), "column 'a': cells of type timedelta64"),
        (pd.DataFrame({"a": pd.cut(pd.Series([1, 2]), 2)}), "column 'a': cells of type category are not supported"),
        (pd.DataFrame({"a": [1.5, np.inf]}), "column 'a', row 2: a cell is infinite"),
        (pd.DataFrame({"a": [2**53 + 1, 2**53 + 1, 1]}), "column 'a', row 1: whole numbers beyond 2\\^53"),
    ],
)
def test_what_is_no_table_is_refused(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises((DataError, SchemaError), match=message):
        Schema.infer(frame)


def test_long_whole_numbers_are_never_rounded() -> None:
    numbers = pd.Series([2**60 + row for row in range(5)])
    assert column_of(numbers).kind == "identifier"
    codes = pd.concat([numbers, numbers], ignore_index=True)
    column = there_and_back(codes, kind="categorical")
    assert column.levels == tuple(numbers)
    with pytest.raises(SchemaError, match="beyond 2\\^53"):
        column_of(codes, kind="integer")


def test_identifiers_are_told_from_codes() -> None:
    persons = pd.DataFrame(
        {"patient_nbr": [row // 3 for row in range(300)], "hash": [f"{row:x}" for row in range(300)]}
    )
    schema = Schema.infer(persons.assign(case_no=range(7, 307), weight=np.random.default_rng(0).permutation(300)))
    assert [column.kind for column in schema] == ["identifier", "identifier", "identifier", "integer"]
    assert "group" in schema["patient_nbr"].reason


def test_names_do_not_make_quantities_codes() -> None:
    counts = {
        name: [row % 9 for row in range(90)] for name in ("visit_number", "nbr_of_visits", "phone_calls", "n_ids")
    }
    assert {column.kind for column in Schema.infer(pd.DataFrame(counts))} == {"integer"}
    codes = dict.fromkeys(("wardId", "payer_code", "Admission Type ID"), counts["phone_calls"])
    assert {column.kind for column in Schema.infer(pd.DataFrame(codes))} == {"categorical"}


def test_seven_hundred_levels() -> None:
    values = pd.Series([f"E{row % 700}" for row in range(2000)])
    column = there_and_back(values)
    assert (column.kind, len(column.levels or ())) == ("categorical", 700)


def test_two_columns_of_one_name_are_no_schema() -> None:
    with pytest.raises(ValidationError, match="two columns are called 'a'"):
        Schema(columns=(Column(name="a", kind="text"), Column(name="a", kind="text")))
    with pytest.raises(SchemaError, match="no column 'b'"):
        Schema(columns=(Column(name="a", kind="text"),))["b"]


def test_a_million_cells_take_a_moment() -> None:
    import time

    generator = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"x": generator.normal(size=10**6), "c": pd.Series(generator.choice(["a", "b", "c"], 10**6), dtype="str")}
    )
    began = time.process_time()
    schema = Schema.infer(frame)
    schema["x"].restore(schema["x"].numbers(frame["x"]))
    schema["c"].restore(schema["c"].codes(frame["c"]))
    assert time.process_time() - began < 5
