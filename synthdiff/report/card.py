"""The card: what travels with a release for readers (a dataset card) and for machines (Croissant metadata).

Both take the same facts about a release, a plain dictionary with

``name``, ``number``
    The release, for example ``"heart-failure"`` and ``3``.
``rows``, ``schema``
    The number of records and the columns, each as ``Column.model_dump()`` gives it.
``files``
    By path inside the release: ``{"sha256": ..., "bytes": ...}``.
``answer``
    The audit's answer.
``recipe_sha256``, ``synthdiff``
    What made it.
``description``, ``created``, ``licence``, ``source``
    In words, each optional; ``created`` in ISO 8601.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from synthdiff.report import findings, words
from synthdiff.report.reading import Json, finite, items, mapping
from synthdiff.report.words import clean, count

_LICENCES = (
    "apache-2.0", "cc-by-4.0", "cc-by-nc-4.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-sa-4.0",
    "cc0-1.0", "mit", "odbl", "odc-by", "pddl",
)  # fmt: skip
_SIZES = ((1e3, "n<1K"), (1e4, "1K<n<10K"), (1e5, "10K<n<100K"), (1e6, "100K<n<1M"), (1e7, "1M<n<10M"))


def dataset_card(facts: Json) -> str:
    """Write a release's ``README.md``: a dataset card that says what the data are, what was measured and what to mind.

    Parameters
    ----------
    facts : mapping
        What is known about the release, see the module's head.

    Returns
    -------
    str
        Markdown with the YAML head that dataset hubs read.
    """
    parts = [
        _head(facts),
        _opening(facts),
        _verdict(facts),
        _columns(facts),
        _making(facts),
        _use(facts),
        _files(facts),
    ]
    return "\n\n".join([*parts, _rights(facts)]) + "\n"


def _head(facts: Json) -> str:
    licence = clean(facts.get("licence") or "")
    known = re.sub(r"[\s_]+", "-", licence.lower())
    lines = [f"pretty_name: {_quoted(_title(facts))}"]
    if licence:
        lines += (
            [f"license: {known}"] if known in _LICENCES else ["license: other", f"license_name: {_quoted(licence)}"]
        )
    lines += ["tags:", "- synthetic", "- tabular"]
    rows = finite(facts.get("rows"))
    if rows is not None:
        lines += ["size_categories:", f"- {next((size for limit, size in _SIZES if rows < limit), 'n>10M')}"]
    return "\n".join(["---", *lines, "---"])


def _quoted(text: str) -> str:
    # A JSON string is a YAML string.
    return json.dumps(text, ensure_ascii=False)


def _title(facts: Json) -> str:
    return f"{words.name(facts.get('name') or '')}, release {clean(facts.get('number'))}"


_MARKUP = re.compile(r"[\\`*{}\[\]|~$<>]|&(?=#?\w+;)|(?<!\w)_|_(?!\w)|^[#+-]")


def _text(text: Any) -> str:
    """Text from outside as Markdown that shows it to the letter."""
    return _MARKUP.sub(lambda mark: f"\\{mark[0]}", clean(text))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _opening(facts: Json) -> str:
    train = finite(mapping(mapping(facts.get("answer")).get("data")).get("train_rows"))
    fitted = f" that was fitted to {count(train)} real records" if train is not None else ""
    columns = count(len(items(facts.get("schema"))))
    lines = [
        f"# {_text(_title(facts))}",
        f"**Synthetic data.** {count(facts.get('rows'))} records with {columns} columns, "
        f"drawn from a statistical model{fitted}. None is meant to describe an existing person; what someone could "
        "still learn about the persons in the real data was measured, and the figures are below.",
    ]
    if facts.get("description"):
        lines.append(_text(facts["description"]))
    return "\n\n".join(lines)


def _verdict(facts: Json) -> str:
    answer = mapping(facts.get("answer"))
    verdict = words.overall(answer.get("verdict"))
    policy = mapping(answer.get("policy"))
    under = f" under the policy “{_text(policy['name'])}”" if policy.get("name") else ""
    lines = [
        "## Verdict",
        f"**{verdict.symbol} {verdict.word}**{under}. {_text(answer.get('headline') or '')}".rstrip(),
    ]
    rows = [
        [
            _text(figure.label),
            figure.value,
            figure.interval,
            figure.n,
            figure.reference,
            _text(figure.demand),
            _judged(figure),
        ]
        for one in findings.answers(answer)
        for figure in one.figures
    ]
    if rows:
        lines.append(_table(["Figure", "Value", "95 % interval", "Records", "Real data score", "Bar", "Verdict"], rows))
    silent = [one for one in findings.answers(answer) if not one.answered]
    if silent:
        lines.append("Not tested:")
        lines.append("\n".join(f"- {_text(one.title)}: {_text(one.reason) or 'no reason given.'}" for one in silent))
    lines.append("`report.html` shows the evidence and explains every term; `report.json` holds the same for machines.")
    return "\n\n".join(lines)


def _judged(figure: findings.Figure) -> str:
    said = f"{figure.verdict.symbol} {figure.verdict.word}"
    return said if figure.gating or not figure.bar else f"{said} (not required)"


def _columns(facts: Json) -> str:
    rows = [
        [
            _text(words.name(column.get("name") or "")),
            _text(column.get("kind") or ""),
            _text(column.get("unit") or ""),
            _text(_values(column)),
            "yes" if column.get("nullable") else "no",
            _text(words.listed(str(role) for role in items(column.get("roles")))),
        ]
        for column in _schema(facts)
    ]
    head = ["Column", "Kind", "Unit", "Values", "May be missing", "Role"]
    return "## Columns\n\n" + _table(head, rows)


def _schema(facts: Json) -> Iterator[Json]:
    return (mapping(column) for column in items(facts.get("schema")))


def _values(column: Json) -> str:
    """What a column may hold, from what was declared: levels are counted, not listed."""
    if items(column.get("levels")):
        return f"{count(len(column['levels']))} levels"
    low, high = column.get("minimum"), column.get("maximum")
    said = [f"from {_bound(low)}" if low is not None else "", f"to {_bound(high)}" if high is not None else ""]
    return " ".join(word for word in said if word)


def _bound(value: Any) -> str:
    return clean(value) if finite(value) is None else f"{value:.10g}"


def _making(facts: Json) -> str:
    made = f"By synthdiff {_text(facts.get('synthdiff') or '')}, score-based diffusion".rstrip()
    created = f", on {_text(facts['created'])}" if facts.get("created") else ""
    lines = ["## How it was made", f"{made}{created}. `recipe.yaml` makes it again from the real data."]
    if facts.get("recipe_sha256"):
        lines.append(f"SHA-256 of the recipe: `{clean(facts['recipe_sha256'])}`")
    return "\n\n".join(lines)


def _use(facts: Json) -> str:
    purpose = clean(mapping(mapping(facts.get("answer")).get("policy")).get("purpose") or "")
    return "\n".join(
        [
            "## Intended use and limits",
            "",
            *([f"- Audited for this purpose: {_text(purpose)}"] if purpose else []),
            "- Use them to write, test and teach analyses, to plan studies, to share a problem without the records.",
            "- A result found here is a hypothesis: confirm it on real data before it informs the care of a person.",
            "- Rare groups, extreme values and columns that the report lists among the worst are the least reliable.",
            "- Biases of the real data are in the synthetic data too.",
            "- The figures speak about the attacks that were tried. Do not try to find persons in the data, and do not "
            "link them with other data for that purpose.",
        ]
    )


def _files(facts: Json) -> str:
    files = {clean(path): mapping(file) for path, file in sorted(mapping(facts.get("files")).items())}
    rows = [[f"`{path}`", count(file.get("bytes"))] for path, file in files.items()]
    sums = "\n".join(f"{clean(file.get('sha256'))}  {path}" for path, file in files.items())
    return (
        f"## Files and how to verify them\n\n{_table(['File', 'Bytes'], rows)}\n\n"
        "`synthdiff verify .` in this folder checks every file against `manifest.json`. Without synthdiff:\n\n"
        f"```sh\nsha256sum --check <<'END'\n{sums}\nEND\n```"
    )


def _rights(facts: Json) -> str:
    licence, source = clean(facts.get("licence") or ""), clean(facts.get("source") or "")
    unknown = "No licence was stated: ask whoever gave you these data before you pass them on."
    lines = ["## Licence and source", f"Licence: {_text(licence)}" if licence else unknown]
    if source:
        lines.append(f"Made from: {_text(source)}")
    return "\n\n".join(lines)


# --- Croissant --------------------------------------------------------------------------------------------------------

# The context that the Croissant 1.0 specification recommends, as its validator expects it.
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
} | {
    term: f"cr:{term}"
    for term in (
        "citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet", "format",
        "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references",
        "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
    )
}  # fmt: skip

_FORMATS = {".parquet": "application/x-parquet", ".csv": "text/csv"}


def croissant(facts: Json) -> dict[str, Any]:
    """Describe a release's table to machines, as Croissant 1.0 JSON-LD.

    Parameters
    ----------
    facts : mapping
        What is known about the release, see the module's head.

    Returns
    -------
    dict
        Plain JSON. Addresses are relative to the release; what is not known (a web page, a creator) is left out.

    References
    ----------
    Croissant Format Specification, version 1.0, MLCommons 2024.
    """
    answer = mapping(facts.get("answer"))
    verdict = words.overall(answer.get("verdict"))
    tables = _tables(facts)
    described: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": words.name(facts.get("name") or ""),
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "description": clean(facts.get("description") or f"{count(facts.get('rows'))} synthetic records by synthdiff."),
        "version": f"{clean(facts.get('number'))}.0.0",
        "citeAs": f"{_title(facts)}. Synthetic data by synthdiff {clean(facts.get('synthdiff') or '')}".rstrip() + ".",
        "isLiveDataset": False,
        "keywords": ["synthetic data", "tabular"],
        "rai:dataCollection": "Drawn from a score-based diffusion model that was fitted to real records.",
        "rai:dataLimitations": f"Audit: {verdict.word}. {clean(answer.get('headline') or '')}".rstrip(),
        "distribution": list(_distribution(tables)),
    }
    if facts.get("created"):
        described |= {"dateCreated": clean(facts["created"]), "datePublished": clean(facts["created"])}
    if facts.get("licence"):
        described["license"] = clean(facts["licence"])
    if facts.get("source"):
        described["isBasedOn"] = {"@type": "sc:CreativeWork", "name": clean(facts["source"])}
    if tables:
        described["recordSet"] = [_record_set(facts, next(iter(tables)))]
    return described


def _tables(facts: Json) -> dict[str, Json]:
    """The files that hold the records, the one with types first."""
    files = mapping(facts.get("files"))
    return {
        path: mapping(files[path])
        for ending in _FORMATS
        for path in sorted(files)
        if path.startswith("data/") and path.endswith(ending)
    }


def _distribution(tables: dict[str, Json]) -> Iterator[dict[str, Any]]:
    for path, file in tables.items():
        yield {
            "@type": "cr:FileObject",
            "@id": path,
            "name": path.rsplit("/", 1)[-1],
            "contentUrl": path,
            "contentSize": f"{file.get('bytes')} B",
            "encodingFormat": _FORMATS["." + path.rsplit(".", 1)[-1]],
            "sha256": file.get("sha256"),
        }


def _record_set(facts: Json, path: str) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "records",
        "name": "records",
        "description": f"{count(facts.get('rows'))} synthetic records, one a row.",
        "field": [_field(column, path) for column in _schema(facts)],
    }


def _field(column: Json, path: str) -> dict[str, Any]:
    name = str(column.get("name") or "")
    told = [
        clean(column.get("kind") or ""),
        f"in {clean(column['unit'])}" if column.get("unit") else "",
        _values(column),
    ]
    return {
        "@type": "cr:Field",
        "@id": f"records/{quote(name, safe='')}",
        "name": name,
        "description": ", ".join(word for word in told if word),
        "dataType": _data_type(column),
        "source": {"fileObject": {"@id": path}, "extract": {"column": name}},
    }


def _data_type(column: Json) -> str:
    """The schema.org type of a column's cells as they stand in the file."""
    levels, dtype = items(column.get("levels")), str(column.get("dtype") or "").lower()
    if column.get("kind") == "datetime":
        timed = any(code in str(column.get("format") or "%H") for code in ("%H", "%I", "%X", "%T", "%c"))
        return "sc:DateTime" if timed else "sc:Date"
    if column.get("kind") == "continuous" or "float" in dtype:
        return "sc:Float"
    if column.get("kind") == "integer" or "int" in dtype:
        return "sc:Integer"
    if "bool" in dtype or (levels and all(isinstance(level, bool) for level in levels)):
        return "sc:Boolean"
    if levels and all(isinstance(level, int) for level in levels):
        return "sc:Integer"
    return "sc:Float" if levels and all(isinstance(level, int | float) for level in levels) else "sc:Text"
