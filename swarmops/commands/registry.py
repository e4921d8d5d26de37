"""Log-ins of registries: as a header of a question, and as docker's configuration for one command."""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from swarmops.commands import Command, Secret

HUB = "docker.io"
HUB_KEY = "https://index.docker.io/v1/"
"""What docker's configuration calls the hub."""

_LEFT_OUT = re.compile(r"^(?:(?:index\.)?docker\.io/)?(?:library/(?=[^/]+$))?")

# The first line of standard input is the configuration, the rest is the command's. It is in memory, for root and its
# user alone, and gone when the command has ended. Arguments and the environment, which other processes can see, have
# the path alone.
SCRIPT = """\
umask 077
DOCKER_CONFIG=$(mktemp -d /dev/shm/swarmops.XXXXXX) || exit
export DOCKER_CONFIG
trap 'rm -rf "$DOCKER_CONFIG"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
IFS= read -r config
printf '%s\\n' "$config" >"$DOCKER_CONFIG/config.json"
"$@"
"""


@dataclass(frozen=True)
class Login:
    """Whom a registry knows, and by what."""

    username: str
    password: Secret


def host(image: str) -> str:
    """The registry that an image is in, as its name says: `registry:5000`, `ghcr.io`; the hub where it names none."""
    first, slash, _ = image.partition("/")
    return first if slash and (set(first) & {".", ":"} or first == "localhost") else HUB


def familiar(image: str) -> str:
    """An image's name as docker writes it into a specification, where it leaves out what the hub goes without."""
    return _LEFT_OUT.sub("", image, count=1)


def header(login: Login, registry: str) -> dict[str, str]:
    """The header by which an engine's API logs in to a registry."""
    said = {"username": login.username, "password": login.password.reveal(), "serveraddress": _key(registry)}
    return {"X-Registry-Auth": urlsafe_b64encode(json.dumps(said).encode()).decode()}


def config(logins: Mapping[str, Login]) -> Secret:
    """Docker's configuration, on one line, with the log-ins of registries by their hosts."""
    auths = {_key(registry): {"auth": _basic(login)} for registry, login in logins.items()}
    return Secret(json.dumps({"auths": auths}))


def with_login(command: Command, config: Secret) -> Command:
    """A docker command that knows the log-ins of `config`, for as long as it runs, and no others."""
    own = command.stdin.data() if isinstance(command.stdin, Secret) else command.stdin or b""
    given = Secret(f"{config.reveal()}\n{own.decode(errors='surrogateescape')}")
    return Command(("sh", "-c", SCRIPT, "sh", *command.argv), given, shown=str(command))


def _key(registry: str) -> str:
    return HUB_KEY if registry == HUB else registry


def _basic(login: Login) -> str:
    return b64encode(f"{login.username}:{login.password.reveal()}".encode(errors="surrogateescape")).decode()
