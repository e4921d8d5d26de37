"""Commands are data: an argument list and what goes to standard input. Nothing here runs anything."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

MASK = "********"


@dataclass(frozen=True)
class Secret:
    """A token, key or password. It shows as asterisks; `reveal` is for the moment it is handed over."""

    _value: str

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    def data(self) -> bytes:
        """Its bytes: those of a file that is no text are kept too."""
        return self._value.encode(errors="surrogateescape")

    def __str__(self) -> str:
        return MASK

    __repr__ = __str__


@dataclass(frozen=True)
class Command:
    """An argument list, quoted by nobody until it meets a shell, and the bytes for its standard input."""

    argv: tuple[str | Secret, ...]
    stdin: bytes | Secret | None = None
    shown: str = ""
    """What an operator gets to read instead of the argument list, where that would hide what is done."""

    def reveal(self) -> list[str]:
        """The argument list with its secrets in the clear, for the door that runs it."""
        return [part.reveal() if isinstance(part, Secret) else part for part in self.argv]

    def input(self) -> bytes | None:
        """What goes to standard input, in the clear."""
        return self.stdin.data() if isinstance(self.stdin, Secret) else self.stdin

    def masked(self, text: str) -> str:
        """A text that the command printed, without the secrets it was given."""
        for part in (*self.argv, self.stdin):
            if isinstance(part, Secret) and part.reveal():
                text = text.replace(part.reveal(), MASK)
        return text

    def __str__(self) -> str:
        return self.shown or " ".join(MASK if isinstance(part, Secret) else shlex.quote(part) for part in self.argv)


def docker(*argv: str | Secret, stdin: bytes | Secret | None = None) -> Command:
    """A docker command line."""
    return Command(("docker", *argv), stdin)
