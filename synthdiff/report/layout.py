"""Layout: the templates that every page of the report is filled into."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def fill(template: str, **facts: Any) -> str:
    """Fill a template; text from the data is escaped everywhere."""
    return _templates().get_template(template).render(**facts)


@lru_cache(maxsize=1)
def _templates() -> Environment:
    folder = FileSystemLoader(Path(__file__).parent / "templates")
    return Environment(loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
