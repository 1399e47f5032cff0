"""A release is whole or absent, says what it holds, notices every change and names nobody."""

from __future__ import annotations

import gzip
import html
import io
import json
import os
import platform
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import example, given, settings, strategies as st

from synthdiff.data import write_nifti
from synthdiff.data.series import write_series
from synthdiff.errors import ReleaseError
from synthdiff.release import MANIFEST, Release, Staging, environment_text, next_number, open_release, packages
from synthdiff.voxels import Volume

RECIPE = "ab" * 32
FRAME = pd.DataFrame({"age": [61, 48, 75], "site": ["north", "south", "north"], "code": ["S-000001", "S-000002", "x"]})


def publish(parent: Path, number: int = 1, **extra: bytes | str) -> Release:
    with Staging(parent) as staging:
        staging.write("data/records.parquet", FRAME.to_parquet)
        staging.add("README.md", "# A card\n")
        staging.add_json("report.json", {"verdict": "pass", "name": "Zürich"})
        for name, content in extra.items():
            staging.add(name, content)
        return staging.publish(number, name="heart-failure", recipe_sha256=RECIPE)


def inside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def visible(parent: Path) -> list[str]:
    return [name for name in inside(parent) if not name.startswith(".")]


def test_what_is_published_is_what_opens(tmp_path: Path) -> None:
    made = publish(tmp_path / "heart-failure", 3)
    found = open_release(tmp_path / "heart-failure" / "3")
    assert found == made
    assert found.verify() == []
    assert found.dataset_sha256 == found.files["data/records.parquet"].sha256
    assert list(found.files) == ["README.md", "data/records.parquet", "report.json"]
    pd.testing.assert_frame_equal(pd.read_parquet(found.path / "data/records.parquet"), FRAME)
    assert inside(tmp_path / "heart-failure") == ["3"], "no staging folder is left"


def test_the_same_content_gives_the_same_manifest(tmp_path: Path) -> None:
    first, second = publish(tmp_path / "a"), publish(tmp_path / "b")
    assert (first.path / MANIFEST).read_bytes() == (second.path / MANIFEST).read_bytes()
    said = json.loads((first.path / MANIFEST).read_bytes())
    assert list(said) == sorted(said)


def test_data_in_other_forms_have_a_hash_too(tmp_path: Path) -> None:
    hashes = []
    for name, content in [("data/records.csv", "a\n1\n"), ("data/records.csv", "a\n2\n"), ("data/other.csv", "a\n1\n")]:
        with Staging(tmp_path) as staging:
            staging.add(name, content)
            hashes.append(staging.dataset_sha256())
            staging.add("README.md", "not data")
            assert staging.dataset_sha256() == hashes[-1]
            assert list(staging.files()) == ["README.md", name]
            assert staging.publish(len(hashes), name="x", recipe_sha256=RECIPE).dataset_sha256 == hashes[-1]
    assert len(set(hashes)) == 3


def _flip(release: Path) -> None:
    path = release / "data/records.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _link(release: Path) -> None:
    (release / "README.md").rename(release.parent / "elsewhere.md")
    (release / "README.md").symlink_to(release.parent / "elsewhere.md")


def _rewrite(release: Path) -> None:
    said = json.loads((release / MANIFEST).read_bytes())
    (release / MANIFEST).write_text(json.dumps({**said, "dataset_sha256": "0" * 64}))


def _escape(release: Path) -> None:
    said = json.loads((release / MANIFEST).read_bytes())
    said["files"]["../elsewhere.md"] = said["files"].pop("README.md")
    (release / "README.md").rename(release.parent / "elsewhere.md")
    (release / MANIFEST).write_text(json.dumps(said))


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        (_flip, "data/records.parquet: was changed: SHA-256"),
        (lambda release: (release / "README.md").write_text("longer than it was"), "README.md: was changed: 18 bytes"),
        (lambda release: (release / "README.md").unlink(), "README.md: is missing"),
        (lambda release: (release / "data/more.csv").touch(), "data/more.csv: is not in the manifest"),
        (lambda release: (release / ".hidden").touch(), ".hidden: is not in the manifest"),
        (lambda release: (release / "empty").symlink_to(release / "data"), "empty: is a symbolic link"),
        (_link, "README.md: is a symbolic link"),
        (lambda release: os.mkfifo(release / "pipe"), "pipe: is not a plain file"),
        (_rewrite, "manifest.json: names a dataset hash"),
        (_escape, "../elsewhere.md: is missing"),
    ],
)
def test_every_change_is_noticed(tmp_path: Path, tamper: Callable[[Path], object], says: str) -> None:
    release = publish(tmp_path)
    tamper(release.path)
    problems = [str(problem) for problem in open_release(release.path).verify()]
    assert len(problems) == 1
    assert problems[0].startswith(says)


def test_a_signature_beside_the_manifest_is_no_change(tmp_path: Path) -> None:
    release = publish(tmp_path)
    (release.path / "manifest.sig").write_bytes(b"signed")
    assert open_release(release.path).verify() == []


@pytest.mark.parametrize(
    "manifest",
    [None, "", "{", "[]", "{}", '{"format": "other"}', '{"format": "synthdiff-release/1", "name": "x", "files": []}'],
)
def test_a_folder_that_is_no_release_is_refused(tmp_path: Path, manifest: str | None) -> None:
    if manifest is not None:
        (tmp_path / MANIFEST).write_text(manifest)
    with pytest.raises(ReleaseError, match="manifest") as refused:
        open_release(tmp_path)
    assert refused.value.where and refused.value.mend


def test_a_release_is_never_overwritten(tmp_path: Path) -> None:
    first = publish(tmp_path)
    before = (first.path / MANIFEST).read_bytes()
    with pytest.raises(ReleaseError, match="never overwritten"):
        publish(tmp_path, 1, more="other content")
    assert (first.path / MANIFEST).read_bytes() == before
    (tmp_path / "2").mkdir()
    (tmp_path / "3").symlink_to(tmp_path / "nowhere")
    for taken in (2, 3):
        with pytest.raises(ReleaseError, match="never overwritten"):
            publish(tmp_path, taken)
    assert inside(tmp_path / "2") == []


def test_numbers_go_on_from_the_highest(tmp_path: Path) -> None:
    assert next_number(tmp_path / "absent") == 1
    for name in ("2", "10", ".staging-1", "notes", "11b"):
        (tmp_path / name).mkdir()
    assert next_number(tmp_path) == 11


@pytest.mark.parametrize("name", ["", ".", "/etc/passwd", "../other", "data/../../x"])
def test_a_file_stays_inside_the_release(tmp_path: Path, name: str) -> None:
    with Staging(tmp_path / "x") as staging, pytest.raises(ReleaseError, match="inside the release"):
        staging.add(name, "content")


def test_links_do_not_enter_a_release(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("content")
    with Staging(tmp_path / "x") as staging:
        staging.write("link", lambda path: path.symlink_to(tmp_path / "target"))
        with pytest.raises(ReleaseError, match="plain files only"):
            staging.publish(1, name="x", recipe_sha256=RECIPE)
    assert inside(tmp_path / "x") == []


def test_a_place_where_nothing_can_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ReleaseError, match="no release can be written here"):
        Staging(tmp_path / "file" / "heart-failure")


HOST = socket.gethostname()


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("README.md", f"made in {Path.home()}/work", "the home folder"),
        ("recipe.yaml", f"table: {Path.cwd()}/data/x.csv", "the working folder"),
        ("report.html", f"<a href='file://{Path.cwd()}'>here</a>", "the working folder"),
        ("notes.bin", b"\x00\xff\x00" + str(Path.cwd()).encode() + b"\x00", "the working folder"),
        ("log.txt", f"{tempfile.gettempdir()}/tmpabc: no such file", "the temporary folder"),
        ("report.json", json.dumps({"where": f"ssh://{HOST}/"}), "the name of this machine"),
        ("packed.csv.gz", gzip.compress(f"path\n{Path.cwd()}\n".encode()), "the working folder"),
    ],
)
def test_traces_of_this_machine_are_found(tmp_path: Path, name: str, content: bytes | str, kind: str) -> None:
    with pytest.raises(ReleaseError, match=kind) as refused:
        publish(tmp_path, **{name: content})
    # A working folder inside the home or temporary one is a trace of both.
    assert name in str(refused.value)
    assert inside(tmp_path) == [], "nothing is published and nothing is left"


def test_a_recipes_folder_is_found_however_it_is_spelt(tmp_path: Path) -> None:
    folder = tmp_path / "Müller & Söhne"
    spellings = {
        "a.txt": str(folder),
        "b.json": json.dumps(str(folder)),
        "c.html": f"<p>{str(folder).replace('&', '&amp;')}</p>",
        "d.html": f"<a href='{folder.as_uri()}'>",
    }
    with Staging(tmp_path / "x") as staging:
        for name, content in spellings.items():
            staging.add(name, content)
        with pytest.raises(ReleaseError) as refused:
            staging.scan(folders=[folder])
        assert all(
            f"{name}: a release must not name a folder of this machine" in str(refused.value) for name in spellings
        )


def test_words_that_only_look_like_a_folder_are_no_leak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = tmp_path / "code"
    with Staging(tmp_path / "x") as staging:
        staging.add("report.html", "<code>x</code> https://example.org/code see ./code and my/code and /code-book")
        staging.scan(folders=[Path("/code")])
        staging.add("leak.html", "<code>/code</code>")
        with pytest.raises(ReleaseError, match=r"leak\.html"):
            staging.scan(folders=[Path("/code"), code])


def test_voxels_are_no_words_and_headers_are(tmp_path: Path) -> None:
    """Among millions of voxels every short name stands somewhere; what is before them is searched all the same."""
    said = f" //{HOST} {Path.cwd()} MRN-004711 ".encode()
    voxels = np.resize(np.frombuffer(said * 2, "<i2"), 512).reshape((8, 8, 8), order="F")
    scan = Volume(voxels, np.eye(4), "MR")
    write_nifti(scan, tmp_path / "1.nii")
    slices = write_series(scan, tmp_path / "series", release="r/1", patient="SYNTH-000001")
    nifti, dicom = (tmp_path / "1.nii").read_bytes(), slices[0].read_bytes()
    # 80 bytes of a NIfTI header describe the image.
    named = nifti[:148] + b"MRN-004711".ljust(80, b"\0") + nifti[228:]
    innocent = {"1.nii": nifti, "1.nii.gz": gzip.compress(nifti), "1.dcm": dicom}
    guilty = {
        "2.nii": named,
        "2.nii.gz": gzip.compress(named),
        "2.dcm": dicom.replace(b"SYNTH-000001", b"MRN-004711  "),
    }
    assert said in nifti and said in dicom
    with Staging(tmp_path / "x") as staging:
        for name, content in innocent.items():
            staging.add(name, content)
        staging.scan(forbidden={"MRN-004711"})
        for name, content in guilty.items():
            staging.add(name, content)
        with pytest.raises(ReleaseError) as refused:
            staging.scan(forbidden={"MRN-004711"})
    for name in innocent:
        assert f"2{name[1:]}: a release must not name a real identifier" in str(refused.value)
        assert f"{name}:" not in str(refused.value)


def test_names_inside_the_headers_of_packed_files_are_found(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with gzip.GzipFile(f"{tempfile.gettempdir()}/drawn.nii", "wb", fileobj=packed) as file:
        file.write(b"a")
    raw = packed.getvalue()
    named = raw[:10] + f"{tempfile.gettempdir()}/drawn.nii".encode() + b"\0" + raw[raw.index(b"\0", 10) + 1 :]
    assert gzip.decompress(named) == b"a"
    with pytest.raises(ReleaseError, match="the temporary folder"):
        publish(tmp_path, **{"drawn.nii.gz": named})
    table = tmp_path / "x.parquet"
    pa.parquet.write_table(pa.table({"a": [1]}).replace_schema_metadata({"from": str(Path.cwd())}), table)
    with pytest.raises(ReleaseError, match="the working folder"):
        publish(tmp_path / "y", **{"data/x.parquet": table.read_bytes()})


def frame_with(value: object) -> pd.DataFrame:
    return pd.DataFrame({"id": [value, value], "age": [1.5, 2.5]})


@pytest.mark.parametrize(
    ("value", "forbidden"),
    [("MRN-004711", "MRN-004711"), ("seen: Zoë Quill-Ash.", "Zoë Quill-Ash"), (204004711, "204004711")],
)
def test_real_identifiers_are_found_in_every_format(tmp_path: Path, value: object, forbidden: str) -> None:
    frame = frame_with(value)
    writers: dict[str, Callable[[Path], object]] = {
        "data/records.parquet": frame.to_parquet,
        "data/coded.parquet": frame.astype({"id": "category"}).to_parquet,
        "data/records.csv": frame.to_csv,
        "data/records.csv.gz": lambda path: frame.to_csv(path, compression="gzip"),
        "report.html": frame.to_html,
        "report.json": lambda path: path.write_text(json.dumps({"level": str(value)})),
    }
    many = {f"MRN-9{number:05d}" for number in range(20_000)}
    with Staging(tmp_path) as staging:
        for name, writer in writers.items():
            staging.write(name, writer)
        staging.scan(forbidden=many)
        with pytest.raises(ReleaseError) as refused:
            staging.scan(forbidden={*many, forbidden})
    for name in writers:
        assert f"{name}: a release must not name a real identifier" in str(refused.value)
    assert forbidden not in str(refused.value), "the message must not repeat the identifier"


def test_values_that_occur_by_chance_are_no_leak(tmp_path: Path) -> None:
    with Staging(tmp_path) as staging:
        staging.write("data/records.csv", pd.DataFrame({"age": [60, 61], "platelets": [262358, 1234567]}).to_csv)
        staging.add("README.md", "MRN-0047110 and XMRN-004711")
        staging.scan(forbidden={"60", "262358", "1234567", "age", "MRN-004711"})


# Characters that HTML or JSON write in another way are drawn as often as all others.
LETTERS = st.text(
    st.sampled_from("&<>'\"\\") | st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=6, max_size=12
)


@settings(max_examples=40, deadline=None)
@given(LETTERS.filter(lambda value: not value.isdecimal()), st.sampled_from(["a.txt", "a.json", "a.html"]))
@example("O'Brien & Ash", "a.html")
@example("Zoë\\4711", "a.json")
def test_any_identifier_is_found_between_other_words(value: str, name: str) -> None:
    written = {"a.txt": value, "a.json": json.dumps(["before", value]), "a.html": f"<td>{html.escape(value)}</td>"}
    with tempfile.TemporaryDirectory() as folder, Staging(Path(folder)) as staging:
        staging.add(name, written[name])
        with pytest.raises(ReleaseError, match="a real identifier"):
            staging.scan(forbidden={value})


def test_an_own_environment_names_versions_and_no_place() -> None:
    text = environment_text()
    versions = packages()
    assert versions["torch"] and versions["numpy"] and versions["pandas"] and versions["synthdiff"]
    assert f"torch=={versions['torch']}" in text.splitlines()
    assert platform.python_version() in text
    assert "pytest" not in text
    assert HOST not in text and "/" not in text


STAGES = """
import sys
from pathlib import Path
from synthdiff.release import Staging
print("ready", flush=True)
number = 0
while True:
    number += 1
    with Staging(Path(sys.argv[1])) as staging:
        for index in range(20):
            staging.add(f"data/{index:02d}.csv", "a,b\\n" * 20_000)
        staging.publish(number, name="x", recipe_sha256="0" * 64)
"""


def test_a_kill_at_any_moment_leaves_whole_releases_only(tmp_path: Path) -> None:
    moments = random.Random(0)
    caught_in_the_act = 0
    for kill in range(8):
        parent = tmp_path / str(kill)
        with subprocess.Popen([sys.executable, "-c", STAGES, str(parent)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(moments.uniform(0, 0.4))
            process.kill()
        caught_in_the_act += any(parent.glob(".staging-*"))
        for name in visible(parent):
            release = open_release(parent / name)
            assert len(release.files) == 20
            assert release.verify() == []
        published = visible(parent)
        with Staging(parent):
            assert len(list(parent.glob(".staging-*"))) == 1, "what the killed process left is removed"
        assert visible(parent) == published
    assert caught_in_the_act >= 2, "too few kills fell into the staging to mean anything"


def test_a_living_process_keeps_its_staging_folder(tmp_path: Path) -> None:
    with Staging(tmp_path) as first:
        first.add("a", "1")
        with Staging(tmp_path) as second:
            second.add("a", "2")
            first.publish(1, name="x", recipe_sha256=RECIPE)
            second.publish(2, name="x", recipe_sha256=RECIPE)
    assert [(tmp_path / name / "a").read_text() for name in visible(tmp_path)] == ["1", "2"]
