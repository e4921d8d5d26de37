"""Lines out of what engines answer, and how they are written."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import Any

import pytest

from swarmops.errors import InputError
from swarmops.loglines import Line, Reader, Request, Source, View, nanoseconds, unix
from swarmops.report import plain

STAMP = "2024-05-01T12:00:00.000000001Z"
AT = 1714564800 * 10**9 + 1
NOW = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)


def frame(text: str, kind: int = 1, stamp: str = STAMP) -> bytes:
    message = f"{stamp} {text}".encode()
    return struct.pack(">BxxxL", kind, len(message)) + message


def source(task: str = "echo_api.1.x1", node: str = "worker01", **said: Any) -> Source:
    labels = {"com.docker.swarm.service.name": "echo_api", "com.docker.swarm.task.name": task}
    return Source.of({"Id": f"id-{task}", "State": "running", "Labels": labels} | said, node)


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_lines_out_of_frames_however_they_are_cut(size: int) -> None:
    data = frame("one\n") + frame("two  words\n", kind=2) + frame("\n") + frame("ä\n")
    reader = Reader()
    lines = [line for at in range(0, len(data), size) for line in reader.feed(data[at : at + size])]
    assert [line.text for line in lines] == ["one", "two  words", "", "ä"]
    assert {(line.at, line.stamp) for line in lines} == {(AT, STAMP)}
    assert reader.end() == []


def test_a_long_line_comes_in_parts_and_is_put_together_by_output() -> None:
    reader = Reader()
    data = frame("aa") + frame("error\n", kind=2) + frame("bb") + frame("cc\n", stamp="2024-05-01T12:00:09.000000000Z")
    assert [(line.text, line.stamp) for line in reader.feed(data)] == [("error", STAMP), ("aabbcc", STAMP)]


def test_a_line_that_has_no_end_is_kept() -> None:
    reader = Reader()
    assert reader.feed(frame("cut off")) == []
    assert [line.text for line in reader.end()] == ["cut off"]
    assert reader.end() == []


def test_a_container_with_a_terminal_has_no_frames() -> None:
    reader = Reader()
    lines = reader.feed(f"{STAMP} one\r\n{STAMP} two\r\n{STAMP} th".encode())
    assert [line.text for line in lines + reader.feed(b"ree\r\n")] == ["one", "two", "three"]
    assert reader.feed(f"{STAMP} last words".encode()) == []
    assert [line.text for line in reader.end()] == ["last words"]
    assert reader.end() == []


@pytest.mark.parametrize(
    ("stamp", "at"),
    [
        ("1970-01-01T00:00:00.000000000Z", 0),
        ("1970-01-01T00:00:01.000000002Z", 1_000_000_002),
        ("1970-01-01T02:00:01.500000000+02:00", 1_500_000_000),
        (STAMP, AT),
        ("no time", 0),
        ("", 0),
    ],
)
def test_a_stamp_to_the_nanosecond(stamp: str, at: int) -> None:
    assert nanoseconds(stamp) == at


def test_a_time_as_the_api_takes_it() -> None:
    assert [unix(at) for at in (0, 5, AT)] == ["0.000000000", "0.000000005", "1714564800.000000001"]


@pytest.mark.parametrize(
    ("since", "seconds"),
    [("10m", 600), ("1h30m", 5400), ("2d", 172800), ("0s", 0), ("2024-05-01T11:59:00+00:00", 60)],
)
def test_since(since: str, seconds: int) -> None:
    assert Request.parse(since, "", NOW) == Request(AT - 1 - seconds * 10**9, None)


def test_nothing_asked_for_is_all() -> None:
    assert Request.parse("", "", NOW) == Request(0, None)
    assert Request.parse("", "0", NOW) == Request(0, 0)


@pytest.mark.parametrize("since", ["10", "m", "10x", "-5m", "yesterday", "99999999999d", "5 m"])
def test_what_is_no_time_is_refused(since: str) -> None:
    with pytest.raises(InputError, match=f"--since {since}: should be a span such as 10m"):
        Request.parse(since, "", NOW)


@pytest.mark.parametrize("tail", ["-1", "1.5", "²", "1000000", "9" * 5000])
def test_what_is_no_number_of_lines_is_refused(tail: str) -> None:
    with pytest.raises(InputError, match=f"^--tail {tail}: should be a number of lines, 0 to 999999$"):
        Request.parse("", tail, NOW)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InputError) as caught:
        Request.parse("soon", "few", NOW)
    assert "--since soon: should be" in str(caught.value)
    assert "--tail few: should be" in str(caught.value)


def test_a_task_has_the_name_that_an_operator_knows() -> None:
    assert source().task == "echo_api.1"
    assert source("echo_api.x8k2node.x1").task == "echo_api", "a global service's"


@pytest.mark.parametrize(
    ("state", "begun", "over"),
    [("created", False, False), ("running", True, False), ("paused", True, False), ("exited", True, True)],
)
def test_when_a_log_begins_and_ends(state: str, begun: bool, over: bool) -> None:
    assert (source(State=state).begun, source(State=state).over) == (begun, over)


def written(name: str, sources: list[Source], *, timestamps: bool = False) -> list[str]:
    view = View(name, lambda text, number: f"{number}:{text}", timestamps=timestamps)
    view.know(sources)
    return [view.line(each, Line(AT, STAMP, "text")) for each in sources]


def test_names_are_as_wide_as_the_widest() -> None:
    sources = [source(), source("echo_api.12.x2", "w2")]
    view = View("echo", plain, timestamps=False)
    view.know(sources)
    lines = [view.line(each, Line(AT, STAMP, "text")) for each in sources]
    assert lines == ["echo_api.1 worker01 | text", "echo_api.12 w2      | text"]


def test_a_line_with_its_time() -> None:
    assert written("echo", [source()], timestamps=True) == [f"0:echo_api.1 worker01 | {STAMP} text"]


def test_a_colour_for_each_service_of_a_stack_and_each_task_of_a_service() -> None:
    other = {"com.docker.swarm.service.name": "echo_nginx", "com.docker.swarm.task.name": "echo_nginx.1.x3"}
    tasks = [source(), source("echo_api.2.x2"), source("echo_api.1.x0")]
    colours = [line[0] for line in written("echo", [*tasks, source(Labels=other)])]
    assert colours == ["0", "0", "0", "1"]
    assert [line[0] for line in written("echo_api", tasks)] == ["0", "1", "0"]
