from __future__ import annotations

import io
import os
import re
import signal
import threading
from collections.abc import Callable

import pytest

from swarmops import report
from swarmops.report import Outcome, Output, Progress, Recap, table


class Pipe(io.StringIO):
    @property
    def lines(self) -> list[str]:
        return [re.sub(r"^ +\d+\.\ds ", "", line) for line in self.getvalue().splitlines()]


class Terminal(Pipe):
    def isatty(self) -> bool:
        return True


class Broken(Pipe):
    def write(self, text: str) -> int:
        raise BrokenPipeError


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the seconds since the start; they stand still otherwise."""
    now = [100.0]
    monkeypatch.setattr(report.time, "monotonic", lambda: now[0])

    def at(seconds: float) -> None:
        now[0] = 100.0 + seconds

    return at


def test_a_line_in_a_pipe_says_when(clock: Callable[[float], None]) -> None:
    pipe = Pipe()
    progress = Progress(pipe)
    clock(1.25)
    progress.done("joined", "worker01")
    clock(75)
    progress.done("[bold]all[/bold]")
    progress.close()
    assert pipe.getvalue() == "   1.2s worker01: joined\n  75.0s [bold]all[/bold]\n"


def test_what_is_awaited_is_shown_once_and_not_too_often(clock: Callable[[float], None]) -> None:
    pipe = Pipe()
    progress = Progress(pipe)
    steps = [(0.0, "a"), (0.1, "a"), (0.2, "b"), (report.PLAIN_SECONDS + 0.1, "c"), (report.PLAIN_SECONDS + 9, "c")]
    for at, text in steps:
        clock(at)
        progress.waiting(text)
    assert pipe.lines == ["... a", "... c"]


def test_after_a_step_the_same_is_awaited_anew(clock: Callable[[float], None]) -> None:
    pipe = Pipe()
    progress = Progress(pipe)
    progress.waiting("a")
    progress.done("step")
    progress.waiting("a")
    assert pipe.lines == ["... a", "step", "... a"]


def test_a_pipe_that_is_closed_ends_nothing() -> None:
    Progress(Broken()).done("step")


def test_a_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    terminal = Terminal()
    progress = Progress(terminal)
    progress.waiting("a")
    progress.done("step")
    progress.close()
    assert terminal.lines == ["... a", "step"]


def test_on_a_terminal_finished_steps_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal()
    progress = Progress(terminal)
    progress.waiting("[red]nodes[/red] are missing")
    progress.done("joined [worker]", "worker01")
    progress.close()
    progress.close()
    text = terminal.getvalue()
    assert "worker01: joined [worker]" in text
    assert "\x1b[31m" not in text
    assert text.endswith("\x1b[?25h") or "\x1b[?25h" in text  # the cursor is back


@pytest.mark.parametrize(
    ("steps", "notes", "lines"),
    [
        ([], [], ["Nothing to change."]),
        ([("a", Outcome.OK)], [], ["a  ok=1  changed=0  failed=0", "Nothing to change."]),
        (
            [("manager", Outcome.CHANGED), ("a", Outcome.OK), ("manager", Outcome.CHANGED), ("manager", Outcome.OK)],
            ["mind this"],
            ["manager  ok=1  changed=2  failed=0", "a        ok=1  changed=0  failed=0", "mind this"],
        ),
        ([("a", Outcome.FAILED)], [], ["a  ok=0  changed=0  failed=1"]),
    ],
)
def test_recap(steps: list[tuple[str, Outcome]], notes: list[str], lines: list[str]) -> None:
    recap = Recap()
    for node, outcome in steps:
        recap.add(node, outcome, "text")
    for note in notes:
        recap.note(note)
    assert recap.lines() == lines
    assert recap.any_changed is any(outcome is Outcome.CHANGED for _, outcome in steps)


def test_recap_in_words() -> None:
    recap = Recap()
    recap.changed("a", "joined")
    recap.ok("a")
    assert recap.steps == [("a", Outcome.CHANGED, "joined"), ("a", Outcome.OK, "")]
    assert recap.rows() == [("a", 1, 1, 0)]


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([], "NODE  N"),
        ([["worker01", 2], ["m", 13]], "NODE      N\nworker01  2\nm         13"),
        ([["a", ""]], "NODE  N\na"),
    ],
)
def test_table(rows: list[list[object]], text: str) -> None:
    assert table(("NODE", "N"), rows) == text


def test_a_colour_for_each_number_again_and_again() -> None:
    first = [report.coloured("a", number) for number in range(len(report.COLOURS))]
    assert len(set(first)) == len(first)
    assert first[0] == "\x1b[36ma\x1b[0m" == report.coloured("a", len(first))


@pytest.mark.parametrize(
    ("stream", "env", "coloured"),
    [
        (Terminal, {"TERM": "xterm"}, True),
        (Terminal, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Terminal, {"TERM": "dumb"}, False),
        (Pipe, {"TERM": "xterm"}, False),
    ],
)
def test_colours_are_for_terminals(
    monkeypatch: pytest.MonkeyPatch, stream: type[Pipe], env: dict[str, str], coloured: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert (Output(stream()).colour("a", 0) != "a") is coloured


def test_output_tells_when_nobody_reads_any_more() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        output = Output(stream)
        output.write(["one", "two"])
        assert os.read(reader, 99) == b"one\ntwo\n"
        output.check()
        os.close(reader)
        with pytest.raises(BrokenPipeError):
            output.check()
        with pytest.raises(BrokenPipeError):
            output.write(["three"])
        output.abandon()
        output.write(["four"])


class Finalised(io.RawIOBase):
    """A file that a Ctrl-C meets as Python finalises it."""

    def close(self) -> None:
        if not self.closed:
            super().close()
            signal.raise_signal(signal.SIGINT)


@pytest.fixture
def pipe() -> Pipe:
    return Pipe()


@pytest.fixture
def interrupted(pipe: Pipe) -> Progress:
    """Progress, after a Ctrl-C that was lost."""
    progress = Progress(pipe)
    before = signal.signal(signal.SIGINT, progress.interrupt)
    try:
        Finalised()  # and nobody holds it
    finally:
        signal.signal(signal.SIGINT, before)
    return progress


def test_a_ctrl_c_that_python_loses_ends_the_next_wait(interrupted: Progress) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted.waiting("web 0 of 1")


def test_a_lost_ctrl_c_is_told_to_the_main_thread_alone(interrupted: Progress, pipe: Pipe) -> None:
    thread = threading.Thread(target=interrupted.waiting, args=("web 0 of 1",))
    thread.start()
    thread.join()
    assert pipe.lines == ["... web 0 of 1"]


def test_what_winds_up_after_a_ctrl_c_may_wait(pipe: Pipe) -> None:
    progress = Progress(pipe)
    try:
        progress.interrupt()
    except KeyboardInterrupt:
        progress.waiting("the fault to be undone")
    assert pipe.lines == ["... the fault to be undone"]
