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

from pydantic import ConfigDict, Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from synthdiff.effort import Effort
from synthdiff.errors import RecipeError
from synthdiff.recipe.data import Data
from synthdiff.recipe.values import BarText, Formats, Given, Name, Section, apart, exclusive, fill
from synthdiff.yamlfile import Document, read_document, to_yaml

Purpose = Literal["share", "share-under-agreement", "augment", "test-data"]

POLICIES: Mapping[str, str] = {"share": "share-publicly"}
"""The shipped policy of a purpose, where it has another name than the purpose."""

IMAGE_POLICIES: Mapping[str, str] = {
    "share": "share-images",
    "share-under-agreement": "share-images",
    "augment": "augment-images",
    "test-data": "share-images",
}
"""The shipped policy of a purpose for images."""


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

    model_config = ConfigDict(json_schema_extra=exclusive("effort", "budget"))
    absent: ClassVar[Mapping[str, str]] = {
        "privacy": "training with differential privacy is not available in this version"
    }

    model: Literal["table", "volume"] = Field("table", description="the generator: table, or volume for images")
    seed: int = Field(0, ge=0, lt=2**63, description="every random stream is derived from it")
    effort: Effort | None = Field(None, description="how hard to train: quick, standard (the default) or thorough")
    budget: Budget | None = Field(None, description="instead of effort: {minutes: 3}, {seconds: 90} or {steps: 2000}")

    @model_validator(mode="before")
    @classmethod
    def _default_effort(cls, said: Any) -> Any:
        return fill(said, "effort", "budget", "standard")

    @field_validator("budget")
    @classmethod
    def _instead_of_effort(cls, budget: Budget | None, info: ValidationInfo) -> Any:
        return apart(budget, info, "effort")


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

    model_config = ConfigDict(json_schema_extra=exclusive("purpose", "policy"))

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
        return fill(said, "purpose", "policy", "share")

    @field_validator("policy")
    @classmethod
    def _instead_of_purpose(cls, policy: str | None, info: ValidationInfo) -> Any:
        return apart(policy, info, "purpose")


class ReleaseChoice(Section):
    """What the release holds."""

    formats: Formats = Field(
        ("parquet", "csv"), description="the files that hold the records: parquet, csv; of images nifti, dicom"
    )


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

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        images = self.data.images is not None
        if images != (self.generator.model == "volume"):
            raise ValueError(f"generator.model is {self.generator.model}, expected {'volume' if images else 'table'}")
        strange = [kind for kind in self.release.formats if (kind in ("nifti", "dicom")) != images]
        if strange:
            allowed = "nifti, dicom" if images else "parquet, csv"
            raise ValueError(f"release.formats has {', '.join(strange)}, expected some of {allowed}")
        if images and (self.data.columns or self.data.constraints or self.data.group):
            raise ValueError("columns, constraints and groups are of tables, expected none beside images")
        if self.data.images is not None:
            known = {"finding"} if self.data.images.findings is not None else set()
            if unknown := set(self.sample.given) - known:
                expected = "only finding" if known else "none, as data.images.findings is not given"
                raise ValueError(f"sample.given has {', '.join(sorted(unknown))}, expected {expected}")
        return self

    @property
    def policy_name(self) -> str | None:
        """The name of the shipped policy for the purpose; None when the recipe names a policy file."""
        purpose = self.gate.purpose
        if purpose is None:
            return None
        return IMAGE_POLICIES[purpose] if self.data.images is not None else POLICIES.get(purpose, purpose)

    def resolve(self, path: str | Path) -> Path:
        """A path of the recipe, relative to the folder it was read from."""
        return self._folder / path

    def released(self) -> Recipe:
        """The copy that may leave the house: of every path only the file's name."""
        images = self.data.images
        if images is not None:
            names = {
                key: None if (path := getattr(images, key)) is None else _file_name(path)
                for key in ("path", "labels", "findings")
            }
            images = images.model_copy(update=names)
        table = None if self.data.table is None else _file_name(self.data.table)
        data = self.data.model_copy(update={"table": table, "images": images})
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
