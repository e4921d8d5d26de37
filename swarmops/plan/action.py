"""One change: on which node, what, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from swarmops.commands import Command

CLUSTER = "cluster"
"""Where a change counts that is no single node's."""


class Step(StrEnum):
    """Who carries a change out, in the order in which they come."""

    IMAGE = "image"
    CLEAR = "clear"
    EDGE = "edge"
    CONTAINER = "container"
    REGISTRY = "registry"
    UNLOCK = "unlock"
    INIT = "init"
    LEAVE = "leave"
    JOIN = "join"
    PROMOTE = "promote"
    DEMOTE = "demote"
    MARK = "mark"
    COMMAND = "command"
    AUTOLOCK = "autolock"
    ANEW = "anew"
    DRAIN = "drain"
    RETIRE = "retire"
    REMOVE = "remove"
    DISCARD = "discard"


FORMING = (Step.UNLOCK, Step.INIT, Step.LEAVE, Step.JOIN)
"""What makes nodes members of the swarm; the steps before are about a lab's containers, those after about members."""


@dataclass(frozen=True)
class Action:
    """One change on one node, or on the cluster, and why it is needed.

    `target` is the id of the member, or the name of the thing, that it is done to. `after` says what has to come
    before it is known whether the change is needed: start, init or join.
    """

    node: str
    what: str
    reason: str
    step: Step = Step.COMMAND
    command: Command | None = None
    target: str = ""
    after: str = ""

    @property
    def why(self) -> str:
        """The reason, and what has to come before it is known."""
        return f"{self.reason}; known after {self.after}" if self.after else self.reason
