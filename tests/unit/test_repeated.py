"""What is made or removed by a command that a lost manager had carried out already, and that the next one refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from options import ALL
from samples import service

from swarmops import definition, facts
from swarmops.commands import Command
from swarmops.errors import CommandFailed, ConnectionFailed, RolledBack, SwarmopsError, WaitTimeout
from swarmops.ops import by_hand, ending, networks, rebalance, services, spare
from swarmops.ops.putback import put_back
from swarmops.wait import Deadline

SPEC = json.loads(Path(__file__).with_name("service.json").read_text())
WANTED = definition.complete(definition.parse(ALL, "host")[0])
MADE = {"ID": "s1", "Spec": {**SPEC, "Name": "web"}}
NETWORK = {"Id": "localnet-id", "Name": "localnet", "Scope": "swarm", "Driver": "overlay", "Attachable": False}


class Swarm:
    """A cluster, and the API of each of its managers: it has what the tables say, and refuses every command."""

    def __init__(self, **has: list[dict[str, Any]]) -> None:
        self.has = {"services": [], "networks": [], "nodes": [], "tasks": []} | has
        self.control = {"m1": True, "m2": False}
        self.inventory, self.progress = self, self
        self.managers = [type("Node", (), {"name": name}) for name in ("m1", "m2", "m3")]
        self.node = ""

    def get(self, path: str, **_: Any) -> Any:
        if path == "/info":
            return {"Swarm": {"ControlAvailable": self.control[self.node]}}
        assert self.control.get(self.node, True), f"{self.node} knows nothing of the swarm"
        return self.has[path[1:]]

    def ask(self, question: Any) -> Any:
        return question(self)

    def api(self, name: str) -> Any:
        if name not in self.control:
            raise ConnectionFailed(f"{name} does not answer")
        self.node = name
        return self

    def login(self, _: str) -> None:
        return None

    def manage(self, command: Command, **_: Any) -> None:
        raise CommandFailed(f"{command.argv[1]}: refused")

    def update(self, path: str, *_: Any) -> None:
        raise CommandFailed(f"{path}: refused")

    def done(self, *_: str) -> None:
        return None

    waiting = done


def test_a_service_that_is_there_as_wanted_was_made() -> None:
    by_hand._make(Swarm(services=[MADE], networks=[NETWORK]), "web", WANTED)  # type: ignore[arg-type]


@pytest.mark.parametrize("has", [{}, {"services": [MADE]}], ids=["nothing", "another network"])
def test_a_service_that_is_not_there_as_wanted_was_not(has: dict[str, Any]) -> None:
    with pytest.raises(CommandFailed, match="refused"):
        by_hand._make(Swarm(**has), "web", WANTED)  # type: ignore[arg-type]


def test_a_network_that_is_there_as_wanted_was_made() -> None:
    there = Swarm(networks=[NETWORK])
    networks._make(there, "localnet", networks.Options())  # type: ignore[arg-type]
    for name, wanted in (("localnet", networks.Options(attachable=True)), ("other", networks.Options())):
        with pytest.raises(CommandFailed, match="refused"):
            networks._make(there, name, wanted)  # type: ignore[arg-type]


def test_a_service_that_is_gone_was_removed() -> None:
    ending.end(Swarm(), [service(1)])  # type: ignore[arg-type]
    with pytest.raises(CommandFailed, match="refused"):
        ending.end(Swarm(services=[MADE]), [service(1)])  # type: ignore[arg-type]


def test_a_network_is_awaited_on_managers_of_the_swarm_alone() -> None:
    there = Swarm(networks=[NETWORK])
    assert networks._awaited(there, "localnet") == ""  # type: ignore[arg-type]
    assert networks._awaited(there, "other") == "m1 has no addresses for other"  # type: ignore[arg-type]


def test_a_failure_is_not_lost_when_what_failed_cannot_be_removed() -> None:
    failure, one = SwarmopsError("web: it failed"), facts.Service.of(MADE)
    undone = put_back(Swarm(), failure, "web", lambda: by_hand._unmade(Swarm(), one, 1))  # type: ignore[arg-type]
    assert isinstance(undone, RolledBack)
    there = Swarm(services=[MADE])
    raised = put_back(there, failure, "web", lambda: by_hand._unmade(there, one, 0))  # type: ignore[arg-type]
    said = "web: it failed\n  What was before could not be put back: service: refused\n  Next: inv ps web"
    assert (type(raised), str(raised)) == (SwarmopsError, said)


def test_what_somebody_else_has_scaled_since_is_left_to_them() -> None:
    before, scaled = service(2), {**MADE, "Spec": {**SPEC, "Name": "web", "Mode": {"Replicated": {"Replicas": 7}}}}
    with pytest.raises(SwarmopsError, match="web: scaled by somebody else meanwhile"):
        services._rescale(Swarm(services=[scaled]), [before], {"web": 5}, 1)  # type: ignore[arg-type]


def test_a_failure_is_not_lost_when_the_replicas_cannot_be_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: object) -> None:
        raise WaitTimeout("web 2 of 3")

    monkeypatch.setattr(rebalance, "wait", late)
    begun = service(3, Labels={spare.MORE: "2"})
    now: Any = {"Version": {"Index": 1}, "Spec": begun.spec}
    with pytest.raises(
        SwarmopsError, match=r"web 2 of 3\n  The number .* back to 2: /services/s1: refused\n  Next: inv"
    ):
        rebalance._back(Swarm(**{"services/s1": now}), begun, Deadline(1))  # type: ignore[arg-type]
