"""Reading an audit's answer, in which anything may be missing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]


def mapping(value: Any) -> Json:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return list(value) if isinstance(value, list | tuple) else []


def mappings(value: Any) -> list[Json]:
    """The mappings of a list, else an empty one."""
    return [one for one in items(value) if isinstance(one, Mapping)]


def finite(value: Any) -> float | None:
    """The value as a float, or None where it is missing, not a number or infinite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def ends(interval: Any) -> tuple[float, float] | None:
    """The two ends of an interval, or None where one of them is missing."""
    if not isinstance(interval, list | tuple) or len(interval) != 2:
        return None
    low, high = finite(interval[0]), finite(interval[1])
    return None if low is None or high is None else (low, high)


def floats(values: Any) -> list[float]:
    """A list of figures, empty where one of them is missing."""
    known = [finite(value) for value in items(values)]
    return [] if None in known else [value for value in known if value is not None]
