"""The custodian's page: records of concern side by side. It names people and stays with who keeps the real data.

It is kept apart from the page of the audit, so that no release can hold it by mistake: the audit's answer, from which
that page is made, has no concerns in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synthdiff.report import findings, words
from synthdiff.report.layout import fill
from synthdiff.report.reading import Json, mapping, mappings
from synthdiff.report.words import clean, count, derived, short

Record = Mapping[str, str]
Records = Mapping[tuple[str, int], Record]
"""Records by ``("synthetic" | "real", position)``, each a text for every column."""


@dataclass(frozen=True)
class Cell:
    """One column of a pair: what stands in the synthetic record, and in the real one where that is something else."""

    column: str
    synthetic: str
    real: str
    differs: bool


@dataclass(frozen=True)
class Pair:
    """One concern: a synthetic record and the training record that it gives away, if it is about one."""

    synthetic: int | None
    real: int | None
    why: str
    cells: tuple[Cell, ...]

    @property
    def equal(self) -> int:
        """How many cells are equal."""
        return sum(not cell.differs for cell in self.cells)


@dataclass(frozen=True)
class Group:
    """The concerns of one check, the gravest first."""

    anchor: str
    title: str
    reason: str
    pairs: tuple[Pair, ...]


def render_custodian(
    answer: Json,
    concerns: Mapping[str, Sequence[Json]],
    records: Records | None = None,
    *,
    title: str | None = None,
) -> str:
    """Render the records that an audit is concerned about as one HTML page for the custodian of the real data.

    Parameters
    ----------
    answer : mapping
        What ``AuditReport.to_dict()`` gives.
    concerns : mapping of str to sequence of mapping
        By the check's name, the gravest first: ``synthetic``, the position of a record in the synthetic table,
        ``real``, that of a training record or None, and ``why``.
    records : mapping of (str, int) to mapping of str to str, optional
        The records themselves, by ``"synthetic"`` or ``"real"`` and position: each column's cell as text. Without
        them the page shows positions alone.
    title : str or None
        The page's heading; made from the answer's name by default.

    Returns
    -------
    str
        HTML that opens offline and says on every page that it must not leave the custodian.
    """
    known = {str(name): mapping(check) for name, check in mapping(answer.get("checks")).items()}
    groups = [
        _group(index, name, known.get(name, {}), several, records or {})
        for index, (name, several) in enumerate(concerns.items())
        if several
    ]
    name = clean(answer.get("name") or "")
    return fill(
        "custodian.html",
        title=clean(title or "") or (f"Records of concern in “{short(name, 80)}”" if name else "Records of concern"),
        groups=groups,
        total=count(sum(len(group.pairs) for group in groups)),
        repeated=_repeated(groups),
        records=bool(records),
    )


def _group(index: int, name: str, check: Json, several: Sequence[Json], records: Records) -> Group:
    return Group(
        anchor=f"g{index}-{findings.slug(name)}",
        title=clean(check.get("title") or derived(name)),
        reason=clean(check.get("reason") or ""),
        pairs=tuple(_pair(one, records) for one in mappings(list(several))),
    )


def _pair(concern: Json, records: Records) -> Pair:
    synthetic, real = _position(concern.get("synthetic")), _position(concern.get("real"))
    made = {} if synthetic is None else records.get(("synthetic", synthetic), {})
    told = {} if real is None else records.get(("real", real), {})
    cells = (
        _cell(column, made.get(column), told.get(column), bool(made and told))
        for column in dict.fromkeys([*made, *told])
    )
    # What differs is what there is to see; the columns of either kind stay in their order.
    return Pair(
        synthetic, real, clean(concern.get("why") or ""), tuple(sorted(cells, key=lambda cell: not cell.differs))
    )


def _cell(column: str, synthetic: str | None, real: str | None, both: bool) -> Cell:
    left, right = (_told(text) for text in (synthetic, real))
    return Cell(words.name(column), left if synthetic is not None else right, right, both and left != right)


def _told(text: str | None) -> str:
    return "(nothing)" if text is None or not clean(text) else short(text, 120)


def _position(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _repeated(groups: Sequence[Group]) -> list[tuple[int, list[str]]]:
    """The training records that several checks name, those of most checks first."""
    by: dict[int, list[str]] = {}
    for group in groups:
        for row in dict.fromkeys(pair.real for pair in group.pairs if pair.real is not None):
            by.setdefault(row, []).append(group.title)
    several = [(row, titles) for row, titles in by.items() if len(titles) > 1]
    return sorted(several, key=lambda one: (-len(one[1]), one[0]))
