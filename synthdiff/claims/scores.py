"""Scores: the figures of a report of SDMetrics recomputed, from single columns and pairs up to the overall score."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import combinations
from typing import Any

from synthdiff.checks.check import Evidence
from synthdiff.claims import similarity
from synthdiff.claims.claim import Claim, Recomputed, mean, nearest
from synthdiff.claims.similarity import Cells, Pair
from synthdiff.seeds import numpy_generator

SHAPES, TRENDS, VALIDITY, STRUCTURE = "Column Shapes", "Column Pair Trends", "Data Validity", "Data Structure"

THRESHOLDS = {"CorrelationSimilarity": 0.5, "ContingencySimilarity": 0.3}
"""The strength above which a pair counts by default, since :data:`THRESHOLDS_SINCE`; before, all pairs counted."""

THRESHOLDS_SINCE = (0, 27)

NONE = dict.fromkeys(THRESHOLDS, -1.0)

NUMERIC, LEVELS = ("numerical", "datetime"), ("categorical", "ordinal", "boolean")

MOST = 20_000
"""Rows above which distances between all records of two tables are not recomputed."""


class Scores:
    """What a report's figures should be.

    Parameters
    ----------
    context : mapping
        ``details``, ``properties`` and ``version`` of the report, and ``sdtypes`` where it has metadata.
    evidence : Evidence
        The tables.
    """

    def __init__(self, context: Mapping[str, Any], evidence: Evidence) -> None:
        self._details: Mapping[str, list[dict[str, Any]]] = context["details"]
        self._stated: Mapping[str, float] = context["properties"]
        self._version = context["version"]
        self._evidence = evidence
        self._sdtypes: Mapping[str, str] = context["sdtypes"] or {
            column.name: "categorical" if column.discrete else "numerical"
            for column in evidence.schema
            if column.learnt
        }
        self._pairs: dict[tuple[str, str, str], Pair] = {}
        self._known_metrics: dict[str, dict[str, float]] = {}
        self._known_cells: dict[str, Cells | None] = {}

    def recompute(self, claim: Claim) -> Recomputed:
        """The figure that a claim is about."""
        if claim.where.startswith("info."):
            table = self._evidence.train if claim.measure == "num_rows_real_data" else self._evidence.synthetic
            return Recomputed.exactly(len(table))
        if claim.where == "score":
            properties = [_or_stated(self._property(name, value), value) for name, value in self._stated.items()]
            return mean(properties, _as_stated(properties))
        if claim.where.startswith("properties"):
            return self._property(claim.measure, claim.value)
        if claim.where.startswith("metrics"):
            return self._metric(claim.measure, claim.subject[0])
        return self._figure(claim)

    def _figure(self, claim: Claim) -> Recomputed:
        """A figure of the details: its property and its row are in its keys."""
        name, _, rest = claim.where.removeprefix("details.").rpartition("[")
        row = self._details[name][int(rest.partition("]")[0])]
        if name != TRENDS:
            return self._single(str(row["Metric"]), claim.subject, claim.value)
        pair = self._pair(str(row["Metric"]), claim.subject)
        if claim.measure == "meets threshold":
            return self._counts(row, pair)
        found = {
            "real correlation": pair.real,
            "synthetic correlation": pair.synthetic,
            "real association": pair.association,
        }
        if claim.measure not in found:
            return pair.score
        value = found[claim.measure]
        return Recomputed.unknown(pair.score.reason) if value is None else Recomputed.exactly(value)

    def _single(self, metric: str, columns: Sequence[str], stated: float | None = None) -> Recomputed:
        """A metric of one column, of a key or of the whole table."""
        real, synthetic = self._evidence.train, self._evidence.synthetic
        lacking = [name for name in columns if name not in real.columns or name not in synthetic.columns]
        if lacking:
            return Recomputed.score(f"The tables given have no column {lacking[0]!r} in common.")
        if metric == "TableStructure":
            return similarity.table_structure(real, synthetic)
        if metric == "KeyUniqueness":
            return similarity.key_uniqueness(synthetic[list(columns)])
        if metric == "TVComplement":
            return similarity.tv_complement(real[columns[0]], synthetic[columns[0]], stated)
        measure = {
            "KSComplement": similarity.ks_complement,
            "BoundaryAdherence": similarity.boundary_adherence,
            "CategoryAdherence": similarity.category_adherence,
        }.get(metric)
        if measure is None:
            said = "a format that the report does not name" if "Format" in metric else "more than the tables given"
            return Recomputed.score(f"{metric} needs {said}.")
        return measure(real[columns[0]], synthetic[columns[0]])

    def _row(self, row: Mapping[str, Any]) -> Recomputed:
        """The score of a row of details."""
        return _or_stated(self._single(str(row["Metric"]), _columns_of(row), row.get("Score")), row.get("Score"))

    def _pair(self, metric: str, columns: Sequence[str]) -> Pair:
        a, b = columns
        if (metric, a, b) not in self._pairs:
            self._pairs[metric, a, b] = self._compared(metric, a, b)
        return self._pairs[metric, a, b]

    def _compared(self, metric: str, a: str, b: str) -> Pair:
        real, synthetic = self._evidence.train, self._evidence.synthetic
        if not {a, b} <= set(real.columns) & set(synthetic.columns):
            return Pair(Recomputed.score(f"The tables given do not have the columns {a!r} and {b!r} in common."))
        if metric == "CorrelationSimilarity":
            return similarity.correlation_similarity(real[[a, b]], synthetic[[a, b]])
        if metric != "ContingencySimilarity":
            return Pair(Recomputed.score(f"{metric} is not known here."))
        both = self._cells(a), self._cells(b)
        if both[0] is None or both[1] is None:
            return Pair(Recomputed.score("A column holds words in the tables given, where the report has numbers."))
        generator = numpy_generator(self._evidence.seed, "claims", "pair", a, b)
        return similarity.contingency_similarity(both[0], both[1], generator)

    def _cells(self, name: str) -> Cells | None:
        """A column as a contingency table has it."""
        if name not in self._known_cells:
            real, synthetic = self._evidence.train[name], self._evidence.synthetic[name]
            self._known_cells[name] = similarity.cells(real, synthetic, name in self._numbers)
        return self._known_cells[name]

    @cached_property
    def _numbers(self) -> set[str]:
        """The columns that the report took for numbers: those with a metric for numbers, else by metadata or schema."""
        told = {
            name: row.get("Metric") in ("KSComplement", "BoundaryAdherence")
            for rows in (self._details.get(SHAPES, []), self._details.get(VALIDITY, []))
            for row in rows
            if isinstance(name := row.get("Column"), str) and row.get("Metric") in _TELLING
        }
        for row in self._details.get(TRENDS, []):
            if row.get("Metric") == "CorrelationSimilarity":
                told |= {row["Column 1"]: True, row["Column 2"]: True}
        guessed = {name: sdtype in NUMERIC for name, sdtype in self._sdtypes.items()}
        return {name for name, numeric in (guessed | told).items() if numeric}

    @cached_property
    def _defaults(self) -> list[dict[str, float]]:
        """The thresholds of the version that the report states; with and without where it states none."""
        digits = re.findall(r"\d+", str(self._version))
        if len(digits) < 2:
            return [THRESHOLDS, NONE]
        return [THRESHOLDS if (int(digits[0]), int(digits[1])) >= THRESHOLDS_SINCE else NONE]

    @cached_property
    def _least(self) -> Mapping[str, float | None]:
        """By metric, the strength above which a pair counts; None where the report's own choice cannot be told.

        All pairs that count must be stronger than all that do not. Where that is not so, the default applies, and some
        flags are wrong.
        """
        least: dict[str, float | None] = {}
        for metric, default in self._defaults[0].items():
            flags = [
                (bool(row["Meets Threshold?"]), self._pair(metric, (row["Column 1"], row["Column 2"])).strength)
                for row in self._details.get(TRENDS, [])
                if row.get("Metric") == metric and row.get("Meets Threshold?") is not None
            ]
            counted = [strength for counts, strength in flags if counts and strength is not None]
            left_out = [strength for counts, strength in flags if not counts and strength is not None]
            low, high = max(left_out, default=-1.0), min(counted, default=2.0)
            if low > high or low <= default < high:
                least[metric] = default
            else:
                least[metric] = None if left_out else -1.0
        return least

    def _counts(self, row: Mapping[str, Any], pair: Pair) -> Recomputed:
        """Whether a pair counts: 1 or 0."""
        metric = str(row["Metric"])
        least = self._least.get(metric)
        if pair.strength is None:
            return Recomputed.score("The pair has no association that a threshold could be held against.")
        if least is None:
            return Recomputed.score(
                f"Which pairs count does not follow SDMetrics' threshold of {THRESHOLDS[metric]:g}; a threshold of the "
                "report's own is not written down.",
            )
        return Recomputed.exactly(float(pair.strength > least))

    def _property(self, name: str, stated: float) -> Recomputed:
        """A property's score; where the report has no details, over the columns that it would be about."""
        if name in (SHAPES, VALIDITY, STRUCTURE) and name in self._details:
            rows = self._details[name]
            scores = _computable([self._row(row) for row in rows if _scored(row)])
            said = [_as_stated(scores), self._left_out(rows) if name != STRUCTURE else ""]
            return mean(scores, " ".join(filter(None, said)))
        if name == STRUCTURE:
            return self._single("TableStructure", ())
        if name == TRENDS and name in self._details:
            return self._trends()
        if name in _BY_KIND:
            numeric, other = _BY_KIND[name]
            metrics = [(column, numeric if column in self._numbers else other) for column in self._usual]
            return mean(_computable([self._single(metric, (column,)) for column, metric in metrics]), self._assumed)
        if name == TRENDS:
            return self._trends_unlisted(stated)
        return Recomputed.score(f"{name} needs several tables, or constraints that the report does not name.")

    def _trends(self) -> Recomputed:
        """The mean over the pairs that count."""
        rows = self._details[TRENDS]
        scores = []
        for row in rows:
            metric, pair = str(row["Metric"]), self._pair(str(row["Metric"]), (row["Column 1"], row["Column 2"]))
            counts = row.get("Meets Threshold?") != 0
            least = self._least.get(metric)
            if least is not None and row.get("Meets Threshold?") is not None and pair.strength is not None:
                counts = pair.strength > least
            if counts:
                scores.append(_or_stated(pair.score, row.get("Score")))
        known = _computable(scores)
        said = f"{len(scores)} of {len(rows)} pairs count." if len(scores) < len(rows) else ""
        return mean(known, " ".join(filter(None, [said, _as_stated(known), self._left_out(rows)])))

    def _trends_unlisted(self, stated: float) -> Recomputed:
        """The same without a list of pairs; without a version, whichever of both ways of counting comes nearer."""
        found = []
        for thresholds in self._defaults:
            scores = []
            for a, b in combinations(self._usual, 2):
                both = a in self._numbers and b in self._numbers
                metric = "CorrelationSimilarity" if both else "ContingencySimilarity"
                pair = self._pair(metric, (a, b))
                if pair.strength is not None and pair.strength > thresholds[metric]:
                    scores.append(pair.score)
            found.append(mean(_computable(scores), f"Over {len(scores)} pairs. {self._assumed}"))
        return nearest(stated, found)

    @cached_property
    def _usual(self) -> list[str]:
        """The columns that a report would be about."""
        both = set(self._evidence.train.columns) & set(self._evidence.synthetic.columns)
        return [name for name, kind in self._sdtypes.items() if name in both and kind in NUMERIC + LEVELS]

    @property
    def _assumed(self) -> str:
        return (
            f"The report does not list its columns; taken were {len(self._usual)}, with the kinds that they have here."
        )

    def _left_out(self, rows: list[dict[str, Any]]) -> str:
        """The columns of the tables that a list does not mention."""
        listed = {name for row in rows for name in _columns_of(row)}
        missing = [name for name in self._usual if name not in listed]
        return f"The report leaves out {', '.join(map(repr, missing))}." if missing else ""

    def _metric(self, name: str, part: str) -> Recomputed:
        """One figure of a metric that is no part of a report."""
        evidence = self._evidence
        tables = [evidence.train[self._usual], evidence.synthetic[self._usual]]
        if name == "DCROverfittingProtection":
            if evidence.holdout is None:
                return Recomputed.unknown("It needs the held-out records, which are not given.")
            tables.append(evidence.holdout[self._usual])
        elif name != "NewRowSynthesis":
            return Recomputed.unknown("It rests on random draws or on a model that is fitted without a seed.")
        if max(map(len, tables)) > MOST:
            return Recomputed.unknown(f"Distances between more than {MOST:,} records a table are not recomputed.")
        if name not in self._known_metrics:
            new = name == "NewRowSynthesis"
            measure: Any = similarity.new_row_synthesis if new else similarity.dcr_overfitting_protection
            self._known_metrics[name] = measure(*tables, self._numbers)
        found = self._known_metrics[name].get(part)
        return Recomputed.unknown("Not known here.") if found is None else Recomputed.exactly(found, 0.0, _ALL_ROWS)


_ALL_ROWS = "Over all rows, none left out by subsampling."

_BY_KIND = {SHAPES: ("KSComplement", "TVComplement"), VALIDITY: ("BoundaryAdherence", "CategoryAdherence")}
"""The metrics of a property, for numbers and for levels."""

_TELLING = ("KSComplement", "TVComplement", "BoundaryAdherence", "CategoryAdherence")
"""Metrics that tell whether a column was taken for numbers."""


def _columns_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    if "Column 1" in row:
        return row["Column 1"], row["Column 2"]
    column = row.get("Column", ())
    return (column,) if isinstance(column, str) else tuple(column)


def _scored(row: Mapping[str, Any]) -> bool:
    """Whether a row has a score, or at least no error that would explain why it has none."""
    return row.get("Score") is not None or row.get("Error") is None


def _or_stated(found: Recomputed, stated: float | None) -> Recomputed:
    """What a report states in place of what cannot be recomputed, so that at least its averages are checked."""
    if found.value is None and stated is not None and found.low <= stated <= found.high:
        return Recomputed(None, stated, stated, found.reason)
    return found


def _as_stated(scores: list[Recomputed]) -> str:
    """That some figures of an average are the report's own."""
    taken = sum(one.value is None for one in scores)
    return f"{taken} of its {len(scores)} parts are as the report states them." if taken else ""


def _computable(scores: list[Recomputed]) -> list[Recomputed]:
    """Without those that have no value by definition, which an average leaves out."""
    return [one for one in scores if math.isfinite(one.low)]
