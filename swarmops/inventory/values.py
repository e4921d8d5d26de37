"""The values of an inventory: what each looks like, and what is said of one that does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, ip_address
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StrictInt,
    WithJsonSchema,
)
from pydantic_core.core_schema import CoreSchema, no_info_after_validator_function

_HIGHEST_PORT = 65535
_MOST_KEPT = 100
_MOST_TASKS = 10_000
_SUBNET_SIZES = (8, 29)
_DATA_PORTS = (1024, 49151)
_DURATION = r"^(?=.)([0-9]{1,5}d)?([0-9]{1,6}h)?([0-9]{1,7}m)?([0-9]{1,8}s)?$"
_PORT = "(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"


@dataclass(frozen=True)
class Fits:
    """Text that fits a pattern; of other text it is said what it should be."""

    pattern: str
    should: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Text first, then the pattern."""
        return no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The pattern, for editors."""
        return handler(core) | {"pattern": self.pattern}

    def _check(self, value: str) -> str:
        if not re.search(self.pattern, value):
            raise ValueError(f'"{value}" should be {self.should}')
        return value


def _subnet(value: Any) -> IPv4Network:
    if isinstance(value, IPv4Network):
        return value
    if not isinstance(value, str) or "/" not in value:
        raise ValueError(f"{value} should be an IPv4 subnet such as 10.89.0.0/24")
    try:
        meant = IPv4Network(value, strict=False)
    except ValueError:
        raise ValueError(f"{value} should be an IPv4 subnet such as 10.89.0.0/24") from None
    if str(meant) != value:
        raise ValueError(f"{value} should be an IPv4 subnet, did you mean {meant}?")
    if not meant.is_private or meant.is_reserved or meant.is_loopback or meant.is_link_local:
        raise ValueError(f"{value} should be a private subnet, one of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")
    return meant


def _address(value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError:
        raise ValueError(f'"{value}" should be an IP address') from None


def _port(value: int) -> int:
    if not 1 <= value <= _HIGHEST_PORT:
        raise ValueError(f"{value} should be a port from 1 to {_HIGHEST_PORT}")
    return value


def _between(least: int, most: int) -> Callable[[int], int]:
    def check(value: int) -> int:
        if not least <= value <= most:
            raise ValueError(f"{value} should be a number from {least} to {most}")
        return value

    return check


def _duration(least: str) -> Callable[[Any], timedelta]:
    def check(value: Any) -> timedelta:
        meant = value if isinstance(value, timedelta) else _time(str(value))
        if meant is None or meant < (_time(least) or meant):
            raise ValueError(f"{value} should be a duration such as 5s, 1h30m or 90d, {least} at least")
        return meant

    return check


def _time(text: str) -> timedelta | None:
    if not (found := re.search(_DURATION, text)):
        return None
    days, hours, minutes, seconds = (int((part or "0d")[:-1]) for part in found.groups())
    return timedelta(days, seconds, hours=hours, minutes=minutes)


def _path(value: str) -> str:
    try:
        Path(value).expanduser()
    except RuntimeError:
        raise ValueError(f'"{value}" should be a path; there is no such user') from None
    return value


def _words(value: Any) -> Any:
    return ["sh", "-c", value] if isinstance(value, str) and value.strip() else value


ClusterName = Annotated[str, Fits(r"^[a-z][a-z0-9-]+$", "two or more of a-z, 0-9 and -, a letter first")]
Name = Annotated[str, Fits(r"^[a-z0-9][a-z0-9_-]*$", "made of a-z, 0-9, _ and -")]
NetworkName = Annotated[
    str, Fits(r"^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$", "made of a-z, 0-9, _ and -, 63 at most, no _ or - at its end")
]
# Swarm's names of configurations and secrets, 64 characters at most, begin with the stack's.
StackName = Annotated[str, Fits(r"^[a-z0-9][a-z0-9_-]{0,39}$", "made of a-z, 0-9, _ and -, 40 characters at most")]
HostName = Annotated[str, Fits(r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$", "a host name")]
Reached = Annotated[
    str,
    Fits(
        r"^([A-Za-z0-9_][A-Za-z0-9_-]{0,62}(\.[A-Za-z0-9_-]{1,63})*\.?|(?=.*:.*:)[0-9A-Fa-f:.]+(%[A-Za-z0-9]+)?)$",
        "a host name or an address, without user and port",
    ),
]
RegistryHost = Annotated[
    str,
    Fits(rf"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:{_PORT})?$", "a host such as ghcr.io, with a port if need be"),
]
UserName = Annotated[str, Fits(r"^[^\s:]+$", "a user name, without spaces and colons")]
Reference = Annotated[str, Fits(r"^[a-z0-9][A-Za-z0-9._/:@-]*$", "an image such as nginx:1.26.3")]
Tag = Annotated[str, Fits(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", "a tag such as 1.0")]
Filled = Annotated[str, Fits(r"\S", "more than nothing")]
File = Annotated[Filled, AfterValidator(_path)]
LabelName = Annotated[
    str, Fits(r"^(?!swarmops\.)[^\s=]([^=]*[^\s=])?$", "the name of a label, and none of swarmops' own")
]
Inside = Annotated[str, Fits(r"^(?!/|.*(^|/)\.\.(/|$)).*\S", "a path below the project, such as images/echo")]
Subnet = Annotated[
    IPv4Network, BeforeValidator(_subnet), WithJsonSchema({"type": "string", "pattern": r"^[0-9.]+/[0-9]+$"})
]
Address = Annotated[str, AfterValidator(_address), WithJsonSchema({"type": "string", "pattern": "^[0-9A-Fa-f.:]+$"})]
Port = Annotated[
    StrictInt, AfterValidator(_port), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": _HIGHEST_PORT})
]
Kept = Annotated[
    StrictInt,
    AfterValidator(_between(1, _MOST_KEPT)),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": _MOST_KEPT}),
]
Words = Annotated[
    list[Filled],
    BeforeValidator(_words),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": r"\S"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
    ),
]
TaskHistory = Annotated[
    StrictInt,
    AfterValidator(_between(0, _MOST_TASKS)),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": _MOST_TASKS}),
]
SubnetSize = Annotated[
    StrictInt,
    AfterValidator(_between(*_SUBNET_SIZES)),
    WithJsonSchema({"type": "integer", "minimum": _SUBNET_SIZES[0], "maximum": _SUBNET_SIZES[1]}),
]
DataPort = Annotated[
    StrictInt,
    AfterValidator(_between(*_DATA_PORTS)),
    WithJsonSchema({"type": "integer", "minimum": _DATA_PORTS[0], "maximum": _DATA_PORTS[1]}),
]
Heartbeat = Annotated[
    timedelta, BeforeValidator(_duration("1s")), WithJsonSchema({"type": "string", "pattern": _DURATION})
]
CertExpiry = Annotated[
    timedelta, BeforeValidator(_duration("1h")), WithJsonSchema({"type": "string", "pattern": _DURATION})
]
PortMapping = Annotated[str, Fits(f"^{_PORT}:{_PORT}$", 'a port of the host and a port of the node, such as "8000:80"')]
