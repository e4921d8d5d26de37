"""A rollback of one service says what it means for its stack."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from samples import service

from swarmops.commands import Command
from swarmops.facts import Service
from swarmops.ops import services


class FakeCluster:
    """A swarm with one service, which a rollback puts back at once."""

    def __init__(self, stack: str) -> None:
        self.service: Service = replace(service(labels={}, previous={"ForceUpdate": 0, "Networks": []}), stack=stack)
        self.inventory = SimpleNamespace(settings=SimpleNamespace(stacks={"echo": {}}))

    def ask(self, _: Any) -> list[Service]:
        return [self.service]

    def manage(self, command: Command, **_: Any) -> None:
        assert str(command) == "docker service rollback --detach web"
        assert self.service.previous
        self.service = replace(self.service, spec=self.service.previous, previous=self.service.spec)


@pytest.mark.parametrize(
    ("stack", "notes"),
    [("echo", ["The next inv deploy echo sets web back to what the stack's file says."]), ("theirs", []), ("", [])],
)
def test_the_next_deploy_sets_it_back(monkeypatch: pytest.MonkeyPatch, stack: str, notes: list[str]) -> None:
    monkeypatch.setattr(services, "wait", lambda *_, **__: None)
    monkeypatch.setattr(services.ingress, "refresh", lambda *_: None)
    recap = services.rollback(FakeCluster(stack), "web", 1)  # type: ignore[arg-type]
    assert recap.any_changed
    assert recap.notes == notes
