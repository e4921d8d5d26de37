"""Where the engine and compose are found, and what is said when they do not answer."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from docker.api.client import APIClient
from docker.errors import APIError, DockerException
from requests.exceptions import ReadTimeout
from urllib3.exceptions import ReadTimeoutError

from swarmops.errors import CommandFailed, ConnectionFailed, InputError, SwarmopsError
from swarmops.lab import compose, engine
from swarmops.lab.compose import Compose, find_compose
from swarmops.lab.endpoint import DEFAULT_HOST, TLS, Endpoint, child_environment, find
from swarmops.lab.tunnel import ssh_command


def context(config: Path, name: str, host: str, *, tls: bool = False, skip: bool = False) -> Path:
    """Writes a docker context; returns its directory of TLS material."""
    identity = hashlib.sha256(name.encode()).hexdigest()
    meta = config / "contexts/meta" / identity
    meta.mkdir(parents=True)
    endpoint = {"Host": host, "SkipTLSVerify": skip}
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": endpoint}}))
    material = config / "contexts/tls" / identity / "docker"
    if tls:
        material.mkdir(parents=True)
    return material


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """An empty configuration directory of docker."""
    return tmp_path


def env(config: Path, **more: str) -> dict[str, str]:
    return {"DOCKER_CONFIG": str(config)} | more


def choose(config: Path, name: str) -> None:
    (config / "config.json").write_text(json.dumps({"currentContext": name}))


def test_without_anything_it_is_the_default_socket(config: Path) -> None:
    assert find(env(config)).host == DEFAULT_HOST


def test_docker_host_wins_over_contexts(config: Path) -> None:
    context(config, "far", "tcp://far:2376")
    found = find(env(config, DOCKER_HOST="ssh://me@near", DOCKER_CONTEXT="far"))
    assert found == Endpoint("ssh://me@near", "from DOCKER_HOST")


def test_docker_context_wins_over_the_current_one(config: Path) -> None:
    context(config, "far", "ssh://far")
    context(config, "near", "unix:///near.sock")
    choose(config, "far")
    assert find(env(config)).host == "ssh://far"
    assert find(env(config, DOCKER_CONTEXT="near")).host == "unix:///near.sock"
    assert find(env(config, DOCKER_CONTEXT="default")).host == DEFAULT_HOST


@pytest.mark.parametrize("skip", [True, False])
def test_a_context_brings_its_tls_material(config: Path, skip: bool) -> None:
    material = context(config, "far", "tcp://far:2376", tls=True, skip=skip)
    assert find(env(config, DOCKER_CONTEXT="far")).tls == TLS(material, verify=not skip)


def test_tls_of_the_environment(config: Path) -> None:
    tcp = env(config, DOCKER_HOST="tcp://far:2376")
    assert find(tcp).tls is None
    assert find(tcp | {"DOCKER_TLS_VERIFY": "1"}).tls == TLS(config, verify=True)
    assert find(tcp | {"DOCKER_TLS": "1", "DOCKER_CERT_PATH": "/certs"}).tls == TLS(Path("/certs"), verify=False)


def test_a_context_that_is_not_there_is_bad_input(config: Path) -> None:
    choose(config, "gone")
    with pytest.raises(InputError, match=r"no docker context gone .*config\.json"):
        find(env(config))


def test_a_broken_configuration_is_bad_input(config: Path) -> None:
    (config / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"config\.json cannot be read"):
        find(env(config))


def test_children_reach_the_same_engine(config: Path) -> None:
    material = context(config, "far", "tcp://far:2376", tls=True)
    given = env(config, DOCKER_CONTEXT="far", DOCKER_TLS="1", KEPT="yes")
    child = child_environment(find(given), given)
    assert child == {
        "DOCKER_CONFIG": str(config),
        "DOCKER_HOST": "tcp://far:2376",
        "DOCKER_TLS_VERIFY": "1",
        "DOCKER_CERT_PATH": str(material),
        "KEPT": "yes",
    }


def test_an_engine_that_does_not_answer_is_named_with_its_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise DockerException("no") from FileNotFoundError(2, "No such file")

    monkeypatch.setattr(APIClient, "get", refuse)
    with pytest.raises(ConnectionFailed) as caught:
        engine.connect(Endpoint("unix:///gone.sock", "from DOCKER_HOST"))
    assert "unix:///gone.sock (from DOCKER_HOST): there is no such socket" in str(caught.value)
    assert "inv doctor" in caught.value.remedy


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (APIError("409 Conflict", explanation="it has active endpoints"), SwarmopsError, "it has active endpoints"),
        (ReadTimeout("no answer within 60 s"), ConnectionFailed, "no answer within 60 s"),
        (ReadTimeoutError(None, "/wait", "read timed out"), ConnectionFailed, "None: read timed out"),  # type: ignore[arg-type]
    ],
)
def test_what_the_sdk_raises_is_told(error: Exception, kind: type[SwarmopsError], said: str) -> None:
    with pytest.raises(SwarmopsError) as caught, engine.told("lab-m1"):
        raise error
    assert type(caught.value) is kind
    assert (caught.value.said, caught.value.remedy) == (f"lab-m1: {said}", "inv doctor")


def test_what_swarmops_raises_is_told_as_it_is() -> None:
    with pytest.raises(CommandFailed, match=r"^ended$"), engine.told("lab-m1"):
        raise CommandFailed("ended")


def test_an_engine_that_refuses_this_user_says_how_to_be_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(APIClient, "get", refuse)
    with pytest.raises(ConnectionFailed) as caught:
        engine.connect(Endpoint(DEFAULT_HOST, "the default socket"))
    assert "usermod -aG docker" in caught.value.remedy


@pytest.mark.parametrize(("offered", "spoken"), [("1.41", "1.41"), ("1.44", "1.44"), ("1.52", "1.44"), ("1.9", "1.9")])
def test_the_version_of_the_api_is_the_older_of_the_two(offered: str, spoken: str) -> None:
    assert engine.negotiate(offered) == spoken


def test_an_engine_behind_ssh_is_reached_by_the_users_own_ssh() -> None:
    command = ssh_command("ssh://me@far:2222")
    assert command[0] == "ssh"
    assert command[-7:] == ["-p", "2222", "--", "far", "docker", "system", "dial-stdio"]
    assert command[command.index("-l") :][:2] == ["-l", "me"]


@pytest.fixture
def no_compose(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without compose; returns the directory of the user's plugins."""
    monkeypatch.setattr(compose, "PLUGIN_DIRECTORIES", ())
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "cli-plugins"


def program(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def test_without_compose_it_is_said_what_helps(no_compose: Path) -> None:
    with pytest.raises(SwarmopsError, match="compose is not there") as caught:
        find_compose()
    assert "inv quickstart" in caught.value.remedy


def test_the_plugin_comes_before_the_program_of_its_own(no_compose: Path, tmp_path: Path) -> None:
    own = program(tmp_path / "bin/docker-compose", "\x7fELF")
    assert find_compose() == Compose(own)
    plugin = program(no_compose / "docker-compose", "\x7fELF")
    assert find_compose() == Compose(plugin)


def test_a_script_is_of_the_old_generation(no_compose: Path, tmp_path: Path) -> None:
    program(tmp_path / "bin/docker-compose", "#!/usr/bin/python3\n")
    assert find_compose().old


def test_the_command_that_starts_a_lab() -> None:
    command = compose.up(Compose("/bin/docker-compose"), "lab", Path("/x/compose.yml"), ["registry"])
    assert str(command).startswith("/bin/docker-compose --project-name lab --file /x/compose.yml up --detach")
    assert str(command).endswith(" registry")
