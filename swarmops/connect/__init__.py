"""The seam to a node: run a command there, or open a stream to one. Two doors implement it, docker exec and ssh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from swarmops.commands import Command
from swarmops.errors import CommandFailed

KEPT_LINES = 12


@dataclass(frozen=True)
class Result:
    """How a command ended: its exit code and what it printed."""

    code: int
    stdout: str
    stderr: str


class Stream(Protocol):
    """The standard input and output of a command that is running on a node."""

    def recv_into(self, buffer: memoryview) -> int:
        """Reads what is there, at least one byte; 0 at the end. Raises TimeoutError after the set time."""

    def sendall(self, data: bytes) -> None:
        """Writes all of it."""

    def settimeout(self, seconds: float | None) -> None:
        """The longest that one read or write may take; None sets no limit."""

    def complaint(self) -> str:
        """What the command has said to standard error, once its output has ended."""

    def close(self) -> None:
        """Ends the stream, and the command with it."""


class Door(Protocol):
    """A way to one node. Raises ConnectionFailed when the node does not answer."""

    node: str

    def run(self, command: Command, *, timeout: float = 60, check: bool = True) -> Result:
        """Runs a command to its end.

        Raises CommandFailed for an exit code other than 0 when `check`, WaitTimeout after `timeout` seconds.
        """

    def stream(self, command: Command) -> Stream:
        """Starts a command and returns the stream to it."""

    def close(self) -> None:
        """Ends what is open, also from another thread: whoever waits on it, or asks later, gets ConnectionFailed."""


def checked(node: str, command: Command, result: Result) -> Result:
    """The result, or CommandFailed with the last lines the command printed."""
    if result.code == 0:
        return result
    said = command.masked(result.stderr.strip() or result.stdout.strip() or "no output").splitlines()[-KEPT_LINES:]
    raise CommandFailed(f"{node}: {command} exited {result.code}: " + "\n    ".join(said))
