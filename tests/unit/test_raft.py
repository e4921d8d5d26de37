"""How far a manager's log goes, and the request that changes its address."""

from __future__ import annotations

import struct

from swarmops.raft import Position, join_request, position

METADATA, ENTRY, STATE, SNAPSHOT = 1, 2, 3, 5


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes((value & 0x7F | 0x80,)), value >> 7
    return out + bytes((value,))


def message(*numbers: int, data: bytes = b"") -> bytes:
    """A protocol buffer of numbered fields, the last one bytes where there are any."""
    fields = b"".join(varint(key << 3) + varint(value) for key, value in enumerate(numbers, 1))
    return fields + (varint((len(numbers) + 1) << 3 | 2) + varint(len(data)) + data if data else b"")


def record(kind: int, data: bytes) -> bytes:
    body = (
        varint(1 << 3) + varint(kind) + varint(2 << 3) + varint(12345) + varint(3 << 3 | 2) + varint(len(data)) + data
    )
    padding = -len(body) % 8
    head = len(body) | ((0x80 | padding) << 56 if padding else 0)
    return struct.pack("<Q", head) + body + bytes(padding)


def entry(term: int, index: int, size: int = 5) -> bytes:
    return record(ENTRY, message(0, term, index, data=b"x" * size))


def state(term: int, commit: int) -> bytes:
    return record(STATE, message(term, 9_000_000_000_000_000_000, commit))


ROOM = bytes(1000)
"""A log's file is longer than what is written to it."""


def test_the_last_entry_and_what_is_committed() -> None:
    log = record(METADATA, b"abc") + entry(2, 10) + state(2, 10) + entry(3, 11, size=300) + state(3, 10)
    assert position([log + ROOM]) == Position(commit=10, term=3, index=11)


def test_an_entry_that_another_leader_wrote_over() -> None:
    log = entry(2, 10) + entry(2, 11) + entry(2, 12) + entry(3, 11) + state(3, 11)
    assert position([log + ROOM]) == Position(commit=11, term=3, index=11)


def test_a_new_file_goes_on_from_the_one_before() -> None:
    assert position([entry(2, 10) + state(2, 10), state(2, 10) + ROOM]) == Position(commit=10, term=2, index=10)


def test_after_a_snapshot_that_nothing_follows() -> None:
    assert position([record(SNAPSHOT, message(500, 4)) + state(4, 500) + ROOM]) == Position(500, 4, 500)


def test_a_record_that_was_not_written_to_its_end_is_left_out() -> None:
    log = entry(2, 10) + state(2, 10)
    assert position([log + entry(2, 11)[:-9]]) == Position(commit=10, term=2, index=10)
    assert position([b""]) == position([]) == position([b"\xff" * 30]) == Position()


def test_what_is_committed_counts_first() -> None:
    assert Position(commit=12, term=3, index=12) > Position(commit=11, term=9, index=40)
    assert Position(commit=12, term=4, index=13) > Position(commit=12, term=3, index=20)


def test_the_request_names_the_address() -> None:
    request = join_request("10.98.105.11:2377")
    assert request.startswith(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04")
    assert b"\x27/docker.swarmkit.v1.RaftMembership/Join" in request
    assert request.endswith(b"\x00\x00\x18\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x13\x0a\x1110.98.105.11:2377")
