"""Commands inside containers and on hosts, with the operator's own standard input and outputs.

`tty` gives them a terminal, for an operator who has one.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from swarmops.commands import Command, docker

SHELL = Command(("sh", "-c", "command -v bash >/dev/null && exec bash -l; exec sh -l"))
"""The best shell that is there."""


def container(name: str, command: Command, *, tty: bool) -> Command:
    """A command in a container of the engine that the docker command talks to."""
    return docker("exec", "--interactive", *(["--tty"] if tty else []), name, *command.argv)


def host(
    address: str,
    command: Command,
    *,
    user: str | None,
    port: int | None,
    key: Path | None,
    known_hosts: Path,
    tty: bool,
) -> Command:
    """A command on a host whose key is in `known_hosts`; what is not given comes from the operator's ssh options."""
    stated = {"-l": user, "-p": port, "-i": key}
    options = [str(word) for option, value in stated.items() if value for word in (option, value)]
    known = ["-o", "StrictHostKeyChecking=yes", "-o", f'UserKnownHostsFile="{known_hosts}"', "-o", "LogLevel=ERROR"]
    return Command(("ssh", "-t" if tty else "-T", *known, *options, "--", address, shlex.join(command.reveal())))
