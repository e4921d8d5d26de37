"""The shipped templates with the shipped inventory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from swarmops import stackfile
from swarmops.ingress import declared
from swarmops.inventory import Inventory, load
from swarmops.lab.compose_file import compose_file
from swarmops.render import render, stack_context

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "templates"
IMAGES: Any = SimpleNamespace(
    node="swarmops/node:0123456789ab", registry="swarmops/registry:0123456789ab", edge="swarmops/haproxy:0123456789ab"
)
STACK_DIR = Path("/project/stack/lab")
Golden = Callable[[str, str], None]


@pytest.fixture(scope="module")
def shipped() -> Inventory:
    return load(ROOT / "inventory.yaml")


def stacks(inventory: Inventory, routing: str) -> dict[str, stackfile.Stack]:
    def stack(name: str, services: Any) -> stackfile.Stack:
        context = stack_context(inventory, name, routing, "registry:5000/{}:1.0".format, services)
        template = TEMPLATES / inventory.settings.stacks[name].template
        return stackfile.parse(
            name, render(template, TEMPLATES, context), template, lambda path: render(path, TEMPLATES, context)
        )

    first = {name: stack(name, []) for name in inventory.settings.stacks}
    backends = declared({name: each.file for name, each in first.items()})
    return {name: stack(name, backends) for name in first}


@pytest.mark.parametrize("routing", ["mesh", "dns"])
@pytest.mark.parametrize("name", ["echo", "ingress", "visualizer"])
def test_stack(shipped: Inventory, golden: Golden, name: str, routing: str) -> None:
    for file, text in stacks(shipped, routing)[name].files.items():
        name, _, digest = Path(file).name.rpartition("_")  # a configuration's name ends in its hash
        golden(f"{routing}/{name}.conf" if digest and name else f"{routing}/{file}", text)


@pytest.mark.parametrize("routing", ["mesh", "dns"])
def test_both_ways_to_route(shipped: Inventory, routing: str) -> None:
    """What a kernel without IPVS cannot do is not in a file for it."""
    modes = {"mesh": ("vip", "ingress"), "dns": ("dnsrr", "host")}[routing]
    for stack in stacks(shipped, routing).values():
        for service in stack.services.values():
            assert service["deploy"]["endpoint_mode"] == modes[0]
            shared = [
                port for port in service.get("ports", []) if port["target"] != 1936
            ]  # each proxy's own statistics
            assert {port["mode"] for port in shared} <= {modes[1]}


@pytest.mark.parametrize(
    ("name", "privileged", "systempaths"),
    [("full", True, True), ("trimmed", False, True), ("trimmed-old-compose", False, False)],
)
def test_compose(shipped: Inventory, golden: Golden, name: str, privileged: bool, systempaths: bool) -> None:
    file = compose_file(shipped, IMAGES, privileged=privileged, systempaths=systempaths, stack_dir=STACK_DIR)
    golden(f"compose/{name}.yml", file.text)


def test_compose_of_several_managers(golden: Golden) -> None:
    """The example: nobody but the proxy in front of the managers has ports of the host."""
    inventory = load(ROOT / "examples/ha.yaml")
    assert inventory.project == ROOT, "templates are found upwards"
    file = compose_file(inventory, IMAGES, privileged=True, systempaths=True, stack_dir=STACK_DIR)
    golden("compose/ha.yml", file.text)
    services = yaml.safe_load(file.text)["services"]
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    host = "127.0.0.1"
    assert published == {
        "registry": [f"{host}:5000:5000"],
        "edge": [f"{host}:8000:8000", f"{host}:9000:9000"],
    }


def test_a_container_is_marked_with_what_it_is_made_from(shipped: Inventory) -> None:
    def specs(**differing: Any) -> dict[str, str]:
        stated: dict[str, Any] = {"privileged": True, "systempaths": True, "stack_dir": STACK_DIR} | differing
        return dict(compose_file(shipped, IMAGES, **stated).specs)

    usual, moved = specs(), specs(stack_dir=Path("/elsewhere"))
    assert list(usual) == ["lab-registry", "lab-manager", "lab-worker01", "lab-worker02", "lab-worker03"]
    assert {name for name in usual if usual[name] != moved[name]} == {"lab-manager"}
    text = compose_file(shipped, IMAGES, privileged=True, systempaths=True, stack_dir=STACK_DIR).text
    labels = {each["container_name"]: each["labels"] for each in yaml.safe_load(text)["services"].values()}
    assert {name: label["swarmops.spec"] for name, label in labels.items()} == usual
