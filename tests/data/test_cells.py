"""What text is typed as, and that it is spelt the same way again."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from synthdiff.data import read_table, write_table
from synthdiff.errors import DataError
from synthdiff.schema import Schema


def read(folder: Path, cells: list[str], **declared: object) -> tuple[pd.Series, Schema]:
    path = folder / "t.csv"
    path.write_text("x,y\n" + "".join(f'"{cell}",0\n' for cell in cells))
    frame, schema = read_table(path, {"x": declared})
    return frame["x"], schema


def spelt(folder: Path, cells: list[str], **declared: object) -> list[str]:
    """The cells after reading and writing."""
    values, schema = read(folder, cells, **declared)
    write_table(pd.DataFrame({"x": values, "y": 0}), folder / "u.csv", schema)
    return [line.rpartition(",")[0].strip('"') for line in (folder / "u.csv").read_text().splitlines()[1:]]


@pytest.mark.parametrize(
    ("cells", "dtype", "kind"),
    [
        (["1", "2", "40"], "int64", "integer"),
        (["1", "", "40"], "Int64", "integer"),
        (["1.0", "2.0", "40.0"], "float64", "integer"),
        (["1.0", "", "2.5"], "float64", "continuous"),
        (["-1.5e-07", "2.5", "1e+20"], "float64", "continuous"),
        (["1.10", "2.25", "30.00"], "float64", "continuous"),
        (["0", "1", "1"], "int64", "boolean"),
        (["1.0", "0.0", ""], "float64", "boolean"),
        (["Y", "N", ""], "str", "boolean"),
        (["yes", "no", "yes"], "str", "boolean"),
        (["TRUE", "FALSE", ""], "str", "boolean"),
        (["t", "f", "f"], "str", "boolean"),
        (["+", "-", "-"], "str", "boolean"),
        (["007", "012", "100"], "str", "categorical"),
        (["250.83", "V57", "E909", "401"], "str", "categorical"),
        (["1", "2", "3A"], "str", "categorical"),
        (["None", ">7", "Norm"], "str", "categorical"),
        (["a b", " a", "ä,ö"], "str", "categorical"),
        (["", "", ""], "str", "categorical"),
        (["9007199254740993", "1", "9007199254740995"], "int64", "identifier"),
        (["123456789012345678901", "1", "1"], "str", "categorical"),
        (["2020-01-31", "", "1999-12-01"], "datetime64[us]", "datetime"),
        (["0001-01-01", "9999-12-31"], "datetime64[us]", "datetime"),
        (["2020-01-31T10:20", "2020-01-31T00:00"], "datetime64[us]", "datetime"),
        (["2020-01-31 10:20:30", "2020-01-31 00:00:00"], "datetime64[us]", "datetime"),
        (["2020-01-31T10:20:30.125", "2020-01-31T10:20:30.000"], "datetime64[us]", "datetime"),
        (["2020-01-31T10:20:30.123456", "2020-01-31T10:20:30.000000"], "datetime64[us]", "datetime"),
        (["2020-01-31T10:20:30.123456700", "2020-01-31T10:20:30.000000000"], "datetime64[ns]", "datetime"),
        (["2020-01-31T10:20:30Z", ""], "datetime64[us, UTC]", "datetime"),
        (["2020-01-31T10:20:30+02:00", "2021-01-31T10:20:30+02:00"], "datetime64[us, UTC+02:00]", "datetime"),
        (["2020-01-31 10:20:30-0530", "2021-01-31 10:20:30-0530"], "datetime64[us, UTC-05:30]", "datetime"),
        (["31.12.2020", "01.02.2021"], "datetime64[us]", "datetime"),
        (["31.12.2020 07:05", "01.02.2021 23:59"], "datetime64[us]", "datetime"),
        (["31.1.2020", "1.12.2021"], "datetime64[us]", "datetime"),
        (["12/31/2020", "01/02/2020"], "datetime64[us]", "datetime"),
        (["1/31/2020 9:30", "12/2/2020 10:30"], "datetime64[us]", "datetime"),
        (["31/12/2020", "01/02/2020"], "datetime64[us]", "datetime"),
        (["31-12-2020", "01-02-2020"], "datetime64[us]", "datetime"),
        (["2020/12/31", "2020/01/02"], "datetime64[us]", "datetime"),
        (["31-Dec-2020", "01-Feb-2020"], "datetime64[us]", "datetime"),
    ],
)
def test_cells_are_typed_and_spelt_again(tmp_path: Path, cells: list[str], dtype: str, kind: str) -> None:
    values, schema = read(tmp_path, cells)
    assert (str(values.dtype), schema["x"].kind) == (dtype, kind)
    assert spelt(tmp_path, cells) == cells
    assert values.isna().tolist() == [cell == "" for cell in cells]


@pytest.mark.parametrize("mark", ["NA", "n/a", "NaN", "null", "?", ".", "None", "-", " "])
def test_marks_are_missing_among_numbers_and_dates_but_levels_among_words(tmp_path: Path, mark: str) -> None:
    assert read(tmp_path, ["1.5", mark, "2"])[0].isna().tolist() == [False, True, False]
    assert read(tmp_path, ["15", mark, "2"])[0].dtype == "Int64"
    assert read(tmp_path, ["2020-01-01", mark, "2020-01-02"])[0].isna().tolist() == [False, True, False]
    words, schema = read(tmp_path, ["taken", mark, "seen"])
    assert words.isna().tolist() == [False, mark == " ", False]
    if mark != " ":
        assert f"declare missing: ['{mark}']" in schema["x"].reason
        assert read(tmp_path, ["taken", mark, "seen"], missing=[mark])[0].isna().tolist() == [False, True, False]


def test_offsets_that_differ_become_moments_of_utc(tmp_path: Path) -> None:
    cells = ["2020-01-31T10:00:00+01:00", "2020-07-31T10:00:00+02:00"]
    values, _ = read(tmp_path, cells)
    assert values.dtype == "datetime64[us, UTC]"
    assert spelt(tmp_path, cells) == ["2020-01-31T09:00:00+00:00", "2020-07-31T08:00:00+00:00"]


def test_padding_with_zeros_never_rounds(tmp_path: Path) -> None:
    _, schema = read(tmp_path, ["1.10", "2.25", "3.00"])
    assert schema["x"].format == ".2f"
    write_table(pd.DataFrame({"x": [1.5, 2.125], "y": 0}), tmp_path / "u.csv", schema)
    assert (tmp_path / "u.csv").read_text() == "x,y\n1.50,0\n2.125,0\n"


def test_single_precision_is_spelt_shortly(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": pd.Series([0.1, 0.7, None], dtype="float32")})
    write_table(frame, tmp_path / "u.csv", Schema.infer(frame))
    assert (tmp_path / "u.csv").read_text() == 'x\n0.1\n0.7\n""\n'


def test_declared_missing_values_go_by_value(tmp_path: Path) -> None:
    values, schema = read(tmp_path, ["0", "0.0", "1.5"], missing=[0])
    assert values.isna().tolist() == [True, True, False]
    assert schema["x"].nullable
    values, _ = read(tmp_path, [">500", "3", "4"], missing=">500")
    assert values.dtype == "Int64"


def test_declared_kinds_decide_how_cells_are_read(tmp_path: Path) -> None:
    assert read(tmp_path, ["007", "008"], kind="integer")[0].tolist() == [7, 8]
    assert read(tmp_path, ["1", "2"], kind="text")[0].tolist() == ["1", "2"]
    assert read(tmp_path, ["1", "2"], levels=["1", "2", "3"])[1]["x"].levels == ("1", "2", "3")
    assert read(tmp_path, ["1", "2"], kind="categorical")[1]["x"].levels == (1, 2)
    assert read(tmp_path, ["1,5", "1,7"], kind="categorical")[1]["x"].levels == ("1,5", "1,7")
    dates, _ = read(tmp_path, ["01/02/2020", "03/04/2020"], format="%d/%m/%Y")
    assert dates.tolist() == [pd.Timestamp("2020-02-01"), pd.Timestamp("2020-04-03")]
    assert read(tmp_path, ["20200131", "20200201"], kind="datetime", format="%Y%m%d")[1]["x"].step == 86_400
    assert spelt(tmp_path, ["31.12.99", "01.01.00"], kind="datetime", format="%d.%m.%y") == ["31.12.99", "01.01.00"]


NUMBERS = [str(1.5 * row) for row in range(60)]
DATES = ["2020-01-31", "2021-01-31"] * 30


@pytest.mark.parametrize(
    ("cells", "row", "message"),
    [
        ([*NUMBERS, ">500", "n.d."], 61, "no number in 2 of 62 cells: '>500', 'n.d.'\n.*missing: \\['>500', 'n.d.'\\]"),
        ([*NUMBERS, "120H"], 61, "no number in 1 of 61 cells: '120H'"),
        (["1", "2"] * 100 + ["many"], 201, "no number in 1 of 201 cells: 'many'"),
        ([*NUMBERS, "inf"], 61, "infinite number in 1 of 61 cells: 'inf'"),
        (["1", "-Infinity", "2"], 2, "infinite number"),
        (["1", "1e999", "2"], 2, "more than a number can hold"),
        (["3,2", "4", "5,1"], 1, "a comma in the number in 2 of 3 cells: '3,2', '5,1'\n.*3.2"),
        ([*DATES, "unknown"], 61, "no date in 1 of 61 cells: 'unknown'"),
        (["31.12.2020", "2020-12-31"], 2, "dates in different formats: '31.12.2020' and '2020-12-31'"),
        (["2020-12-31", "2020-12-31 10:00"], 2, "dates in different formats"),
        (["2020-12-31T10:00Z", "2020-12-31T10:00"], 2, "dates in different formats"),
        (["31/12/2020", "12/31/2020"], 2, "'12/31/2020' does not agree"),
        (["01/02/2020", "03/04/2020"], 1, "declare format: '%d/%m/%Y' or format: '%m/%d/%Y'"),
        (["1/2/2020 9:30", "3/4/2020 10:30"], 1, "declare format: '%d/%m/%Y %H:%M' or format: '%m/%d/%Y %H:%M'"),
        (["2020-02-28", "2020-02-30"], 2, "no date in the format %Y-%m-%d in 1 of 2 cells: '2020-02-30'"),
        (["31.12.2020", "32.12.2020"], 2, "no date in the format %d.%m.%Y"),
    ],
)
def test_mixtures_are_refused_with_the_cell(tmp_path: Path, cells: list[str], row: int, message: str) -> None:
    with pytest.raises(DataError, match=rf"(?s)t\.csv, column 'x', row {row} \(line {row + 1}\): .*{message}"):
        read(tmp_path, cells)


@pytest.mark.parametrize(
    ("cells", "declared", "message"),
    [
        (["1", "x"], {"kind": "continuous"}, "no number in 1 of 2 cells: 'x'"),
        (["low", "high"], {"kind": "integer"}, "declare another kind"),
        (["1", "12345678901234567890"], {"kind": "integer"}, "too long to be exact.*\n.*identifier"),
        (["1.2.20", "2.3.20"], {"kind": "datetime"}, "no date in a known format.*\n.*format: '%d.%m.%y'"),
        (["2020-01-01", "2020-01-02"], {"format": "%d.%m.%Y"}, "no date in the format %d.%m.%Y"),
    ],
)
def test_declared_kinds_are_held_to(
    tmp_path: Path, cells: list[str], declared: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError, match=rf"(?s)column 'x', row \d.*{message}"):
        read(tmp_path, cells, **declared)
