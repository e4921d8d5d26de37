"""Raft as the engine keeps it: how far a manager's log goes, and the request that changes its address. Pure.

The log is etcd's, its entries encrypted, their places in it not: records of eight bytes for the length and then a
protocol buffer {1: kind, 2: checksum, 3: data} (etcd's server/storage/wal/walpb, raft/raftpb).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

PORT = 2377
"""Where managers listen to each other and to nodes that join."""
ENTRY, STATE, SNAPSHOT = 2, 3, 5
VARINT, BYTES = 0, 2
LENGTH = struct.Struct("<Q")

SETTINGS_FRAME, HEADERS_FRAME, DATA_FRAME = 4, 1, 0
END_HEADERS, END_STREAM = 4, 1


@dataclass(frozen=True, order=True)
class Position:
    """How much a manager knows; the greater one knows more. `commit`: what it keeps when it is the only one left."""

    commit: int = 0
    term: int = 0
    index: int = 0


def place(address: str) -> str:
    """Where the manager at an address listens, as the engine writes it."""
    return f"[{address}]:{PORT}" if ":" in address else f"{address}:{PORT}"


def position(files: Iterable[bytes]) -> Position:
    """How far a log goes that consists of these files, in their order. Damaged ends are left out, as Raft does."""
    commit, term, index = 0, 0, 0
    for file in files:
        for kind, data in _records(file):
            found = dict(fields(data))
            if kind == ENTRY:
                term, index = _number(found, 2), _number(found, 3)
            elif kind == STATE:
                commit = max(commit, _number(found, 3))
            elif kind == SNAPSHOT and _number(found, 1) > index:
                term, index = _number(found, 2), _number(found, 1)
    return Position(min(commit, index), term, index)


def join_request(address: str) -> bytes:
    """What a manager sends to the leader, over TLS and HTTP/2, to join at an address, or to be found at another one.

    For a member that is known already the engine changes the address and nothing else (moby/swarmkit#2198).
    """
    member = bytes((0x0A, len(address))) + address.encode()
    headers = (
        (":method", "POST"),
        (":scheme", "https"),
        (":path", "/docker.swarmkit.v1.RaftMembership/Join"),
        (":authority", "swarm-manager"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    )
    packed = b"".join(b"\0" + _short(name) + _short(value) for name, value in headers)
    return (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        + _frame(SETTINGS_FRAME, 0, 0, b"")
        + _frame(HEADERS_FRAME, END_HEADERS, 1, packed)
        + _frame(DATA_FRAME, END_STREAM, 1, b"\0" + struct.pack(">I", len(member)) + member)
    )


def _records(file: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + LENGTH.size <= len(file):
        (head,) = LENGTH.unpack_from(file, at)
        length, padding = head & ((1 << 56) - 1), (head >> 56) & 7 if head >> 63 else 0
        at += LENGTH.size
        if not length or at + length > len(file):
            return
        found = dict(fields(file[at : at + length]))
        data = found.get(3, b"")
        yield _number(found, 1), data if isinstance(data, bytes) else b""
        at += length + padding


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protocol buffer, as far as it can be read."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        value, at = _varint(data, at)
        if key & 7 == BYTES:
            yield key >> 3, data[at : at + value]
            at += value
        elif key & 7 == VARINT:
            yield key >> 3, value
        else:
            return


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
    return value, at


def _number(fields: dict[int, int | bytes], key: int) -> int:
    value = fields.get(key, 0)
    return value if isinstance(value, int) else 0


def _short(text: str) -> bytes:
    """A text of less than 127 letters, as HPACK has it without its compression."""
    return bytes((len(text),)) + text.encode()


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload
