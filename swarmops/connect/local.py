"""Commands on this machine: compose, apt, a build. Not a door, because nothing here is a node."""

from __future__ import annotations

import getpass
import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, NoReturn

from swarmops.commands import Command
from swarmops.connect import Result, checked
from swarmops.errors import CommandFailed, WaitTimeout

HERE = "this machine"
GRACE_SECONDS = 5

_running: set[subprocess.Popen[bytes]] = set()
_starting = threading.Lock()


def run(
    command: Command,
    *,
    timeout: float,
    check: bool = True,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    on_line: Callable[[str], None] | None = None,
    permit: Callable[[], None] = lambda: None,
) -> Result:
    """Runs a command to its end; `on_line` gets each line of either output as it comes, in the reader's thread.

    `permit` may raise, and then nothing is started: between it and the start no `end_all` comes.
    Raises CommandFailed for an exit code other than 0 when `check` and for a program that is not there, WaitTimeout
    after `timeout` seconds. Whatever ends the wait, Ctrl-C too, ends the command and its children.
    """
    with _starting:
        permit()
        process = _start(command, env, cwd)
        _running.add(process)
    try:
        result = _communicate(process, command.input(), timeout, on_line)
    except subprocess.TimeoutExpired:
        raise WaitTimeout(f"{HERE}: {command} did not end within {timeout:g} s") from None
    finally:
        _end(process)
        _running.discard(process)
    return checked(HERE, command, result) if check else result


def end_all() -> None:
    """Ends every command that still runs, for the thread that was interrupted while others wait for one."""
    with _starting:
        running = list(_running)
    for process in running:
        _end(process)


def operator() -> str:
    """Whoever runs this, as user@host: the number of a user who has no name, as in a container."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{platform.node()}"


def become(command: Command, env: Mapping[str, str]) -> NoReturn:
    """Turns this process into the command: terminal, signals, standard input and outputs, exit code are then its own.

    Raises CommandFailed for a program that is not there.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and the command would inherit that
    argv = command.reveal()
    try:
        os.execvpe(argv[0], argv, env)  # noqa: S606 (no shell is wanted)
    except OSError as error:
        raise CommandFailed(f"{HERE}: {argv[0]} cannot be run: {error.strerror}") from error


def _start(command: Command, env: Mapping[str, str] | None, cwd: Path | None) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command.reveal(),
            stdin=subprocess.DEVNULL if command.input() is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            cwd=cwd,
            start_new_session=True,  # a process group of its own, so that its children can be ended with it
        )
    except OSError as error:
        raise CommandFailed(f"{HERE}: {command} cannot be run: {error.strerror}") from error


def _communicate(
    process: subprocess.Popen[bytes], data: bytes | None, timeout: float, on_line: Callable[[str], None] | None
) -> Result:
    if on_line is None or process.stdout is None or process.stderr is None:
        out, err = process.communicate(data, timeout)
        return Result(process.returncode, _text(out), _text(err))
    out_lines: list[str] = []
    err_lines: list[str] = []
    readers = [_read(process.stdout, out_lines, on_line), _read(process.stderr, err_lines, on_line)]
    if process.stdin:
        with suppress(BrokenPipeError), process.stdin:
            process.stdin.write(data or b"")
    process.wait(timeout)
    for reader in readers:
        reader.join(GRACE_SECONDS)  # a child left in the background may keep a pipe open
    return Result(process.returncode, "".join(out_lines), "".join(err_lines))


def _read(pipe: IO[bytes], kept: list[str], on_line: Callable[[str], None]) -> threading.Thread:
    def work() -> None:
        for raw in pipe:
            line = _text(raw)
            kept.append(line)
            on_line(line.rstrip("\r\n"))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the process group when the process still runs; politely first."""
    if process.poll() is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
            return


def _text(data: bytes) -> str:
    return data.decode(errors="replace")
