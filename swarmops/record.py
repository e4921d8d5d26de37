"""What is kept of every verified deploy: in the swarm itself, as a config of its own."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from swarmops.commands.stack import NAMESPACE
from swarmops.connect.api import EngineAPI
from swarmops.errors import InputError
from swarmops.facts import Json

LABEL = "swarmops.record"
"""The label of a record; its value is the number of the version."""
TOWARDS = "swarmops.towards"
"""The label of a record that a rollback is leaving; its value is the number of the version that is to come back."""
KEPT = ("file", "specs", "who", "revision", "message", "order", "restores")
"""What the data of a record's config has; labels and name say the rest."""
LIMIT = 500 * 1024
"""So many bytes of data swarm takes no more for a config: 20.10, the strictest; later ones take twice as many."""
PACKED = b"\x1f\x8b"
"""What gzip begins with; the data of older records are plain JSON."""


@dataclass(frozen=True)
class Record:
    """A version of a stack that was deployed and verified."""

    stack: str
    number: int
    file: dict[str, Any]
    """The file that was deployed, every image at its digest."""
    specs: Mapping[str, Json]
    """The specifications that the swarm then had, by the names of the services."""
    who: str
    revision: str
    """What git called the project; empty outside a repository."""
    message: str
    when: str = ""
    """The manager's time, as RFC 3339."""
    order: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    restores: int = 0
    """The number of the version that a rollback brought back as this one; 0 for what was deployed."""
    id: str = ""
    towards: int = 0
    """The number of the version that a rollback is leaving this one for, or was when it was interrupted."""

    @property
    def images(self) -> set[str]:
        """The images of its services, with their digests."""
        return {service["image"] for service in self.file["services"].values()}

    @property
    def uses(self) -> set[str]:
        """The names in the swarm of the configs and secrets that it needs."""
        kinds = (self.file.get(kind) or {} for kind in ("configs", "secrets"))
        return {item["name"] for kind in kinds for item in kind.values() if item and "name" in item}

    def config(self) -> dict[str, Any]:
        """The body that makes it a config of the swarm. It belongs to the stack, and goes when that is removed."""
        return {
            "Name": f"{self.stack}.version.{self.number}",
            "Labels": {LABEL: str(self.number), NAMESPACE: self.stack},
            "Data": b64encode(self._packed()).decode(),
        }

    def check(self) -> None:
        """Raises InputError where it is more than swarm takes."""
        if (size := len(self._packed())) >= LIMIT:
            raise InputError(
                f"{self.stack}: its record would have {size / 1024:.0f} KB, compressed, and swarm takes less than"
                f" {LIMIT / 1024:.0f}",
                remedy="divide the stack, or have configs hold the long texts of its file",
            )

    def _packed(self) -> bytes:
        """Compressed, without the time: the same record is the same data."""
        return gzip.compress(json.dumps({key: getattr(self, key) for key in KEPT}).encode(), mtime=0)

    @classmethod
    def of(cls, config: Json) -> Record:
        """From an element of `/configs`."""
        labels = config["Spec"]["Labels"]
        # What else there is a later version of swarmops wrote.
        said = {key: value for key, value in _unpacked(config["Spec"]["Data"]).items() if key in KEPT}
        return cls(
            labels[NAMESPACE],
            int(labels[LABEL]),
            when=config["CreatedAt"],
            id=config["ID"],
            towards=int(labels.get(TOWARDS, 0)),
            **said,
        )


def _unpacked(encoded: str) -> Json:
    data = b64decode(encoded)
    return json.loads(gzip.decompress(data) if data.startswith(PACKED) else data)  # type: ignore[no-any-return]


def read(api: EngineAPI, stack: str = "") -> list[Record]:
    """The recorded versions of a stack, or of all stacks, oldest first."""
    labels = [LABEL, *([f"{NAMESPACE}={stack}"] if stack else [])]
    found = [Record.of(config) for config in api.get("/configs", filters={"label": labels})]
    return sorted(found, key=lambda record: (record.stack, record.number))


def leave(api: EngineAPI, kept: Record, towards: int) -> None:
    """Notes at a record which version it is being left for, by its number; 0 for none that was recorded."""
    path = f"/configs/{kept.id}"
    now = api.get(path)
    labels = {name: value for name, value in now["Spec"]["Labels"].items() if name != TOWARDS}
    labels |= {TOWARDS: str(towards)} if towards else {}
    api.update(path, {**now["Spec"], "Labels": labels}, now["Version"]["Index"])
