"""Every format gives a table back as it was, and refuses what is no table."""

from __future__ import annotations

import datetime
import gzip
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from pyarrow import parquet

from synthdiff.data import Format, declare_missing, format_of, read_table, write_table
from synthdiff.errors import DataError, SchemaError, SynthdiffError
from synthdiff.schema import Declaration, Schema

LAW = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6)
WORD = TEXT.filter(lambda word: word.strip() != "")
NAME = WORD.filter(lambda name: not name.startswith("\ufeff") and name.strip("+-.0123456789 ") != "")
MOMENT = st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1))

CELLS: dict[str, st.SearchStrategy[object]] = {
    "int64": st.integers(-(2**53), 2**53),
    "int8": st.integers(-128, 127),
    "Int64": st.integers(-(2**53), 2**53) | st.none(),
    "uint16": st.integers(0, 2**16 - 1),
    "float64": st.floats(allow_infinity=False),
    "float32": st.floats(allow_infinity=False, width=32),
    "Float64": st.floats(allow_infinity=False, allow_nan=False) | st.none(),
    "str": WORD | st.none(),
    "string": WORD | st.none(),
    "bool": st.booleans(),
    "boolean": st.booleans() | st.none(),
    "datetime64[us]": MOMENT | st.none(),
    "datetime64[ns]": MOMENT | st.none(),
    "datetime64[us, UTC]": MOMENT | st.none(),
    "datetime64[us, Europe/Berlin]": MOMENT | st.none(),
    "object": st.dates() | st.none(),
    "category": st.sampled_from(["b", "a", " c", "N/A"]) | st.none(),
    "category of numbers": st.sampled_from([3, 1, 2]) | st.none(),
}


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(2, 12))
    columns = {}
    for name in draw(st.lists(NAME, min_size=1, max_size=4, unique=True)):
        dtype = draw(st.sampled_from(sorted(CELLS)))
        cells = draw(st.lists(CELLS[dtype], min_size=rows, max_size=rows))
        if dtype.startswith("category"):
            levels = ["b", "z", "a", " c", "N/A"] if dtype == "category" else [3, 1, 9, 2]
            columns[name] = pd.Series(pd.Categorical(cells, categories=levels, ordered=draw(st.booleans())))
        elif "," in dtype:
            moments = pd.Series(cells, dtype="datetime64[us]").dt.tz_localize("UTC")
            columns[name] = moments.dt.tz_convert(dtype.partition(", ")[2][:-1])
        else:
            columns[name] = pd.Series(cells, dtype=dtype)
    return pd.DataFrame(columns)


def infer(frame: pd.DataFrame) -> Schema:
    """The schema, with every column that could be an accident of few rows declared."""
    numbers = {name: {"kind": "continuous"} for name in frame if frame[name].dtype.kind in "fi" and frame[name].any()}
    return Schema.infer(frame, numbers)


def assert_same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other, check_freq=False, check_exact=True)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".tsv", ".parquet"])
@LAW
@given(frame=tables())
def test_reading_gives_back_what_was_written(tmp_path: Path, suffix: str, frame: pd.DataFrame) -> None:
    schema = infer(frame)
    path = tmp_path / f"t{suffix}"
    write_table(frame, path, schema)
    again, known = read_table(path, like=schema)
    assert_same(again, frame)
    assert known is schema
    bytes_ = path.read_bytes()
    write_table(again, path, schema)
    assert path.read_bytes() == bytes_
    if suffix == ".parquet":
        assert_same(read_table(path)[0], frame)


@LAW
@given(frame=tables())
def test_a_csv_that_was_read_is_written_and_read_alike(tmp_path: Path, frame: pd.DataFrame) -> None:
    write_table(frame, tmp_path / "t.csv", infer(frame))
    try:
        first, schema = read_table(tmp_path / "t.csv")
    except SynthdiffError:
        return
    write_table(first, tmp_path / "u.csv", schema)
    again, known = read_table(tmp_path / "u.csv")
    assert_same(again, first)
    assert known == schema


@pytest.mark.parametrize(
    "name", ["heart_failure", "heart_disease_uci", "cervical_cancer", "pbcseq", "thyroid", "support2"]
)
def test_real_tables_are_written_byte_for_byte(shared_data: Path, tmp_path: Path, name: str) -> None:
    source = shared_data / "tables" / name / f"{name}.csv"
    frame, schema = read_table(source)
    write_table(frame, tmp_path / "t.csv", schema)
    assert (tmp_path / "t.csv").read_bytes() == source.read_bytes().replace(b"\r\n", b"\n")
    for column in schema:
        if column.learnt:
            cells = frame[column.name]
            encoded = column.codes(cells) if column.discrete else column.numbers(cells)
            pd.testing.assert_series_equal(column.restore(encoded), cells)


def test_a_hundred_thousand_rows(shared_data: Path) -> None:
    frame, schema = read_table(shared_data / "tables" / "diabetes130" / "diabetes130.csv")
    assert frame.shape == (101_766, 50)
    assert schema["A1Cresult"].levels == (">7", ">8", "None", "Norm")
    assert {schema[name].kind for name in ("encounter_id", "patient_nbr")} == {"identifier"}
    assert schema["admission_type_id"].kind == "categorical"
    assert schema["age"].kind == "ordinal"
    assert len(schema["diag_1"].levels or ()) == 716


def test_text_around_the_table(tmp_path: Path) -> None:
    plain = 'patient name,größe (cm),a.b,"x ""y"", z"\nA,1.5,,1\n"B, C",2,,0\n\n'
    expected = None
    for write in (
        plain.encode(),
        b"\xef\xbb\xbf" + plain.encode(),
        plain.replace("\n", "\r\n").encode(),
        plain.replace("\n", "\r").encode(),
        ("\n" + plain.rstrip("\n")).encode(),
        '"patient name";größe (cm);a.b;"x ""y"", z"\nA;1.5;;1\n"B, C";2;;0\n'.encode(),
        'patient name\tgröße (cm)\ta.b\t"x ""y"", z"\nA\t1.5\t\t1\n"B, C"\t2\t\t0\n'.encode(),
    ):
        (tmp_path / "t.csv").write_bytes(write)
        (tmp_path / "t.csv.gz").write_bytes(gzip.compress(write))
        for name in ("t.csv", "t.csv.gz"):
            frame, schema = read_table(tmp_path / name)
            expected = frame if expected is None else expected
            assert_same(frame, expected)
            assert schema.names == ("patient name", "größe (cm)", "a.b", 'x "y", z')
    assert expected is not None
    assert expected["patient name"].tolist() == ["A", "B, C"]
    assert expected["a.b"].isna().all()


def test_a_lone_column_with_missing_cells(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": pd.Series([1, None, 3], dtype="Int64")})
    write_table(frame, tmp_path / "t.csv", Schema.infer(frame))
    assert (tmp_path / "t.csv").read_text() == 'x\n1\n""\n3\n'
    assert_same(read_table(tmp_path / "t.csv")[0], frame)


def test_names_that_look_like_separators(tmp_path: Path) -> None:
    for name in (";", "a;b", "a\tb", ",", '"', "a\nb"):
        frame = pd.DataFrame({name: [1.5, 2.5, 3.5]})
        write_table(frame, tmp_path / "t.csv", Schema.infer(frame))
        assert_same(read_table(tmp_path / "t.csv")[0], frame)


def test_the_same_table_has_the_same_bytes_at_any_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"x": [1.5, 2.5, 3.5]})
    for suffix in (".csv.gz", ".parquet"):
        written = []
        for second in (1e9, 2e9):
            monkeypatch.setattr("time.time", lambda second=second: second)
            write_table(frame, tmp_path / f"t{suffix}", Schema.infer(frame))
            written.append((tmp_path / f"t{suffix}").read_bytes())
        assert written[0] == written[1]


def test_very_long_cells(tmp_path: Path) -> None:
    report = "seen in clinic, " * 20_000
    (tmp_path / "t.csv").write_text(f'id,report\n1,"{report}"\n2,"{report}"\n')
    frame, schema = read_table(tmp_path / "t.csv")
    assert schema["report"].kind == "text"
    assert frame["report"].tolist() == [report, report]


def test_another_table_is_read_the_same_way(tmp_path: Path) -> None:
    real = pd.DataFrame({"code": ["007", "x", "12"], "n": [1, 2, 3], "flag": [True, False, True], "g": ["a", "b", "c"]})
    schema = Schema.infer(real, {"code": {"kind": "categorical"}})
    (tmp_path / "s.csv").write_text("g,flag,extra,n,code\nz,True,0,1,7\na,False,0,,12\n")
    frame, _ = read_table(tmp_path / "s.csv", like=schema)
    assert list(frame.columns) == ["code", "n", "flag", "g"]
    assert frame["code"].tolist() == ["7", "12"]
    assert schema["code"].codes(frame["code"]).tolist() == [-2, 1]
    assert schema["g"].codes(frame["g"]).tolist() == [-2, 0]
    assert frame["flag"].dtype == "bool"
    assert frame["n"].tolist() == [1, pd.NA]
    (tmp_path / "s.csv").write_text("g,flag,n,code\nz,True,1.5,7\na,False,2,12\n")
    assert read_table(tmp_path / "s.csv", like=schema)[0]["n"].tolist() == [1.5, 2.0]
    (tmp_path / "s.csv").write_text("g,flag,code\nz,True,7\na,False,12\n")
    with pytest.raises(DataError, match=r"s\.csv: there is no column 'n'"):
        read_table(tmp_path / "s.csv", like=schema)


def test_parquet_of_others(tmp_path: Path) -> None:
    table = pa.table(
        {
            "n": pa.array([2**60, None, 3]),
            "b": pa.array([True, None, False]),
            "d": pa.array([datetime.date(2020, 1, 1), None, datetime.date(2020, 1, 2)]),
            "m": pa.array([Decimal("1.5"), None, Decimal("2.25")]),
            "s": pa.array(["a", None, "b"]),
            "t": pa.array([datetime.datetime(2020, 1, 1), None, None], pa.timestamp("ms", "Asia/Tokyo")),
        }
    )
    parquet.write_table(table, tmp_path / "t.parquet")
    frame, schema = read_table(tmp_path / "t.parquet")
    assert frame["n"].tolist() == [2**60, pd.NA, 3]
    assert [column.kind for column in schema] == [
        "identifier",
        "boolean",
        "datetime",
        "continuous",
        "categorical",
        "datetime",
    ]
    assert (schema["m"].dtype, schema["t"].dtype) == ("float64", "datetime64[ms, Asia/Tokyo]")


def test_text_in_parquet_is_typed_when_declared(tmp_path: Path) -> None:
    frame = pd.DataFrame({"day": ["31.12.2020", None, "01.02.2021"], "n": ["1.5", "2", "x"], "code": ["1", "2", "3"]})
    write_table(frame, tmp_path / "t.parquet", Schema.infer(frame))
    columns = {"day": {"kind": "datetime"}, "n": {"kind": "continuous", "missing": ["x"]}}
    read, schema = read_table(tmp_path / "t.parquet", columns)
    assert [column.kind for column in schema] == ["datetime", "continuous", "categorical"]
    assert read["n"].tolist()[:2] == [1.5, 2.0]
    assert schema["day"].format == "%d.%m.%Y"
    with pytest.raises(DataError, match=r"t\.parquet, column 'n', row 3: no number in 1 of 3 cells: 'x'"):
        read_table(tmp_path / "t.parquet", {"n": {"kind": "continuous"}})


def test_an_index_with_a_name_is_a_column(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1.5, 2.5]}, index=pd.Index(["a", "b"], name="patient"))
    frame.to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet")[1].names == ("patient", "x")
    frame.rename_axis(None).to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet")[1].names == ("x",)


def test_missing_by_declaration_in_any_frame(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"chol": [0, 200, 300], "flag": [True, False, True], "c": pd.Categorical(["a", "?", "b"]), "d": [1.0, 0.0, 2.5]}
    )
    declared = {"chol": {"missing": [0]}, "c": {"missing": "?"}, "d": {"missing": 0}}
    cleaned = declare_missing(frame, {name: Declaration.model_validate(said) for name, said in declared.items()})
    assert cleaned["chol"].tolist() == [pd.NA, 200, 300]
    assert cleaned["c"].cat.categories.tolist() == ["a", "b"]
    assert cleaned["d"].isna().tolist() == [False, True, False]
    assert frame["chol"].tolist() == [0, 200, 300]
    schema = Schema.infer(frame)
    for suffix in (".parquet", ".csv"):
        write_table(frame, tmp_path / f"t{suffix}", schema)
        read, inferred = read_table(tmp_path / f"t{suffix}", declared)
        assert read["chol"].isna().tolist() == [True, False, False]
        assert inferred["c"].levels == ("a", "b")
        assert inferred["chol"].nullable


MALFORMED: dict[str, tuple[str, bytes, str]] = {
    "empty file": ("t.csv", b"", "t.csv: the file is empty"),
    "blank file": ("t.csv", b" \n\n", "t.csv: the file is empty"),
    "no rows": ("t.csv", b"a,b\n", "t.csv: the table has no rows"),
    "one row": ("t.csv", b"a,b\n1,2\n", "t.csv: the table has a single row"),
    "duplicate names": ("t.csv", b"a,b,a\n1,2,3\n1,2,3\n", "t.csv: several columns are called 'a'"),
    "empty names": ("t.csv", b",age,\n1,2,3\n4,5,6\n", "t.csv: columns without a name: number 1, 3"),
    "no header": ("t.csv", b"63,1,145\n67,0,160\n50,1,3\n", "t.csv: the first line holds only numbers"),
    "short row": ("t.csv", b"a,b\n1,2\n3\n", r"t.csv, line 3: the row has 1 cell, the header has 2"),
    "long row": ("t.csv", b'a,b\n1,"2\n2"\n\n3,4,5\n', r"t.csv, line 5: the row has 3 cells, the header has 2"),
    "open quote": ("t.csv", b'a,b\n1,2\n2,"x\n3,4\n5,6\n', r"t.csv, line 3: the row cannot be read"),
    "latin-1": (
        "t.csv",
        "name,b\nJosé,1\nx,2\n".encode("latin-1"),
        r"t.csv: byte 10 \(line 2\) is 0xe9, which is not UTF",
    ),
    "utf-16": ("t.csv", "a,b\n1,2\n3,4\n".encode("utf-16"), "t.csv: byte 0"),
    "zero bytes": ("t.csv", b"a,b\n1,\0\n3,4\n", "t.csv: byte 6 is zero"),
    "spreadsheet": ("t.csv", b"PK\x03\x04....", "t.csv: this is a spreadsheet"),
    "not gz": ("t.csv.gz", b"a,b\n1,2\n", "t.csv.gz: cannot be unpacked"),
    "cut gz": ("t.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 99)[:30], "t.csv.gz: cannot be unpacked"),
    "unknown ending": ("t.xlsx", b"a", "t.xlsx: the ending .* is not known\n.*.csv"),
    "not parquet": ("t.parquet", b"PAR1 and no more", "t.parquet: cannot be read as Parquet"),
    "decimal comma": (
        "t.csv",
        b"crp;n\n3,2;1\n4,1;2\n",
        r"t.csv, column 'crp', row 1 \(line 2\): a comma in the number",
    ),
    "comment among numbers": (
        "t.csv",
        b"lab,n\n" + b"".join(b"%d.5,7\n" % row for row in range(50)) + b"\nsee note,7\n",
        r"t.csv, column 'lab', row 51 \(line 53\): no number in 1 of 51 cells: 'see note'",
    ),
    "mixed dates": (
        "t.csv",
        b'note,day\n"two\nlines",31.12.2020\nx,2020-12-31\n',
        r"t.csv, column 'day', row 2 \(line 4\): dates in different formats",
    ),
    "a bad cell in a row of two lines": (
        "t.csv",
        b'note,day\nx,31.12.2020\n"two\nlines",2020-12-31\n',
        r"t.csv, column 'day', row 2 \(line 3\): dates in different formats",
    ),
    "infinite": ("t.csv", b"a,b\n1.5,1\ninf,2\n2.5,3\n", r"t.csv, column 'a', row 2 \(line 3\): an infinite number"),
    "too long to be exact": (
        "t.csv",
        b"n,b\n9007199254740993,1\n9007199254740993,2\n4,3\n",
        r"t.csv, column 'n', row 1 \(line 2\): whole numbers beyond 2\^53",
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_files_are_refused_with_the_place(tmp_path: Path, case: str) -> None:
    name, content, message = MALFORMED[case]
    (tmp_path / name).write_bytes(content)
    with pytest.raises((DataError, SchemaError), match=message) as caught:
        read_table(tmp_path / name)
    assert caught.value.mend or "problems" in caught.value.what


def test_a_truncated_parquet_file_is_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": np.arange(1000) * 1.5})
    write_table(frame, tmp_path / "t.parquet", Schema.infer(frame))
    whole = (tmp_path / "t.parquet").read_bytes()
    for cut in (len(whole) // 2, len(whole) - 3):
        (tmp_path / "t.parquet").write_bytes(whole[:cut])
        with pytest.raises(DataError, match="cannot be read as Parquet"):
            read_table(tmp_path / "t.parquet")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [1]}, "t.parquet: the table has a single row"),
        ({"a": [[1], [2]]}, "t.parquet, column 'a'.*not supported"),
    ],
)
def test_parquet_that_is_no_table_is_refused(tmp_path: Path, columns: dict[str, list[object]], message: str) -> None:
    parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    with pytest.raises((DataError, SchemaError), match=message):
        read_table(tmp_path / "t.parquet")


def test_paths_that_are_no_file_are_refused(tmp_path: Path) -> None:
    for path, message in ((tmp_path, "this is a folder"), (tmp_path / "nothing.csv", "there is no such file")):
        with pytest.raises(DataError, match=message):
            read_table(path)


def test_all_problems_are_told_together_and_not_too_many(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,c,d\n1.5,x,2020-01-01,1\ninf,y,31.12.2020,2\n")
    with pytest.raises(DataError) as caught:
        read_table(tmp_path / "t.csv", {"b": {"kind": "integer"}, "d": {"min": 2}, "e": {}})
    for part in (
        "5 problems",
        "column 'a', row 2",
        "column 'b', row 1",
        "column 'c', row 2",
        "column 'd', row 1",
        "'e'",
    ):
        assert part in str(caught.value)
    names = [f"c{place}" for place in range(40)]
    (tmp_path / "t.csv").write_text("\n".join([",".join(names), ",".join(["1"] * 40), ",".join(["inf"] * 40)]))
    with pytest.raises(DataError) as caught:
        read_table(tmp_path / "t.csv")
    assert str(caught.value).count("infinite") == 10
    assert "and 30 more" in str(caught.value)


def test_every_format_is_found_by_its_endings() -> None:
    for kind, member in Format.members.items():
        for suffix in member.suffixes:
            assert format_of(f"folder/T{suffix.upper()}") == Format.build(kind)
