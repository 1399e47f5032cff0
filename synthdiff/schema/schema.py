"""Schema: the columns of a table, in order, and what holds between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

import pandas as pd
from pydantic import BaseModel, ConfigDict, model_validator

from synthdiff.errors import SchemaError
from synthdiff.schema.column import Column, Role
from synthdiff.schema.constraint import AnyConstraint
from synthdiff.schema.declaration import Declaration, declarations
from synthdiff.schema.inference import survey
from synthdiff.schema.obedience import Said, contradictions, problems_of, read_constraints, rules_of, verify
from synthdiff.schema.rule import Rule


class Schema(BaseModel):
    """The columns of a table, in order, and the constraints between them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[Column, ...]
    constraints: tuple[AnyConstraint, ...] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        twice = [name for name, times in Counter(self.names).items() if times > 1]
        if twice:
            raise ValueError(f"two columns are called {twice[0]!r}")
        return self

    @model_validator(mode="after")
    def _constraints_fit(self) -> Self:
        problems = list(contradictions(self.constraints))
        for constraint in self.constraints:
            problems += problems_of(constraint, self._by_name)
        if problems:
            raise ValueError(str(problems[0]))
        return self

    @property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

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

    def rules(self, train: pd.DataFrame | None = None, rare: int = 1) -> tuple[Rule, ...]:
        """The constraints as they are computed with, in order: plain data, and arithmetic over many rows at once.

        Parameters
        ----------
        train : DataFrame, optional
            The rows whose combinations are the known ones; without it every combination is admitted.
        rare : int
            Combinations that fewer of these rows share are not known.

        Raises
        ------
        DataError
            When a constraint knows no combination that enough rows share.
        """
        return rules_of(self.constraints, self._by_name, train, rare)

    def constrained(self, constraints: Iterable[Said], frame: pd.DataFrame) -> Schema:
        """This schema with constraints in place of its own, which a table must obey.

        Parameters
        ----------
        constraints : iterable of Constraint or mapping
            A mapping is as in a recipe: ``{"kind": "inequality", "low": "slos", "high": "d.time"}``.
        frame : DataFrame
            The table that the schema describes.

        Raises
        ------
        SchemaError
            If constraints are unknown, contradict the columns or one another, or rows break them; all such problems
            together.
        """
        declared = read_constraints(constraints)
        problems = verify(declared, self._by_name, frame)
        if problems:
            raise SchemaError.together(problems)
        return Schema(columns=self.columns, constraints=declared)

    @classmethod
    def infer(
        cls,
        frame: pd.DataFrame,
        columns: Mapping[str, Mapping[str, Any] | Declaration] | None = None,
        constraints: Iterable[Said] = (),
    ) -> Schema:
        """Infer a schema from a frame, each column with its reason.

        Parameters
        ----------
        frame : DataFrame of at least two rows
            Column names are unique text; the index is ignored.
        columns : mapping of column names to declarations, optional
            What inference must not decide: any of the keys ``kind``, ``role``, ``min``, ``max``, ``unit``, ``levels``,
            ``format`` and ``missing``, as in a recipe.
        constraints : iterable of Constraint or mapping, optional
            What holds between columns, as in a recipe.

        Returns
        -------
        Schema
            Without any of the data's extremes: bounds are only those declared.

        Raises
        ------
        DataError
            If the frame is not a table of at least two rows with unique names.
        SchemaError
            If a declaration or a constraint is unknown or contradicts the data; all such problems together.
        """
        declared = read_constraints(constraints)
        found, problems = survey(frame, declarations(columns or {}))
        problems += verify(declared, {column.name: column for column in found}, frame)
        if problems:
            raise SchemaError.together(problems)
        return cls(columns=tuple(found), constraints=declared)
