"""What `swarm.recover` and `swarm.restore` do with managers that would refuse tasks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from samples import host

from swarmops.inventory import Role
from swarmops.ops import renewal
from swarmops.report import Recap
from swarmops.wait import Deadline

MANAGERS = [host("m1", Role.MANAGER), host("m2", Role.MANAGER), host("m3", Role.MANAGER)]


class Engine:
    def __init__(self) -> None:
        self.restarted: list[str] = []
        self.restart = self.restarted.append


def cluster(engine: Engine, *, lab: bool, autolock: bool) -> Any:
    settings = SimpleNamespace(swarm=SimpleNamespace(autolock=autolock))
    inventory = SimpleNamespace(settings=settings, node=lambda name: next(m for m in MANAGERS if m.name == name))
    progress = SimpleNamespace(waiting=lambda _: None)
    return SimpleNamespace(
        lab=lab, engine=engine, inventory=inventory, progress=progress, container=lambda name: f"lab-{name}"
    )


@pytest.mark.parametrize(
    ("lab", "autolock", "restarted"), [(True, False, ["lab-m2", "lab-m3"]), (True, True, []), (False, False, [])]
)
def test_a_lab_restarts_them_where_nobody_has_to_unlock_them(
    monkeypatch: pytest.MonkeyPatch, lab: bool, autolock: bool, restarted: list[str]
) -> None:
    monkeypatch.setattr(renewal, "begun_anew", lambda _, names: [name for name in names if name == "m2"])
    monkeypatch.setattr(renewal.gossip, "deaf", lambda _, nodes: [node for node in nodes if node.name == "m3"])
    monkeypatch.setattr(renewal, "away", lambda *_: "")
    monkeypatch.setattr(renewal, "up", lambda *_: None)
    engine, recap = Engine(), Recap()
    renewal.renew(cluster(engine, lab=lab, autolock=autolock), MANAGERS, Deadline(9), recap)
    assert engine.restarted == restarted
    assert recap.any_changed is bool(restarted)
    remedies = {
        name: f"docker restart lab-{name}" if lab else f"as root on {name}: systemctl restart docker"
        for name in ("m2", "m3")
    }
    said = [
        f"{name} refuses tasks on networks new to it until it is restarted: {remedy}"
        for name, remedy in remedies.items()
    ]
    assert recap.notes == ([] if restarted else said)
