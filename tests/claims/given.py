"""Reports as somebody gives them, and the same with one figure changed."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

REPORTS = Path(__file__).parent / "reports"


def document(name: str) -> Any:
    """A report's content."""
    return json.loads((REPORTS / f"{name}.json").read_text(encoding="utf-8"))


def planted(report: Any, where: str, value: Any) -> Any:
    """The report with another figure at the keys that a claim names."""
    changed = copy.deepcopy(report)
    steps = [int(step[1:-1]) if step[0] == "[" else step for step in re.findall(r"\[\d+\]|[^.\[\]]+", where)]
    holder = changed
    for step in steps[:-1]:
        holder = holder[step]
    assert holder[steps[-1]] is not None
    holder[steps[-1]] = value
    return changed
