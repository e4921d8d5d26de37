"""What a stack's file has and the swarm has not, and the other way round. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from swarmops import difference
from swarmops.facts import Json, Service
from swarmops.stackfile import SPEC_LABEL, Stack, with_replicas


def differences(stack: Stack, running: Iterable[Service], recorded: Mapping[str, Json] | None = None) -> dict[str, str]:
    """Why a service has to be deployed, by its short name; empty when the swarm has exactly this stack.

    `recorded` has the specifications that the services had when the stack was last verified, by their names in the
    swarm: another one with the same definition was changed by hand.
    """
    seen = {service.name: service for service in running}
    reasons = {}
    for short in stack.services:
        name = stack.full_name(short)
        service = seen.get(name)
        reason = _difference(stack, short, service, (recorded or {}).get(name)) if service else "new"
        if reason:
            reasons[short] = reason
    return reasons


def _difference(stack: Stack, short: str, service: Service, recorded: Json | None) -> str:
    wanted, reasons = stack.services[short], []
    replicas, same = wanted["deploy"].get("replicas", 1), _same_mark(wanted, service)
    scaled = service.replicas not in (None, replicas)
    if service.image != wanted["image"]:
        reasons.append(f"image {_short(service.image)} → {_short(wanted['image'])}")
    elif not same and not (scaled and _scaled_in_the_file(stack, short, service, recorded)):
        reasons.append("definition changed")
    if scaled:
        reasons.append(f"replicas {service.replicas} → {replicas}")
    if not reasons and changed_by_hand(service, recorded):
        reasons.append("changed by hand")
    return ", ".join(reasons)


def _same_mark(wanted: Mapping[str, Any], service: Service) -> bool:
    return bool(service.labels.get(SPEC_LABEL) == wanted["deploy"]["labels"][SPEC_LABEL])


def _scaled_in_the_file(stack: Stack, short: str, service: Service, recorded: Json | None) -> bool:
    """Whether the definition that a service was deployed from had another number of replicas, and nothing else."""
    deployed = (((recorded or {}).get("Mode") or {}).get("Replicated") or {}).get("Replicas")
    # It has the number of its definition, unless somebody scaled it since; 1 need not be written.
    numbers = {service.replicas, deployed} | ({None} if 1 in (service.replicas, deployed) else set())
    return any(_same_mark(with_replicas(stack, short, number), service) for number in numbers)


def details(stack: Stack, short: str, service: Service) -> list[str]:
    """What differs of what a file and a service both tell, in lines: all there is where no record has its file."""
    wanted, container = stack.services[short], service.template.get("ContainerSpec", {})
    before: dict[str, Any] = {"image": service.image, "environment": _variables(container.get("Env"))}
    after: dict[str, Any] = {"image": wanted["image"], "environment": _variables(wanted.get("environment"))}
    if service.replicas is not None:
        before["replicas"], after["replicas"] = service.replicas, wanted["deploy"].get("replicas", 1)
    for kind, name in (("configs", "ConfigName"), ("secrets", "SecretName")):
        before[kind] = sorted(mount[name] for mount in container.get(kind.title()) or [])
        after[kind] = sorted(_mounted(stack, kind, stated) for stated in wanted.get(kind) or [])
    return list(difference.lines(before, after))


def _variables(stated: Mapping[str, Any] | list[str] | None) -> dict[str, str]:
    """A service's variables, in either form, as texts; docker writes true and false small."""
    if isinstance(stated, list):
        return dict(item.partition("=")[::2] for item in stated)
    values = {name: str(value) for name, value in (stated or {}).items() if value is not None}
    return {name: value.lower() if value in ("True", "False") else value for name, value in values.items()}


def _mounted(stack: Stack, kind: str, stated: Any) -> str:
    """What a config or secret of the file is called in the swarm."""
    short = str(stated["source"] if isinstance(stated, dict) else stated)
    return stack.shared_name(short, (stack.file.get(kind) or {}).get(short) or {})


def is_scaled(wanted: Mapping[str, Any], service: Service) -> bool:
    """Whether a service differs from its definition in the number of replicas alone."""
    return _same_mark(wanted, service) and service.image == wanted["image"] and service.replicas is not None


def changed_by_hand(service: Service, recorded: Json | None) -> list[str]:
    """What somebody changed in a service since its definition was deployed, in lines.

    `recorded` is the specification that it had then.
    """
    if recorded is None or recorded["Labels"].get(SPEC_LABEL) != service.labels.get(SPEC_LABEL):
        return []
    return list(difference.lines(_settled(recorded), _settled(service.spec)))


def meddled(before: Json, now: Json, spare: str) -> list[str]:
    """What somebody changed in a service, in lines.

    How many replicas it has, and the label `spare`, by which it has one more for a while, are no part of that.
    """
    return list(difference.lines(_unscaled(_settled(before), spare), _unscaled(_settled(now), spare)))


def _unscaled(spec: Json, spare: str) -> Json:
    labels = {name: value for name, value in (spec.get("Labels") or {}).items() if name != spare}
    mode = {key: {**(value or {}), "Replicas": None} for key, value in (spec.get("Mode") or {}).items()}
    return {**spec, "Labels": labels, "Mode": mode}


def _settled(spec: Json) -> Json:
    """Without the count of forced updates: they change nothing but where tasks run."""
    return {**spec, "TaskTemplate": {key: value for key, value in spec["TaskTemplate"].items() if key != "ForceUpdate"}}


def _short(image: str) -> str:
    name, _, digest = image.partition("@sha256:")
    return f"{name}@{digest[:8]}" if digest else name


def leftovers(stack: Stack, running: Iterable[Service]) -> list[Service]:
    """The services that the swarm has under this stack's name, and the file has not."""
    wanted = {stack.full_name(short) for short in stack.services}
    return [service for service in running if service.name not in wanted]
