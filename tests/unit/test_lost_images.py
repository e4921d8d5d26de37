"""What a rollback of a stack asks of registries, and of nodes where these do not answer."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from swarmops import stackfile
from swarmops.cluster import Cluster
from swarmops.errors import CommandFailed, ConnectionFailed, EngineFailed, InputError, NotFound, Silent, SwarmopsError
from swarmops.facts import Json, Service
from swarmops.inventory import load
from swarmops.inventory.schema import Build
from swarmops.ops import apply, history, stacks
from swarmops.ops.deploy import Options
from swarmops.record import Record
from swarmops.report import Progress, Recap
from swarmops.stackfile import Stack
from swarmops.wait import Deadline

HOSTS = """all:
  vars: {cluster: two, transport: ssh}
  children:
    managers: {hosts: {m1: {ansible_host: 192.0.2.1, address: 10.89.0.11}}}
    workers:
      hosts:
        w1: {ansible_host: 192.0.2.2, address: 10.89.0.12}
        w2: {ansible_host: 192.0.2.3, address: 10.89.0.13}
        arm1: {ansible_host: 192.0.2.4, address: 10.89.0.14}
"""
OLD, NEW, KEPT = (f"registry:5000/{name}:1@sha256:{name[0] * 64}" for name in ("old", "new", "kept"))
DOWN = EngineFailed("m1: /distribution: connection refused")


def file(web: str) -> Json:
    """A version of the stack: `web` on workers, from another image each time, and `same`, always alike."""
    workers = {"placement": {"constraints": ["node.role == worker"]}}
    services = {"web": {"image": web, "deploy": workers}, "same": {"image": KEPT}}
    return stackfile.marked(Stack("s", {"services": services})).file


AMD64 = [{"OS": "linux", "Architecture": "amd64"}]


def config(number: int, image: str) -> Json:
    specs = {"s_web": {"TaskTemplate": {"Placement": {"Platforms": AMD64}}}}
    kept = Record("s", number, dict(file(image)), specs, "somebody", "", "")
    return {"ID": str(number), "CreatedAt": "", "Spec": kept.config()}


def running(short: str, stated: Json) -> Json:
    template = {"ContainerSpec": {"Image": stated["image"]}}
    labels = stated["deploy"]["labels"]
    spec = {"Name": f"s_{short}", "Labels": labels, "Mode": {"Replicated": {"Replicas": 1}}, "TaskTemplate": template}
    return {"ID": short, "Spec": spec}


def node(name: str) -> Json:
    """One whose name begins with `arm` is of that platform."""
    role = "manager" if name == "m1" else "worker"
    spec = {"Role": role, "Availability": "active", "Labels": {}}
    platform = {"OS": "linux", "Architecture": "aarch64" if name.startswith("arm") else "x86_64"}
    description = {"Hostname": name, "Platform": platform}
    return {"ID": name, "Spec": spec, "Description": description, "Status": {"State": "ready"}}


class Two(Cluster):
    """A swarm that has the second version of a stack."""

    members: list[str]
    asked: list[str]
    registry: dict[str, SwarmopsError]
    """What comes instead of an answer, by image."""
    held: dict[str, set[str]]
    """The images that nodes have."""
    silent: set[str]
    """The nodes that do not answer."""
    runs: Json
    """The services that run."""

    def api(self, name: str) -> Any:
        return SimpleNamespace(get=lambda path, **_: self.answer(name, path))

    def current(self) -> Any:
        return self.api("m1")

    def ask(self, question: Callable[[Any], Any]) -> Any:
        return question(self.current())

    def answer(self, name: str, path: str) -> Any:
        self.asked.append(path)
        image = path.removesuffix("/json").partition("/")[2].partition("/")[2]
        if path.startswith("/distribution/"):
            if image in self.registry:
                raise self.registry[image]
            return {"Descriptor": {"digest": image.partition("@")[2]}, "Platforms": AMD64}
        if path.startswith("/images/"):
            if name in self.silent:
                raise ConnectionFailed(f"{name}: no way there")
            if image not in self.held.get(name, set()):
                raise NotFound(f"{name}: no such image")
            return {"Id": "1"}
        return {
            "/configs": [config(1, OLD), config(2, NEW)],
            "/services": [running(short, stated) for short, stated in self.runs.items()],
            "/nodes": [node(name) for name in self.members],
        }[path]


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    (tmp_path / "inventory.yaml").write_text(HOSTS)
    with Two(load(tmp_path / "inventory.yaml"), Progress(io.StringIO())) as cluster:
        cluster.asked, cluster.members = [], ["m1", "w1", "w2"]
        cluster.registry, cluster.held, cluster.silent = {}, {}, set()
        cluster.runs = file(NEW)["services"]
        yield cluster


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (True, "The next inv deploy s sets it to what the stack's file says."),
        (False, "s runs what its version 1 has; inv history s tells of others, for --to."),
    ],
)
def test_a_rollback_that_changes_nothing_has_no_next_deploy_to_speak_of(
    two: Two, monkeypatch: pytest.MonkeyPatch, changed: bool, said: str
) -> None:
    recap = Recap()
    if changed:
        recap.changed("s_web", "image")
    monkeypatch.setitem(two.inventory.settings.stacks, "s", None)  # type: ignore[arg-type]
    monkeypatch.setattr(history.deploy, "carry_out", lambda *_: recap)
    assert history.rollback(two, "s", 1, Options()).notes == [said]


@pytest.fixture
def carried_out(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """What would have been deployed: the image of `web`, and whether nodes would have fetched it first."""
    done = []

    def carry_out(_: Cluster, __: str, ___: str, choose: Callable[[], Any], options: Options) -> Recap:
        done.append((choose().stack.services["web"]["image"], options.pull))
        return Recap()

    monkeypatch.setattr(history.deploy, "carry_out", carry_out)
    return done


def test_images_that_are_in_the_registry_come_back(two: Two, carried_out: list[tuple[str, bool]]) -> None:
    history.rollback(two, "s", None, Options())
    assert carried_out == [(OLD, True)]
    assert not [path for path in two.asked if path.startswith("/images/")]


@pytest.mark.parametrize("gone", ["", "same"], ids=["another in its place", "one is missing"])
def test_what_was_never_recorded_gives_way_to_the_newest(
    two: Two, carried_out: list[tuple[str, bool]], gone: str
) -> None:
    """As a deploy leaves it that was interrupted, even where each service is known from some version."""
    two.runs = file(OLD)["services"] | {"same": file(NEW)["services"]["web"]}
    two.runs = {short: stated for short, stated in two.runs.items() if short != gone}
    history.rollback(two, "s", None, Options())
    assert carried_out == [(NEW, True)]


def test_an_image_that_is_gone_is_refused_wherever_it_still_is(two: Two, carried_out: list[tuple[str, bool]]) -> None:
    two.registry = {OLD: NotFound("m1: manifest unknown"), KEPT: DOWN}
    two.held = {name: {OLD, KEPT} for name in two.members}
    with pytest.raises(InputError) as refused:
        history.rollback(two, "s", None, Options())
    assert f"version 1 cannot come back, its images are not in the registry any more\n    {OLD}\n" in str(refused.value)
    assert carried_out == []


@pytest.mark.parametrize("error", [DOWN, Silent("m1: timed out"), CommandFailed("m1: too many requests")])
def test_what_the_nodes_have_needs_no_registry(
    two: Two, carried_out: list[tuple[str, bool]], error: SwarmopsError
) -> None:
    """Those nodes that may run it; and of services that stay as they are nobody has to have anything."""
    two.registry = {OLD: error, KEPT: error}
    two.members.append("arm1")  # the image is not for its platform
    two.held = {"w1": {OLD}, "w2": {OLD}}
    history.rollback(two, "s", None, Options())
    assert carried_out == [(OLD, False)]
    assert two.asked.count(f"/distribution/{OLD}/json") <= 1, "one that does not answer takes its time"


def test_the_nodes_that_lack_an_image_are_named(two: Two, carried_out: list[tuple[str, bool]]) -> None:
    two.registry, two.held, two.silent = {OLD: DOWN}, {"w1": {OLD}}, {"w2"}
    two.members += ["somebody's", "arm1"]
    with pytest.raises(InputError) as refused:
        history.rollback(two, "s", None, Options())
    assert str(refused.value) == (
        f"version 1 cannot come back\n    s_web: image {OLD} cannot be had: m1: /distribution: connection refused;"
        " not seen on somebody's, w2\n  Next: inv doctor"
    )
    assert carried_out == []


def test_nodes_whose_platform_an_image_is_not_for_do_not_fetch_it(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    two.members.append("arm1")
    fetched = []
    monkeypatch.setattr(two, "run", lambda name, *_, **__: fetched.append(name))
    stacks.registered(two, NEW)
    before = Service.of(running("web", file(OLD)["services"]["web"]))
    apply._pull(two, Stack("s", dict(file(NEW))), [before], Deadline(9))
    assert sorted(fetched) == ["w1", "w2"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DOWN, f"image {OLD} cannot be had: m1: /distribution: connection refused\n  Next: inv doctor"),
        (Silent("m1: the engine does not answer"), f"image {OLD} cannot be had: its registry does not answer in time"),
        (NotFound("m1: no"), f"image {OLD} is not in its registry\n  Next: push it there, or correct its name"),
    ],
)
def test_why_an_image_cannot_be_had(two: Two, error: SwarmopsError, said: str) -> None:
    two.registry = {OLD: error}
    with pytest.raises(InputError) as refused:
        stacks.digest(two, OLD)
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize(
    ("image", "remedy"),
    [
        ("registry:5000/api:2.0", "inv push api"),
        ("registry:5000/api:1.0", "write registry:5000/api:2.0, which inv push api makes"),
        ("registry:5000/api", "write registry:5000/api:2.0, which inv push api makes"),
        ("registry:5000/api:2.0@sha256:ab", "write registry:5000/api:2.0, which inv push api makes"),
        ("registry:5000/ours/api:2.0", "push it there, or correct its name"),
        ("registry:5000/ap:2.0", "push it there, or correct its name"),
        ("ghcr.io/api:2.0", "push it there, or correct its name"),
        ("api:2.0", "push it there, or correct its name"),
    ],
)
def test_how_an_image_comes_into_its_registry(two: Two, image: str, remedy: str) -> None:
    two.inventory.settings.images.build["api"] = Build(context="images/api", tag="2.0")
    two.registry = {image: NotFound("m1: no")}
    with pytest.raises(InputError) as refused:
        stacks.digest(two, image)
    assert refused.value.remedy == remedy


def test_a_registry_that_does_not_answer_is_waited_for_once(two: Two) -> None:
    two.registry = {OLD: Silent("m1: the engine does not answer")}
    for image in (OLD, KEPT, NEW):
        with pytest.raises(InputError, match="its registry does not answer in time"):
            stacks.digest(two, image)
    assert two.asked == [f"/distribution/{OLD}/json"]
    assert stacks.digest(two, "other.example/web:1@sha256:ab") == "sha256:ab"
