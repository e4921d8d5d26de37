"""How questions and commands find a manager that answers, with managers that are lost on purpose."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from swarmops import cluster as module, wait
from swarmops.cluster import Cluster
from swarmops.commands import Command, docker
from swarmops.connect import Result
from swarmops.connect.api import ANSWER_SECONDS, EngineAPI
from swarmops.errors import CommandFailed, ConnectionFailed, EngineFailed, NoLeader, NotFound, SwarmopsError
from swarmops.inventory import load
from swarmops.report import Progress

INVENTORY = """all:
  vars: {cluster: three, transport: ssh, subnet: 10.89.0.0/24}
  children:
    managers:
      hosts:
        m1: {ansible_host: 192.0.2.1, address: 10.89.0.11}
        m2: {ansible_host: 192.0.2.2, address: 10.89.0.12}
        m3: {ansible_host: 192.0.2.3, address: 10.89.0.13}
    workers: {hosts: {}}
"""
NO_LEADER = "the swarm does not have a leader"
DEPLOY = docker("stack", "deploy", "echo")


class Managers:
    """Three managers. Those that are `dead` do not answer, and until `elects` looks at them nobody leads."""

    def __init__(self) -> None:
        self.dead: set[str] = set()
        self.leader = "m1"
        self.elects = 0
        self.now = 100.0
        self.fail: dict[str, SwarmopsError] = {}
        self.commands: list[str] = []
        self.before: Callable[[], None] = lambda: None

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.elects -= 1
        if not self.elects:
            self.leader = min({"m1", "m2", "m3"} - self.dead)

    def kill(self, *names: str, elects: int = 3) -> None:
        self.dead |= set(names)
        if self.leader in names:
            self.leader, self.elects = "", elects

    def get(self, name: str, path: str) -> Any:
        if name in self.dead:
            raise ConnectionFailed(f"{name}: there is no container")
        if path == "/info":
            return {"Swarm": {"ControlAvailable": True, "Error": "" if self.leader else NO_LEADER}}
        if path in self.fail:
            raise self.fail[path]
        if not self.leader:
            raise EngineFailed(f"{name}: {path}: {NO_LEADER}")
        return [node(each, each == self.leader) for each in ("m1", "m2", "m3")]

    def run(self, name: str, command: Command) -> Result:
        self.commands.append(name)
        action, self.before = self.before, lambda: None
        action()
        if name in self.dead:
            raise ConnectionFailed(f"{name}: the connection broke during {command}")
        if not self.leader or "run" in self.fail:
            raise CommandFailed(f"{name}: {command} exited 1")
        return Result(0, name, "")


def node(name: str, leads: bool) -> dict[str, Any]:
    return {
        "ID": name,
        "Spec": {"Role": "manager", "Availability": "active"},
        "Description": {"Hostname": name},
        "Status": {"State": "ready"},
        "ManagerStatus": {"Leader": leads, "Reachability": "reachable"},
    }


class API(EngineAPI):
    def __init__(self, name: str, managers: Managers) -> None:
        self.node = name
        self._managers = managers

    def get(self, path: str, **_: Any) -> Any:
        return self._managers.get(self.node, path)


@pytest.fixture
def managers(monkeypatch: pytest.MonkeyPatch) -> Managers:
    managers = Managers()
    for each in (module, wait):
        monkeypatch.setattr(each, "time", managers)
    monkeypatch.setattr(Cluster, "api", lambda _, name: API(name, managers))
    monkeypatch.setattr(Cluster, "run", lambda _, name, command, **__: managers.run(name, command))
    return managers


@pytest.fixture
def cluster(tmp_path: Path, managers: Managers) -> Iterator[Cluster]:
    file = tmp_path / "inventory.yaml"
    file.write_text(INVENTORY)
    with Cluster(load(file), Progress(io.StringIO())) as cluster:
        assert cluster.ask(who) == "m1"
        yield cluster


def who(api: EngineAPI) -> str:
    api.get("/nodes")
    return api.node


def said(cluster: Cluster) -> list[str]:
    """The progress, without its seconds."""
    lines = cluster.progress._stream.getvalue().splitlines()  # type: ignore[attr-defined]
    return [line.split("s ", 1)[1] for line in lines]


def test_a_question_goes_on_through_another_manager_and_says_so_once(cluster: Cluster, managers: Managers) -> None:
    managers.kill("m1", elects=0)
    managers.leader = "m3"
    assert [cluster.ask(who), cluster.ask(who)] == ["m2", "m2"]
    assert said(cluster) == ["going on through m2: m1: there is no container"]


def test_a_question_waits_for_an_election(cluster: Cluster, managers: Managers) -> None:
    managers.kill("m1", elects=40)
    assert cluster.ask(who) == "m2"
    assert managers.now == pytest.approx(102)
    assert said(cluster)[0] == "... the managers to elect a leader"


def test_the_leader_is_lost_and_the_manager_in_use_is_not(cluster: Cluster, managers: Managers) -> None:
    managers.leader, managers.elects = "", 5
    assert cluster.ask(who) == "m1"
    assert "going on" not in " ".join(said(cluster))


def test_an_election_that_does_not_end_is_a_failure_after_30_seconds(cluster: Cluster, managers: Managers) -> None:
    managers.kill("m1", "m2", elects=10**6)
    with pytest.raises(NoLeader) as error:
        cluster.ask(who)
    assert managers.now == pytest.approx(130, abs=0.2)
    assert str(error.value) == (
        "the managers have no leader:\n    m1: there is no container\n    m2: there is no container\n"
        "    m3: the swarm does not have a leader\n  Next: more than half of them have to run: inv up"
    )


def test_all_managers_are_lost(cluster: Cluster, managers: Managers) -> None:
    managers.kill("m1", "m2", "m3", elects=10**6)
    with pytest.raises(ConnectionFailed, match="no manager answers"):
        cluster.ask(who)
    assert managers.now == pytest.approx(130, abs=0.2)


def test_where_no_manager_ever_answered_none_is_waited_for(cluster: Cluster, managers: Managers) -> None:
    managers.kill("m1", "m2", "m3")
    another = Cluster(cluster.inventory, Progress(io.StringIO()))
    with another, pytest.raises(ConnectionFailed, match="no manager answers"):
        another.ask(who)
    assert managers.now == 100


@pytest.mark.parametrize("error", [NotFound("no such config"), CommandFailed("bad request")])
def test_a_question_that_is_refused_is_not_asked_again(
    cluster: Cluster, managers: Managers, error: SwarmopsError
) -> None:
    managers.fail["/configs"] = error
    asked = []
    with pytest.raises(type(error)):
        cluster.ask(lambda api: (asked.append(1), api.get("/configs")))
    assert asked == [1]


def test_what_an_engine_cannot_do_is_asked_twice(cluster: Cluster, managers: Managers) -> None:
    managers.fail["/distribution"] = EngineFailed("the registry is down")
    asked = []
    with pytest.raises(EngineFailed, match="the registry is down"):
        cluster.ask(lambda api: (asked.append(1), api.get("/distribution")))
    assert (asked, managers.now) == ([1, 1], 100)


def test_who_waits_long_for_the_first_answer_does_not_for_the_next_ones(cluster: Cluster) -> None:
    limits: list[float] = []
    api: Any = SimpleNamespace(node="m1", limit=limits.append)
    cluster.adopt(api)
    cluster.adopt(api, 45)
    assert (limits, cluster._apis["m1"]) == ([ANSWER_SECONDS, 45], api)


def test_a_command_is_run_again_through_another_manager(cluster: Cluster, managers: Managers) -> None:
    managers.before = lambda: managers.kill("m1")
    assert cluster.manage(DEPLOY).stdout == "m2"
    assert managers.commands == ["m1", "m2"]


def test_a_command_is_run_again_when_the_leader_was_lost(cluster: Cluster, managers: Managers) -> None:
    managers.leader = "m3"
    managers.before = lambda: managers.kill("m3")
    assert cluster.manage(DEPLOY).stdout == "m1"
    assert managers.commands == ["m1", "m1"]


def test_a_command_that_fails_is_run_once(cluster: Cluster, managers: Managers) -> None:
    managers.fail["run"] = CommandFailed("")
    with pytest.raises(CommandFailed, match="m1: docker stack deploy echo exited 1"):
        cluster.manage(DEPLOY)
    assert managers.commands == ["m1"]


def test_a_command_that_may_run_once_runs_once(cluster: Cluster, managers: Managers) -> None:
    managers.before = lambda: managers.kill("m1")
    with pytest.raises(ConnectionFailed, match="the connection broke"):
        cluster.manage(DEPLOY, once=True)
    assert managers.commands == ["m1"]
