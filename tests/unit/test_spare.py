"""More replicas for a while: begun, ended, and no longer there once somebody has said how many there should be."""

from __future__ import annotations

from typing import Any

import pytest
from samples import NEW, member, task

from swarmops import facts
from swarmops.errors import InputError
from swarmops.facts import Service
from swarmops.ops import by_hand, drain, ingress, rebalance, services, spare
from swarmops.wait import Deadline

PREFERENCE = {"Placement": {"Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.zone"}}]}}


class Swarm:
    """A cluster with one service, `web`, of 9 replicas on three nodes; it does what commands say about replicas."""

    def __init__(self, labels: dict[str, str], on: tuple[int, ...] = (3, 3, 3), **template: Any) -> None:
        self.labels, self.on, self.template = labels, list(on), NEW | template
        self.status: dict[str, Any] = {}
        self.commands: list[list[str]] = []
        self.touched: list[int] = []
        self.progress, self.inventory, self.settings, self.stacks = self, self, self, ()

    def get(self, path: str, **_: Any) -> Any:
        if path == "/services/s1":
            return {"Version": {"Index": 7}, "Spec": self.get("/services")[0]["Spec"]}
        assert path == "/services"
        mode = {"Replicated": {"Replicas": sum(self.on)}}
        return [
            {"ID": "s1", "Spec": {"Name": "web", "Labels": self.labels, "Mode": mode, "TaskTemplate": self.template}}
            | self.status
        ]

    def ask(self, question: Any) -> Any:
        if question is facts.overview:
            tasks = [task(slot=n * 10 + m, node=f"w{n}") for n, count in enumerate(self.on) for m in range(count)]
            return [Service.of(one) for one in self.get("/services")], tasks, [member(f"w{n}") for n in range(3)]
        if question in (facts.networks, facts.nodes):
            return []
        return question(self)

    def manage(self, command: Any, **_: Any) -> None:
        words = list(command.argv[2:])
        self.commands.append([word for word in words if word not in ("--detach", "--no-resolve-image", "web")])
        for word in words:
            name, _, value = word.partition("=")
            if name == "--label-rm":
                self.labels.pop(value, None)
            elif name == "--label-add":
                self.labels |= dict([value.split("=")])
            elif name in ("--replicas", "web"):
                self._scale(int(value or sum(self.on)))

    def update(self, path: str, spec: dict[str, Any], version: int) -> None:
        assert (path, version, spec["TaskTemplate"]) == ("/services/s1", 7, self.template)
        self.labels = spec["Labels"]
        self.touched.append(spec["Mode"]["Replicated"]["Replicas"])
        self._scale(self.touched[-1])

    def _scale(self, count: int) -> None:
        while sum(self.on) < count:
            self.on[self.on.index(min(self.on))] += 1
        while sum(self.on) > count:
            self.on[self.on.index(max(self.on))] -= 1

    def done(self, *_: str) -> None:
        return None

    login = done


@pytest.fixture(autouse=True)
def runs(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (by_hand, rebalance, services):
        monkeypatch.setattr(module, "wait", lambda *_, **__: None)
    monkeypatch.setattr(ingress, "refresh", lambda *_: None)


def test_it_begins_once_and_ends() -> None:
    swarm: Any = Swarm({})
    for _ in range(2):
        spare.more(swarm, services.find(swarm, "web"), 2)
    assert (swarm.labels, sum(swarm.on)) == ({spare.MORE: "9"}, 11)
    for _ in range(2):
        spare.back(swarm, services.find(swarm, "web"))
    assert (swarm.labels, sum(swarm.on)) == ({}, 9)
    assert swarm.touched == [11, 9]


@pytest.mark.parametrize("count", [9, 10])
def test_scale_ends_what_was_interrupted(count: int) -> None:
    swarm: Any = Swarm({spare.MORE: "6"})
    services.scale(swarm, {"web": count}, 9)
    assert (swarm.labels, sum(swarm.on)) == ({}, count)
    rebalance.rebalance(swarm, "", 9)
    assert sum(swarm.on) == count


def test_what_ctrl_c_leaves_of_a_scale_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    swarm: Any = Swarm({})
    said: list[tuple[str, ...]] = []
    monkeypatch.setattr(services, "wait", interrupted)
    monkeypatch.setattr(swarm, "done", lambda *words: said.append(words))
    for _ in range(2):  # the second one changes nothing
        with pytest.raises(KeyboardInterrupt):
            services.scale(swarm, {"web": 12}, 9)
    assert said == [("left as it is now, not verified; inv scale web=9 is the way back", "web")]


def test_an_update_of_the_replicas_ends_what_was_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_hand, "_refuse_another_version", lambda *_: None)
    monkeypatch.setattr(by_hand.images, "authorized", lambda _, command, *__: command)
    swarm: Any = Swarm({spare.MORE: "6", "own": "kept"})
    by_hand.update(swarm, "web", {"env": ["A=1"]}, 9)
    assert spare.MORE in swarm.labels
    by_hand.update(swarm, "web", {"replicas": "10"}, 9)
    assert (swarm.labels, sum(swarm.on)) == ({"own": "kept"}, 10)


@pytest.mark.parametrize("template", [{}, PREFERENCE], ids=["plain", "with a preference"])
def test_rebalance_ends_what_was_interrupted_whatever_the_preferences(template: dict[str, Any]) -> None:
    swarm: Any = Swarm({spare.MORE: "6"}, **template)
    for _ in range(2):
        rebalance.rebalance(swarm, "", 9)
        assert (swarm.labels, swarm.on) == ({}, [2, 2, 2])
    assert (swarm.touched, swarm.commands) == ([6], [])


def test_rebalance_levels_what_a_drain_has_left() -> None:
    swarm: Any = Swarm({spare.MORE: "6"}, on=(0, 0, 7))
    rebalance._spread(swarm, services.find(swarm, "web"), Deadline(9), services.Recap())
    assert (swarm.labels, swarm.on) == ({}, [2, 2, 2])


def test_a_service_that_is_removed_while_it_is_rebalanced_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    swarm: Any = Swarm({spare.MORE: "6"})
    monkeypatch.setattr(rebalance, "_back", lambda *_: monkeypatch.setattr(swarm, "get", lambda *_, **__: []))
    recap = rebalance.rebalance(swarm, "", 9)
    assert (recap.notes, recap.any_changed) == (["web was removed by somebody else meanwhile."], False)


PAUSED = {"UpdateStatus": {"State": "paused"}, "PreviousSpec": {"Name": "web", "TaskTemplate": NEW}}
HALTED = "web: swarm has paused its update; inv rollback web, or a new deploy, comes first"


@pytest.mark.parametrize(
    ("said", "halted"),
    [
        ({}, ""),
        ({"UpdateStatus": {"State": "updating"}}, ""),
        ({"UpdateStatus": {"State": "completed"}}, ""),
        (PAUSED, HALTED),
        (
            PAUSED | {"UpdateStatus": {"State": "rollback_paused"}},
            "web: swarm has paused its rollback; inv service.update web, or a new deploy, comes first",
        ),
    ],
)
def test_an_update_that_swarm_has_paused_comes_first(said: dict[str, Any], halted: str) -> None:
    swarm: Any = Swarm({})
    swarm.status = said
    assert spare.halted(services.find(swarm, "web")) == halted


@pytest.mark.parametrize(("labels", "on"), [({}, (6, 0, 0)), ({spare.MORE: "6"}, (3, 3, 3))])
def test_rebalance_leaves_a_paused_update_as_it_is(labels: dict[str, str], on: tuple[int, ...]) -> None:
    swarm: Any = Swarm(labels, on)
    swarm.status = PAUSED
    recap = rebalance.rebalance(swarm, "", 9)
    assert (swarm.touched + swarm.commands, recap.notes, recap.any_changed) == ([], [f"{HALTED}."], False)


@pytest.mark.parametrize(("labels", "on"), [({}, (2, 0, 0)), ({spare.MORE: "2"}, (1, 1, 1))])
def test_start_first_does_not_resume_a_paused_update(labels: dict[str, str], on: tuple[int, ...]) -> None:
    swarm: Any = Swarm(labels, on)
    leaving = {"w0": member("w0")}
    drain.refuse_stranded(swarm, leaving, drain.How(9, start_first=True))
    swarm.status = PAUSED
    drain.refuse_stranded(swarm, leaving, drain.How(9))
    with pytest.raises(InputError) as error:
        drain.refuse_stranded(swarm, leaving, drain.How(9, start_first=True))
    assert str(error.value) == f"{HALTED}\n  Next: that, or leave out --start-first"
    assert swarm.touched + swarm.commands == []
