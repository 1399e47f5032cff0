"""A PACS takes what is written, finds it, and gives it back: a real Orthanc, started and ended here."""

from __future__ import annotations

import email
import email.policy
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from syntheses import RELEASE, WHO, program, scan

from synthdiff.data.segmentation import read_segmentation, write_segmentation
from synthdiff.data.series import write_series
from synthdiff.data.uids import uid

DICOMWEB = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
DICOM = "application/dicom"

VOLUMES = {
    "CT": scan("CT", -1000, 1500, np.int16, (35, 51, 8), units="HU"),
    "MR": scan("MR", -0.5, 1.5, np.float32, (35, 51, 8)),
    "picture": scan("US", 0, 255, np.uint8, (64, 48), affine=np.eye(4)),
}


@dataclass(frozen=True)
class Pacs:
    """A server on this machine, by its ports."""

    dicom: int
    web: int

    def ask(self, path: str, accept: str, body: bytes | None = None, kind: str = "") -> tuple[str, bytes]:
        """Send a request, and give the answer's type and content."""
        headers = {"Accept": accept} | ({"Content-Type": kind} if kind else {})
        request = urllib.request.Request(f"http://127.0.0.1:{self.web}{path}", body, headers)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=30) as answer:
            return answer.headers["Content-Type"], answer.read()

    def query(self, path: str) -> list[dict[str, Any]]:
        """QIDO-RS: what the server knows, each as elements by their numbers."""
        found: list[dict[str, Any]] = json.loads(self.ask(f"/dicom-web{path}", "application/dicom+json")[1])
        return found

    def retrieve(self, path: str) -> list[Dataset]:
        """WADO-RS: all instances of a study, series or instance."""
        kind, content = self.ask(f"/dicom-web{path}", f'multipart/related; type="{DICOM}"')
        message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + content, policy=email.policy.HTTP)
        parts = [part.get_payload(decode=True) for part in message.iter_parts()]  # type: ignore[attr-defined]
        return [dcmread(BytesIO(part)) for part in parts]

    def send(self, files: list[Path]) -> None:
        """C-STORE, as a scanner sends."""
        command = [program("storescu"), "-R", "-aec", "ORTHANC", "127.0.0.1", str(self.dicom), *map(str, files)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def post(self, files: list[Path]) -> dict[str, Any]:
        """STOW-RS, as programs on the web send."""
        edge = "0f0e1d2c3b4a"
        parts = [f"--{edge}\r\nContent-Type: {DICOM}\r\n\r\n".encode() + file.read_bytes() + b"\r\n" for file in files]
        kind = f'multipart/related; type="{DICOM}"; boundary={edge}'
        body = b"".join(parts) + f"--{edge}--\r\n".encode()
        answer: dict[str, Any] = json.loads(self.ask("/dicom-web/studies", "application/dicom+json", body, kind)[1])
        return answer


def _free_ports() -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [server.getsockname()[1] for server in held]
    for server in held:
        server.close()
    return ports


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pacs]:
    orthanc = program("Orthanc")
    if not DICOMWEB.exists():
        pytest.skip("Orthanc's plugin for DICOMweb is not installed")
    folder = tmp_path_factory.mktemp("orthanc")
    dicom, web = _free_ports()
    settings = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [str(DICOMWEB)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        "DicomPort": dicom,
        "HttpPort": web,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
    }
    (folder / "orthanc.json").write_text(json.dumps(settings), encoding="utf-8")
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([orthanc, str(folder / "orthanc.json")], stdout=log, stderr=log, cwd=folder)
    try:
        started = Pacs(dicom, web)
        _wait(started, server, folder / "log")
        yield started
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait(pacs: Pacs, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        try:
            pacs.query("/studies")
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError(f"Orthanc did not start:\n{log.read_text(errors='replace')}")


@pytest.mark.parametrize("way", ["C-STORE", "STOW-RS"])
@pytest.mark.parametrize("name", VOLUMES)
def test_a_pacs_takes_a_series_and_gives_it_back(name: str, way: str, pacs: Pacs, tmp_path: Path) -> None:
    volume, patient = VOLUMES[name], f"SYNTH-{way}-{name}"
    files = write_series(volume, tmp_path / "series", release=RELEASE, patient=patient)
    files.append(write_segmentation(volume, files, tmp_path / "labels.dcm", names=["anterior", "posterior"]))
    if way == "C-STORE":
        pacs.send(files)
    else:
        answer = pacs.post(files)
        assert len(answer["00081199"]["Value"]) == len(files)  # stored
        assert not answer.get("00081198", {}).get("Value")  # refused

    study = uid(RELEASE, "study", patient)
    (found,) = pacs.query(f"/studies?PatientID={patient}&includefield=all")
    assert found["0020000D"]["Value"] == [study]
    assert {one["00080060"]["Value"][0] for one in pacs.query(f"/studies/{study}/series")} == {volume.modality, "SEG"}

    sent = {header.SOPInstanceUID: header for header in map(dcmread, files)}
    back = {header.SOPInstanceUID: header for header in pacs.retrieve(f"/studies/{study}")}
    assert back.keys() == sent.keys()
    for number, header in back.items():
        assert header == sent[number]  # every element, pixels included
        np.testing.assert_array_equal(header.pixel_array, sent[number].pixel_array)


def test_labels_still_lie_on_their_image_after_the_journey(pacs: Pacs, tmp_path: Path) -> None:
    volume = VOLUMES["MR"]
    files = write_series(volume, tmp_path / "series", **WHO)
    label_map = write_segmentation(volume, files, tmp_path / "labels.dcm", names=["anterior", "posterior"])
    pacs.send([*files, label_map])
    made = dcmread(label_map)
    instance = f"/studies/{made.StudyInstanceUID}/series/{made.SeriesInstanceUID}/instances/{made.SOPInstanceUID}"
    (back,) = pacs.retrieve(instance)
    back.save_as(tmp_path / "back.dcm", enforce_file_format=True)
    np.testing.assert_array_equal(read_segmentation(tmp_path / "back.dcm", volume), volume.labels)


def test_two_releases_patients_are_not_one(pacs: Pacs, tmp_path: Path) -> None:
    volume = VOLUMES["picture"]
    for number in (7, 8):
        who = {"release": f"chest/{number}", "patient": "SYNTH-000002"}
        pacs.send(write_series(volume, tmp_path / str(number), **who))
    found = pacs.query("/studies?PatientID=SYNTH-000002&includefield=00100021")
    assert {one["00100021"]["Value"][0] for one in found} == {"chest/7", "chest/8"}
