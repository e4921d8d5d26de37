"""Lines of logs: taken out of what an engine answers, sorted by time, written with their task in front. Pure."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from swarmops.commands.stack import NAMESPACE
from swarmops.errors import InputError, Problem

SERVICE = "com.docker.swarm.service.name"
TASK = "com.docker.swarm.task.name"

HEADER = struct.Struct(">BxxxL")  # the number of the output, then how long its piece is
UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
SPAN = re.compile(r"(\d+[dhms])+$")
SECOND = 10**9


@dataclass(frozen=True, order=True)
class Source:
    """The container of a task. `task` is `echo_api.2`, or the service's name alone for a global one."""

    service: str
    slot: int
    node: str
    id: str
    stack: str = ""
    state: str = ""

    @property
    def task(self) -> str:
        """What an operator calls it."""
        return f"{self.service}.{self.slot}" if self.slot else self.service

    @property
    def begun(self) -> bool:
        """Whether it has a log: that of a container that is only created ends at once when it is followed."""
        return self.state != "created"

    @property
    def over(self) -> bool:
        """Whether it has said all that it ever will: swarm starts a new container instead of an old one."""
        return self.state in ("exited", "dead", "removing")

    @classmethod
    def of(cls, container: dict[str, Any], node: str) -> Source:
        """From an element of `/containers/json` that is a task's."""
        labels = container["Labels"]
        slot = labels[TASK].removeprefix(labels[SERVICE] + ".").partition(".")[0]
        return cls(
            service=labels[SERVICE],
            slot=int(slot) if slot.isdecimal() else 0,  # a global service's has the node's id there
            node=node,
            id=container["Id"],
            stack=labels.get(NAMESPACE, ""),
            state=container["State"],
        )


@dataclass(frozen=True)
class Line:
    """One line that a task printed. `at` is in nanoseconds since 1970, `stamp` the same as the engine wrote it."""

    at: int
    stamp: str
    text: str


class Reader:
    """Takes the lines out of what `/containers/{id}/logs` answers when it is asked for timestamps."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._begun: dict[int, Line] = {}

    def feed(self, data: bytes) -> list[Line]:
        """The lines that end in this piece of the answer."""
        self._buffer += data
        # A container with a terminal has no frames: there the first byte is that of a year, not that of a header.
        framed = self._buffer[:1] < b" "
        return [line for kind, text in (self._frames() if framed else self._raw()) for line in self._lines(kind, text)]

    def end(self) -> list[Line]:
        """What was begun and will not be continued."""
        if self._buffer[:1] >= b" ":  # of a terminal, which frames nothing
            list(self._lines(0, self._take(len(self._buffer)).decode(errors="replace")))
        begun, self._begun = list(self._begun.values()), {}
        return begun

    def _frames(self) -> Iterator[tuple[int, str]]:
        while len(self._buffer) >= HEADER.size:
            kind, length = HEADER.unpack_from(self._buffer)
            if len(self._buffer) < HEADER.size + length:
                return
            yield kind, self._take(HEADER.size + length)[HEADER.size :].decode(errors="replace")

    def _raw(self) -> Iterator[tuple[int, str]]:
        while (end := self._buffer.find(b"\n")) >= 0:
            yield 0, self._take(end + 1).decode(errors="replace").replace("\r\n", "\n")

    def _take(self, length: int) -> bytes:
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

    def _lines(self, kind: int, message: str) -> Iterator[Line]:
        """The engine cuts what is longer than 16 KiB, and stamps each part."""
        stamp, _, text = message.partition(" ")
        begun = self._begun.pop(kind, None) or Line(nanoseconds(stamp), stamp, "")
        line = Line(begun.at, begun.stamp, begun.text + text.removesuffix("\n"))
        if text.endswith("\n"):
            yield line
        else:
            self._begun[kind] = line


class View:
    """Writes lines with their task and node in front, one colour for each service, or for each task of a single one."""

    def __init__(self, name: str, colour: Callable[[str, int], str], *, timestamps: bool) -> None:
        self._name = name
        self._colour = colour
        self._timestamps = timestamps
        self._colours: dict[str, int] = {}
        self._width = 0

    def know(self, sources: Iterable[Source]) -> None:
        """Makes room for them, and gives them their colours in this order."""
        for source in sources:
            self._colours.setdefault(self._key(source), len(self._colours))
            self._width = max(self._width, len(_label(source)))

    def line(self, source: Source, line: Line) -> str:
        """The line as it is shown."""
        head = self._colour(f"{_label(source):<{self._width}} |", self._colours[self._key(source)])
        return f"{head} {line.stamp} {line.text}" if self._timestamps else f"{head} {line.text}"

    def _key(self, source: Source) -> str:
        return _label(source) if source.service == self._name else source.service


def _label(source: Source) -> str:
    return f"{source.task} {source.node}"


def nanoseconds(stamp: str) -> int:
    """A time as engines write it, RFC 3339 with nine digits; 0 for what is none."""
    try:
        # Python's own time has microseconds.
        second = datetime.fromisoformat(stamp[:19] + stamp[29:])
        return int(second.timestamp()) * SECOND + int(stamp[20:29])
    except ValueError:
        return 0


def unix(nanos: int) -> str:
    """The form in which the engine's API takes a time."""
    return f"{nanos // SECOND}.{nanos % SECOND:09}"


@dataclass(frozen=True)
class Request:
    """Which lines are asked for: those since then, in nanoseconds since 1970, and of each task the last so many."""

    since: int = 0
    tail: int | None = None

    @classmethod
    def parse(cls, since: str, tail: str, now: datetime) -> Request:
        """From the words of the command line. Raises InputError for all that is wrong with them."""
        begin, wrong = 0, []
        try:
            begin = _moment(since, now) if since else 0
        except (ValueError, OverflowError):
            form = "should be a span such as 10m or 1h30m, or a time such as 2024-05-01T12:00"
            wrong.append(Problem(f"--since {since}", 0, form))
        if tail and not re.fullmatch("[0-9]{1,6}", tail):
            wrong.append(Problem(f"--tail {tail}", 0, "should be a number of lines, 0 to 999999"))
        if wrong:
            raise InputError.of(wrong)
        return cls(begin, int(tail) if tail else None)


def _moment(text: str, now: datetime) -> int:
    """Raises ValueError or OverflowError."""
    if SPAN.fullmatch(text):
        seconds = sum(int(part[:-1]) * UNITS[part[-1]] for part in re.findall(r"\d+[dhms]", text))
        moment = now - timedelta(seconds=seconds)
    else:
        moment = datetime.fromisoformat(text)
    return max(0, int(moment.timestamp())) * SECOND
