"""`lint`, and what a deploy refuses before it has changed anything; plain compose files with `.env` and `env_file`."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from engine import Lab, docker, eventually, get

NAME = "docker-stack"
LABEL = f"label=com.docker.stack.namespace={NAME}"
GOOD = """
services:
  web:
    image: registry:{port}/nginx:{tag}
    command: [sleep, "3600"]
    stop_grace_period: 0s
    healthcheck: {{disable: true}}
    deploy: {{endpoint_mode: dnsrr}}
"""
BAD = """
services:
  image:
    image: registry:{port}/nothing:1.0
    deploy: {{endpoint_mode: dnsrr}}
  bind:
    image: registry:{port}/nginx:{tag}
    volumes: ["/srv/nowhere:/srv"]
    deploy: {{endpoint_mode: dnsrr}}
  port:
    image: registry:{port}/nginx:{tag}
    ports: [{{target: 80, published: 8088, mode: host}}]
    deploy: {{endpoint_mode: dnsrr}}
  node:
    image: registry:{port}/nginx:{tag}
    deploy: {{endpoint_mode: dnsrr, placement: {{constraints: [node.labels.disk == floppy]}}}}
  refused:
    image: registry:{port}/nginx:{tag}
    mem_limit: 1g
    networks: [missing]
    deploy: {{endpoint_mode: dnsrr}}
networks:
  missing: {{external: true}}
"""


@pytest.fixture
def plain(pushed: Lab) -> Iterator[Callable[..., Path]]:
    """`plain(text, **files)` writes the plain compose file of a stack; it returns where the rendered file will be."""
    folder = pushed.folder / "templates/stacks"
    tag = next(iter(json.loads(get(f"{pushed.registry}/v2/nginx/tags/list").text)["tags"]))
    written: list[Path] = []

    def write(text: str, **files: str) -> Path:
        texts = {f"{NAME}.yml": text.format(port=pushed.vars["registry"]["port"], tag=tag), **files}
        for name, content in texts.items():
            written.append(folder / name)
            written[-1].write_text(textwrap.dedent(content))
        return pushed.folder / f"stack/{pushed.cluster}/{NAME}.yml"

    with ExitStack() as stack:
        stack.enter_context(pushed.changed())
        pushed.vars["stacks"][NAME] = {"template": f"stacks/{NAME}.yml"}
        pushed.save()
        yield write
        if parts(pushed):
            pushed.inv("remove", NAME)
        for path in written:
            path.unlink(missing_ok=True)


@pytest.fixture
def port_8088(pushed: Lab) -> Iterator[None]:
    """Another service has the port 8088 of every node."""
    publish = "--publish=mode=host,published=8088,target=80"
    command = ("service", "create", "--detach", "--no-resolve-image", "--mode=global", "--name=taker", publish)
    pushed.node("manager", "docker", *command, "registry:1/never-there:1")
    yield
    pushed.node("manager", "docker", "service", "rm", "taker")


def parts(lab: Lab) -> list[str]:
    """What the swarm has of the stack."""
    kinds = ("service", "network", "config", "secret")
    listed = {kind: lab.node("manager", "docker", kind, "ls", "-q", "--filter", LABEL).out.split() for kind in kinds}
    return [f"{kind} {name}" for kind, names in listed.items() for name in names]


def environment(lab: Lab) -> dict[str, str]:
    """The variables of the service `web`, as its specification in the engine has them."""
    spec: dict[str, Any] = lab.services()[f"{NAME}_web"]["Spec"]["TaskTemplate"]["ContainerSpec"]
    return dict(pair.split("=", 1) for pair in spec["Env"])


def test_the_shipped_stacks_have_no_errors(pushed: Lab) -> None:
    run = pushed.inv("lint")
    assert all(": warning: " in line or line == "Nothing to say." for line in run.out.splitlines())


def test_an_unknown_stack_is_bad_input(lab: Lab) -> None:
    assert "did you mean echo?" in lab.inv("lint", "--stack", "eccho", check=2).err


@pytest.mark.usefixtures("port_8088")
def test_everything_is_said_before_anything_changes(pushed: Lab, plain: Callable[..., Path]) -> None:
    file = plain(BAD)
    # Of one that is not, nobody expects that it has a path.
    eventually(
        lambda: all(one["Status"]["State"] == "ready" for one in pushed.nodes().values()), within=60, what="Ready"
    )
    before = pushed.services()
    registry = f"registry:{pushed.vars['registry']['port']}"
    expected = {
        "services.image.image": f"image {registry}/nothing:1.0 is not in its registry; push it there",
        "services.bind.volumes[0]": "none of the nodes that may run it has /srv/nowhere",
        "services.port.ports[0]": "port 8088/tcp is taken by taker",
        "services.node.deploy.placement.constraints": "no node of the swarm meets node.labels.disk == floppy",
        "services.refused.mem_limit": "swarm refuses it; write deploy.resources.limits",
        "networks.missing": "the swarm has no network missing",
    }
    for run in (pushed.inv("lint", "--stack", NAME, check=2), pushed.inv("deploy", NAME, check=2)):
        for path, text in expected.items():
            lines = [line for line in run.text.splitlines() if f": {path}: {text}" in line]
            assert len(lines) == 1, run.text
            (line,) = lines
            place, number, _ = line.strip().split(":", 2)
            assert place == f"stack/{pushed.cluster}/{NAME}.yml"
            # The line is that of the key, or of the entry of a list.
            key = path.rpartition(".")[2].partition("[")[0]
            written = file.read_text().splitlines()
            assert key in written[int(number) - 1] or key in written[int(number) - 2]
    assert parts(pushed) == []
    assert {name: one["Version"] for name, one in pushed.services().items()} == {
        name: one["Version"] for name, one in before.items()
    }


def for_arm(name: str, archive: Path) -> None:
    """An archive for `docker load`: an image that is made for another processor, without a file in it."""
    layer = bytes(1024)
    digests = [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    config = {"architecture": "arm64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": digests}}
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    files = {"layer.tar": layer} | {
        f"{title}.json": json.dumps(content).encode() for title, content in (("config", config), ("manifest", manifest))
    }
    with tarfile.open(archive, "w") as tar:
        for title, content in files.items():
            info = tarfile.TarInfo(title)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def test_an_image_that_no_node_can_run(pushed: Lab, plain: Callable[..., Path], tmp_path: Path) -> None:
    image = f"localhost:{pushed.vars['registry']['port']}/foreign:1.0"
    for_arm(image, tmp_path / "foreign.tar")
    docker("load", "--input", str(tmp_path / "foreign.tar"))
    docker("push", "--quiet", image)
    docker("rmi", image)
    plain("services: {{web: {{image: 'registry:{port}/foreign:1.0'}}}}")
    said = f"services.web.image: image {image.replace('localhost', 'registry')} is for linux/arm64, and no node is"
    assert said in pushed.inv("deploy", NAME, check=2).err
    assert parts(pushed) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n- b\n", "docker-stack.yml: renders to no stack file"),
        ("services: [\n", "docker-stack.yml:2: not YAML"),
        (
            "services:\n  web: {{image: 'x:${{NEVER_SET:?which}}'}}\n",
            "docker-stack.yml:2: services.web.image: the variable",
        ),
        (GOOD + "    env_file: none.env\n", "services.web.env_file: none.env: No such file"),
    ],
)
def test_what_is_no_stack_file(pushed: Lab, plain: Callable[..., Path], text: str, said: str) -> None:
    plain(text)
    assert said in pushed.inv("deploy", NAME, check=2).err
    assert parts(pushed) == []


def test_docker_has_the_last_word(pushed: Lab, plain: Callable[..., Path]) -> None:
    plain(GOOD + "    mac_address: [1]\n")
    out = pushed.inv("lint", check=2).out
    assert "services.web.mac_address: docker refuses it: must be a string" in out
    assert parts(pushed) == []


def test_a_bind_that_only_some_nodes_have(pushed: Lab, plain: Callable[..., Path]) -> None:
    plain(GOOD + "    volumes: ['/srv/some:/srv']\n")
    pushed.node("worker01", "mkdir", "-p", "/srv/some")
    others = ", ".join(sorted({*pushed.nodes()} - {"worker01"}))
    run = pushed.inv("lint", "--stack", NAME)
    assert f"warning: services.web.volumes[0]: {others} may run it and has no /srv/some" in run.out


def test_a_plain_file_is_deployed_with_its_variables(pushed: Lab, plain: Callable[..., Path]) -> None:
    text = (
        GOOD.replace("{{endpoint", "{{replicas: $REPLICAS, endpoint")
        + """
    env_file: [common.env, {{path: none.env, required: false}}]
    environment:
      LEVEL: ${{LEVEL:-info}}
      PRICE: 5$$
      SIZE: own
      NODE: "{{{{.Node.Hostname}}}}"
    networks: [inner]
networks:
  inner: {{driver_opts: {{com.docker.network.driver.mtu: 1400}}, labels: [team=web]}}
"""
    )
    files = {".env": "REPLICAS=2\nCOLOUR=red\n", "common.env": "SIZE=1\nSHIRT='a b' # not c\nDYED=${COLOUR}\n"}
    plain(text, **files)
    pushed.inv("deploy", NAME)
    own = {"LEVEL": "info", "PRICE": "5$", "SIZE": "own", "NODE": "{{.Node.Hostname}}"}
    assert environment(pushed) == own | {"SHIRT": "a b", "DYED": "red"}
    assert pushed.services()[f"{NAME}_web"]["Spec"]["Mode"] == {"Replicated": {"Replicas": 2}}
    assert "Nothing to change." in pushed.inv("deploy", NAME).out

    assert "swarm keeps" not in pushed.inv("lint", "--stack", NAME).out

    plain(text.replace("mtu: 1400}}", "mtu: 1450}}, attachable: true").replace("team=web", "team=db"), **files)
    (line,) = [line for line in pushed.inv("lint", "--stack", NAME).out.splitlines() if "swarm keeps" in line]
    assert f"the network {NAME}_inner as it is: attachable is false, not true; " in line
    assert "com.docker.network.driver.mtu is 1400, not 1450; the label team is web, not db; " in line
    assert "Nothing to change." in pushed.inv("deploy", NAME).out
