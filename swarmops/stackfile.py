"""A stack file as it is deployed: configurations named by content, services marked with what they were made from. Pure."""

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
    bad = [short for short, service in services.items() if not isinstance(service, dict) or not service.get("image")]
    if bad:
        raise InputError.of([Problem(template.name, 0, f"services.{short}: an image is missing") for short in bad])
    return dict(file)


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
        labels = service.setdefault("deploy", {}).setdefault("labels", {})
        if isinstance(labels, list):
            labels = service["deploy"]["labels"] = dict(item.partition("=")[::2] for item in labels)
        labels[SPEC_LABEL] = _hash(service, file)
    return Stack(stack.name, file, stack.configs)


def _hash(service: Mapping[str, Any], file: Mapping[str, Any]) -> str:
    """What makes a difference to a service: its own definition and that of the networks, configs and volumes."""
    shared = {key: value for key, value in file.items() if key not in ("services", "version")}
    material = json.dumps([service, shared], sort_keys=True, default=str)
    return hashlib.sha256(material.encode()).hexdigest()[:16]


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
