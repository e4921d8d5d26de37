"""A stack file as it is deployed: configurations named by content, services marked with their origin. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from swarmops.errors import InputError, Problem
from swarmops.facts import Service

SPEC_LABEL = "swarmops.spec"
SHARED = ("networks", "configs", "secrets", "volumes")
"""What services of one file may have in common."""
CONFIG_NAME_LIMIT = 64
"""Bytes; docker refuses a longer name of a config."""


@dataclass(frozen=True)
class Stack:
    """A stack's file, parsed, and the configurations it refers to: name in the swarm → content."""

    name: str
    file: dict[str, Any]
    configs: Mapping[str, str] = field(default_factory=dict)

    @property
    def services(self) -> dict[str, dict[str, Any]]:
        """The services of the file, by their short names."""
        return self.file["services"]  # type: ignore[no-any-return]

    @property
    def text(self) -> str:
        """The file as YAML."""
        return yaml.safe_dump(self.file, sort_keys=False, width=120)

    @property
    def files(self) -> dict[str, str]:
        """What is written of it: file names, below the cluster's directory, and their texts."""
        return {f"{self.name}.yml": self.text} | {f"{self.name}/{name}": text for name, text in self.configs.items()}

    def full_name(self, service: str) -> str:
        """The name that a service of the file has in the swarm."""
        return f"{self.name}_{service}"


def parse(name: str, text: str, template: Path, render_file: Callable[[Path], str]) -> Stack:
    """The stack in a rendered template.

    `render_file` gives the content of a file that a configuration names, relative to the template.
    Raises InputError for what is not a stack file.
    """
    file = _mapping(text, template)
    configs = {}
    for short, config in (file.get("configs") or {}).items():
        if isinstance(config, dict) and "file" in config:
            content = render_file(template.parent / config["file"])
            full = _content_name(f"{name}_{short}", content)
            configs[full] = content
            file["configs"][short] = {"external": True, "name": full}
    return Stack(name, file, configs)


def _mapping(text: str, template: Path) -> dict[str, Any]:
    try:
        file = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f"line {mark.line + 1} of what it renders to: " if mark else ""
        raise InputError.of([Problem(template.name, 0, f"{at}{getattr(error, 'problem', error)}")]) from None
    services = file.get("services") if isinstance(file, dict) else None
    if not isinstance(services, dict) or not services:
        raise InputError.of([Problem(template.name, 0, "renders to no stack file: there is no mapping `services`")])
    if bad := [*_not_mappings(file, SHARED), *(text for item in services.items() for text in _wrong(*item))]:
        raise InputError.of([Problem(template.name, 0, text) for text in bad])
    return dict(file)


def _wrong(short: str, service: object) -> list[str]:
    if not isinstance(service, dict) or not service.get("image"):
        return [f"services.{short}: an image is missing"]
    return [f"services.{short}.{text}" for text in _not_mappings(service, ("deploy",))]


def _not_mappings(parent: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    return [f"{key}: not a mapping" for key in keys if not isinstance(parent.get(key) or {}, dict)]


def _content_name(name: str, content: str) -> str:
    digest = hashlib.sha256(content.encode()).hexdigest()[:12]
    return f"{name[: CONFIG_NAME_LIMIT - 13]}_{digest}"


def pinned(stack: Stack, digest: Callable[[str], str]) -> Stack:
    """The stack with every image at its digest, and every service marked with the hash of its definition.

    `digest` gives an image's digest, `sha256:…`, as its registry has it.
    """
    file = deepcopy(stack.file)
    for service in file["services"].values():
        if "@" not in service["image"]:
            service["image"] = f"{service['image']}@{digest(service['image'])}"
        # Copies: services may share these by an alias of YAML.
        deploy = service["deploy"] = dict(service.get("deploy") or {})
        labels = deploy.get("labels") or {}
        pairs = labels.items() if isinstance(labels, dict) else (item.partition("=")[::2] for item in labels)
        deploy["labels"] = dict(pairs)
        deploy["labels"][SPEC_LABEL] = _hash(service, file)
    return Stack(stack.name, file, stack.configs)


def _hash(service: Mapping[str, Any], file: Mapping[str, Any]) -> str:
    """What makes a difference to a service: its own definition, and that of what it uses of the file."""
    used = {kind: _used(service, kind, file.get(kind) or {}) for kind in SHARED}
    material = json.dumps([service, used], sort_keys=True, default=str)
    return hashlib.sha256(material.encode()).hexdigest()[:16]


def _used(service: Mapping[str, Any], kind: str, shared: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the file's networks, configs, secrets or volumes that a service refers to, in any of the forms."""
    references = service.get(kind) or (["default"] if kind == "networks" else [])
    sources = [str(item.get("source") if isinstance(item, dict) else item).partition(":")[0] for item in references]
    return {name: shared[name] for name in sources if name in shared}


def differences(stack: Stack, running: Iterable[Service]) -> dict[str, str]:
    """Why a service has to be deployed, by its short name; empty when the swarm has exactly this stack."""
    seen = {service.name: service for service in running}
    reasons = {}
    for short, wanted in stack.services.items():
        service = seen.get(stack.full_name(short))
        reason = _difference(wanted, service) if service else "new"
        if reason:
            reasons[short] = reason
    return reasons


def _difference(wanted: Mapping[str, Any], service: Service) -> str:
    if service.image != wanted["image"]:
        return f"image {_short(service.image)} → {_short(wanted['image'])}"
    replicas = wanted["deploy"].get("replicas", 1)
    if service.replicas is not None and service.replicas != replicas:
        return f"replicas {service.replicas} → {replicas}"
    if service.labels.get(SPEC_LABEL) != wanted["deploy"]["labels"][SPEC_LABEL]:
        return "definition changed"
    return ""


def _short(image: str) -> str:
    name, _, digest = image.partition("@sha256:")
    return f"{name}@{digest[:8]}" if digest else name


def leftovers(stack: Stack, running: Iterable[Service]) -> list[Service]:
    """The services that the swarm has under this stack's name, and the file has not."""
    wanted = {stack.full_name(short) for short in stack.services}
    return [service for service in running if service.name not in wanted]


def only(stack: Stack, services: Iterable[str]) -> str:
    """The file with some of its services alone, as YAML.

    `docker stack deploy` updates every service that it is given, changed or not, and each update forgets the version
    before: a service that is not to be changed must not be in the file.
    """
    chosen = set(services)
    kept = {short: service for short, service in stack.services.items() if short in chosen}
    return Stack(stack.name, {**stack.file, "services": kept}).text
