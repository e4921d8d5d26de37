"""The ports and the mounts of a service: as they are written, and as a specification has them. Pure."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from swarmops.definition.forms import size
from swarmops.facts import Json

HIGHEST_PORT = 65535
PUBLISH = re.compile(r"(?:(?P<published>\d+):)?(?P<target>\d+)(?:/(?P<protocol>\w+))?")
VOLUME = re.compile(r"[A-Za-z0-9][\w.-]+")
TRUE = {"", "1", "t", "T", "TRUE", "true", "True"}
FALSE = {"0", "f", "F", "FALSE", "false", "False"}
"""Docker's words. A flag that is stated without one is true."""
ALIASES = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly"}
FIELDS = {
    "bind": ("bind-propagation",),
    "volume": ("volume-nocopy", "volume-driver", "volume-label", "volume-opt"),
    "tmpfs": ("tmpfs-size", "tmpfs-mode"),
}
LISTS = ("volume-label", "volume-opt")
"""Those of a mount's fields that have a name and a value each, and may be there several times."""
SAMPLES = {"bind": "source=/srv/data,", "volume": "source=data,", "tmpfs": ""}


def publish(text: str, mode: str = "ingress") -> tuple[str, str]:
    """A port, in the short form or the long one; `mode` is that of a port which states none. Raises ValueError."""
    short = PUBLISH.fullmatch(text)
    stated = short.groupdict() if short else _once(_fields(text))
    said = {"protocol": "tcp", "mode": mode, "published": "", "target": ""}
    said |= {key: value for key, value in stated.items() if value}
    if (
        said.keys() - {"published", "target", "protocol", "mode"}
        or not all(_is_port(port) for port in (said["published"] or "1", said["target"]))
        or said["protocol"] not in ("tcp", "udp", "sctp")
        or said["mode"] not in ("host", "ingress")
    ):
        raise ValueError("should be such as 8080:80, 53:53/udp or published=8080,target=80,mode=host")
    return _port(said | {key: str(int(said[key])) for key in ("published", "target") if said[key]})


def ports(spec: Json) -> Iterator[tuple[str, str]]:
    """Those of a specification."""
    names = {"published": "PublishedPort", "target": "TargetPort", "protocol": "Protocol", "mode": "PublishMode"}
    for port in (spec.get("EndpointSpec") or {}).get("Ports") or []:
        yield _port({name: port.get(key) or "" for name, key in names.items()})


def targets(key: str, word: str) -> bool:
    """Whether a port is meant by a word: 80 or 53/udp, the one in the container, as docker has it; 8080:80; its key."""
    published, colon, port = word.rpartition(":")
    outer, _, inner = key.partition(":")
    port = port if "/" in port else f"{port}/tcp"
    return published == (outer if colon else "") and port in (inner, inner.rpartition("/")[0])


def mount(text: str) -> tuple[str, str]:
    """A bind, volume or tmpfs mount, as docker writes it, without what is as good as not stated. Raises ValueError."""
    said = _once((ALIASES.get(key, key), value) for key, value in _fields(text))
    kind = said.setdefault("type", "volume")
    if kind not in FIELDS:
        raise ValueError(f"type={kind} should be bind, volume or tmpfs")
    names = {name.partition("=")[0] for name in said}
    known = {"type", "target", "readonly", *FIELDS[kind], *(() if kind == "tmpfs" else ("source",))}
    if "=" in text and (unknown := sorted(names - known)):
        raise ValueError(f"a {kind} mount has no {unknown[0]}")
    paths = [said.get("target", ""), *([said.get("source", "")] if kind == "bind" else [])]
    if not all(path.startswith("/") for path in paths):
        raise ValueError(f"should be such as type={kind},{SAMPLES[kind]}target=/data")
    if kind == "volume" and not VOLUME.fullmatch(said.get("source", "any")):
        raise ValueError("a volume has a name of two letters or more, without /")
    return _mount({name: READ[name](value) if name in READ else value for name, value in said.items()})


def order(text: str) -> tuple[str, str]:
    """The place of a mount among others: docker sorts them in each update, and another order is another version."""
    said = _once(_fields(text))
    return said.get("source", ""), said["target"]


def mounts(spec: Json) -> Iterator[tuple[str, str]]:
    """Those of a specification."""
    for one in spec["TaskTemplate"].get("ContainerSpec", {}).get("Mounts") or []:
        bind, volume, tmpfs = (one.get(f"{kind}Options") or {} for kind in ("Bind", "Volume", "Tmpfs"))
        driver = volume.get("DriverConfig") or {}
        lists = zip(LISTS, (volume.get("Labels"), driver.get("Options")), strict=True)
        yield _mount(
            {
                "type": one["Type"],
                "source": one.get("Source", ""),
                "target": one["Target"],
                "readonly": "true" if one.get("ReadOnly") else "",
                "bind-propagation": bind.get("Propagation", ""),
                "volume-nocopy": "true" if volume.get("NoCopy") else "",
                "volume-driver": driver.get("Name", ""),
                "tmpfs-size": str(tmpfs.get("SizeBytes") or ""),
                "tmpfs-mode": f"{tmpfs['Mode']:o}" if tmpfs.get("Mode") else "",
            }
            | {f"{name}={key}": f"{key}={value}" for name, pairs in lists for key, value in (pairs or {}).items()}
        )


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """The parts of `key=value,key=value`; a part with a comma in it stands in double quotes. Raises ValueError."""
    try:
        parts = next(csv.reader([text]), [])
    except csv.Error:
        raise ValueError("a line break stands outside of double quotes") from None
    for part in parts:
        key, _, value = part.partition("=")
        yield key, value


def _once(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The values by their names, of those in LISTS by `field=name`. Raises ValueError for one that is stated twice.

    Docker takes the last of two, and drops what has a value and no name.
    """
    found: dict[str, str] = {}
    for name, text in fields:
        key, _, value = text.partition("=")
        if name in LISTS and not key:
            raise ValueError(f"{name} should be such as {name}=name=value")
        full, said = (f"{name}={key}", f"{key}={value}") if name in LISTS else (name, text)
        if full in found:
            raise ValueError(f"{full} is stated twice")
        found[full] = said
    return found


def _is_port(text: str) -> bool:
    return bool(re.fullmatch("[0-9]{1,5}", text)) and 1 <= int(text) <= HIGHEST_PORT


def _port(said: Mapping[str, Any]) -> tuple[str, str]:
    published = f"published={said['published']}," if said["published"] else ""
    return (
        f"{said['published']}:{said['target']}/{said['protocol']}/{said['mode']}",
        f"{published}target={said['target']},protocol={said['protocol']},mode={said['mode']}",
    )


def _flag(text: str) -> str:
    if text not in TRUE | FALSE:
        raise ValueError(f"{text} should be true or false")
    return "true" if text in TRUE else ""


def _size(text: str) -> str:
    return str(size(text) or "")


def _mode(text: str) -> str:
    if not re.fullmatch("[0-7]{1,4}", text):
        raise ValueError("tmpfs-mode should be an octal number such as 1770")
    return f"{int(text, 8):o}" if int(text, 8) else ""


READ: dict[str, Callable[[str], str]] = {
    "readonly": _flag,
    "volume-nocopy": _flag,
    "bind-propagation": str.lower,
    "tmpfs-size": _size,
    "tmpfs-mode": _mode,
}
"""Those of a mount's fields that the engine gives back in one form: nothing where they are false or 0."""


def _mount(said: Mapping[str, str]) -> tuple[str, str]:
    """The target, and all of it in one order."""
    order = ("type", "source", "target", "readonly", *(name for names in FIELDS.values() for name in names))
    names = sorted(said, key=lambda name: (order.index(name.partition("=")[0]), name))
    parts = [f"{name.partition('=')[0]}={said[name]}" for name in names if said[name]]
    quoted = ['"{}"'.format(part.replace('"', '""')) if set(part) & set('",') else part for part in parts]
    return said["target"], ",".join(quoted)
