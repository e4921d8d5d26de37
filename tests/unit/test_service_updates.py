"""An update of a service by hand: what docker is told, and what becomes of one that fails."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from swarmops.commands import Command, Secret
from swarmops.commands.registry import Login
from swarmops.errors import CommandFailed, ConnectionFailed, InputError, RolledBack, SwarmopsError, WaitTimeout
from swarmops.facts import Service
from swarmops.ops import by_hand, spare

SPEC = {**json.loads(Path(__file__).with_name("service.json").read_text()), "Name": "web"}
"""What engine 26.1.5 had of a service with nearly all options, among them 8085:8080 in host mode."""
NETWORK = {"Id": "localnet-id", "Name": "localnet", "Scope": "swarm"}


class Swarm:
    """A cluster with one service, which an update changes in nothing and a rollback puts back."""

    def __init__(self, **said: Any) -> None:
        self.service = replace(Service.of({"ID": "s1", "Spec": SPEC}), **said)
        self.commands: list[str] = []
        self.logins: dict[str, Login] = {}
        self.inventory = SimpleNamespace(settings=SimpleNamespace(stacks={}), credentials={})
        self.progress = SimpleNamespace(done=lambda *_: None, waiting=lambda *_: None)

    def ask(self, question: Any) -> Any:
        return {by_hand.facts.networks: [NETWORK], by_hand.facts.nodes: []}.get(question, [self.service])

    def login(self, registry: str) -> Login | None:
        return self.logins.get(registry)

    def manage(self, command: Command, **_: Any) -> None:
        self.commands.append(str(command))
        if command.argv[:3] == ("docker", "service", "rollback"):
            spec, previous = self.service.previous, self.service.spec
            assert spec
            self.service = replace(self.service, spec=spec, previous=previous, update_state="rollback_started")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_hand, "wait", lambda *_, **__: None)
    monkeypatch.setattr(by_hand, "routing", lambda _: "dns")
    monkeypatch.setattr(by_hand.ingress, "refresh", lambda *_: None)


def update(swarm: Swarm, stated: dict[str, Any], **options: Any) -> by_hand.Recap:
    return by_hand.update(swarm, "web", stated, 1, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("done", [True, False], ids=["after that", "before that"])
@pytest.mark.parametrize(
    "error", [ConnectionFailed("m1: gone"), CommandFailed("no leader"), WaitTimeout("m1: did not end")], ids=str
)
def test_a_manager_that_is_lost_updates_once(monkeypatch: pytest.MonkeyPatch, error: SwarmopsError, done: bool) -> None:
    """Twice, and the present version would be the one before it."""
    swarm, wanted = Swarm(), {"image": "registry:5000/web:2"}
    monkeypatch.setattr(by_hand, "seen", lambda *_: wanted if done or len(swarm.commands) > 1 else {"image": "old"})
    monkeypatch.setattr(by_hand.definition, "changes", lambda before, after: [] if before == after else ["image"])

    def manage(command: Command, *, once: bool) -> None:
        assert once
        swarm.commands.append(str(command))
        if len(swarm.commands) == 1:
            raise error

    monkeypatch.setattr(swarm, "manage", manage)
    by_hand._set(swarm, "web", Command(("docker", "service", "update", "web")), wanted)  # type: ignore[arg-type]
    assert len(swarm.commands) == (1 if done else 2)


def test_what_is_not_there_to_be_taken_away_is_said_and_nothing_changes() -> None:
    swarm = Swarm()
    recap = update(swarm, {"env-rm": ["OLD"], "publish-rm": ["8086:8080"]})
    assert recap.lines()[1:] == ["Nothing to change.", "There was no env OLD", "There was no publish 8086:8080"]
    assert swarm.commands == []


def test_what_ctrl_c_leaves_of_an_update_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    swarm = Swarm()
    said: list[tuple[str, ...]] = []
    monkeypatch.setattr(by_hand, "wait", interrupted)
    monkeypatch.setattr(swarm.progress, "done", lambda *words: said.append(words))
    with pytest.raises(KeyboardInterrupt):
        update(swarm, {"update-delay": "9s"})
    assert said[1:] == [("left as it is now, not verified; inv rollback web is the way back", "web")]


def test_a_port_that_docker_cannot_take_away_alone_is_refused_beforehand() -> None:
    ports = {"Ports": [{**SPEC["EndpointSpec"]["Ports"][0], "PublishedPort": port} for port in (8085, 8086)]}
    swarm = Swarm(spec={**SPEC, "EndpointSpec": {"Mode": "dnsrr", **ports}})
    for stated in ({"publish-rm": ["8085:8080"]}, {"publish-rm": ["8080"], "publish": ["8086:8080"]}):
        with pytest.raises(InputError, match="8086:8080/tcp/host too; write --publish-rm 8080/tcp/host first"):
            update(swarm, stated)
    assert swarm.commands == []


@pytest.mark.parametrize(
    ("registry", "word"), [("registry:5000", " --with-registry-auth"), ("ghcr.io", "")], ids=["its own", "another"]
)
def test_any_change_brings_the_log_in_that_the_inventory_has_for_the_image(registry: str, word: str) -> None:
    swarm = Swarm()
    swarm.logins[registry] = Login("alice", Secret("pass"))
    with pytest.raises(RolledBack):  # this swarm takes no change
        update(swarm, {"label": ["a=b"]})
    said = f"docker service update --detach --no-resolve-image{word} --label-add=a=b web"
    assert swarm.commands[0].endswith(said)


ROLLBACK = "docker service rollback --detach web"
FORMER = {**SPEC, "TaskTemplate": {**SPEC["TaskTemplate"], "ContainerSpec": {"Image": "web:0.9"}}}
SPREAD = {**SPEC, "Labels": {spare.MORE: "2"}}


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The version that the service has at first never comes to run."""

    def wait(swarm: Swarm, *_: Any, **__: Any) -> None:
        if swarm.service.spec == SPEC:
            raise WaitTimeout("web 0 of 2", remedy="--timeout gives it longer")

    monkeypatch.setattr(by_hand, "wait", wait)


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize("state", ["updating", "paused"])
def test_what_goes_on_from_an_interrupted_update_and_fails_goes_back(state: str) -> None:
    swarm = Swarm(previous=FORMER, update_state=state)
    with pytest.raises(RolledBack, match=r"web 0 of 2\n  The version before runs again"):
        update(swarm, {"env": ["A=1"]})
    assert swarm.commands == [ROLLBACK]
    assert swarm.service.spec == FORMER


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize(
    ("said", "rollback", "remedy"),
    [
        ({"previous": FORMER, "update_state": "completed"}, True, "; inv rollback web puts the version before back"),
        ({"previous": FORMER, "update_state": "updating"}, False, "; inv rollback web puts the version before back"),
        ({"previous": FORMER}, True, "; inv rollback web puts the version before back"),
        ({"previous": FORMER, "update_state": "rollback_completed"}, True, ""),
        ({"previous": SPREAD, "update_state": "updating"}, True, ""),
        ({"update_state": "updating"}, True, ""),
    ],
    ids=["completed", "--no-rollback", "no tasks changed", "rolled back", "spread again", "no version before"],
)
def test_what_was_there_before_is_left_and_the_way_back_is_said(
    said: dict[str, Any], rollback: bool, remedy: str
) -> None:
    swarm = Swarm(**said)
    with pytest.raises(WaitTimeout) as error:
        update(swarm, {"env": ["A=1"]}, rollback=rollback)
    assert str(error.value) == f"web 0 of 2\n  Next: --timeout gives it longer{remedy}"
    assert swarm.commands == []


@pytest.mark.usefixtures("broken")
def test_an_update_under_way_that_somebody_else_began_is_left_to_them() -> None:
    """What is stated here was so before it: this has begun nothing."""
    same = {**FORMER, "Labels": SPEC.get("Labels"), "Mode": SPEC["Mode"]}
    swarm = Swarm(previous=same, update_state="updating")
    with pytest.raises(WaitTimeout, match="inv rollback web"):
        update(swarm, {"replicas": str(SPEC["Mode"]["Replicated"]["Replicas"])})
    assert swarm.commands == []


def test_a_version_of_somebody_else_is_left_to_them(monkeypatch: pytest.MonkeyPatch) -> None:
    swarm = Swarm(previous=FORMER, update_state="paused")

    def wait(*_: Any, **__: Any) -> None:
        if swarm.service.spec == SPEC:
            swarm.service = replace(swarm.service, spec={**SPEC, "Labels": {"a": "b"}}, previous=SPEC)
            raise WaitTimeout("web 0 of 2")

    monkeypatch.setattr(by_hand, "wait", wait)
    with pytest.raises(SwarmopsError, match="web was changed by somebody else meanwhile"):
        update(swarm, {"env": ["A=1"]})
    assert swarm.commands == []
