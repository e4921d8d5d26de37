"""What becomes of the nodes' images where one of the nodes fails."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from swarmops.errors import ConnectionFailed, EngineFailed, SwarmopsError, WaitTimeout
from swarmops.ops import prune
from swarmops.ops.prune import Pruned
from swarmops.report import Recap

NODES = [SimpleNamespace(name=name) for name in ("m1", "w1", "w2")]
CLUSTER: Any = SimpleNamespace(
    inventory=SimpleNamespace(nodes=NODES),
    ask=lambda _: set(),
    each=lambda nodes, work: [work(node) for node in nodes],
)
LATE = WaitTimeout("w1: docker image rm did not end within 300 s")


@pytest.mark.parametrize(
    ("fails", "kind"),
    [
        ({"w1": LATE}, WaitTimeout),
        ({"w1": EngineFailed("w1: no space left\nat all")}, SwarmopsError),
        ({"m1": ConnectionFailed("m1: the engine does not answer"), "w1": LATE}, SwarmopsError),
    ],
)
def test_what_fails_on_a_node_is_said_once_the_others_are_done(
    monkeypatch: pytest.MonkeyPatch, fails: dict[str, SwarmopsError], kind: type[SwarmopsError]
) -> None:
    def one(_: Any, node: str, __: Any) -> Pruned:
        if node in fails:
            raise fails[node]
        return Pruned(2, 0, None)

    monkeypatch.setattr(prune, "_prune", one)
    recap = Recap()
    with pytest.raises(SwarmopsError) as failed:
        prune.prune(CLUSTER, recap)
    assert type(failed.value) is kind
    said = [error.said.splitlines()[0] for error in fails.values()]
    assert failed.value.said.split("\n    ") == ["images may be left:", *said]
    assert ("w2", "changed", "removed 2 images") in recap.steps
    assert {node for node, outcome, _ in recap.steps if outcome == "failed"} == fails.keys()
