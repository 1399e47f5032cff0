"""Schema: the columns of a table, in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Self

import pandas as pd
from pydantic import BaseModel, ConfigDict, model_validator

from synthdiff.errors import SchemaError
from synthdiff.schema.column import Column, Role
from synthdiff.schema.declaration import Declaration, declarations
from synthdiff.schema.inference import survey


class Schema(BaseModel):
    """The columns of a table, in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[Column, ...]

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        twice = [name for name, times in Counter(self.names).items() if times > 1]
        if twice:
            raise ValueError(f"two columns are called {twice[0]!r}")
        return self

    def __iter__(self) -> Iterator[Column]:  # type: ignore[override]
        return iter(self.columns)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise SchemaError(f"there is no column {name!r}", mend=f"the columns are {', '.join(self.names)}")

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    def with_role(self, role: Role) -> tuple[Column, ...]:
        """The columns that have a role."""
        return tuple(column for column in self.columns if role in column.roles)

    @property
    def target(self) -> Column | None:
        """The first column with the role ``target``."""
        return next(iter(self.with_role("target")), None)

    @property
    def group(self) -> Column | None:
        """The column that names the person to whom a row belongs."""
        return next(iter(self.with_role("group")), None)

    @classmethod
    def infer(cls, frame: pd.DataFrame, columns: Mapping[str, Mapping[str, Any] | Declaration] | None = None) -> Schema:
        """Infer a schema from a frame, each column with its reason.

        Parameters
        ----------
        frame : DataFrame of at least two rows
            Column names are unique text; the index is ignored.
        columns : mapping of column names to declarations, optional
            What inference must not decide: any of the keys ``kind``, ``role``, ``min``, ``max``, ``unit``, ``levels``,
            ``format`` and ``missing``, as in a recipe.

        Returns
        -------
        Schema
            Without any of the data's extremes: bounds are only those declared.

        Raises
        ------
        DataError
            If the frame is not a table of at least two rows with unique names.
        SchemaError
            If a declaration is unknown or contradicts the data; all such problems together.
        """
        found, problems = survey(frame, declarations(columns or {}))
        if problems:
            raise SchemaError.together(problems)
        return cls(columns=tuple(found))
