"""What an overlay network is like, and how another one differs from it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

from swarmops.errors import InputError
from swarmops.facts import Json


@dataclass(frozen=True)
class Options:
    """What a network is like. Without a subnet swarm chooses one."""

    driver: str = "overlay"
    attachable: bool = False
    encrypted: bool = False
    subnet: str = ""

    @classmethod
    def of(cls, network: Json) -> Options:
        """From an element of `/networks`."""
        subnets = [entry["Subnet"] for entry in (network.get("IPAM") or {}).get("Config") or [] if "Subnet" in entry]
        encrypted = "encrypted" in (network.get("Options") or {})
        return cls(network["Driver"], network["Attachable"], encrypted, ", ".join(subnets))

    def check(self) -> None:
        """Raises InputError for what no network can be."""
        if self.driver != "overlay":
            raise InputError(f"--driver {self.driver}: should be overlay, the one that connects nodes")
        if self.subnet:
            try:
                IPv4Network(self.subnet)
            except ValueError:
                form = "should be an IPv4 subnet such as 10.90.0.0/24"
                raise InputError(f"--subnet {self.subnet}: {form}") from None

    def differences(self, wanted: Options) -> list[str]:
        """How this network is not the wanted one, in words."""
        said = [("driver", self.driver, wanted.driver), ("subnet", self.subnet, wanted.subnet or self.subnet)]
        said += [(name, getattr(self, name), getattr(wanted, name)) for name in ("attachable", "encrypted")]
        return [f"{name} is {word(seen)}, not {word(asked)}" for name, seen, asked in said if seen != asked]


def word(value: object) -> str:
    """An option of a network in words."""
    return {"True": "yes", "False": "no"}.get(str(value), str(value))
