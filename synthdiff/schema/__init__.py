"""What each column of a table *is*, inferred from the data with reasons, or declared.

The schema is the one description that the data rooms, the codec, the checks and the report share. It holds no record:
levels are the only values in it, and rare ones are pooled before anything leaves.
"""

from synthdiff.schema.column import Column, Kind, Level, Role
from synthdiff.schema.declaration import Declaration
from synthdiff.schema.schema import Schema

__all__ = ["Column", "Declaration", "Kind", "Level", "Role", "Schema"]
