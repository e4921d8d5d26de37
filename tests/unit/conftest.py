"""Unit tests reach no engine, no host and no network: one that tries fails, and says what it tried."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from typing import Any, NoReturn

import pytest

FORBIDDEN = {"docker", "docker-compose", "dockerd", "ssh", "scp", "sftp"}
_popen = subprocess.Popen.__init__


class Escaped(BaseException):
    """A unit test reached out of its process. No `except Exception` of the code under test may hide it."""


@pytest.fixture(autouse=True)
def stay_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse_connection)
    monkeypatch.setattr(socket, "getaddrinfo", refuse_name)
    monkeypatch.setattr(subprocess.Popen, "__init__", refuse_program)
    for name in ("execv", "execve", "execvp", "execvpe", "system"):
        monkeypatch.setattr(os, name, refuse_exec)


def refuse_connection(_: socket.socket, *args: Any) -> NoReturn:
    raise Escaped(f"a unit test may not connect to {args[-1]}")


def refuse_name(host: Any, *_: Any, **__: Any) -> NoReturn:
    raise Escaped(f"a unit test may not look up {host}")


def refuse_program(self: subprocess.Popen[Any], args: Any, *rest: Any, **named: Any) -> None:
    words = args.split() if isinstance(args, str) else [os.fsdecode(word) for word in args]
    script = words[-1].split() if Path(words[0]).name in {"sh", "bash"} else []
    if FORBIDDEN & {Path(word).name for word in (*words, *script)}:
        raise Escaped(f"a unit test may not run {' '.join(words)}")
    _popen(self, args, *rest, **named)


def refuse_exec(*args: Any) -> NoReturn:
    raise Escaped(f"a unit test may not run {args}")
