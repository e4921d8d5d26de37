"""Faults on a lab of its own: each gives one clear message and the right exit code, and the next run converges."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator

import pytest
from engine import REPOSITORY, Lab, Run, docker, eventually
from faults import add_stack, ctrl_c, processes, watched

INTERRUPTED = "Error: interrupted\n  Next: the same command goes on from here\n"
SUBNET, PORTS = "10.96.0.0/24", (35000, 38000, 39000)
SLEEP = ["sleep", "3600"]

# `inv` on a machine that has no compose plugin in the system's directories.
WITHOUT_COMPOSE = """
from swarmops.lab import compose
compose.PLUGIN_DIRECTORIES = ()
from invoke.main import program
program.run()
"""


@pytest.fixture(scope="module")
def faulty(make_lab: Callable[..., Lab]) -> Iterator[Lab]:
    """One manager, one worker, not up; stacks that fail in different ways."""
    lab = make_lab("swf", SUBNET, PORTS, workers=1)
    lab.vars["stacks"] = {}
    add_stack(lab, "sleeper", SLEEP)
    add_stack(lab, "missing", SLEEP, image="haproxy")
    lab.save()
    yield lab
    lab.destroy()


@pytest.fixture(scope="module")
def ready(faulty: Lab) -> Lab:
    """The same, up, with nginx in its registry."""
    faulty.inv("up", timeout=600)
    faulty.inv("push", "nginx", timeout=600)
    return faulty


def refused(run: Run) -> str:
    """The one message of a task that was refused."""
    assert run.out == ""
    assert run.err.startswith("Error: ")
    assert run.err.count("Error: ") == 1
    return run.err.removeprefix("Error: ").rstrip()


def states(lab: Lab) -> dict[str, str]:
    return {name: node["Status"]["State"] for name, node in lab.nodes().items()}


def test_a_port_that_is_taken(faulty: Lab) -> None:
    with socket.create_server(("127.0.0.1", PORTS[1])):
        message = refused(faulty.inv("up", check=2))
    assert message == (
        "port 38000 of 127.0.0.1, published by manager, is taken by another program\n"
        "  Next: change it in inventory.yaml, or free it"
    )
    assert faulty.remains() == []
    assert not (faulty.folder / "stack").exists()


def test_a_subnet_that_clashes(faulty: Lab) -> None:
    docker("network", "create", "--subnet", "10.96.0.0/25", "swf-foreign")
    try:
        first, remedy = refused(faulty.inv("up", check=2)).splitlines()
    finally:
        docker("network", "rm", "swf-foreign")
    clash, _, advice = first.partition("; ")
    assert clash == "the subnet 10.96.0.0/24 overlaps 10.96.0.0/25 (docker network swf-foreign)"
    assert advice.endswith(".0/24 is free")
    assert remedy == "  Next: change it in inventory.yaml, or free it"
    assert faulty.remains() == []


def test_no_compose(faulty: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PATH", "DOCKER_CONFIG"):
        monkeypatch.setenv(name, str(faulty.folder / "empty"))
    monkeypatch.setattr(Lab, "command", [sys.executable, "-c", WITHOUT_COMPOSE])
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    message = refused(faulty.inv("up", check=1))
    monkeypatch.undo()
    assert message == (
        "docker compose is not there, neither as a plugin of docker nor as docker-compose\n"
        "  Next: inv quickstart installs it, or your distribution's docker-compose-v2 or docker-compose package does"
    )
    assert faulty.remains() == []


def test_a_lab_that_is_not_up(faulty: Lab) -> None:
    message = refused(faulty.inv("deploy", "sleeper", check=1))
    assert message == (
        "no manager answers:\n    manager: there is no container swf-manager\n  Next: inv up, or inv doctor"
    )


@pytest.mark.parametrize("moment", ["starting registry", "init the swarm", "join as worker"])
def test_ctrl_c_in_the_middle_of_up(faulty: Lab, moment: str) -> None:
    faulty.inv("down", "--volumes")
    run = watched(faulty, "up", reactions={moment: ctrl_c})
    assert run.code == 1
    assert run.err.endswith(INTERRUPTED)
    assert run.err.count("Error: ") == 1
    assert processes(faulty) == []

    faulty.inv("up")
    assert states(faulty) == {"manager": "ready", "worker01": "ready"}
    assert "Nothing to change." in faulty.inv("up").out


def test_down_after_an_interrupted_up_removes_everything(faulty: Lab) -> None:
    """Ctrl-C comes twice here: the second one does not wait for what still winds up."""
    faulty.inv("down", "--volumes")
    run = watched(faulty, "up", reactions={"starting registry": ctrl_c, "Error: interrupted": ctrl_c})
    assert run.code in (1, -2)
    eventually(lambda: not processes(faulty), within=20, what="no process is left")
    faulty.inv("down", "--volumes")
    assert faulty.remains() == []


def test_an_image_that_was_never_pushed(ready: Lab) -> None:
    message = refused(ready.inv("deploy", "missing", check=2))
    place, _, rest = message.partition(": image registry:35000/haproxy:")
    assert place == "stack/swf/missing.yml:3: services.web.image"
    assert rest.endswith(" is not in its registry; inv push haproxy")
    assert ready.services() == {}


def test_a_variable_that_a_template_does_not_find(ready: Lab) -> None:
    template = ready.folder / "templates/stacks/sleeper.yml.j2"
    before = template.read_text()
    template.write_text(before.replace('image("nginx")', "imagee"))
    try:
        message = refused(ready.inv("deploy", "sleeper", check=2))
    finally:
        template.write_text(before)
    assert message == "templates/stacks/sleeper.yml.j2:3: 'imagee' is undefined, did you mean image?"
    assert ready.services() == {}


def test_ctrl_c_in_the_middle_of_deploy(ready: Lab) -> None:
    run = watched(ready, "deploy", "sleeper", reactions={"deployed: new": ctrl_c})
    assert run.code == 1
    assert run.err.endswith(INTERRUPTED)
    assert processes(ready) == []

    ready.inv("deploy", "sleeper")
    assert len(ready.tasks("sleeper_web")) == 1


def test_names_that_the_swarm_does_not_know(ready: Lab) -> None:
    ready.inv("deploy", "sleeper")
    assert refused(ready.inv("scale", "sleeper_wb=2", check=2)) == (
        "sleeper_wb: no such service, did you mean sleeper_web?\n  Next: the swarm has sleeper_web"
    )
    assert refused(ready.inv("rollback", "web", check=2)).startswith("web: no such service")
    assert refused(ready.inv("ps", "sleper", check=2)).startswith("sleper: the swarm has no such stack or service, did")
    assert refused(ready.inv("remove", "sleper", check=2)).startswith("sleper: no such stack in inventory.yaml, did")
    assert ready.services()["sleeper_web"]["Spec"]["Mode"]["Replicated"]["Replicas"] == 1


def test_down_removes_everything(ready: Lab) -> None:
    ready.inv("down", "--volumes")
    assert ready.remains() == []
    assert "Nothing to change." in ready.inv("down", "--volumes").out
