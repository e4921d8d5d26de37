"""The compose file of a lab."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from swarmops.errors import InputError
from swarmops.inventory import Inventory
from swarmops.inventory.yaml_lines import Document, NotYAML
from swarmops.render import cluster_context, render

if TYPE_CHECKING:
    from swarmops.lab.images import LabImages

SPEC_LABEL = "swarmops.spec"


class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Writes text of several lines as several lines."""


def _text(dumper: Dumper, text: str) -> yaml.Node:
    node: yaml.Node = dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)
    return node


Dumper.add_representer(str, _text)


@dataclass(frozen=True)
class ComposeFile:
    """The text of a compose file, and what each of its containers is made from: its name → a hash."""

    text: str
    specs: Mapping[str, str]


def compose_file(
    inventory: Inventory, images: LabImages, *, privileged: bool, systempaths: bool, stack_dir: Path
) -> ComposeFile:
    """Renders templates/compose.yml.j2 and marks every service with the hash of its definition.

    By that mark `up` sees whether a container is as the file states without running compose. `systempaths` says
    whether compose knows the security option of that name.
    """
    root = inventory.project / "templates"
    context = {
        **cluster_context(inventory),
        "images": images,
        "nodes": inventory.nodes,
        "managers": inventory.managers,
        "registry_address": inventory.registry_address,
        "edge": inventory.edge,
        "edge_address": inventory.edge_address,
        "authorized_keys": inventory.authorized_keys,
        "privileged": privileged,
        "systempaths": systempaths,
        "stack_dir": stack_dir,
    }
    text, shown = render(root / "compose.yml.j2", root, context), "templates/compose.yml.j2, rendered"
    try:
        file = Document(text, shown).data
    except NotYAML as error:
        raise InputError.of(error.problems) from error
    specs = {}
    try:
        for service in file["services"].values():
            specs[service["container_name"]] = service["labels"][SPEC_LABEL] = _hash(service)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{shown}: each service needs a container_name and labels, as a mapping") from error
    return ComposeFile(yaml.dump(file, Dumper=Dumper, sort_keys=False, width=120), specs)


def _hash(service: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(service, sort_keys=True).encode()).hexdigest()[:16]
