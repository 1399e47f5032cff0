"""The data of a recipe, and what inference shall not decide about them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from synthdiff.recipe.values import Cells, Name, Roles, Section, either
from synthdiff.schema import AnyConstraint, Kind
from synthdiff.voxels import Modality


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


class Images(Section):
    """Images of one kind, one file or series each."""

    path: Name = Field(description="a folder of NIfTI files, of DICOM or of pictures, or an .npz file")
    labels: Name | None = Field(None, description="the folder of the label maps, of the same names; or DICOM SEG")
    modality: Modality | None = Field(None, description="what took them: MR, CT, US ...; of DICOM, which to take")
    shape: tuple[Annotated[int, Field(ge=4, le=1024)], ...] | None = Field(
        None, min_length=2, max_length=3, description="the voxels of every image, about its centre; default: the median"
    )
    spacing: tuple[Annotated[float, Field(gt=0)], ...] | None = Field(
        None, min_length=2, max_length=3, description="mm from voxel to voxel to resample to; default: the median"
    )
    findings: Name | None = Field(
        None, description="what each image shows: a CSV with file (or subject) and finding; of .npz, an array"
    )
    uneven: Literal["refuse", "resample"] = Field("refuse", description="tilted or unevenly spaced DICOM slices")
    array: Name | None = Field(None, description="of an .npz file, the array, such as train_images")
    body_part: Name | None = Field(None, description="for DICOM that is written: BRAIN, CHEST ...")
    label_names: tuple[Name, ...] | None = Field(None, description="for DICOM that is written: label 1, label 2 ...")


class Data(Section):
    """The data, and how they are split."""

    model_config = ConfigDict(json_schema_extra=either("table", "images"))

    table: Name | None = Field(None, description="the table, CSV or Parquet, relative to the recipe's folder")
    images: Images | None = Field(None, description="instead of a table: images")
    columns: dict[str, ColumnOverride] = Field({}, description="by column, what inference shall not decide")
    constraints: tuple[AnyConstraint, ...] = Field((), description="what holds between columns: a list")
    holdout: float = Field(
        0.2, gt=0, lt=1, description="the share of the rows that the generator never sees: the control of every check"
    )
    group: str | None = Field(None, description="the column that names the person; one person's rows stay together")

    @model_validator(mode="after")
    def _one_material(self) -> Self:
        if (self.table is None) == (self.images is None):
            found = "neither" if self.table is None else "both"
            raise ValueError(f"found {found} of table and images, expected one of them")
        return self

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
