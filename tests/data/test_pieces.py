"""A table that comes in pieces is the same file as the whole table, or no file."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

from synthdiff.data import Csv, Format, Parquet, format_of, read_table, write_table
from synthdiff.data.format import PART
from synthdiff.schema import Schema

ROWS = PART + 4_000
LATE = np.arange(ROWS) > PART + 1_000
"""Where columns have cells that their first part lacks."""


def late(cells: list[object], dtype: str) -> pd.Series:
    """A column whose first part is missing."""
    values = pd.Series(np.resize(np.array(cells, dtype=object), ROWS), dtype=dtype)
    return values.where(LATE, None)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    place = np.arange(ROWS)
    moments = pd.Timestamp("2020-01-01") + pd.to_timedelta(pd.Series(place % 700), unit="D")
    return pd.DataFrame(
        {
            "whole": place % 90,
            "missing at last": pd.Series(place % 7, dtype="Int64").mask(LATE),
            "missing at first": late([3, 4], "Int64"),
            "measured": np.where(LATE, np.nan, place / 8),
            "word": late(["a", 'b "c", d', " e"], "str"),
            "object word": late(["a", "b"], "object"),
            "object flag": late([True, False], "object"),
            "object number": pd.Series(np.array([1, 2.5], dtype=object)[LATE.astype(int)]),
            "object whole": late([2, 3], "object"),
            "day": late([datetime.date(2020, 1, 1), datetime.date(2021, 2, 3)], "object"),
            "moment": moments.astype("datetime64[us]").dt.tz_localize("Europe/Berlin").mask(LATE),
            "level": pd.Categorical.from_codes(np.where(LATE, place % 3, -1), ["low", "mid", "high"], ordered=True),
            "code": pd.Categorical.from_codes(place % 2, [3, 1, 9]),
            "never": pd.Series([None] * ROWS, dtype=object),
            "never a date": pd.Series(pd.NaT, index=range(ROWS), dtype="datetime64[us]"),
        }
    )


@pytest.fixture(scope="module")
def schema(frame: pd.DataFrame) -> Schema:
    return Schema.infer(frame, {"object number": {"kind": "categorical"}, "object whole": {"kind": "integer"}})


def pieces(frame: pd.DataFrame, *sizes: int) -> Iterator[pd.DataFrame]:
    """The table in pieces of these sizes, and the rest."""
    start = 0
    for size in sizes:
        yield frame.iloc[start : start + size]
        start += size
    yield frame.iloc[start:]


@pytest.mark.parametrize("suffix", [".csv.gz", ".tsv", ".parquet"])
def test_pieces_make_the_same_file_as_the_whole(
    tmp_path: Path, frame: pd.DataFrame, schema: Schema, suffix: str
) -> None:
    whole, cut = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    write_table(frame, whole, schema)
    format_of(cut).write_batches(pieces(frame, 1, 0, PART - 1, 2_000), cut, schema)
    assert cut.read_bytes() == whole.read_bytes()
    again, _ = read_table(cut, like=schema)
    pd.testing.assert_frame_equal(again, frame, check_freq=False, check_exact=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == [cut.name, whole.name]


@pytest.mark.parametrize("sizes", [(), (PART,), (PART // 2, PART), (0, 2 * PART, 5)])
def test_parts_have_one_size_however_the_table_is_cut(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    frame = pd.DataFrame({"x": np.arange(2 * PART + 10)})
    Parquet().write_batches(pieces(frame, *sizes), tmp_path / "t.parquet", Schema.infer(frame))
    file = parquet.ParquetFile(tmp_path / "t.parquet")
    assert [file.metadata.row_group(place).num_rows for place in range(file.num_row_groups)] == [PART, PART, 10]
    assert (file.read()["x"].to_numpy() == np.arange(2 * PART + 10)).all()


def test_a_column_keeps_its_type_where_a_part_holds_no_cell_of_it(
    tmp_path: Path, frame: pd.DataFrame, schema: Schema
) -> None:
    write_table(frame, tmp_path / "t.parquet", schema)
    kept = parquet.read_schema(tmp_path / "t.parquet")
    types = {name: str(kept.field(name).type).removeprefix("large_") for name in frame}
    wanted = {"object word": "string", "object flag": "bool", "object number": "double", "object whole": "int64"}
    assert types | wanted | {"day": "date32[day]", "missing at first": "int64"} == types
    assert types["never"] == "null" and read_table(tmp_path / "t.parquet")[0]["never"].dtype == object


@pytest.mark.parametrize("form", [Csv(), Parquet()])
@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError])
def test_what_is_interrupted_leaves_nothing(tmp_path: Path, form: Format, failure: type[BaseException]) -> None:
    frame = pd.DataFrame({"x": np.arange(PART)})
    schema = Schema.infer(frame)
    path = tmp_path / f"t{form.suffixes[0]}"

    def interrupted() -> Iterator[pd.DataFrame]:
        yield frame
        yield frame
        raise failure

    with pytest.raises(failure):
        form.write_batches(interrupted(), path, schema)
    assert not list(tmp_path.iterdir())
    form.write(frame[:3], path, schema)
    before = path.read_bytes()
    with pytest.raises(failure):
        form.write_batches(interrupted(), path, schema)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_link_to_a_file_stays_one(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1, 2]})
    (tmp_path / "link.csv").symlink_to(tmp_path / "t.csv")
    write_table(frame, tmp_path / "link.csv", Schema.infer(frame))
    assert (tmp_path / "link.csv").is_symlink() and (tmp_path / "t.csv").read_text() == "x\n1\n2\n"


def test_parts_are_written_as_they_come(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": np.arange(PART)})
    sizes = []

    def watched() -> Iterator[pd.DataFrame]:
        for _ in range(4):
            yield frame
            sizes.append(sum(path.stat().st_size for path in tmp_path.iterdir()))

    Csv().write_batches(watched(), tmp_path / "t.csv", Schema.infer(frame))
    assert 0 < sizes[1] < sizes[2] < sizes[3]
