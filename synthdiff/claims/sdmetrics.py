"""SDMetrics: QualityReport and DiagnosticReport, exported as JSON, and results of its privacy and detection metrics.

The report's own file is a pickle. What is read here is what its four getters return:
``{"info": get_info(), "score": get_score(), "properties": get_properties(), "details": {property: get_details(…)}}``,
frames as rows or as pandas writes them. ``"metrics"`` may hold single metrics by name, each a score or what
``compute_breakdown`` returned.

References
----------
SDMetrics 0.32; issues 816 and 817 for the thresholds above which pairs of columns count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from synthdiff.checks.check import Evidence
from synthdiff.claims import defects
from synthdiff.claims.claim import Claim, Recomputed, Source, decimals_of
from synthdiff.claims.defects import Defect
from synthdiff.claims.reading import Reader
from synthdiff.claims.scores import SHAPES, STRUCTURE, TRENDS, VALIDITY, Scores

PROPERTIES = (
    SHAPES,
    TRENDS,
    VALIDITY,
    STRUCTURE,
    "Constraint Validity",
    "Relationship Validity",
    "Cardinality",
    "Intertable Trends",
)

FIGURES = ("Score", "Real Correlation", "Synthetic Correlation", "Real Association", "Meets Threshold?")
"""What the details of a property claim."""

KEYS = ("info", "score", "properties", "details", "metrics", "metadata")

_DEFECTS: Mapping[str, tuple[Defect, ...]] = {
    "score": (defects.NO_REFERENCE,),
    SHAPES: (defects.ONE_COLUMN,),
    "KSComplement": (defects.ONE_COLUMN,),
    "TVComplement": (defects.ONE_COLUMN,),
    TRENDS: (defects.OWN_BINS, defects.WEAK_PAIRS, defects.NO_REFERENCE),
    "ContingencySimilarity": (defects.OWN_BINS,),
    VALIDITY: (defects.VALID_IS_NOT_GOOD,),
    STRUCTURE: (defects.VALID_IS_NOT_GOOD,),
    "BoundaryAdherence": (defects.VALID_IS_NOT_GOOD,),
    "CategoryAdherence": (defects.VALID_IS_NOT_GOOD,),
    "LogisticDetection": (defects.LOGISTIC,),
    "NewRowSynthesis": (defects.NEW_ROWS,),
    "DCROverfittingProtection": (defects.DCR, defects.DCR_SUBSAMPLED),
    "DCRBaselineProtection": (defects.DCR, defects.DCR_BASELINE),
}


class SDMetrics(Source):
    """SDMetrics' quality or diagnostic report, exported as JSON with the keys info, score, properties and details."""

    kind: Literal["sdmetrics"] = "sdmetrics"

    def recognises(self, document: Any) -> bool:
        """By its keys."""
        return isinstance(document, Mapping) and bool({"score", "properties", "details", "metrics"} & set(document))

    def claims(self, document: Any, where: str) -> list[Claim]:
        """The overall score, the properties, every figure of the details, and the rows they are about."""
        reader = Reader(where)
        for key in document:
            if key not in KEYS:
                reader.wrong(str(key), document[key], f"the keys {', '.join(KEYS)}")
        info = reader.mapping(document.get("info", {}), "info")
        if reader.number(info.get("num_tables"), "info.num_tables") not in (None, 1.0):
            reader.wrong("info.num_tables", info["num_tables"], "a report on one table")
        details = {
            name: reader.table(rows, f"details.{name}")
            for name, rows in reader.mapping(document.get("details", {}), "details").items()
        }
        claims = [
            *_overall(reader, document, details),
            *(claim for name, rows in details.items() for claim in _details(reader, name, rows)),
            *_rows(reader, info),
            *_metrics(reader, document),
        ]
        reader.finish()
        decimals = decimals_of(claim["value"] for claim in claims)
        context = {
            "details": details,
            "version": info.get("sdmetrics_version"),
            "properties": {claim["subject"][0]: claim["value"] for claim in claims if claim["kind"] == "property"},
            "sdtypes": _sdtypes(reader, document),
        }
        reader.finish()
        return [
            Claim("sdmetrics", c["where"], c["measure"], c["title"], c["value"], decimals, c["subject"], context)
            for c in claims
        ]

    def recompute(self, claims: Sequence[Claim], evidence: Evidence) -> Iterator[Recomputed]:
        """Each figure by SDMetrics' definition."""
        scores: dict[int, Scores] = {}
        for claim in claims:
            report = id(claim.context)
            if report not in scores:
                scores[report] = Scores(claim.context, evidence)
            yield scores[report].recompute(claim)

    def defects(self, claim: Claim) -> tuple[Defect, ...]:
        """By the measure."""
        return _DEFECTS.get(claim.measure, ())


Plain = dict[str, Any]
"""A claim whose decimals are not known yet."""


def _plain(kind: str, where: str, measure: str, title: str, value: float, *subject: str) -> Plain:
    return {"kind": kind, "where": where, "measure": measure, "title": title, "value": value, "subject": subject}


def _overall(reader: Reader, document: Any, details: Mapping[str, Any]) -> Iterator[Plain]:
    score = reader.number(document.get("score"), "score", 0, 1)
    if score is not None:
        yield _plain("score", "score", "score", "Overall score", score)
    for i, row in enumerate(reader.table(document.get("properties", []), "properties")):
        name, key = row.get("Property"), f"properties[{i}]"
        if name not in PROPERTIES:
            reader.wrong(f"{key}.Property", name, ", ".join(PROPERTIES))
            continue
        value = reader.number(row.get("Score"), f"{key}.Score", 0, 1)
        if value is not None:
            yield _plain("property", f"{key}.Score", name, name, value, name)
    for name in details:
        if name not in PROPERTIES:
            reader.wrong(f"details.{name}", name, ", ".join(PROPERTIES))


def _details(reader: Reader, name: str, rows: list[dict[str, Any]]) -> Iterator[Plain]:
    if len({row.get("Table") for row in rows}) > 1:
        reader.wrong(f"details.{name}", rows, "rows of one table")
    for i, row in enumerate(rows):
        key = f"details.{name}[{i}]"
        columns = _columns(row)
        metric = row.get("Metric")
        if not isinstance(metric, str):
            reader.wrong(f"{key}.Metric", metric, "the name of a metric")
            continue
        if columns is None or (name == TRENDS and len(columns) != 2):
            needed = "the names of two columns" if name == TRENDS else "the name of a column"
            reader.wrong(f"{key}.Column", row.get("Column", row.get("Column 1")), needed)
            continue
        about = " and ".join(repr(column) for column in columns)
        for figure in FIGURES:
            found = row.get(figure)
            if figure == "Meets Threshold?" and isinstance(found, bool):
                found = float(found)
            value = row[figure] = reader.number(found, f"{key}.{figure}", -1 if "Correlation" in figure else 0, 1)
            if value is not None:
                what = metric if figure == "Score" else figure.rstrip("?").lower()
                title = f"{name}: {what} of {about}" if columns else f"{name}: {what}"
                yield _plain("detail", f"{key}.{figure}", what, title, value, *columns)


def _columns(row: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The columns that a row of details is about; none for a whole table, None where they are no names."""
    if "Column 1" in row:
        found = [row["Column 1"], row.get("Column 2")]
    else:
        one = row.get("Column", [])
        found = one if isinstance(one, list) else [one]
    return tuple(found) if all(isinstance(name, str) for name in found) else None


def _rows(reader: Reader, info: Mapping[str, Any]) -> Iterator[Plain]:
    for key, label in (("num_rows_real_data", "Real rows"), ("num_rows_synthetic_data", "Synthetic rows")):
        found = info.get(key)
        if isinstance(found, Mapping) and len(found) == 1:
            found = next(iter(found.values()))
        value = reader.number(found, f"info.{key}", 0)
        if value is not None:
            yield _plain("rows", f"info.{key}", key, label, value)


def _metrics(reader: Reader, document: Any) -> Iterator[Plain]:
    for name, found in reader.mapping(document.get("metrics", {}), "metrics").items():
        figures = (
            _flat(found, f"metrics.{name}") if isinstance(found, Mapping) else [("score", f"metrics.{name}", found)]
        )
        for part, key, figure in figures:
            value = reader.number(figure, key)
            if value is not None:
                yield _plain("metric", key, name, name if part == "score" else f"{name}: {part}", value, part)


def _flat(figures: Mapping[str, Any], key: str) -> Iterator[tuple[str, str, Any]]:
    """The innermost keys of a breakdown, what leads to them and what they hold."""
    for name, found in figures.items():
        if isinstance(found, Mapping):
            yield from _flat(found, f"{key}.{name}")
        else:
            yield name, f"{key}.{name}", found


def _sdtypes(reader: Reader, document: Any) -> dict[str, str]:
    """What SDV's metadata say of the columns; empty without them."""
    metadata = reader.mapping(document.get("metadata", {}), "metadata")
    tables = reader.mapping(metadata.get("tables", {}), "metadata.tables")
    if len(tables) == 1:
        metadata = reader.mapping(next(iter(tables.values())), "metadata.tables")
    columns = reader.mapping(metadata.get("columns", {}), "metadata.columns")
    return {name: str(column.get("sdtype")) for name, column in columns.items() if isinstance(column, Mapping)}
