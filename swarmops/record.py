"""What is kept of every verified deploy: in the swarm itself, as a config of its own."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from swarmops.commands.stack import NAMESPACE
from swarmops.connect.api import EngineAPI
from swarmops.facts import Json

LABEL = "swarmops.record"
"""The label of a record; its value is the number of the version."""
KEPT = ("file", "specs", "who", "revision", "message", "order")
"""What the data of a record's config has; labels and name say the rest."""


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
    id: str = ""

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
        said = {key: getattr(self, key) for key in KEPT}
        return {
            "Name": f"{self.stack}.version.{self.number}",
            "Labels": {LABEL: str(self.number), NAMESPACE: self.stack},
            "Data": b64encode(json.dumps(said).encode()).decode(),
        }

    @classmethod
    def of(cls, config: Json) -> Record:
        """From an element of `/configs`."""
        labels = config["Spec"]["Labels"]
        # What else there is a later version of swarmops wrote.
        said = {key: value for key, value in json.loads(b64decode(config["Spec"]["Data"])).items() if key in KEPT}
        return cls(labels[NAMESPACE], int(labels[LABEL]), when=config["CreatedAt"], id=config["ID"], **said)


def read(api: EngineAPI, stack: str = "") -> list[Record]:
    """The recorded versions of a stack, or of all stacks, oldest first."""
    labels = [LABEL, *([f"{NAMESPACE}={stack}"] if stack else [])]
    found = [Record.of(config) for config in api.get("/configs", filters={"label": labels})]
    return sorted(found, key=lambda record: (record.stack, record.number))
