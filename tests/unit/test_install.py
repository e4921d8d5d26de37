"""What is installed and started where there is no engine or no compose, with an apt that only plays."""

from __future__ import annotations

import _socket
import io
import os
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import NotFound
from requests.exceptions import ReadTimeout

from swarmops.commands import Command
from swarmops.connect import Result, local
from swarmops.errors import CommandFailed, ConnectionFailed, InputError, SwarmopsError, WaitTimeout
from swarmops.lab import compose, daemon, install
from swarmops.report import Progress


class Machine:
    """A machine as `install` sees it: who asks, what is installed, what apt offers, what was run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ran: list[str] = []
        self.answers = False
        self.programs = {"apt-get"}
        self.candidates: dict[str, str] = {}
        self.uid = 0
        self.system = "Linux"
        monkeypatch.delenv("DOCKER_HOST", raising=False)
        monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
        monkeypatch.setenv("DOCKER_CONFIG", "/nowhere")
        monkeypatch.setattr(install, "connect", self.connect)
        monkeypatch.setattr(install, "_is_missing", lambda _: True)
        monkeypatch.setattr(install.shutil, "which", lambda name: name if name in self.programs else None)
        monkeypatch.setattr(install.os, "geteuid", lambda: self.uid)
        monkeypatch.setattr(install.platform, "system", lambda: self.system)
        monkeypatch.setattr(local, "run", self.run)
        monkeypatch.setattr(daemon, "start", lambda _: self.ran.append("start"))

    def connect(self) -> None:
        if not self.answers:
            raise ConnectionFailed("no Docker engine answers")

    def run(self, command: Command, **_: Any) -> Result:
        if command.argv[0] == "apt-cache":
            return Result(0, f"  Candidate: {self.candidates.get(str(command.argv[-1]), '(none)')}\n", "")
        self.ran.append(str(command))
        return Result(0, "", "")

    def installed(self) -> list[str]:
        """The packages that apt was asked for."""
        return [
            word
            for line in self.ran
            if " install " in line
            for word in line.split("--no-install-recommends ")[1].split()
        ]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


@pytest.fixture
def progress() -> Progress:
    return Progress(io.StringIO())


def test_an_engine_that_answers_is_left_alone(machine: Machine, progress: Progress) -> None:
    machine.answers = True
    install.ensure_engine(progress)
    assert machine.ran == []


def test_root_on_debian_gets_an_engine_that_is_started(machine: Machine, progress: Progress) -> None:
    install.ensure_engine(progress)
    assert machine.installed() == ["docker.io", "iptables"]
    assert machine.ran[0].endswith(" update")
    assert machine.ran[-1] == "start"


def test_an_engine_that_is_installed_is_only_started(machine: Machine, progress: Progress) -> None:
    machine.programs.add("dockerd")
    install.ensure_engine(progress)
    assert machine.ran == ["start"]


@pytest.mark.parametrize(
    ("uid", "programs", "system", "said"),
    [
        (1000, {"apt-get"}, "Linux", "sudo apt-get install docker.io iptables && sudo systemctl start docker"),
        (1000, {"apt-get", "dockerd"}, "Linux", "sudo systemctl start docker"),
        (0, set(), "Linux", "package manager of your distribution"),
        (501, set(), "Darwin", "Docker Desktop"),
    ],
)
def test_elsewhere_it_is_said_what_to_run(
    machine: Machine, progress: Progress, uid: int, programs: set[str], system: str, said: str
) -> None:
    machine.uid, machine.programs, machine.system = uid, programs, system
    with pytest.raises(InputError) as caught:
        install.ensure_engine(progress)
    assert said in caught.value.remedy
    assert machine.ran == []


def test_another_engine_than_the_local_one_is_never_replaced(
    machine: Machine, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://far:2376")
    with pytest.raises(ConnectionFailed):
        install.ensure_engine(progress)
    assert machine.ran == []


def test_an_engine_that_refuses_this_user_is_there(
    machine: Machine, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "_is_missing", lambda _: False)
    with pytest.raises(ConnectionFailed):
        install.ensure_engine(progress)
    assert machine.ran == []


class Images:
    """An engine that has the base, and whose containers end with a file or a failure."""

    def __init__(self, code: int = 0) -> None:
        self.code = code
        self.removed = 0

    def images(self, _: str) -> list[str]:
        return ["base"]

    def create_host_config(self, **_: Any) -> None: ...

    def create_container(self, *_: Any, **__: Any) -> None: ...

    def start(self, _: str) -> None: ...

    def wait(self, *_: Any, **__: Any) -> dict[str, int]:
        return {"StatusCode": self.code}

    def logs(self, *_: Any, **__: Any) -> bytes:
        return b"E: no network"

    def get_archive(self, _: str, path: str) -> tuple[Iterator[bytes], None]:
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            info = tarfile.TarInfo(Path(path).name)
            info.size = len(b"program")
            archive.addfile(info, io.BytesIO(b"program"))
        return iter([tar.getvalue()]), None

    def remove_container(self, *_: Any, **__: Any) -> None:
        self.removed += 1
        if self.removed == 1:
            raise NotFound("no such container")


@pytest.fixture
def inventory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """As much of an inventory as is asked for, on a machine without compose."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setattr(compose, "PLUGIN_DIRECTORIES", ())
    monkeypatch.setattr(install, "PLUGIN", tmp_path / "cli-plugins/docker-compose")
    monkeypatch.setattr(install.images, "source", lambda *_: "debian")
    monkeypatch.setattr(install.apt, "proxies", dict)
    return SimpleNamespace(settings=SimpleNamespace(images=SimpleNamespace(suite="trixie")))


@pytest.mark.parametrize("package", ["docker-compose-v2", "docker-compose"])
def test_compose_comes_from_apt_where_it_is_new_enough(
    machine: Machine, progress: Progress, inventory: Any, package: str
) -> None:
    machine.candidates = {"docker-compose": "1.29.2-3"} | {package: "2.26.1-4"}
    install.ensure_compose(Images(), inventory, progress)  # type: ignore[arg-type]
    assert machine.installed() == [package]


def test_compose_comes_out_of_an_image_where_apt_is_too_old(
    machine: Machine, progress: Progress, inventory: Any
) -> None:
    machine.candidates = {"docker-compose": "1.29.2-3"}
    engine = Images()
    install.ensure_compose(engine, inventory, progress)  # type: ignore[arg-type]
    assert machine.installed() == []
    assert install.PLUGIN.read_bytes() == b"program"
    assert os.access(install.PLUGIN, os.X_OK)
    assert engine.removed == 2


def test_an_image_without_compose_says_why(machine: Machine, progress: Progress, inventory: Any) -> None:
    engine = Images(code=100)
    with pytest.raises(CommandFailed, match="no network"):
        install.ensure_compose(engine, inventory, progress)  # type: ignore[arg-type]
    assert engine.removed == 2
    assert not install.PLUGIN.exists()


def test_an_image_that_is_too_slow_says_what_to_do(
    machine: Machine, progress: Progress, inventory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(*_: Any, **__: Any) -> dict[str, int]:
        raise ReadTimeout("no answer within 900 s")

    engine = Images()
    monkeypatch.setattr(engine, "wait", wait)
    with pytest.raises(ConnectionFailed, match="swarmops/debian:trixie: no answer within 900 s") as failed:
        install.ensure_compose(engine, inventory, progress)  # type: ignore[arg-type]
    assert failed.value.remedy == install.BY_HAND
    assert engine.removed == 2


def test_debootstrap_is_installed_only_for_images_of_debian(
    machine: Machine, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install.images, "source", lambda *_: "hub")
    install.ensure_debootstrap(None, None, progress)  # type: ignore[arg-type]
    assert machine.ran == []
    monkeypatch.setattr(install.images, "source", lambda *_: "debian")
    install.ensure_debootstrap(None, None, progress)  # type: ignore[arg-type]
    assert machine.installed() == ["debootstrap", "debian-archive-keyring"]


@pytest.mark.parametrize(
    ("text", "running"), [(str(os.getpid()), True), ("1\n", False), ("999999999", False), ("no number", False)]
)
def test_a_stale_pid_file_is_removed(tmp_path: Path, text: str, running: bool) -> None:
    path = tmp_path / "docker.pid"
    path.write_text(text)
    assert daemon.clear_pid_file(path, Path(sys.executable).resolve().name) is running
    assert path.exists() is running


def test_a_process_that_has_ended_does_not_run(tmp_path: Path) -> None:
    path = tmp_path / "docker.pid"
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
        path.write_text(str(process.pid))
        assert not daemon.clear_pid_file(path, Path(sys.executable).resolve().name)


def test_a_socket_that_nobody_listens_on_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", _socket.socket.connect)
    dead, alive = tmp_path / "dead", tmp_path / "alive"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(dead))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(alive))
        server.listen()
        for path in (dead, alive, tmp_path / "none"):
            daemon.clear_socket(path)
    assert not dead.exists()
    assert alive.exists()


def test_a_dockerd_that_ends_shows_the_end_of_its_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def connect() -> None:
        raise ConnectionFailed("no")

    monkeypatch.setattr(daemon, "connect", connect)
    monkeypatch.setattr(daemon, "LOG", tmp_path / "log")
    process = daemon.detached(("sh", "-c", "echo it broke; exit 3"))
    with pytest.raises(SwarmopsError, match=r"code 3:\s+it broke"):
        daemon.wait(process)


def test_a_dockerd_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect() -> None:
        raise ConnectionFailed("refused")

    monkeypatch.setattr(daemon, "connect", connect)
    with pytest.raises(WaitTimeout, match="refused"):
        daemon.wait(None, seconds=0)
