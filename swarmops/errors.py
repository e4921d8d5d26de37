"""The failures an operator can meet, each with its exit code.

All of them are `invoke.Exit`, the one family of exceptions that invoke shows as a message instead of a traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import IntEnum

from invoke.exceptions import Exit


class ExitCode(IntEnum):
    """What the exit status of every task means."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    PENDING = 3
    ROLLED_BACK = 4
    TIMED_OUT = 5


class SwarmopsError(Exit):
    """A task failed; the message says where and why (`said`), and what to do next (`remedy`)."""

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, *, remedy: str = "") -> None:
        self.said, self.remedy = message, remedy
        text = f"{message}\n  Next: {remedy}" if remedy else message
        super().__init__(f"Error: {text}", int(self.exit_code))

    def __str__(self) -> str:
        return str(self.message).removeprefix("Error: ")


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong with the input, and the place it was found at."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.text}"


class InputError(SwarmopsError):
    """The input is wrong; nothing has been changed."""

    exit_code = ExitCode.BAD_INPUT

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> InputError:
        """All problems in one error, in the order of the file."""
        found = sorted(set(problems))
        if len(found) == 1:
            return cls(str(found[0]))
        return cls(f"{len(found)} problems\n" + "\n".join(f"  {problem}" for problem in found))


class PendingError(SwarmopsError):
    """Something would change, and nothing has: `plan`, `diff`, `render --check`, `swarm.recover` without `--yes`."""

    exit_code = ExitCode.PENDING


class RolledBack(SwarmopsError):
    """What was asked for failed, and the version before it runs again."""

    exit_code = ExitCode.ROLLED_BACK


class LockLost(SwarmopsError):
    """Somebody else has taken the lock of what was being changed: it is theirs now."""


class WaitTimeout(SwarmopsError):
    """A deadline passed; the message names what was still missing."""

    exit_code = ExitCode.TIMED_OUT


class ConnectionFailed(SwarmopsError):
    """A node, or the engine on it, does not answer."""


class Refused(ConnectionFailed):
    """A host is not the one that is known, or does not let us in or near its engine: trying again does not help."""


class Silent(ConnectionFailed):
    """An engine was reached and gives no answer in time, as a manager does at first that has lost its leader."""


class NoLeader(ConnectionFailed):
    """Managers answer, and none of them knows a leader: an election may still bring one."""


class CommandFailed(SwarmopsError):
    """A command ran on a node and exited with a code other than 0."""


class NotFound(CommandFailed):
    """The engine was asked for something that does not exist."""


class Conflict(CommandFailed):
    """The engine was asked to make something that exists."""


class EngineFailed(CommandFailed):
    """The engine could not do what it was asked for; nor can a manager that has just lost its leader."""


class Denied(CommandFailed):
    """The engine was told by a registry that it does not accept the log-in."""


def suggest(word: str, known: Iterable[str]) -> str:
    """`, did you mean labels?` for a word that resembles a known one, otherwise the empty string."""
    close = get_close_matches(word, list(known), n=1)
    return f", did you mean {close[0]}?" if close else ""
