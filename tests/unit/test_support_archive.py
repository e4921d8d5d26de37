"""What an archive for a bug report has of a node, and what it names only."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from swarmops.ops import support


class API:
    """An engine with so many containers, the first one the oldest."""

    def __init__(self, count: int) -> None:
        self._containers = [
            {"Id": f"{number:064}", "Names": [f"/c{number}"], "Created": number} for number in range(count)
        ]

    def get(self, path: str, **_: Any) -> Any:
        return self._containers if path == "/containers/json" else {}

    def read(self, *_: Any, **__: Any) -> bytes:
        return b""


def of_node(count: int) -> tuple[dict[str, str], str]:
    api = API(count)
    cluster: Any = SimpleNamespace(api=lambda _: api)
    node: Any = SimpleNamespace(name="w1")
    return support._all(lambda: support._node(cluster, node))


def test_containers_beside_the_newest_are_named() -> None:
    files, why = of_node(support.CONTAINERS + 2)
    assert why == f"containers beside the newest {support.CONTAINERS}: c1, c0"
    assert "nodes/w1/containers/c2.log" in files
    assert "nodes/w1/containers/c1.json" not in files
    assert len(json.loads(files["nodes/w1/containers.json"])) == support.CONTAINERS + 2


def test_few_containers_are_all_there() -> None:
    files, why = of_node(support.CONTAINERS)
    assert (why, "nodes/w1/containers/c0.log" in files) == ("", True)
