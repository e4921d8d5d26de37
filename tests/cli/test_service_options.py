"""Services and networks by hand: what is wrong with the options is said before anything is asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from project import NOWHERE, Project

Refused = Callable[..., str]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("service.create", "web"), "--image is missing\n  Next: inv service.create web --image echo"),
        (("service.create", "a/b", "--image", "echo"), "a/b: should be a name of letters, digits, - and _, 63 at most"),
        (("service.update", "web", "--replicas", "x"), "--replicas x: should be a whole number, 0 to 999999"),
        (("network.create", "a b"), "a b: should be a name of letters, digits, - and _, 63 at most"),
        (("network.create", "a.b", "--subnet", "foo"), "a.b: should be a name of letters, digits, - and _, 63 at most"),
        (("network.create", "n" * 64), f"{'n' * 64}: should be a name of letters, digits, - and _, 63 at most"),
        (("network.create", "net", "--driver", "bridge"),
         "--driver bridge: should be overlay, the one that connects nodes"),
        (("network.create", "net", "--subnet", "10.1.2.3/24"),
         "--subnet 10.1.2.3/24: should be an IPv4 subnet such as 10.90.0.0/24"),
        (("network.create", "net", "--subnet", "foo"), "--subnet foo: should be an IPv4 subnet such as 10.90.0.0/24"),
        (("service.update", "web", "--mount", "foo"),
         "--mount foo: should be such as type=volume,source=data,target=/data"),
        (("service.update", "web", "--args", "'"), "--args ': a quotation mark does not end"),
        (("scale", "echo_api=6,web"), "web: not of the form service=count\n  Next: inv scale echo_api=6"),
        (("rollback", "web", "--stack", "echo"), "a service or a --stack, not both\n  Next: inv rollback web"),
        (("rollback", "--stack", "echo", "--to", "x"),
         "--to x: should be the number of a version, of a --stack\n  Next: inv history STACK"),
        (("image.prune", "--node", "worker3"), "inventory.yaml: there is no node worker3, did you mean worker03?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_bad_input(refused: Refused, args: tuple[str, ...], said: str) -> None:
    assert refused(*args) == said


def test_all_wrong_options_at_once(refused: Refused) -> None:
    options = ("--env", "A", "--env", "B=1", "--constraint", "x", "--limit-cpu=lots", "--container-label", "c")
    head, *lines = refused("service.create", "web", "--image", "echo", *options).splitlines()
    assert head == "4 problems"
    assert [line.split(":")[0] for line in lines] == [
        "  --constraint x",
        "  --container-label c",
        "  --env A",
        "  --limit-cpu lots",
    ]


@pytest.mark.parametrize(
    "args",
    [
        ("service.create", "web", "--image", "echo"), ("service.update", "web", "--env", "A=1"), ("service.ls",),
        ("service.ps", "web"), ("service.rm", "web"), ("scale", "a=1,b=2"), ("rollback", "--stack", "echo"),
        ("rebalance",), ("rebalance", "--service", "web"), ("network.create", "net"), ("network.ls",),
        ("network.rm", "net"), ("image.prune",),
    ],
    ids=" ".join,
)  # fmt: skip
def test_no_engine(project: Project, args: tuple[str, ...]) -> None:
    said = project.inv(*args)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"Error: no Docker engine answers at {NOWHERE}")


def test_rollback_of_nothing(project: Project) -> None:
    said = project.inv("rollback")
    assert said.code == 2
    assert said.err.startswith("Error: rollback needs SERVICE\n")


@pytest.mark.parametrize("task", ["service.create", "service.update"])
def test_every_option_has_its_help(project: Project, task: str) -> None:
    lines = project.inv("--help", task).out.splitlines()
    options = [line.split() for line in lines if line.startswith("  -")]
    assert len(options) > 35
    assert all(len(words) > 2 or ".." in words for words in options), options
