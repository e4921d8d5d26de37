"""An update of a service by hand: what docker is told, and what becomes of one that fails."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from swarmops.commands import Command
from swarmops.errors import InputError
from swarmops.facts import Service
from swarmops.ops import by_hand

SPEC = {**json.loads(Path(__file__).with_name("service.json").read_text()), "Name": "web"}
"""What engine 26.1.5 had of a service with nearly all options, among them 8085:8080 in host mode."""
NETWORK = {"Id": "localnet-id", "Name": "localnet", "Scope": "swarm"}


class Swarm:
    """A cluster with one service, which an update changes in nothing and a rollback puts back."""

    def __init__(self, **said: Any) -> None:
        self.service = replace(Service.of({"ID": "s1", "Spec": SPEC}), **said)
        self.commands: list[str] = []
        self.inventory = SimpleNamespace(settings=SimpleNamespace(stacks={}), credentials={})
        self.progress = SimpleNamespace(done=lambda *_: None, waiting=lambda *_: None)

    def ask(self, question: Any) -> Any:
        return [NETWORK] if question is by_hand.facts.networks else [self.service]

    def login(self, _: str) -> None:
        return None

    def manage(self, command: Command, **_: Any) -> None:
        self.commands.append(str(command))


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_hand, "wait", lambda *_, **__: None)
    monkeypatch.setattr(by_hand, "routing", lambda _: "dns")
    monkeypatch.setattr(by_hand.ingress, "refresh", lambda *_: None)


def update(swarm: Swarm, stated: dict[str, Any], **options: Any) -> by_hand.Recap:
    return by_hand.update(swarm, "web", stated, 1, **options)  # type: ignore[arg-type]


def test_what_is_not_there_to_be_taken_away_is_said_and_nothing_changes() -> None:
    swarm = Swarm()
    recap = update(swarm, {"env-rm": ["OLD"], "publish-rm": ["8086:8080"]})
    assert recap.lines()[1:] == ["Nothing to change.", "There was no env OLD", "There was no publish 8086:8080"]
    assert swarm.commands == []


def test_a_port_that_docker_cannot_take_away_alone_is_refused_beforehand() -> None:
    ports = {"Ports": [{**SPEC["EndpointSpec"]["Ports"][0], "PublishedPort": port} for port in (8085, 8086)]}
    swarm = Swarm(spec={**SPEC, "EndpointSpec": {"Mode": "dnsrr", **ports}})
    for stated in ({"publish-rm": ["8085:8080"]}, {"publish-rm": ["8080"], "publish": ["8086:8080"]}):
        with pytest.raises(InputError, match="8086:8080/tcp/host too; write --publish-rm 8080/tcp/host first"):
            update(swarm, stated)
    assert swarm.commands == []
