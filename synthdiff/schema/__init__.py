"""What each column of a table *is*, inferred from the data with reasons, or declared; and what holds between columns.

The schema is the one description that the data rooms, the codec, the checks and the report share. It holds no record:
levels are the only values in it, and rare ones are pooled before anything leaves.
"""

from synthdiff.schema.column import Column, Kind, Level, Role
from synthdiff.schema.constraint import (
    AnyConstraint,
    Combinations,
    Constraint,
    Implication,
    Inequality,
    OneHot,
    Sum,
)
from synthdiff.schema.declaration import Declaration
from synthdiff.schema.mending import Mended, mend
from synthdiff.schema.obedience import broken
from synthdiff.schema.rule import AnyRule, Rule
from synthdiff.schema.schema import Schema

__all__ = [
    "AnyConstraint",
    "AnyRule",
    "Column",
    "Combinations",
    "Constraint",
    "Declaration",
    "Implication",
    "Inequality",
    "Kind",
    "Level",
    "Mended",
    "OneHot",
    "Role",
    "Rule",
    "Schema",
    "Sum",
    "broken",
    "mend",
]
