"""What is done to the state that a manager keeps in the directory `swarm` of its engine's data. Needs root there.

Every script runs on the node, in any sh, with the tools that are on any node: busybox's are enough.
"""

from __future__ import annotations

import base64
import shlex

from swarmops import raft
from swarmops.commands import Command
from swarmops.commands.swarm import init

COPY_SECONDS = 30
"""How long an engine may stand still for the copy; then it goes on, and there is no copy."""

PRELUDE = """set -eu
umask 077
[ "$(id -u)" = 0 ] || { echo 'this takes root' >&2; exit 1; }
root=$(docker info --format '{{.DockerRootDir}}')
[ -n "$root" ] || { echo 'the engine does not answer' >&2; exit 1; }
"""

# The engine stands still while its files are copied: they are then what a crash would leave, which Raft starts from
# again. Its containers run on. `*.tmp` is room that the log has reserved.
COPY = """pid=$(cat /run/docker.pid)
[ "$(cat "/proc/$pid/comm")" = dockerd ] || { echo '/run/docker.pid is not that of dockerd' >&2; exit 1; }
copy=$(mktemp -d "$root/swarmops-backup.XXXXXX")
trap 'kill -CONT "$pid"; rm -rf "$copy"' EXIT
trap 'exit 1' HUP INT TERM
kill -STOP "$pid"
timeout SECONDS cp -a "$root/swarm" "$copy/"
kill -CONT "$pid"
tar -C "$copy" -cf "$copy/state.tar" --exclude '*.tmp' swarm
gzip -1 "$copy/state.tar"
base64 "$copy/state.tar.gz"
"""

# Whoever sends something is to hear why it was not wanted, not that nobody has read it.
DRAIN = "trap 'cat >/dev/null' EXIT\n"

# All that can fail does so here, while the state that is there is whole.
STAGE = """command -v openssl >/dev/null || { echo 'there is no openssl' >&2; exit 1; }
new=$root/swarmops-restore
trap 'rm -rf "$new"; cat >/dev/null' EXIT
rm -rf "$new"
mkdir "$new"
gzip -dc >"$new/state.tar"
tar -C "$new" -xf "$new/state.tar"
rm "$new/state.tar"
echo MARK >"$new/swarm/swarmops-restoring"
trap - EXIT
"""

SWAP = """new=$root/swarmops-restore
[ -d "$new/swarm" ] || { echo "there is no $new" >&2; exit 1; }
rm -rf "$root/swarm"
mv "$new/swarm" "$root/swarm"
rmdir "$new"
"""

MARKED = """[ ! -f "$root/swarm/swarmops-restoring" ] || cat "$root/swarm/swarmops-restoring"
"""

UNMARK = """rm -f "$root/swarm/swarmops-restoring"
"""

# The last two of its files: a new one holds no entry at first.
LOG = """cd "$root/swarm/raft/wal-v3-encrypted"
for file in $(ls ./*.wal | sort | tail -n 2); do gzip -1c "$file" | base64 | tr -d '\\n'; echo; done
"""

# OpenSSL takes no key with the headers that the engine gives it. The answer is of no use here: facts tell.
READDRESS = """cd "$root/swarm/certificates"
command -v openssl >/dev/null || { echo 'there is no openssl' >&2; exit 1; }
key=$(mktemp /run/swarmops.XXXXXX)
trap 'rm -f "$key"' EXIT
sed '/^[a-z-]*:/d' swarm-node.key >"$key"
{ printf %s REQUEST | base64 -d; sleep 1; } | timeout 10 openssl s_client -quiet -no_ign_eof -alpn h2 \\
    -cert swarm-node.crt -key "$key" -CAfile swarm-root-ca.crt -verify_return_error -servername swarm-manager \\
    -connect ADDRESS >/dev/null 2>&1 || true
"""


def copy() -> Command:
    """Prints a consistent copy of the state: a tar, by gzip, in base64. The engine stands still meanwhile."""
    return _script(COPY.replace("SECONDS", str(COPY_SECONDS)), "a copy of the swarm's state")


def stage(packed: bytes, mark: str) -> Command:
    """Unpacks a copy, a tar by gzip, beside the state that is there, and leaves a mark in it."""
    return _script(STAGE.replace("MARK", shlex.quote(mark)), "the unpacking of the swarm's state", packed)


def swap() -> Command:
    """Puts what `stage` unpacked in the place of whatever state an engine has that is in no swarm."""
    return _script(SWAP, "the restoration of the swarm's state")


def marked() -> Command:
    """Prints the mark that `stage` has left in the state, if it is there."""
    return _script(MARKED, "a look at the swarm's state")


def unmark() -> Command:
    """Takes that mark away."""
    return _script(UNMARK, "the end of the restoration")


def alone(address: str) -> Command:
    """Makes a swarm of the state that is there, with this manager as the only one. Takes no address that differs from
    the state's: `readdress` changes that."""
    argv = init(address).argv
    return Command((*argv[:3], "--force-new-cluster", *argv[3:]))


def log() -> Command:
    """Prints the end of the manager's log, a file on each line, by gzip and in base64."""
    return _script(LOG, "a look at the manager's log")


def readdress(address: str) -> Command:
    """Has the only manager known by this address from now on: its own log still has the one that it was made with."""
    place = raft.place(address)
    request = base64.b64encode(raft.join_request(place)).decode()
    script = READDRESS.replace("REQUEST", request).replace("ADDRESS", shlex.quote(place))
    return _script(script, "the change of the manager's address")


def _script(text: str, shown: str, stdin: bytes | None = None) -> Command:
    return Command(("sh", "-c", (DRAIN if stdin else "") + PRELUDE + text), stdin, shown=shown)
