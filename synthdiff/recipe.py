"""Recipes: one YAML file that says everything a run needs, so that the file and the data make the release again.

A recipe is read strictly (:mod:`synthdiff.yamlfile`), its defaults are written into it, and its hash covers what may
leave the house: a recipe and its released copy have the same one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from synthdiff.effort import Effort
from synthdiff.errors import AuditError, RecipeError
from synthdiff.schema import AnyConstraint, Kind, Level, Role
from synthdiff.yamlfile import Document, read_document, to_yaml

Purpose = Literal["share", "share-under-agreement", "augment", "test-data"]
Format = Literal["parquet", "csv"]

POLICIES: Mapping[str, str] = {"share": "share-publicly"}
"""The shipped policy of a purpose, where it has another name than the purpose."""

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


def _fill(said: Any, one: str, other: str, default: str) -> Any:
    """Write the default of two keys that exclude each other into a mapping that has neither."""
    if isinstance(said, dict) and said.get(one) is None and said.get(other) is None:
        return said | {one: default}
    return said


def _exclusive(*keys: str) -> dict[str, Any]:
    present = {key: {"not": {"type": "null"}} for key in keys}
    return {"not": {"required": list(keys), "properties": present}}


def _apart(value: Any, info: ValidationInfo, one: str) -> Any:
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


class ColumnOverride(Section):
    """What inference shall not decide about one column."""

    kind: Kind | None = Field(None, description="what the values mean")
    role: Roles | None = Field(None, description="what the column is used for: one role or a list of roles")
    min: float | str | None = Field(
        None, description="the least value allowed, in the column's unit; ISO text for dates"
    )
    max: float | str | None = Field(None, description="the greatest value allowed, like min")
    unit: Name | None = Field(None, description="the physical unit, for the reader")
    levels: Cells | None = Field(None, description="all values of a discrete column, in order if it is ordinal")
    format: Name | None = Field(None, description="how dates are written in the file, as in strftime: %d.%m.%Y")
    missing: Cells | None = Field(None, description="values that stand for a missing cell: one or a list")

    @field_validator("role", "missing", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        if value is None:
            return None
        return tuple(value) if isinstance(value, list | tuple) else (value,)

    @field_validator("min", "max", mode="before")
    @classmethod
    def _bound(cls, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float | str | None):
            raise ValueError(f"found {value!r}, expected a number, or a date in ISO form")
        return float(value) if isinstance(value, int) else value

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        discrete = self.kind in ("categorical", "ordinal", "boolean")
        numeric = self.kind in ("continuous", "integer", "datetime")
        if self.levels is not None and self.kind is not None and not discrete:
            raise ValueError(f"a column of kind {self.kind} has no levels")
        if self.kind is not None and not numeric and not (self.min is None and self.max is None):
            raise ValueError(f"a column of kind {self.kind} has no min or max")
        if self.format is not None and self.kind not in (None, "datetime"):
            raise ValueError(f"a column of kind {self.kind} has no format")
        for bound in (self.min, self.max):
            if isinstance(bound, str) and self.kind not in (None, "datetime"):
                raise ValueError(f"found the bound {bound!r}, expected a number in a column of kind {self.kind}")
        if self.min is not None and self.max is not None:
            if isinstance(self.min, str) != isinstance(self.max, str):
                raise ValueError("min and max are a number and a text, expected two of one sort")
            if self.min > self.max:  # type: ignore[operator]
                raise ValueError(f"min {self.min} is greater than max {self.max}")
        return self


class Data(Section):
    """The data, and how they are split."""

    table: Name = Field(description="the table, CSV or Parquet, relative to the recipe's folder")
    columns: dict[str, ColumnOverride] = Field({}, description="by column, what inference shall not decide")
    constraints: tuple[AnyConstraint, ...] = Field((), description="what holds between columns: a list")
    holdout: float = Field(
        0.2, gt=0, lt=1, description="the share of the rows that the generator never sees: the control of every check"
    )
    group: str | None = Field(None, description="the column that names the person; one person's rows stay together")

    @model_validator(mode="after")
    def _one_group(self) -> Self:
        groups = {name for name, column in self.columns.items() if "group" in (column.role or ())}
        groups |= {self.group} if self.group is not None else set()
        if len(groups) > 1:
            raise ValueError(f"several columns are the group, expected one: {', '.join(sorted(groups))}")
        return self

    def declared(self) -> dict[str, dict[str, Any]]:
        """What the recipe says about columns, by name, in the recipe's own words; ``group`` appears as a role."""
        said = {name: column.model_dump(exclude_none=True) for name, column in self.columns.items()}
        if self.group is not None:
            entry = said.setdefault(self.group, {})
            entry["role"] = tuple(dict.fromkeys((*entry.get("role", ()), "group")))
        return said


class Budget(Section):
    """How long to train: exactly one of the three."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    minutes: float | None = Field(None, gt=0, description="wall-clock minutes of training")
    seconds: float | None = Field(None, gt=0, description="wall-clock seconds of training")
    steps: int | None = Field(None, gt=0, description="training steps; the only budget that repeats to the bit")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = list(self.model_dump(exclude_none=True))
        if len(given) != 1:
            raise ValueError(f"found {' and '.join(given) or 'none'}, expected one of minutes, seconds, steps")
        return self

    @property
    def in_seconds(self) -> float | None:
        """The time budget in seconds; None for a budget in steps."""
        return 60 * self.minutes if self.minutes is not None else self.seconds


class GeneratorChoice(Section):
    """What learns the data."""

    model_config = ConfigDict(json_schema_extra=_exclusive("effort", "budget"))
    absent = {"privacy": "training with differential privacy is not available in this version"}

    model: Literal["table"] = Field("table", description="the generator; this version knows table")
    seed: int = Field(0, ge=0, lt=2**63, description="every random stream is derived from it")
    effort: Effort | None = Field(None, description="how hard to train: quick, standard (the default) or thorough")
    budget: Budget | None = Field(None, description="instead of effort: {minutes: 3}, {seconds: 90} or {steps: 2000}")

    @model_validator(mode="before")
    @classmethod
    def _default_effort(cls, said: Any) -> Any:
        return _fill(said, "effort", "budget", "standard")

    @field_validator("budget")
    @classmethod
    def _instead_of_effort(cls, budget: Budget | None, info: ValidationInfo) -> Any:
        return _apart(budget, info, "effort")


class Sample(Section):
    """What is drawn from the generator."""

    rows: int | None = Field(None, ge=1, le=10**9, description="rows to draw; default: as many as were trained on")
    given: dict[str, Given] = Field(
        {},
        description="conditions by column: one value, a range [low, high] with both ends included, a list of levels, "
        "or the share of each level, such as {yes: 0.5, no: 0.5}, which rebalances the column",
    )


class Gate(Section):
    """What the evidence must show before anything leaves."""

    model_config = ConfigDict(json_schema_extra=_exclusive("purpose", "policy"))

    purpose: Purpose | None = Field(None, description="what the release is for; share, the strictest, is the default")
    policy: Name | None = Field(None, description="instead of a purpose: your own policy file, relative to the recipe")
    require: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]*$")], BarText] = Field(
        {},
        description="bars by the name of an estimate, which may end in _upper or _lower for an end of its interval, "
        'such as tpr_at_fpr_0.01: "<= 0.02"',
        json_schema_extra={"additionalProperties": False},
    )

    @model_validator(mode="before")
    @classmethod
    def _default_purpose(cls, said: Any) -> Any:
        return _fill(said, "purpose", "policy", "share")

    @field_validator("policy")
    @classmethod
    def _instead_of_purpose(cls, policy: str | None, info: ValidationInfo) -> Any:
        return _apart(policy, info, "purpose")

    @property
    def policy_name(self) -> str | None:
        """The name of the shipped policy for the purpose; None when the recipe names a policy file."""
        return POLICIES.get(self.purpose, self.purpose) if self.purpose is not None else None


class ReleaseChoice(Section):
    """What the release holds."""

    formats: Formats = Field(("parquet", "csv"), description="the files that hold the records: a list of parquet, csv")


class Recipe(Section):
    """A recipe of synthdiff: data in, audited synthetic release out."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)] = Field(
        description="the release's name, a folder under releases: letters, digits, dots, hyphens and underscores"
    )
    data: Data = Field(description="the data, and how they are split")
    generator: GeneratorChoice = Field(default_factory=GeneratorChoice, description="what learns the data")
    sample: Sample = Field(default_factory=Sample, description="what is drawn from the generator")
    gate: Gate = Field(default_factory=Gate, description="what the evidence must show before anything leaves")
    release: ReleaseChoice = Field(default_factory=ReleaseChoice, description="what the release holds")

    _folder: Path = PrivateAttr(default=Path())

    def resolve(self, path: str | Path) -> Path:
        """A path of the recipe, relative to the folder it was read from."""
        return self._folder / path

    def released(self) -> Recipe:
        """The copy that may leave the house: of every path only the file's name."""
        data = self.data.model_copy(update={"table": _file_name(self.data.table)})
        policy = None if self.gate.policy is None else _file_name(self.gate.policy)
        gate = self.gate.model_copy(update={"policy": policy})
        return Recipe(**dict(self) | {"data": data, "gate": gate})

    @property
    def sha256(self) -> str:
        """The hash of the released copy as canonical JSON; comments, the order of keys and folders do not enter it."""
        content = self.released().model_dump(mode="json")
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def to_yaml(self) -> str:
        """The recipe with its defaults written out; reads back as the same recipe."""
        return to_yaml(self.model_dump(mode="json", exclude_none=True))


def load_recipe(path: str | Path, overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe.

    Parameters
    ----------
    path : str or Path
        The YAML file.
    overrides : iterable of str
        ``key.path=value`` texts with YAML values, applied in order: ``generator.seed=8``; an empty value takes a key
        away: ``generator.effort=``.

    Raises
    ------
    RecipeError
        With every problem found, each with its line, its key, what was found and what is allowed.
    """
    recipe = read_document(path, RecipeError).overridden(overrides).into(Recipe)
    recipe._folder = Path(path).parent
    return recipe


def conditions(texts: Iterable[str]) -> dict[str, Any]:
    """Read conditions on columns written ``column=value``, as ``sample.given`` of a recipe holds them.

    Raises
    ------
    RecipeError
        With every condition that cannot be read.
    """
    document = Document("--given", {"given": {}}, {}, RecipeError)
    return dict(document.overridden(map(_condition, texts)).into(Sample).given)


def _condition(text: str) -> str:
    """A condition as an override of ``given``: its column's name in quotes, as it may hold a dot."""
    name, sign, value = text.partition("=")
    if not (name.strip() and sign):
        raise RecipeError(
            "a condition is written COLUMN=VALUE", where=f"--given {text!r}", mend="for example sex=F or 'age=[60, 80]'"
        )
    return f"given.{text}" if name.startswith('"') else f"given.{json.dumps(name.strip(), ensure_ascii=False)}={value}"


def json_schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of a recipe, for editors."""
    schema = Recipe.model_json_schema()
    for section in (schema, *schema["$defs"].values()):
        for key, described in section["properties"].items():
            if key not in section.get("required", ()):
                section["properties"][key] = _or_nothing(described, alone=key in ("role", "missing"))
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "urn:synthdiff:recipe"}
    return head | schema | {"title": "synthdiff recipe"}


def _or_nothing(described: dict[str, Any], alone: bool) -> dict[str, Any]:
    """Let a property be null, as a key without a value is as if absent, and if ``alone`` an item without its list."""
    notes = {key: described[key] for key in ("title", "description", "default") if key in described}
    rules = {key: rule for key, rule in described.items() if key not in notes}
    choices = [choice for choice in rules.get("anyOf", [rules]) if choice != {"type": "null"}]
    items = [choice["items"] for choice in choices if alone and "items" in choice]
    return notes | {"anyOf": [*choices, *items, {"type": "null"}]}


def _file_name(path: str) -> str:
    return PurePosixPath(PureWindowsPath(path).as_posix()).name
