"""A load of so many requests a second on kept connections, which counts every one that fails.

python -m swarmops.load URL [RATE] [SECONDS]
"""

from __future__ import annotations

import asyncio
import math
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

PATIENCE_SECONDS = 5.0
"""An answer that takes longer is lost."""
KEPT_SECONDS = 5.0
"""A connection idle for longer is not used again. The ingress closes one after 10 s, and a request that is sent at that
moment gets no answer, whoever is asked: in HTTP/1.1 it is the client that has to give up first."""
SERVER_ERROR = 500

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Tally:
    """What became of the requests."""

    seconds: list[float] = field(default_factory=list)
    """How long each answer took, from the moment at which its request was due."""
    lost: Counter[str] = field(default_factory=Counter)
    """Why requests failed."""
    replicas: Counter[str] = field(default_factory=Counter)
    """How many answers came from which replica, as X-Served-By says."""
    last_lost: float = 0.0
    """When the last one was lost, by the monotonic clock."""

    @property
    def requests(self) -> int:
        """How many were sent."""
        return len(self.seconds) + self.lost.total()

    def lose(self, why: str) -> None:
        """One more that failed."""
        self.lost[why] += 1
        self.last_lost = time.monotonic()

    def percentile(self, share: float) -> float:
        """Within how many seconds that share of the answers came."""
        return sorted(self.seconds)[int(share * (len(self.seconds) - 1))] if self.seconds else 0.0

    def __str__(self) -> str:
        times = ", ".join(f"p{share:g} {self.percentile(share / 100) * 1000:.0f} ms" for share in (50, 99, 100))
        why = f" ({dict(self.lost)})" if self.lost else ""
        return f"{self.requests} requests, {self.lost.total()} lost{why}, {times}"


class Load:
    """Sends requests in the background for the time of a `with` block, a thread of its own for it.

    Requests are due at fixed times, whether or not the answers before have come. A request takes a connection that is
    free, or opens one; it is sent once, and lost when its connection breaks.
    """

    def __init__(self, url: str, rate: float = 200, methods: tuple[str, ...] = ("GET",)) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "localhost", parts.port or 80
        self._heads = [
            f"{method} {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\n{_LENGTH.get(method, '')}\r\n".encode()
            for method in methods
        ]
        self._period = 1 / rate
        self._free: list[tuple[float, Connection]] = []
        self._under_way: dict[asyncio.Task[None], float] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.tally = Tally()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end.set()
        self._thread.join()

    def settled(self, seconds: float) -> bool:
        """Whether for so long none was lost, and none waits for its answer."""
        since = time.monotonic() - seconds
        return self.tally.last_lost < since < min(list(self._under_way.values()), default=math.inf)

    async def _run(self) -> None:
        start, number = time.monotonic(), 0
        while not self._end.is_set():
            due = start + number * self._period
            await asyncio.sleep(due - time.monotonic())
            task = asyncio.create_task(self._request(self._heads[number % len(self._heads)], due))
            self._under_way[task] = due
            task.add_done_callback(self._under_way.pop)
            number += 1
        await asyncio.gather(*self._under_way)
        for _, (_, writer) in self._free:
            writer.close()

    async def _request(self, head: bytes, due: float) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                status, replica = await self._exchange(head)
        except (OSError, EOFError, ValueError) as error:
            self.tally.lose(type(error).__name__)
        else:
            if status >= SERVER_ERROR:
                self.tally.lose(str(status))
            else:
                self.tally.seconds.append(time.monotonic() - due)
                self.tally.replicas[replica] += 1

    async def _exchange(self, head: bytes) -> tuple[int, str]:
        connection = self._kept() or await asyncio.open_connection(self._host, self._port)
        reader, writer = connection
        try:
            writer.write(head)
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            await reader.readexactly(int(fields["content-length"]))
        except BaseException:
            writer.close()
            raise
        if fields.get("connection", "").lower() == "close":
            writer.close()
        else:
            self._free.append((time.monotonic(), connection))
        return int(first.split()[1]), fields.get("x-served-by", "")

    def _kept(self) -> Connection | None:
        """A connection that is free, was used a short time ago and, as far as can be seen, is open."""
        while self._free:
            freed, (reader, writer) = self._free.pop()
            if time.monotonic() - freed < KEPT_SECONDS and not reader.at_eof():
                return reader, writer
            writer.close()
        return None


_LENGTH = {"POST": "Content-Length: 0\r\n"}


def main(url: str, rate: str = "200", seconds: str = "10") -> None:
    """Prints what became of them."""
    with Load(url, float(rate)) as load:
        time.sleep(float(seconds))
    print(load.tally)


if __name__ == "__main__":
    main(*sys.argv[1:])
