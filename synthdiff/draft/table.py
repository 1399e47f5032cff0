"""Drafts of tables. Each column has one line; it is a comment where inference is left to itself, and active YAML where
the draft would keep something from being learnt.

The only values of the data in a draft are levels: those of ordinal columns if none is rare, and the few that the
reasons of inference name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthdiff.draft.text import comment, head, relative, release_name
from synthdiff.schema import Column, Schema
from synthdiff.yamlfile import one_line

_NEAR_CONSTANT = 0.99
_FEWEST_PERSONS = 20
_FEWEST_TOLD = 5  # rows outside the majority, below which chance gives a target away
_LONGEST_KEY = 1000  # YAML allows 1,024 characters before the colon
_LOOKED_AT = 20_000


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ID = _set("id ids nr nbr uid uuid guid pid mrn")
_NUMBERED = _ID | _set("no num number key code record")
_PERSON = _set("patient pat patnr subject person participant member client case proband pid mrn")
_NAMES = _set("surname firstname lastname fullname forename givenname familyname vorname nachname")
_WHOSE = _set("first last full given family middle maiden patient doctor physician nurse mother father")
_CONTACT = _set("email mail phone telephone mobile fax address street ssn mrn passport iban nhs url ip")
_PLACE = _set("zip zipcode postcode postal plz city town village county municipality district")
_TRAIT = _set("age sex gender race ethnicity ethnic nationality religion occupation profession marital country")
_BIRTH = re.compile(
    r"(date|day|month|year|place)ofbirth|birth(date|day|month|year|place)|(dob|yob)$|geburts(datum|tag|jahr|ort)"
)
_TARGETS = ("target", "label", "class", "outcome", "y", "death", "died", "dead", "deceased", "mortality", "survived",
            "survival", "alive", "diagnosis", "readmitted", "readmission", "relapse", "recurrence", "event", "status",
            "disease", "response", "income", "biopsy")  # fmt: skip
_NO_TARGET = _set("date time day days year age id")


@dataclass
class _Line:
    """One column of the draft: what the recipe would say of it, whether it says so, and why."""

    column: Column
    entry: dict[str, Any]
    active: bool = False
    look: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def suggest(self, role: str, note: str) -> None:
        self.entry["role"] = [self.entry["role"], role] if "role" in self.entry else role
        self.notes.append(note)

    def keep_out(self, kind: str, why: str) -> None:
        self.look.append(f"{why}; not learnt")
        if self.column.kind not in ("identifier", "text"):
            self.entry, self.active = {"kind": kind}, True


def draft_recipe(table: str | Path, frame: pd.DataFrame, schema: Schema, recipe: str | Path) -> str:
    """Write the recipe that a person starts from.

    Parameters
    ----------
    table : str or Path
        The file that ``frame`` was read from.
    frame : DataFrame
        The whole table, with at least one row.
    schema : Schema
        What was inferred about its columns; roles are for the person to give.
    recipe : str or Path
        Where the draft will stand; the path to the table is written relative to it.

    Returns
    -------
    str
        YAML with comments, which :func:`synthdiff.recipe.load_recipe` reads.
    """
    table, recipe = Path(table), Path(recipe)
    lines = {column.name: _describe(frame[column.name], column) for column in schema}
    group, why_group = _group(frame, schema, lines)
    target = _target(frame, schema, lines, group)
    if target is not None:
        _find_leaks(frame, schema, lines, target, group)
    rows, held_out = len(frame), _holdout(len(frame))
    looks = [line for line in lines.values() if line.look]

    text = [
        *head(recipe),
        f"# Drafted from {comment(table.name)}: {rows:,} rows, {len(lines):,} columns.",
        "# A column's line that is a comment says what synthdiff takes it for, and why; uncomment and change it to",
        "# decide otherwise. Active lines keep out of the generator what it should not learn. A quasi-identifier is",
        "# what others may know of a person, such as age and place, and could recognise the person by.",
        f"# LOOK marks what a person should look at: {len(looks)} of the columns.",
        "",
        f"name: {one_line(release_name(table.name, 'table'))}",
        "",
        "data:",
        f"  table: {one_line(relative(table, recipe))}",
        f"  holdout: {held_out:<4}  # {_held_out_note(frame, held_out, group)}",
    ]
    if group is not None:
        text += [
            f"  # LOOK: {why_group}",
            f"  group: {one_line(group)}",
        ]
    else:
        text += ["  # group: NAME      # the column that names the person, if a person can have several rows"]
    text += ["  columns:"]
    width = min(60, max((len(_entry(line)[0]) for line in lines.values()), default=0))
    for line in lines.values():
        text += [f"    {row}" for row in _written(line, width)]
    if target is None:
        text += ["    # No column's name sounds like an outcome; give the one to predict {role: target}."]
    text += [
        "",
        "generator:",
        "  model: table",
        "  seed: 1",
        "  effort: standard    # quick | standard | thorough; or instead budget: {minutes: 3}",
        "",
        f"# sample: {{rows: {rows - round(rows * held_out)}}}    # as many as the generator learns from",
        "",
        "gate:",
        "  purpose: share    # share (with anybody) | share-under-agreement | augment (own training) | test-data",
        *(f"  # {note}" for note in _purpose_notes(round(rows * held_out))),
        "",
        "# release: {formats: [parquet, csv]}",
    ]
    return "\n".join(text) + "\n"


def _describe(values: pd.Series, column: Column) -> _Line:
    """What can be said of one column by itself."""
    line = _Line(column, {"kind": column.kind})
    line.notes.append(column.reason.removeprefix(f"{column.kind}: "))
    present = values.dropna()
    if column.kind == "ordinal" and column.levels is not None and _common(present, column):
        line.entry["levels"] = list(column.levels)
        line.look.append("is this the order?")
    if present.empty:
        line.look.append("every cell is missing")
        return line
    counts = present.value_counts()
    words = _words(column.name)
    share = counts.iloc[0] / len(present)
    if len(counts) == 1:
        line.look.append("the same value in every row that has one")
    elif share >= _NEAR_CONSTANT and len(present) > 1 / (1 - _NEAR_CONSTANT):
        line.look.append(f"nearly constant: one value fills over {100 * _NEAR_CONSTANT:.0f} % of the cells")
    for why, kind in _personal(present, column, words, distinct=len(counts)):
        line.keep_out(kind, why)
    if line.active or not column.learnt:
        return line
    if _BIRTH.search("".join(words)):
        line.suggest("quasi-identifier", "a quasi-identifier, by its name")
        line.look.append("a date of birth singles people out; an age or a year would do less so")
    elif set(words) & _PLACE:
        line.suggest("quasi-identifier", "a quasi-identifier, by its name")
        line.look.append("a place singles people out; a larger region would do less so")
    elif set(words) & _TRAIT:
        line.suggest("quasi-identifier", "a quasi-identifier, by its name")
    return line


def _personal(present: pd.Series, column: Column, words: list[str], distinct: int) -> Iterator[tuple[str, str]]:
    """Reasons to keep a column from being learnt, each with the kind that does so; at most one."""
    texts = not (pd.api.types.is_numeric_dtype(present) or pd.api.types.is_datetime64_any_dtype(present))
    sample = present.head(_LOOKED_AT).astype("str") if texts else pd.Series([], dtype="str")
    said = set(words)
    unique = distinct == len(present) and distinct >= _FEWEST_PERSONS
    if texts and (said & _NAMES or said == {"name"} or ("name" in said and said & _WHOSE)):
        yield "a person's name, by the column's name", "text"
    elif said & _CONTACT and distinct >= _FEWEST_PERSONS:
        yield "a contact or a number of a person, by the column's name", "identifier"
    elif texts and sample.str.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+").mean() > 0.5:
        yield "electronic mail addresses", "identifier"
    elif column.kind == "identifier":
        yield "an identifier; new ones of the same form are made", "identifier"
    elif column.kind == "integer" and unique and (np.diff(present.astype("int64").to_numpy()) == 1).all():
        yield "it counts the rows", "identifier"
    elif column.kind in ("integer", "categorical") and unique and said & (_NUMBERED | _PERSON):
        yield "another value in every row, and named like an identifier", "identifier"
    elif column.kind == "text":
        yield "free text", "text"
    elif texts and not column.numeric and distinct > 0.5 * len(present) and sample.str.count(r"\s+").mean() >= 3:
        yield "it reads like free text", "text"


def _group(frame: pd.DataFrame, schema: Schema, lines: dict[str, _Line]) -> tuple[str | None, str]:
    """The column that seems to name the person, named like one and with values that repeat, and why."""
    found: list[tuple[bool, str]] = []
    for column in schema:
        words = set(_words(column.name))
        if column.kind not in ("identifier", "integer", "categorical", "text") or not words & (_ID | _PERSON):
            continue
        present = frame[column.name].dropna()
        distinct = present.nunique()
        if not max(_FEWEST_PERSONS, 0.005 * len(present)) <= distinct < len(present):
            continue
        if words <= _NUMBERED | _PERSON:
            found.append((not words & _PERSON, column.name))
        else:
            why = "its values repeat: the group if they name the person, {kind: categorical} if they are codes"
            lines[column.name].look.append(why)
    if not found:
        return None, ""
    name = min(found, key=lambda candidate: candidate[0])[1]
    present = frame[name].dropna()
    why = f"{present.nunique():,} values in {len(present):,} rows, so it seems to name the person; if not, take it out"
    lines[name] = _Line(schema[name], {"kind": schema[name].kind}, notes=["the group above"])
    return name, why


def _target(frame: pd.DataFrame, schema: Schema, lines: dict[str, _Line], group: str | None) -> str | None:
    """The column that seems to be the outcome; a suggestion by its name alone, which stays a comment."""
    best: tuple[int, int] | None = None
    name = None
    for position, column in enumerate(schema):
        words = _words(column.name)
        ranks = [_TARGETS.index(word) for word in words if word in _TARGETS]
        learnt = column.learnt and not lines[column.name].active and column.name != group
        if not ranks or not learnt or set(words) & _NO_TARGET or frame[column.name].nunique() < 2:
            continue
        whole = len(ranks) == len(words)
        score = (min(ranks) + (0 if whole else len(_TARGETS)), -position)
        if best is None or score < best:
            best, name = score, column.name
    if name is not None:
        lines[name].suggest("target", "the outcome, by its name; uncomment if it is")
    return name


def _find_leaks(frame: pd.DataFrame, schema: Schema, lines: dict[str, _Line], target: str, group: str | None) -> None:
    """Mark the columns that give the target away; persons with several rows are looked at once."""
    if group is not None:
        frame = frame.drop_duplicates(subset=group)
    frame = frame.iloc[:: max(1, len(frame) // _LOOKED_AT)]
    for column in schema:
        line = lines[column.name]
        asked = column.name not in (target, group) and column.learnt and not line.active
        if asked and _gives_away(frame[column.name], frame[target]):
            line.look.append(f"it gives {one_line(target)} away: known only afterwards?")


def _gives_away(values: pd.Series, target: pd.Series) -> bool:
    """Whether a column's values, their absence or their order tell the target of nearly every row."""
    known = target.notna()
    values, target = values[known], target[known]
    codes, outcomes = pd.factorize(target)
    if len(outcomes) < 2 or len(codes) - np.bincount(codes).max() < _FEWEST_TOLD:
        return False
    if any(_tells(pd.factorize(said, use_na_sentinel=False)[0], codes) for said in (values, values.isna())):
        return True
    if not pd.api.types.is_numeric_dtype(values) or values.isna().any():
        return False
    if pd.api.types.is_numeric_dtype(target) and len(outcomes) > _FEWEST_PERSONS:
        return bool(abs(np.corrcoef(values.rank(), target.rank())[0, 1]) > 0.999)
    ordered = codes[np.argsort(values.astype("float64").to_numpy(), kind="stable")]
    return bool((np.diff(ordered) != 0).sum() < len(outcomes))


def _tells(values: np.ndarray, target: np.ndarray) -> bool:
    """Whether guessing the target most frequent among the rows of one value misses hardly any; codes, shape ``(n,)``.

    A value that only one row has tells nothing of other rows and counts as missed.
    """
    outcomes = target.max() + 1
    pairs, counts = np.unique(values * outcomes + target, return_counts=True)
    most = np.zeros(values.max() + 1, dtype=np.int64)
    np.maximum.at(most, pairs // outcomes, counts)
    missed = len(target) - most[most > 1].sum()
    return bool(missed <= 0.005 * (len(target) - np.bincount(target).max()))


def _common(present: pd.Series, column: Column) -> bool:
    """Whether every level has enough records to be written down."""
    from synthdiff.checks.check import RARE  # loads every check and torch: few tables need it

    levels = column.levels or ()
    return len(levels) <= 12 and all(int((present == level).sum()) >= RARE for level in levels)


def _holdout(rows: int) -> float:
    """Small tables need a larger share held out for the checks to tell anything, large ones a smaller one."""
    return 0.3 if rows < 1_000 else 0.2 if rows <= 50_000 else 0.1


def _held_out_note(frame: pd.DataFrame, share: float, group: str | None) -> str:
    whole = len(frame) if group is None else frame[group].nunique()
    unit = "rows" if group is None else "persons"
    return (
        f"about {round(share * whole):,} of {whole:,} {unit} that the generator never sees: the control of every check"
    )


def _purpose_notes(held_out: int) -> list[str]:
    """Whether the table is large enough for a membership attack to be measured.

    At a true positive rate of 1 % the upper end of its 95 % interval is below .02 from about 1,000 records on, and
    below .05 from about 150 on (Wilson): the bars of the purposes share and share-under-agreement.
    """
    if held_out >= 1_000:
        return []
    return [
        f"LOOK: share needs about 1,000 held-out rows to be told, share-under-agreement 150; here are {held_out:,}.",
        "With fewer, expect the answer inconclusive, or choose the purpose that is enough for you.",
    ]


def _written(line: _Line, width: int) -> list[str]:
    rows = _entry(line)
    if not line.active:
        rows = [f"# {row}" for row in rows]
    why = comment("; ".join(dict.fromkeys([*line.look, *line.notes])))
    rows[-1] = f"{rows[-1]:<{width + 2}}  # {'LOOK: ' if line.look else ''}{why}"
    return rows


def _entry(line: _Line) -> list[str]:
    key, value = one_line(line.column.name), one_line(line.entry)
    return [f"{key}: {value}"] if len(key) <= _LONGEST_KEY else [f"? {key}", f": {value}"]


def _words(name: str) -> list[str]:
    """The words of a column's name in small letters: ``patientNbr2`` is ``patient`` and ``nbr``."""
    return [word.lower() for word in re.findall(r"[^\W\d_]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name))]
