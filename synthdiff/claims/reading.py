"""Reading: a report's file as plain data, and its mistakes with file, key, what was found and what may be there.

Nothing is ever loaded that can run code: no pickle, whatever its name.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthdiff.errors import AuditError
from synthdiff.explain import describe

SMALL = 64 * 2**20
"""Bytes above which a file is no quality report."""

EXPORT = """export the report where it was made and give the JSON:
    import json
    table = lambda frame: json.loads(frame.to_json(orient="records"))
    names = report.get_properties()["Property"]
    json.dump({"info": report.get_info(), "score": report.get_score(),
               "properties": table(report.get_properties()),
               "details": {name: table(report.get_details(name)) for name in names}}, open("report.json", "w"))"""


def load(path: str | Path) -> Any:
    """The content of a JSON file.

    Raises
    ------
    AuditError
        If it cannot be read, is a pickle, or is no JSON.
    """
    file = Path(path)
    try:
        if file.stat().st_size > SMALL:
            raise AuditError(
                f"{file.stat().st_size:,} bytes are too many for a quality report",
                where=str(path),
                mend="give its JSON",
            )
        content = file.read_bytes()
    except OSError as error:
        raise AuditError(
            f"the report cannot be read: {error.strerror}", where=str(path), mend="check the path"
        ) from None
    if content[:1] == b"\x80" or content[:4] == b"PK\x03\x04" or file.suffix in (".pkl", ".pickle", ".joblib"):
        raise AuditError(
            "a pickle runs whatever code its maker put into it, so it is not loaded", where=str(path), mend=EXPORT
        )
    try:
        return json.loads(content)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise AuditError(f"the file is no JSON: {error}", where=str(path), mend=EXPORT) from None


class Reader:
    """Takes values out of plain data and collects every mistake.

    Parameters
    ----------
    where : str
        The file.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._problems: list[AuditError] = []

    def wrong(self, key: str, found: Any, allowed: str) -> None:
        """Note a value that is not what it should be."""
        self._problems.append(
            AuditError(f"found {describe(found)}, allowed: {allowed}", where=f"{self._where}, {key}", mend="")
        )

    def finish(self) -> None:
        """Raise what was noted, all together."""
        if self._problems:
            raise AuditError.together(self._problems)

    def mapping(self, value: Any, key: str) -> Mapping[str, Any]:
        """A mapping of keys, empty where it is none."""
        if isinstance(value, Mapping):
            return value
        self.wrong(key, value, "a mapping of keys")
        return {}

    def number(self, value: Any, key: str, low: float = -math.inf, high: float = math.inf) -> float | None:
        """A number within bounds; None for what stands for a missing one."""
        if value is None or value in ("nan", "NaN", "<NA>", "None") or (isinstance(value, float) and math.isnan(value)):
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            allowed = "a number" if math.isinf(low) else f"a number from {low:g} up"
            self.wrong(key, value, allowed if math.isinf(high) else f"a number from {low:g} to {high:g}")
            return None
        return float(value)

    def table(self, value: Any, key: str) -> list[dict[str, Any]]:
        """The rows of a table: a list of rows, or a frame as pandas writes it, by columns or split."""
        if isinstance(value, list) and all(isinstance(row, Mapping) for row in value):
            return [dict(row) for row in value]
        if isinstance(value, Mapping) and {"columns", "data"} <= set(value):
            names, rows = value["columns"], value["data"]
            if isinstance(names, list) and isinstance(rows, list) and all(_fits(row, names) for row in rows):
                return [dict(zip(map(str, names), row, strict=True)) for row in rows]
        elif isinstance(value, Mapping) and all(isinstance(column, Mapping | list) for column in value.values()):
            columns = {
                name: list(column.values()) if isinstance(column, Mapping) else column for name, column in value.items()
            }
            if len({len(column) for column in columns.values()}) <= 1:
                return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        self.wrong(key, value, "a table: a list of rows, or a frame as DataFrame.to_json() writes it")
        return []


def _fits(row: Any, names: list[Any]) -> bool:
    return isinstance(row, list) and len(row) == len(names)
