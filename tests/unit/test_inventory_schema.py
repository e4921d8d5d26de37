"""The published JSON Schema says what the models say, and editors can rely on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from swarmops.inventory import json_schema, load, schema

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    published = json.loads((ROOT / "inventory.schema.json").read_text())
    Draft202012Validator.check_schema(published)
    return Draft202012Validator(published)


@pytest.fixture
def shipped() -> Any:
    return yaml.safe_load((ROOT / "inventory.yaml").read_text())


def test_the_published_schema_is_up_to_date() -> None:
    command = "python -m swarmops.inventory.json_schema > inventory.schema.json"
    assert (ROOT / "inventory.schema.json").read_text() == json_schema.text(), f"run: {command}"


def test_the_shipped_inventory_fits(validator: Draft202012Validator, shipped: Any) -> None:
    assert list(validator.iter_errors(shipped)) == []
    first = (ROOT / "inventory.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=inventory.schema.json"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["al"], {}),
        (["all", "var"], {}),
        (["all", "vars", "regstry"], {}),
        (["all", "vars", "registry", "prt"], 5000),
        (["all", "vars", "registry", "port"], 70000),
        (["all", "vars", "registry", "username"], "alice"),
        (["all", "vars", "registry"], {"username": "alice", "password": "hunter2"}),
        (["all", "vars", "registry"], {"username": "alice", "password": {"file": "a", "environment": "B"}}),
        (["all", "vars", "registry"], {"username": "alice", "password": {"command": []}}),
        (["all", "vars", "registries"], {"ghcr.io/me": {"username": "alice", "password": {"file": "a"}}}),
        (["all", "vars", "history"], 101),
        (["all", "vars", "stacks", "w" * 41], {"template": "stacks/echo.yml.j2"}),
        (["all", "vars", "transport"], "sssh"),
        (["all", "vars", "networks", "Local Net"], {}),
        (["all", "vars", "stacks", "echo", "template"], "../echo.yml.j2"),
        (["all", "children", "workers", "vars"], {"cluster": "lab"}),
        (["all", "children", "workers", "hosts", "worker02"], {"labls": {}}),
        (["all", "children", "managers", "hosts", "manager", "ports"], ["80000:80"]),
        (["all", "children", "managers", "hosts", "manager", "ports"], [540022]),
    ],
    ids=lambda value: ".".join(value) if isinstance(value, list) and len(value) > 1 else "",
)
def test_the_schema_refuses_what_loading_refuses(
    validator: Draft202012Validator, shipped: Any, path: list[str], value: Any
) -> None:
    place = shipped
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    assert list(validator.iter_errors(shipped))


@pytest.mark.parametrize("command", ["pass show lab/registry", ["pass", "show", "lab/registry"]])
def test_a_command_is_a_line_or_a_list(validator: Draft202012Validator, shipped: Any, command: Any) -> None:
    shipped["all"]["vars"]["registry"] |= {"username": "alice", "password": {"command": command}, "tls": True}
    shipped["all"]["vars"]["registries"] = {"ghcr.io": {"username": "a", "password": {"environment": "TOKEN"}}}
    assert list(validator.iter_errors(shipped)) == []


def test_the_defaults_are_the_shipped_values() -> None:
    """So that a short inventory gives what the documented example gives."""
    shipped = load(ROOT / "inventory.yaml").settings
    short = schema.Settings(cluster="lab")
    stated = {"networks", "stacks", "images"}
    assert shipped.model_dump(exclude=stated) == short.model_dump(exclude=stated)
    assert shipped.images.hub == short.images.hub
