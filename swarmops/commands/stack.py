"""docker stack …: stack files travel by standard input."""

from __future__ import annotations

import shlex
from collections.abc import Collection

from swarmops.commands import Command, docker

NAMESPACE = "com.docker.stack.namespace"
IMAGE_LABEL = "com.docker.stack.image"
"""What the file said when docker last deployed a service."""

# PATH, HOME and DOCKER_CONFIG, the log-ins of `with_login`, may be among the variables that docker is not to have.
SCRIPT = """\
docker=$(command -v docker || echo docker)
config=${{DOCKER_CONFIG:-${{HOME:+$HOME/.docker}}}}
exec env {} "$docker" ${{config:+--config "$config"}} "$@"
"""


def deploy(name: str, file: str, *, mixed: bool = False, empty: Collection[str] = ()) -> Command:
    """Deploys a rendered stack file.

    Its images carry digests already, so that the engine need not look them up, but for the platforms that they are for
    where the nodes are of `mixed` ones. `empty` names the variables that are empty in it, and are to stay so.
    """
    command = docker(
        "stack",
        "deploy",
        f"--resolve-image={'always' if mixed else 'never'}",
        "--with-registry-auth",
        "--compose-file=-",
        name,
        stdin=file.encode(),
    )
    return _without(command, empty) if empty else command


def _without(command: Command, names: Collection[str]) -> Command:
    """A docker command whose process has none of these variables: docker puts its own in place of an empty value.

    https://github.com/docker/cli/blob/v28.2.2/cli/compose/loader/loader.go (updateEnvironment)
    """
    unset = " ".join(f"-u {shlex.quote(name)}" for name in sorted(names))
    script = SCRIPT.format(unset)
    return Command(("sh", "-c", script, "sh", *command.argv[1:]), command.stdin, shown=f"env {unset} {command}")


def config(file: str) -> Command:
    """Reads a stack file as `deploy` does, and changes nothing; exits 1 for what is refused."""
    return docker("stack", "config", "--compose-file=-", stdin=file.encode())


def remove(name: str) -> Command:
    """Removes a stack's services, networks, configurations and secrets."""
    return docker("stack", "rm", name)
