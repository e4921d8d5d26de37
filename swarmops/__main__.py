"""`./inv`: invoke, made to start sooner, and to exit with 2 for a command line that it does not understand."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import yaml

# A process that lives for seconds: looking for garbage, while it imports and when all of it ends, would take a tenth.
gc.set_threshold(300_000)
atexit.register(gc.freeze)
# Invoke makes a class for other people's tests from unittest.mock, which takes a third of its time to import, and
# brings a yaml of its own; distributions give it theirs.
_mock = sys.modules["unittest.mock"] = ModuleType("unittest.mock")
_mock.Mock = object  # type: ignore[attr-defined]
sys.modules["invoke.vendor.yaml"] = yaml
from invoke.exceptions import ParseError  # noqa: E402
from invoke.parser.parser import Parser  # noqa: E402
from invoke.program import Program  # noqa: E402

del sys.modules["unittest.mock"]

from swarmops import __version__  # noqa: E402
from swarmops.errors import ExitCode, InputError  # noqa: E402
from swarmops.tasks.parser import TaskParser  # noqa: E402


@contextmanager
def understood() -> Iterator[None]:
    """What invoke does not understand of a command line is bad input, as any other."""
    try:
        yield
    except ParseError as error:
        if (task := error.context) and (missing := task.missing_positional_args):
            words = " and ".join(str(each.name).upper() for each in missing)
            raise InputError(f"{task.name} needs {words}", remedy=f"inv --help {task.name}") from None
        raise InputError(str(error), remedy="inv --list shows the tasks, inv --help TASK the options of one") from None


class Inv(Program):
    """Invoke's program."""

    def parse_core(self, argv: list[str] | None) -> None:
        """Reads what comes before the tasks. Raises InputError."""
        unwritten = sys.dont_write_bytecode
        with understood():
            super().parse_core(argv)
        # Invoke has nothing compiled kept: after an update every command would compile what it imports anew.
        sys.dont_write_bytecode = unwritten

    def _make_parser(self) -> Parser:
        every, explained = super()._make_parser(), self.args.help.value
        if self.args.complete.value:  # any task may be meant
            return every
        parser = TaskParser(every, {*self.core.unparsed, explained})
        if explained:
            parser.task(explained)
        return parser

    def parse_tasks(self) -> None:
        """Reads the tasks and their options. Raises InputError."""
        with understood():
            super().parse_tasks()

    def parse_cleanup(self) -> None:
        """Shows what was asked for instead of running tasks. Raises InputError."""
        with understood():
            super().parse_cleanup()


def main() -> None:
    """One command line; ends the process."""
    sys.argv[0] = "inv"  # what messages call it
    program = Inv(name="swarmops", binary="inv", binary_names=["inv"], version=__version__)
    try:
        try:
            program.run()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has had enough: inv --list | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.FAILED)
    except KeyboardInterrupt:  # before the task began, or after it
        sys.exit("Error: interrupted")
    finally:
        if (
            signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):  # what is left is Python's, and would be traced
            signal.signal(signal.SIGINT, signal.SIG_DFL)


# CPython keeps the frames of calls in blocks of 16 KB. A loop that happens to run across the end of one maps memory at
# every call and unmaps it at every return, 1500 times in a deploy. A first frame this big gets a block of 512 KB.
main.__code__ = main.__code__.replace(co_stacksize=2**15)

if __name__ == "__main__":
    main()
