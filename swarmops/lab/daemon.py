"""Starts the engine of this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from swarmops.commands import Command
from swarmops.connect import local
from swarmops.errors import ConnectionFailed, SwarmopsError, WaitTimeout
from swarmops.lab.engine import connect
from swarmops.report import Progress

SYSTEMD = Path("/run/systemd/system")
PID_FILES = {Path("/run/docker.pid"): "dockerd", Path("/run/docker/containerd/containerd.pid"): "containerd"}
CONTAINERD = Path("/run/containerd/containerd.sock")
LOG = Path("/var/log/dockerd.log")
START_SECONDS = 60
POLL_SECONDS = 0.05
KEPT_LINES = 12


def start(progress: Progress) -> None:
    """Starts the installed engine and returns when it answers. Needs root.

    Under systemd its service is started, elsewhere a dockerd that outlives this process and logs to
    /var/log/dockerd.log. Raises SwarmopsError with the end of the log when it ends, WaitTimeout after 60 s.
    """
    progress.waiting("the Docker engine to start")
    if SYSTEMD.is_dir():
        local.run(Command(("systemctl", "start", "docker")), timeout=START_SECONDS)
        wait(None)
    else:
        wait(None if is_running() else detached())
    progress.done("the Docker engine runs")


def is_running() -> bool:
    """Whether there is a dockerd already, perhaps one that is still starting. Clears what a dead one left behind."""
    running = {name: clear_pid_file(path, name) for path, name in PID_FILES.items()}
    clear_socket(CONTAINERD)
    return running["dockerd"]


def detached(argv: Sequence[str] = ("dockerd",)) -> subprocess.Popen[bytes]:
    """Starts a dockerd in a session of its own."""
    with LOG.open("ab") as log:
        return subprocess.Popen(
            argv, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )


def wait(process: subprocess.Popen[bytes] | None, seconds: float = START_SECONDS) -> None:
    """Asks the engine until it answers."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            connect()
        except ConnectionFailed as error:
            problem = error
        else:
            return
        if process and process.poll() is not None:
            raise SwarmopsError(f"dockerd ended with code {process.returncode}:\n    {tail(LOG)}")
        if time.monotonic() > deadline:
            raise WaitTimeout(f"the engine was started and does not answer after {seconds:g} s: {problem}") from problem
        time.sleep(POLL_SECONDS)


def clear_pid_file(path: Path, name: str) -> bool:
    """Whether the program of a pid file runs; the file of one that does not is removed.

    Its number may be another program's by now, and dockerd would not start beside it.
    """
    with suppress(OSError, ValueError):
        pid = int(path.read_text())
        # A process that has ended and that nobody has waited for has no program any more.
        if Path(f"/proc/{pid}/exe").readlink().name.removesuffix(" (deleted)") == name:
            return True
    path.unlink(missing_ok=True)
    return False


def clear_socket(path: Path) -> None:
    """Removes a socket that nobody listens on: dockerd takes it for a containerd and waits for its answer."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except OSError:
            pass


def tail(log: Path) -> str:
    """The last lines of a log."""
    return "\n    ".join(log.read_text(errors="replace").splitlines()[-KEPT_LINES:])
