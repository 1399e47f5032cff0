"""Schema: what each column *is*, as plain data.

The schema is the one description that the data rooms, the codec, the checks and the report share. It holds no record:
levels are the only values in it, and rare ones are pooled before anything leaves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from synthdiff.errors import SchemaError

Kind = Literal["continuous", "integer", "categorical", "ordinal", "boolean", "datetime", "identifier", "text"]
Role = Literal["target", "group", "quasi-identifier", "sensitive"]

Level = bool | int | float | str


class Column(BaseModel):
    """One column of a table.

    Attributes
    ----------
    name : str
        As in the data, to the letter.
    kind : Kind
        What the values mean.
    roles : tuple of Role
        What the column is used for.
    dtype : str
        The pandas dtype that a frame gets back, for example ``"Int64"`` or ``"datetime64[us, Europe/Berlin]"``.
    levels : tuple of Level or None
        For categorical, ordinal and boolean columns: the values, ordered for ordinal ones.
    minimum, maximum : float or None
        Declared bounds, in the column's unit (for datetimes: ISO text). Never taken from the data's extremes.
    decimals : int or None
        For continuous columns: the decimals after which every value ends, when there is such a number.
    format : str or None
        For datetimes read from text: the ``strftime`` format in which they are written back.
    nullable : bool
        Whether cells may be missing.
    unit : str or None
        The physical unit, for the reader.
    reason : str
        Why inference chose this, or ``"declared"``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Kind
    roles: tuple[Role, ...] = ()
    dtype: str = "str"
    levels: tuple[Level, ...] | None = None
    minimum: float | str | None = None
    maximum: float | str | None = None
    decimals: int | None = None
    format: str | None = None
    nullable: bool = False
    unit: str | None = None
    reason: str = "declared"

    @property
    def discrete(self) -> bool:
        """Whether the values are levels."""
        return self.kind in ("categorical", "ordinal", "boolean")

    @property
    def numeric(self) -> bool:
        """Whether the values are ordered points on a line: numbers and moments."""
        return self.kind in ("continuous", "integer", "datetime")

    @property
    def learnt(self) -> bool:
        """Whether a generator learns the column; identifiers, the group key and free text are not learnt."""
        return self.kind not in ("identifier", "text") and "group" not in self.roles


    def numbers(self, values: pd.Series) -> np.ndarray:
        """The cells of a numeric column on a line: float64 of shape ``(n,)``, NaN where missing; moments in seconds since 1970."""
        raise NotImplementedError

    def codes(self, values: pd.Series) -> np.ndarray:
        """The cells of a discrete column as positions in ``levels``: int64 of shape ``(n,)``, -1 where missing, -2 where not a level."""
        raise NotImplementedError


class Schema(BaseModel):
    """The columns of a table, in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[Column, ...]

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
    def infer(cls, frame: pd.DataFrame, columns: dict[str, dict[str, Any]] | None = None) -> Schema:
        """Infer a schema from a frame, each column with its reason; ``columns`` declares what inference must not decide."""
        raise NotImplementedError
