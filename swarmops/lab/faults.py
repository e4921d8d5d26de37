"""What is done to a lab's containers on purpose, and undone: what undoes may be repeated, and harms nobody.

Nothing here touches this machine: containers are killed and frozen by its engine, packets are dropped in a container's
own network namespace, and the file system that is full is one of some kilobytes in a container's memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from docker.api.client import APIClient

from swarmops.commands import Command
from swarmops.connect import Door
from swarmops.lab.containers import each
from swarmops.lab.engine import told

SCRIPT_SECONDS = 15.0

CUT = """
iptables -t mangle -I PREROUTING -i eth0 -j DROP
iptables -t mangle -I POSTROUTING -o eth0 -j DROP
"""
HEAL = """
while iptables -t mangle -D PREROUTING -i eth0 -j DROP 2>/dev/null; do :; done
while iptables -t mangle -D POSTROUTING -o eth0 -j DROP 2>/dev/null; do :; done
"""

# The engine notes every container that it makes in a directory of its own; a file system over that, and full, refuses
# new ones as a full disk does, and hides nothing of those that run.
DISK = "notes=/var/lib/docker/image/overlay2/layerdb/mounts; below=/run/swarmops-drill\n"
FILL = f"""{DISK}
mkdir -p $below
mount --bind $notes $below
mount -t tmpfs -o size=$(($(find $below | wc -l) * 4 + 128))k,mode=711 full $notes
cp -a $below/. $notes/ || {{ umount $notes; umount $below; exit 1; }}
touch $notes/.copied
cat /dev/zero >$notes/filler 2>/dev/null || true
"""
# Full to the end, so that nothing is noted while the notes are taken over. What is not there was removed meanwhile, but
# only where all had been copied.
FREE = f"""{DISK}
mountpoint -q $below || exit 0
if [ -e $notes/.copied ]; then
    for one in $below/*; do [ -s "$notes/${{one##*/}}/mount-id" ] || rm -rf "$one"; done
    for one in $notes/*; do [ ! -s "$one/mount-id" ] || cp -a "$one" $below/; done
fi
! mountpoint -q $notes || umount $notes
umount $below
"""
END = "docker ps -q --no-trunc --filter label=com.docker.swarm.task | xargs -r docker kill"


@dataclass(frozen=True)
class Target:
    """A node of the lab, or its registry or edge proxy, which have no door."""

    node: str
    container: str
    door: Door | None = None


def kill(engine: APIClient, targets: Iterable[Target]) -> None:
    """Ends all processes of containers at once, as a power cut does."""
    each(_names(targets), engine.kill)


def lose(engine: APIClient, targets: Iterable[Target]) -> None:
    """Removes nodes with all that they know: containers and volumes, which have the same names."""
    names = _names(targets)
    each(names, lambda name: engine.remove_container(name, force=True))
    each(names, engine.remove_volume)


def start(engine: APIClient, targets: Iterable[Target]) -> None:
    """Starts those containers that do not run."""
    each(_names(targets), engine.start)


def freeze(engine: APIClient, targets: Iterable[Target]) -> None:
    """Stops all processes of containers where they are: the network goes on, and nobody answers."""
    each(_names(targets), engine.pause)


def thaw(engine: APIClient, targets: Iterable[Target]) -> None:
    """Lets the processes of those containers go on that are frozen."""
    with told("containers to thaw"):
        frozen = [name for name in _names(targets) if engine.inspect_container(name)["State"]["Paused"]]
    each(frozen, engine.unpause)


def cut(_: APIClient, targets: Iterable[Target]) -> None:
    """Drops every packet from and to nodes, in their own network namespaces."""
    _on(targets, CUT)


def heal(_: APIClient, targets: Iterable[Target]) -> None:
    """Drops no packets any more."""
    _on(targets, HEAL)


def fill(_: APIClient, targets: Iterable[Target]) -> None:
    """Leaves engines no space for the notes on another container, and ends their tasks: swarm wants new ones then."""
    _on(targets, FILL + END)


def free(_: APIClient, targets: Iterable[Target]) -> None:
    """Gives the space back."""
    _on(targets, FREE)


def _names(targets: Iterable[Target]) -> list[str]:
    return [target.container for target in targets]


def _on(targets: Iterable[Target], script: str) -> None:
    for target in targets:
        if target.door:
            target.door.run(Command(("sh", "-ec", script)), timeout=SCRIPT_SECONDS)
