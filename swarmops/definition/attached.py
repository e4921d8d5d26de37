"""The ports and the mounts of a service: as they are written, and as a specification has them. Pure."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from swarmops.definition.forms import size
from swarmops.facts import Json

HIGHEST_PORT = 65535
PUBLISH = re.compile(r"(?:(?P<published>\d+):)?(?P<target>\d+)(?:/(?P<protocol>\w+))?")
VOLUME = re.compile(r"[A-Za-z0-9][\w.-]+")
FLAGS = {"readonly", "volume-nocopy"}
"""Those of a mount's fields that need no value."""
ALIASES = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly"}
FIELDS = {
    "bind": ("bind-propagation",),
    "volume": ("volume-nocopy", "volume-driver", "volume-label", "volume-opt"),
    "tmpfs": ("tmpfs-size", "tmpfs-mode"),
}
SAMPLES = {"bind": "source=/srv/data,", "volume": "source=data,", "tmpfs": ""}


def publish(text: str, mode: str = "ingress") -> tuple[str, str]:
    """A port, in the short form or the long one; `mode` is that of a port which states none. Raises ValueError."""
    short = PUBLISH.fullmatch(text)
    stated = short.groupdict() if short else dict(_fields(text))
    said = {"protocol": "tcp", "mode": mode, "published": "", "target": ""}
    said |= {key: value for key, value in stated.items() if value}
    if (
        said.keys() - {"published", "target", "protocol", "mode"}
        or not all(_is_port(port) for port in (said["published"] or "1", said["target"]))
        or said["protocol"] not in ("tcp", "udp", "sctp")
        or said["mode"] not in ("host", "ingress")
    ):
        raise ValueError("should be such as 8080:80, 53:53/udp or published=8080,target=80,mode=host")
    return _port(said)


def ports(spec: Json) -> Iterator[tuple[str, str]]:
    """Those of a specification."""
    names = {"published": "PublishedPort", "target": "TargetPort", "protocol": "Protocol", "mode": "PublishMode"}
    for port in (spec.get("EndpointSpec") or {}).get("Ports") or []:
        yield _port({name: port.get(key) or "" for name, key in names.items()})


def targets(key: str, word: str) -> bool:
    """Whether a port is meant by a word, which has the port in the container, as docker has it: 80 or 53/udp."""
    return key.partition(":")[2].rpartition("/")[0] == (word if "/" in word else f"{word}/tcp")


def mount(text: str) -> tuple[str, str]:
    """A bind, volume or tmpfs mount, as docker writes it. Raises ValueError."""
    said: dict[str, list[str]] = {}
    for key, value in _fields(text):
        name = ALIASES.get(key, key)
        said.setdefault(name, []).append(value or ("true" if name in FLAGS else ""))
    kind = said.setdefault("type", ["volume"])[0]
    if kind not in FIELDS:
        raise ValueError(f"type={kind} should be bind, volume or tmpfs")
    known = {"type", "target", "readonly", *FIELDS[kind], *(() if kind == "tmpfs" else ("source",))}
    if "=" in text and (unknown := sorted(said.keys() - known)):
        raise ValueError(f"a {kind} mount has no {unknown[0]}")
    paths = [said.get("target", [""])[0], *([said.get("source", [""])[0]] if kind == "bind" else [])]
    if not all(path.startswith("/") for path in paths):
        raise ValueError(f"should be such as type={kind},{SAMPLES[kind]}target=/data")
    if kind == "volume" and not VOLUME.fullmatch(said.get("source", ["any"])[0]):
        raise ValueError("a volume has a name of two letters or more, without /")
    return _mount(said | _tmpfs(said) | {"readonly": [value for value in said.get("readonly", []) if value != "false"]})


def mounts(spec: Json) -> Iterator[tuple[str, str]]:
    """Those of a specification."""
    for one in spec["TaskTemplate"].get("ContainerSpec", {}).get("Mounts") or []:
        bind, volume, tmpfs = (one.get(f"{kind}Options") or {} for kind in ("Bind", "Volume", "Tmpfs"))
        driver = volume.get("DriverConfig") or {}
        yield _mount(
            {
                "type": [one["Type"]],
                "source": [one.get("Source", "")],
                "target": [one["Target"]],
                "readonly": ["true"] if one.get("ReadOnly") else [],
                "bind-propagation": [bind.get("Propagation", "")],
                "volume-nocopy": ["true"] if volume.get("NoCopy") else [],
                "volume-driver": [driver.get("Name", "")],
                "volume-label": [f"{key}={value}" for key, value in (volume.get("Labels") or {}).items()],
                "volume-opt": [f"{key}={value}" for key, value in (driver.get("Options") or {}).items()],
                "tmpfs-size": [str(tmpfs.get("SizeBytes") or "")],
                "tmpfs-mode": [f"{tmpfs['Mode']:o}" if tmpfs.get("Mode") else ""],
            }
        )


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """The parts of `key=value,key=value`; a part with a comma in it stands in double quotes."""
    for part in next(csv.reader([text]), []):
        key, _, value = part.partition("=")
        yield key, value


def _is_port(text: str) -> bool:
    return bool(re.fullmatch("[0-9]{1,5}", text)) and 1 <= int(text) <= HIGHEST_PORT


def _port(said: Mapping[str, Any]) -> tuple[str, str]:
    published = f"published={said['published']}," if said["published"] else ""
    return (
        f"{said['published']}:{said['target']}/{said['protocol']}/{said['mode']}",
        f"{published}target={said['target']},protocol={said['protocol']},mode={said['mode']}",
    )


def _tmpfs(said: Mapping[str, list[str]]) -> dict[str, list[str]]:
    found = {"tmpfs-size": [str(size(text)) for text in said.get("tmpfs-size", [])]}
    modes = said.get("tmpfs-mode", [])
    if not all(re.fullmatch("[0-7]{1,4}", text) for text in modes):
        raise ValueError("tmpfs-mode should be an octal number such as 1770")
    return found | {"tmpfs-mode": [f"{int(text, 8):o}" for text in modes]}


def _mount(said: Mapping[str, Iterable[str]]) -> tuple[str, str]:
    """The target, and all of it in one order."""
    order = ("type", "source", "target", "readonly", *(name for names in FIELDS.values() for name in names))
    parts = [f"{name}={value}" for name in order for value in sorted(said.get(name, ())) if value]
    text = ",".join(f'"{part}"' if "," in part else part for part in parts)
    return next(iter(said["target"])), text
