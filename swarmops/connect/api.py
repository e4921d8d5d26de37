"""The engine's API, read over a stream to `docker system dial-stdio` on a connection that is kept."""

from __future__ import annotations

import http.client
import io
import json
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from swarmops.commands import Command, docker
from swarmops.connect import Door, Stream
from swarmops.errors import CommandFailed, ConnectionFailed, NotFound, SwarmopsError

DIAL = docker("system", "dial-stdio")


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
        self.close = stream.close

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_StreamFile(self._stream))


class _Connection(http.client.HTTPConnection):
    def __init__(self, open_stream: Callable[[], Stream], timeout: float) -> None:
        super().__init__("docker")
        self._open_stream = open_stream
        self._seconds = timeout

    def connect(self) -> None:
        stream = self._open_stream()
        stream.settimeout(self._seconds)
        self.sock = _StreamSocket(stream)


class EngineAPI:
    """Reads from one engine. Safe to share between threads: one request at a time.

    `timeout` is the longest that one answer may take, in seconds.
    """

    def __init__(self, door: Door, *, dial: Command = DIAL, timeout: float = 15) -> None:
        self.node = door.node
        self._connection = _Connection(lambda: door.stream(dial), timeout)
        self._lock = threading.Lock()

    def get(self, path: str, *, filters: dict[str, list[str]] | None = None, **query: str) -> Any:
        """The JSON that the engine answers.

        Raises ConnectionFailed when the engine does not answer, CommandFailed when it answers with an error, NotFound
        when that error is that there is no such thing.
        """
        if filters:
            query["filters"] = json.dumps(filters)
        # Without a version the engine answers in its own: what is read here has been the same since 20.10.
        url = path + (f"?{urlencode(query)}" if query else "")
        with self._lock:
            status, body = self._ask(url)
        if status >= 400:
            kind = NotFound if status == HTTPStatus.NOT_FOUND else CommandFailed
            raise kind(f"{self.node}: {path}: {_message(body)}")
        try:
            return json.loads(body)
        except ValueError as error:  # the end of a stream in the middle of the head looks like an empty answer
            self.close()
            raise ConnectionFailed(
                f"{self.node}: {path}: the engine's answer cannot be read: {error}", remedy="inv doctor"
            ) from error

    def close(self) -> None:
        """Closes the connection; the next question opens it again."""
        self._connection.close()

    def _ask(self, url: str) -> tuple[int, bytes]:
        """Asks; once more on a new connection where the kept one turns out to be dead."""
        kept = self._connection.sock is not None
        try:
            return self._ask_once(url)
        except ConnectionFailed:
            if not kept:
                raise
            return self._ask_once(url)

    def _ask_once(self, url: str) -> tuple[int, bytes]:
        try:
            self._connection.request("GET", url)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (http.client.HTTPException, OSError) as error:
            self._connection.close()
            raise ConnectionFailed(f"{self.node}: the engine does not answer: {error}", remedy="inv doctor") from error
        except SwarmopsError:
            self._connection.close()  # the door did not open; without this the next request counts as a second one
            raise


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace").strip()
