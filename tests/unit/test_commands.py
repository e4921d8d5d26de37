"""Command lines, as tests/golden/commands.json has them: to be read, and pasted."""

from __future__ import annotations

import copy
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from options import ALL

from swarmops import commands, definition
from swarmops.commands import MASK, Command, Secret, docker, image, network, node, service, stack, swarm
from swarmops.connect import Result, checked, local
from swarmops.errors import CommandFailed

IMAGE = "registry:5000/web:1.0@sha256:aa"
PLAIN = definition.complete({"image": "registry:5000/web:0.9@sha256:00"})
FULL = definition.complete(definition.parse(ALL, "host")[0])
TOKEN = Secret("SWMTKN-1-very-secret")

CASES: dict[str, Command] = {
    "swarm.init": swarm.init("10.89.0.11"),
    "swarm.init with settings": swarm.init("10.89.0.11", ["--task-history-limit=3", "--data-path-port=5789"]),
    "swarm.update": swarm.update(["--dispatcher-heartbeat=5s"]),
    "swarm.join": swarm.join(TOKEN, "10.89.0.32", "10.89.0.11"),
    "swarm.join drained": swarm.join(TOKEN, "10.89.0.32", "10.89.0.11", "drain"),
    "swarm.leave": swarm.leave(),
    "swarm.rotate_token": swarm.rotate_token("worker"),
    "swarm.autolock on": swarm.autolock(on=True),
    "swarm.autolock off": swarm.autolock(on=False),
    "swarm.unlock": swarm.unlock(Secret("SWMKEY-1-very-secret")),
    "swarm.rotate_ca": swarm.rotate_ca(),
    "node.update nothing": node.update("n1"),
    "node.update all": node.update(
        "n1", availability="drain", labels={"region": "east 1", "disk": "ssd"}, without=["zone", "a b"]
    ),
    "node.promote": node.promote("n1"),
    "node.demote": node.demote("n1"),
    "node.remove": node.remove("n1"),
    "network.create plain": network.create("net", driver="overlay"),
    "network.create all": network.create(
        "net",
        driver="overlay",
        attachable=True,
        encrypted=True,
        subnet="10.90.0.0/24",
        labels={"swarmops.cluster": "lab", "a": "b"},
    ),
    "network.remove": network.remove("front", "back"),
    "image.remove": image.remove("sha256:aa", "sha256:bb"),
    "service.create plain": service.create("web", IMAGE, []),
    "service.create mixed": service.create("web", IMAGE, [], mixed=True),
    "service.create all": service.create("web", IMAGE, definition.to_create(FULL), FULL["args"]),
    "service.update nothing": service.update("web", []),
    "service.update with the log-in": service.update("web", [("label-add", "a=b")], login=True),
    "service.update image": service.update("web", definition.to_update(PLAIN, PLAIN | {"image": IMAGE})),
    "service.update all": service.update("web", definition.to_update(PLAIN, FULL)),
    "service.update back": service.update("web", definition.to_update(FULL, PLAIN)),
    "service.restart": service.restart("web"),
    "service.scale": service.scale({"echo_web": 2, "echo_api": 6}),
    "service.rollback": service.rollback("echo_api"),
    "service.logs": service.logs("t1", 8),
    "service.health": service.health("c1"),
    "service.remove": service.remove("a", "b"),
    "stack.deploy": stack.deploy("echo", "services: {}\n"),
    "stack.deploy mixed": stack.deploy("echo", "services: {}\n", mixed=True),
    "stack.deploy empty": stack.deploy("echo", "services: {}\n", empty={"HOME", "A B", "HTTP_PROXY"}),
    "stack.config": stack.config("services: {}\n"),
    "stack.remove": stack.remove("echo"),
}


def shown(command: Command) -> dict[str, str]:
    data = command.input()
    return {"command": str(command)} | ({} if data is None else {"stdin": data.decode()})


def test_golden(golden: Callable[[str, str], None]) -> None:
    golden("commands.json", json.dumps({name: shown(command) for name, command in CASES.items()}, indent=2) + "\n")


def test_every_command_has_a_golden_line() -> None:
    made = {
        f"{module.__name__.rpartition('.')[2]}.{name}"
        for module in (image, network, node, service, stack, swarm)
        for name, thing in vars(module).items()
        if callable(thing) and getattr(thing, "__module__", "") == module.__name__ and not name.startswith("_")
    }
    assert made == {name.partition(" ")[0] for name in CASES}


DOCKER = """\
#!/bin/sh
echo "$0" "$@"
/bin/cat
for name in A HOME PATH DOCKER_CONFIG KEPT; do eval "echo $name: \\${$name-none}"; done
"""


@pytest.mark.parametrize(
    ("around", "config"),
    [
        ({}, []),
        ({"HOME": "/home/me"}, ["--config", "/home/me/.docker"]),
        ({"HOME": "/home/me", "DOCKER_CONFIG": "/shm"}, ["--config", "/shm"]),
    ],
)
def test_docker_has_no_value_of_its_own_for_what_is_to_be_empty(
    tmp_path: Path, around: dict[str, str], config: list[str]
) -> None:
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    names = {"A", "HOME", "PATH", "DOCKER_CONFIG", "it's; $A"}
    command = stack.deploy("echo", "services: {}\n", empty=names)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "A": "a", "KEPT": "kept"} | around
    said, file, *values = local.run(command, env=env, timeout=10).stdout.splitlines()
    assert said.split() == [
        str(tmp_path / "docker"), *config, *stack.deploy("echo", "").reveal()[1:],
    ]  # fmt: skip
    assert file == "services: {}"
    # A shell that is given no PATH takes its own.
    assert [value for value in values if not value.startswith("PATH")] == [
        "A: none", "HOME: none", "DOCKER_CONFIG: none", "KEPT: kept",
    ]  # fmt: skip


def test_the_door_gets_the_arguments_as_they_are() -> None:
    command = docker("node", "update", "--label-add=region=east 1", "it's", TOKEN)
    assert command.reveal() == ["docker", "node", "update", "--label-add=region=east 1", "it's", TOKEN.reveal()]
    assert str(command) == f"docker node update '--label-add=region=east 1' 'it'\"'\"'s' {MASK}"


@pytest.mark.parametrize(
    ("stdin", "data"), [(None, None), (b"\x00\xff", b"\x00\xff"), (Secret("schön"), "schön".encode())]
)
def test_standard_input(stdin: bytes | Secret | None, data: bytes | None) -> None:
    assert docker("x", stdin=stdin).input() == data


def test_a_token_is_no_argument_of_what_a_door_starts() -> None:
    """The engine that runs a lab tells those in its events."""
    command = swarm.join(TOKEN, "10.89.0.32", "10.89.0.11")
    assert command.input() == TOKEN.reveal().encode()
    assert not [part for part in command.reveal() if TOKEN.reveal() in part]


@pytest.mark.parametrize("show", [str, repr, "{}".format])
@pytest.mark.parametrize(
    "thing",
    [
        TOKEN,
        [TOKEN],
        {"manager": TOKEN},
        swarm.join(TOKEN, "a", "b"),
        docker("login", "--password-stdin", stdin=TOKEN),
        [docker("login", stdin=TOKEN)],
    ],
)
def test_a_secret_never_shows(thing: Any, show: Any) -> None:
    assert TOKEN.reveal() not in show(thing)
    assert MASK in show(thing) or isinstance(thing, Command)


def test_a_secret_is_still_itself() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert copy.deepcopy(TOKEN).reveal() == pickle.loads(pickle.dumps(TOKEN)).reveal() == TOKEN.reveal()


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (Result(1, "out", "err\n"), "worker01: docker node ls exited 1: err"),
        (Result(125, "out\n", " \n"), "worker01: docker node ls exited 125: out"),
        (Result(1, "", ""), "worker01: docker node ls exited 1: no output"),
        (Result(1, "", "a\nb\n"), "worker01: docker node ls exited 1: a\n    b"),
    ],
)
def test_a_command_that_fails_says_where_and_what(result: Result, said: str) -> None:
    with pytest.raises(CommandFailed) as error:
        checked("worker01", docker("node", "ls"), result)
    assert str(error.value) == said
    assert error.value.code == 1


def test_only_the_last_lines_of_a_failure() -> None:
    with pytest.raises(CommandFailed) as error:
        checked("n", docker("x"), Result(1, "", "\n".join(f"line {number}" for number in range(40))))
    lines = str(error.value).splitlines()
    assert (len(lines), lines[-1]) == (12, "    line 39")


def test_a_command_that_succeeds_gives_its_result() -> None:
    result = Result(0, "out", "err")
    assert checked("n", docker("x"), result) is result


@pytest.mark.parametrize(
    "command", [docker("x", TOKEN), docker("login", "--password-stdin", stdin=TOKEN)], ids=["argv", "stdin"]
)
def test_a_failure_does_not_repeat_a_secret(command: Command) -> None:
    with pytest.raises(CommandFailed) as error:
        checked("n", command, Result(1, "", f"no such token: {TOKEN.reveal()}"))
    assert TOKEN.reveal() not in f"{error.value} {error.value.message} {error.value!r}"
    assert f"no such token: {commands.MASK}" in str(error.value)
