"""Services by hand that the swarm has no room for: refused before anything changes."""

from __future__ import annotations

from typing import Any

import pytest
from samples import manager, member, service

from swarmops import facts
from swarmops.definition import complete, parse
from swarmops.errors import InputError
from swarmops.facts import Service
from swarmops.lint import Swarm, alone
from swarmops.ops.room import places, refuse_crowded

HAS = {"NanoCPUs": 4 * 10**9, "MemoryBytes": 8 * 2**30}
SMALL = HAS | {"MemoryBytes": 2**30}
NODES = (manager("manager", resources=HAS), member("worker01", resources=SMALL), member("worker02", resources=HAS))
EVERYWHERE = {"Global": {}}
WORKERS = {"constraint": ["node.role==worker"]}
PORT = {"publish": ["8080:80"]}
TAKEN = {"Protocol": "tcp", "PublishedPort": 8080, "TargetPort": 80, "PublishMode": "host"}


def other(name: str, mode: Any) -> Service:
    return service(mode, template={"ContainerSpec": {}}, Name=name, EndpointSpec={"Ports": [TAKEN]})


def said(stated: dict[str, Any], *services: Service) -> list[str]:
    told, _ = parse(stated, "host")
    swarm = Swarm(NODES, services, (), frozenset(), frozenset(), "mesh")
    return [str(problem) for problem in alone.room("web", complete(told), swarm)]


@pytest.mark.parametrize(
    ("stated", "wrong"),
    [
        ({**PORT, "replicas": "3"}, ""),
        ({**PORT, "mode": "global"}, ""),
        ({"replicas": "30"}, ""),
        ({**PORT, "replicas": "4"}, "--publish: port 8080/tcp in host mode has room for one task on each of 3 nodes"),
        ({**PORT, **WORKERS, "replicas": "3"}, "--publish: port 8080/tcp in host mode has room"),
        ({**PORT, "replicas": "3", "update-order": "start-first"}, "--update-order: never ends"),
        ({**PORT, "mode": "global", "rollback-order": "start-first"}, "--rollback-order: never ends"),
        ({"constraint": ["node.labels.disk==ssd"]}, "--constraint: no node of the swarm meets node.labels.disk==ssd"),
        ({"replicas-max-per-node": "1", "replicas": "3"}, ""),
        ({"replicas-max-per-node": "1", "replicas": "4"}, "--replicas-max-per-node: 1 per node on 3 nodes"),
        ({"replicas-max-per-node": "1", "replicas": "3", "update-order": "start-first"}, "--update-order: never ends"),
        ({"reserve-memory": "8g", "reserve-cpu": "4"}, ""),
        ({"reserve-memory": "900g", "replicas": "0"}, ""),
        ({"reserve-memory": "900g"},
         "--reserve-memory: no node that may run it has what it reserves: manager, worker02: 8 GiB of memory there, "
         "900 wanted; worker01: 1 GiB of memory there, 900 wanted; reserve less"),
        ({"reserve-cpu": "64"}, "--reserve-cpu: no node that may run it has what it reserves: manager, worker01, wo"),
        ({"reserve-memory": "2g", "constraint": ["node.hostname==worker01"]}, "--reserve-memory: no node"),
        ({"reserve-memory": "1g", "mode": "global"}, ""),
        ({"reserve-memory": "2g", "mode": "global"},
         "--reserve-memory: these nodes should run it, and have not what it reserves: worker01: 1 GiB of memory there"),
    ],
)  # fmt: skip
def test_room_for_a_service(stated: dict[str, Any], wrong: str) -> None:
    found = said(stated)
    assert len(found) == bool(wrong), found
    assert not wrong or found[0].startswith(wrong)


def test_a_port_that_another_service_has() -> None:
    assert said(PORT, other("theirs", EVERYWHERE)) == [
        "--publish: port 8080/tcp is taken by theirs; inv service.rm theirs first"
    ]
    assert said(PORT, other("theirs", 2)) == []
    assert said({**PORT, "replicas": "2"}, other("theirs", 2))
    assert said(PORT, other("web", EVERYWHERE)) == []


@pytest.mark.parametrize(
    ("stated", "starts"),
    [
        ({"env": ["A=1"]}, True),
        ({"replicas": "4"}, True),
        ({"replicas": "2"}, False),
        ({"replicas": "2", "env": ["A=1"]}, True),
        ({"label": ["a=b"], "update-delay": "1s"}, False),
        ({"update-order": "start-first"}, True),
    ],
)
def test_an_update_that_starts_no_task_needs_no_place(stated: dict[str, Any], starts: bool) -> None:
    before = complete(parse({"replicas": "3"}, "host")[0])
    told, _ = parse(stated, "host")
    assert places(before, before | told) is starts


@pytest.mark.parametrize(("web", "api", "fits"), [(2, 1, True), (1, 2, True), (2, 2, False)])
def test_services_that_are_scaled_together_make_room_for_each_other(web: int, api: int, fits: bool) -> None:
    class Cluster:
        def ask(self, question: Any) -> Any:
            return {facts.nodes: NODES, facts.services: [other("web", 1), other("api", 2)]}[question]

    counts = {"web": web, "api": api}
    wanted = {name: complete(parse({**PORT, "replicas": str(count)}, "host")[0]) for name, count in counts.items()}
    try:
        refuse_crowded(Cluster(), wanted)  # type: ignore[arg-type]
    except InputError:
        assert not fits
    else:
        assert fits
