"""The help of every task: the defaults it states are those it has, and say so in one form."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from invoke.collection import Collection
from invoke.tasks import Task

from swarmops.tasks import menu


def _tasks(collection: Collection) -> Iterator[Task[Callable[..., None]]]:
    yield from collection.tasks.values()
    for group in collection.collections.values():
        yield from _tasks(group)


TASKS = list(_tasks(menu(Path())))


@pytest.mark.parametrize("option", ["timeout", "lock_wait"])
def test_seconds_are_stated_as_they_are(option: str) -> None:
    having = [task for task in TASKS if option in inspect.signature(task.body).parameters]
    assert len(having) > 2
    for task in having:
        default = int(inspect.signature(task.body).parameters[option].default)
        assert f"; {default} unless stated" in task.help[option.replace("_", "-")], task.name


def test_defaults_have_one_form() -> None:
    texts = [text for task in TASKS for text in task.help.values()]
    assert not [text for text in texts if "otherwise" in text or "default" in text]


def test_a_task_is_one_sentence_for_the_list() -> None:
    assert all(task.__doc__ and task.__doc__.splitlines()[0].endswith(".") for task in TASKS)
