"""The fence around the unit tests holds."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest


@pytest.mark.parametrize(
    ("escape", "said"),
    [
        (lambda: socket.create_connection(("127.0.0.1", 9)), "look up 127.0.0.1"),
        (lambda: socket.socket().connect(("127.0.0.1", 9)), "connect to .*127.0.0.1"),
        (lambda: socket.socket().connect_ex(("127.0.0.1", 9)), "connect to .*127.0.0.1"),
        (lambda: socket.socket(socket.AF_UNIX).connect("/var/run/docker.sock"), "connect to /var/run/docker.sock"),
        (lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"", ("127.0.0.1", 9)), "connect to .*127.0.0.1"),
        (lambda: subprocess.run(["docker", "ps"], check=False), "run docker ps"),
        (lambda: subprocess.run("docker ps", shell=True, check=False), "run docker ps"),
        (lambda: subprocess.run(["sh", "-c", "exec /usr/bin/docker ps"], check=False), "run sh -c"),
        (lambda: subprocess.Popen(["/usr/bin/ssh", "node"]), "run /usr/bin/ssh node"),
        (lambda: os.execvp("docker", ["docker", "ps"]), "run .*docker"),
        (lambda: os.system("docker ps"), "run .*docker"),
    ],
)
def test_a_unit_test_cannot_reach_out(escape: Callable[[], object], said: str) -> None:
    with pytest.raises(BaseException, match=f"a unit test may not {said}") as caught:
        escape()
    assert not isinstance(caught.value, Exception)


def test_other_programs_and_pairs_of_sockets_are_fine() -> None:
    assert subprocess.run([sys.executable, "-c", ""], check=False).returncode == 0
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"hello")
        assert theirs.recv(5) == b"hello"
