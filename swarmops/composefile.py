"""A compose file, plain or rendered, as it is meant: its variables replaced, its files of variables read. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from swarmops.errors import InputError, Problem
from swarmops.inventory.yaml_lines import Document, Loader, NotYAML, dotted
from swarmops.variables import dotenv, interpolate

__all__ = ["dotenv", "load", "variables"]

Where = tuple[str | int, ...]
Wrong = tuple[Where, str]
"""A place of a file, and what is wrong there."""
SHARED = ("networks", "configs", "secrets", "volumes")
# Mappings whose keys are names of the author's own: at the top, and further down.
_NAMES = {(key,) for key in ("services", *SHARED)}
_INNER_NAMES = ("environment", "labels", "networks", "driver_opts", "options", "sysctls", "extra_hosts")

# What docker wants as a number or as yes or no, where a variable can only give a text:
# https://github.com/docker/cli/blob/master/cli/compose/loader/interpolate.go
_NUMBER = re.compile(
    r"services\.[^.]+\.((configs|secrets)\[\d+\]\.mode|healthcheck\.retries|oom_score_adj|ulimits\.[^.]+(\.(hard|soft))?"
    r"|ports\[\d+\]\.(target|published)|deploy\.(replicas|restart_policy\.max_attempts|placement\.max_replicas_per_node"
    r"|(update|rollback)_config\.(parallelism|max_failure_ratio)))"
)
_BOOLEAN = re.compile(
    r"services\.[^.]+\.(healthcheck\.disable|privileged|read_only|stdin_open|tty|init|volumes\[\d+\]\.read_only"
    r"|volumes\[\d+\]\.volume\.nocopy)|(networks|volumes|secrets|configs)\.[^.]+\.(external|internal|attachable)"
)
_BOOL, _DATE, _INT, _FLOAT = (f"tag:yaml.org,2002:{kind}" for kind in ("bool", "timestamp", "int", "float"))
_BOOLEANS = {"y": True, "yes": True, "true": True, "on": True, "n": False, "no": False, "false": False, "off": False}


class ComposeLoader(Loader):  # type: ignore[misc]
    """Takes for yes or no what docker's newest reader does, true and false alone, and dates for texts.

    The rules of YAML 1.1 have yes, no, on and off too: the country NO would be false. They have no 0o440 and no 1e3,
    which docker takes for numbers: https://github.com/go-yaml/yaml/blob/v3/resolve.go
    """

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, form) for tag, form in forms if tag not in (_BOOL, _DATE)]
        for first, forms in Loader.yaml_implicit_resolvers.items()
    }

    def number(self, node: Any) -> float | str:
        """A number with a fraction or an exponent; a text where that is beyond all of docker's numbers."""
        value: float = self.construct_yaml_float(node)
        return node.value if math.isinf(value) and "inf" not in node.value.lower() else value


ComposeLoader.add_implicit_resolver(_BOOL, re.compile("(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
ComposeLoader.add_implicit_resolver(_INT, re.compile("[-+]?0[oO][0-7][0-7_]*$"), list("-+0"))
ComposeLoader.add_implicit_resolver(
    _FLOAT,
    re.compile(r"[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)
ComposeLoader.add_constructor(_FLOAT, ComposeLoader.number)


def load(
    text: str,
    template: Path,
    *,
    environment: Mapping[str, str],
    read: Callable[[Path], str],
    warn: Callable[[Problem], None] | None = None,
    check: Callable[[Mapping[str, Any]], Iterable[Wrong]] | None = None,
) -> dict[str, Any]:
    """The file with its variables replaced, and what `env_file` names put into each service's `environment`.

    `environment` has the variables. `read` gives a file that the template names, relative to the template, and raises
    OSError where there is none. `warn` is told of variables that are not set and have no default: they are empty, as
    with compose. `check` finds what else is wrong with a file of the right shape. Raises InputError for what is not a
    stack file, with every problem at its line.
    """
    reader = _Reader(_document(text, template), template, environment, read)
    try:
        file = reader.file(check)
    except RecursionError:
        raise InputError.of([Problem(template.name, 0, "an alias refers to what it is a part of")]) from None
    if reader.problems:
        raise InputError.of(reader.problems)
    for problem in reader.warnings:
        if warn:
            warn(problem)
    return file


def _document(text: str, template: Path) -> Document:
    try:
        document = Document(text, template.name, ComposeLoader)
    except NotYAML as error:
        raise InputError.of(_placed(problem, template) for problem in error.problems) from None
    services = document.data.get("services") if isinstance(document.data, dict) else None
    if not isinstance(services, dict) or not services:
        what = "renders to no stack file: there is no mapping `services`"
        raise InputError.of([Problem(template.name, 0, what)])
    return document


def _placed(problem: Problem, template: Path) -> Problem:
    """The problem at the line of a plain file. A line of what a template renders to is worth saying where YAML ends."""
    if template.suffix != ".j2" or not problem.line:
        return problem
    return Problem(problem.file, 0, f"line {problem.line} of what it renders to: {problem.text}")


class _Reader:
    """Reads one file; `problems` and `warnings` grow as it goes."""

    def __init__(
        self, document: Document, template: Path, environment: Mapping[str, str], read: Callable[[Path], str]
    ) -> None:
        self._document, self._template, self._environment, self._read = document, template, environment, read
        self.problems = [_placed(problem, template) for problem in document.problems]
        self.warnings: list[Problem] = []

    def file(self, check: Callable[[Mapping[str, Any]], Iterable[Wrong]] | None) -> dict[str, Any]:
        file: dict[str, Any] = self._replaced(self._document.data, ())
        self.problems += [self._problem(where, text) for where, text in _misshapen(file)]
        if not self.problems:
            for short, service in file["services"].items():
                self._inline(service, ("services", short))
            self.problems += [self._problem(where, text) for where, text in (check(file) if check else ())]
        return file

    def _problem(self, where: Where, text: str) -> Problem:
        found = self._document.problem(where, text)
        return found if self._template.suffix != ".j2" else Problem(found.file, 0, found.text)

    def _replaced(self, value: Any, where: Where) -> Any:
        """A value with the variables in it replaced; keys have none, and extensions are left as they are."""
        if isinstance(value, dict):
            return {
                key: _copied(item) if _extends(key, where) else self._replaced(item, (*where, key))
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self._replaced(item, (*where, index)) for index, item in enumerate(value)]
        if isinstance(value, int | float) and ":" in (written := self._document.written(where)):
            return written  # 22:22 is 1342 to the rules of YAML 1.1, and a text to docker
        if not isinstance(value, str | int | float | None):
            self.problems.append(self._problem(where, "should be a text, a number, true or false"))
        if not isinstance(value, str):
            return value
        try:
            if "$" not in value:
                return _typed(value, dotted(where)) if value.lower() in _BOOLEANS else value
            found = interpolate(value, self._environment, lambda name: self._unset(name, where))
            return _typed(_utf8(found), dotted(where))
        except ValueError as error:
            self.problems.append(self._problem(where, str(error)))
            return value

    def _unset(self, name: str, where: Where) -> str:
        self.warnings.append(
            self._problem(where, f"warning: the variable {name} is not set and has no default: it is empty")
        )
        return ""

    def _inline(self, service: dict[str, Any], where: Where) -> None:
        """Puts the variables of the service's files, and those that the environment is to give, into `environment`."""
        files, stated = service.pop("env_file", None), service.get("environment")
        pairs = variables(stated)
        if files is None and None not in pairs.values():
            return
        found: dict[str, Any] = {}
        for index, entry in enumerate(files if isinstance(files, list) else [files] if files else []):
            found |= self._variables(entry, (*where, "env_file", *([index] if isinstance(files, list) else [])))
        found |= {name: self._environment.get(name) if value is None else value for name, value in pairs.items()}
        service["environment"] = {name: value for name, value in found.items() if value is not None}
        for name, value in service["environment"].items():
            try:
                _utf8(value)
            except ValueError as error:
                self.problems.append(self._problem((*where, "environment"), f"{name}: {error}"))

    def _variables(self, entry: str | Mapping[str, Any], where: Where) -> dict[str, str]:
        """What one entry of `env_file` sets."""
        name, required = (entry, True) if isinstance(entry, str) else (entry["path"], entry.get("required", True))
        try:
            return dotenv(
                self._read(self._template.parent / name), self._environment, file=name, warn=self.warnings.append
            )
        except OSError as error:
            if required or not isinstance(error, FileNotFoundError):
                self.problems.append(self._problem(where, f"{name}: {error.strerror or error}"))
        except UnicodeDecodeError:
            self.problems.append(self._problem(where, f"{name}: not UTF-8 text"))
        except InputError as error:
            self.problems.append(self._problem(where, str(error)))
        return {}


def _extends(key: Any, where: Where) -> bool:
    """Whether a key is none of docker's, such as a secret's `x-command`, where the variables are the shell's."""
    name = where in _NAMES or (len(where) > 2 and where[-1] in _INNER_NAMES)
    return str(key).startswith("x-") and not name


def _copied(value: Any) -> Any:
    """As deep as it is: what an alias makes a part of itself is none. Raises RecursionError."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _utf8(value: Any) -> Any:
    """A value that may come from the environment. Raises ValueError for a text that is none."""
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError("not UTF-8 text") from None
    return value


def _typed(text: str, path: str) -> Any:
    """What a variable gave, as docker wants it at this place. Raises ValueError."""
    if _BOOLEAN.fullmatch(path):
        if text.lower() not in _BOOLEANS:
            raise ValueError(f"{text} should be true or false")
        return _BOOLEANS[text.lower()]
    if not _NUMBER.fullmatch(path):
        return text
    try:
        return float(text) if path.endswith("ratio") else int(text)
    except ValueError:
        raise ValueError(f'"{text}" should be a number') from None


def variables(environment: Any) -> dict[str, Any]:
    """A service's variables, from either form; None for those that are to come from outside."""
    if isinstance(environment, list):
        return {
            name: value if sign else None for name, sign, value in (str(item).partition("=") for item in environment)
        }
    return dict(environment or {})


def _misshapen(file: Mapping[str, Any]) -> Iterator[Wrong]:
    """What has another shape than the rest of swarmops relies on."""
    yield from _other_than(file, (), SHARED, (dict,))
    for kind in SHARED:
        yield from _entries(file.get(kind), (kind,))
    yield from _names(file["services"], ("services",))
    for short, service in file["services"].items():
        where = ("services", short)
        if not isinstance(service, dict) or not isinstance(service.get("image"), str) or not service["image"]:
            yield where, "an image is missing"
        else:
            yield from _other_than(service, where, ("deploy",), (dict,))
            yield from _other_than(service, where, ("environment", "depends_on", "networks"), (dict, list))
            yield from _listed(service, where, ("configs", "secrets", "volumes", "ports"))
            yield from _texts(service.get("environment"), (*where, "environment"))
            yield from _entries(service.get("depends_on"), (*where, "depends_on"))
            yield from _env_files(service.get("env_file"), (*where, "env_file"))


def _other_than(
    parent: Mapping[str, Any], where: Where, keys: Iterable[str], kinds: tuple[type, ...]
) -> Iterator[tuple[Where, str]]:
    what = "not a mapping" if kinds == (dict,) else "neither a mapping nor a list"
    yield from (((*where, key), what) for key in keys if not isinstance(parent.get(key) or {}, kinds))


def _listed(parent: Mapping[str, Any], where: Where, keys: Iterable[str]) -> Iterator[tuple[Where, str]]:
    yield from (((*where, key), "not a list") for key in keys if not isinstance(parent.get(key) or [], list))


def _entries(stated: Any, where: Where) -> Iterator[tuple[Where, str]]:
    """Names with a mapping each, or names alone."""
    yield from _names(stated or (), where)
    if isinstance(stated, dict):
        yield from _other_than(stated, where, stated, (dict,))


def _names(stated: Any, where: Where) -> Iterator[tuple[Where, str]]:
    """To YAML `1` and `on` are no texts."""
    names = stated if isinstance(stated, dict | list) else ()
    yield from (
        (where, f"{name} should be a name, in quotes if need be") for name in names if not isinstance(name, str)
    )


def _texts(stated: Any, where: Where) -> Iterator[tuple[Where, str]]:
    for index, item in enumerate(stated if isinstance(stated, list) else ()):
        if not isinstance(item, str):
            yield (*where, index), "should be NAME=value, or all of it a mapping"


def _env_files(stated: Any, where: Where) -> Iterator[tuple[Where, str]]:
    for entry in stated if isinstance(stated, list) else [stated] if stated is not None else []:
        known = isinstance(entry, dict) and entry.keys() <= {"path", "required"}
        if not isinstance(entry.get("path") if known else entry, str):
            yield where, "should be a path, or a list of paths and of {path: …, required: …}"
