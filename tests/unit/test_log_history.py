"""The history of many containers: merged by time, and not held as lines."""

from __future__ import annotations

import io
import tracemalloc
from types import SimpleNamespace
from typing import Any

import pytest
from samples import host
from test_loglines import frame

from swarmops.errors import ConnectionFailed, NotFound
from swarmops.loglines import Request
from swarmops.ops import logs
from swarmops.report import Output

NAMES = ("a", "b", "c")


def stamp(second: int) -> str:
    return f"2024-05-01T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.000000000Z"


class Cluster:
    """Two nodes, and what the containers on them have printed: those of w1 are called w1a, w1b and so on."""

    def __init__(self, said: dict[str, bytes]) -> None:
        self.said = said
        self.inventory = SimpleNamespace(nodes=[host("w1"), host("w2")])
        self.progress = SimpleNamespace(close=lambda: None, done=lambda *_: None)

    def later(self, work: Any) -> Any:
        answer = work()
        return SimpleNamespace(result=lambda *_: answer)

    def ask(self, _: Any) -> Any:
        raise ConnectionFailed("no manager answers")

    def api(self, node: str) -> Any:
        return SimpleNamespace(get=lambda *_, **__: self._containers(node), read=self._read)

    def _containers(self, node: str) -> list[Any]:
        return [
            {
                "Id": f"{node}{name}",
                "State": "exited",
                "Labels": {"com.docker.swarm.service.name": "web", "com.docker.swarm.task.name": f"web.{slot}.x"},
            }
            for slot, name in enumerate(NAMES, 1)
            if f"{node}{name}" in self.said
        ]

    def _read(self, path: str, **_: str) -> bytes:
        if not (said := self.said[path.split("/")[2]]):
            raise NotFound("gone")
        return said


def shown(said: dict[str, bytes]) -> str:
    stream = io.StringIO()
    logs.show(Cluster(said), "web", Request(), Output(stream), follow=False, timestamps=False)  # type: ignore[arg-type]
    return stream.getvalue()


def test_the_lines_of_all_containers_are_merged_by_time() -> None:
    seconds = {"w1a": range(0, 3000, 3), "w1b": range(1, 3000, 3), "w2a": range(2, 3000, 3)}
    said = {name: b"".join(frame(f"{at}\n", stamp=stamp(at)) for at in each) for name, each in seconds.items()}
    text = shown(said | {"w2b": b""})
    assert [int(line.partition("| ")[2]) for line in text.splitlines()] == list(range(3000))
    assert text.splitlines()[1].startswith("web.2 w1 |")


def test_of_no_lines_the_last_one_tells_where_news_begins() -> None:
    each: Any = logs._NodeLogs(Cluster({"w1a": frame("old\n")}), host("w1"), "web", Request(tail=0), None)  # type: ignore[arg-type]
    assert each.history() == {}
    assert each._next["w1a"] > 0


def test_a_long_history_is_not_held_as_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {name: b"".join(frame(f"{at:050}\n", stamp=stamp(at)) for at in range(5_000)) for name in ("w1a", "w2a")}
    monkeypatch.setattr(Output, "write", lambda _, lines: [None for _ in lines if False])
    tracemalloc.start()
    shown(said)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
