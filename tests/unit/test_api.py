"""The engine's API over a stream, and docker exec's frames, on streams that lead nowhere."""

from __future__ import annotations

import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from docker.errors import APIError, NotFound as NoContainer

from swarmops.commands import Command, Secret, docker
from swarmops.connect import Result
from swarmops.connect.api import DIAL, EngineAPI
from swarmops.connect.docker import STDERR, STDOUT, DockerDoor, ExecStream
from swarmops.errors import CommandFailed, ConnectionFailed, EngineFailed, NotFound, Refused, SwarmopsError, WaitTimeout

Answer = bytes | Exception


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def chunked(*pieces: bytes) -> bytes:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


class Duplex:
    """A stream whose other end answers each request with the next of its answers, a few bytes at a time."""

    def __init__(self, *answers: Answer, complaint: str = "") -> None:
        self.complaint = lambda: complaint
        self.requests: list[str] = []
        self.seconds: float | None = 0.0
        self.closed = False
        self._answers = list(answers)
        self._ready = b""

    def sendall(self, data: bytes) -> None:
        if self.closed:
            raise BrokenPipeError("closed")
        assert data.endswith(b"\r\n\r\n")
        self.requests.append(data.decode().splitlines()[0])
        answer = self._answers.pop(0) if self._answers else b""
        if isinstance(answer, Exception):
            raise answer
        self._ready += answer

    def recv_into(self, buffer: memoryview) -> int:
        piece, self._ready = self._ready[: min(7, len(buffer))], self._ready[min(7, len(buffer)) :]
        buffer[: len(piece)] = piece
        return len(piece)

    def settimeout(self, seconds: float | None) -> None:
        self.seconds = seconds

    def close(self) -> None:
        self.closed = True


class FakeDoor:
    """Opens the streams it was given, in turn."""

    node = "worker01"

    def __init__(self, *streams: Duplex | SwarmopsError) -> None:
        self.opened: list[Command] = []
        self._streams = list(streams)

    def run(self, command: Command, *, timeout: float = 60, check: bool = True) -> Result:
        raise NotImplementedError

    def stream(self, command: Command) -> Duplex:
        self.opened.append(command)
        stream = self._streams.pop(0)
        if isinstance(stream, SwarmopsError):
            raise stream
        return stream

    def close(self) -> None:
        """Nothing to do."""


@pytest.mark.parametrize(
    "answer",
    [http(b'{"a": [1]}'), chunked(b'{"a"', b": [1", b"]}"), http(b'{"a": [1]}', "201 Created")],
    ids=["length", "chunked", "other 2xx"],
)
def test_an_answer(answer: bytes) -> None:
    assert EngineAPI(FakeDoor(Duplex(answer))).get("/info") == {"a": [1]}


def test_an_answer_as_it_is() -> None:
    stream = Duplex(http(b"\x01text"), http(b'{"message": "gone"}', "404 Not Found"))
    api = EngineAPI(FakeDoor(stream))
    assert api.read("/logs", tail="3") == b"\x01text"
    assert stream.requests == ["GET /logs?tail=3 HTTP/1.1"]
    with pytest.raises(NotFound, match="worker01: /logs: gone"):
        api.read("/logs")


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("localhost:5000/web:1.0@sha256:ab", "localhost:5000/web:1.0@sha256:ab"),
        ("web 1", "web%201"),
        ("web\u20131", "web%E2%80%931"),
        ("web\udcff", "web%FF"),
        ("web?a#b%20\n", "web%3Fa%23b%2520%0A"),
    ],
)
def test_any_name_reaches_the_engine(name: str, sent: str) -> None:
    stream = Duplex(http(b'{"message": "invalid reference format"}', "400 Bad Request"), http(b""))
    api = EngineAPI(FakeDoor(stream))
    with pytest.raises(CommandFailed, match="invalid reference format"):
        api.get(f"/images/{name}/json")
    api.delete(f"/images/{name}")
    assert stream.requests == [f"GET /images/{sent}/json HTTP/1.1", f"DELETE /images/{sent} HTTP/1.1"]


def test_an_answer_that_goes_on_has_a_connection_of_its_own() -> None:
    kept, own = Duplex(http(b"1"), http(b"2")), Duplex(chunked(b"one", b"two"))
    api = EngineAPI(FakeDoor(kept, own))
    assert api.get("/a") == 1
    assert b"".join(api.follow("/logs", follow="1")) == b"onetwo"
    assert own.closed
    assert own.seconds is None, "the next piece may be hours away"
    assert api.get("/b") == 2


def test_an_answer_that_breaks_off_is_not_taken_for_its_end() -> None:
    stream = Duplex(chunked(b"one", b"two")[:-9])
    with pytest.raises(ConnectionFailed, match="worker01: the engine does not answer"):
        list(EngineAPI(FakeDoor(stream)).follow("/logs"))
    assert stream.closed


def test_a_follower_that_has_seen_enough_closes_the_connection() -> None:
    stream = Duplex(chunked(b"one", b"two"))
    pieces = EngineAPI(FakeDoor(stream)).follow("/logs")
    assert next(pieces)
    pieces.close()
    assert stream.closed


def test_what_cannot_be_followed() -> None:
    api = EngineAPI(FakeDoor(Duplex(http(b'{"message": "not readable"}', "501 Not Implemented"))))
    with pytest.raises(CommandFailed, match="not readable"):
        next(api.follow("/logs"))


def test_the_connection_is_kept() -> None:
    stream = Duplex(http(b"1"), chunked(b"2"), http(b"3"))
    door = FakeDoor(stream)
    api = EngineAPI(door, timeout=9)
    assert [api.get(path) for path in ("/a", "/b", "/c")] == [1, 2, 3]
    assert door.opened == [DIAL]
    assert stream.requests == [f"GET /{path} HTTP/1.1" for path in "abc"]
    assert stream.seconds == 9


def test_how_long_an_answer_may_take_can_change() -> None:
    streams = Duplex(http(b"1")), Duplex(http(b"2"))
    api = EngineAPI(FakeDoor(*streams), timeout=300)
    api.get("/a")
    api.limit(9)
    assert streams[0].seconds == 9
    api.close()
    api.get("/b")
    assert streams[1].seconds == 9


def test_another_way_to_dial() -> None:
    door, dial = FakeDoor(Duplex(http(b"1"))), docker("other")
    EngineAPI(door, dial=dial).get("/a")
    assert door.opened == [dial]


@pytest.mark.parametrize(
    ("asked", "url"),
    [
        ({}, "/tasks"),
        ({"filters": {"service": ["a b"]}}, "/tasks?filters=%7B%22service%22%3A+%5B%22a+b%22%5D%7D"),
        ({"since": "1", "until": "2"}, "/tasks?since=1&until=2"),
        ({"filters": {}}, "/tasks"),
    ],
)
def test_the_question(asked: dict[str, Any], url: str) -> None:
    stream = Duplex(http(b"[]"))
    EngineAPI(FakeDoor(stream)).get("/tasks", **asked)
    assert stream.requests == [f"GET {url} HTTP/1.1"]


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (http(b'{"message": "no such node"}', "404 Not Found"), NotFound, "no such node"),
        (http(b'{"message": "not a manager"}', "503 Service Unavailable"), EngineFailed, "not a manager"),
        (http(b"plain words\n", "500 Internal Server Error"), EngineFailed, "plain words"),
        (http(b'["odd"]', "400 Bad Request"), CommandFailed, '["odd"]'),
    ],
)
def test_an_error_of_the_engine(answer: bytes, kind: type[CommandFailed], said: str) -> None:
    door = FakeDoor(Duplex(answer, http(b"1")))
    api = EngineAPI(door)
    with pytest.raises(CommandFailed) as error:
        api.get("/nodes")
    assert type(error.value) is kind
    assert str(error.value) == f"worker01: /nodes: {said}"
    assert api.get("/info") == 1
    assert len(door.opened) == 1  # an error is an answer: the connection goes on


@pytest.mark.parametrize(
    "answers",
    [
        (b"",),
        (b"HTTP/1.1 200 OK\r\nContent-Le",),
        (http(b'{"a": 1}')[:-3],),
        (chunked(b"12")[:-6],),
        (b"What?\r\n",),
        (TimeoutError("timed out"),),
        (BrokenPipeError("gone"),),
    ],
    ids=["at once", "in the head", "in the body", "in a chunk", "no HTTP", "time-out", "broken pipe"],
)
def test_the_end_of_a_stream(answers: tuple[Answer, ...]) -> None:
    broken = Duplex(*answers)
    door = FakeDoor(broken, Duplex(http(b"1")))
    api = EngineAPI(door)
    with pytest.raises(ConnectionFailed, match="worker01: "):
        api.get("/info")
    assert broken.closed
    assert api.get("/info") == 1
    assert len(door.opened) == 2


@pytest.mark.parametrize(
    ("complaint", "kind", "remedy"),
    [
        ("WARNING\npermission denied while trying to connect to unix:///var/run/docker.sock\n", Refused, "usermod -aG"),
        ("bash: line 1: docker: command not found\n", Refused, "install docker there"),
        ("sh: 1: docker: not found\n", Refused, "install docker there"),
        ("Cannot connect to the Docker daemon. Is the docker daemon running?\n", ConnectionFailed, "inv doctor"),
        ("", ConnectionFailed, "inv doctor"),
    ],
)
def test_what_is_said_on_the_way_to_the_engine(complaint: str, kind: type[ConnectionFailed], remedy: str) -> None:
    with pytest.raises(ConnectionFailed) as failed:
        EngineAPI(FakeDoor(Duplex(complaint=complaint))).get("/info")
    assert type(failed.value) is kind
    said = (complaint or "Remote end closed connection without response").splitlines()[-1]
    assert str(failed.value).startswith(f"worker01: the engine does not answer: {said}\n  Next: ")
    assert remedy in str(failed.value)


def test_an_answer_that_is_no_json() -> None:
    api = EngineAPI(FakeDoor(Duplex(http(b"<html>"))))
    with pytest.raises(ConnectionFailed, match="worker01: "):
        api.get("/info")


def test_the_engine_may_close_the_connection() -> None:
    door = FakeDoor(Duplex(http(b"1", "200 OK", "Connection: close")), Duplex(http(b"2")))
    api = EngineAPI(door)
    assert [api.get("/a"), api.get("/b")] == [1, 2]


def test_closed_it_opens_again() -> None:
    first = Duplex(http(b"1"))
    api = EngineAPI(FakeDoor(first, Duplex(http(b"2"))))
    assert api.get("/a") == 1
    api.close()
    assert first.closed
    assert api.get("/a") == 2


def test_half_a_request_that_was_interrupted_does_not_begin_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    second = Duplex(http(b"[]"))
    api = EngineAPI(FakeDoor(Duplex(http(b"{}")), second))
    assert api.get("/info") == {}

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("http.client.HTTPConnection.endheaders", interrupted)
        with pytest.raises(KeyboardInterrupt):
            api.get("/services")
    assert api.get("/tasks") == []
    assert second.requests == ["GET /tasks HTTP/1.1"]


def test_a_door_that_does_not_open_is_tried_again() -> None:
    reason = ConnectionFailed("worker01: there is no container lab-worker01", remedy="inv up")
    api = EngineAPI(FakeDoor(reason, reason, Duplex(http(b"1"))))
    for _ in range(2):
        with pytest.raises(ConnectionFailed, match="there is no container"):
            api.get("/info")
    assert api.get("/info") == 1


def test_threads_share_it() -> None:
    api = EngineAPI(FakeDoor(Duplex(*(http(str(number).encode()) for number in range(40)))))
    seen: list[int] = []
    threads = [threading.Thread(target=lambda: seen.extend(api.get("/a") for _ in range(10))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(40))


def frame(kind: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", kind, len(data)) + data


MIXED = (
    frame(STDOUT, b"one ")
    + frame(STDERR, b"bad ")
    + frame(STDOUT, b"")
    + frame(STDOUT, b"two")
    + frame(STDERR, b"luck")
)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        theirs.settimeout(5)
        yield ours, theirs


Pair = tuple[socket.socket, socket.socket]


def later(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("step", [1, 3, 8, 9, 1000])
@pytest.mark.parametrize("size", [1, 2, 4096])
def test_frames_come_in_any_pieces(pair: Pair, step: int, size: int) -> None:
    ours, theirs = pair

    def send() -> None:
        for start in range(0, len(MIXED), step):
            theirs.sendall(MIXED[start : start + step])
            time.sleep(0)
        theirs.shutdown(socket.SHUT_WR)

    later(send)
    stream, out = ExecStream(ours), bytearray()
    buffer = memoryview(bytearray(size))
    while count := stream.recv_into(buffer):
        out += buffer[:count]
    assert (bytes(out), stream.complaint()) == (b"one two", "bad luck")


@pytest.mark.parametrize("cut", [0, 3, 8, 10])
def test_a_stream_that_ends_within_a_frame(pair: Pair, cut: int) -> None:
    ours, theirs = pair
    theirs.sendall(frame(STDOUT, b"words")[:cut])
    theirs.shutdown(socket.SHUT_WR)
    stream, buffer = ExecStream(ours), memoryview(bytearray(64))
    assert stream.recv_into(buffer) == max(0, cut - 8)
    assert stream.recv_into(buffer) == 0


class FakeEngine:
    """As much of the SDK as a door asks for; every exec is on one end of a pair of sockets."""

    base_url = "http+docker://localhost"

    def __init__(self, sock: socket.socket, code: int | None = 0) -> None:
        self.code = code
        self.made: list[tuple[str, list[str], bool]] = []
        self._sock = sock

    def exec_create(self, container: str, argv: list[str], *, stdin: bool) -> dict[str, str]:
        self.made.append((container, argv, stdin))
        return {"Id": "e1"}

    def exec_start(self, exec_id: str, *, socket: bool) -> socket.socket:
        assert (exec_id, socket) == ("e1", True)
        return self._sock

    def exec_inspect(self, exec_id: str) -> dict[str, int | None]:
        return {"ExitCode": self.code}


def door(engine: Any) -> DockerDoor:
    return DockerDoor(engine, "worker01", "lab-worker01")


def says(theirs: socket.socket, data: bytes) -> None:
    theirs.sendall(data)
    theirs.shutdown(socket.SHUT_WR)


def test_a_command_through_docker_exec(pair: Pair) -> None:
    engine = FakeEngine(pair[0])
    says(pair[1], MIXED)
    assert door(engine).run(docker("node", "ls")) == Result(0, "one two", "bad luck")
    assert engine.made == [("lab-worker01", ["docker", "node", "ls"], False)]


def test_by_tls_the_end_of_the_input_is_told_beforehand(pair: Pair) -> None:
    """Python cannot close the one half of such a connection."""
    ours, theirs = pair
    engine = FakeEngine(ours)
    engine.base_url = "https://far:2376"
    says(theirs, frame(STDOUT, b"done"))
    assert door(engine).run(docker("stack", "deploy", stdin=b"services: {}")).stdout == "done"
    assert theirs.recv(100) == b"services: {}"
    _, argv, stdin = engine.made[0]
    assert stdin
    said = subprocess.run([*argv[:5], "cat"], input=b"services: {} and more", capture_output=True, check=True)
    assert (said.stdout, argv[5:]) == (b"services: {}", ["docker", "stack", "deploy"])


def test_secrets_are_in_the_clear_for_the_engine_alone(pair: Pair) -> None:
    engine = FakeEngine(pair[0], 1)
    says(pair[1], frame(STDERR, b"bad token"))
    with pytest.raises(CommandFailed) as error:
        door(engine).run(docker("swarm", "join", "--token", Secret("t0ken")))
    assert engine.made[0][1][-1] == "t0ken"
    assert str(error.value) == "worker01: docker swarm join --token ******** exited 1: bad token"


def test_its_input_is_sent_and_ended(pair: Pair) -> None:
    ours, theirs = pair
    data, got = b"services: {}\n" * 50_000, bytearray()

    def engine_side() -> None:
        while piece := theirs.recv(65536):
            got.extend(piece)
        says(theirs, frame(STDOUT, b"done"))

    later(engine_side)
    engine = FakeEngine(ours)
    assert door(engine).run(docker("stack", "deploy", stdin=data)).stdout == "done"
    assert bytes(got) == data
    assert engine.made[0][2] is True


def test_an_exit_code_may_be_looked_at(pair: Pair) -> None:
    says(pair[1], frame(STDERR, b"no"))
    assert door(FakeEngine(pair[0], 3)).run(docker("x"), check=False) == Result(3, "", "no")


def test_bytes_that_are_no_text(pair: Pair) -> None:
    says(pair[1], frame(STDOUT, "schön".encode()[:4]))
    assert door(FakeEngine(pair[0])).run(docker("x")).stdout == "sch\ufffd"


def test_a_command_that_does_not_end(pair: Pair) -> None:
    with pytest.raises(WaitTimeout, match=r"worker01: docker x did not end within 0\.1 s") as error:
        door(FakeEngine(pair[0])).run(docker("x"), timeout=0.1)
    assert error.value.code == 5


def test_a_command_that_talks_without_end(pair: Pair) -> None:
    ours, theirs = pair
    ended = threading.Event()

    def talk() -> None:
        try:
            while not ended.wait(0.01):
                theirs.sendall(frame(STDOUT, b"."))
        except OSError:
            return

    later(talk)
    with pytest.raises(WaitTimeout):
        door(FakeEngine(ours)).run(docker("x"), timeout=0.1)
    ended.set()


def test_a_connection_that_breaks(pair: Pair) -> None:
    says(pair[1], frame(STDOUT, b"half"))
    with pytest.raises(ConnectionFailed, match="worker01: the connection ended before docker x did"):
        door(FakeEngine(pair[0], None)).run(docker("x"))


def test_a_door_forgets_a_stream_that_is_closed(pair: Pair) -> None:
    opened = door(FakeEngine(pair[0], None))
    stream = opened.stream(docker("x"))
    assert opened._open
    stream.close()
    assert not opened._open


def test_a_door_that_is_closed_ends_who_waits_on_it(pair: Pair) -> None:
    opened = door(FakeEngine(pair[0], None))
    said: list[str] = []

    def wait() -> None:
        try:
            opened.run(docker("x"), timeout=5)
        except ConnectionFailed as error:
            said.append(str(error))

    waiting = later(wait)
    while not opened._open:
        time.sleep(0.001)
    opened.close()
    waiting.join(2)
    assert len(said) == 1


def test_a_door_that_is_closed_opens_for_nobody_who_holds_it(pair: Pair) -> None:
    engine = FakeEngine(pair[0])
    opened = door(engine)
    api = EngineAPI(opened)
    opened.close()
    for way in (lambda: opened.run(docker("x")), lambda: api.get("/info")):
        with pytest.raises(ConnectionFailed, match="interrupted"):
            way()
    assert engine.made == []


@pytest.mark.parametrize(
    ("raised", "said", "remedy"),
    [
        (NoContainer("gone"), "worker01: there is no container lab-worker01", "inv up"),
        (APIError("x", explanation="container is paused"), "worker01: container is paused", "inv up"),
        (ConnectionRefusedError("refused"), "worker01: the engine does not answer: refused", "inv doctor"),
    ],
)
def test_no_way_in(pair: Pair, raised: Exception, said: str, remedy: str) -> None:
    class Refusing(FakeEngine):
        def exec_create(self, container: str, argv: list[str], *, stdin: bool) -> dict[str, str]:
            raise raised

    for way in (lambda: door(Refusing(pair[0])).run(docker("x")), lambda: door(Refusing(pair[0])).stream(docker("x"))):
        with pytest.raises(ConnectionFailed) as error:
            way()
        assert str(error.value) == f"{said}\n  Next: {remedy}"


def test_the_api_through_docker_exec(pair: Pair) -> None:
    ours, theirs = pair

    def engine_side() -> None:
        for answer in (http(b'{"ServerVersion": "26.1.5"}'), chunked(b"[", b"]")):
            while not theirs.recv(4096).endswith(b"\r\n\r\n"):
                pass
            theirs.sendall(frame(STDERR, b"noise") + frame(STDOUT, answer[:20]) + frame(STDOUT, answer[20:]))

    later(engine_side)
    api = EngineAPI(door(FakeEngine(ours)))
    assert api.get("/info") == {"ServerVersion": "26.1.5"}
    assert api.get("/nodes") == []
