"""`build`, `push`, `pull`: what the registry and the nodes' engines have afterwards."""

from __future__ import annotations

import json

from engine import Lab, get


def image_ids(lab: Lab) -> dict[str, str]:
    names, echo = ("manager", "worker01", "worker02", "worker03"), f"registry:{lab.vars['registry']['port']}/echo:1.0"
    return {name: lab.node(name, "docker", "image", "ls", "-q", "--no-trunc", echo).out.strip() for name in names}


def test_push_puts_the_images_into_the_registry(pushed: Lab) -> None:
    repositories = json.loads(get(f"{pushed.registry}/v2/_catalog").text)["repositories"]
    assert {"echo", "nginx", "haproxy", "visualizer"} <= set(repositories)
    assert json.loads(get(f"{pushed.registry}/v2/echo/tags/list").text)["tags"] == ["1.0"]


def test_push_again_changes_nothing_and_shows_layers(pushed: Lab) -> None:
    run = pushed.inv("push", "echo")
    assert "Nothing to change." in run.out
    assert "Layer already exists" in run.err


def test_build_again_builds_nothing(pushed: Lab) -> None:
    assert "Nothing to change." in pushed.inv("build", "echo").out


def test_pull_brings_the_image_to_one_node_and_to_all(pushed: Lab) -> None:
    assert set(image_ids(pushed).values()) == {""}, "nothing has been pulled yet"
    pushed.inv("pull", "echo", "--node", "worker02")
    assert [name for name, found in image_ids(pushed).items() if found] == ["worker02"]
    pushed.inv("pull", "echo")
    ids = set(image_ids(pushed).values())
    assert len(ids) == 1
    assert ids != {""}
    assert "Nothing to change." in pushed.inv("pull", "echo").out


def test_an_unknown_image_is_bad_input(lab: Lab) -> None:
    run = lab.inv("push", "ekho", check=2)
    assert "did you mean echo?" in run.err
