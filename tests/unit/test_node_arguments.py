"""What the verbs for nodes make of their words, before any inventory is read."""

from __future__ import annotations

import sys

import pytest
from invoke.collection import Collection
from invoke.parser import Parser

from swarmops.errors import InputError
from swarmops.tasks import nodes


def parsed(monkeypatch: pytest.MonkeyPatch, line: str) -> list[tuple[str | None, dict[str, object]]]:
    """The tasks of a command line, and their arguments."""
    words = line.split()
    monkeypatch.setattr(sys, "argv", ["inv", *words])
    contexts = Collection(nodes.label, nodes.pause).to_contexts()
    found = Parser(contexts=contexts).parse_argv(words)
    return [(one.name, {name: arg.value for name, arg in one.args.items()}) for one in found]


@pytest.mark.parametrize(
    ("line", "labels"),
    [
        ("label w1 a=1", ["a=1"]),
        ("label w1 a=1 b- c=x=y", ["a=1", "b-", "c=x=y"]),
        ("label w1,w2 a", ["a"]),
        ("label w1 a b=1", ["a", "b=1"]),
        ("label w1 a= pause w2", ["a="]),
        ("pause w2 label w1 a=1 b-", ["a=1", "b-"]),
    ],
)
def test_labels_are_all_words_of_their_form(monkeypatch: pytest.MonkeyPatch, line: str, labels: list[str]) -> None:
    tasks = parsed(monkeypatch, line)
    given = next(args for name, args in tasks if name == "label")
    assert given["labels"] == labels
    assert len(tasks) == 1 + ("pause" in line)


def test_labels() -> None:
    assert nodes._labels(["a=1", "b-", "c=", "d=x=y-"]) == {"a": "1", "b": None, "c": "", "d": "x=y-"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a"], "a: neither name=value nor name-"),
        (["=1"], "=1: a name is missing"),
        (["-"], "-: a name is missing"),
        (["a=1", "a-"], "a: stated twice"),
        (["swarmops.node=x"], "swarmops.node: what begins with swarmops. is swarmops' own"),
        (["a", "=", "b"], "a: neither name=value nor name-\n  =: a name is missing\n  b: neither"),
    ],
)
def test_what_is_no_label(words: list[str], said: str) -> None:
    with pytest.raises(InputError) as error:
        nodes._labels(words)
    assert str(error.value).startswith(said)


@pytest.mark.parametrize(("stated", "size"), [("", 7), ("1", 1), ("12", 12)])
def test_batch(stated: str, size: int) -> None:
    assert nodes._batch(stated, 7) == size


@pytest.mark.parametrize("stated", ["0", "-1", "two", "1.5", "9" * 50])
def test_what_is_no_batch(stated: str) -> None:
    with pytest.raises(InputError, match="--batch"):
        nodes._batch(stated, 0)
