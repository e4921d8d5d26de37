"""The file that a backup is: a tar by gzip with the state of a manager below `swarm/`, the data of a lab's registry
below `registry/`, and `manifest.json` as its last member, which has a checksum of every other one."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import os
import re
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from swarmops.errors import InputError, SwarmopsError

FORMAT = 1
MANIFEST = "manifest.json"
STATE, REGISTRY = "swarm", "registry"
KEY = "swarm/certificates/swarm-node.key"
"""The manager's private key, and the one that its log is encrypted with."""
SAFE = re.compile(rf"(?!.*(^|/)\.\.(/|$))({STATE}|{REGISTRY})(/.*)?")


@dataclass(frozen=True)
class Member:
    """A node of the swarm at the time: what it was called, and what an operator has set of it."""

    name: str
    id: str
    role: str
    availability: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Manifest:
    """What a backup is of. `node` and `name`: the manager whose state it is; `files`: checksums by name (SHA-256)."""

    cluster: str
    swarm: str
    node: str
    name: str
    engine: str
    made: str
    autolock: bool
    registry: str
    members: tuple[Member, ...]
    format: int = FORMAT
    files: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """From the JSON. Raises ValueError, KeyError or TypeError for what is none, or of a later format."""
        stated = json.loads(text)
        if stated["format"] != FORMAT:
            raise ValueError(f"it has the format {stated['format']}, and this version reads {FORMAT}")
        return cls(**stated | {"members": tuple(Member(**member) for member in stated["members"])})

    @property
    def mark(self) -> str:
        """What tells this backup from others."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]


class _Summed(io.RawIOBase):
    """What is read through it is summed up on the way."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sum = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self.sum.update(piece)
        return piece


class Pieces(io.RawIOBase):
    """A file to be read that comes in pieces."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b""

    def readable(self) -> bool:
        """That it is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """As much as there is at once; 0 at the end."""
        while not self._rest:
            try:
                self._rest = next(self._pieces)
            except StopIteration:
                return 0
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


def write(path: Path, manifest: Manifest, state: bytes, registry: Iterable[bytes]) -> Manifest:
    """Writes a backup, for its owner's eyes alone, reads it back and only then gives it its name.

    `state` is a tar by gzip of `swarm/…`, `registry` one without, or nothing. Raises SwarmopsError.
    """
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            try:
                _fill(file, manifest, state, registry)
                os.fsync(file.fileno())
                written = read(Path(file.name))
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink()
                raise
    except (EOFError, zlib.error, tarfile.TarError) as error:
        raise SwarmopsError(f"{path}: what came is not whole: {error}") from error
    except OSError as error:
        raise SwarmopsError(f"{path}: cannot be written: {error.strerror or error}") from error
    return written


def read(path: Path) -> Manifest:
    """Reads all of a backup. Raises InputError for what is none, or is not as it was written."""
    sums: dict[str, str] = {}
    manifest = None
    with _opened(path) as archive:
        for entry in archive:
            if entry.isfile() and entry.name == MANIFEST:
                manifest = Manifest.parse(_content(archive, entry))
            elif not SAFE.fullmatch(entry.name) or not (entry.isfile() or entry.isdir()):
                raise ValueError(f"it has {entry.name}, which no backup has")
            elif entry.isfile():
                sums[entry.name] = _sum(archive, entry)
        if manifest is None:
            raise ValueError("it has no manifest")
    if wrong := sorted(name for name in {*sums, *manifest.files} if sums.get(name) != manifest.files.get(name)):
        raise InputError(f"{path}: the backup is damaged: {', '.join(wrong[:5])}")
    return manifest


def state(path: Path, replaced: Mapping[str, bytes]) -> bytes:
    """The manager's state, a tar by gzip of `swarm/…`, some of its files with another content."""
    packed = io.BytesIO()
    with _opened(path) as archive, tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as out:
        for entry in archive:
            if entry.name in replaced:
                entry.size = len(replaced[entry.name])
                out.addfile(entry, io.BytesIO(replaced[entry.name]))
            elif entry.name.partition("/")[0] == STATE:
                out.addfile(entry, archive.extractfile(entry) if entry.isfile() else None)
    return packed.getvalue()


def content(path: Path, name: str) -> bytes:
    """One file of a backup. Raises InputError where it has none of that name."""
    with _opened(path) as archive:
        return _content(archive, archive.getmember(name))


@contextmanager
def registry(path: Path) -> Iterator[IO[bytes]]:
    """The registry's data, a tar without the leading `registry/`, from its beginning; empty where there is none."""
    with tempfile.TemporaryFile() as file:
        with _opened(path) as archive, tarfile.open(fileobj=file, mode="w") as out:
            for entry in archive:
                top, _, below = entry.name.partition("/")
                if top == REGISTRY and below:
                    out.addfile(_called(entry, below), archive.extractfile(entry) if entry.isfile() else None)
        file.seek(0)
        yield file


def _fill(file: IO[bytes], manifest: Manifest, state: bytes, registry: Iterable[bytes]) -> None:
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as out:
        with tarfile.open(fileobj=io.BytesIO(state), mode="r|gz") as source:
            sums = _copy(source, out, "")
        pieces = io.BufferedReader(Pieces(registry), 1 << 16)
        if pieces.peek(1):
            with tarfile.open(fileobj=pieces, mode="r|") as source:
                sums |= _copy(source, out, f"{REGISTRY}/")
        text = json.dumps(asdict(manifest) | {"files": sums}, indent=2).encode()
        entry = tarfile.TarInfo(MANIFEST)
        entry.size, entry.mode = len(text), 0o600
        out.addfile(entry, io.BytesIO(text))
    file.flush()


def _copy(source: tarfile.TarFile, out: tarfile.TarFile, below: str) -> dict[str, str]:
    """Copies folders and files, and returns the files' checksums by their new names."""
    sums = {}
    for entry in source:
        content = source.extractfile(entry) if entry.isfile() else None
        entry = _called(entry, below + entry.name.removeprefix("./"))
        if content:
            summed = _Summed(content)
            out.addfile(entry, summed)
            sums[entry.name] = summed.sum.hexdigest()
        elif entry.isdir():
            out.addfile(entry)
    return sums


def _called(entry: tarfile.TarInfo, name: str) -> tarfile.TarInfo:
    """The entry under another name, which the extended headers of a long one would override."""
    renamed = copy.copy(entry)
    renamed.name, renamed.pax_headers = name, {}
    return renamed


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path, "r:gz") as archive:
            yield archive
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is no backup that can be read: {error or type(error).__name__}") from error


def _content(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(entry)
    return file.read() if file else b""


def _sum(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> str:
    summed, file = hashlib.sha256(), archive.extractfile(entry)
    while piece := file.read(1 << 20) if file else b"":
        summed.update(piece)
    return summed.hexdigest()
