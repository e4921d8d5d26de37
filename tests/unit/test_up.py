"""What `up` looks at again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from samples import member

from swarmops.ops import planning
from swarmops.ops.up import Up
from swarmops.plan import Lab, Swarm
from swarmops.report import Recap

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
