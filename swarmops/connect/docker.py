"""The door to a lab's node: docker exec through the SDK, on the engine that runs the node's container."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from docker.api.client import APIClient
from docker.errors import APIError, DockerException, NotFound
from requests.exceptions import RequestException

from swarmops.commands import Command
from swarmops.connect import Result, checked
from swarmops.errors import ConnectionFailed, WaitTimeout

STDOUT, STDERR = 1, 2
CONFLICT = 409
COUNTED = ("sh", "-c", 'count=$1; shift; head -c "$count" | "$@"', "sh")
"""Gives a command so many bytes of standard input, and its end after them."""
HEADER = struct.Struct(">BxxxL")  # the engine frames a stream without a terminal: its number, then the length


def cause(error: BaseException) -> BaseException:
    """What the operating system said, below the wrappings of the SDK, requests and urllib3; else the error itself."""
    below: BaseException | None = error
    while below:
        if isinstance(below, OSError) and below.errno:
            return below
        below = below.__cause__ or below.__context__
    return error


def reason(error: BaseException) -> str:
    """An error in words: those of the operating system where it is one of its own."""
    found = cause(error)
    return (isinstance(found, OSError) and found.strerror) or str(found)


class ExecStream:
    """Standard input and output of an exec. Frames of standard error are put aside. `closed` is told of the end."""

    def __init__(self, response: Any, closed: Callable[[ExecStream], None] = lambda _: None) -> None:
        # The SDK hands over a SocketIO (unix) or an ssl socket; the socket below it can be timed and shut down.
        self._response = response
        self._sock: socket.socket = getattr(response, "_sock", response)
        self._left = 0
        self._kind = STDOUT
        self._closed = closed
        self._stderr = bytearray()

    def recv_into(self, buffer: memoryview) -> int:
        """Standard output, without the engine's frames."""
        while True:
            kind, count = self.recv_frame_into(buffer)
            if count == 0 or kind == STDOUT:
                return count
            self._stderr += buffer[:count]

    def recv_frame_into(self, buffer: memoryview) -> tuple[int, int]:
        """A piece of either output: which one, and how many bytes; 0 bytes at the end."""
        if self._left == 0 and not self._next_frame():
            return STDOUT, 0
        count = self._sock.recv_into(buffer[: self._left])
        self._left -= count
        return self._kind, count

    def _next_frame(self) -> bool:
        while self._left == 0:
            header = b""
            while len(header) < HEADER.size:
                piece = self._sock.recv(HEADER.size - len(header))
                if not piece:
                    return False
                header += piece
            self._kind, self._left = HEADER.unpack(header)
        return True

    def complaint(self) -> str:
        """Standard error, as far as `recv_into` has come by it."""
        return self._stderr.decode(errors="replace")

    def sendall(self, data: bytes) -> None:
        """Writes to standard input."""
        self._sock.sendall(data)

    def end_input(self) -> None:
        """Closes standard input; the outputs stay open. Not for a connection by TLS: Python ends all of it."""
        self._sock.shutdown(socket.SHUT_WR)

    def settimeout(self, seconds: float | None) -> None:
        """The longest that one read or write may take; None sets no limit."""
        self._sock.settimeout(seconds)

    def close(self) -> None:
        """Ends the stream; a thread that reads from it gets the end."""
        with suppress(OSError):  # the other side was faster
            self._sock.shutdown(socket.SHUT_RDWR)
        self._response.close()
        self._closed(self)


class DockerDoor:
    """Reaches the node `node` as the container `container` of an engine."""

    def __init__(self, engine: APIClient, node: str, container: str) -> None:
        self.node = node
        self._engine = engine
        self._container = container
        self._open: set[ExecStream] = set()
        self._closed = False
        self._lock = threading.Lock()

    def run(self, command: Command, *, timeout: float = 60, check: bool = True) -> Result:
        """Runs a command in the container, its input sent and its outputs kept apart."""
        deadline = time.monotonic() + timeout
        data, argv = command.input(), command.reveal()
        counted = data is not None and self._engine.base_url.startswith("https:")
        if data is not None and counted:
            argv = [*COUNTED, str(len(data)), *argv]
        exec_id, stream = self._start(argv, stdin=data is not None)
        try:
            stream.settimeout(timeout)
            if data is not None:
                stream.sendall(data)
                if not counted:
                    stream.end_input()
            out = self._read(stream, deadline)
            code = self._engine.exec_inspect(exec_id)["ExitCode"]
        except TimeoutError:
            raise WaitTimeout(f"{self.node}: {command} did not end within {timeout:g} s") from None
        except (OSError, RequestException, DockerException) as error:
            raise ConnectionFailed(f"{self.node}: the connection broke during {command}: {reason(error)}") from error
        finally:
            stream.close()
        if code is None:
            raise ConnectionFailed(f"{self.node}: the connection ended before {command} did")
        result = Result(code, out[STDOUT].decode(errors="replace"), out[STDERR].decode(errors="replace"))
        return checked(self.node, command, result) if check else result

    def stream(self, command: Command) -> ExecStream:
        """Starts a command in the container."""
        return self._start(command.reveal(), stdin=True)[1]

    def close(self) -> None:
        """Ends every stream that is open, and opens no other."""
        self._closed = True
        with self._lock:
            streams, self._open = self._open, set()
        for stream in streams:
            stream.close()

    def _start(self, argv: Sequence[str], *, stdin: bool) -> tuple[str, ExecStream]:
        if self._closed:
            raise ConnectionFailed("interrupted")
        try:
            exec_id = self._engine.exec_create(self._container, argv, stdin=stdin)["Id"]
            stream = ExecStream(self._engine.exec_start(exec_id, socket=True), self._forget)
        except NotFound:
            raise ConnectionFailed(f"{self.node}: there is no container {self._container}", remedy="inv up") from None
        except APIError as error:
            stopped = f"container {self._container} does not run" if error.status_code == CONFLICT else ""
            raise ConnectionFailed(f"{self.node}: {stopped or error.explanation}", remedy="inv up") from error
        except (DockerException, RequestException, OSError) as error:
            raise ConnectionFailed(
                f"{self.node}: the engine does not answer: {reason(error)}", remedy="inv doctor"
            ) from error
        with self._lock:
            self._open.add(stream)
        if self._closed:  # meanwhile: whoever closed it may not have seen this stream
            stream.close()
            raise ConnectionFailed("interrupted")
        return exec_id, stream

    def _forget(self, stream: ExecStream) -> None:
        with self._lock:
            self._open.discard(stream)

    @staticmethod
    def _read(stream: ExecStream, deadline: float) -> dict[int, bytearray]:
        out = {STDOUT: bytearray(), STDERR: bytearray()}
        buffer = memoryview(bytearray(65536))
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            stream.settimeout(left)
            kind, count = stream.recv_frame_into(buffer)
            if count == 0:
                return out
            out[kind] += buffer[:count]
