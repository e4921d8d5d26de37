"""What is said of a file that does not fit the schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from swarmops.errors import Problem, suggest
from swarmops.inventory.schema import AllVars, Group, HostVars, InventoryFile, Settings
from swarmops.inventory.yaml_lines import Document, dotted

Place = tuple[str | int, ...]


def problems(document: Document, error: ValidationError) -> list[Problem]:
    """Every error of the schema as a sentence with its place."""
    found = error.errors(include_url=False, include_context=True)
    return [_problem(document, each) for each in found]


def place(error: ErrorDetails) -> Place:
    """Where in the file an error is; pydantic marks an error of a key itself by `[key]`."""
    return tuple(part for part in error["loc"] if part != "[key]")


def _problem(document: Document, error: ErrorDetails) -> Problem:
    path, at_key = place(error), error["loc"][-1] == "[key]"
    if error["type"] == "invalid_key" or (at_key and error["type"] == "string_type"):
        text = f"{dotted(path[:-1])}: the key {path[-1]} should be text, quote it"
        return Problem(document.file, document.line(path), text)
    return document.problem(path, _sentence(document, error))


def _sentence(document: Document, error: ErrorDetails) -> str:
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(place(error))
    if kind == "value_error":
        return str(context["error"])
    if kind == "missing":
        return "is missing"
    if kind == "literal_error":
        return _not_one_of(value, context["expected"])
    if kind == "string_type" and isinstance(value, bool | int | float):
        return f'should be text, quote it: "{document.written(place(error))}"'
    return _SHOULD.get(kind, _should_be("different"))(value)


def _should_be(wanted: str) -> Callable[[Any], str]:
    return lambda value: f"should be {wanted}, not {_kind(value)}"


_SHOULD: dict[str, Callable[[Any], str]] = {
    "string_type": _should_be("text"),
    "recursion_loop": lambda _: "contains itself",
    "int_type": _should_be("a whole number"),
    "int_from_float": _should_be("a whole number"),
    "bool_type": _should_be("true or false"),
    "list_type": _should_be("a list"),
    "dict_type": _should_be("a mapping"),
    "model_type": _should_be("a mapping"),
    "model_attributes_type": _should_be("a mapping"),
}


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return f'the text "{value}"' if isinstance(value, str) else json.dumps(value, default=str)


def _not_one_of(value: Any, expected: str) -> str:
    known = expected.replace("'", "").replace(" or ", ", ").split(", ")
    shown = value if isinstance(value, str) else _kind(value)
    hint = suggest(value, known) if isinstance(value, str) else ""
    return f"{shown} is not one of {', '.join(known)}{hint}" if len(known) > 1 else f"should be {known[0]}, not {shown}"


def _unknown_key(path: Place) -> str:
    key, model = str(path[-1]), model_at(path[:-1])
    known = list(model.model_fields) if model else []
    if model and issubclass(model, HostVars) and key in Settings.model_fields:
        return "a variable of the cluster, it belongs in all.vars"
    if model and issubclass(model, Group) and key in AllVars.model_fields:
        return "unknown key, variables belong under vars"
    return f"unknown key{suggest(key, known) or '; there are ' + ', '.join(known)}"


def model_at(path: Place) -> type[BaseModel] | None:
    """The model of the mapping at a path."""
    found: Any = InventoryFile
    for part in path:
        if isinstance(found, type) and issubclass(found, BaseModel):
            found = _mapping_type(found.model_fields[str(part)].annotation)
        else:
            found = _mapping_type(get_args(found)[-1])
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _mapping_type(annotation: Any) -> Any:
    """The type without its `| None`."""
    if get_origin(annotation) in (Union, UnionType):
        return next(part for part in get_args(annotation) if part is not type(None))
    return annotation
