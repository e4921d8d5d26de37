"""Keys that swarm refuses or ignores, with what to write instead.

From docker/cli: `cli/compose/types/types.go` (what it refuses and ignores by name), the schema (it refuses what it does
not know) and `cli/compose/convert` (what it reads and never uses).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from swarmops.lint.finding import Note, Where
from swarmops.lint.service import Wanted, wanted
from swarmops.stackfile import Stack

LIMITS = "write deploy.resources.limits"
PLACE = "write deploy.placement.constraints"
IMAGE = "put it into the image"
# A mount brings the file, and no permission in the device cgroup: https://github.com/moby/moby/issues/24865
DEVICES = (
    "swarm gives no devices, and one that is mounted cannot be opened: run it outside of swarm; "
    "for GPUs write deploy.resources.reservations.generic_resources"
)

IGNORED = {
    "build": "push the image and name it (inv push)",
    "cgroup_parent": "leave it out",
    "cgroupns_mode": "leave it out",
    "container_name": "tasks are found by the service's name",
    "devices": DEVICES,
    "domainname": "write the full name as hostname",
    "expose": "leave it out: services on one network reach every port of each other",
    "external_links": "put both services on one network and use the service's name",
    "ipc": "leave it out",
    "links": "put both services on one network and use the service's name",
    "mac_address": "leave it out",
    "network_mode": "write networks: to have the host's, a network {external: true, name: host}",
    "pid": "leave it out",
    "privileged": "name what it needs in cap_add",
    "security_opt": "leave it out",
    "shm_size": "mount a tmpfs: volumes: [{type: tmpfs, target: /dev/shm, tmpfs: {size: …}}]",
    "tmpfs": "write volumes: [{type: tmpfs, target: …}]",
    "userns_mode": "leave it out",
}
"""Of a service, what swarm takes no notice of; `docker stack deploy` says so of most."""

REFUSED = {
    "annotations": "write labels",
    "attach": "leave it out",
    "blkio_config": "leave it out",
    "cpu_count": LIMITS,
    "cpu_percent": LIMITS,
    "cpu_period": LIMITS,
    "cpu_quota": LIMITS,
    "cpu_rt_period": LIMITS,
    "cpu_rt_runtime": LIMITS,
    "cpu_shares": LIMITS,
    "cpus": LIMITS,
    "cpuset": LIMITS,
    "develop": "leave it out",
    "device_cgroup_rules": "leave it out",
    "dns_opt": "leave it out",
    "extends": "write the service out, or share a part of it by an anchor of YAML (<<: *common)",
    "gpus": "write deploy.resources.reservations.generic_resources",
    "group_add": "write user: name:group",
    "label_file": "write labels",
    "mem_limit": LIMITS,
    "mem_reservation": "write deploy.resources.reservations",
    "mem_swappiness": "leave it out",
    "memswap_limit": LIMITS,
    "models": "leave it out",
    "oom_kill_disable": "leave it out",
    "pids_limit": "write deploy.resources.limits.pids",
    "platform": f"{PLACE}: [node.platform.arch == x86_64]",
    "post_start": IMAGE,
    "pre_stop": IMAGE,
    "profiles": "make it a stack of its own",
    "provider": "leave it out",
    "pull_policy": "leave it out: a deploy pins the image to its digest",
    "runtime": "set the nodes' default runtime",
    "scale": "write deploy.replicas",
    "storage_opt": "leave it out",
    "use_api_socket": "mount it: volumes: [/var/run/docker.sock:/var/run/docker.sock]",
    "uts": "leave it out",
    "volume_driver": "name the driver in the volume: volumes: {data: {driver: …}}",
    "volumes_from": "name a volume and mount it in both services",
}
"""Of a service, what compose knows and `docker stack deploy` refuses."""

TOP = {
    "name": "leave it out: a stack's name is that of the inventory",
    "include": "write it out, or include it by Jinja",
    "models": "leave it out",
}
"""The same at the top of a file."""


def notes(stack: Stack) -> Iterator[Note]:
    """What swarm would refuse or ignore."""
    version = str(stack.file.get("version") or "3")
    if version.partition(".")[0] != "3":
        yield Note(("version",), f'swarm refuses "{version}"', "leave it out, or write 3.8")
    yield from _refused((), stack.file, TOP)
    for service in wanted(stack):
        yield from _refused(service.where, service.definition, REFUSED)
        for key in service.definition.keys() & IGNORED.keys():
            yield Note((*service.where, key), "swarm ignores it", IGNORED[key], error=False)
        yield from _restart(service)
        yield from _deploy(service)
        yield from _addresses(service)
        yield from _mounts(service)


def _refused(where: Where, mapping: Mapping[str, Any], remedies: Mapping[str, str]) -> Iterator[Note]:
    for key in mapping.keys() & remedies.keys():
        yield Note((*where, key), "swarm refuses it", remedies[key])


def _restart(service: Wanted) -> Iterator[Note]:
    """`restart` means something after all, as long as there is no deploy.restart_policy."""
    if "restart" not in service.definition:
        return
    where = (*service.where, "restart")
    if "restart_policy" in service.deploy:
        yield Note(where, "swarm ignores it beside deploy.restart_policy", "leave it out", error=False)
    elif service.definition["restart"] in (False, "no"):
        remedy = "write deploy.restart_policy.condition: none"
        yield Note(where, "swarm takes it for nothing, and restarts always", remedy, error=False)


def _deploy(service: Wanted) -> Iterator[Note]:
    """What docker finds out only after it has made networks."""
    where = (*service.where, "deploy", "replicas")
    if service.everywhere and "replicas" in service.deploy:
        yield Note(where, f"swarm refuses it beside mode: {service.mode}", "leave it out")
    if service.mode not in ("replicated", "global", "replicated-job", "global-job"):
        remedy = "write replicated, global, replicated-job or global-job"
        yield Note((*service.where, "deploy", "mode"), f"swarm has no mode {service.mode}", remedy)
    if service.job:
        yield from _job(service)
    check = service.definition.get("healthcheck")
    if isinstance(check, dict) and check.get("disable") and "test" in check:
        yield Note(
            (*service.where, "healthcheck", "disable"), "swarm refuses it beside a test", "leave one of them out"
        )


def _job(service: Wanted) -> Iterator[Note]:
    """Swarmkit's validateJob looks at one of the two, and nothing at the other: manager/controlapi/service.go."""
    for key, said in (("update_config", "refuses"), ("rollback_config", "ignores")):
        if service.deploy.get(key) is not None:
            where = (*service.where, "deploy", key)
            yield Note(where, f"swarm {said} it of a job", "leave it out", error=said == "refuses")


def _addresses(service: Wanted) -> Iterator[Note]:
    networks = service.definition.get("networks")
    for name, options in networks.items() if isinstance(networks, dict) else ():
        for key in ("ipv4_address", "ipv6_address"):
            if isinstance(options, dict) and key in options:
                where = (*service.where, "networks", name, key)
                yield Note(where, "swarm ignores it", "use the service's name", error=False)


def _mounts(service: Wanted) -> Iterator[Note]:
    """Of a tmpfs docker's reader knows the size alone."""
    mounts = service.definition.get("volumes")
    for index, mount in enumerate(mounts if isinstance(mounts, list) else ()):
        options = mount.get("tmpfs") if isinstance(mount, dict) else None
        if isinstance(options, dict) and "mode" in options:
            where = (*service.where, "volumes", index, "tmpfs", "mode")
            yield Note(
                where, "swarm ignores it", "leave it out, and change it in the container: it is 1777", error=False
            )
