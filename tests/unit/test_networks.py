"""Networks by hand that cannot be: refused before anything changes."""

from __future__ import annotations

from ipaddress import IPv4Network
from types import SimpleNamespace
from typing import Any

import pytest

from swarmops.errors import InputError
from swarmops.ops import networks
from swarmops.overlay import Options

BACK = {
    "Name": "back",
    "Scope": "swarm",
    "Driver": "overlay",
    "Attachable": False,
    "IPAM": {"Config": [{"Subnet": "10.90.0.0/24"}]},
}


class Swarm:
    """A cluster with one network, which takes no command."""

    def __init__(self, *, lab: bool) -> None:
        self.lab = lab
        self.inventory = SimpleNamespace(settings=SimpleNamespace(subnet=IPv4Network("10.97.0.0/24")))

    def ask(self, _: Any) -> Any:
        return [BACK]

    def manage(self, command: Any) -> None:
        raise AssertionError(str(command))


@pytest.mark.parametrize(
    ("lab", "subnet", "said"),
    [
        (True, "10.90.0.128/25", "--subnet 10.90.0.128/25: network back has 10.90.0.0/24"),
        (False, "10.90.0.0/16", "--subnet 10.90.0.0/16: network back has 10.90.0.0/24"),
        (True, "10.97.0.0/25", "--subnet 10.97.0.0/25: the lab itself has 10.97.0.0/24"),
        (True, "10.96.0.0/15", "--subnet 10.96.0.0/15: the lab itself has 10.97.0.0/24"),
    ],
)
def test_a_subnet_that_somebody_has(lab: bool, subnet: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        networks.create(Swarm(lab=lab), "front", Options(subnet=subnet), 1)  # type: ignore[arg-type]
    assert str(error.value) == said


@pytest.mark.parametrize(("lab", "subnet"), [(True, ""), (True, "10.98.0.0/24"), (False, "10.97.0.0/24")])
def test_a_subnet_that_nobody_has(lab: bool, subnet: str) -> None:
    with pytest.raises(AssertionError, match=r"docker network create .*front"):
        networks.create(Swarm(lab=lab), "front", Options(subnet=subnet), 1)  # type: ignore[arg-type]
