"""The values of a recipe: what a key may hold, and what is said of one that holds something else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, WithJsonSchema

from synthdiff.errors import AuditError
from synthdiff.schema import Level, Role

Format = Literal["parquet", "csv", "nifti", "dicom"]

_BAR_SHAPE = r"^\s*((<=|>=|<|>)\s*(reference|[-+]?\.?\d)|includes\s+[-+]?\.?\d)"
"""Roughly a bar, for editors; :class:`synthdiff.policy.Bar` has the last word."""


def _bar(text: str) -> str:
    from synthdiff.policy import Bar  # loads every check and torch: a recipe without bars need not wait for them

    try:
        return Bar.parse(text).text
    except AuditError as error:
        raise ValueError(f"{error.what}: {error.mend}") from None


def _level(value: Any) -> Any:
    if not isinstance(value, bool | int | float | str):
        raise ValueError(f"found {'nothing' if value is None else value!r}, expected text, a number, true or false")
    return value


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        raise ValueError("found an empty list, expected at least one item")
    seen = {(isinstance(value, bool), value) for value in values}
    if len(seen) < len(values):
        raise ValueError("an item is there twice")
    return values


def _given(value: Any) -> Any:
    if isinstance(value, dict):
        shares = list(value.values())
        if not shares or not all(_number(share) and share >= 0 for share in shares) or not any(shares):
            raise ValueError(f"found {value!r}, expected a share for each level, such as yes: 0.5, no: 0.5")
        return value
    if not isinstance(value, list | tuple):
        return _level(value)
    if value and all(isinstance(level, str) for level in value):
        return tuple(value) if len(value) == 2 else list(value)
    if len(value) != 2 or not all(map(_number, value)) or value[0] > value[1]:
        raise ValueError(
            f"found {list(value)!r}, expected a value, a range [low, high] of two numbers or two dates, or levels"
        )
    return tuple(value)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def fill(said: Any, one: str, other: str, default: str) -> Any:
    """Write the default of two keys that exclude each other into a mapping that has neither."""
    if isinstance(said, dict) and said.get(one) is None and said.get(other) is None:
        return said | {one: default}
    return said


def exclusive(*keys: str) -> dict[str, Any]:
    present = {key: {"not": {"type": "null"}} for key in keys}
    return {"not": {"required": list(keys), "properties": present}}


def either(*keys: str) -> dict[str, Any]:
    """The JSON schema of a mapping that has exactly one of some keys."""
    present = [{"required": [key], "properties": {key: {"not": {"type": "null"}}}} for key in keys]
    return {"oneOf": present}


def apart(value: Any, info: ValidationInfo, one: str) -> Any:
    if value is not None and info.data.get(one) is not None:
        raise ValueError(f"{one} and {info.field_name} are both given, expected one of them")
    return value


BarText = Annotated[str, AfterValidator(_bar), Field(json_schema_extra={"pattern": _BAR_SHAPE})]
Cell = Annotated[Level, BeforeValidator(_level)]
Distinct = AfterValidator(_distinct)
Several = Field(json_schema_extra={"minItems": 1, "uniqueItems": True})
Cells = Annotated[tuple[Cell, ...], Distinct, Several]
Roles = Annotated[tuple[Role, ...], Distinct, Several]
Formats = Annotated[tuple[Format, ...], Distinct, Several]
Name = Annotated[str, Field(min_length=1)]
Given = Annotated[
    Level | tuple[float, float] | tuple[str, str] | list[str] | dict[Level, float],
    BeforeValidator(_given),
    WithJsonSchema({"type": ["string", "number", "boolean", "array", "object"], "minItems": 1, "minProperties": 1}),
]


class Section(BaseModel):
    """A mapping of a recipe: frozen, and nothing in it that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    absent: ClassVar[Mapping[str, str]] = {}
    """Keys that a reader may expect but this version does not have, each with the sentence that says so."""
