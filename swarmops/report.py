"""What an operator sees while something runs (stderr) and when it is over (stdout)."""

from __future__ import annotations

import os
import select
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.status import Status


class Outcome(StrEnum):
    """How a step on a node ended."""

    OK = "ok"
    CHANGED = "changed"
    FAILED = "failed"


PLAIN_SECONDS = 2.0
"""In a pipe a line about what is awaited comes at most this often."""


class Progress:
    """Progress on stderr: finished steps stay, what is awaited is shown until something else is.

    On a terminal the awaited fact is a spinner line of rich; in a pipe every line starts with the seconds since
    the start. Safe to call from several threads.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._start = time.monotonic()
        self._lock = threading.Lock()
        self._waiting = ""
        self._quiet_until = 0.0
        self._status: Status | None = None
        self._interrupted = False

    def interrupt(self, *_: object) -> None:
        """Ctrl-C, as a handler of its signal. Raises KeyboardInterrupt, and where that is lost, the next wait does.

        Python drops whatever is raised while it finalises a file, and an answer of http.client is one.
        """
        self._interrupted = True
        raise KeyboardInterrupt

    def done(self, text: str, node: str = "") -> None:
        """A step that is finished: one line that stays."""
        line = f"{node}: {text}" if node else text
        with self._lock:
            self._waiting, self._quiet_until = "", 0.0
            if self._terminal():
                self._spinner().console.print(line, highlight=False, markup=False)
            else:
                self._plain(line)

    def waiting(self, text: str) -> None:
        """What is being awaited; the same text twice in a row is shown once, and in a pipe not every change.

        Raises KeyboardInterrupt for a Ctrl-C that was lost; who winds up after one may wait.
        """
        at_work = threading.current_thread() is threading.main_thread()
        if self._interrupted and at_work and not isinstance(sys.exception(), KeyboardInterrupt):
            raise KeyboardInterrupt
        with self._lock:
            if text == self._waiting:
                return
            self._waiting = text
            if self._terminal():
                from rich.text import Text

                self._spinner().update(Text(text))
            elif time.monotonic() >= self._quiet_until:
                self._quiet_until = time.monotonic() + PLAIN_SECONDS
                self._plain(f"... {text}")

    def close(self) -> None:
        """Takes the spinner off the terminal."""
        with self._lock:
            if self._status:
                self._status.stop()
                self._status = None

    def _terminal(self) -> bool:
        return self._stream.isatty() and os.environ.get("TERM") != "dumb"

    def _plain(self, line: str) -> None:
        with suppress(BrokenPipeError):
            print(f"{time.monotonic() - self._start:6.1f}s {line}", file=self._stream, flush=True)

    def _spinner(self) -> Status:
        if self._status is None:
            from rich.console import Console
            from rich.status import Status

            self._status = Status("", console=Console(file=self._stream, soft_wrap=True))
            self._status.start()
        return self._status


@dataclass
class Recap:
    """What a task did, per node; the cluster as a whole counts under the name `cluster`."""

    steps: list[tuple[str, Outcome, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, node: str, outcome: Outcome, text: str) -> None:
        """One step on one node."""
        self.steps.append((node, outcome, text))

    def changed(self, node: str, text: str) -> None:
        """A step that changed something."""
        self.add(node, Outcome.CHANGED, text)

    def ok(self, node: str, text: str = "") -> None:
        """A node that was as it should be."""
        self.add(node, Outcome.OK, text)

    def note(self, text: str) -> None:
        """A line for the operator, shown below the recap."""
        self.notes.append(text)

    @property
    def any_changed(self) -> bool:
        """Whether anything was changed."""
        return any(outcome is Outcome.CHANGED for _, outcome, _ in self.steps)

    def rows(self) -> list[tuple[str, int, int, int]]:
        """Per node: its name and how many steps were ok, changed, failed; in the order the nodes came up."""
        nodes = dict.fromkeys(node for node, _, _ in self.steps)
        return [(node, *(self._count(node, outcome) for outcome in Outcome)) for node in nodes]  # type: ignore[misc]

    def _count(self, node: str, outcome: Outcome) -> int:
        return sum(1 for name, seen, _ in self.steps if name == node and seen is outcome)

    def lines(self) -> list[str]:
        """The recap as text."""
        width = max((len(node) for node, *_ in self.rows()), default=0)
        lines = [
            f"{node:<{width}}  ok={ok}  changed={changed}  failed={failed}" for node, ok, changed, failed in self.rows()
        ]
        if all(outcome is Outcome.OK for _, outcome, _ in self.steps):
            lines.append("Nothing to change.")
        return lines + self.notes


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Left-aligned columns, as wide as their widest cell; without borders, so that it can be cut and grepped."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
"""What a terminal calls them. Red is left to those who print errors."""


def coloured(text: str, number: int) -> str:
    """The text in the colour of that number; they come round again."""
    return f"\x1b[{COLOURS[number % len(COLOURS)]}m{text}\x1b[0m"


def plain(text: str, _: int) -> str:
    """The text without a colour, for what is no terminal."""
    return text


class Screen:
    """A text on standard output in the place of the one before; where that is no terminal, each that is new."""

    def __init__(self) -> None:
        self._stream = sys.stdout
        self._terminal = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._shown = ""

    def show(self, text: str) -> None:
        """Shows it. Raises BrokenPipeError when nobody reads any more."""
        if self._terminal:
            self._stream.write("\x1b[H\x1b[2J" + _cut(text, shutil.get_terminal_size().lines - 1))
        elif text != self._shown:
            self._stream.write(f"{text}\n\n")
        self._shown = text
        self._stream.flush()
        check_reader(self._stream)


def check_reader(stream: TextIO) -> None:
    """Raises BrokenPipeError when nobody reads any more; a write would find that out only with the next line."""
    poll = select.poll()
    poll.register(stream, 0)
    if poll.poll(0):
        raise BrokenPipeError


def _cut(text: str, height: int) -> str:
    """As many lines as a terminal shows: the rest in number."""
    lines = text.splitlines()
    if len(lines) > height:
        lines[height - 1 :] = [f"… {len(lines) - height + 1} more lines: inv status"]
    return "\n".join(lines) + "\n"


class Output:
    """Standard output, until nobody reads it any more (`| head`)."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        terminal = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self.colour = coloured if terminal and not os.environ.get("NO_COLOR") else plain

    def write(self, lines: Iterable[str]) -> None:
        """Writes lines, at once. Raises BrokenPipeError when nobody reads them."""
        for line in lines:
            self._stream.write(line + "\n")
        self._stream.flush()

    def check(self) -> None:
        """Raises BrokenPipeError when nobody reads any more."""
        check_reader(self._stream)

    def abandon(self) -> None:
        """Sends what is still to come nowhere: Python writes the rest at its end, and would complain."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
