from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from docker.api.client import APIClient
from docker.errors import APIError
from requests.exceptions import ReadTimeout

from swarmops.errors import ConnectionFailed, InputError, SwarmopsError, WaitTimeout
from swarmops.inventory import Inventory, load
from swarmops.lab import apt, debian, images, recipes
from swarmops.lab.build import build, content, files, follow_build, follow_pull, is_there, patient, read
from swarmops.lab.recipes import Recipe, arguments, recipe, reference
from swarmops.report import Progress

PROJECT = Path(__file__).parents[2]


class Said(Progress):
    """Progress that keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def done(self, text: str, node: str = "") -> None:
        self.lines.append(text)

    def waiting(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def inventory() -> Inventory:
    return load(PROJECT / "inventory.yaml")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n")
    (tmp_path / "main.go").write_text("package main\n")
    return tmp_path


# What an image is made of


def test_content_is_the_same_for_the_same_files(context: Path) -> None:
    first = content(context, "Dockerfile", {"BASE": "a", "GOLANG": "b"})
    (context / "main.go").touch()
    assert content(context, "Dockerfile", {"GOLANG": "b", "BASE": "a"}) == first
    assert len(first) == 12


@pytest.mark.parametrize(
    "change",
    [
        lambda path: (path / "main.go").write_text("package other\n"),
        lambda path: (path / "main.go").rename(path / "other.go"),
        lambda path: (path / "main.go").chmod(0o755),
        lambda path: (path / "new").write_text(""),
        lambda path: (path / "link").symlink_to("main.go"),
    ],
    ids=["text", "name", "mode", "file", "link"],
)
def test_content_changes_with_the_context(context: Path, change: Callable[[Path], object]) -> None:
    before = content(context, "Dockerfile", {})
    change(context)
    assert content(context, "Dockerfile", {}) != before


def test_content_changes_with_base_and_dockerfile(context: Path) -> None:
    (context / "Dockerfile.hub").write_text("FROM scratch\n")
    seen = [content(context, "Dockerfile", {"BASE": base}) for base in ("a", "b")]
    assert len({*seen, content(context, "Dockerfile.hub", {"BASE": "a"})}) == 3


def test_ignored_files_are_no_content(context: Path) -> None:
    (context / ".dockerignore").write_text("# comment\n*.log\nbuild\n")
    before = content(context, "Dockerfile", {})
    (context / "build").mkdir()
    (context / "build" / "out").write_text("x")
    (context / "noise.log").write_text("x")
    assert content(context, "Dockerfile", {}) == before
    assert files(context, "Dockerfile") == [".dockerignore", "Dockerfile", "main.go"]


def test_what_has_no_content_is_not_read(context: Path) -> None:
    before = content(context, "Dockerfile", {})
    os.mkfifo(context / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(context / "socket"))
    assert content(context, "Dockerfile", {}) == before


def test_what_cannot_be_read_is_named(context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (context / ".dockerignore").write_bytes(b"\xff\n")
    with pytest.raises(InputError, match=r"/\.dockerignore: not UTF-8 text"):
        content(context, "Dockerfile", {})
    with pytest.raises(InputError, match=r"/gone: No such file"):
        read(context / "gone")

    def deny(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    (context / ".dockerignore").unlink()
    monkeypatch.setattr(Path, "read_bytes", deny)
    with pytest.raises(InputError, match=r"/Dockerfile: Permission denied"):
        content(context, "Dockerfile", {})


def test_a_context_that_cannot_be_sent_ends_the_build(context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def build(self, **_: object) -> list[dict[str, str]]:
            raise OSError("Can not read file in context: main.go")

    monkeypatch.setattr(apt, "proxies", dict)
    with pytest.raises(SwarmopsError, match="image web broke off: Can not read file in context"):
        build(cast(APIClient, Refusing()), "swarmops/web:1", context, "Dockerfile", {}, Said())


def test_content_of_the_base_is_that_of_its_suite() -> None:
    assert debian.content("trixie") == debian.content("trixie") != debian.content("forky")


# The machine's apt

DEBOOTSTRAP = "/usr/sbin/debootstrap"
DEBIAN = ["http://a/debian/ stable main Debian", "http://b/debian/ stable main Debian"]


@pytest.mark.parametrize(
    ("targets", "debian_here", "mirror"),
    [
        (DEBIAN, True, "http://a/debian/"),
        (DEBIAN, False, "http://a/debian/"),
        (["http://u/ubuntu/ noble main Ubuntu"], False, ""),
        (["http://u/tool/ stable main", *DEBIAN], True, "http://a/debian/"),
        (["http://a/debian/ stable contrib Debian", "https://c/debian/ stable main Debian"], True, "https://c/debian/"),
        (["http://s/security/ stable-security main Debian", *DEBIAN[1:]], True, "http://b/debian/"),
        (["cdrom://disc/ stable main Debian", "file:/srv/debian/ stable main Debian"], True, ""),
        (["http://a/debian/ stable main $(ORIGIN)"], True, "http://a/debian/"),
        (["http://a/debian/ stable main $(ORIGIN)"], False, ""),
        (["", "   "], True, ""),
    ],
)
def test_mirror_is_the_first_of_debian(targets: list[str], debian_here: bool, mirror: str) -> None:
    assert apt.parse_mirror(targets, debian_here) == mirror


def test_proxies_of_apt_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.setenv(name, f"http://env-{name}")
    monkeypatch.setattr(apt, "_ask", lambda *_: "http_proxy='http://apt:3142'\nhttps_proxy='DIRECT'\n")
    assert apt.proxies() == {
        "http_proxy": "http://apt:3142",
        "https_proxy": "http://env-https_proxy",
        "no_proxy": "http://env-no_proxy",
    }


def test_settings_go_on_as_apt_writes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt, "_ask", lambda *_: "kept0='false'\n")
    assert apt.kept_settings() == 'Acquire::Check-Valid-Until "false";'


def test_a_machine_without_apt_has_no_mirror_and_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert (apt.mirror(), apt.kept_settings()) == ("", "")


# Progress


@pytest.mark.parametrize(
    ("line", "phase"),
    [
        ("I: Retrieving adduser 3.152", "downloading packages"),
        ("I: Configuring libc-bin...", "configuring packages"),
        ("I: Base system installed successfully.", ""),
        ("W: Retrieving it again", ""),
        ("Selecting previously unselected package", ""),
        ("", ""),
    ],
)
def test_phase_of_debootstrap(line: str, phase: str) -> None:
    assert debian.phase(line) == phase


def test_build_shows_its_steps() -> None:
    said = Said()
    follow_build("node", [{"stream": "Step 1/2 : FROM base\n"}, {"stream": "\n"}, {"aux": {"ID": "x"}}], said)
    assert said.lines == ["image node: Step 1/2 : FROM base"]


def test_failed_build_says_its_last_lines() -> None:
    events = [{"stream": f"line {number}\n"} for number in range(30)]
    with pytest.raises(SwarmopsError) as failed:
        follow_build("node", [*events, {"error": "returned a non-zero code: 100"}], Said())
    text = str(failed.value)
    assert "image node" in text
    assert "line 29" in text
    assert "line 3\n" not in text
    assert "code: 100" in text


def test_pull_counts_layers() -> None:
    said = Said()
    events = [
        {"status": "Pulling from library/registry", "id": "2"},
        {"status": "Pulling fs layer", "id": "a"},
        {"status": "Already exists", "id": "b"},
        {"status": "Pull complete", "id": "a"},
    ]
    follow_pull("registry:2", events, said)
    assert said.lines[-1] == "pulling registry:2: 2 of 2 layers"
    with pytest.raises(SwarmopsError, match="no such"):
        follow_pull("registry:2", [{"error": "no such manifest"}], said)


# Recipes and references


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        ("echo", "debian", "registry:5000/echo:1.0"),
        ("echo", "hub", "registry:5000/echo:1.0"),
        ("nginx", "debian", "registry:5000/nginx:trixie"),
        ("nginx", "hub", "registry:5000/nginx:1.26.3-alpine"),
    ],
)
def test_reference(inventory: Inventory, name: str, source: recipes.Source, expected: str) -> None:
    assert reference(name, inventory, source) == expected


@pytest.mark.parametrize(
    ("stated", "tag"), [("host:5000/team/nginx:1@sha256:00", "1"), ("host:5000/nginx", "latest"), ("nginx", "latest")]
)
def test_reference_to_any_name_of_the_hub(inventory: Inventory, stated: str, tag: str) -> None:
    settings = inventory.settings
    hub = settings.images.model_copy(update={"hub": {**settings.images.hub, "nginx": stated}})
    other = Inventory(**{**vars(inventory), "settings": settings.model_copy(update={"images": hub})})
    assert reference("nginx", other, "hub") == f"registry:5000/nginx:{tag}"


def test_arguments_without_a_default_name_images() -> None:
    assert arguments("ARG BASE\nARG VERSION=1\nFROM ${BASE}\nARG GOLANG \nRUN ARG X\n") == ["BASE", "GOLANG"]


def test_recipes_of_debian_stand_on_its_base(inventory: Inventory) -> None:
    echo = recipe("echo", inventory, "debian")
    golang = echo.parents["GOLANG"]
    assert echo.tag.startswith("swarmops/echo:")
    assert golang.tag.startswith("swarmops/golang:")
    assert golang.parents["BASE"].tag == "swarmops/debian:trixie"


def test_recipes_of_the_hub_pull(inventory: Inventory) -> None:
    hub = inventory.settings.images.hub
    assert recipe("nginx", inventory, "hub") == Recipe(hub["nginx"])
    assert recipe("echo", inventory, "hub").parents["GOLANG"] == Recipe(hub["golang"])
    node = recipe("node", inventory, "hub")
    assert (node.dockerfile, node.parents["NODE"].tag) == ("Dockerfile.hub", hub["node"])
    assert node.tag != recipe("node", inventory, "debian").tag


def test_context_that_is_not_there(inventory: Inventory) -> None:
    with pytest.raises(InputError, match="images/absent/Dockerfile"):
        recipe("absent", inventory, "debian")


# What is made, and in which order

BASE = Recipe("base", suite="trixie")
GOLANG = Recipe("golang", parents={"BASE": BASE})
ECHO = Recipe("echo", parents={"GOLANG": GOLANG})
NODE = Recipe("node", parents={"BASE": BASE})


def tags(have: set[str]) -> list[list[str]]:
    return [[one.tag for one in stage] for stage in images.stages([NODE, ECHO], lambda one: one.tag in have)]


def test_parents_are_made_first() -> None:
    assert tags(set()) == [["base"], ["node", "golang"], ["echo"]]
    assert tags({"base"}) == [["node", "golang"], ["echo"]]
    assert tags({"golang", "node"}) == [["echo"]]


def test_parents_of_what_is_there_are_not_needed() -> None:
    assert tags({"echo", "node"}) == []
    assert tags({"echo"}) == [["base"], ["node"]]


def test_two_jobs_run_at_once() -> None:
    both = threading.Barrier(2, timeout=5)
    images.at_once([both.wait, both.wait])


def test_a_job_that_fails_is_told_and_is_the_last() -> None:
    ran = []

    def fail() -> None:
        raise SwarmopsError("no")

    with pytest.raises(SwarmopsError, match="no"):
        images.at_once([fail, fail, fail, lambda: ran.append(1)])
    assert not ran


# The engine's images, and the choice of their source


class Engine:
    """An engine with some images; the hub answers or does not."""

    timeout = 60

    def __init__(self, *have: str, hub: bool = False, labels: dict[str, str] | None = None) -> None:
        self.have, self.hub, self.labels = have, hub, labels
        self.asked: list[str] = []
        self.made: list[str] = []

    def images(self, **_: object) -> list[dict[str, Any]]:
        return [{"RepoTags": [tag], "Labels": self.labels} for tag in self.have]

    def inspect_distribution(self, image: str) -> dict[str, Any]:
        self.asked.append(f"{image} within {self.timeout} s")
        if not self.hub:
            raise APIError("no route")
        return {}

    @property
    def client(self) -> APIClient:
        return cast(APIClient, self)


def lab(inventory: Inventory, source: recipes.Source) -> list[str]:
    return [recipe(name, inventory, source).tag for name in images.LAB]


def test_images_that_are_there_decide_without_a_question(inventory: Inventory) -> None:
    engine = Engine(*lab(inventory, "debian"))
    assert images.source(inventory, engine.client) == "debian"
    assert images.ensure_lab_images(inventory, engine.client, Said()) == images.LabImages(*engine.have)
    assert engine.asked == []


@pytest.mark.parametrize(("answers", "source"), [(True, "hub"), (False, "debian")])
def test_auto_asks_the_hub_and_does_not_wait_long(inventory: Inventory, answers: bool, source: str) -> None:
    engine = Engine(lab(inventory, "debian")[0], hub=answers)
    assert images.source(inventory, engine.client) == source
    assert engine.asked == [f"{inventory.settings.images.hub['registry']} within {images.HUB_SECONDS} s"]
    assert engine.timeout == Engine.timeout


def test_an_engine_that_says_nothing_of_its_images_is_told(
    inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ReadTimeout("no answer within 60 s")

    engine = Engine()
    monkeypatch.setattr(engine, "images", fail)
    with pytest.raises(ConnectionFailed, match="no answer"):
        images.source(inventory, engine.client)
    monkeypatch.setattr(Engine, "inspect_image", fail, raising=False)
    with pytest.raises(ConnectionFailed, match=r"^image nginx:1: no answer"):
        is_there(engine.client, "nginx:1")


def test_a_base_that_was_made_otherwise_is_not_there() -> None:
    tag, suite = debian.tag("trixie"), Recipe(debian.tag("trixie"), suite="trixie")
    right = {debian.CONTENT_LABEL: debian.content("trixie")}
    assert images.Shelf(Engine(tag, labels=right).client).has(suite)
    assert not images.Shelf(Engine(tag, labels={debian.CONTENT_LABEL: "older"}).client).has(suite)
    assert not images.Shelf(Engine(tag, labels=None).client).has(suite)


@pytest.mark.parametrize(
    ("found", "user", "inventory", "remedy"),
    [
        (None, 0, "", "sudo apt-get install debootstrap"),
        (DEBOOTSTRAP, 1000, "", "sudo inv up --timeout 60"),
        (DEBOOTSTRAP, 1000, "my labs/ha.yaml", "sudo 'SWARMOPS_INVENTORY=my labs/ha.yaml' inv up --timeout 60"),
    ],
)
def test_what_debootstrap_needs(
    monkeypatch: pytest.MonkeyPatch, found: str | None, user: int, inventory: str, remedy: str
) -> None:
    monkeypatch.setenv("SWARMOPS_INVENTORY", inventory)
    monkeypatch.setattr(debian, "shutil", SimpleNamespace(which=lambda _: found))
    monkeypatch.setattr(debian.os, "geteuid", lambda: user)
    monkeypatch.setattr(debian.sys, "argv", ["/somewhere/bin/inv", "up", "--timeout", "60"])
    with pytest.raises(SwarmopsError) as failed:
        debian.make("trixie", Engine().client, Said())
    assert failed.value.remedy == remedy


def test_a_build_that_fails_is_told_without_the_engines_colours() -> None:
    with pytest.raises(SwarmopsError, match=r":\n    main.go:1: expected\n    returned 1$"):
        follow_build("echo", [{"stream": "\x1b[91mmain.go:1: expected\n\x1b[0m"}, {"error": "returned 1"}], Said())


def test_events_come_as_they_are_and_an_error_where_it_belongs() -> None:
    def events() -> Iterator[dict[str, str]]:
        yield {"stream": "one"}
        raise OSError("broken")

    told = patient("the pull of web:1", events)
    assert next(told) == {"stream": "one"}
    with pytest.raises(OSError, match="broken"):
        next(told)
    assert list(patient("the pull of web:1", lambda: [{"stream": "all"}])) == [{"stream": "all"}]


def test_an_engine_that_says_nothing_is_not_waited_for_without_end() -> None:
    ended = threading.Event()

    def events() -> Iterator[dict[str, str]]:
        ended.wait(30)
        yield {}

    with pytest.raises(WaitTimeout, match="the pull of web:1 has said nothing"):
        next(patient("the pull of web:1", events, 0.05))
    ended.set()
