"""Nothing stays locked whose key could not be stored, and each manager is waited for."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from samples import host, manager, member

from swarmops import facts, keystore
from swarmops.commands import Command
from swarmops.connect import Result
from swarmops.errors import ConnectionFailed, SwarmopsError, WaitTimeout
from swarmops.inventory import Role
from swarmops.inventory.schema import UnlockKey
from swarmops.ops import autolock
from swarmops.report import Recap
from swarmops.wait import Deadline


class FakeCluster:
    """A swarm of no manager that is away, which locks or not; `done` is what was asked of it."""

    def __init__(self, folder: Path, *, locks: bool) -> None:
        swarm = SimpleNamespace(unlock_key=UnlockKey(file="key"))
        self.inventory = SimpleNamespace(settings=SimpleNamespace(swarm=swarm), path=folder / "inventory.yaml")
        self.locks = locks
        self.done: list[bool] = []

    def ask(self, question: Any) -> Any:
        return self.locks if question is autolock.is_on else {"UnlockKey": "SWMKEY-1-new"}

    def manage(self, command: Command) -> None:
        self.done.append("true" in str(command))


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), SwarmopsError("no room")], ids=repr)
@pytest.mark.parametrize(("locks", "done"), [(False, [True, False]), (True, [])])
def test_it_is_turned_off_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, failure: BaseException, locks: bool, done: list[bool]
) -> None:
    def store(*_: object) -> None:
        raise failure

    monkeypatch.setattr(keystore, "store", store)
    monkeypatch.setattr(autolock, "_refuse_absent", lambda _: None)
    cluster: Any = FakeCluster(tmp_path, locks=locks)
    with pytest.raises(type(failure)):
        autolock.set_autolock(cluster, on=True, recap=Recap(), deadline=Deadline(1))
    assert cluster.done == done


OPEN, CLOSED = "-----BEGIN EC PRIVATE KEY-----", f"{autolock.ENCRYPTED} PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        (Result(0, CLOSED, ""), ""),
        (Result(0, OPEN, ""), "m1 still has its state open"),
        (Result(1, "", "Permission denied"), ""),
        (WaitTimeout("m1: head did not end within 15 s"), "m1 does not answer"),
        (ConnectionFailed("m1: the connection broke"), "m1 does not answer"),
    ],
)
def test_what_is_awaited(said: Result | SwarmopsError, missing: str) -> None:
    def run(*_: Any, **__: Any) -> Result:
        if isinstance(said, SwarmopsError):
            raise said
        return said

    cluster: Any = SimpleNamespace(
        inventory=SimpleNamespace(nodes=[host("m1", Role.MANAGER), host("w1")]),
        ask=lambda question: [manager("m1"), member("w1")] if question is facts.nodes else {"DockerRootDir": "/data"},
        each=lambda nodes, work: [work(node) for node in nodes],
        door=lambda _: SimpleNamespace(run=run),
    )
    assert autolock._not_yet(cluster, on=True) == missing
