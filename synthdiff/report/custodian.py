"""The custodian's page: records or images of concern side by side. It names people and stays with their custodian.

It is kept apart from the page of the audit, so that no release can hold it by mistake: the audit's answer, from which
that page is made, has no concerns in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synthdiff.report import findings, words
from synthdiff.report.blocks import Picture
from synthdiff.report.exhibits.images import beside
from synthdiff.report.layout import fill
from synthdiff.report.reading import Json, mapping, mappings
from synthdiff.report.words import clean, count, derived, short

Record = Mapping[str, str]
Records = Mapping[tuple[str, int], Record]
"""Records by ``("synthetic" | "real", position)``, each a text for every column."""

Pictures = Mapping[tuple[int | None, int | None], Json]
"""What pairs of images look like, by the positions of the synthetic and of the training image.

Each has ``synthetic`` and ``real``, the planes of the two or None, and may have ``names``, what each is called.
"""


@dataclass(frozen=True)
class Cell:
    """One column of a pair: what stands in the synthetic record, and in the real one where that is something else."""

    column: str
    synthetic: str
    real: str
    differs: bool


@dataclass(frozen=True)
class Pair:
    """One concern: a synthetic record and the training record that it gives away, if it is about one.

    ``called`` is what the images of the two are called, and ``picture`` shows them.
    """

    synthetic: int | None
    real: int | None
    why: str
    cells: tuple[Cell, ...]
    called: str
    picture: Picture | None

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
    pictures: Pictures | None = None,
    title: str | None = None,
) -> str:
    """Render the records or images that an audit is concerned about as one page for the custodian of the real data.

    Parameters
    ----------
    answer : mapping
        What ``AuditReport.to_dict()`` gives.
    concerns : mapping of str to sequence of mapping
        By the check's name, the gravest first: ``synthetic``, the position of a record in the synthetic table,
        ``real``, that of a training record or None, and ``why``.
    records : mapping of (str, int) to mapping of str to str, optional
        The records themselves, by ``"synthetic"`` or ``"real"`` and position: each column's cell as text. Without
        them, and without ``pictures``, the page shows positions alone.
    pictures : mapping of (int or None, int or None) to mapping, optional
        What pairs of images look like, by the positions of their concern: the planes of each, as
        :func:`synthdiff.planes.pair` gives them.
    title : str or None
        The page's heading; made from the answer's name by default.

    Returns
    -------
    str
        HTML that opens offline and says on every page that it must not leave the custodian.
    """
    known = {str(name): mapping(check) for name, check in mapping(answer.get("checks")).items()}
    groups = [
        _group(index, name, known.get(name, {}), several, records or {}, pictures or {})
        for index, (name, several) in enumerate(concerns.items())
        if several
    ]
    name, noun = clean(answer.get("name") or ""), findings.noun(answer)
    of_concern = f"{noun.capitalize()}s of concern"
    return fill(
        "custodian.html",
        title=clean(title or "") or (f"{of_concern} in “{short(name, 80)}”" if name else of_concern),
        groups=groups,
        total=count(sum(len(group.pairs) for group in groups)),
        repeated=_repeated(groups),
        records=bool(records),
        pictures=bool(pictures),
        noun=noun,
    )


def _group(index: int, name: str, check: Json, several: Sequence[Json], records: Records, pictures: Pictures) -> Group:
    return Group(
        anchor=f"g{index}-{findings.slug(name)}",
        title=clean(check.get("title") or derived(name)),
        reason=clean(check.get("reason") or ""),
        pairs=tuple(_pair(one, records, pictures) for one in mappings(list(several))),
    )


def _pair(concern: Json, records: Records, pictures: Pictures) -> Pair:
    synthetic, real = _position(concern.get("synthetic")), _position(concern.get("real"))
    made = {} if synthetic is None else records.get(("synthetic", synthetic), {})
    told = {} if real is None else records.get(("real", real), {})
    cells = (
        _cell(column, made.get(column), told.get(column), bool(made and told))
        for column in dict.fromkeys([*made, *told])
    )
    # What differs is what there is to see; the columns of either kind stay in their order.
    told_first = tuple(sorted(cells, key=lambda cell: not cell.differs))
    images = mapping(pictures.get((synthetic, real)))
    called = (
        f"{said} {words.quoted(name, 120)}"
        for said, side in (("synthetic", "synthetic"), ("training", "real"))
        if (name := clean(mapping(images.get("names")).get(side) or ""))
    )
    picture = beside(images.get("synthetic"), images.get("real"))
    return Pair(synthetic, real, clean(concern.get("why") or ""), told_first, words.listed(called), picture)


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
