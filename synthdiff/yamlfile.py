"""YAML files as people write them: read strictly, every problem named with its line and key, all problems at once.

The scalars are those of YAML 1.2, made stricter, because YAML 1.1 turns the level ``NO`` into false, ``12:30`` into 750
and a date into an object:

- only ``true`` and ``false`` are booleans; ``yes``, ``no``, ``on`` and ``off`` stay text;
- numbers are decimal; one with a leading zero (``007``), in base 8 or 16, or too large for a float, stays text;
- dates and times stay text;
- keys are always text, whatever they look like;
- a key without a value is as if it were absent.

Anchors, aliases, tags, repeated keys and a second document are refused.
"""

from __future__ import annotations

import copy
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from synthdiff.errors import SynthdiffError
from synthdiff.explain import Steps, describe, explain, path_text

LARGEST = 1_000_000
"""Bytes above which a file is refused: reading takes about 2 s a megabyte, and no recipe comes near."""
DEEPEST = 20
MOST_PROBLEMS = 30

Model = TypeVar("Model", bound=BaseModel)

_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]*)?([eE][-+]?[0-9]+)?|[-+]?\.[0-9]+([eE][-+]?[0-9]+)?")
_STEP = re.compile(r'"(?:[^"\\]|\\.)*"|[^."=\s][^."=]*')


@dataclass(frozen=True)
class Document:
    """The content of a YAML file and where each key of it stands.

    Attributes
    ----------
    name : str
        The file, as errors name it.
    content : dict
        Text, numbers, booleans, lists and mappings with text keys; nothing else.
    places : mapping of path to str
        For each key or item the line, for example ``"line 14"``, or the override that set it.
    error : type of SynthdiffError
        What to raise.
    """

    name: str
    content: dict[str, Any]
    places: Mapping[Steps, str]
    error: type[SynthdiffError]

    def where(self, path: Steps) -> str:
        """File, line and key of a path; a key that is not there stands where its parent does."""
        if path and isinstance(path[-1], int) and path not in self.places:
            path = path[:-1]
        place = next((self.places[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.places), "line 1")
        return ", ".join(filter(None, (self.name, place, path_text(path))))

    def overridden(self, overrides: Iterable[str]) -> Document:
        """The document with ``key.path=value`` texts applied, in order; values are YAML.

        A key that holds a dot, a quote or an equals sign is written in double quotes: ``data.columns."d.time".min=0``.
        """
        content, places = copy.deepcopy(self.content), dict(self.places)
        for override in overrides:
            path, value_text = self._parsed(override)
            reader = _Reader(f"override {override!r}", self.error)
            value = reader.read(value_text, path)
            inside = content
            for depth, step in enumerate(path[:-1], start=1):
                inside = inside.setdefault(step, {})
                if not isinstance(inside, dict):
                    raise self.error(
                        f"{path_text(path[:depth])} is {describe(inside)}, so it has no key {path[depth]!r}",
                        where=f"override {override!r}",
                        mend=f"override {path_text(path[:depth])} as a whole",
                    )
            places = {known: place for known, place in places.items() if known[: len(path)] != path}
            places |= dict.fromkeys(reader.places, f"override {override!r}") | {path: f"override {override!r}"}
            if value is None:
                inside.pop(path[-1], None)
            else:
                inside[path[-1]] = value
        return Document(self.name, content, places, self.error)

    def _parsed(self, override: str) -> tuple[tuple[str, ...], str]:
        steps, at = [], 0
        while match := _STEP.match(override, at):
            text, at = match.group(), match.end()
            steps.append(re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text.strip())
            if override[at : at + 1] != ".":
                break
            at += 1
        if override[at : at + 1] != "=" or not steps:
            raise self.error(
                "an override is written key.path=value",
                where=f"override {override!r}",
                mend='for example generator.seed=8, or data.columns."d.time".min=0 for a key that holds a dot',
            )
        return tuple(steps), override[at + 1 :]

    def into(self, model: type[Model]) -> Model:
        """Validate the content as ``model``, strictly: no text becomes a number, no number a boolean.

        Raises
        ------
        SynthdiffError
            Of the document's class, with every problem found.
        """
        try:
            return model.model_validate_json(json.dumps(self.content), strict=True)
        except ValidationError as invalid:
            found = explain(model, invalid)
        order = {path: n for n, path in enumerate(self.places)}
        found.sort(key=lambda problem: order.get(problem.path, order.get(problem.path[:-1], -1)))
        problems = [self.error(it.what, where=self.where(it.path), mend=it.mend) for it in found[:MOST_PROBLEMS]]
        if len(found) > MOST_PROBLEMS:
            problems.append(self.error(f"and {len(found) - MOST_PROBLEMS} more", mend="mend these first"))
        raise self.error.together(problems)


def read_document(path: str | Path, error: type[SynthdiffError]) -> Document:
    """Read a YAML file whose content is a mapping.

    Raises
    ------
    SynthdiffError
        Of class ``error``, naming file, line and key, when the file is absent, a folder, too large, not UTF-8, not
        YAML, empty or not a mapping, or uses what this module refuses.
    """
    file, name = Path(path), str(path)
    if file.is_dir():
        raise error("this is a folder, expected a YAML file", where=name, mend="name the file in it")
    try:
        with file.open("rb") as stream:
            raw = stream.read(LARGEST + 1)
    except OSError as failure:
        reason = failure.strerror or type(failure).__name__
        raise error(f"the file cannot be read: {reason}", where=name, mend="check the path") from None
    if len(raw) > LARGEST:
        raise error(f"the file is larger than {LARGEST:,} bytes", where=name, mend="is this the data? name the recipe")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        line = raw.count(b"\n", 0, failure.start) + 1
        raise error(
            f"the byte 0x{raw[failure.start]:02x} is not UTF-8 text",
            where=f"{name}, line {line}",
            mend="save the file in the encoding UTF-8",
        ) from None
    reader = _Reader(name, error)
    content = reader.read(text, ())
    if content is None:
        raise error("the file is empty", where=name, mend="synthdiff init DATA -o recipe.yaml writes one")
    if not isinstance(content, dict):
        raise error(
            f"found {describe(content)}, expected a mapping of keys", where=f"{name}, line 1", mend="see the README"
        )
    return Document(name, content, reader.places, error)


class _Reader:
    """Builds plain data out of YAML's events, and notes where every key stands."""

    def __init__(self, name: str, error: type[SynthdiffError]) -> None:
        self.name, self.error = name, error
        self.places: dict[Steps, str] = {}
        self._repeated: list[SynthdiffError] = []

    def read(self, text: str, path: Steps) -> Any:
        try:
            events: Iterator[Any] = yaml.parse(text, Loader=yaml.SafeLoader)
            content, documents = None, 0
            for event in events:
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        raise self._refuse(event, (), "a second document begins here", "keep one document a file")
                    content = self._value(next(events), events, path)
        except yaml.MarkedYAMLError as failure:
            raise self._syntax(failure) from None
        except yaml.reader.ReaderError as failure:
            line = text.count("\n", 0, failure.position) + 1
            found = f"the character U+{ord(text[failure.position]):04X} is not allowed in YAML"
            raise self.error(found, where=f"{self.name}, line {line}", mend="take it out") from None
        if self._repeated:
            raise self.error.together(self._repeated[:MOST_PROBLEMS])
        return content

    def _value(self, event: Any, events: Iterator[Any], path: Steps) -> Any:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise self._refuse(event, path, "anchors (&) and aliases (*) are refused", "write it out, or in quotes")
        if event.tag is not None:
            raise self._refuse(event, path, f"the tag {event.tag!r} is refused", "write it without, or in quotes")
        if isinstance(event, yaml.ScalarEvent):
            return event.value if event.style is not None else _scalar(event.value)
        if len(path) > DEEPEST:
            raise self._refuse(event, path[:3], f"nested more than {DEEPEST} deep", "a recipe is three or four deep")
        return self._list(events, path) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(events, path)

    def _list(self, events: Iterator[Any], path: Steps) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            here = (*path, len(items))
            self.places[here] = f"line {_line(event)}"
            items.append(self._value(event, events, here))
        return items

    def _mapping(self, events: Iterator[Any], path: Steps) -> dict[str, Any]:
        content: dict[str, Any] = {}
        seen: dict[str, int] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.anchor is not None or event.tag is not None:
                raise self._refuse(event, path, "a key must be plain text", "put the key in quotes")
            key, line = event.value, _line(event)
            here = (*path, key)
            if key in seen:
                first = f"the key is there twice, first in line {seen[key]}"
                self._repeated.append(self._refuse(event, here, first, "keep one of the two"))
            seen.setdefault(key, line)
            self.places[here] = f"line {line}"
            value = self._value(next(events), events, here)
            if value is not None:
                content[key] = value
        return content

    def _refuse(self, event: Any, path: Steps, what: str, mend: str) -> SynthdiffError:
        where = (self.name, f"line {_line(event)}", path_text(path))
        return self.error(what, where=", ".join(filter(None, where)), mend=mend)

    def _syntax(self, failure: yaml.MarkedYAMLError) -> SynthdiffError:
        mark = failure.problem_mark or failure.context_mark
        what = f"not YAML: {', '.join(filter(None, (failure.context, failure.problem)))}"
        mend = next(mend for sign, mend in _MENDS if sign in what)
        where = f"{self.name}, line {mark.line + 1}, column {mark.column + 1}" if mark else self.name
        return self.error(what, where=where, mend=mend)


_MENDS = (
    ("block scalar", 'put a text that begins with > or | in quotes: ">= 0.9"'),
    (r"'\t'", "indent with spaces, never with tabs"),
    ("mapping values", 'put names and texts that hold a colon in quotes: "STDs: HPV"'),
    ("", "look at this line and the one before it for a bracket, quote or colon that is missing or too many"),
)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _scalar(text: str) -> Any:
    if text.lower() in _WORDS and text in (text.lower(), text.upper(), text.capitalize()):
        return _WORDS[text.lower()]
    if len(text) > 300 or not _NUMBER.fullmatch(text):
        return text
    number = float(text)
    if not math.isfinite(number):
        return text
    return int(text) if re.fullmatch(r"[-+]?[0-9]+", text) else number


class _Dumper(yaml.SafeDumper):
    """Quotes whatever a reader of YAML 1.1 or 1.2 could take for another type."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _one_line(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = text.isprintable() and not _NUMBER.fullmatch(text) and not re.match(r"[-+]?\.?[0-9]", text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(str, _one_line)


def to_yaml(content: Mapping[str, Any]) -> str:
    """Write plain data as YAML that :func:`read_document` and any other reader of YAML read back the same."""
    return _dump(dict(content), None)


def one_line(value: Any) -> str:
    """Write a value as YAML without a line break, as it may stand behind ``key: `` or, a text, before the colon."""
    return _dump(value, True).removesuffix("...\n").rstrip("\n")


def _dump(value: Any, flow: bool | None) -> str:
    manner: dict[str, Any] = {"default_flow_style": flow, "sort_keys": False, "allow_unicode": True, "width": math.inf}
    return str(yaml.dump(value, Dumper=_Dumper, **manner))
