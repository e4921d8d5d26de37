"""Settings of the swarm and networks: what is stated, minus what there is."""

from __future__ import annotations

from typing import Any

import pytest

from swarmops.inventory.schema import Network, Swarm
from swarmops.plan import Step, settings

SECOND = 10**9
SEEN = {
    "Spec": {
        "Orchestration": {"TaskHistoryRetentionLimit": 5},
        "Dispatcher": {"HeartbeatPeriod": 5 * SECOND},
        "CAConfig": {"NodeCertExpiry": 90 * 24 * 3600 * SECOND},
        "EncryptionConfig": {"AutoLockManagers": False},
    },
    "DefaultAddrPool": None,
    "SubnetSize": 24,
    "DataPathPort": 4789,
}


@pytest.mark.parametrize(
    ("stated", "action", "command"),
    [
        ({}, None, None),
        ({"task_history": 5, "heartbeat": "5s", "cert_expiry": "90d", "autolock": False}, None, None),
        ({"cert_expiry": "2160h"}, None, None),
        ({"task_history": 0}, "set task_history to 0 (it is 5)", "--task-history-limit=0"),
        ({"heartbeat": "1m30s"}, "set heartbeat to 1m30s (it is 5s)", "--dispatcher-heartbeat=90s"),
        ({"cert_expiry": "1h"}, "set cert_expiry to 1h (it is 90d)", "--cert-expiry=3600s"),
    ],
)
def test_what_a_swarm_can_be_given_later(stated: dict[str, Any], action: str | None, command: str | None) -> None:
    found = settings.swarm_settings(Swarm(**stated), SEEN)
    assert [f"{each.what} ({each.why})" for each in found] == ([action] if action else [])
    assert [str(each.command) for each in found] == ([f"docker swarm update {command}"] if command else [])


@pytest.mark.parametrize(
    ("seen", "on", "what"),
    [(SEEN, True, ["turn autolock on"]), (None, True, ["turn autolock on"]), (SEEN, False, []), (None, False, [])],
)
def test_autolock_is_never_a_command_that_prints_the_key(seen: Any, on: bool, what: list[str]) -> None:
    found = settings.swarm_settings(Swarm(autolock=on, task_history=5), seen)
    assert [each.what for each in found] == what
    assert all(each.step is Step.AUTOLOCK and each.command is None for each in found)


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({}, []),
        ({"address_pools": ["10.0.0.0/8"], "subnet_size": 24, "data_path_port": 4789}, []),
        ({"address_pools": ["10.77.0.0/16", "10.78.0.0/20"]},
         ["The swarm has address_pools 10.0.0.0/8, the inventory 10.77.0.0/16, 10.78.0.0/20"]),
        ({"subnet_size": 26}, ["The swarm has subnet_size 24, the inventory 26"]),
        ({"data_path_port": 5789}, ["The swarm has data_path_port 4789, the inventory 5789"]),
    ],
)  # fmt: skip
def test_what_only_a_new_swarm_can_be_given(stated: dict[str, Any], said: list[str]) -> None:
    notes = settings.kept_settings(Swarm(**stated), SEEN)
    assert [note.partition(": a swarm gets it when it is made")[0] for note in notes] == said


def test_a_new_swarm_is_made_with_all_of_it_but_autolock() -> None:
    wanted = Swarm(
        task_history=2,
        heartbeat="7s",
        autolock=True,
        address_pools=["10.77.0.0/16", "10.78.0.0/20"],
        subnet_size=26,
        data_path_port=5789,
    )
    options, said = settings.init_options(wanted)
    assert options == [
        "--task-history-limit=2",
        "--dispatcher-heartbeat=7s",
        "--default-addr-pool=10.77.0.0/16",
        "--default-addr-pool=10.78.0.0/20",
        "--default-addr-pool-mask-length=26",
        "--data-path-port=5789",
    ]
    assert said[2] == "address_pools 10.77.0.0/16, 10.78.0.0/20"
    assert settings.init_options(Swarm()) == ([], [])


def network(name: str = "net", **said: Any) -> dict[str, Any]:
    usual = {"Name": name, "Scope": "swarm", "Driver": "overlay", "Attachable": False, "Options": {}, "IPAM": {}}
    return usual | said


OTHER = {"IPAM": {"Config": [{"Subnet": "10.0.1.0/24"}]}}


@pytest.mark.parametrize(
    ("stated", "existing", "what", "command"),
    [
        ({}, [], [], []),
        ({"net": Network()}, [network()], [], []),
        ({"net": Network()}, [network(**OTHER)], [], []),
        ({"net": Network()}, [network("bridge")], ["create network net"],
         ["docker network create --driver overlay --label=swarmops.cluster=demo net"]),
        ({"net": Network()}, [network(Scope="local")], ["create network net"],
         ["docker network create --driver overlay --label=swarmops.cluster=demo net"]),
        ({"a": Network(attachable=True, encrypted=True, subnet="10.90.0.0/24")}, [], ["create network a"],
         ["docker network create --driver overlay --attachable --opt encrypted --subnet 10.90.0.0/24 "
          "--label=swarmops.cluster=demo a"]),
        ({"net": Network(attachable=True)}, [network()], ["make network net anew"],
         ["docker network create --driver overlay --attachable --label=swarmops.cluster=demo net"]),
    ],
)  # fmt: skip
def test_networks(stated: dict[str, Network], existing: list[Any], what: list[str], command: list[str]) -> None:
    found = settings.networks(stated, existing, {}, "demo")
    assert [each.what for each in found] == what
    assert [str(each.command) for each in found] == command


@pytest.mark.parametrize(
    ("stated", "existing", "why"),
    [
        (Network(), network(Attachable=True), "attachable is yes, not no"),
        (Network(encrypted=True), network(), "encrypted is no, not yes"),
        (Network(), network(Options={"encrypted": ""}), "encrypted is yes, not no"),
        (Network(subnet="10.90.0.0/24"), network(**OTHER), "subnet is 10.0.1.0/24, not 10.90.0.0/24"),
    ],
)
def test_a_network_that_drifted(stated: Network, existing: dict[str, Any], why: str) -> None:
    (action,) = settings.networks({"net": stated}, [existing], {"net": []}, "demo")
    assert (action.what, action.why, action.step) == ("make network net anew", why, Step.ANEW)
    assert list(settings.kept_networks({"net": stated}, [existing], {"net": []})) == []

    users = {"net": ["echo_api", "a container"]}
    assert settings.networks({"net": stated}, [existing], users, "demo") == []
    (note,) = settings.kept_networks({"net": stated}, [existing], users)
    assert note == f"Network net: {why}. It stays as it is while echo_api, a container use it."
