"""A stack file as it is deployed: configurations named by content, services marked with their origin. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from swarmops import composefile
from swarmops.commands.registry import familiar
from swarmops.composefile import Wrong
from swarmops.errors import InputError, Problem, suggest

_AMBIGUOUS = re.compile(r"[-+]?\.?[0-9][0-9a-fxotz_.:+ -]*|[-+]?\.(inf|nan)|y|n|yes|no|on|off|true|false|null|~|", re.I)
"""Texts that one reader of YAML or another takes for a number, a date, yes, no or nothing: docker's own has changed."""


class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Writes texts so that every reader takes them for texts."""

    def text(self, value: str) -> Any:
        """In quotes where it might be something else."""
        return self.represent_scalar("tag:yaml.org,2002:str", value, style="'" if _AMBIGUOUS.fullmatch(value) else None)


Dumper.add_representer(str, Dumper.text)
SPEC_LABEL = "swarmops.spec"
SHARED = ("networks", "configs", "secrets", "volumes")
"""What services of one file may have in common."""
NAME_LIMIT = 64
"""Bytes; docker refuses a longer name of a config or secret."""
_NAME = re.compile(r"(?=.{1,63}$)[A-Za-z0-9]+([-_]+[A-Za-z0-9]+)*")
"""What swarm takes for the name of a service or a network."""
STARTED = "service_started"
COMPLETED = "service_completed_successfully"
CONDITIONS = (STARTED, "service_healthy", COMPLETED)


SOURCES = ("file", "environment", "x-command", "x-generate")
"""Where the value of a secret comes from; a secret without one of them is the swarm's own."""


@dataclass(frozen=True)
class Stack:
    """A stack's file, parsed, and the configurations it refers to: name in the swarm → content."""

    name: str
    file: dict[str, Any]
    configs: Mapping[str, str] = field(default_factory=dict)
    order: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Which services wait for which others, and for what of them: short name → short name → condition."""
    warnings: tuple[Problem, ...] = ()
    """What was strange in the template."""

    @property
    def services(self) -> dict[str, dict[str, Any]]:
        """The services of the file, by their short names."""
        return self.file["services"]  # type: ignore[no-any-return]

    @property
    def secrets(self) -> dict[str, dict[str, Any]]:
        """The secrets whose value the file says where to find, by their short names."""
        stated = (self.file.get("secrets") or {}).items()
        return {short: secret for short, secret in stated if any(source in (secret or {}) for source in SOURCES)}

    @property
    def text(self) -> str:
        """The file as YAML, as docker reads it: it takes a single `$` for the beginning of a variable."""
        return str(yaml.dump(_escaped(self.file), Dumper=Dumper, sort_keys=False, width=120))

    @property
    def files(self) -> dict[str, str]:
        """What is written of it: file names, below the cluster's directory, and their texts."""
        return {f"{self.name}.yml": self.text} | {f"{self.name}/{name}": text for name, text in self.configs.items()}

    @property
    def images(self) -> set[str]:
        """The images of its services, as they are stated."""
        return {service["image"] for service in self.services.values()}

    def full_name(self, service: str) -> str:
        """The name that a service of the file has in the swarm."""
        return f"{self.name}_{service}"

    @property
    def networks(self) -> set[str]:
        """The names in the swarm of its networks."""
        stated = (self.file.get("networks") or {"default": None}).items()
        return {self.shared_name(short, network or {}) for short, network in stated}

    def shared_name(self, short: str, stated: Mapping[str, Any]) -> str:
        """The name that a network, config or secret of the file has in the swarm."""
        return external(short, stated) or str(stated.get("name") or self.full_name(short))


def external(short: str, stated: Mapping[str, Any]) -> str:
    """The name that something external has in the swarm; empty for what is the stack's own."""
    said = stated.get("external")
    if isinstance(said, dict):
        return str(said.get("name") or short)
    return str(stated.get("name") or short) if said else ""


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return value.replace("$", "$$") if isinstance(value, str) else value


def parse(
    name: str,
    text: str,
    template: Path,
    read: Callable[[Path], str],
    environment: Mapping[str, str] | None = None,
    read_plain: Callable[[Path], str] | None = None,
) -> Stack:
    """The stack in a rendered template.

    `read` gives the content of a file that a config names, `read_plain` that of an `env_file`, which is no template;
    `environment` has the variables that the stack may use. Raises InputError for what is not a stack file.
    """
    strange: list[Problem] = []
    file = composefile.load(
        text,
        template,
        environment=environment or {},
        read=read_plain or read,
        warn=strange.append,
        check=lambda file: _wrong(name, file),
    )
    order = {short: _waits_for(service.pop("depends_on", None)) for short, service in file["services"].items()}
    configs, empty = {}, []
    for short, config in (file.get("configs") or {}).items():
        if isinstance(config, dict) and ("file" in config or "content" in config):
            content = config["content"] if "content" in config else read(template.parent / config["file"])
            empty += [] if content else [Problem(template.name, 0, f"configs.{short}: is empty, which swarm refuses")]
            full = content_name(f"{name}_{short}", content)
            configs[full] = content
            strange += [
                Problem(template.name, 0, f"configs.{short}.{key}: not used: {why}")
                for key, why in (
                    ("labels", "those that it gets are swarmops' own"),
                    ("name", "its content gives it one"),
                )
                if key in config
            ]
            file["configs"][short] = {"external": True, "name": full}
    if empty:
        raise InputError.of(empty)
    return Stack(name, file, configs, {short: waits for short, waits in order.items() if waits}, tuple(strange))


def _waits_for(stated: Any) -> dict[str, str]:
    """The services that one waits for, with the condition of each, from either form of depends_on."""
    if isinstance(stated, dict):
        return {short: (how or {}).get("condition", STARTED) for short, how in stated.items()}
    return dict.fromkeys(stated or [], STARTED)


def _wrong(name: str, file: Mapping[str, Any]) -> Iterator[Wrong]:
    yield from _wrong_order(
        {short: _waits_for(service.get("depends_on")) for short, service in file["services"].items()}
    )
    yield from _wrong_configs(file.get("configs") or {})
    for short, secret in (file.get("secrets") or {}).items():
        if not {*SOURCES, "external", "driver"} & (secret or {}).keys():
            yield ("secrets", short), f"should say one of {', '.join(SOURCES)}, or external: true"
    for short, service in file["services"].items():
        labels = (service.get("deploy") or {}).get("labels") or {}
        if not isinstance(labels, dict | list) or any(not isinstance(label, str) for label in labels):
            yield ("services", short, "deploy", "labels"), "should be name: value, or a list of name=value"
        if not _NAME.fullmatch(full := f"{name}_{short}"):
            yield ("services", short), f"swarm would call it {full}, and takes letters, digits, - and _, 63 at most"


def _wrong_order(order: Mapping[str, Mapping[str, str]]) -> Iterator[Wrong]:
    for short, waits in order.items():
        where = ("services", short, "depends_on")
        for other, condition in waits.items():
            if other not in order:
                yield where, f"there is no service {other}{suggest(other, order)}"
            if condition not in CONDITIONS:
                yield (*where, other), f"{condition} should be one of {', '.join(CONDITIONS)}"
    try:
        TopologicalSorter(order).prepare()
    except CycleError as error:
        circle = error.args[1][::-1]
        yield ("services", circle[0], "depends_on"), f"each waits for the next: {' → '.join(circle)}"


def _wrong_configs(configs: Mapping[str, Any]) -> Iterator[Wrong]:
    should = {"file": "a path", "content": "text, in quotes if need be"}
    for short, config in configs.items():
        where, stated = ("configs", short), config or {}
        if not {"file", "content", "external"} & stated.keys():
            yield where, "should say file, content or external: true"
        for key, what in should.items():
            if key in stated and not (isinstance(stated[key], str) and stated[key]):
                yield (*where, key), f"should be {what}"
        if "template_driver" in stated and should.keys() & stated.keys():
            text = "leave it out; a config is rendered by Jinja, and by nothing else"
            yield (*where, "template_driver"), text


def check_name(name: str) -> None:
    """Raises InputError for what swarm does not take for the name of a service or a network."""
    if not _NAME.fullmatch(name):
        raise InputError(f"{name}: should be a name of letters, digits, - and _, 63 at most")


def waves(stack: Stack, services: Iterable[str], after: Mapping[str, Iterable[str]] | None = None) -> list[list[str]]:
    """Some of the services in the order in which they may be deployed, those at once that need not wait.

    `after` says of services which others they have to wait for, whatever depends on what. Raises InputError where each
    would wait for the next.
    """
    chosen, sorter, found, first = set(services), TopologicalSorter[str](), [], after or {}
    for short in stack.services:
        depends = (other for other in stack.order.get(short, ()) if short not in first.get(other, ()))
        sorter.add(short, *depends, *first.get(short, ()))
    try:
        sorter.prepare()
    except CycleError as error:
        raise InputError(f"each would have to wait for the next: {' → '.join(error.args[1][::-1])}") from None
    while ready := sorter.get_ready():
        sorter.done(*ready)
        if wave := [short for short in ready if short in chosen]:
            found.append(wave)
    return found


def content_name(name: str, content: str) -> str:
    """The name of a configuration with this content: a change gives another name."""
    return hashed_name(name, hashlib.sha256(content.encode()).hexdigest())


def hashed_name(name: str, digest: str) -> str:
    """A name that ends in the beginning of a digest and is no longer than docker takes."""
    return f"{name[: NAME_LIMIT - 13]}_{digest[:12]}"


def pinned(stack: Stack, digest: Callable[[str], str], secrets: Mapping[str, str] | None = None) -> Stack:
    """The stack with every image at its digest, and every service marked with the hash of its definition.

    `digest` gives an image's digest, `sha256:…`, as its registry has it; `secrets` the names that the stack's secrets
    have in the swarm, by their short ones.
    """
    file = deepcopy(stack.file)
    for short, name in (secrets or {}).items():
        file["secrets"][short] = {"external": True, "name": name}
    for service in file["services"].values():
        image = service["image"]
        service["image"] = familiar(image if "@" in image else f"{image}@{digest(image)}")
    return marked(replace(stack, file=file))


def marked(stack: Stack) -> Stack:
    """The stack with every service marked with the hash of its definition, as it is now."""
    file = deepcopy(stack.file)
    for service in file["services"].values():
        # Copies: services may share these by an alias of YAML.
        deploy = service["deploy"] = dict(service.get("deploy") or {})
        labels = deploy.get("labels") or {}
        pairs = labels.items() if isinstance(labels, dict) else (item.partition("=")[::2] for item in labels)
        deploy["labels"] = {name: value for name, value in pairs if name != SPEC_LABEL}
        deploy["labels"][SPEC_LABEL] = _hash(service, file)
    return replace(stack, file=file)


def with_replicas(stack: Stack, short: str, number: int | None) -> dict[str, Any]:
    """A service of the file, marked, with another number of replicas; None: without one."""
    service = stack.services[short]
    deploy = {key: value for key, value in service["deploy"].items() if key != "replicas"}
    deploy |= {} if number is None else {"replicas": number}
    one = replace(stack, file={**stack.file, "services": {short: {**service, "deploy": deploy}}})
    return marked(one).services[short]


def _hash(service: Mapping[str, Any], file: Mapping[str, Any]) -> str:
    """What makes a difference to a service: its own definition, and that of what it uses of the file.

    Of a network nothing counts but what it is called: swarm keeps one that is there as it is.
    """
    used = {kind: _used(service, kind, file.get(kind) or {}) for kind in SHARED}
    used["networks"] = {short: _called(stated or {}) for short, stated in used["networks"].items()}
    material = json.dumps([_sorted(service), _sorted(used)], default=str)
    return hashlib.sha256(material.encode()).hexdigest()[:16]


def _sorted(value: Any) -> Any:
    """The value with the keys of its mappings in order, whatever they are: YAML has numbers as keys too."""
    if isinstance(value, Mapping):
        return {str(key): _sorted(value[key]) for key in sorted(value, key=str)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def _called(network: Mapping[str, Any]) -> dict[str, Any] | None:
    return {key: network[key] for key in ("external", "name") if network.get(key)} or None


def _used(service: Mapping[str, Any], kind: str, shared: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the file's networks, configs, secrets or volumes that a service refers to, in any of the forms."""
    references = service.get(kind) or (["default"] if kind == "networks" else [])
    sources = [str(item.get("source") if isinstance(item, dict) else item).partition(":")[0] for item in references]
    return {name: shared[name] for name in sources if name in shared}


def only(stack: Stack, services: Iterable[str]) -> str:
    """The file with some of its services alone, as YAML.

    `docker stack deploy` updates every service that it is given, changed or not, and each update forgets the version
    before: a service that is not to be changed must not be in the file.
    """
    chosen = set(services)
    kept = {short: service for short, service in stack.services.items() if short in chosen}
    return replace(stack, file={**stack.file, "services": kept}).text


def empty(stack: Stack, services: Iterable[str]) -> set[str]:
    """The variables that are empty in one of the services or another. No process has one with `=` in its name."""
    found = (composefile.variables(stack.services[short].get("environment")) for short in services)
    return {name for each in found for name, value in each.items() if name and "=" not in name and value == ""}
