"""The settings of the swarm and its networks: what the inventory states, minus what there is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from swarmops.commands import network as network_commands, swarm as commands
from swarmops.facts import Json
from swarmops.inventory.schema import Network, Swarm
from swarmops.overlay import Options
from swarmops.plan.action import CLUSTER, Action, Step

DEFAULT_POOL = "10.0.0.0/8"


@dataclass(frozen=True)
class Setting:
    """One setting: its name in the inventory, its value as stated and as seen, and docker's option for it."""

    name: str
    stated: object
    seen: object
    option: str = ""

    @property
    def options(self) -> list[str]:
        """What sets it on docker's command line."""
        values = self.stated if isinstance(self.stated, list) else [self.stated]
        return [f"{self.option}={_argument(value)}" for value in values]


def init_options(wanted: Swarm) -> tuple[list[str], list[str]]:
    """What a new swarm is made with: docker's options, and the same in words. Autolock comes later, with its key."""
    stated = [*_changeable(wanted, {}), *_fixed(wanted, {})]
    options = [option for each in stated for option in each.options]
    return options, [f"{each.name} {shown(each.stated)}" for each in stated]


def swarm_settings(wanted: Swarm, seen: Json | None) -> list[Action]:
    """Settings that the inventory states and the swarm has not; a swarm that is yet to be made has all but autolock."""
    spec = seen["Spec"] if seen else {}
    found = [
        Action(
            CLUSTER,
            f"set {each.name} to {shown(each.stated)}",
            f"it is {shown(each.seen)}",
            command=commands.update(each.options),
        )
        for each in _changeable(wanted, spec)
        if seen and each.stated != each.seen
    ]
    locks = bool(spec.get("EncryptionConfig", {}).get("AutoLockManagers"))
    if wanted.autolock not in (None, locks):
        what, reason = f"turn autolock {_switch(wanted.autolock)}", f"it is {_switch(locks)}"
        found.append(Action(CLUSTER, what, reason, Step.AUTOLOCK))
    return found


def kept_settings(wanted: Swarm, seen: Json) -> list[str]:
    """What the inventory states and a swarm that is there cannot be given any more, in words."""
    return [
        f"The swarm has {each.name} {shown(each.seen)}, the inventory {shown(each.stated)}: "
        "a swarm gets it when it is made, and keeps it."
        for each in _fixed(wanted, seen)
        if each.stated != each.seen
    ]


def networks(
    wanted: Mapping[str, Network],
    existing: Iterable[Json],
    users: Mapping[str, list[str]],
    cluster: str,
) -> list[Action]:
    """The networks that are not there yet, and those that nothing uses and that are not as the inventory has them."""
    there = {item["Name"]: item for item in existing if item["Scope"] == "swarm"}
    found = []
    for name, stated in wanted.items():
        create = network_commands.create(
            name,
            driver=stated.driver,
            attachable=stated.attachable,
            encrypted=stated.encrypted,
            subnet=str(stated.subnet) if stated.subnet else None,
            labels={"swarmops.cluster": cluster},
        )
        if name not in there:
            reason = "there is no such network"
            found.append(Action(CLUSTER, f"create network {name}", reason, command=create, target=name))
        elif (wrong := drift(stated, there[name])) and not users.get(name):
            what = f"make network {name} anew"
            found.append(Action(CLUSTER, what, ", ".join(wrong), Step.ANEW, create, target=name))
    return found


def kept_networks(
    wanted: Mapping[str, Network], existing: Iterable[Json], users: Mapping[str, list[str]]
) -> Iterator[str]:
    """Networks in use that are not as the inventory has them, in words: an engine cannot change one in place."""
    for item in existing:
        stated = wanted.get(item["Name"])
        if stated and (using := users.get(item["Name"])) and (wrong := drift(stated, item)):
            said = f"Network {item['Name']}: {', '.join(wrong)}. It stays as it is while {', '.join(using)} use"
            yield f"{said}{'s' if len(using) == 1 else ''} it."


def drift(stated: Network, existing: Json) -> list[str]:
    """How a network is not as the inventory has it, in words."""
    subnet = str(stated.subnet) if stated.subnet else ""
    wanted = Options(stated.driver, stated.attachable, stated.encrypted, subnet)
    return Options.of(existing).differences(wanted)


def shown(value: object) -> str:
    """A setting's value in words: `1h30m`, `10.77.0.0/16, 10.78.0.0/20`."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return _lasting(value) if isinstance(value, timedelta) else str(value)


def _changeable(wanted: Swarm, spec: Json) -> list[Setting]:
    ca, dispatcher = spec.get("CAConfig", {}), spec.get("Dispatcher", {})
    history = spec.get("Orchestration", {}).get("TaskHistoryRetentionLimit", 0)
    return _stated(
        Setting("task_history", wanted.task_history, history, "--task-history-limit"),
        Setting("heartbeat", wanted.heartbeat, _time(dispatcher.get("HeartbeatPeriod", 0)), "--dispatcher-heartbeat"),
        Setting("cert_expiry", wanted.cert_expiry, _time(ca.get("NodeCertExpiry", 0)), "--cert-expiry"),
    )


def _fixed(wanted: Swarm, seen: Json) -> list[Setting]:
    pools = [str(pool) for pool in wanted.address_pools] or None
    there = seen.get("DefaultAddrPool") or [DEFAULT_POOL]
    size = seen.get("SubnetSize")
    return _stated(
        Setting("address_pools", pools, there, "--default-addr-pool"),
        Setting("subnet_size", wanted.subnet_size, size, "--default-addr-pool-mask-length"),
        Setting("data_path_port", wanted.data_path_port, seen.get("DataPathPort"), "--data-path-port"),
    )


def _stated(*settings: Setting) -> list[Setting]:
    return [each for each in settings if each.stated is not None]


def _time(nanoseconds: int) -> timedelta:
    return timedelta(microseconds=nanoseconds // 1000)


def _argument(value: object) -> str:
    return f"{value.total_seconds():.0f}s" if isinstance(value, timedelta) else str(value)


def _lasting(value: timedelta) -> str:
    hours, seconds = divmod(value.seconds, 3600)
    parts = ((value.days, "d"), (hours, "h"), (seconds // 60, "m"), (seconds % 60, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


def _switch(on: Any) -> str:
    return "on" if on else "off"
