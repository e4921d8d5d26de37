"""What invoke's own arguments cannot do: a word that may be left out, and options that come out of a table."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

from invoke.parser.argument import Argument
from invoke.tasks import Task

Body = Callable[..., None]


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
