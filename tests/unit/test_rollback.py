"""A rollback of one service: what it means for its stack, and what the same command does again."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from samples import service

from swarmops.commands import Command
from swarmops.errors import InputError, SwarmopsError
from swarmops.facts import Service
from swarmops.ops import services


class FakeCluster:
    """A swarm with one service, which a rollback begins to put back at once."""

    def __init__(self, stack: str, **said: Any) -> None:
        previous = {"previous": {"ForceUpdate": 0, "Networks": []}} | said
        self.service: Service = replace(service(labels={}, **previous), stack=stack)
        self.commands: list[str] = []
        self.inventory = SimpleNamespace(settings=SimpleNamespace(stacks={"echo": {}}))

    def ask(self, _: Any) -> list[Service]:
        return [self.service]

    def manage(self, command: Command, **_: Any) -> None:
        self.commands.append(str(command))
        spec, previous = self.service.previous, self.service.spec
        assert spec
        self.service = replace(self.service, spec=spec, previous=previous, update_state="rollback_started")


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether what was waited for counted as settled, each time."""
    found: list[bool] = []
    monkeypatch.setattr(services, "wait", lambda *_, settled: found.append(settled))
    monkeypatch.setattr(services.ingress, "refresh", lambda *_: None)
    return found


@pytest.mark.parametrize(
    ("stack", "notes"),
    [("echo", ["The next inv deploy echo sets web back to what the stack's file says."]), ("theirs", []), ("", [])],
)
@pytest.mark.usefixtures("waits")
def test_the_next_deploy_sets_it_back(stack: str, notes: list[str]) -> None:
    recap = services.rollback(FakeCluster(stack), "web", 1)  # type: ignore[arg-type]
    assert recap.any_changed
    assert recap.notes == notes


def test_the_same_again_does_not_go_forward(waits: list[bool]) -> None:
    cluster = FakeCluster("")
    services.rollback(cluster, "web", 1)  # type: ignore[arg-type]
    for state in ("rollback_started", "rollback_paused", "rollback_completed"):
        cluster.service = back = replace(cluster.service, update_state=state)
        recap = services.rollback(cluster, "web", 1)  # type: ignore[arg-type]
        assert not recap.any_changed
        assert recap.notes[0].startswith("web runs what its last rollback put back; ")
        assert cluster.service == back
    assert cluster.commands == ["docker service rollback --detach web"]
    assert waits == [False, True, True, True]


def test_what_swarm_itself_puts_back_is_awaited(waits: list[bool]) -> None:
    cluster = FakeCluster("", update="rollback_started", previous=None)
    assert not services.rollback(cluster, "web", 1).any_changed  # type: ignore[arg-type]
    assert (cluster.commands, waits) == ([], [True])


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("echo", "echo: no such service, but a stack\n  Next: inv rollback --stack echo"),
        ("ech", "ech: no such service\n  Next: the swarm has web"),
    ],
)
def test_a_stack_is_no_service(name: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        services.rollback(FakeCluster("echo"), name, 1)  # type: ignore[arg-type]
    assert str(error.value) == said


def test_there_is_no_previous_version(waits: list[bool]) -> None:
    with pytest.raises(SwarmopsError, match="web has no previous version"):
        services.rollback(FakeCluster("", update="completed", previous=None), "web", 1)  # type: ignore[arg-type]
    assert waits == []
