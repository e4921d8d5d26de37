"""Any manager will do: one is killed in the middle of a task, or of requests, and these go on."""

from __future__ import annotations

import re
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from engine import Lab, docker, eventually
from faults import as_workers, watched

from swarmops.load import Load

MANAGERS = ("manager01", "manager02", "manager03")
STACK = """services:
  web:
    image: {{ image("nginx") }}
    command: [sleep, "%s"]
    stop_grace_period: 0s
    deploy:
      endpoint_mode: dnsrr
      replicas: 3
      placement: {constraints: [node.role == worker]}
      update_config: {monitor: 1s}
"""


@pytest.fixture(scope="module")
def managers(ha: Lab) -> Iterator[Lab]:
    """Three managers and two workers, the echo stack behind the ingress, and a stack to be deployed."""
    with ha.changed():
        ha.vars["stacks"]["sleeper"] = {"template": "stacks/sleeper.yml.j2"}
        ha.inventory["all"]["children"]["managers"]["vars"]["ports"].append(f"{swarm_port(ha)}:2377")
        write_stack(ha, 3600)
        ha.save()
        ha.inv("up")
        for image in ("echo", "nginx", "haproxy"):
            ha.inv("push", image, timeout=600)
        for stack in ("echo", "ingress"):
            ha.inv("deploy", stack)
        yield ha
        as_workers(ha, "up")
        ha.inv("remove", "sleeper")


@pytest.fixture(autouse=True)
def all_back(managers: Lab) -> Iterator[None]:
    """Whoever was killed comes back."""
    yield
    revive(managers)


def revive(lab: Lab) -> None:
    docker("start", *(lab.container(name) for name in MANAGERS if not lab.is_up(name)), check=False)
    states = {"leader", "reachable"}
    eventually(lambda: set(standing(lab).values()) == states, within=60, what="all managers are reachable")
    # A proxy on each of them again, one that was promoted too: the next kill is not to be that of the only one. By the
    # word of their engines: the leader goes on taking the dead one for running until its node has said more.
    try:
        eventually(lambda: proxies(lab) >= {*standing(lab)} > set(), within=100, what="the proxies run")
    except AssertionError as error:
        said = lab.node(lab.manager, "docker", "service", "ps", "--no-trunc", "ingress_haproxy", check=False).out
        raise AssertionError("\n".join([str(error), str(standing(lab)), said])) from error


def proxies(lab: Lab) -> set[str]:
    """The managers on which a proxy runs."""
    names = ("docker", "ps", "--format", "{{.Names}}")
    return {name for name in standing(lab) if "ingress_haproxy." in lab.node(name, *names, check=False).out}


def swarm_port(lab: Lab) -> int:
    """The port of this machine that leads to the managers' 2377."""
    return int(lab.vars["registry"]["port"]) + 1000


def write_stack(lab: Lab, seconds: int) -> None:
    (lab.folder / "templates/stacks/sleeper.yml.j2").write_text(STACK % seconds)


def standing(lab: Lab) -> dict[str, str]:
    """What every manager is, by the word of one that is alive; nothing while they elect a leader."""
    listed = lab.node(lab.manager, "docker", "node", "ls", "--format", "{{.Hostname}} {{.ManagerStatus}}", check=False)
    pairs = (line.split() for line in listed.out.lower().splitlines())
    return {name: state for name, *states in pairs for state in states}


def kill_leader(lab: Lab) -> str:
    leaders = eventually(
        lambda: [name for name, state in standing(lab).items() if state == "leader"], within=60, what="a leader"
    )
    leader = leaders[0]
    docker("kill", lab.container(leader))
    return leader


@dataclass(frozen=True)
class Verb:
    """A task, the line of it at which the leader is killed, and what is true when it has ended."""

    args: tuple[str, ...]
    moment: str
    holds: Callable[[Lab], bool]
    before: Callable[[Lab], object] = lambda _: None
    after: Callable[[Lab], object] = lambda _: None
    adds: bool = False
    """Whether it makes one more manager."""


def sleepers(lab: Lab, seconds: int) -> bool:
    found = lab.services().get("sleeper_web")  # nothing while the managers elect a leader
    args = found["Spec"]["TaskTemplate"]["ContainerSpec"]["Args"] if found else []
    return args == ["sleep", str(seconds)] and len(lab.tasks("sleeper_web")) == 3


def first_version(lab: Lab) -> None:
    write_stack(lab, 3600)
    lab.inv("deploy", "sleeper")


def next_version(lab: Lab) -> None:
    write_stack(lab, 7200)
    lab.inv("deploy", "sleeper")


def worker_again(lab: Lab) -> None:
    as_workers(lab, "demote", "worker02")
    assert lab.node("worker02", "docker", "info", "--format", "{{.Swarm.LocalNodeState}}").out.strip() == "active"


VERBS = [
    Verb(("deploy", "sleeper"), "deployed: new", lambda lab: sleepers(lab, 3600)),
    Verb(("rollback", "--stack", "sleeper"), "...", lambda lab: sleepers(lab, 3600), before=next_version),
    Verb(
        ("drain", "worker01"), "worker01 still has",
        lambda lab: "worker01" not in {task["Node"] for task in lab.tasks("sleeper_web")} and sleepers(lab, 3600),
        after=lambda lab: lab.inv("activate", "worker01"),
    ),
    Verb(
        ("promote", "worker02"), "not reachable as a manager yet",
        lambda lab: standing(lab).get("worker02") == "reachable",
        after=worker_again, adds=True,
    ),
    Verb(
        ("demote", "worker02"), "worker02 ",
        lambda lab: "worker02" not in standing(lab), before=lambda lab: lab.inv("promote", "worker02"),
    ),
    Verb(
        ("service.update", "sleeper_web", "--env", "KILLED=leader"), "sleeper_web ",
        lambda lab: sleepers(lab, 3600) and len(lab.tasks("sleeper_web")) == 3, before=first_version,
    ),
    Verb(
        ("up",), "starting worker02",
        lambda lab: {node["Status"]["State"] for node in lab.nodes().values()} == {"ready"},
        before=lambda lab: docker("kill", lab.container("worker02")),
    ),
]  # fmt: skip


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.args[0])
def test_the_leader_is_killed_in_the_middle(managers: Lab, verb: Verb) -> None:
    verb.before(managers)
    run = watched(managers, *verb.args, reactions={verb.moment: lambda _: kill_leader(managers)})
    if verb.adds and run.code:  # the new one counted already, and did not vote yet: two of four are no quorum
        assert "the managers have no leader" in run.err, run.err
        assert "Next: more than half of them have to run: inv up" in run.err
        signal.alarm(240)  # the whole of it once more
        as_workers(managers, "up")
        run = managers.inv(*verb.args)
    assert run.code == 0, run.err
    eventually(lambda: verb.holds(managers), within=30, what="what it has done is there")
    revive(managers)
    verb.after(managers)


def test_a_task_says_whom_it_goes_on_through(managers: Lab) -> None:
    docker("kill", managers.container("manager01"))
    assert len(re.findall("going on through manager0[23]: manager01: ", managers.inv("status").err)) == 1
    managers.inv("push", "nginx")  # needs no manager


def test_a_task_waits_for_a_leader(managers: Lab) -> None:
    """Of three one is left; the task goes on as soon as a second one is back."""
    managers.inv("deploy", "sleeper")
    followers = [name for name, state in standing(managers).items() if state == "reachable"]
    docker("kill", managers.container(followers[-1]))
    kill_leader(managers)
    lost = next(name for name in MANAGERS if not managers.is_up(name))

    def bring_back(_: int) -> None:
        docker("start", managers.container(lost))

    run = watched(managers, "scale", "sleeper_web=2", reactions={"the managers to elect a leader": bring_back})
    if run.code:  # the engine took its time to start, and the first vote came to nothing
        assert "the managers have no leader" in run.err, run.err
        run = managers.inv("scale", "sleeper_web=2")
    assert run.code == 0, run.err
    assert len(managers.tasks("sleeper_web")) == 2


def test_the_ingress_answers_while_each_manager_in_turn_is_killed(managers: Lab) -> None:
    """What a manager has begun to answer is lost with it, nothing else: one request of those 25 a second at most."""
    signal.alarm(400)  # three elections
    with Load(managers.url(80), rate=25) as load:
        for name in MANAGERS:
            docker("kill", managers.container(name))
            answered = len(load.tally.seconds)
            eventually(lambda: len(load.tally.seconds) > answered + 100, within=30, what="answers")  # noqa: B023
            revive(managers)
    assert load.tally.lost.total() <= len(MANAGERS), load.tally
    assert load.tally.percentile(0.999) < 3, load.tally


def test_a_port_that_speaks_something_else(managers: Lab) -> None:
    """What is no HTTP goes through the proxy as it comes: here TLS, to the swarm's own port."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    plain = socket.create_connection(("127.0.0.1", swarm_port(managers)), timeout=5)
    with context.wrap_socket(plain) as secure:
        assert b"swarm-manager" in (secure.getpeercert(binary_form=True) or b"")
