"""The values of an inventory: what each looks like, and what is said of one that does not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_address
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


def _kept(value: int) -> int:
    if not 1 <= value <= _MOST_KEPT:
        raise ValueError(f"{value} should be a number from 1 to {_MOST_KEPT}")
    return value


def _words(value: Any) -> Any:
    return ["sh", "-c", value] if isinstance(value, str) and value.strip() else value


ClusterName = Annotated[str, Fits(r"^[a-z][a-z0-9-]+$", "two or more of a-z, 0-9 and -, a letter first")]
Name = Annotated[str, Fits(r"^[a-z0-9][a-z0-9_-]*$", "made of a-z, 0-9, _ and -")]
# Swarm's names of configurations and secrets, 64 characters at most, begin with the stack's.
StackName = Annotated[str, Fits(r"^[a-z0-9][a-z0-9_-]{0,39}$", "made of a-z, 0-9, _ and -, 40 characters at most")]
HostName = Annotated[str, Fits(r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$", "a host name")]
RegistryHost = Annotated[
    str,
    Fits(rf"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:{_PORT})?$", "a host such as ghcr.io, with a port if need be"),
]
UserName = Annotated[str, Fits(r"^[^\s:]+$", "a user name, without spaces and colons")]
Reference = Annotated[str, Fits(r"^[a-z0-9][A-Za-z0-9._/:@-]*$", "an image such as nginx:1.26.3")]
Tag = Annotated[str, Fits(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", "a tag such as 1.0")]
Filled = Annotated[str, Fits(r"\S", "more than nothing")]
Inside = Annotated[str, Fits(r"^(?!/|.*(^|/)\.\.(/|$)).*\S", "a path below the project, such as images/echo")]
Subnet = Annotated[
    IPv4Network, BeforeValidator(_subnet), WithJsonSchema({"type": "string", "pattern": r"^[0-9.]+/[0-9]+$"})
]
Address = Annotated[str, AfterValidator(_address), WithJsonSchema({"type": "string", "pattern": "^[0-9A-Fa-f.:]+$"})]
Port = Annotated[
    StrictInt, AfterValidator(_port), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": _HIGHEST_PORT})
]
Kept = Annotated[
    StrictInt, AfterValidator(_kept), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": _MOST_KEPT})
]
Words = Annotated[
    list[Filled],
    BeforeValidator(_words),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": r"\S"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
    ),
]
PortMapping = Annotated[str, Fits(f"^{_PORT}:{_PORT}$", 'a port of the host and a port of the node, such as "8000:80"')]
