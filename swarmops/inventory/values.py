"""The values of an inventory: what each looks like, and what is said of one that does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Network, ip_address
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, StrictInt, WithJsonSchema

_HIGHEST_PORT = 65535


def _text(pattern: str, should: str) -> Any:
    """A type of text that fits a pattern; otherwise it `should …`."""
    fits: Callable[[str], object] = re.compile(pattern).search

    def check(value: str) -> str:
        if not fits(value):
            raise ValueError(f'"{value}" should {should}')
        return value

    return Annotated[str, AfterValidator(check), WithJsonSchema({"type": "string", "pattern": pattern})]


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


def _mapping(value: Any) -> str:
    """Host port and node port. YAML reads `9000:22` without quotes as a number with base 60."""
    if type(value) is int:
        first, second = divmod(value, 60)
        hint = f' (did you mean "{first}:{second}"?)' if first else ""
        raise ValueError(f"YAML reads this as the number {value}; quote it{hint}")
    ports = str(value).split(":")
    if not isinstance(value, str) or len(ports) != len(("host", "node")) or not all(map(_is_port, ports)):
        raise ValueError(f'"{value}" should be a port of the host and a port of the node, such as "8000:80"')
    return value


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 1 <= int(text) <= _HIGHEST_PORT


ClusterName = _text(r"^[a-z][a-z0-9-]+$", "be two or more of a-z, 0-9 and -, a letter first")
Name = _text(r"^[a-z0-9][a-z0-9_-]*$", "be made of a-z, 0-9, _ and -")
HostName = _text(r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$", "be a host name")
Reference = _text(r"^[a-z0-9][A-Za-z0-9._/:@-]*$", "be an image such as nginx:1.26.3")
Tag = _text(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", "be a tag such as 1.0")
Filled = _text(r"\S", "not be empty")
Inside = _text(r"^(?!/|.*(^|/)\.\.(/|$)).*\S", "be a path below the project, such as images/echo")
Subnet = Annotated[
    IPv4Network, BeforeValidator(_subnet), WithJsonSchema({"type": "string", "pattern": r"^[0-9.]+/[0-9]+$"})
]
Address = Annotated[str, AfterValidator(_address), WithJsonSchema({"type": "string", "pattern": "^[0-9A-Fa-f.:]+$"})]
Port = Annotated[
    StrictInt, AfterValidator(_port), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": _HIGHEST_PORT})
]
PortMapping = Annotated[
    str, BeforeValidator(_mapping), WithJsonSchema({"type": "string", "pattern": "^[0-9]+:[0-9]+$"})
]
