"""Croissant: what travels with a release for machines; the facts are those of :mod:`synthdiff.report.card`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from synthdiff.report import words
from synthdiff.report.card import columns_of, kind, noun, title, values_of
from synthdiff.report.reading import Json, items, mapping
from synthdiff.report.words import clean, count

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
        "description": clean(
            facts.get("description") or f"{count(facts.get('rows'))} synthetic {noun(facts)} by synthdiff."
        ),
        "version": f"{clean(facts.get('number'))}.0.0",
        "citeAs": f"{title(facts)}. Synthetic data by synthdiff {clean(facts.get('synthdiff') or '')}".rstrip() + ".",
        "isLiveDataset": False,
        "keywords": ["synthetic data", kind(facts)],
        "rai:dataCollection": f"Drawn from a score-based diffusion model that was fitted to real {noun(facts)}.",
        "rai:dataLimitations": f"Audit: {verdict.word}. {clean(answer.get('headline') or '')}".rstrip(),
        "distribution": list(_file_sets(facts) if facts.get("images") else _distribution(tables)),
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


def _file_sets(facts: Json) -> Iterator[dict[str, Any]]:
    """The folders of images, each as a set of files."""
    files = sorted(mapping(facts.get("files")))
    for folder, ending, encoding in (
        ("data/images", ".nii.gz", "application/gzip"),
        ("data/labels", ".nii.gz", "application/gzip"),
        ("data/series", ".dcm", "application/dicom"),
    ):
        if any(name.startswith(f"{folder}/") for name in files):
            name = folder.split("/")[1]
            yield {
                "@type": "cr:FileSet",
                "@id": name,
                "name": name,
                "encodingFormat": encoding,
                "includes": f"{folder}/**/*{ending}" if name == "series" else f"{folder}/*{ending}",
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
        "field": [_field(column, path) for column in columns_of(facts)],
    }


def _field(column: Json, path: str) -> dict[str, Any]:
    name = str(column.get("name") or "")
    told = [
        clean(column.get("kind") or ""),
        f"in {clean(column['unit'])}" if column.get("unit") else "",
        values_of(column),
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
