"""YAML that remembers where everything stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from swarmops.errors import Problem

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Path = tuple[str | int, ...]


class NotYAML(Exception):
    """The text is not one YAML document; `problems` says where."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__(problems[0].text)


class Document:
    """One YAML document: its data, the line of every path in it, and the keys that it states twice.

    `kind` makes values of it; a safe loader. Raises NotYAML.
    """

    def __init__(self, text: str, file: str, kind: Any = Loader) -> None:
        self.file = file
        try:
            loader = kind(text)
            try:
                self._root = loader.get_single_node()
                self.problems = list(self._duplicates(self._root, (), set()))
                self.data: Any = loader.construct_document(self._root) if self._root else None
            finally:
                loader.dispose()
        except yaml.MarkedYAMLError as error:
            raise NotYAML([_not_yaml(error, text, file)]) from error
        except yaml.YAMLError as error:
            raise NotYAML([Problem(file, 0, f"not YAML: {str(error).splitlines()[0]}")]) from error
        except ValueError as error:  # a date or a number by its form, and none
            raise NotYAML([self._no_value(error)]) from error

    def line(self, path: Sequence[str | int]) -> int:
        """The line of a path, or of the nearest thing above it; 0 in an empty document."""
        return self._find(path)[0]

    def written(self, path: Sequence[str | int]) -> str:
        """The scalar at a path as it is written in the file: `no`, not False."""
        return _text(self._find(path)[1])

    def problem(self, path: Sequence[str | int], text: str) -> Problem:
        """Something wrong at a path."""
        return Problem(self.file, self.line(path), f"{dotted(path)}: {text}" if path else text)

    def _find(self, path: Sequence[str | int]) -> tuple[int, Any]:
        node = self._root
        line = node.start_mark.line + 1 if node else 0
        for part in path:
            found = _child(node, part)
            if found is None:
                break
            line, node = found
        return line, node

    def _no_value(self, error: ValueError) -> Problem:
        """The first scalar that is none of what its form says."""
        for node in _scalars(self._root, set()):
            try:
                yaml.SafeLoader("").construct_object(node)
            except ValueError as own:
                line, said = node.start_mark.line + 1, str(own).partition(";")[0]
                return Problem(self.file, line, f"{node.value[:40]}: {said}; in quotes it is text")
        return Problem(self.file, 0, f"not YAML: {error}")

    def _duplicates(self, node: Any, path: Path, seen: set[int]) -> Iterator[Problem]:
        if id(node) in seen:
            return
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            for index, child in enumerate(node.value):
                yield from self._duplicates(child, (*path, index), seen)
        if not isinstance(node, yaml.MappingNode):
            return
        first: dict[str, int] = {}
        for key, value in node.value:
            name, line = _text(key), key.start_mark.line + 1
            if name in first and name != "<<":
                text = f"{dotted((*path, name))}: stated twice, first in line {first[name]}"
                yield Problem(self.file, line, text)
            first.setdefault(name, line)
            yield from self._duplicates(value, (*path, name), seen)


def dotted(path: Sequence[str | int]) -> str:
    """`all.vars.stacks` of its parts; positions in a list are in brackets."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _child(node: Any, part: str | int) -> tuple[int, Any] | None:
    if isinstance(node, yaml.SequenceNode):
        if not isinstance(part, int) or part >= len(node.value):
            return None
        return node.value[part].start_mark.line + 1, node.value[part]
    if isinstance(node, yaml.MappingNode):
        for key, value in reversed(node.value):  # merged keys (<<) stand before a mapping's own
            if _text(key) == str(part):
                return key.start_mark.line + 1, value
    return None


def _scalars(node: Any, seen: set[int]) -> Iterator[yaml.ScalarNode]:
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.CollectionNode):
        for child in node.value:
            for each in child if isinstance(child, tuple) else (child,):
                yield from _scalars(each, seen)


def _text(key: Any) -> str:
    return str(key.value) if isinstance(key, yaml.ScalarNode) else "?"


def _not_yaml(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    line = mark.line if mark else 0
    lines = text.splitlines()
    hint = ""
    if line < len(lines) and lines[line].startswith("\t"):
        hint = "; indent with spaces, not with a tab"
    said = ", ".join(part for part in (error.context, error.problem) if part)
    return Problem(file, line + 1, f"not YAML: {said}{hint}")
