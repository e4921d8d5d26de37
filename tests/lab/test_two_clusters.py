"""A second cluster on the same engine, and what belongs to nobody: each is left alone by the other's commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from engine import LABEL, Lab, docker

FOREIGN = "swtb-foreign"


@pytest.fixture(scope="module")
def second(lab: Lab, make_lab: Callable[..., Lab]) -> Iterator[Lab]:
    """One manager and no worker, beside the lab."""
    second = make_lab("swtb", "10.99.0.0/24", (15100, 18100, 19100), workers=0)
    second.inv("up")
    yield second
    second.destroy()


@pytest.fixture
def foreign(second: Lab) -> Iterator[list[str]]:
    """A container, a network and a volume of somebody else, with names like the second cluster's; their ids."""
    image = second.containers()[second.container("registry")]["Image"]
    docker("network", "create", FOREIGN)
    docker("volume", "create", FOREIGN)
    docker("create", "--name", FOREIGN, "--label", f"{LABEL}=swtb-other", "--volume", f"{FOREIGN}:/data", image)
    yield ids()
    docker("rm", "--force", "--volumes", FOREIGN, check=False)
    docker("network", "rm", FOREIGN, check=False)
    docker("volume", "rm", "--force", FOREIGN, check=False)


def ids() -> list[str]:
    """What tells the foreign things from ones that were made anew."""
    wanted = {"container": "{{.Id}}", "network": "{{.Id}}", "volume": "{{.CreatedAt}}"}
    return [docker(kind, "inspect", "--format", what, FOREIGN).out for kind, what in wanted.items()]


def swarm(lab: Lab) -> tuple[str, str]:
    """The ids of the swarm and of the manager in it."""
    info = json.loads(lab.node("manager", "docker", "info", "--format", "{{json .Swarm}}").out)
    return info["Cluster"]["ID"], info["NodeID"]


def test_two_clusters_are_two_swarms(lab: Lab, second: Lab) -> None:
    assert set(second.nodes()) == {"manager"}
    assert swarm(lab)[0] != swarm(second)[0]


def test_down_leaves_everything_else_alone_and_up_finds_the_swarm_again(
    lab: Lab, second: Lab, foreign: list[str]
) -> None:
    before, first = swarm(second), lab.lives()
    second.inv("down")
    assert second.remains() == [f"volume {second.cluster}-manager", f"volume {second.cluster}-registry"]
    assert lab.lives() == first
    assert ids() == foreign

    second.inv("up")
    assert swarm(second) == before, "the volumes keep the swarm"
    assert second.nodes()["manager"]["Status"]["State"] == "ready"

    second.inv("down", "--volumes")
    assert second.remains() == []
    assert lab.lives() == first
    assert ids() == foreign
    assert "Nothing to change." in second.inv("down", "--volumes").out
