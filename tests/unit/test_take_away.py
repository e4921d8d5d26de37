"""A stack taken away: what is left of it is asked for until there is nothing, and as long as the lock is ours."""

from __future__ import annotations

import io
from contextlib import nullcontext
from typing import Any

import pytest

from swarmops.commands import Command
from swarmops.commands.stack import NAMESPACE
from swarmops.errors import CommandFailed, InputError, LockLost, WaitTimeout
from swarmops.facts import Json
from swarmops.ops import remove
from swarmops.ops.lock import Terms
from swarmops.ops.remove import take_away
from swarmops.report import Progress
from swarmops.wait import Deadline

LABELS = {NAMESPACE: "db"}


def volume(source: str, **options: Any) -> Json:
    return {"Type": "volume", "Source": source, "Target": "/x", "VolumeOptions": options}


def running(*mounts: Json) -> Json:
    spec = {"Name": "db_web", "Labels": LABELS, "Mode": {"Global": {}}}
    return {"ID": "s1", "Spec": spec | {"TaskTemplate": {"ContainerSpec": {"Image": "x", "Mounts": list(mounts)}}}}


class Swarm:
    """A swarm with some services, which go with so many a `docker stack rm`."""

    def __init__(self, *services: Json, after: int = 1) -> None:
        self.services = list(services)
        self.tasks: list[Json] = []
        self.networks: list[Json] = []
        self.progress = Progress(io.StringIO())
        self.after = after
        self.commands: list[str] = []

    def ask(self, question: Any) -> Any:
        return question(self)

    def get(self, path: str, **_: Any) -> list[Json]:
        return {"/services": self.services, "/tasks": self.tasks, "/networks": self.networks}.get(path, [])

    def manage(self, command: Command) -> None:
        self.commands.append(str(command))
        if "network" in command.argv:
            raise CommandFailed("m1: docker network rm db_default exited 1: Error: in use by a container")
        if len(self.commands) == self.after:
            self.services = []


def test_the_stacks_own_volumes_stay_and_are_named() -> None:
    mounts = [
        volume("db_data", Labels=LABELS),
        volume("shared", NoCopy=True),
        {"Type": "volume", "Target": "/nameless"},
        {"Type": "bind", "Source": "/srv", "Target": "/srv"},
    ]
    swarm = Swarm(running(*mounts), running(volume("archive", Labels={**LABELS, "a": "b"}), mounts[0]), running())
    assert take_away(swarm, "db", Deadline(1), lambda: None) == ["archive", "db_data"]  # type: ignore[arg-type]
    assert swarm.commands == ["docker stack rm db"]


def test_what_somebody_else_has_deployed_meanwhile_is_not_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remove, "REMOVE_AGAIN_SECONDS", 0)
    swarm = Swarm(running(), after=9)

    def check() -> None:
        if len(swarm.commands) == 2:
            raise LockLost("somebody else took the lock of db")

    with pytest.raises(LockLost):
        take_away(swarm, "db", Deadline(10), check)  # type: ignore[arg-type]
    assert swarm.commands == ["docker stack rm db"] * 2


def test_tasks_that_an_interrupted_command_left_are_waited_for() -> None:
    swarm = Swarm()
    spec = {"ContainerSpec": {"Image": "x", "Labels": LABELS}}
    task = {"ID": "t1", "ServiceID": "gone", "Spec": spec, "DesiredState": "remove", "Status": {"State": "running"}}
    swarm.tasks = [task]
    with pytest.raises(WaitTimeout, match="1 task still to end"):
        take_away(swarm, "db", Deadline(0), lambda: None)  # type: ignore[arg-type]
    take_away(swarm, "other", Deadline(0), lambda: None)  # type: ignore[arg-type]
    task["Status"] = {"State": "shutdown"}
    assert take_away(swarm, "db", Deadline(0), lambda: None) == []  # type: ignore[arg-type]


NETWORK = {"Name": "db_default", "Id": "n1", "Scope": "swarm"}


def on(network: str, name: str, stack: str) -> Json:
    spec = {"Name": name, "Labels": {NAMESPACE: stack} if stack else {}, "Mode": {"Global": {}}}
    return {"ID": name, "Spec": spec | {"TaskTemplate": {"Networks": [{"Target": network}]}}}


@pytest.mark.parametrize(
    ("network", "name", "stack", "refused"),
    [
        ("n1", "probe", "", True),
        ("db_default", "shop_web", "shop", True),
        ("n1", "db_web", "db", False),
        ("n2", "probe", "", False),
    ],
)
def test_what_others_need_of_a_stack_is_said_before_anything_goes(
    monkeypatch: pytest.MonkeyPatch, network: str, name: str, stack: str, refused: bool
) -> None:
    monkeypatch.setattr(remove, "locked", lambda *_: nullcontext(lambda: None))
    monkeypatch.setattr(remove.ingress, "follow", lambda *_: None)
    swarm: Any = Swarm(running(), on(network, name, stack))
    swarm.networks = [NETWORK]
    monkeypatch.setattr(remove, "take_away", lambda *_: swarm.manage(remove.commands.remove("db")) or [])
    with pytest.raises(InputError) if refused else nullcontext() as error:
        remove.remove(swarm, "db", 1, Terms(1))
    assert bool(swarm.commands) is not refused
    if error:
        assert str(error.value) == (
            f"network db_default of stack db is used by {name}\n"
            f"  Next: inv service.update {name} --network-rm db_default, inv service.rm, or inv remove of its stack"
        )


def test_why_a_network_stays_is_said() -> None:
    swarm = Swarm()
    swarm.networks = [NETWORK]
    with pytest.raises(WaitTimeout, match=r"network db_default \(.*Error: in use by a container\)"):
        take_away(swarm, "db", Deadline(0), lambda: None)  # type: ignore[arg-type]
    assert swarm.commands == ["docker network rm db_default"]
