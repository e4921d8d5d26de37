"""A stack taken away: what is left of it is asked for until there is nothing, and as long as the lock is ours."""

from __future__ import annotations

import io
from typing import Any

import pytest

from swarmops.commands import Command
from swarmops.commands.stack import NAMESPACE
from swarmops.errors import LockLost, WaitTimeout
from swarmops.facts import Json
from swarmops.ops import remove
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
        self.progress = Progress(io.StringIO())
        self.after = after
        self.commands: list[str] = []

    def ask(self, question: Any) -> Any:
        return question(self)

    def get(self, path: str, **_: Any) -> list[Json]:
        return {"/services": self.services, "/tasks": self.tasks}.get(path, [])

    def manage(self, command: Command) -> None:
        self.commands.append(str(command))
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
