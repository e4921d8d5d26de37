"""Reads an inventory file: everything that is wrong with it is said at once."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from swarmops.errors import InputError, Problem
from swarmops.inventory import ansible, checks, messages
from swarmops.inventory.model import Inventory, Node, Role
from swarmops.inventory.schema import HostVars, InventoryFile, Settings
from swarmops.inventory.yaml_lines import Document, NotYAML

M = TypeVar("M", bound=BaseModel)

# A lab's addresses, counted from the start of its subnet; they stay the same as long as the file does.
_REGISTRY = 5
_FIRST = {Role.MANAGER: 11, Role.WORKER: 32}

# What must be there, for the time of looking for further problems.
_STAND_INS: dict[messages.Place, Any] = {("all",): {}, ("all", "vars"): {}, ("all", "vars", "cluster"): "unnamed"}
_ROUNDS = 8


def load(path: Path) -> Inventory:
    """The inventory of a file.

    Raises InputError with every problem found, each with file, line, path and what to write instead.
    """
    try:
        document = Document(_text(path), _shown(path))
    except NotYAML as error:
        raise InputError.of(error.problems) from error
    data, problems = _validated(document)
    tree = ansible.read(data)
    problems += checks.topology(document, tree, complete=not problems)
    inventory = _inventory(path, tree)
    problems += checks.consistency(document, tree, inventory)
    if document.problems or problems:
        raise InputError.of([*document.problems, *problems])
    return inventory


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        remedy = "put one beside tasks.py, or name another file in SWARMOPS_INVENTORY"
        raise InputError(f"{_shown(path)}: no such file", remedy=remedy) from None
    except UnicodeDecodeError as error:
        raise InputError(f"{_shown(path)}: not UTF-8 text") from error
    except OSError as error:
        raise InputError(f"{_shown(path)}: {error.strerror}") from error


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _validated(document: Document) -> tuple[dict[str, Any], list[Problem]]:
    """The data, and what is wrong with it. What is wrong is left out, so that the rest can be looked at as well."""
    data = copy.deepcopy(_whole(document))
    problems: list[Problem] = []
    for _ in range(_ROUNDS):
        try:
            InventoryFile.model_validate(data)
            return data, problems
        except ValidationError as error:
            problems = problems or messages.problems(document, error)
            for each in reversed(error.errors(include_url=False)):
                _leave_out(data, messages.place(each), missing=each["type"] == "missing")
    raise InputError.of([*document.problems, *problems])


def _whole(document: Document) -> dict[str, Any]:
    if document.data is None:
        raise InputError.of([Problem(document.file, 0, "is empty; a cluster is stated under all.vars")])
    if not isinstance(document.data, dict):
        raise InputError.of([document.problem((), "should be a mapping that begins with all:")])
    return document.data


def _leave_out(data: dict[str, Any], path: messages.Place, *, missing: bool) -> None:
    if path in _STAND_INS:
        path, value = path[:-1], {path[-1]: copy.deepcopy(_STAND_INS[path])}
        _at(data, path).update(value)
        return
    if missing:
        path = path[:-1]
    parent = _at(data, path[:-1]) if path else None
    if isinstance(parent, dict) and path[-2:-1] in (("hosts",), ("children",)) and parent.get(path[-1]) is not None:
        parent[path[-1]] = None
    elif isinstance(parent, dict):
        parent.pop(path[-1], None)
    elif isinstance(parent, list):
        del parent[int(path[-1])]


def _at(data: Any, path: messages.Place) -> Any:
    """What is at a path; None where a key is no text, which the path names as if it were."""
    for part in path:
        try:
            data = data[part]
        except KeyError:
            return None
    return data


def _inventory(path: Path, tree: ansible.Tree) -> Inventory:
    settings = _only(Settings, tree.groups["all"].vars)
    hostvars = {host: tree.variables(host) for host in tree.members("all")}
    nodes = [
        _node(settings, name, role, position, _only(HostVars, hostvars[name]))
        for role in Role
        for position, name in enumerate(tree.members(f"{role}s"))
    ]
    return Inventory(path.absolute(), settings, tuple(nodes), _registry(settings), tree.names(), hostvars)


def _registry(settings: Settings) -> str:
    if settings.transport == "ssh":
        return str(settings.registry.host)
    return str(settings.subnet.network_address + _REGISTRY)


def _node(settings: Settings, name: str, role: Role, position: int, own: HostVars) -> Node:
    if settings.transport == "lab":
        found = str(settings.subnet.network_address + _FIRST[role] + position)
    else:
        found = own.ansible_host or name
    return Node(name, role, own.address or found, own)


def _only(model: type[M], variables: dict[str, Any]) -> M:
    return model.model_validate({key: value for key, value in variables.items() if key in model.model_fields})
