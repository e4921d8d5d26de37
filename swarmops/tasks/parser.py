"""The command line: invoke's parser, which says in swarmops' words what it does not understand."""

from __future__ import annotations

from collections.abc import Container
from copy import deepcopy

from invoke.parser.argument import Argument
from invoke.parser.context import ParserContext
from invoke.parser.parser import Parser, ParseResult

from swarmops.errors import InputError, suggest


class TaskParser(Parser):
    """Reads tasks and their options, of those tasks alone that are `named`.

    Invoke copies whatever its parser knows, and takes an option that a task has not for an argument: for a stack by the
    name of --help.
    """

    def __init__(self, every: Parser, named: Container[str]) -> None:
        super().__init__(
            initial=every.initial,
            contexts=[each for each in every.contexts.values() if any(name in named for name in _names(each))],
        )
        self._tasks = list(every.contexts)

    def parse_argv(self, argv: list[str]) -> ParseResult:
        """What the words say. Raises InputError for what is not known, and for what is missing."""
        if task := self._explained(argv):
            result = super().parse_argv([])
            result[0].args["help"].value = task
            return result
        return super().parse_argv(argv)

    def task(self, name: str, after: ParserContext | None = None) -> ParserContext:
        """A task by its name, to be filled. Raises InputError; `after` is the task that the word follows."""
        if name not in self.contexts:
            known = f"inv --list, or {_help(after)}" if after and after.name else "inv --list"
            raise InputError(f"{name}: no such task{suggest(name, self._tasks)}", remedy=known)
        found: ParserContext = deepcopy(self.contexts[name])
        return found

    def _explained(self, argv: list[str]) -> str:
        """The task whose help is asked for, if any. Raises InputError."""
        words, task = iter(argv), ParserContext()
        for word in words:
            flag, attached, value = (word if word.startswith("--") else word[:2]).partition("=")
            if flag in ("-h", "--help"):
                return task.name or ""
            if word.startswith("-"):
                option = self._option(task, flag)
                if option and option.takes_value and not option.optional and not attached and len(word) == len(flag):
                    if (following := next(words, None)) is None:
                        raise InputError(f"{flag} needs a value", remedy=_help(task))
                    value = following
                if option and flag in task.flags:
                    option.set_value(value, cast=False)
            elif task.missing_positional_args:
                task.missing_positional_args[0].value = word
            else:
                task = self.task(word, task)
        return ""

    def _option(self, task: ParserContext, flag: str) -> Argument | None:
        """An option of the task, or of inv itself; None for one that switches something off."""
        own = self.initial.flags if self.initial else {}
        if flag in task.inverse_flags:
            return None
        for known in (task.flags, own):
            if flag in known:
                option: Argument = known[flag]
                return option
        close = suggest(flag, [*task.flags, *task.inverse_flags] or own)
        raise InputError(f"{task.name or 'inv'} has no option {flag}{close}", remedy=_help(task))


def _names(context: ParserContext) -> tuple[str, ...]:
    """A task's name, and the other ones that it goes by."""
    return (str(context.name), *context.aliases)


def _help(task: ParserContext) -> str:
    return f"inv --help {task.name or ''}".rstrip()
