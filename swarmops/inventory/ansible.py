"""Groups, hosts, ranges and variables as Ansible reads them from a YAML inventory."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

PRIORITY = "ansible_group_priority"
Path = tuple[str, ...]
_RANGE = re.compile(r"^([^\[\]]*)\[([^\[\]:]*):([^\[\]:]*)(?::([^\[\]:]*))?\](.*)$")


class BadRange(ValueError):
    """A host pattern whose range says nothing."""


@dataclass(eq=False)
class Group:
    """A group, with what is stated for it anywhere in the file."""

    name: str
    vars: dict[str, Any] = field(default_factory=dict)
    hosts: dict[str, Path] = field(default_factory=dict)
    """Its own hosts, each with the path where it was stated first."""
    children: dict[str, Group] = field(default_factory=dict)
    depth: int = 0
    priority: int = 1


@dataclass(eq=False)
class Tree:
    """All groups of an inventory, `all` and `ungrouped` among them. What is not a mapping is passed over."""

    groups: dict[str, Group] = field(default_factory=dict)
    host_vars: dict[str, dict[str, Any]] = field(default_factory=dict)
    wrong: list[tuple[Path, str]] = field(default_factory=list)
    """Ranges that cannot be read and groups inside themselves, by path."""

    def members(self, group: str) -> dict[str, Path]:
        """The hosts of a group and of its descendants, in the order of the file, with the path of each."""
        found: dict[str, Path] = {}
        top = self.groups.get(group)
        for each in self._with_children(top) if top else ():
            for host, path in each.hosts.items():
                found.setdefault(host, path)
        return found

    def names(self) -> dict[str, list[str]]:
        """Ansible's `groups`: the hosts of each group."""
        return {name: list(self.members(name)) for name in self.groups}

    def variables(self, host: str) -> dict[str, Any]:
        """A host's variables: shallow groups before deep ones, low priority before high, then by name, its own last."""
        merged: dict[str, Any] = {}
        holding = [group for group in self.groups.values() if host in self.members(group.name)]
        for group in sorted(holding, key=lambda group: (group.depth, group.priority, group.name)):
            merged |= group.vars
        return merged | self.host_vars.get(host, {})

    def contains(self, outer: Group, inner: Group) -> bool:
        """Whether a group is another one, or somewhere inside it."""
        return inner in self._with_children(outer)

    def _with_children(self, group: Group) -> Iterator[Group]:
        waiting, seen = [group], {group.name}
        for found in waiting:
            yield found
            new = [child for child in found.children.values() if child.name not in seen]
            waiting += new
            seen |= {child.name for child in new}


def read(data: Any) -> Tree:
    """The tree of a parsed inventory file."""
    tree = Tree({"all": Group("all"), "ungrouped": Group("ungrouped")})
    for name, body in _mapping(data).items():
        _read_group(tree, str(name), body, (str(name),))
    top, ungrouped = tree.groups["all"], tree.groups["ungrouped"]
    grouped = {host for group in tree.groups.values() if group is not top for host in group.hosts}
    ungrouped.hosts |= {host: path for host, path in top.hosts.items() if host not in grouped}
    adopted = {child for group in tree.groups.values() for child in group.children}
    for name, group in tree.groups.items():
        if name not in adopted and group is not top:
            top.children[name] = group
    _set_depth(top, 0)
    return tree


def expand(pattern: str) -> list[str]:
    """The hosts of `web[01:03]`, `db[a:c]` or `n[0:8:2]`; several ranges multiply. Raises BadRange."""
    if "[" not in pattern and "]" not in pattern:
        return [pattern]
    match = _RANGE.match(pattern)
    if not match:
        raise BadRange("a range is written [01:03], [a:c] or [0:8:2]")
    head, first, last, step, tail = match.groups()
    if step is not None and not (step.isdecimal() and int(step)):
        raise BadRange(f"the step {step} of the range should be a number from 1 up")
    return [head + item + rest for item in _items(first or "0", last, int(step or 1)) for rest in expand(tail)]


def _items(first: str, last: str, step: int) -> list[str]:
    if first.isdecimal() and last.isdecimal():
        if len(first) > 1 and first.startswith("0") and len(first) != len(last):
            raise BadRange(f"{first} and {last} should have the same number of digits")
        width = len(first) if first.startswith("0") else 0
        found = [str(number).zfill(width) for number in range(int(first), int(last) + 1, step)]
    elif len(first) == len(last) == 1 and first + last in _letters(first, last):
        letters = string.ascii_letters
        found = list(letters[letters.index(first) : letters.index(last) + 1 : step])
    else:
        raise BadRange(f"{first}:{last} is neither two numbers nor two letters")
    if not found:
        raise BadRange(f"{first} comes after {last}")
    return found


def _letters(first: str, last: str) -> set[str]:
    return {first + last} if first in string.ascii_letters and last in string.ascii_letters else set()


def _read_group(tree: Tree, name: str, body: Any, path: Path) -> Group:
    group = tree.groups.setdefault(name, Group(name))
    for section, stated in _mapping(body).items():  # in the order of the file: what is said last of a host counts
        if section == "vars":
            _read_vars(group, _mapping(stated))
        for key, inner in _mapping(stated).items():
            if section == "children":
                _read_child(tree, group, str(key), inner, (*path, section, str(key)))
            elif section == "hosts":
                _read_hosts(tree, group, str(key), inner, (*path, section, str(key)))
    return group


def _read_vars(group: Group, stated: dict[str, Any]) -> None:
    group.priority = stated.get(PRIORITY, group.priority)
    group.vars |= {key: value for key, value in stated.items() if key != PRIORITY}


def _read_child(tree: Tree, group: Group, name: str, body: Any, path: Path) -> None:
    above = name in path[:-1:2]
    child = None if above else _read_group(tree, name, body, path)
    if child is None or tree.contains(child, group):
        tree.wrong.append((path, f"the group {name} contains {group.name} and is inside it"))
    else:
        group.children[name] = child


def _read_hosts(tree: Tree, group: Group, pattern: str, own: Any, path: Path) -> None:
    try:
        hosts = expand(pattern)
    except BadRange as error:
        tree.wrong.append((path, str(error)))
        return
    for host in hosts:
        group.hosts.setdefault(host, path)
        tree.host_vars.setdefault(host, {}).update(_mapping(own))


def _set_depth(group: Group, depth: int) -> None:
    group.depth = max(group.depth, depth)
    for child in group.children.values():
        _set_depth(child, depth + 1)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
