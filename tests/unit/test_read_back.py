"""What an option is read as is what the swarm has once docker was told it: the same command finds nothing to change."""

from __future__ import annotations

import csv
import re
import struct
from collections.abc import Callable
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest
from options import ALL

from swarmops import definition
from swarmops.definition.forms import show_cpus
from swarmops.errors import InputError
from swarmops.ops import by_hand

UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
SIZES = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
IMAGE = "registry:5000/web:1.0"


def boolean(text: str) -> bool:
    """Docker refuses other words."""
    assert text in {"1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"}
    return text[0] in "1tT"


def nanos(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([a-z]+)", text).groups()  # type: ignore[union-attr]
    return int(number) * UNITS[unit]


def in_bytes(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([kmgt]?)", text).groups()  # type: ignore[union-attr]
    return int(number) * SIZES[unit]


def processors(text: str) -> int:
    """Docker refuses what is no whole number of thousand-millionths."""
    value = Fraction(text) * 10**9
    assert value.denominator == 1
    return int(value)


def fewest(text: str) -> float:
    """What Go writes of 32 bits: the fewest digits that have the same bits."""
    bits = struct.pack("f", float(text))
    return next(
        float(f"{float(text):.{n}g}") for n in range(1, 17) if struct.pack("f", float(f"{float(text):.{n}g}")) == bits
    )


def port(text: str) -> dict[str, Any]:
    said = dict(part.split("=") for part in text.split(","))
    found = {"Protocol": said["protocol"], "TargetPort": int(said["target"]), "PublishMode": said["mode"]}
    return found | ({"PublishedPort": int(said["published"])} if "published" in said else {})


def mounted(text: str) -> dict[str, Any]:
    """Docker's own reading of a mount: of two values the last one counts, and what has none is not kept."""
    found: dict[str, Any] = {}
    options: dict[str, dict[str, Any]] = {"Bind": {}, "Volume": {}, "Tmpfs": {}}
    for field in next(csv.reader([text], strict=True)):
        key, _, value = field.partition("=")
        name, _, it = value.partition("=")
        match key:
            case "type" | "source" | "target":
                found[key.capitalize()] = value
            case "readonly":
                found |= {"ReadOnly": True} if boolean(value) else {}
            case "volume-nocopy":
                options["Volume"] |= {"NoCopy": True} if boolean(value) else {}
            case "volume-label":
                options["Volume"].setdefault("Labels", {})[name] = it
            case "volume-opt":
                options["Volume"].setdefault("DriverConfig", {}).setdefault("Options", {})[name] = it
            case "volume-driver":
                options["Volume"].setdefault("DriverConfig", {})["Name"] = value
            case "bind-propagation":
                options["Bind"]["Propagation"] = value.lower()
            case "tmpfs-size":
                options["Tmpfs"] |= {"SizeBytes": in_bytes(value)} if in_bytes(value) else {}
            case "tmpfs-mode":
                options["Tmpfs"] |= {"Mode": int(value, 8)} if int(value, 8) else {}
            case _:
                raise AssertionError(f"docker knows no {key}")
    return found | {f"{kind}Options": value for kind, value in options.items() if value}


MADE: dict[str, tuple[str, Callable[[str], Any]]] = {
    "limit-cpu": ("TaskTemplate.Resources.Limits.NanoCPUs", processors),
    "reserve-cpu": ("TaskTemplate.Resources.Reservations.NanoCPUs", processors),
    "limit-memory": ("TaskTemplate.Resources.Limits.MemoryBytes", in_bytes),
    "update-delay": ("UpdateConfig.Delay", nanos),
    "update-monitor": ("UpdateConfig.Monitor", lambda text: nanos(text) or None),
    "rollback-monitor": ("RollbackConfig.Monitor", lambda text: nanos(text) or None),
    "update-max-failure-ratio": ("UpdateConfig.MaxFailureRatio", fewest),
    "stop-grace-period": ("TaskTemplate.ContainerSpec.StopGracePeriod", nanos),
    "publish": ("EndpointSpec.Ports", port),
    "mount": ("TaskTemplate.ContainerSpec.Mounts", mounted),
    "env": ("TaskTemplate.ContainerSpec.Env", str),
}
"""Where docker puts what it is told, and what it makes of it."""


def made(options: list[tuple[str, str]]) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "Mode": {"Replicated": {"Replicas": 1}},
        "TaskTemplate": {"ContainerSpec": {"Image": IMAGE}},
    }
    for name, text in options:
        path, read = MADE[name]
        *way, last = path.split(".")
        place = spec
        for key in way:
            place = place.setdefault(key, {})
        if last in ("Ports", "Mounts", "Env"):
            place.setdefault(last, []).append(read(text))
        else:
            place[last] = read(text)
    return spec


ACCEPTED: dict[str, list[str]] = {
    "mount": [
        *(f"type=bind,src=/a,dst=/b,{flag}" for flag in ("ro", "ro=1", "readonly=True", "readonly=t", "readonly=F")),
        "type=bind,src=/a,dst=/b,bind-propagation=RSLAVE",
        *(f"src=data,dst=/b,volume-nocopy{value}" for value in ("", "=1", "=false", "=0", "=TRUE")),
        "src=data,dst=/b,volume-label=x",
        "src=data,dst=/b,volume-label=x=,volume-label=a=b=c,volume-driver=local,volume-opt=type",
        'src=data,dst=/b,"volume-opt=o=addr=1.2.3.4,rw","volume-label=a=""b"",c"',
        'src=data,dst=/b,"volume-label=a=""b"""',
        *(f"type=tmpfs,dst=/b,{field}" for field in ("tmpfs-size=0", "tmpfs-mode=0", "tmpfs-mode=0000")),
        "type=tmpfs,dst=/b,tmpfs-size=1.3k,tmpfs-mode=01",
        *ALL["mount"],
    ],
    "publish": ["08080:80", "8080:0080/udp", "published=08080,target=080,mode=ingress", "0080", *ALL["publish"]],
    "limit-cpu": ["0.1234567", ".123456789", "0.1234567891", "1234567.123456789", "0.001", "2", "10", "100.10"],
    "reserve-cpu": ["0.1234567", "0.3"],
    "limit-memory": ["4.0000001m", "0.1g", "64MiB", "5000001"],
    "update-max-failure-ratio": [
        "0.3333333", "0.33333334", "0.1", ".5", "1.0", "0.999999999", "0.0000001234567", "0.00000000000000001",
        *(f"0.{digits}" for digits in ("123456789", "7071067811865476", "000123456789", "99999994", "016777217")),
    ],
    "update-monitor": ["1ns", "1m30s", "1.0000005s"],
    "rollback-monitor": ["3s"],
    "update-delay": ["0", "1.5us"],
    "stop-grace-period": ["0", "0s"],
    "env": ["A=", "A=x\ny", 'A="b",c'],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in ACCEPTED.items() for text in texts], ids=lambda value: value
)
@pytest.mark.parametrize("mode", ["host", "ingress"])
def test_what_is_accepted_reads_back_the_same(name: str, text: str, mode: str) -> None:
    stated = {"image": IMAGE, name: [text] if name in definition.MANY else text}
    wanted = definition.complete(definition.parse(stated, mode)[0])
    seen = definition.of(made(definition.to_create(wanted)), {})
    assert definition.changes(seen, wanted) == []
    plain = definition.complete({"image": IMAGE})
    after = [(option.removesuffix("-add"), value) for option, value in definition.to_update(plain, wanted)]
    assert definition.of(made(after), {}) == seen


@pytest.mark.parametrize("name", ["update-monitor", "rollback-monitor"])
@pytest.mark.parametrize("text", ["0", "0s", "0h0m"])
def test_swarm_watches_for_its_own_time_where_it_is_told_0(name: str, text: str) -> None:
    with pytest.raises(InputError, match=f"--{name} {text}: should be more than 0, which swarm takes for its own 5s"):
        definition.parse({name: text}, "host")


@pytest.mark.parametrize(("value", "shown"), [(123456789, "0.123456789"), (10**10, "10"), (15 * 10**8, "1.5")])
def test_processors_are_shown_to_the_last_digit(value: int, shown: str) -> None:
    assert show_cpus(value) == shown


@pytest.mark.parametrize(
    ("image", "seen"),
    [
        ("docker.io/library/nginx:1", "nginx:1"),
        ("index.docker.io/nginx:1", "nginx:1"),
        ("docker.io/me/web:1", "me/web:1"),
        ("library/nginx:1", "nginx:1"),
        ("registry:5000/library/nginx:1", "registry:5000/library/nginx:1"),
        ("registry:5000/docker.io/nginx:1", "registry:5000/docker.io/nginx:1"),
    ],
)
def test_an_image_is_called_as_docker_calls_it(monkeypatch: pytest.MonkeyPatch, image: str, seen: str) -> None:
    monkeypatch.setattr(by_hand.images, "names", lambda _: [])
    monkeypatch.setattr(by_hand.stacks, "digest", lambda *_: "sha256:aa")
    assert by_hand.pinned(SimpleNamespace(inventory=None), image) == f"{seen}@sha256:aa"  # type: ignore[arg-type]
    assert by_hand.pinned(SimpleNamespace(inventory=None), f"{image}@sha256:bb") == f"{seen}@sha256:bb"  # type: ignore[arg-type]
