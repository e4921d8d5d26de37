"""What `up` and `start` look at again, and when their looking ends."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest
from samples import host, member

from swarmops.errors import ConnectionFailed
from swarmops.ops import lab, planning
from swarmops.ops.up import Up
from swarmops.plan import Lab, Swarm
from swarmops.report import Progress, Recap
from swarmops.wait import Deadline

BEFORE, AFTER = Swarm((member("worker01"), member("former"))), Swarm((member("worker01"),))


@pytest.mark.parametrize(("touched", "there"), [(set(), BEFORE), ({"edge"}, AFTER)], ids=["nothing", "the edge"])
def test_the_swarm_is_looked_at_again_once_a_node_has_made_way(
    monkeypatch: pytest.MonkeyPatch, touched: set[str], there: Swarm
) -> None:
    """Otherwise `former`, which had a port that the edge proxy needs, would be drained and removed twice."""
    for name, answer in (("observe", {}), ("glance", BEFORE), ("look_swarm", AFTER)):
        monkeypatch.setattr(planning, name, lambda *_, answer=answer: answer)
    monkeypatch.setattr(planning, "look_lab", lambda *_: SimpleNamespace(lab=Lab()))
    settled: list[Swarm] = []
    for name, does in (
        ("_start", lambda *_: touched),
        ("_wait_ready", lambda _: None),
        ("_strangers", lambda *_: []),
        ("_settle", lambda _, swarm, __: settled.append(swarm)),
    ):
        monkeypatch.setattr(Up, name, does)
    now: Any = lambda work: SimpleNamespace(result=work)  # noqa: E731
    cluster: Any = SimpleNamespace(lab=True, later=now, inventory=SimpleNamespace(nodes=()))
    Up(cluster, 9, Recap()).run()
    assert settled == [there]


def test_nobody_waits_for_an_engine_once_the_task_was_interrupted() -> None:
    def interrupted() -> None:
        raise ConnectionFailed("interrupted")

    def unreached(_: str) -> Any:
        return SimpleNamespace(node="worker01", stream=lambda _: interrupted())

    cluster: Any = SimpleNamespace(
        check_open=interrupted,
        door=unreached,
        each=lambda nodes, work: [work(node) for node in nodes],
        progress=Progress(io.StringIO()),
    )
    with pytest.raises(ConnectionFailed, match="interrupted"):
        lab._await_engines(cluster, [host("worker01")], Deadline(1))
