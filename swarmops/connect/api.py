"""The engine's API, over a stream to `docker system dial-stdio` on a connection that is kept."""

from __future__ import annotations

import http.client
import io
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from swarmops.commands import Command, docker
from swarmops.connect import Door, Stream
from swarmops.errors import (
    CommandFailed,
    Conflict,
    ConnectionFailed,
    Denied,
    EngineFailed,
    NotFound,
    Refused,
    Silent,
)

DIAL = docker("system", "dial-stdio")
ANSWER_SECONDS = 15.0
"""How long one answer may take, unless another time is stated."""
HOPELESS = {
    "permission denied": "have the user that ssh logs in as use docker: usermod -aG docker USER, on that host",
    "docker: (command )?not found|command not found: docker": "install docker there, in the PATH of what ssh starts",
}
"""What to do where the way to the engine ends before it, by what was said."""


class _StreamFile(io.RawIOBase):
    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._stream.recv_into(memoryview(buffer))


class _StreamSocket:
    """As much of a socket as http.client asks for."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.sendall = stream.sendall
        self.settimeout = stream.settimeout
        self.close = stream.close

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_StreamFile(self._stream))


class _Connection(http.client.HTTPConnection):
    def __init__(self, open_stream: Callable[[], Stream], timeout: float) -> None:
        super().__init__("docker")
        self._open_stream = open_stream
        self._seconds = timeout
        self._stream: Stream | None = None

    def connect(self) -> None:
        self._stream = self._open_stream()
        self._stream.settimeout(self._seconds)
        self.sock = _StreamSocket(self._stream)

    def limit(self, timeout: float) -> None:
        """The longest that one read or write may take from now on, in seconds."""
        self._seconds = timeout
        if self.sock:
            self.sock.settimeout(timeout)

    def complaint(self) -> str:
        """The last thing that the command at the other end has said of itself, even if all is closed by now."""
        lines = self._stream.complaint().strip().splitlines() if self._stream else []
        return lines[-1] if lines else ""

    def another(self) -> _Connection:
        """A connection to the same engine, not yet open."""
        return _Connection(self._open_stream, self._seconds)


class EngineAPI:
    """The API of one engine. Safe to share between threads: one request at a time.

    `timeout` is the longest that one answer may take, in seconds.
    """

    def __init__(self, door: Door, *, dial: Command = DIAL, timeout: float = ANSWER_SECONDS) -> None:
        self.node = door.node
        self._connection = _Connection(lambda: door.stream(dial), timeout)
        self._lock = threading.Lock()

    def get(
        self,
        path: str,
        *,
        filters: dict[str, list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
        **query: str,
    ) -> Any:
        """The JSON that the engine answers.

        Raises ConnectionFailed when the engine does not answer, CommandFailed when it answers with an error, NotFound
        when that error is that there is no such thing.
        """
        if filters:
            query["filters"] = json.dumps(filters)
        with self._lock:
            status, body = self._ask("GET", _url(path, query), None, headers or {})
        return self._read(path, status, body)

    def read(self, path: str, **query: str) -> bytes:
        """What the engine answers where that is no JSON. Raises what `get` raises."""
        with self._lock:
            status, body = self._ask("GET", _url(path, query), None, {})
        if status >= HTTPStatus.BAD_REQUEST:
            raise _error(self.node, path, status, body)
        return body

    def follow(self, path: str, **query: str) -> Iterator[bytes]:
        """An answer that goes on, on a connection of its own: pieces as they come, until the engine ends it.

        Raises what `get` raises, ConnectionFailed also when the connection breaks.
        """
        connection = self._connection.another()
        try:
            connection.request("GET", _url(path, query))
            answer = connection.getresponse()
            if answer.status >= HTTPStatus.BAD_REQUEST:
                raise _error(self.node, path, answer.status, answer.read())
            connection.sock.settimeout(None)  # the next piece may be hours away
            while piece := answer.read1(65536):
                yield piece
        except (http.client.HTTPException, OSError) as error:
            raise ConnectionFailed(f"{self.node}: the engine does not answer: {error}", remedy="inv doctor") from error
        finally:
            connection.close()

    def create(self, path: str, value: Mapping[str, Any]) -> str:
        """Makes something of swarmops' own, a config or a secret; its id.

        Raises Conflict when the name is taken, besides what `get` raises.
        """
        body = json.dumps(value).encode()
        with self._lock:
            status, answer = self._ask("POST", _url(path), body, {"Content-Type": "application/json"})
        return str(self._read(path, status, answer)["ID"])

    def update(self, path: str, value: Mapping[str, Any], version: int) -> None:
        """Changes something that is at that version: its labels, or how many replicas a service has for a while.

        Raises CommandFailed when it is at another one by now, besides what `get` raises.
        """
        body, url = json.dumps(value).encode(), _url(f"{path}/update", {"version": str(version)})
        with self._lock:
            status, answer = self._ask("POST", url, body, {"Content-Type": "application/json"})
        if status >= HTTPStatus.BAD_REQUEST:
            raise _error(self.node, path, status, answer)

    def delete(self, path: str) -> None:
        """Removes something of swarmops' own. Raises what `get` raises."""
        with self._lock:
            status, body = self._ask("DELETE", _url(path), None, {})
        if status >= HTTPStatus.BAD_REQUEST:
            raise _error(self.node, path, status, body)

    def limit(self, timeout: float) -> None:
        """Sets the longest that one answer may take from now on, in seconds."""
        with self._lock:
            self._connection.limit(timeout)

    def close(self) -> None:
        """Closes the connection; the next question opens it again."""
        self._connection.close()

    def _read(self, path: str, status: int, body: bytes) -> Any:
        if status >= HTTPStatus.BAD_REQUEST:
            raise _error(self.node, path, status, body)
        try:
            return json.loads(body)
        except ValueError as error:  # the end of a stream in the middle of the head looks like an empty answer
            self.close()
            raise ConnectionFailed(
                f"{self.node}: {path}: the engine's answer cannot be read: {error}", remedy="inv doctor"
            ) from error

    def _ask(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Asks; once more on a new connection where the kept one turns out to be dead."""
        kept = self._connection.sock is not None
        try:
            return self._ask_once(method, url, body, headers)
        except ConnectionFailed as error:
            if not kept or isinstance(error, Silent):
                raise
            return self._ask_once(method, url, body, headers)

    def _ask_once(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        try:
            self._connection.request(method, url, body, dict(headers))
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (http.client.HTTPException, OSError) as error:
            failure = self._failure(error)
            self._connection.close()
            raise failure from error
        except BaseException:  # the door did not open, or Ctrl-C
            self._connection.close()
            self._connection = self._connection.another()  # closed it keeps half a request, and begins the next by it
            raise

    def _failure(self, error: Exception) -> ConnectionFailed:
        """What to say of an engine that gave no answer: what the command on the way to it has said of that."""
        if isinstance(error, TimeoutError):
            return Silent(f"{self.node}: the engine does not answer: {error}", remedy="inv doctor")
        complaint = self._connection.complaint()
        said = f"{self.node}: the engine does not answer: {complaint or error}"
        for hopeless, remedy in HOPELESS.items():
            if re.search(hopeless, complaint):
                return Refused(said, remedy=remedy)
        return ConnectionFailed(said, remedy="inv doctor")


def _url(path: str, query: Mapping[str, str] | None = None) -> str:
    # Without a version the engine answers in its own: what is read here has been the same since 20.10. What cannot be
    # the name of an image reaches the engine too: it says best what is wrong with it.
    return quote(path, safe="/:@", errors="surrogateescape") + (f"?{urlencode(query)}" if query else "")


def _error(node: str, path: str, status: int, body: bytes) -> CommandFailed:
    kinds: dict[int, type[CommandFailed]] = {
        HTTPStatus.UNAUTHORIZED: Denied,
        HTTPStatus.NOT_FOUND: NotFound,
        HTTPStatus.CONFLICT: Conflict,
    }
    other = EngineFailed if status >= HTTPStatus.INTERNAL_SERVER_ERROR else CommandFailed
    return kinds.get(status, other)(f"{node}: {path}: {_message(body)}")


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace").strip()
