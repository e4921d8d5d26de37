"""Which services the ingress balances, in which order it tries them, and what it is told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from swarmops.errors import InputError
from swarmops.facts import Service
from swarmops.ingress import Backend, balanced, declared, hidden, slots
from swarmops.inventory import load
from swarmops.render import render, stack_context

ROOT = Path(__file__).parents[2]
NETWORK = "n1"
NETWORKS = {NETWORK: "localnet", "localnet": "localnet"}


def stack(**services: Any) -> dict[str, Any]:
    return {"services": {name: {"environment": environment} for name, environment in services.items()}}


def service(name: str, *environment: str, stack: str = "", network: str = NETWORK, mode: Any = None) -> Service:
    """A service as the swarm has it."""
    template = {"ContainerSpec": {"Env": list(environment)}, "Networks": [{"Target": network}]}
    spec = {"Name": name, "Mode": mode or {"Replicated": {"Replicas": 3}}, "TaskTemplate": template}
    return Service.of({"ID": name, "Spec": spec | {"Labels": {"com.docker.stack.namespace": stack} if stack else {}}})


def test_a_service_is_found_by_the_ports_that_it_declares() -> None:
    found = declared(
        {
            "shop": stack(web={"SERVICE_PORTS": "80, 8080", "OTHER": None}, db={"SERVICE_PORT": 1}, job=None),
            "blog": stack(front=["SERVICE_PORTS=3000", "DEBUG"]),
        }
    )
    assert found == [Backend("shop_web", 80), Backend("shop_web", 8080), Backend("blog_front", 3000)]
    assert [backend.name for backend in found][-1] == "blog_front_3000"
    assert found[-1].dns == "tasks.blog_front"


def test_what_claims_more_is_tried_first() -> None:
    claims = ["", "/cart", "shop.example", "shop.example/cart", "shop.example/cart/v2"]
    services = {f"s{n}": {"SERVICE_PORTS": 80, "VIRTUAL_HOST": claim} for n, claim in enumerate(claims)}
    tried = [backend.claim for backend in declared({"shop": stack(**services)})]
    assert tried == ["shop.example/cart/v2", "shop.example/cart", "shop.example", "/cart", ""]


def test_a_port_that_is_stated_twice_is_one() -> None:
    assert declared({"shop": stack(web={"SERVICE_PORTS": "80,81,80,080"})}) == [
        Backend("shop_web", 80),
        Backend("shop_web", 81),
    ]


def test_two_ways_to_write_a_claim_are_one() -> None:
    claims = ["Shop.Example", "shop.example/", "shop.example/Cart", "/", ""]
    services = {f"s{n}": {"SERVICE_PORTS": 80, "VIRTUAL_HOST": claim} for n, claim in enumerate(claims)}
    found = declared({"shop": stack(**services)})
    assert [backend.claim for backend in found] == ["shop.example/Cart", "shop.example", "shop.example", "", ""]
    assert len(hidden(found)) == 2


@pytest.mark.parametrize("host", ["-f", "--", "-x.example", ".example", "*.example", "my_app.example", "a.example,b"])
def test_what_the_proxy_would_not_take_for_a_host_is_refused(host: str) -> None:
    with pytest.raises(InputError, match=f'VIRTUAL_HOST "{re.escape(host)}" should be a host'):
        declared({"shop": stack(web={"SERVICE_PORTS": 80, "VIRTUAL_HOST": host})})


def test_a_host_is_nobodys_business_without_ports() -> None:
    assert declared({"mail": stack(web={"VIRTUAL_HOST": "a.example,b.example"}, api={"SERVICE_PORTS": ", "})}) == []


def test_what_is_no_port_or_host_is_refused_all_at_once() -> None:
    with pytest.raises(InputError) as caught:
        declared(
            {
                "shop": stack(
                    web={"SERVICE_PORTS": "http"},
                    api={"SERVICE_PORTS": "80", "VIRTUAL_HOST": "a b }"},
                    far={"SERVICE_PORTS": "65536"},
                )
            }
        )
    place = "  stack shop: services.{}.environment: "
    ports = 'SERVICE_PORTS "{}" should be ports of the service, separated by commas'
    assert str(caught.value).splitlines() == [
        "3 problems",
        place.format("api") + 'VIRTUAL_HOST "a b }" should be a host, a path, or both: shop.example/cart',
        place.format("far") + ports.format("65536"),
        place.format("web") + ports.format("http"),
    ]


def test_the_services_of_the_swarm_are_balanced_in_any_stack_and_none() -> None:
    services = [
        service("by-hand", "SERVICE_PORTS=80"),
        service("late_web", "SERVICE_PORTS=80", stack="late"),
        service("early_web", "A=b", "SERVICE_PORTS=80,81", stack="early"),
        service("early_db", "A=b", stack="early"),
        service("elsewhere", "SERVICE_PORTS=80", network="n2"),
        service("nowhere", "VIRTUAL_HOST=a.example", network="n2"),
        service("wrong", "SERVICE_PORTS=http"),
        service("agent", "SERVICE_PORTS=9", "VIRTUAL_HOST=/agent", mode={"Global": {}}),
    ]
    found, left = balanced(services, NETWORKS, stacks=["early", "late"], nodes=20)
    assert [(backend.name, backend.slots) for backend in found] == [
        ("agent_9", 64),
        ("early_web_80", 16),
        ("early_web_81", 16),
        ("late_web_80", 16),
        ("by-hand_80", 16),
    ]
    assert left == [
        ("elsewhere", "elsewhere is left out: it is not on the network localnet"),
        ("wrong", 'wrong is left out: SERVICE_PORTS "http" should be ports of the service, separated by commas'),
    ]


@pytest.mark.parametrize(
    ("replicas", "room"), [(0, 16), (1, 16), (8, 16), (9, 32), (16, 32), (17, 64), (50, 128), (64, 128), (100, 256)]
)
def test_there_is_room_for_twice_the_replicas(replicas: int, room: int) -> None:
    assert slots(replicas) == room


def test_who_gets_no_request_is_said() -> None:
    backends = [Backend("a", 80, "x.example"), Backend("b", 80, "x.example"), Backend("c", 80), Backend("c", 81)]
    assert hidden(backends) == [
        ("b", "b:80 gets no request: a:80 has x.example"),
        ("c", "c:81 gets no request: c:80 has all that nobody claims"),
    ]


def proxy(services: list[Backend]) -> str:
    context = stack_context(load(ROOT / "inventory.yaml"), "ingress", "dns", str, services)
    return render(ROOT / "templates/stacks/haproxy.cfg.j2", ROOT / "templates", context)


def test_the_proxy_names_every_backend_and_one_of_them_for_the_rest() -> None:
    text = proxy(
        [
            Backend("a_b", 80, "x.example", "/y"),
            Backend("c_d", 80, path="/z"),
            Backend("e_f", 1),
            Backend("g_h", 2, slots=64),
        ]
    )
    rules = [line.strip() for line in text.splitlines() if "_backend" in line]
    assert rules == [
        "use_backend a_b_80 if { req.hdr(host),field(1,:) -i x.example } { path_beg /y }",
        "use_backend c_d_80 if { path_beg /z }",
        "default_backend e_f_1",
    ]
    assert "server-template replica 64 tasks.g_h:2" in text


def test_the_statistics_ask_for_the_password_that_the_swarm_made() -> None:
    assert "http-request auth realm ingress unless { http_auth(stats) }" in proxy([])
    context = stack_context(load(ROOT / "inventory.yaml"), "ingress", "mesh", str, [])
    file = yaml.safe_load(render(ROOT / "templates/stacks/ingress.yml.j2", ROOT / "templates", context))
    service = file["services"]["haproxy"]
    assert file["secrets"] == {"stats": {"x-generate": 24}}
    assert service["secrets"] == ["stats"]
    assert [(port["published"], port["mode"]) for port in service["ports"]] == [(80, "ingress"), (1936, "host")]
