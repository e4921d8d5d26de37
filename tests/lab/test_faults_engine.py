"""The engine itself dies in the middle of `up`: a real dockerd, not the machine's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import yaml
from engine import Lab
from faults import OwnEngine, processes, watched


@pytest.fixture(scope="module")
def own(make_lab: Callable[..., Lab]) -> Iterator[tuple[Lab, OwnEngine]]:
    """A project, and an engine of its own with the images that its lab is made from."""
    project = make_lab("swf", "10.96.0.0/24", (35000, 38000, 39000), workers=1)
    project.vars.update(routing="dns", stacks={})
    project.save()
    project.inv("render", timeout=600)
    compose = yaml.safe_load((project.folder / "stack" / project.cluster / "compose.yml").read_text())
    engine = OwnEngine()
    try:
        engine.start()
        engine.load(*{service["image"] for service in compose["services"].values()})
        yield project, engine
    finally:
        engine.remove()


@pytest.mark.parametrize("moment", ["starting registry", "init the swarm"])
def test_the_engine_dies_in_the_middle_of_up(
    own: tuple[Lab, OwnEngine], moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, engine = own
    monkeypatch.setenv("DOCKER_HOST", engine.host)
    run = watched(project, "up", reactions={moment: lambda _: engine.kill()})
    assert run.code == 1
    assert run.err.count("Error: ") == 1
    message, remedy = run.err.partition("Error: ")[2].splitlines()
    assert "answer" in message
    assert remedy.startswith("  Next: inv doctor")
    assert processes(project) == []

    engine.start()
    project.inv("up")
    assert {node["Status"]["State"] for node in project.nodes().values()} == {"ready"}
    assert "Nothing to change." in project.inv("up").out
    project.inv("down", "--volumes")
    assert project.remains() == []
