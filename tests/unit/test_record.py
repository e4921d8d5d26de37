from __future__ import annotations

import json
from base64 import b64decode, b64encode

from swarmops.record import Record

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
    assert read.config() == config


def test_what_a_record_needs() -> None:
    assert RECORD.images == {"registry:5000/web:1@sha256:1", "registry:5000/api:1@sha256:2"}
    assert RECORD.uses == {"shop_conf_0123", "shop_key_4567"}


def test_a_record_of_a_later_version_can_be_read() -> None:
    config = RECORD.config()
    data = json.loads(b64decode(config["Data"])) | {"approved": "yes"}
    later = config | {"Data": b64encode(json.dumps(data).encode()).decode()}
    assert Record.of({"ID": "id1", "CreatedAt": "", "Spec": later}).config() == config
