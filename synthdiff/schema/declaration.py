"""Declarations: what a recipe says about columns, so that inference need not decide it."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from synthdiff.errors import SchemaError
from synthdiff.schema.column import Kind, Level, Role, show


def _several(value: Any) -> Any:
    if value is None:
        return ()
    return (value,) if isinstance(value, bool | int | float | str) else value


def _iso(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime.date) else value


Bound = Annotated[float | str | None, BeforeValidator(_iso)]


class Declaration(BaseModel):
    """What is declared about one column.

    Attributes
    ----------
    kind : Kind or None
        What the values mean.
    role : tuple of Role
        What the column is used for: one role or several.
    min, max : float or str or None
        Bounds that no value may cross; for datetimes ISO text.
    unit : str or None
        The physical unit, for the reader.
    levels : tuple of Level or None
        All values of a categorical, ordinal or boolean column; in order for an ordinal one.
    format : str or None
        The ``strftime`` format of dates in text.
    missing : tuple of Level
        Cell values that mean missing, besides the empty cell.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind | None = None
    role: Annotated[tuple[Role, ...], BeforeValidator(_several)] = ()
    min: Bound = None
    max: Bound = None
    unit: str | None = None
    levels: Annotated[tuple[Level, ...] | None, Field(min_length=1)] = None
    format: str | None = None
    missing: Annotated[tuple[Level, ...], BeforeValidator(_several)] = ()


def declarations(columns: Mapping[str, Mapping[str, Any] | Declaration]) -> dict[str, Declaration]:
    """Read what is declared about columns, by name.

    Raises
    ------
    SchemaError
        With all unknown settings and wrong values, and the nearest known setting.
    """
    read: dict[str, Declaration] = {}
    problems: list[SchemaError] = []
    for name, said in columns.items():
        try:
            read[name] = said if isinstance(said, Declaration) else Declaration.model_validate(dict(said))
        except ValidationError as error:
            problems += [_mistake(name, dict(details)) for details in error.errors()]
    if problems:
        raise SchemaError.together(problems)
    return read


def unknown_columns(declared: Iterable[str], known: Iterable[str]) -> list[SchemaError]:
    """One problem for every declared column that the table does not have."""
    names = list(known)
    return [
        SchemaError(f"there is no column {name!r}", where="columns", mend=nearest(name, names))
        for name in declared
        if name not in names
    ]


def nearest(name: str, known: Iterable[str]) -> str:
    """Advice that names the nearest known name, or else what is known."""
    names = list(known)
    alike = [other for other in names if other.casefold().strip() == name.casefold().strip()]
    close = alike or get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(names[:20])}{', …' if len(names) > 20 else ''}"


def _mistake(name: str, details: dict[str, Any]) -> SchemaError:
    key = str(details["loc"][0])
    if details["type"] == "extra_forbidden":
        what, mend = f"a column has no setting {key!r}", nearest(key, Declaration.model_fields)
    else:
        what, mend = f"{key!r} cannot be {show(details['input'])}", details["msg"]
    return SchemaError(what, where=f"column {name!r}", mend=mend)
