"""Which services the ingress balances, and in which order it tries them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from swarmops.errors import InputError
from swarmops.ingress import Backend, published
from swarmops.inventory import load
from swarmops.render import render, stack_context

ROOT = Path(__file__).parents[2]


def stack(**services: Any) -> dict[str, Any]:
    return {"services": {name: {"environment": environment} for name, environment in services.items()}}


def test_a_service_is_found_by_the_ports_that_it_declares() -> None:
    found = published(
        {
            "shop": stack(web={"SERVICE_PORTS": "80, 8080", "OTHER": None}, db={"SERVICE_PORT": 1}, job=None),
            "blog": stack(front=["SERVICE_PORTS=3000", "DEBUG"]),
        }
    )
    assert found == [Backend("shop", "web", 80), Backend("shop", "web", 8080), Backend("blog", "front", 3000)]
    assert [backend.name for backend in found][-1] == "blog_front_3000"
    assert found[-1].dns == "tasks.blog_front"


def test_what_claims_more_is_tried_first() -> None:
    claims = ["", "/cart", "shop.example", "shop.example/cart", "/", "shop.example/cart/v2"]
    services = {f"s{n}": {"SERVICE_PORTS": 80, "VIRTUAL_HOST": claim} for n, claim in enumerate(claims)}
    tried = [backend.host + backend.path for backend in published({"shop": stack(**services)})]
    assert tried == ["shop.example/cart/v2", "shop.example/cart", "shop.example", "/cart", "/", ""]


def test_what_is_no_port_or_host_is_refused_all_at_once() -> None:
    with pytest.raises(InputError) as caught:
        published(
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


def proxy(services: list[Backend], **more: Any) -> str:
    context = stack_context(load(ROOT / "inventory.yaml"), "ingress", "dns", str, services) | more
    return render(ROOT / "templates/stacks/haproxy.cfg.j2", ROOT / "templates", context)


def test_the_proxy_names_every_backend_and_one_of_them_for_the_rest() -> None:
    text = proxy(
        [
            Backend("a", "b", 80, "x.example", "/y"),
            Backend("c", "d", 80, path="/z"),
            Backend("e", "f", 1),
            Backend("g", "h", 2),
        ]
    )
    rules = [line.strip() for line in text.splitlines() if "_backend" in line]
    assert rules == [
        "use_backend a_b_80 if { req.hdr(host),field(1,:) -i x.example } { path_beg /y }",
        "use_backend c_d_80 if { path_beg /z }",
        "default_backend e_f_1",
    ]
    assert "server-template replica 50 tasks.g_h:2" in text


def test_the_statistics_are_there_when_a_secret_protects_them() -> None:
    assert "stats" not in proxy([])
    text = proxy([], stats_secret="ingress-users")
    assert "http-request auth realm ingress unless { http_auth(stats) }" in text
    assert "ingress-users" not in text


def test_the_secret_goes_to_the_proxy_and_the_port_to_the_managers() -> None:
    context = stack_context(load(ROOT / "inventory.yaml"), "ingress", "mesh", str, []) | {"stats_secret": "users"}
    file = yaml.safe_load(render(ROOT / "templates/stacks/ingress.yml.j2", ROOT / "templates", context))
    service = file["services"]["haproxy"]
    assert file["secrets"] == {"stats": {"external": True, "name": "users"}}
    assert service["secrets"] == [{"source": "stats", "target": "stats.cfg"}]
    assert service["command"][-1] == "/run/secrets/stats.cfg"
    assert [(port["published"], port["mode"]) for port in service["ports"]] == [(80, "ingress"), (1936, "host")]
