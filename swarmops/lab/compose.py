"""Docker compose: where it is, and its command lines."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from swarmops.commands import Command
from swarmops.connect import local
from swarmops.errors import SwarmopsError

PLUGIN_DIRECTORIES = (
    Path("/usr/local/lib/docker/cli-plugins"),
    Path("/usr/local/libexec/docker/cli-plugins"),
    Path("/usr/lib/docker/cli-plugins"),
    Path("/usr/libexec/docker/cli-plugins"),
)


@dataclass(frozen=True)
class Compose:
    """A compose that is there: a program that takes the arguments of `docker compose`."""

    program: str

    @cached_property
    def version(self) -> str:
        """What it says its version is, such as 2.26.1; costs a process, some 30 to 300 ms."""
        answer = local.run(Command((self.program, "version", "--short")), timeout=30)
        return answer.stdout.strip().removeprefix("v")

    @cached_property
    def old(self) -> bool:
        """Whether it is of generation 1: no plugin, and written in Python."""
        path = Path(self.program)
        return path.parent.name != "cli-plugins" and (_is_python(path) or self.version.startswith("1."))


def find_compose() -> Compose:
    """The compose plugin where docker looks for its plugins, otherwise `docker-compose` on the PATH.

    Raises SwarmopsError when there is neither.
    """
    for directory in _directories():
        plugin = directory / "docker-compose"
        if os.access(plugin, os.X_OK):
            return Compose(str(plugin))
    if program := shutil.which("docker-compose"):
        return Compose(program)
    raise SwarmopsError(
        "docker compose is not there, neither as a plugin of docker nor as docker-compose",
        remedy="inv quickstart installs it, or your distribution's docker-compose-v2 or docker-compose package does",
    )


def up(compose: Compose, project: str, file: Path, services: Iterable[str] = (), *, start: bool = True) -> Command:
    """Starts the services, all of them when none is named, or only makes them, and leaves every other as it is."""
    head = (compose.program, "--project-name", project, "--file", str(file))
    return Command((*head, "up", "--detach" if start else "--no-start", "--no-build", *services))


def _directories() -> list[Path]:
    """Docker's order: the user's own plugins win."""
    config = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    return [config / "cli-plugins", *PLUGIN_DIRECTORIES]


def _is_python(program: Path) -> bool:
    """Spares the 0.3 s that generation 1 takes for saying its version."""
    with program.open("rb") as file:
        first = file.readline(200)
    return first.startswith(b"#!") and b"python" in first
