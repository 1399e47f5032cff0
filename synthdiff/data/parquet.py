"""Parquet: tables with their dtypes; the only file that reads or writes Parquet."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, Literal

import pandas as pd

from synthdiff.data.cells import type_cells
from synthdiff.data.format import Format, Loaded
from synthdiff.data.spelling import as_column, declare_missing
from synthdiff.errors import DataError, SynthdiffError
from synthdiff.schema import Schema
from synthdiff.schema.column import Column, category, dtype_name
from synthdiff.schema.declaration import Declaration
from synthdiff.schema.inference import check_table

_KEY = b"synthdiff"
_TYPED = ("continuous", "integer", "datetime")
"""Kinds that text is turned into when they are declared."""
_NULLABLE = ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64")


class Parquet(Format):
    """Apache Parquet, with nullable whole numbers, categories, dates and time zones as they were."""

    kind: Literal["parquet"] = "parquet"
    suffixes: ClassVar[tuple[str, ...]] = (".parquet", ".pq")

    def load(self, path: Path, declared: Mapping[str, Declaration], like: Schema | None) -> Loaded:
        import pyarrow as pa
        from pyarrow import parquet

        def locate(column: str, row: int | None) -> str:
            return f"{path.name}, column {column!r}" + ("" if row is None else f", row {row + 1}")

        try:
            table = parquet.read_table(path)
            _check_columns(path.name, table.column_names)
            frame = _frame(table)
        except (pa.ArrowException, OSError) as error:
            what = "cannot be read as Parquet: it is damaged, cut short or something else"
            raise DataError(what, where=path.name, mend="export or copy it again") from error
        try:
            check_table(frame)
        except DataError as error:
            raise DataError(error.what, where=path.name, mend=error.mend) from None
        names = list(frame.columns)
        formats: dict[str, str] = {}
        problems: list[SynthdiffError] = []
        frame = declare_missing(frame, declared)
        for name in names:
            said = declared.get(name, Declaration())
            if like is not None and name in like.names:
                frame[name] = as_column(frame[name], like[name])
            elif said.kind in _TYPED and pd.api.types.is_string_dtype(frame[name].dtype):
                try:
                    frame[name], form = type_cells(name, frame[name].fillna("").astype("str"), said, locate)
                    formats |= {} if form is None else {name: form}
                except SynthdiffError as problem:
                    problems.append(problem)
                    frame = frame.drop(columns=name)
        return Loaded(frame, names, locate, formats, problems)

    def save(self, parts: Iterable[pd.DataFrame], path: Path, schema: Schema) -> None:
        from pyarrow import parquet

        with ExitStack() as opened:
            writer = None
            for part in parts:
                if writer is None:
                    columns = _columns(part, schema)
                    writer = opened.enter_context(parquet.ParquetWriter(path, columns))
                writer.write_table(_arrow(part, columns))


def _columns(part: pd.DataFrame, schema: Schema) -> Any:
    """The arrow schema of a table of which this is the first part."""
    import pyarrow as pa

    ordered = part[list(schema.names)]
    found = _arrow(ordered, None).schema
    for place, column in enumerate(schema):
        # The cells of an object column say what it holds, but not where these are missing, nor which levels follow.
        if part[column.name].dtype == object and (column.levels or pa.types.is_null(found.field(place).type)):
            found = found.set(place, pa.field(column.name, _type_of(column)))
    # Parquet keeps neither categories other than text nor the order of categories.
    categories = {
        name: {"dtype": dtype_name(values), "levels": values.cat.categories.tolist()}
        for name, values in ordered.items()
        if isinstance(values.dtype, pd.CategoricalDtype)
    }
    described = _arrow(ordered, found).schema
    return described.with_metadata({**(described.metadata or {}), _KEY: json.dumps({"categories": categories})})


def _type_of(column: Column) -> Any:
    """The arrow type of an object column."""
    import pyarrow as pa

    if column.discrete:
        return pa.array(column.levels or ()).type
    numbers = {"continuous": pa.float64(), "integer": pa.int64(), "datetime": pa.date32()}
    return numbers.get(column.kind, pa.string())


def _arrow(part: pd.DataFrame, columns: Any) -> Any:
    import pyarrow as pa

    with warnings.catch_warnings():
        # pyarrow takes the zone from the dtype and only the moments from the values that pandas warns about.
        warnings.filterwarnings("ignore", "Series.values returning", category=Warning)
        return pa.Table.from_pandas(part, schema=columns, preserve_index=False)


def _check_columns(file: str, names: list[str]) -> None:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        mend = "give every column a name of its own"
        raise DataError(f"several columns are called {', '.join(map(repr, twice[:10]))}", where=file, mend=mend)


def _frame(table: Any) -> pd.DataFrame:
    """A frame without loss: whole numbers with missing cells are Int64 and not float, categories are as written."""
    import pyarrow as pa

    frame: pd.DataFrame = table.to_pandas()
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index(drop=all(name is None for name in frame.index.names))
    categories = json.loads((table.schema.metadata or {}).get(_KEY, b"{}")).get("categories", {})
    nullable = {getattr(pa, name.lower())(): pd.api.types.pandas_dtype(name) for name in _NULLABLE}
    for field in table.schema:
        if field.name not in frame.columns:
            continue  # an index without a name
        values = frame[field.name]
        if field.name in categories:
            kept = categories[field.name]
            dtype = category(kept["levels"], kept["dtype"])
            frame[field.name] = pd.Series(pd.Categorical(values, dtype=dtype), index=frame.index)
        elif pa.types.is_integer(field.type) and values.dtype.kind == "f":
            frame[field.name] = table[field.name].to_pandas(types_mapper=nullable.get)
        elif pa.types.is_decimal(field.type):
            frame[field.name] = table[field.name].cast(pa.float64()).to_pandas()
    return frame
