"""What the cluster should be minus what it is: actions, each with its reason. Pure."""

from __future__ import annotations

from swarmops.plan.action import FORMING, Action, Step
from swarmops.plan.leaving import Former
from swarmops.plan.making import Plan, init, make, unlocking, without_leader
from swarmops.plan.members import ADDRESS, displaced, joining, not_ready
from swarmops.plan.seen import Lab, Seen, Swarm
from swarmops.plan.settings import drift

__all__ = [
    "ADDRESS",
    "FORMING",
    "Action",
    "Former",
    "Lab",
    "Plan",
    "Seen",
    "Step",
    "Swarm",
    "displaced",
    "drift",
    "init",
    "joining",
    "make",
    "not_ready",
    "unlocking",
    "without_leader",
]
