"""Whether the engine can give a container all privileges, found out without starting one."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from pathlib import Path

from docker.api.client import APIClient

from swarmops.facts import numbers
from swarmops.lab.endpoint import find
from swarmops.lab.engine import told

CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid


def grants_privileged(engine: APIClient) -> bool:
    """Whether a container with `--privileged` starts. An engine is trusted to have what cannot be seen."""
    with told("the engine's version"):
        version = engine.version()["Version"]
    return gives_what_it_has(version) or not missing_capabilities()


def gives_what_it_has(version: str) -> bool:
    """Whether an engine of that version fits `--privileged` to its own capabilities.

    An older one asks for all that the kernel knows, and fails where it lacks one itself:
    https://github.com/moby/moby/pull/42933.
    """
    return numbers(version) >= (23,)


def missing_capabilities() -> list[int]:
    """The numbers of the capabilities that the kernel knows and the engine lacks; none when that cannot be seen."""
    with suppress(OSError, ValueError, IndexError):
        last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
        status = Path(f"/proc/{_engine_pid()}/status").read_text()
        held = int(status.partition("CapEff:")[2].split()[0], 16)
        return [number for number in range(last + 1) if not held >> number & 1]
    return []


def _engine_pid() -> int:
    """The process that listens on the engine's socket; 0 when it is in another process namespace."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        connection.connect(find().host.removeprefix("unix://"))
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    pid: int = CREDENTIALS.unpack(credentials)[0]
    return pid
