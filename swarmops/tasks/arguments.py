"""What invoke's own arguments cannot do: a word that may be left out, and options that come out of a table."""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Callable, Iterable
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any

from invoke.parser.argument import Argument
from invoke.tasks import Task

from swarmops.errors import InputError

Body = Callable[..., None]
CALLED_FROM = Path(os.environ.pop("SWARMOPS_CALLED_FROM", ""))
"""Where `./inv` was called, which itself runs in the project. What a task runs is none of its business."""


class Either(Argument):
    """A positional argument that is missing only as long as the option beside it is not given either."""

    beside: Argument

    @property
    def value(self) -> Any:
        """Invoke asks for a positional argument while this is None."""
        return "" if self._value is None and self.beside.got_value else self._value

    @value.setter
    def value(self, given: str) -> None:
        self.set_value(given, cast=True)


class EitherTask(Task[Body]):
    """A task with one positional argument, in whose place its second argument may be given, as an option."""

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """The arguments, as invoke has them, but for the first."""
        first, second, *others = super().get_arguments(ignore_unknown_help)
        either = Either(names=first.names, help=first.help, positional=True)
        either.beside = second
        return [either, second, *others]


class OptionalTask(Task[Body]):
    """A task whose first argument may be the word that follows its name, an option, or left out."""

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """The arguments, as invoke has them; the first is positional when a word follows the task's name."""
        first, *others = super().get_arguments(ignore_unknown_help)
        # Invoke knows no positional argument that may be missing.
        follows = next((word for name, word in pairwise(sys.argv) if name.rpartition(".")[2] == self.name), "-")
        if not follows.startswith("-"):
            first.positional, first.default = True, None
        return [first, *others]


class Words(Argument):
    """A positional argument of several words: all that follow its task's first one, a list."""

    expected: int

    @property
    def value(self) -> Any:
        """Invoke asks for a positional argument while this is None."""
        return self._value if self._value and len(self._value) >= self.expected else None

    @value.setter
    def value(self, given: str) -> None:
        self._value = [*(self._value or []), given]


class WordsTask(Task[Body]):
    """A task with two positional arguments, the second of which takes the words of a form as long as they come."""

    form = re.compile(r"[^-].*(=.*|-)", re.DOTALL)

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """The arguments, as invoke has them, but for the second."""
        first, second, *others = super().get_arguments(ignore_unknown_help)
        words = Words(names=second.names, help=second.help, positional=True)
        # Invoke knows no number of words but one. The first counts whatever it is, so that its form can be spoken of.
        given = next((sys.argv[at:] for at, (name, word) in enumerate(pairwise(sys.argv)) if self._is(name, word)), [])
        words.expected = 1 + len(list(takewhile(self.form.fullmatch, given[3:])))
        return [first, words, *others]

    def _is(self, name: str, word: str) -> bool:
        return name == self.name and not word.startswith("-")


def named(option: str, value: str | None, otherwise: str = "all of them") -> str | None:
    """The value of an option that narrows a task down.

    Raises InputError for an empty one, as that of a variable which is not set: it would mean what `otherwise` says.
    """
    if value == "":
        raise InputError(f"--{option} is empty", remedy=f"leave --{option} out for {otherwise}")
    return value


def file(name: str) -> Path:
    """A file that the command line or the environment names. Raises InputError."""
    try:
        return CALLED_FROM / Path(name).expanduser()
    except RuntimeError:
        raise InputError(f"{name}: there is no such user") from None


def takes(names: Iterable[str]) -> Callable[[Body], Body]:
    """A task that gets options by their names as keywords: None, or an empty list, for what is not given."""

    def mark(body: Body) -> Body:
        signature = inspect.signature(body)
        own = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
        more = [
            inspect.Parameter(name.replace("-", "_"), inspect.Parameter.KEYWORD_ONLY, default=None) for name in names
        ]
        body.__signature__ = signature.replace(parameters=[*own, *more])  # type: ignore[attr-defined]
        return body

    return mark
