"""Where secret values come from: a file, the environment of this process, or a command."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from swarmops.commands import Command, Secret
from swarmops.commands.registry import Login
from swarmops.connect import KEPT_LINES, local
from swarmops.errors import CommandFailed, InputError
from swarmops.inventory.schema import Credentials, SecretSource

SECONDS = 60
"""How long a command may take: a password manager may ask its user something."""


REMEDIES = {
    "file": "write the value into the file",
    "environment": "export it, with a value",
    "command": "run it by hand: it should print the value, and nothing else, to standard output",
}


def read(source: SecretSource, folder: Path, variables: Mapping[str, str] = os.environ) -> Secret:
    """The value; `variables` are the environment that it may come from.

    A file, relative to `folder`, is taken byte for byte, as docker takes it. What a command prints, run in `folder`,
    loses one newline at its end. Raises InputError, which names the source, for a value that cannot be had or is
    empty, and WaitTimeout for a command that does not end.
    """
    value: str | None
    if source.file:
        value = _file(source, folder / Path(source.file).expanduser())
    elif source.command:
        value = _printed(source, folder)
    else:
        value = variables.get(source.environment or "")
    if value is None:
        raise _wrong(source, "is not set")
    if not value.strip():
        raise _wrong(source, "is empty")
    return Secret(value)


def login(stated: Credentials, folder: Path) -> Login:
    """A log-in, its password read. A password does not end in a newline, though its file may."""
    password = read(stated.password, folder).reveal().removesuffix("\n").removesuffix("\r")
    return Login(stated.username, Secret(password))


def shown(source: SecretSource) -> str:
    """The source in words: `file password.txt`."""
    if source.command:
        line = source.command[2:] if source.command[:2] == ["sh", "-c"] else [shlex.join(source.command)]
        return f"command {line[0]}"
    return f"{_kind(source)} {source.file or source.environment}"


def _file(source: SecretSource, path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="surrogateescape")
    except OSError as error:
        raise _wrong(source, f"{path}: {error.strerror}") from error


def _printed(source: SecretSource, folder: Path) -> str:
    try:
        # No `check`: its message would fall back to standard output, and the value may be in that.
        ended = local.run(Command(tuple(source.command or ())), timeout=SECONDS, check=False, cwd=folder)
    except CommandFailed as error:
        raise _wrong(source, str(error)) from error
    if ended.code:
        said = ended.stderr.strip().splitlines()[-KEPT_LINES:] or ["it printed no error"]
        raise _wrong(source, f"exited {ended.code}: " + "\n    ".join(said))
    if "\N{REPLACEMENT CHARACTER}" in ended.stdout:
        raise _wrong(source, "printed what is not UTF-8 text; let it write a file, and name that")
    return ended.stdout.removesuffix("\n")


def _wrong(source: SecretSource, text: str) -> InputError:
    return InputError(f"secret from {shown(source)}: {text}", remedy=REMEDIES[_kind(source)])


def _kind(source: SecretSource) -> str:
    return next(iter(source.model_fields_set))
