"""An engine, compose and debootstrap for a machine that has none, out of its distribution's own packages."""

from __future__ import annotations

import io
import os
import platform
import re
import shutil
import socket
import tarfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from docker.api.client import APIClient
from docker.errors import NotFound

from swarmops.commands import Command
from swarmops.connect import local
from swarmops.errors import CommandFailed, ConnectionFailed, InputError, SwarmopsError
from swarmops.inventory import Inventory
from swarmops.lab import apt, compose, daemon, debian, images
from swarmops.lab.containers import last_words
from swarmops.lab.endpoint import DEFAULT_HOST, find
from swarmops.lab.engine import connect, told
from swarmops.report import Progress

ENGINE = ("docker.io", "iptables")
DEBOOTSTRAP = ("debootstrap", "debian-archive-keyring")
COMPOSE = ("docker-compose-v2", "docker-compose")  # Ubuntu's name, Debian's name
PLUGIN = Path("/usr/local/lib/docker/cli-plugins/docker-compose")
PLUGIN_IN_HUB_IMAGE = "/usr/local/libexec/docker/cli-plugins/docker-compose"

APT = ("apt-get", "--yes", "--quiet", "-o", "DPkg::Lock::Timeout=120")
APT_SECONDS = 900
CONTAINER = "swarmops-compose"
BY_HAND = "install docker compose by hand, as a plugin of docker or as docker-compose"
STEP = re.compile(r"(Get:\d+|Unpacking|Setting up) ")

UNPACK_COMPOSE = """
cd /tmp && apt-get update && apt-get download docker-compose && dpkg-deb -x docker-compose_*.deb out
mv out/usr/libexec/docker/cli-plugins/docker-compose /
"""


def ensure_engine(progress: Progress) -> None:
    """Returns when an engine answers: the one that there is, or one that is installed and started here.

    Raises InputError, which says what to run, where this cannot be done: without root, without apt.
    Raises ConnectionFailed when another engine than the local default one is asked for and does not answer.
    """
    try:
        connect()
    except ConnectionFailed:
        if find().host != DEFAULT_HOST or not _is_missing(DEFAULT_HOST):
            raise
    else:
        return
    if not shutil.which("dockerd"):
        _demand("no Docker engine is installed", ENGINE, "sudo systemctl start docker")
        update(progress)
        install(ENGINE, progress)
    elif os.geteuid() != 0:
        raise InputError("the Docker engine does not run", remedy="sudo systemctl start docker, or run this as root")
    daemon.start(progress)


def ensure_compose(engine: APIClient, inventory: Inventory, progress: Progress) -> None:
    """Returns when there is a docker compose: the one that there is, or one that is installed here.

    Raises InputError, which says what to run, where none can be installed.
    """
    try:
        compose.find_compose()
    except SwarmopsError:
        _demand("docker compose is not installed", COMPOSE[1:])
    else:
        return
    update(progress)
    if package := next(filter(_is_generation_2, COMPOSE), ""):
        install((package,), progress)
    else:
        _copy_compose(engine, inventory, progress)


def ensure_debootstrap(engine: APIClient, inventory: Inventory, progress: Progress) -> None:
    """Returns when images can be built from Debian packages, if that is where they come from."""
    if shutil.which("debootstrap") or images.source(inventory, engine) != "debian":
        return
    _demand("images are built from Debian packages, and debootstrap is not installed", DEBOOTSTRAP)
    update(progress)
    install(DEBOOTSTRAP, progress)


def update(progress: Progress) -> None:
    """Fetches apt's package lists."""
    progress.waiting("apt-get update")
    local.run(Command((*APT, "update")), timeout=APT_SECONDS)


def install(packages: Iterable[str], progress: Progress) -> None:
    """Installs packages with apt, as root; whatever an interrupted run left half done is finished first."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    command = (*APT, "install", "--no-install-recommends", *packages)
    local.run(Command(("dpkg", "--configure", "-a")), timeout=APT_SECONDS, env=environment)
    local.run(Command(command), timeout=APT_SECONDS, env=environment, on_line=_steps(progress))
    progress.done(f"installed {', '.join(packages)}")


def _steps(progress: Progress) -> Callable[[str], None]:
    return lambda line: progress.waiting(f"apt-get: {line}") if STEP.match(line) else None


def _demand(problem: str, packages: Iterable[str], *more: str) -> None:
    """Raises InputError, which says what to run, unless this is root on a machine with apt."""
    if platform.system() != "Linux":
        raise InputError(problem, remedy="install Docker Desktop or another engine, with compose, and start it")
    if not shutil.which("apt-get"):
        raise InputError(problem, remedy="install it with the package manager of your distribution, and start it")
    if os.geteuid() != 0:
        raise InputError(problem, remedy=" && ".join([f"sudo apt-get install {' '.join(packages)}", *more]))


def _is_missing(host: str) -> bool:
    """Whether nothing listens on a unix socket. One that refuses this user is something."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(host.removeprefix("unix://"))
        except (FileNotFoundError, ConnectionRefusedError):
            return True
        except OSError:
            return False
    return False


def _is_generation_2(package: str) -> bool:
    """Whether apt's candidate of a package is compose 2 or newer."""
    answer = local.run(Command(("apt-cache", "policy", package)), timeout=60, env=os.environ | {"LC_ALL": "C"})
    candidate = re.search(r"Candidate: (?:\d+:)?(\d+)\.", answer.stdout)
    return candidate is not None and int(candidate[1]) >= 2


def _copy_compose(engine: APIClient, inventory: Inventory, progress: Progress) -> None:
    """Takes the plugin, one static program, out of an image that has it or can install it."""
    progress.waiting("taking docker compose out of an image")
    if images.source(inventory, engine) == "hub":
        image = images.ensure_lab_images(inventory, engine, progress).node
        program = _file_of(engine, image, "true", PLUGIN_IN_HUB_IMAGE)
    else:
        image = _base(engine, inventory.settings.images.suite, progress)
        program = _file_of(engine, image, UNPACK_COMPOSE, "/docker-compose")
    place(PLUGIN, program)
    progress.done(f"installed docker compose as {PLUGIN}")


def _base(engine: APIClient, suite: str, progress: Progress) -> str:
    if not engine.images(debian.tag(suite)):
        debian.make(suite, engine, progress)
    return debian.tag(suite)


def _file_of(engine: APIClient, image: str, script: str, path: str) -> bytes:
    """Runs a script in a container of its own, on the host's network, and returns a file that is there then.

    Raises SwarmopsError.
    """
    with told(f"taking docker compose out of {image}", BY_HAND):
        with suppress(NotFound):
            engine.remove_container(CONTAINER, force=True)  # of a run that was killed
        host = engine.create_host_config(network_mode="host")
        engine.create_container(
            image, [script], name=CONTAINER, host_config=host, environment=apt.proxies(), entrypoint=["sh", "-ec"]
        )
        try:
            engine.start(CONTAINER)
            if engine.wait(CONTAINER, timeout=APT_SECONDS)["StatusCode"]:
                raise CommandFailed(f"docker compose could not be had: {last_words(engine, CONTAINER)}", remedy=BY_HAND)
            chunks, _ = engine.get_archive(CONTAINER, path)
            with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
                file = archive.extractfile(Path(path).name)
                return file.read() if file else b""
        finally:
            engine.remove_container(CONTAINER, force=True)


def place(path: Path, program: bytes) -> None:
    """Writes an executable file at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_bytes(program)
    new.chmod(0o755)
    new.replace(path)
