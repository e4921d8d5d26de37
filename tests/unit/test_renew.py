"""What `swarm.recover` and `swarm.restore` do with managers that would refuse tasks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from samples import host

from swarmops.errors import PendingError
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
    inventory = SimpleNamespace(node=lambda name: next(m for m in MANAGERS if m.name == name))
    progress = SimpleNamespace(waiting=lambda _: None)
    return SimpleNamespace(
        lab=lab, engine=engine, inventory=inventory, progress=progress, container=lambda name: f"lab-{name}",
        ask=lambda _: autolock,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second manager began its part anew, the third one is deaf."""
    monkeypatch.setattr(renewal, "begun_anew", lambda _, names: [name for name in names if name == "m2"])
    monkeypatch.setattr(renewal.gossip, "deaf", lambda _, nodes: [node for node in nodes if node.name == "m3"])
    monkeypatch.setattr(renewal, "away", lambda *_: "")
    monkeypatch.setattr(renewal, "up", lambda *_: None)


def test_a_lab_restarts_them() -> None:
    engine, recap = Engine(), Recap()
    renewal.renew(cluster(engine, lab=True, autolock=False), MANAGERS, Deadline(9), recap)
    assert engine.restarted == ["lab-m2", "lab-m3"]
    assert recap.any_changed
    assert recap.notes == []


def test_nothing_is_restarted_unless_somebody_is_sure() -> None:
    engine, recap = Engine(), Recap()
    with pytest.raises(PendingError, match="m2, m3 would refuse tasks on networks that are new there"):
        renewal.renew(cluster(engine, lab=True, autolock=False), MANAGERS, Deadline(9), recap, sure=False)
    assert engine.restarted == []


@pytest.mark.parametrize(
    ("lab", "autolock", "remedy"),
    [
        (True, True, "docker restart lab-{}; inv swarm.unlock"),
        (False, False, "as root on {}: systemctl restart docker"),
        (False, True, "as root on {}: systemctl restart docker; inv swarm.unlock"),
    ],
)
def test_it_is_for_the_operator_where_managers_lock_or_hosts_are_real(lab: bool, autolock: bool, remedy: str) -> None:
    engine, recap = Engine(), Recap()
    renewal.renew(cluster(engine, lab=lab, autolock=autolock), MANAGERS, Deadline(9), recap)
    assert engine.restarted == []
    assert recap.notes == [
        f"{name} refuses tasks on networks new to it until it is restarted: {remedy.format(name)}"
        for name in ("m2", "m3")
    ]
