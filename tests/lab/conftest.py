"""One lab for the whole run, made by `inv up` and removed at the end whatever happens."""

from __future__ import annotations

import os
import signal
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import pytest
from engine import Lab
from onestack import NOTHING, parts

HERE = Path(__file__).parent
RUN = int(os.environ.get("SWARMOPS_TEST_RUN", "0"))
"""Runs of the tests with different numbers, 0 to 99, do not meet on one engine."""
ORDER = ("up", "images", "deploy", "services", "ingress", "requests", "two_clusters", "restart", "nodes", "ssh")
TEST_SECONDS = 240
"""No test takes longer, its waits and commands have deadlines of their own; this is for what hangs elsewhere."""

# A run in the background has SIGINT ignored, which the tasks that get a Ctrl-C here would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests share one lab: those that build it up come first, the look back at everything comes last."""
    items.sort(key=lambda item: place(item.path.stem.removeprefix("test_")) if item.path.parent == HERE else 0)


def place(name: str) -> int:
    return ORDER.index(name) + 1 if name in ORDER else len(ORDER) + 1 + (name == "secrets")


@pytest.fixture(autouse=True)
def deadline() -> Iterator[None]:
    def over(*_: object) -> NoReturn:
        raise TimeoutError(f"the test took more than {TEST_SECONDS} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(TEST_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def make_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Lab]]:
    """`make_lab(cluster, subnet, ports, workers=…, managers=1)`: a project that is removed at the end, lab and all."""
    removal = ExitStack()

    def make(cluster: str, subnet: str, ports: tuple[int, int, int], *, workers: int, managers: int = 1) -> Lab:
        folder: Path = tmp_path_factory.mktemp(cluster)
        parts = subnet.split(".")
        lab = Lab.make(
            folder,
            f"{cluster}{RUN or ''}",
            ".".join([*parts[:2], str(RUN or parts[2]), *parts[3:]]),
            tuple(port + RUN for port in ports),
            workers=workers,
            managers=managers,
        )
        removal.callback(lab.destroy)
        lab.destroy()  # what an earlier run may have left when it was killed
        return lab

    with removal:
        yield make


@pytest.fixture(scope="session")
def lab(make_lab: Callable[..., Lab]) -> Lab:
    """The lab of the run: one manager, three workers, all Ready."""
    lab = make_lab("swt", "10.98.0.0/24", (15000, 18000, 19000), workers=3)
    lab.inv("up", timeout=600)
    return lab


@pytest.fixture(scope="session")
def ha(make_lab: Callable[..., Lab]) -> Lab:
    """A lab of manager01 to manager03, worker01 and worker02, all Ready; whoever breaks it repairs it with `up`."""
    lab = make_lab("swh", "10.95.0.0/24", (15500, 18500, 19500), workers=2, managers=3)
    lab.inv("up", timeout=600)
    return lab


@pytest.fixture(scope="session")
def pushed(lab: Lab) -> Lab:
    """The lab, with every image of its stacks in its registry."""
    for image in ("echo", "nginx", "haproxy", "visualizer"):
        lab.inv("push", image, timeout=600)
    return lab


@pytest.fixture(scope="session")
def deployed(pushed: Lab) -> Lab:
    """The lab, with its three stacks."""
    for stack in ("echo", "ingress", "visualizer"):
        pushed.inv("deploy", stack)
    return pushed


@pytest.fixture(scope="session")
def ready(make_lab: Callable[..., Lab]) -> Iterator[Lab]:
    """One manager, one worker, nginx in its registry, no stacks."""
    lab = make_lab("swd", "10.92.0.0/24", (15900, 18900, 19900), workers=1)
    lab.vars["stacks"] = {}
    lab.save()
    lab.inv("up", timeout=600)
    lab.inv("push", "nginx", timeout=600)
    yield lab
    lab.destroy()


@pytest.fixture
def stack(ready: Lab) -> Iterator[Callable[..., None]]:
    """`stack(text)` writes the file of the stack `s`, which is removed after the test."""
    ready.vars["stacks"] = {"s": {"template": "stacks/s.yml"}}
    ready.save()

    def write(text: str, /, **files: str) -> None:
        (ready.folder / "templates/stacks/s.yml").write_text(textwrap.dedent(text))
        for name, content in files.items():
            (ready.folder / f"templates/stacks/{name}.txt").write_text(content)

    yield write
    ready.inv("remove", "s", "--break-lock")
    assert parts(ready) == NOTHING
