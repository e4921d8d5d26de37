"""Variables as compose reads them: `${A:-x}` in a text, and the files that set them. Pure.

The rules are those of https://docs.docker.com/reference/compose-file/interpolation and of compose's own reader of
`.env` files, https://github.com/compose-spec/compose-go/blob/main/dotenv/parser.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from io import StringIO

from swarmops.errors import InputError, Problem

_VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|(?P<name>[A-Za-z_]\w*)|(?P<brace>\{))", re.ASCII)
_BRACED = re.compile(r"(?P<name>[A-Za-z_]\w*)(?:(?P<colon>:?)(?P<operator>[-+?])(?P<word>.*))?", re.ASCII | re.DOTALL)
_QUOTE = re.compile(r"[^=]*=\s*(['\"]?)")


class NoVariable(ValueError):
    """A `$` begins no variable; the message repeats what follows it."""


def _empty(_: str) -> str:
    return ""


def _unheard(_: Problem) -> None:
    return None


def interpolate(text: str, variables: Mapping[str, str], unset: Callable[[str], str] = _empty) -> str:
    """The text with `$A`, `${A}`, `${A:-default}`, `${A:?message}`, `${A:+other}` and `$$` replaced.

    `unset` gives what stands for a variable that is not set and has no default. Raises NoVariable for braces that hold
    none, and ValueError for a variable that has to be set and is not.
    """
    done, at = "", 0
    while found := _VARIABLE.search(text, at):
        done, at = done + text[at : found.start()], found.end()
        if found["escaped"]:
            done += "$"
        elif found["name"]:
            name = found["name"]
            done += variables[name] if name in variables else unset(name)
        else:
            end = _closing(text, at)
            done, at = done + _braced(text[at:end], variables, unset), end + 1
    return done + text[at:]


def _closing(text: str, start: int) -> int:
    """Where the brace that was opened before `start` closes: defaults may hold braces of their own."""
    depth = 1
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if not depth:
            return at
    raise NoVariable(f'"${{{text[start:]}" does not end; for a dollar sign write $$')


def _braced(inside: str, variables: Mapping[str, str], unset: Callable[[str], str]) -> str:
    form = _BRACED.fullmatch(inside)
    if not form:
        raise NoVariable(f'"${{{inside}}}" is no variable; for a dollar sign write $$')
    name, colon, operator, word = form.groups()
    value = variables.get(name)
    has = bool(value) if colon else value is not None
    if has and operator != "+":
        return value or ""
    if not operator:
        return unset(name)
    if operator == "+" and not has:
        return ""
    word = interpolate(word, variables, unset)
    if operator == "?":
        raise ValueError(f"the variable {name} has to be set" + (f": {word}" if word else ""))
    return word


def dotenv(
    text: str,
    environment: Mapping[str, str] | None = None,
    *,
    file: str = ".env",
    warn: Callable[[Problem], None] = _unheard,
) -> dict[str, str]:
    """The variables that a file of the syntax of `.env` sets.

    A value may use those before it and those of `environment`, which win; a name alone takes its value from there.
    `warn` is told of variables that are not set and have no default: they are empty, as with compose.
    Raises InputError, with all problems by their lines. None of what is said repeats a line: it may hold a secret.
    """
    from dotenv.parser import parse_stream  # on demand: most stacks have no such file

    around = environment or {}
    found: dict[str, str] = {}
    problems = []
    for key, value, (raw, line), wrong in parse_stream(StringIO(text)):
        # Empty lines before it belong to an entry.
        line += raw[: len(raw) - len(raw.lstrip())].count("\n")
        if wrong:
            problems.append(Problem(file, line, "should be NAME=value"))
        elif key and value is None and key in around:
            found[key] = around[key]
        elif key and value is not None:
            unset: list[str] = []
            try:
                found[key] = _expanded(raw, value, {**found, **around}, unset)
            except NoVariable:
                text = f"{key}: a $ that begins no variable; write $$, or put the value in single quotes"
                problems.append(Problem(file, line, text))
            except ValueError as error:
                problems.append(Problem(file, line, f"{key}: {error}"))
            remedy = "for a dollar sign write $$, or single quotes around the value"
            for name in unset:
                text = f"{key}: warning: the variable {name} is not set and has no default: it is empty; {remedy}"
                warn(Problem(file, line, text))
    if problems:
        raise InputError.of(problems)
    return found


def _expanded(raw: str, value: str, known: Mapping[str, str], unset: list[str]) -> str:
    """A value of a file, its variables replaced; in single quotes there are none. `unset` gets those not known."""

    def empty(name: str) -> str:
        unset.append(name)
        return ""

    match = _QUOTE.match(raw)
    quote = match[1] if match else ""
    if quote == "'":
        return value
    return interpolate(value.replace(r"\$", "$$") if quote else value, known, empty)
