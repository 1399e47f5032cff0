"""Evidence: three tables that go together, or every reason why they do not.

What is refused here could be measured and would mean nothing: a held-out table that overlaps the training data makes
every attack look harmless.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from synthdiff.checks.check import Evidence, Images
from synthdiff.checks.features import coordinates
from synthdiff.checks.intervals import wilson
from synthdiff.checks.records import keys
from synthdiff.errors import AuditError, SchemaError, SynthdiffError
from synthdiff.schema import Schema
from synthdiff.voxels import Volume

FEWEST = 20
"""Rows of a table below which no interval says anything."""

BY_CHANCE = 0.1
"""How much more often held-out records may equal a training record than training records equal one another."""


def gather(
    real: pd.DataFrame, synthetic: pd.DataFrame, holdout: pd.DataFrame | None, schema: Schema | None, seed: int
) -> Evidence:
    """The evidence of an audit, columns in the schema's order.

    The synthetic table may lack what is not learnt: identifiers, free text and the group key.

    Raises
    ------
    AuditError
        With every table that is too small, every column that is missing, unknown or cannot be read, and when people or
        records stand both in the training and in the held-out table.
    """
    tables = {"training": real, "synthetic": synthetic} | ({} if holdout is None else {"held-out": holdout})
    _refuse(problem for name, frame in tables.items() for problem in _unusable(name, frame))
    known = Schema.infer(real) if schema is None else schema
    _refuse(problem for name, frame in tables.items() for problem in _strangers(name, frame, known))
    ordered = {
        name: frame[[column for column in known.names if column in frame.columns]].reset_index(drop=True)
        for name, frame in tables.items()
    }
    _refuse(problem for name, frame in ordered.items() for problem in _unreadable(name, frame, known))
    evidence = Evidence(ordered["training"], ordered.get("held-out"), ordered["synthetic"], known, seed)
    if evidence.holdout is not None:
        _refuse(_overlap(evidence.train, evidence.holdout, known))
    return evidence


def gather_images(
    real: Sequence[Volume], synthetic: Sequence[Volume], holdout: Sequence[Volume] | None, seed: int
) -> Evidence:
    """The evidence of an audit of images, without tables.

    Raises
    ------
    AuditError
        With every set that is too small or not of the training images' kind, and when subjects stand both in the
        training and in the held-out set.
    """
    sets = {"training": real, "synthetic": synthetic} | ({} if holdout is None else {"held-out": holdout})
    _refuse(problem for name, images in sets.items() for problem in _strange_images(name, images, real))
    if holdout is not None:
        known = {volume.subject for volume in real} - {""}
        both = {volume.subject for volume in holdout} & known
        if both:
            raise AuditError(
                f"{len(both):,} subjects are among the training images, too",
                where="held-out images",
                mend="split by subject: all images of one subject on one side",
            )
    frames = {name: pd.DataFrame(index=pd.RangeIndex(len(images))) for name, images in sets.items()}
    images = Images(real, holdout, synthetic)
    return Evidence(frames["training"], frames.get("held-out"), frames["synthetic"], Schema(columns=()), seed, images)


def _strange_images(name: str, images: Sequence[Volume], real: Sequence[Volume]) -> Iterator[AuditError]:
    where = f"{name} images"
    if len(images) < FEWEST:
        mend = "leave the held-out images away" if name == "held-out" else "give more images"
        yield AuditError(f"{len(images)} images, at least {FEWEST} are needed", where=where, mend=mend)
        return
    for what, kind in (("axes", lambda one: one.array.ndim), ("label maps", lambda one: one.labels is not None)):
        found, wanted = {kind(one) for one in images}, {kind(one) for one in real}
        if found | wanted != wanted or len(wanted) > 1:
            yield AuditError(
                f"{what}: found {sorted(found)}, the training images have {sorted(wanted)}",
                where=where,
                mend="compare images of one kind, all with label maps or all without",
            )


def _refuse(problems: Iterator[SynthdiffError]) -> None:
    if several := list(problems):
        raise AuditError.together(several)


def _unusable(name: str, frame: pd.DataFrame) -> Iterator[AuditError]:
    where = f"{name} table"
    if len(frame) < FEWEST:
        mend = "leave the held-out table away" if name == "held-out" else "give more records"
        yield AuditError(f"{len(frame)} records, at least {FEWEST} are needed", where=where, mend=mend)
    twice = frame.columns[frame.columns.duplicated()].unique()
    if len(twice):
        yield AuditError(f"columns that occur twice: {_quoted(twice)}", where=where, mend="rename or drop one of each")


def _strangers(name: str, frame: pd.DataFrame, schema: Schema) -> Iterator[AuditError]:
    where = f"{name} table"
    needed = [c.name for c in schema if c.learnt or (name != "synthetic" and c == schema.group)]
    missing = [column for column in needed if column not in frame.columns]
    extra = [str(column) for column in frame.columns if column not in schema.names]
    if missing:
        yield AuditError(
            f"columns that the schema has and the table lacks: {_quoted(missing)}",
            where=where,
            mend="give the tables the same columns, under the same names",
        )
    if extra:
        yield AuditError(
            f"columns that the schema does not know: {_quoted(extra)}",
            where=where,
            mend="drop them, or rename them as in the training table",
        )


def _unreadable(name: str, frame: pd.DataFrame, schema: Schema) -> Iterator[AuditError]:
    for column in schema:
        if column.learnt:
            try:
                coordinates(frame, column)
            except SchemaError as error:
                yield AuditError(
                    error.what,
                    where=f"{name} table, {error.where}",
                    mend=error.mend or "write the cells as the training table does",
                )


def _overlap(train: pd.DataFrame, holdout: pd.DataFrame, schema: Schema) -> Iterator[AuditError]:
    group = schema.group
    if group is not None:
        both = np.intersect1d(train[group.name].dropna().unique(), holdout[group.name].dropna().unique())
        if len(both):
            yield AuditError(
                f"{len(both):,} people are in the training table, too, by the column {group.name!r}",
                where="held-out table",
                mend="split by person: all records of one person on one side",
            )
            return
    known = pd.Series(keys(train, schema))
    chance = float(known.duplicated(keep=False).mean())
    repeated = int(np.isin(keys(holdout, schema), known).sum())
    _, (surely, _) = wilson(repeated, len(holdout))
    if surely > chance + BY_CHANCE:
        yield AuditError(
            f"{repeated:,} of {len(holdout):,} records stand in the training table, too, where chance explains about "
            f"{chance * len(holdout):,.0f}",
            where="held-out table",
            mend="give the records that were really held out, and as training table only those that were trained on",
        )


def _quoted(names: Iterable[object]) -> str:
    return ", ".join(repr(str(name)) for name in names)
