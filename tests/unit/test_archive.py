"""The file that a backup is: what goes in comes out, and what is not as it was written is found out."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from swarmops import archive
from swarmops.archive import Manifest, Member
from swarmops.errors import InputError, SwarmopsError

MANIFEST = Manifest(
    cluster="lab",
    swarm="abc",
    node="n1",
    name="manager",
    engine="26.1.5",
    made="2026-01-02T03:04:05+00:00",
    autolock=False,
    registry="registry:5000",
    members=(Member("worker01", "n2", "worker", "pause", {"zone": "east"}),),
)
LONG = "docker/registry/v2/blobs/sha256/ab/" + "ab" * 40 + "/data"
FILES = {"swarm/raft/0.wal": bytes(100_000) + b"end", "swarm/certificates/swarm-node.key": b"key"}


def packed(files: Mapping[str, bytes], mode: str = "w:gz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o600
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def unpacked(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "lab.tar.gz"
    registry = packed({LONG: b"blob"}, "w")
    archive.write(path, MANIFEST, packed(FILES), [registry[:700], b"", registry[700:]])
    return path


def test_what_goes_in_comes_out(path: Path) -> None:
    manifest = archive.read(path)
    assert (manifest.members, manifest.name) == (MANIFEST.members, "manager")
    assert set(manifest.files) == {*FILES, f"registry/{LONG}"}
    assert unpacked(archive.state(path, {})) == FILES
    assert unpacked(archive.state(path, {archive.KEY: b"opened"})) == {**FILES, archive.KEY: b"opened"}
    assert archive.content(path, archive.KEY) == b"key"
    with archive.registry(path) as data:
        assert unpacked(data.read()) == {LONG: b"blob"}


def test_it_is_for_its_owner_alone_and_nothing_else_is_left(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_backup_without_a_registry(tmp_path: Path) -> None:
    archive.write(tmp_path / "a", MANIFEST, packed(FILES), ())
    assert set(archive.read(tmp_path / "a").files) == set(FILES)
    with archive.registry(tmp_path / "a") as data:
        assert unpacked(data.read()) == {}


def test_half_a_copy_is_no_backup(tmp_path: Path) -> None:
    with pytest.raises(SwarmopsError, match="what came is not whole"):
        archive.write(tmp_path / "a", MANIFEST, packed(FILES)[:-100], ())
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(SwarmopsError, match="cannot be written"):
        archive.write(tmp_path / "no" / "a", MANIFEST, packed(FILES), ())


def rewritten(path: Path, change: Mapping[str, bytes | None]) -> Path:
    """The same archive with members that have another content, or are gone."""
    files = {**unpacked(gzip.decompress(path.read_bytes())), **change}
    path.write_bytes(packed({name: content for name, content in files.items() if content is not None}))
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"swarm/raft/0.wal": b"other"}, "damaged: swarm/raft/0.wal"),
        ({"swarm/raft/0.wal": None}, "damaged: swarm/raft/0.wal"),
        ({"swarm/more": b""}, "damaged: swarm/more"),
        ({"manifest.json": None}, "it has no manifest"),
        ({"manifest.json": json.dumps({"format": 2}).encode()}, "the format 2"),
        ({"manifest.json": b"{}"}, "no backup"),
        ({"swarm/../../etc/passwd": b""}, "which no backup has"),
        ({"/etc/passwd": b""}, "which no backup has"),
    ],
)
def test_what_is_not_as_it_was_written(path: Path, change: Mapping[str, bytes | None], said: str) -> None:
    with pytest.raises(InputError, match=said):
        archive.read(rewritten(path, change))


def test_what_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"text")
    for name, said in {"a": "no backup that can be read", "b": "there is no such file", ".": "no backup"}.items():
        with pytest.raises(InputError, match=said):
            archive.read(tmp_path / name)


def test_a_cut_file(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(InputError, match="no backup that can be read"):
        archive.read(path)


def test_each_backup_has_a_mark_of_its_own(path: Path, tmp_path: Path) -> None:
    other = archive.write(tmp_path / "b", MANIFEST, packed({"swarm/a": b"other"}), ())
    assert archive.read(path).mark == archive.read(path).mark != other.mark
