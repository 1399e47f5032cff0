"""Explaining: what pydantic found wrong with plain data, in words for the person who wrote it."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

Steps = tuple[str | int, ...]
"""The keys and positions that lead to a value."""


class Problem(NamedTuple):
    """One thing that is wrong: where, what was found and what is allowed, and what to do."""

    path: Steps
    what: str
    mend: str


def explain(model: type[BaseModel], invalid: ValidationError) -> list[Problem]:
    """The problems of data that ``model`` refused.

    A validator's own ``ValueError`` is taken as it is written. A class attribute ``absent`` of a model, a mapping of
    keys to sentences, says of keys that a person may expect why they are not there.
    """
    return [_problem(model, detail) for detail in invalid.errors(include_url=False)]


def _problem(model: type[BaseModel], detail: Any) -> Problem:
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    path, owner, field = _owner(model, [step for step in detail["loc"] if step != "[key]"])
    if kind == "extra_forbidden" and owner is not None:
        return _unknown(owner, path)
    key = next((step for step in reversed(path) if isinstance(step, str)), "")
    says = f"{key}: {field.description}" if field is not None and field.description else ""
    if kind == "missing":
        return Problem(path[:-1], f"the key {key} is missing", f"add {says}")
    if kind == "union_tag_not_found":
        return Problem(path, "the key kind is missing", says)
    what = f"found {describe(value)}"
    if kind == "union_tag_invalid":
        path, allowed = (*path, "kind"), context["expected_tags"]
        what = f"found {describe(context['tag'])}, allowed: {allowed}" + _near(context["tag"], allowed.split("'")[1::2])
    elif kind == "value_error":
        what = str(context["error"])
        says = "change one of these keys or take it out" if isinstance(value, dict) else says
    elif kind == "literal_error":
        allowed = context["expected"]
        what += f", allowed: {allowed}" + _near(value, allowed.split("'")[1::2])
    elif kind in _EXPECTED:
        what += f", expected {_EXPECTED[kind].format(**context)}"
    else:
        what += f": {detail['msg']}"
    if kind == "string_type" and isinstance(value, int | float):
        says = f'put it in quotes: "{value}"'
    return Problem(path, what, says)


def _unknown(owner: type[BaseModel], path: Steps) -> Problem:
    key, known = str(path[-1]), list(owner.model_fields)
    mend = f"known keys here: {', '.join(known)}"
    absent: Mapping[str, str] = getattr(owner, "absent", {})
    if key in absent:
        return Problem(path, absent[key], mend)
    near = _near(key, known)
    for parent in known if not near else ():
        _, child, field = _owner(owner, (parent, key))
        if child is not None and field is not None:
            near = f"; did you mean {path_text((*path[:-1], parent, key))}?"
    return Problem(path, f"unknown key{near}", mend)


_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "model_type": "a mapping of keys",
    "dict_type": "a mapping of keys",
    "tuple_type": "a list",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": "text of the form {pattern}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
}


def path_text(path: Steps) -> str:
    """A path as people write it: ``data.columns."d.time".levels[2]``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            plain = re.fullmatch(r"\w([\w -]*[\w-])?", step)
            text += ("." if text else "") + (step if plain else json.dumps(step, ensure_ascii=False))
    return text


def describe(value: Any) -> str:
    """A value of plain data as an error message calls it."""
    if isinstance(value, Mapping):
        return "a mapping of keys"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f"the text {value if len(value) <= 60 else value[:57] + '...'!r}"
    return json.dumps(value) if isinstance(value, bool) else f"the number {json.dumps(value)}"


def _near(found: Any, known: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(str(found).lower(), list(known), n=1)
    return f"; did you mean {nearest[0]}?" if nearest else ""


def _owner(
    model: type[BaseModel], steps: Iterable[str | int]
) -> tuple[Steps, type[BaseModel] | None, FieldInfo | None]:
    """The path that some steps of pydantic mean, the model that its last key belongs to, and its field.

    A list's item has the list's field. Where one of several models stands, pydantic takes a step by the model's kind,
    which is no key.
    """
    current: Any = model
    owner: type[BaseModel] | None = None
    field: FieldInfo | None = None
    path: Steps = ()
    for step in steps:
        members = _members(current)
        if members:
            current = members.get(str(step))
            continue
        path = (*path, step)
        if isinstance(current, type) and issubclass(current, BaseModel):
            owner, field = current, current.model_fields.get(str(step))
            current = _bare(field.annotation) if field is not None else None
        else:
            held = [choice for choice in get_args(current) if choice is not ...]
            owner, current = None, _bare(held[-1]) if held else None
    return path, owner, field


def _members(annotation: Any) -> dict[str, Any]:
    """By kind, the models of which a field holds one; empty for every other field."""
    if get_origin(annotation) not in (Union, UnionType):
        return {}
    kinds = [(getattr(choice, "model_fields", {}).get("kind"), choice) for choice in get_args(annotation)]
    return {get_args(kind.annotation)[0]: model for kind, model in kinds if kind and get_args(kind.annotation)}


def _bare(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    choices = [choice for choice in get_args(annotation) if choice is not NoneType]
    return choices[0] if NoneType in get_args(annotation) and len(choices) == 1 else annotation
