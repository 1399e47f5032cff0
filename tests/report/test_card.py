"""What travels with a release: a card that shows names to the letter, and metadata with the right types."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from answers import HEART, HOSTILE, answer

from synthdiff.report.card import dataset_card
from synthdiff.report.croissant import croissant
from synthdiff.schema import Column


def facts(**changes: Any) -> dict[str, Any]:
    columns = [
        Column(name="age", kind="continuous", dtype="float64", minimum=0, maximum=120, unit="years"),
        Column(name="stage", kind="ordinal", dtype="str", levels=("I", "II", "III"), nullable=True),
        Column(name="DEATH_EVENT", kind="boolean", dtype="bool", levels=(False, True), roles=("target",)),
    ]
    return {
        "name": "heart-failure",
        "number": 3,
        "rows": 1000,
        "schema": [column.model_dump() for column in columns],
        "files": {
            "data/records.csv": {"sha256": "cc" * 32, "bytes": 1234},
            "data/records.parquet": {"sha256": "aa" * 32, "bytes": 56789},
            "report.html": {"sha256": "bb" * 32, "bytes": 300000},
        },
        "answer": answer(),
        "recipe_sha256": "dd" * 32,
        "synthdiff": "0.1.0",
        **changes,
    }


def test_the_card_says_what_matters() -> None:
    card = dataset_card(facts())
    for said in (
        "# heart-failure, release 3", "1\u202f000 records with 3 columns", "fitted to 239 real records",
        "**✓ Pass** under the policy “share-publicly”", "| Detectability | 0.532 | 0.501 to 0.563 | 478 |",
        "| age | continuous | years | from 0 to 120 | no |  |", "| stage | ordinal |  | 3 levels | yes |  |",
        "| DEATH_EVENT | boolean |  | 2 levels | no | target |", f"SHA-256 of the recipe: `{'dd' * 32}`",
        f"{'aa' * 32}  data/records.parquet", "synthdiff verify .", "No licence was stated",
    ):  # fmt: skip
        assert said in card, said
    assert card == dataset_card(json.loads(json.dumps(facts())))
    assert "anonym" not in card.lower() and "gdpr" not in card.lower()
    levels = [len(mark) for mark in re.findall(r"^(#+) ", card, flags=re.M)]
    assert levels == [1, *[2] * (len(levels) - 1)]


def test_the_head_is_yaml_that_hubs_read() -> None:
    head = dataset_card(facts(name='odd: "name" # x', licence="CC BY 4.0")).split("---")[1]
    assert yaml.safe_load(head) == {
        "pretty_name": 'odd: "name" # x, release 3', "license": "cc-by-4.0", "tags": ["synthetic", "tabular"],
        "size_categories": ["1K<n<10K"],
    }  # fmt: skip
    other = yaml.safe_load(dataset_card(facts(licence="Data use agreement 12", rows=999)).split("---")[1])
    assert other["license"] == "other" and other["license_name"] == "Data use agreement 12"
    assert other["size_categories"] == ["n<1K"]
    assert "license" not in yaml.safe_load(dataset_card(facts()).split("---")[1])


def test_names_from_the_data_are_no_markup() -> None:
    hostile = [Column(name=name, kind="text").model_dump() for name in HOSTILE]
    card = dataset_card(facts(schema=hostile, description="# Not a heading\n<b>", source="[a](b) | c"))
    rows = [line for line in card.splitlines() if line.startswith("| ") and line.endswith("| no |  |")]
    assert len(rows) == len(HOSTILE)
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 7 for row in rows)
    assert not re.search(r"(?<!\\)<(script|img|b)\b", card)
    assert "\\# Not a heading \\<b\\>" in card and "\\[a\\](b) \\| c" in card


def test_a_release_that_was_not_fully_tested_says_so() -> None:
    made = answer("inconclusive", holdout=False)
    card = dataset_card(facts(answer=made))
    assert f"Not tested:\n\n- {made['checks']['copies']['title']}: There are no held-out records." in card
    assert "**? Cannot tell**" in card


def test_croissant_describes_files_and_fields() -> None:
    described = croissant(
        facts(licence="https://creativecommons.org/licenses/by/4.0/", created="2026-01-02", source="UCI 519")
    )
    assert described["@type"] == "sc:Dataset" and described["version"] == "3.0.0"
    assert described["conformsTo"][0] == "http://mlcommons.org/croissant/1.0"
    parquet, csv = described["distribution"]
    assert parquet == {
        "@type": "cr:FileObject", "@id": "data/records.parquet", "contentUrl": "data/records.parquet",
        "name": "records.parquet",
        "contentSize": "56789 B", "encodingFormat": "application/x-parquet", "sha256": "aa" * 32,
    }  # fmt: skip
    assert csv["encodingFormat"] == "text/csv"
    (records,) = described["recordSet"]
    assert [field["dataType"] for field in records["field"]] == ["sc:Float", "sc:Text", "sc:Boolean"]
    assert records["field"][0]["source"] == {
        "fileObject": {"@id": "data/records.parquet"},
        "extract": {"column": "age"},
    }
    assert described["datePublished"] == "2026-01-02" and described["isBasedOn"]["name"] == "UCI 519"
    assert json.loads(json.dumps(described)) == described


def test_croissant_invents_nothing() -> None:
    described = croissant(facts())
    assert not {"url", "creator", "license", "datePublished", "isBasedOn"} & set(described)
    addresses = set(re.findall(r"https?://[^\"]+", json.dumps(described)))
    assert addresses == {
        "http://mlcommons.org/croissant/", "http://mlcommons.org/croissant/RAI/", "http://mlcommons.org/croissant/1.0",
        "http://mlcommons.org/croissant/RAI/1.0", "https://schema.org/", "http://purl.org/dc/terms/",
    }  # fmt: skip


def test_identifiers_are_unique_and_references_lead_somewhere() -> None:
    described = croissant(facts(schema=[Column(name=name, kind="text").model_dump() for name in HOSTILE]))
    fields = described["recordSet"][0]["field"]
    identifiers = [field["@id"] for field in fields] + [file["@id"] for file in described["distribution"]] + ["records"]
    assert len(set(identifiers)) == len(identifiers)
    assert all(re.fullmatch(r"[\w./%~-]*", name) for name in identifiers), "identifiers are IRIs"
    assert [field["source"]["extract"]["column"] for field in fields] == list(HOSTILE)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ({"kind": "integer", "dtype": "Int64"}, "sc:Integer"),
        ({"kind": "categorical", "dtype": "int64", "levels": (1, 2)}, "sc:Integer"),
        ({"kind": "categorical", "dtype": "category", "levels": (1, 2)}, "sc:Integer"),
        ({"kind": "categorical", "dtype": "category", "levels": (1.5, 2)}, "sc:Float"),
        ({"kind": "boolean", "dtype": "str", "levels": ("N", "Y")}, "sc:Text"),
        ({"kind": "boolean", "dtype": "boolean", "levels": (False, True)}, "sc:Boolean"),
        ({"kind": "datetime", "dtype": "datetime64[us]"}, "sc:DateTime"),
        ({"kind": "datetime", "dtype": "str", "format": "%d.%m.%Y"}, "sc:Date"),
        ({"kind": "datetime", "dtype": "str", "format": "%d.%m.%Y %H:%M"}, "sc:DateTime"),
        ({"kind": "identifier", "dtype": "str"}, "sc:Text"),
    ],
)
def test_types_are_those_of_the_cells(column: dict[str, Any], expected: str) -> None:
    described = croissant(facts(schema=[Column(name="c", **column).model_dump()]))
    assert described["recordSet"][0]["field"][0]["dataType"] == expected


def test_without_a_table_there_is_no_record_set() -> None:
    described = croissant(facts(files={"report.html": {"sha256": "bb" * 32, "bytes": 1}}))
    assert described["distribution"] == [] and "recordSet" not in described


def test_the_heart_columns_are_listed_once() -> None:
    columns = [Column(name=name, kind=kind).model_dump() for name, kind in HEART.items()]  # type: ignore[arg-type]
    card = dataset_card(facts(schema=columns))
    section = card[card.index("## Columns") : card.index("## How it was made")]
    assert all(section.count(f"| {name} |") == 1 for name in HEART)


def test_a_release_of_images_is_told_as_such() -> None:
    images = {
        "modality": "MR",
        "units": "arbitrary",
        "shape": [20, 24, 16],
        "spacing": [1.0, 1.0, 2.0],
        "labels": [1, 2],
    }
    files = {f"data/{name}": {"sha256": "0" * 64, "bytes": 9} for name in ("images/1.nii.gz", "series/S/1/a.dcm")}
    facts = {"name": "scans", "number": 1, "rows": 60, "schema": [], "images": images, "files": files, "answer": {}}
    card = dataset_card(facts)
    assert "60 images" in card and "columns" not in card.split("## ")[0]
    assert "20 × 24 × 16" in card and "| Modality | MR |" in card
    described = croissant(facts)
    assert described["keywords"] == ["synthetic data", "images"]
    assert [each["includes"] for each in described["distribution"]] == ["data/images/*.nii.gz", "data/series/**/*.dcm"]
    assert "recordSet" not in described
