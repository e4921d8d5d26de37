from __future__ import annotations

from typing import Any

import pytest

from swarmops.commands import MASK
from swarmops.difference import lines

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, ["~ a: 1 → 2"]),
        ({"a": {"b": "x"}}, {"a": {"b": "y", "c": True}}, ["~ a.b: x → y", "+ a.c: true"]),
        ({"a": 1, "b": {"c": None}}, {"a": 1}, ["- b: {c: null}"]),
        ({"env": ["A=1", "B=2"]}, {"env": ["A=1", "B=3"]}, ["- env: B=2", "+ env: B=3"]),
        ({"env": ["A", "B"]}, {"env": ["B", "A"]}, ["~ env: in another order"]),
        ({"env": [1]}, {"env": []}, ["- env: 1"]),
        ({"a": ""}, {"a": "x"}, ['~ a: "" → x']),
        ({"a": [1]}, {"a": {"b": 1}}, ["~ a: [1] → {b: 1}"]),
        (
            {"environment": {"DB_PASSWORD": "old"}},
            {"environment": {"DB_PASSWORD": "new"}},
            [f"~ environment.DB_PASSWORD: {MASK} → {MASK}"],
        ),
        (
            {},
            {"web": {"environment": {"TOKEN": "new", "A": "b"}}},
            [f"+ web: {{environment: {{TOKEN: {MASK}, A: b}}}}"],
        ),
        ({"Env": ["API_KEY=old"]}, {"Env": ["API_KEY=new"]}, [f"- Env: API_KEY={MASK}", f"+ Env: API_KEY={MASK}"]),
        ({"secrets": {}}, {"secrets": {"db_password": {"name": "x"}}}, ["+ secrets.db_password: {name: x}"]),
        ({"a": f"web@{DIGEST}"}, {"a": "web"}, ["~ a: web@sha256:01234567 → web"]),
    ],
)
def test_lines(old: Any, new: Any, said: list[str]) -> None:
    assert list(lines(old, new)) == said
