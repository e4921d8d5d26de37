"""Log-ins of registries: who gets to see them, and who does not."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from swarmops.commands import Command, Secret, docker, stack
from swarmops.commands.registry import Login, config, header, host, with_login
from swarmops.connect import local

PASSWORD = "p@ss:wörd"
LOGINS = {"registry:5000": Login("alice", Secret(PASSWORD)), "docker.io": Login("bob", Secret("t0ken"))}


def test_golden(golden: Callable[[str, str], None]) -> None:
    logged_in = with_login(stack.deploy("echo", "services: {}\n"), config(LOGINS))
    stdin = (logged_in.input() or b"").decode().splitlines()
    golden("with_login.json", json.dumps({"argv": logged_in.reveal(), "stdin": stdin}, indent=2) + "\n")


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("nginx", "docker.io"),
        ("library/nginx:1.26", "docker.io"),
        ("docker.io/library/nginx", "docker.io"),
        ("registry:5000/echo:1.0", "registry:5000"),
        ("localhost/echo", "localhost"),
        ("ghcr.io/owner/app@sha256:" + "a" * 64, "ghcr.io"),
    ],
)
def test_the_registry_of_an_image(image: str, registry: str) -> None:
    assert host(image) == registry


def test_the_header_is_what_the_engine_reads() -> None:
    said = json.loads(base64.urlsafe_b64decode(header(LOGINS["registry:5000"], "registry:5000")["X-Registry-Auth"]))
    assert said == {"username": "alice", "password": PASSWORD, "serveraddress": "registry:5000"}


def test_docker_gets_its_configuration_and_the_command_its_own_input() -> None:
    script = 'cd "$DOCKER_CONFIG"; pwd; cat config.json; stat -c %a . config.json; cat; exit 3'
    ended = local.run(
        with_login(Command(("sh", "-c", script), b"own\ninput\xff"), config(LOGINS)), timeout=10, check=False
    )
    folder, configuration, *rest = ended.stdout.splitlines()
    auths = json.loads(configuration)["auths"]
    assert set(auths) == {"registry:5000", "https://index.docker.io/v1/"}
    assert base64.b64decode(auths["registry:5000"]["auth"]).decode() == f"alice:{PASSWORD}"
    assert (rest, ended.code) == (["700", "600", "own", "input\N{REPLACEMENT CHARACTER}"], 3)
    assert folder.startswith("/dev/shm/swarmops.")
    assert not Path(folder).exists()


def test_a_command_that_is_ended_leaves_nothing_behind() -> None:
    command = with_login(Command(("sh", "-c", 'echo "$DOCKER_CONFIG"; exec sleep 30')), config(LOGINS))
    with subprocess.Popen(
        command.reveal(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(command.input() or b"")
        process.stdin.close()
        folder = Path(process.stdout.readline().decode().strip())
        assert (folder / "config.json").exists()
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(10) == 128 + signal.SIGTERM
    assert not folder.exists()


def test_no_secret_is_an_argument_or_shown() -> None:
    command = with_login(docker("pull", "registry:5000/echo:1.0"), config(LOGINS))
    coded = base64.b64encode(f"alice:{PASSWORD}".encode()).decode()
    for text in (*command.reveal(), str(command), repr(command)):
        assert PASSWORD not in text
        assert coded not in text
    assert str(command) == "docker pull registry:5000/echo:1.0"
