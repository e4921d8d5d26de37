from __future__ import annotations

import gzip
import json
from base64 import b64decode, b64encode
from contextlib import nullcontext
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from swarmops.errors import InputError
from swarmops.ops.change import change
from swarmops.ops.deploy import Options, Wanted
from swarmops.record import Record
from swarmops.report import Recap
from swarmops.stackfile import Stack
from swarmops.wait import Deadline

FILE = {
    "services": {"web": {"image": "registry:5000/web:1@sha256:1"}, "api": {"image": "registry:5000/api:1@sha256:2"}},
    "configs": {"conf": {"external": True, "name": "shop_conf_0123"}, "theirs": {"external": True}},
    "secrets": {"key": {"external": True, "name": "shop_key_4567"}, "none": None},
}
RECORD = Record(
    "shop", 7, FILE, {"shop_web": {"Name": "shop_web"}}, "me@here", "1a2b3c", "why", order={"web": {"api": "x"}}
)


def test_a_record_survives_the_swarm() -> None:
    config = RECORD.config()
    assert config["Name"] == "shop.version.7"
    read = Record.of({"ID": "id1", "CreatedAt": "2026-01-02T03:04:05.678901234Z", "Spec": config})
    assert (read.stack, read.number, read.id, read.when) == ("shop", 7, "id1", "2026-01-02T03:04:05.678901234Z")
    assert read.config() == config, "the same record is the same data, whenever it is written"


def test_the_plain_record_of_an_earlier_version_can_be_read() -> None:
    config = RECORD.config()
    plain = gzip.decompress(b64decode(config["Data"]))
    assert plain.startswith(b"{")
    earlier = config | {"Data": b64encode(plain).decode()}
    assert Record.of({"ID": "id1", "CreatedAt": "", "Spec": earlier}).config() == config


def heavy(environment: str) -> dict[str, Any]:
    return {"services": {"web": {"image": "x", "environment": {"A": environment}, "deploy": {"labels": {}}}}}


NOISE = Random(1).randbytes(400 * 1024).hex()  # half of it goes by compression


@pytest.mark.parametrize(("environment", "fits"), [("x", True), ("x" * 2**20, True), (NOISE, False)])
def test_a_record_that_swarm_would_not_take_is_refused_before_anything_changes(environment: str, fits: bool) -> None:
    large: Any = replace(RECORD, file=heavy(environment), specs={"shop_web": heavy(environment)})
    said = r"shop: its record would have 9\d\d KB, compressed, and swarm takes less than 500\n"
    with nullcontext() if fits else pytest.raises(InputError, match=said):
        large.check()
    if fits:
        return
    cluster: Any = SimpleNamespace(ask=lambda _: [])  # it can be asked, and nothing else
    wanted = Wanted(Stack("shop", heavy(environment)), {}, "")
    with pytest.raises(InputError, match=said):
        change(cluster, wanted, lambda: None, Deadline(9), Recap(), Options())


def test_what_a_record_needs() -> None:
    assert RECORD.images == {"registry:5000/web:1@sha256:1", "registry:5000/api:1@sha256:2"}
    assert RECORD.uses == {"shop_conf_0123", "shop_key_4567"}


def test_a_record_of_a_later_version_can_be_read() -> None:
    config = RECORD.config()
    data = json.loads(gzip.decompress(b64decode(config["Data"]))) | {"approved": "yes"}
    later = config | {"Data": b64encode(gzip.compress(json.dumps(data).encode())).decode()}
    assert Record.of({"ID": "id1", "CreatedAt": "", "Spec": later}).config() == config
