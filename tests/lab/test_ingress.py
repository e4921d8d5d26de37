"""The ingress: who is found, by which host and path, and that nothing of it needs the ingress deployed again."""

from __future__ import annotations

import base64
import urllib.request
from collections.abc import Iterator

import pytest
from engine import Answer, Lab, eventually, get, said

GREETING = "Hello Docker!!"
SHOP = """
services:
  web:
    image: {{ image("echo") }}
    networks: [localnet]
    environment:
      SERVICE_PORTS: "8080"
      VIRTUAL_HOST: shop.example
    deploy:
      endpoint_mode: {{ "dnsrr" if routing == "dns" else "vip" }}
  cart:
    image: {{ image("echo") }}
    networks: [localnet]
    environment: [SERVICE_PORTS=8080, VIRTUAL_HOST=shop.example/cart]
    deploy:
      endpoint_mode: {{ "dnsrr" if routing == "dns" else "vip" }}
  web2:
    image: {{ image("echo") }}
    networks: [localnet]
    environment: [SERVICE_PORTS=8080, VIRTUAL_HOST=shop.example]
    deploy:
      endpoint_mode: {{ "dnsrr" if routing == "dns" else "vip" }}
networks:
  localnet:
    external: true
"""


def ask(lab: Lab, host: str, path: str = "/") -> Answer:
    """A request for a host, to the ingress."""
    return get(urllib.request.Request(lab.url(80) + path, headers={"Host": host}))


def containers(lab: Lab, service: str) -> set[str]:
    """The host names of a service's running containers, as the engines of the nodes say."""
    label = f"label=com.docker.swarm.service.name={service}"
    return {
        name for node in lab.nodes() for name in lab.node(node, "docker", "ps", "-q", "--filter", label).out.split()
    }


def server_of(lab: Lab, host: str, path: str = "/") -> str:
    """The container that answers for a host and path; an api of the echo stack where nobody has claimed it."""
    return ask(lab, host, path).replica


@pytest.fixture(scope="module")
def shop(deployed: Lab) -> Iterator[Lab]:
    """A stack of which the ingress has not heard, deployed."""
    (deployed.folder / "templates/stacks/shop.yml.j2").write_text(SHOP)
    with deployed.changed():
        deployed.vars["stacks"]["shop"] = {"template": "stacks/shop.yml.j2"}
        deployed.save()
        deployed.inv("deploy", "shop")
        yield deployed
        deployed.inv("remove", "shop")


def test_a_new_service_answers_after_its_own_deploy_and_no_proxy_was_replaced(deployed: Lab, shop: Lab) -> None:
    assert {server_of(shop, "shop.example") for _ in range(4)} == containers(shop, "shop_web")
    assert {server_of(shop, "Shop.Example:8000", "/cart/1") for _ in range(4)} == containers(shop, "shop_cart")
    assert server_of(shop, "other.example") in containers(shop, "echo_api")
    assert any("shop_web2:8080 gets no request: shop_web:8080 has shop.example" in text for text in said)
    assert len(shop.ask("service", "ps", "ingress_haproxy")) == 1, "the one task of the first deploy"
    assert "Nothing to change." in shop.inv("deploy", "ingress").out


def test_a_service_by_hand_answers_until_it_is_removed(shop: Lab) -> None:
    options = ("--network=localnet", "--env=SERVICE_PORTS=8080", "--env=VIRTUAL_HOST=/by-hand", "--update-monitor=1s")
    shop.inv("service.create", "hand", "--image", "echo", *options)
    assert {server_of(shop, "any.example", "/by-hand") for _ in range(4)} == containers(shop, "hand")
    shop.inv("service.rm", "hand")
    assert server_of(shop, "any.example", "/by-hand") in containers(shop, "echo_api")


def test_a_claim_that_cannot_be_is_refused(shop: Lab) -> None:
    options = ("--network=localnet", "--env=SERVICE_PORTS=8080", "--env=VIRTUAL_HOST=-f")
    refused = shop.inv("service.create", "bad", "--image=echo", *options, check=2).err
    assert 'VIRTUAL_HOST "-f" should be a host' in refused
    assert "bad" not in shop.services()


def test_one_bad_claim_keeps_nobody_from_being_served(shop: Lab) -> None:
    template = shop.folder / "templates/stacks/haproxy.cfg.j2"
    good = template.read_text()
    refused = "{% if services|selectattr('service', 'eq', 'odd')|list %}\n    speak latin\n{% endif %}\n"
    template.write_text(good.replace("frontend stats\n", f"{refused}\nfrontend stats\n"))
    made = ("docker", "service", "create", "--detach", "--no-resolve-image", "--network=localnet")
    image = shop.services()["shop_web"]["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
    for name, host, ports in (("dash", "-x.example", "8080"), ("twice", "twice.example", "8080,08080")):
        claim = (f"--env=SERVICE_PORTS={ports}", f"--env=VIRTUAL_HOST={host}")
        shop.node("manager", *made, f"--name={name}", "--endpoint-mode=dnsrr", *claim, image)
    try:
        options = ("--network=localnet", "--env=SERVICE_PORTS=8080", "--update-monitor=1s")
        run = shop.inv("service.create", "odd", "--image=echo", *options, "--env=VIRTUAL_HOST=odd.example")
        assert 'dash is left out: VIRTUAL_HOST "-x.example" should be a host' in run.out
        assert "odd is left out: " in run.out
        assert "speak" in run.out
        eventually(
            lambda: server_of(shop, "twice.example") in containers(shop, "twice"),
            within=15,
            what="an answer of a service that docker made, for which nobody has waited",
        )
        assert {server_of(shop, "shop.example") for _ in range(4)} == containers(shop, "shop_web")
        assert server_of(shop, "odd.example") in containers(shop, "echo_api")
        again = shop.inv("service.create", "odd", "--image=echo", *options, "--env=VIRTUAL_HOST=odd.example").out
        assert "odd is left out: " in again
        assert "dash" not in again, "nobody asked"
        apart = shop.inv("service.update", "odd", "--network-rm=localnet").out
        assert "odd is left out: it is not on the network localnet" in apart
    finally:
        template.write_text(good)
        shop.inv("service.rm", "odd,dash,twice")


def test_a_removed_stack_is_forgotten(shop: Lab) -> None:
    shop.inv("remove", "shop")
    assert server_of(shop, "shop.example") in containers(shop, "echo_api")
    proxy = containers(shop, "ingress_haproxy").pop()
    loaded = shop.node("manager", "docker", "exec", proxy, "cat", "/tmp/ingress/haproxy.cfg").out
    assert "echo_nginx" in loaded
    assert "shop" not in loaded


def test_the_proxies_go_on_when_nobody_serves_their_configuration(deployed: Lab) -> None:
    deployed.node("manager", "docker", "service", "scale", "--detach", "ingress_config=0")
    eventually(lambda: not containers(deployed, "ingress_config"), within=20, what="nobody that serves it")
    assert get(deployed.url(80)).text.strip() == GREETING
    deployed.node("manager", "docker", "service", "scale", "--detach", "ingress_config=1")
    eventually(lambda: containers(deployed, "ingress_config"), within=20, what="somebody that serves it")


def test_a_configuration_that_haproxy_refuses_is_not_served(deployed: Lab) -> None:
    template = deployed.folder / "templates/stacks/haproxy.cfg.j2"
    good = template.read_text()
    template.write_text(good.replace("frontend http\n", "frontend http\n    speak latin\n"))
    try:
        run = deployed.inv("deploy", "ingress", check=4)
    finally:
        template.write_text(good)
    assert "unknown keyword 'speak'" in run.err
    assert get(deployed.url(80)).text.strip() == GREETING
    assert "Nothing to change." in deployed.inv("deploy", "ingress").out


def test_a_mistake_in_its_template_is_said_before_another_stack_changes(deployed: Lab) -> None:
    template, stack = (deployed.folder / f"templates/stacks/{name}.j2" for name in ("haproxy.cfg", "echo.yml"))
    good, before, services = template.read_text(), stack.read_text(), deployed.services()
    template.write_text(good.replace("frontend http\n", "{{ backend }}\nfrontend http\n"))
    stack.write_text(before.replace("  api:\n", "  api:\n    environment: {MOOD: new}\n"))
    try:
        run = deployed.inv("deploy", "echo", check=2)
    finally:
        template.write_text(good)
        stack.write_text(before)
    assert "'backend' is undefined" in run.err
    assert deployed.services() == services


def test_the_statistics_are_for_those_who_have_the_password(deployed: Lab) -> None:
    shown = dict(line.split() for line in deployed.inv("ingress.credentials").out.splitlines())
    assert len(shown["password"]) == 24
    assert statistics(shown["url"], shown["user"], shown["password"]).status == 200
    assert statistics(shown["url"], shown["user"], shown["password"][:-1]).status == 401
    assert get(shown["url"]).status == 401
    assert sum(shown["password"] in text for text in said) == 1, "shown when it is asked for, and only then"


def statistics(url: str, user: str, password: str) -> Answer:
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return get(urllib.request.Request(url, headers={"Authorization": f"Basic {token}"}))


def test_each_request_is_one_line_of_the_log(deployed: Lab) -> None:
    paths = [f"/log/{number}" for number in range(5)]
    for path in paths:
        ask(deployed, "log.example", path)
    proxy = containers(deployed, "ingress_haproxy").pop()

    def lines() -> list[str]:
        log = deployed.node("manager", "docker", "logs", "--tail", "50", proxy).out.splitlines()
        return [line for line in log if "/log/" in line]

    eventually(lambda: len(lines()) == len(paths), within=5, what="a line for each request")
    for line, path in zip(lines(), paths, strict=True):
        assert "http echo_nginx_80/replica" in line
        assert " 200 " in line
        assert line.endswith(f'"GET {path} HTTP/1.1"')
