"""Any manager will do: the swarm's leader is killed in the middle of a task, and the task goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from engine import Lab, docker
from faults import watched

STACK = """services:
  web:
    image: {{ image("nginx") }}
    command: [sleep, "3600"]
    stop_grace_period: 0s
    deploy:
      endpoint_mode: dnsrr
      replicas: 3
      placement: {constraints: [node.hostname != manager]}
      update_config: {monitor: 1s}
"""


@pytest.fixture(scope="module")
def managers(make_lab: Callable[..., Lab]) -> Iterator[Lab]:
    """Three managers and nobody else, with nginx in the registry."""
    lab = make_lab("swm", "10.95.0.0/24", (15400, 18400, 19400), workers=0)
    for name in ("manager02", "manager03"):
        lab.hosts("managers")[name] = {}
    (lab.folder / "templates/stacks/sleeper.yml.j2").write_text(STACK)
    lab.vars["stacks"] = {"sleeper": {"template": "stacks/sleeper.yml.j2"}}
    lab.save()
    lab.inv("up", timeout=600)
    lab.inv("push", "nginx", timeout=600)
    yield lab
    lab.destroy()


def standing(lab: Lab) -> dict[str, str]:
    """What every manager is, by the word of one that is alive."""
    alive = next(name for name in lab.hosts("managers") if lab.containers()[lab.container(name)]["State"]["Running"])
    nodes = lab.nodes(on=alive)
    return {
        name: "leader" if node["ManagerStatus"].get("Leader") else node["ManagerStatus"]["Reachability"]
        for name, node in nodes.items()
    }


def kill_leader(lab: Lab) -> str:
    leader = next(name for name, state in standing(lab).items() if state == "leader")
    docker("kill", lab.container(leader))
    return leader


def test_a_leader_killed_in_the_middle_of_a_deploy(managers: Lab) -> None:
    assert standing(managers) == {"manager": "leader", "manager02": "reachable", "manager03": "reachable"}
    run = watched(managers, "deploy", "sleeper", reactions={"deployed: new": lambda _: kill_leader(managers)})
    assert run.code == 0, run.err
    assert run.err.count("going on through manager0") == 1
    assert len(managers.tasks("sleeper_web", on="manager02")) == 3


def test_a_task_waits_for_a_leader(managers: Lab) -> None:
    """Now one of three is left; the task goes on as soon as a second one is back."""
    assert standing(managers)["manager"] == "unreachable"
    lost = kill_leader(managers)

    def revive(_: int) -> None:
        docker("start", managers.container("manager"))

    run = watched(managers, "scale", "sleeper_web=0", reactions={"the managers to elect a leader": revive})
    assert run.code == 0, run.err
    assert managers.tasks("sleeper_web", on="manager") == []
    assert standing(managers)[lost] == "unreachable"
